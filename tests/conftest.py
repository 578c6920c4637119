"""What every room's tests share."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.cli import main
from mien.emotions import EMOTIONS
from mien.images import read_image
from mien.records.sink import Header
from mien.values import Box, Detection, Face, FrameResult, Image, Landmarks, Measure, Prediction, Quality, VideoInfo
from mien.video import VideoWriter

ROOT = Path(__file__).parents[1]

BLURRED = Quality(75.5, ("blurred", "turned"), {"size": Measure(99.5, 110.25), "turned": Measure(40.0, 51.5)})

# One thread, so that a test's time does not depend on what else the machine does.
cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def astronaut() -> Path:
    """NASA's portrait of Eileen Collins, in the public domain: one face, smiling."""
    return ROOT / "docs" / "pictures" / "astronaut.jpg"


@pytest.fixture(scope="session")
def portrait(astronaut: Path) -> Image:
    """Her face alone, of 200×200 pixels."""
    return read_image(astronaut)[20:220, 120:320]


@pytest.fixture(scope="session")
def clip(portrait: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 640×360 at 20 frames a second: a second of a grey wall, then one of a face that moves a little."""
    pytest.importorskip("av")
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, rate=20) as writer:
        for index in range(40):
            image = np.full((360, 640, 3), 90, np.uint8)
            if index >= 20:
                left = 100 + 2 * index
                image[80:280, left : left + 200] = portrait
            writer.write(image, index / 20)
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    """Data that is not part of the project: `$MIEN_TEST_SHARED`, or the folder `shared` beside the checkout."""
    folder = Path(os.environ.get("MIEN_TEST_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs test data in {folder}, which is not here")
    return folder


@pytest.fixture(scope="session")
def yunet_model(shared: Path) -> Path:
    """YuNet's model file."""
    path = shared / "detectors" / "face_detection_yunet_2023mar.onnx"
    if not path.is_file():
        pytest.skip(f"needs {path}, which is not here")
    return path


class Done(NamedTuple):
    """What a command left: its exit status and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def run_mien(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """`run_mien("analyze", path)`: in this process, with everything that `main` does around a verb."""

    def run(*words: object) -> Done:
        monkeypatch.setattr("sys.argv", ["mien", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "1000")  # long paths break no line
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        return Done(status, *capsys.readouterr())

    return run


class Brightness:
    """A fake of two classes that remembers how many faces came at once."""

    labels = ("dark", "bright")
    input_size = 4

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(faces))
        bright = faces.reshape(len(faces), 16).mean(axis=1, dtype=np.float32) / 255
        return np.stack([1 - bright, bright], axis=1)


@pytest.fixture
def brightness() -> Brightness:
    """A fake classifier: how dark and how bright a face is."""
    return Brightness()


@pytest.fixture
def make_face() -> Callable[..., Face]:
    """`make_face(10, 20, side=50, happy=0.9)`: the rest of the probability is neutral's."""

    def make(
        left: float, top: float, side: float = 50, *, score: float = 0.7, landmarks: Landmarks | None = None,
        **shares: float,
    ) -> Face:  # fmt: skip
        scores = np.array([shares.get(name, 0.0) for name in EMOTIONS], np.float32)
        scores[EMOTIONS.index("neutral")] += 1 - scores.sum()
        box = Box(left, top, left + side, top + side)
        return Face(Detection(box, score, landmarks), Prediction(EMOTIONS, scores))

    return make


@pytest.fixture(scope="session")
def header() -> Header:
    """How results were made, with settings that JSON cannot hold as they are."""
    return Header(
        model="mini-xception", detector="yunet", labels=EMOTIONS, detector_options={"min_face": 40},
        settings={"every": 1, "smoothing": 0.5, "model_file": Path("a") / "b.onnx", "window": (0.5, math.nan)},
    )  # fmt: skip


@pytest.fixture(scope="session")
def make_person() -> Callable[..., Face]:
    """`make_person(3, happy=0.75)`: a face of a video; the rest of the probability is neutral's."""

    def make(
        track_id: int = 1, *, left: float = 10.5, label: str | None = None, interpolated: bool = False,
        quality: Quality | None = BLURRED, labels: tuple[str, ...] = EMOTIONS,
        uncertain: tuple[str, ...] = (), prediction_set: tuple[str, ...] | None = None, **shares: float,
    ) -> Face:  # fmt: skip
        scores = np.array([shares.get(name, 0.0) for name in labels], np.float32)
        scores[-1] += 1 - scores.sum()
        smooth = Prediction(labels, scores)
        return Face(
            Detection(Box(left, 20.0, left + 100, 130.25), 0.875), smooth, track_id=track_id,
            raw=Prediction(labels, scores[::-1].copy()), leading=label or smooth.label, interpolated=interpolated,
            quality=quality, uncertain=uncertain, prediction_set=prediction_set,
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def make_frame() -> Callable[..., FrameResult]:
    """`make_frame(7, face)`: frame 7 of a video of 640×360 at 25 frames a second."""

    def make(index: int, *faces: Face, **fields: Any) -> FrameResult:
        given: dict[str, Any] = {
            "source": "talk.mp4",
            "time": index / 25,
            "width": 640,
            "height": 360,
            "video": VideoInfo(25.0),
        }
        return FrameResult(**given | {"video": VideoInfo(25.0)} | fields | {"index": index, "faces": faces})

    return make
