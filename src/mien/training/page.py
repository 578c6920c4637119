"""A run's page, made from the run's folder."""

from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from mien.data.dataset import FaceSet, resized
from mien.evaluation.evaluate import score
from mien.evaluation.metrics import calibration_bins
from mien.recognition import softmax
from mien.report.run_page import Measured, Mistake, RunPage, write_page
from mien.training.drawing import draw_layers
from mien.training.layers import layer_table
from mien.training.run import Run
from mien.training.trainee import fresh_network

NUM_MISTAKES: Final = 24
"""Faces shown of those that are confidently misclassified."""


def refresh_page(run: Run, faces: FaceSet, *, status: str) -> Path:
    """Write `page.html` into a run's folder, from the files that are there.

    Args:
        run: a training that has begun.
        faces: the data set it trains on, of any size.
        status: "running" or "finished".

    Raises:
        RecipeError: `run.json` is missing or damaged.
        OSError: the folder cannot be written.
    """
    about = run.description()
    recipe = about["recipe"]
    dropout_scale = recipe.get("dropout_scale", 1.0)
    drawing, layers = _drawn(recipe["architecture"], len(faces.classes), recipe["image_size"], dropout_scale)
    page = RunPage(
        title=f"{recipe['architecture']} on {about['data']['name']}",
        status=status,
        recipe=recipe,
        about={key: value for key, value in about.items() if key not in ("recipe", "classes")},
        epochs=run.epochs(),
        measured=_measured(run, faces, recipe["image_size"]),
        drawing=drawing,
        layers=layers,
        kept=[path.name for _, path in sorted(run.kept_models().items())],
    )
    write_page(page, run.page)
    return run.page


def _measured(run: Run, faces: FaceSet, image_size: int) -> Measured | None:
    """The scores of the model kept last, from its logits; None without them, or when they are of other faces."""
    if not run.validation.exists():
        return None
    with np.load(run.validation) as kept:
        logits, epoch = kept["logits"].astype(np.float32), int(kept["epoch"])
    split = faces.split("val")
    if logits.shape != (len(split), len(faces.classes)):
        return None
    scores = softmax(logits)
    bins = calibration_bins(split.labels, scores)
    return Measured(
        epoch=epoch,
        scorecard=score(split.labels, scores, faces.classes),
        bins=(bins[0].tolist(), bins[1].tolist(), bins[2].tolist()),
        mistakes=_surest_mistakes(split, scores, image_size),
    )


def _surest_mistakes(split: FaceSet, scores: np.ndarray, image_size: int) -> list[Mistake]:
    predicted = scores.argmax(axis=1)
    confidence = np.where(predicted == split.labels, -1.0, scores.max(axis=1))
    surest = [number for number in np.argsort(-confidence)[:NUM_MISTAKES] if confidence[number] >= 0]
    chosen = resized(split.select(np.array(surest, np.int64)), image_size)
    return [
        Mistake(
            face=chosen.faces[place],
            label=split.classes[split.labels[number]],
            predicted=split.classes[predicted[number]],
            confidence=float(confidence[number]),
            source=split.sources[number],
        )
        for place, number in enumerate(surest)
    ]


@cache
def _drawn(architecture: str, num_classes: int, image_size: int, dropout_scale: float) -> tuple[str, list[list[str]]]:
    """A network's drawing and its layers; made once, as a page is written again and again."""
    layers = layer_table(fresh_network(architecture, num_classes, image_size, dropout_scale), image_size)
    rows = [
        [layer.name, f"{layer.kind} {layer.detail}".strip(), "×".join(map(str, layer.shape)),
         f"{layer.num_parameters:,}", f"{layer.macs:,}"]
        for layer in layers
    ]  # fmt: skip
    return draw_layers(layers), rows
