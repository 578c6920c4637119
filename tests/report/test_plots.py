import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest

from mien.emotions import COLOURS, EMOTIONS
from mien.errors import InvalidInput, MissingExtra
from mien.report.plots import best_epoch, face_sheet, is_plot, plot_class_counts, plot_class_shares, plot_curves
from mien.values import Image

COUNTS = {
    "train": dict(zip(EMOTIONS, [399, 43, 409, 721, 483, 317, 496], strict=True)),
    "val": dict.fromkeys(EMOTIONS, 50),
}
Plot: TypeAlias = Callable[..., None]
PLOTS: list[Plot] = [plot_class_counts, plot_class_shares]


def read(path: Path) -> Image:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture[:, :, ::-1], np.uint8)


def area(image: Image, colour: tuple[int, int, int]) -> int:
    """How many pixels are of that colour, give or take a rounding."""
    return int((np.abs(image.astype(int) - colour).max(axis=2) <= 1).sum())


def test_bars_are_as_large_as_their_numbers(tmp_path: Path) -> None:
    plot_class_counts({"train": COUNTS["train"]}, tmp_path / "plot.png")
    image = read(tmp_path / "plot.png")

    areas = np.array([area(image, COLOURS[name]) for name in EMOTIONS])
    numbers = np.array(list(COUNTS["train"].values()))

    np.testing.assert_allclose(areas / areas.sum(), numbers / numbers.sum(), atol=0.01)


def test_shares_are_as_wide_as_their_numbers_in_each_split(tmp_path: Path) -> None:
    plot_class_shares(COUNTS, tmp_path / "plot.png")
    image = read(tmp_path / "plot.png")
    column_of_bars = image[: image.shape[0] * 3 // 4]

    train, val = COUNTS["train"], COUNTS["val"]
    expected = np.array([train[name] / sum(train.values()) + val[name] / sum(val.values()) for name in EMOTIONS]) / 2
    areas = np.array([area(column_of_bars, COLOURS[name]) for name in EMOTIONS])

    # Labels and white seams take some of each segment.
    np.testing.assert_allclose(areas / areas.sum(), expected, atol=0.02)


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_the_same_numbers_give_the_same_file(tmp_path: Path, plot: Plot, suffix: str) -> None:
    files = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for file in files:
        plot(COUNTS, file, title="fer2013.csv")

    first, second = (file.read_bytes() for file in files)
    assert first == second


@pytest.mark.parametrize("plot", PLOTS)
def test_a_split_without_faces_and_classes_of_ones_own_are_drawn(tmp_path: Path, plot: Plot) -> None:
    plot({"train": {"bored": 0, "keen": 0}, "new": {"bored": 3, "keen": 0}}, tmp_path / "new" / "plot.png")

    assert (tmp_path / "new" / "plot.png").is_file()


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("counts", [{}, {"train": {}}])
def test_nothing_to_draw_is_refused(tmp_path: Path, plot: Plot, counts: dict[str, dict[str, int]]) -> None:
    with pytest.raises(InvalidInput, match="at least one split with classes; got none"):
        plot(counts, tmp_path / "plot.png")


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_a_plot_is_known_from_other_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"plot{suffix}"
    plot_class_counts({"train": {"happy": 3, "sad": 1}}, path)
    assert is_plot(path)
    other = tmp_path / f"other{suffix}"
    for content in (b"", b"%PDF-1.4 of mine", b"<?xml version='1.0'?><svg/>", path.read_bytes()[:3]):
        other.write_bytes(content)
        assert not is_plot(other)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"plot\.bmp: plots are written as \.png, \.pdf or \.svg; got \.bmp"):
        plot_class_counts(COUNTS, tmp_path / "plot.bmp")


