from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.analyzer import Analyzer
from mien.images import read_image, write_image
from mien.jobs.hiding import Hiding
from mien.jobs.pictures import analyze_picture
from mien.jobs.sources import Source
from mien.values import Box, Detection, Failure, FrameResult, Image


def everywhere(image: Image) -> list[Detection]:
    """A fake that takes every picture for a face."""
    return [Detection(Box(0, 0, image.shape[1], image.shape[0]), 1.0)]


HIDING = Hiding("pixelate", lambda image, thorough: [])
"""Hides the faces of the rows alone."""


class Kept:
    """A sink that keeps what it is given."""

    wants_images = True

    def __init__(self, error: Exception | None = None) -> None:
        self.results: list[FrameResult | Failure] = []
        self._error = error

    def write(self, result: FrameResult | Failure) -> None:
        if self._error:
            raise self._error
        self.results.append(result)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A grey picture, three times as wide as high."""
    write_image(tmp_path / "grey.png", np.full((8, 24, 3), 102, np.uint8))
    return Source("grey.png", tmp_path / "grey.png", Path("grey.png"))


def test_the_result_is_without_its_image_and_what_sinks_are_given_with_it(source: Source, brightness: Any) -> None:
    sink = Kept()
    result = analyze_picture(source, Analyzer(brightness, everywhere), sinks=[sink])
    assert isinstance(result, FrameResult)
    assert (result.source, result.width, result.height, result.index, result.image) == ("grey.png", 24, 8, 0, None)
    assert result.faces[0].scores["bright"] == pytest.approx(102 / 255, abs=0.01)
    (given,) = sink.results
    assert isinstance(given, FrameResult)
    assert given.image is not None
    assert replace(given, image=None) == result


def test_faces_are_hidden_from_the_sinks_alone(source: Source, brightness: Any) -> None:
    assert source.path
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    write_image(source.path, noise)
    sink = Kept()
    plain = analyze_picture(source, Analyzer(brightness, everywhere))
    assert analyze_picture(source, Analyzer(brightness, everywhere), sinks=[sink], hide=HIDING) == plain
    (given,) = sink.results
    assert isinstance(given, FrameResult)
    assert given.image is not None
    assert np.abs(np.diff(given.image.astype(int), axis=1)).mean() < 0.3 * np.abs(np.diff(noise.astype(int))).mean()


def test_faces_are_hidden_in_portraits_too(source: Source, brightness: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    plain, hidden = (
        analyze_picture(source, Analyzer(brightness, everywhere), image=noise, hide=hide, portraits=True)
        for hide in (None, HIDING)
    )
    assert isinstance(plain, FrameResult)
    assert isinstance(hidden, FrameResult)
    assert hidden.faces == plain.faces
    before, after = (read_image(result.portraits[0]) for result in (plain, hidden))
    assert after.std() < 0.5 * before.std()


@pytest.mark.parametrize(
    ("error", "message"),
    [(MemoryError(), "not enough memory"), (cv2.error("a fault of OpenCV"), "a fault of OpenCV")],
    ids=lambda value: type(value).__name__,
)
def test_what_breaks_while_it_is_analysed_is_a_failure(
    source: Source, brightness: Any, error: Exception, message: str
) -> None:
    def breaking(image: Image) -> list[Detection]:
        raise error

    failure = analyze_picture(source, Analyzer(brightness, breaking))
    assert isinstance(failure, Failure)
    assert failure.source == "grey.png"
    assert message in failure.error


@pytest.mark.parametrize(
    ("fault", "message"),
    [("missing", "is not there"), ("broken", "no picture"), ("error", "said before"), ("folder", "is a folder")],
)
def test_what_cannot_be_read_is_a_failure(
    source: Source, tmp_path: Path, brightness: Any, fault: str, message: str
) -> None:
    assert source.path
    if fault == "missing":
        source.path.unlink()
    if fault == "broken":
        source.path.write_bytes(b"no picture at all")
    if fault == "error":
        source = replace(source, error="said before")
    if fault == "folder":
        source = replace(source, path=tmp_path)
    sink = Kept()
    failure = analyze_picture(source, Analyzer(brightness, everywhere), sinks=[sink])
    assert isinstance(failure, Failure)
    assert message in failure.error
    assert sink.results == []


def test_a_drawing_that_cannot_be_written_leaves_the_faces(source: Source, brightness: Any) -> None:
    sinks = [Kept(PermissionError(13, "Permission denied", "out/grey.png"))]
    result = analyze_picture(source, Analyzer(brightness, everywhere), sinks=sinks)
    assert isinstance(result, FrameResult)
    assert len(result.faces) == 1
    assert result.error == "its drawing could not be written: out/grey.png: Permission denied"


def test_a_drawing_that_lacks_memory_or_breaks_leaves_the_faces(source: Source, brightness: Any) -> None:
    for error, message in [(MemoryError(), "not enough memory"), (cv2.error("of OpenCV"), "error: of OpenCV")]:
        kept = Kept()
        result = analyze_picture(source, Analyzer(brightness, everywhere), sinks=[Kept(error), kept])
        assert isinstance(result, FrameResult)
        assert len(result.faces) == 1
        assert result.error == f"its drawing could not be written: {message}"
        assert len(kept.results) == 1


def test_a_picture_whose_faces_cannot_be_hidden_is_never_shown(source: Source, brightness: Any) -> None:
    def breaking(image: Image, *, thorough: bool) -> list[Box]:
        raise cv2.error("a fault of OpenCV")

    sink = Kept()
    hide = Hiding("blur", breaking)
    result = analyze_picture(source, Analyzer(brightness, everywhere), sinks=[sink], hide=hide, portraits=True)
    assert result == Failure("grey.png", "it cannot be analysed: error: a fault of OpenCV")
    assert sink.results == []
