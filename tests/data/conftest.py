"""Data sets made of noise, small enough to write in a moment."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.data import FaceSet
from mien.emotions import EMOTIONS
from mien.values import GreyFaces


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, so that none sees what another kept, nor the user's."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MIEN_CACHE", str(folder))
    return folder


class Row(NamedTuple):
    emotion: str
    pixels: str
    usage: str


@pytest.fixture
def noise() -> Callable[..., GreyFaces]:
    """`noise(5)`: five different faces of white noise, (5, 48, 48) uint8."""

    def make(count: int, side: int = 48, seed: int = 0) -> GreyFaces:
        return np.random.default_rng(seed).integers(0, 256, (count, side, side)).astype(np.uint8)

    return make


@pytest.fixture
def clouds() -> Callable[..., GreyFaces]:
    """`clouds(5)`: five pictures with the spectrum of photographs, (5, 48, 48) uint8."""

    def make(count: int, side: int = 48, seed: int = 0) -> GreyFaces:
        rough = np.random.default_rng(seed).standard_normal((count, side, side))
        frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
        frequency[0, 0] = 1
        smooth = np.fft.ifft2(np.fft.fft2(rough) / frequency).real
        smooth -= smooth.mean(axis=(1, 2), keepdims=True)
        grey = 128 + 50 * smooth / smooth.std(axis=(1, 2), keepdims=True)
        return np.asarray(np.clip(grey, 0, 255), np.uint8)

    return make


@pytest.fixture
def rows(noise: Callable[..., GreyFaces]) -> Callable[[int], list[Row]]:
    """`rows(9)`: nine good rows, through all emotions, the last in PublicTest."""

    def make(count: int) -> list[Row]:
        return [
            Row(
                str(place % len(EMOTIONS)),
                " ".join(map(str, face.ravel())),
                "PublicTest" if place == count - 1 else "Training",
            )
            for place, face in enumerate(noise(count))
        ]

    return make


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[..., Path]:
    """`write_table(rows)`: a fer2013.csv of those rows."""

    def write(rows: Sequence[Row], name: str = "fer2013.csv", end: str = "\n") -> Path:
        path = tmp_path / name
        lines = ["emotion,pixels,Usage", *(",".join(row) for row in rows)]
        path.write_bytes((end.join(lines) + end).encode())
        return path

    return write


@pytest.fixture
def write_pictures(tmp_path: Path) -> Callable[..., Path]:
    """`write_pictures({"train/happy/1.png": pixels})`: a folder of pictures."""

    def write(pictures: dict[str, NDArray[np.uint8]], name: str = "set") -> Path:
        root = tmp_path / name
        for source, pixels in pictures.items():
            path = root / source
            path.parent.mkdir(parents=True, exist_ok=True)
            content = cv2.imencode(path.suffix, pixels)[1].tobytes()
            path.write_bytes(content)
        return root

    return write


@pytest.fixture
def face_set() -> Callable[..., FaceSet]:
    """`face_set(faces, labels, splits)`: with sources table.csv:2, :3 and so on."""

    def make(
        faces: GreyFaces,
        labels: Sequence[int] | None = None,
        splits: Sequence[str] | None = None,
        votes: NDArray[np.uint8] | None = None,
    ) -> FaceSet:
        count = len(faces)
        return FaceSet(
            name="table.csv",
            faces=faces,
            classes=EMOTIONS,
            labels=np.array([0] * count if labels is None else labels, np.int64),
            splits=np.array(["train"] * count if splits is None else splits, np.str_),
            sources=[f"table.csv:{line}" for line in range(2, count + 2)],
            votes=votes,
        )

    return make
