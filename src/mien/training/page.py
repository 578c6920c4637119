"""A run's page, from the run's folder."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from mien.data.dataset import FaceSet, resized
from mien.evaluation.evaluate import score
from mien.evaluation.metrics import calibration_bins
from mien.recognition import softmax
from mien.report.run_page import Measured, Mistake, RunPage, write_page
from mien.training.drawing import draw_network
from mien.training.layers import layer_table
from mien.training.run import Run
from mien.training.trainee import fresh_network

NUM_MISTAKES: Final = 24


def refresh_page(run: Run, faces: FaceSet, *, status: str) -> Path:
    """Write `page.html` into a run's folder, from what is there.

    Args:
        run: begun.
        faces: what it trains on, of any size.
        status: "running", "finished".

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
    """From the logits that were kept with the last model; None without them, or when they are of other faces."""
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
        figures=_plain(score(split.labels, scores, faces.classes)),
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


def _plain(card: Any) -> dict[str, Any]:
    return {name: getattr(card, name) for name in card.__slots__}


@cache
def _drawn(architecture: str, num_classes: int, image_size: int, dropout_scale: float) -> tuple[str, list[list[str]]]:
    """A network's drawing and its layers; made once, as a page is written again and again."""
    network = fresh_network(architecture, num_classes, image_size, dropout_scale)
    rows = [
        [layer.name, f"{layer.kind} {layer.detail}".strip(), "×".join(map(str, layer.shape)),
         f"{layer.num_parameters:,}", f"{layer.macs:,}"]
        for layer in layer_table(network, image_size)
    ]  # fmt: skip
    return draw_network(network, image_size), rows