@pytest.mark.parametrize("plot", PLOTS)
def test_without_matplotlib_the_command_to_install_it_is_named(
    tmp_path: Path, plot: Plot, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None is Python's own way to say that a module cannot be imported.
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(MissingExtra, match=r"Drawing plots .* pip install .*\[plot\]'"):
        plot(COUNTS, tmp_path / "plot.png")

    assert list(tmp_path.iterdir()) == []


def test_a_sheet_shows_every_face_in_its_row() -> None:
    samples = {
        "happy": np.stack([np.full((48, 48), grey, np.uint8) for grey in (10, 60, 110)]),
        "sad": np.stack([np.full((48, 48), grey, np.uint8) for grey in (160, 210)]),
    }

    sheet = face_sheet(samples, side=96)

    places = {grey: np.argwhere((sheet == grey).all(axis=2)) for grey in (10, 60, 110, 160, 210)}
    extents = {grey: (*place.min(axis=0), *(np.ptp(place, axis=0) + 1)) for grey, place in places.items()}
    assert {grey: extent[2:] for grey, extent in extents.items()} == dict.fromkeys(places, (96, 96))
    assert extents[10][0] == extents[60][0] == extents[110][0] < extents[160][0] == extents[210][0]
    assert extents[10][1] == extents[160][1] < extents[60][1] == extents[210][1] < extents[110][1]
    assert area(sheet[: len(sheet) // 2], COLOURS["happy"]) > area(sheet[len(sheet) // 2 :], COLOURS["happy"])


def test_a_sheet_of_classes_without_faces_is_drawn() -> None:
    empty = np.empty((0, 48, 48), np.uint8)

    assert face_sheet({"happy": empty}, side=20).ndim == 3
    with pytest.raises(InvalidInput, match="at least one class"):
        face_sheet({})


def rows(epochs: int, *, best: int = 1, plain: bool = False) -> list[dict[str, Any]]:
    """A run whose loss is lowest at one epoch, and whose accuracy is highest at the last."""
    return [
        {
            "epoch": epoch,
            "learning_rate": 0.1,
            "train_loss": 2 / epoch,
            "train_accuracy": 0.5,
            "val_loss": 0.5 if epoch == best else 1.5,
            "val_accuracy": 0.7 if epoch == epochs else 0.61 if epoch == best else 0.5,
            "seconds": 1.0,
            "kept": None,
        }
        | ({"plain_train_loss": 1 / epoch, "plain_train_accuracy": 0.9} if plain else {})
        for epoch in range(1, epochs + 1)
    ]


def as_text(runs: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> str:
    """An SVG with its letters as comments, as matplotlib writes it."""
    plot_curves(runs, path)
    return path.read_text(encoding="utf-8")


def test_the_best_epoch_is_that_of_the_lowest_loss_whose_model_is_kept(tmp_path: Path) -> None:
    drawn = as_text({"small": rows(9, best=4), "large": rows(5, best=5)}, tmp_path / "curves.svg")

    assert "<!-- small: best 61.00%, epoch 4 -->" in drawn
    assert "<!-- large: best 70.00%, epoch 5 -->" in drawn
    assert best_epoch(rows(9, best=4))["epoch"] == 4


def test_training_is_dashed_and_validation_solid(tmp_path: Path) -> None:
    drawn = as_text({"run": rows(9)}, tmp_path / "curves.svg")

    lines = re.findall(r'style="fill: none; (stroke-dasharray)?[^"]*stroke: #0072b2; [^"]*"', drawn)
    # One of each in each of two panels; and the legend shows the run's own line, which is solid, too.
    assert [bool(dashed) for dashed in lines].count(True) == 2
    assert [bool(dashed) for dashed in lines].count(False) >= 3


def test_the_curve_of_training_faces_as_they_are_is_preferred(tmp_path: Path) -> None:
    old, new = (as_text({"run": rows(9, plain=plain)}, tmp_path / "curves.svg") for plain in (False, True))

    # Only the curve of faces as they are comes near 90 %, so only its axis does.
    assert ("<!-- 90% -->" in old, "<!-- 90% -->" in new) == (False, True)


def test_a_run_that_lacks_that_curve_in_one_epoch_shows_the_other_throughout(tmp_path: Path) -> None:
    mixed = [*rows(9)[:4], *rows(9, plain=True)[4:]]

    assert as_text({"run": mixed}, tmp_path / "a.svg") == as_text({"run": rows(9)}, tmp_path / "b.svg")


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_one_epoch_and_many_runs_are_drawn_the_same_each_time(tmp_path: Path, suffix: str) -> None:
    files = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for file in files:
        plot_curves({f"run {number}": rows(1 + number % 3) for number in range(11)}, file, title="eleven")

    first, second = (file.read_bytes() for file in files)
    assert first == second


def test_a_run_without_an_epoch_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="runs/new has no finished epoch yet"):
        plot_curves({"runs/old": rows(3), "runs/new": []}, tmp_path / "curves.png")
    with pytest.raises(InvalidInput, match="at least one run; got none"):
        plot_curves({}, tmp_path / "curves.png")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_command_to_install_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # None is Python's own way to say that a module cannot be imported.
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(MissingExtra, match=r"Drawing plots .* pip install .*\[plot\]'"):
        plot_curves({"run": rows(2)}, tmp_path / "curves.png")
