"""Measuring any classifier on labelled faces."""

from mien.evaluation.evaluate import Scorecard, class_indices, evaluate, load_for, score
from mien.evaluation.groups import GroupReport, score_groups
from mien.evaluation.light import LightReport, score_light
from mien.evaluation.metrics import fit_vector_scaling

__all__ = [
    "GroupReport", "LightReport", "Scorecard", "class_indices", "evaluate", "fit_vector_scaling", "load_for",
    "score", "score_groups", "score_light",
]  # fmt: skip
