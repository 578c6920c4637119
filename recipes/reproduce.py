"""Check what mien says of its models: train one network anew, and score every shipped file.

    make reproduce DATA=fer2013.csv         # or: python recipes/reproduce.py --data fer2013.csv

mini-xception is trained by its own recipe with its seed, cut to four epochs, on one thread: as long as a core should
have to work for a check. Its accuracy on PublicTest has to be the one in benchmarks/results/reproduce.json, within
`TOLERANCE`, as another processor rounds differently and a training magnifies it. What it takes to get to the shipped
weights stands at the head of each recipe, in hours.

Then every shipped model is scored on all of PublicTest, and every figure is compared with benchmarks/results: what is
counted, as accuracy, recall and the table of confusions, has to be the same to the last face, all else to `ROUNDING`.

Takes: 3.4 minutes of one core of an AMD EPYC with AVX-512, and one more to score. It needs FER+'s fer2013new.csv beside
the data. Ends in one JSON line, and with status 1 if a figure differs. `--write` makes this training the expected one.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import torch

from mien.data import FaceSet, load
from mien.evaluation import evaluate
from mien.files import replacing
from mien.recognition import load_classifier, missing_models, shipped_models
from mien.training import Epoch, read_recipe, train
from mien.training.recipe import overridden

RESULTS: Final = Path(__file__).parents[1] / "benchmarks" / "results"
EXPECTED: Final = RESULTS / "reproduce.json"

RECIPE: Final = "mini-xception"
EPOCHS: Final = 4
SPLIT: Final = "PublicTest"

TOLERANCE: Final = 0.02
"""How far the accuracy of the new training may be from the expected one; its standard error alone is .008."""

ROUNDING: Final = 2e-3
"""How far a figure may be that follows from probabilities, whose last digits differ from processor to processor."""

COUNTED: Final = ("accuracy", "recall", "precision", "f1", "macro_f1", "mean_recall", "confusion", "num_faces")
"""Figures that follow from the labels alone."""

ABOUT: Final = ("model", "data", "explanations", "left_out", "num_parameters", "trained_by", "mien", "flip", "views")
"""Entries of a result that are no figures."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, with fer2013new.csv beside it")
    parser.add_argument("--write", action="store_true", help="write what is found as what is expected from now on")
    options = parser.parse_args()
    faces = load(options.data)
    trained, scored = retrained(faces), {name: differences_of(name, faces) for name in shipped_models()}
    expected = trained if options.write else json.loads(EXPECTED.read_text(encoding="utf-8"))["trained"]
    found_again = abs(trained["accuracy"] - expected["accuracy"]) <= TOLERANCE
    result = {
        "check": "reproduce",
        "trained": trained | {"expected": expected["accuracy"], "tolerance": TOLERANCE, "found_again": found_again},
        "shipped": {name: {"figures": num, "differ": differ} for name, (num, differ) in scored.items()},
        "missing": list(missing_models()),
    }
    if options.write:
        with replacing(EXPECTED) as partial:
            partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))
    sys.exit(0 if found_again and not any(differ for _, differ in scored.values()) else 1)


def retrained(faces: FaceSet) -> dict[str, Any]:
    """A short training by the recipe, and the accuracy of its last epoch on the validation faces."""
    torch.set_num_threads(1)
    recipe = overridden(read_recipe(RECIPE), [f"epochs={EPOCHS}"])
    start, last = time.process_time(), None
    with tempfile.TemporaryDirectory() as folder:
        for event in train(recipe, faces, Path(folder), device=torch.device("cpu")):
            if isinstance(event, Epoch):
                last = event
                tell(f"{RECIPE}, epoch {event.epoch} of {EPOCHS}: {event.val_accuracy:.1%} of {SPLIT}")
    assert last is not None
    return {
        "recipe": RECIPE, "epochs": EPOCHS, "seed": recipe.seed, "accuracy": last.val_accuracy,
        "core_minutes": round((time.process_time() - start) / 60, 1), "torch": torch.__version__,
        "processor": torch.backends.cpu.get_cpu_capability(),
    }  # fmt: skip


def differences_of(name: str, faces: FaceSet) -> tuple[int, list[str]]:
    """How many figures of a shipped model were compared, and those that differ from the committed ones."""
    compared: list[tuple[str, Any, Any]] = []
    for file, views in ((name, 1), (f"{name}-flip", 2)):
        committed = json.loads((RESULTS / f"{file}.json").read_text(encoding="utf-8"))
        found = json.loads(json.dumps(evaluate(load_classifier(name), faces, SPLIT, views=views)))
        tell(f"{file}: {found['accuracy']:.2%} of {found['num_faces']:,} faces, committed {committed['accuracy']:.2%}")
        compared += pairs({key: value for key, value in committed.items() if key not in ABOUT}, found, file)
    return len(compared), [f"{where}: {was} became {now}" for where, was, now in compared if differs(where, was, now)]


def pairs(before: Any, now: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each value of a committed result, named by its place, beside the one that takes its place."""
    if isinstance(before, dict):
        for key, value in before.items():
            yield from pairs(value, now.get(key) if isinstance(now, dict) else None, f"{where}.{key}".lstrip("."))
    elif isinstance(before, list):
        after = now if isinstance(now, list) and len(now) == len(before) else [None] * len(before)
        for number, (value, other) in enumerate(zip(before, after, strict=True)):
            yield from pairs(value, other, f"{where}.{number}")
    else:
        yield where, before, now


def differs(where: str, before: Any, now: Any) -> bool:
    """Whether a value is another one, by more than its kind may."""
    if isinstance(before, bool) or not isinstance(before, int | float) or not isinstance(now, int | float):
        return bool(before != now)
    counted = any(part in COUNTED for part in where.split("."))
    return abs(before - now) > (1e-9 if counted else ROUNDING)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
