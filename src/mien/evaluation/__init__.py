"""Measuring any classifier on labelled faces."""

from mien.evaluation.evaluate import Scorecard, class_indices, evaluate, load_for, predict_scores, score
from mien.evaluation.metrics import fit_vector_scaling

__all__ = ["Scorecard", "class_indices", "evaluate", "fit_vector_scaling", "load_for", "predict_scores", "score"]
