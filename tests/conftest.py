"""What every room's tests share."""

import math
import os
import runpy
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from mien.cli import main
from mien.data import audit, load
from mien.drift import Profile, Reference
from mien.drift.profile import Answers, Distribution
from mien.emotions import EMOTIONS
from mien.images import read_image
from mien.recognition import missing_models, shipped_models
from mien.records.sink import Header
from mien.values import Box, Detection, Face, FrameResult, Image, Landmarks, Measure, Prediction, Quality, VideoInfo
from mien.video import VideoWriter

ROOT = Path(__file__).parents[1]

BLURRED = Quality(75.5, ("blurred", "turned"), {"size": Measure(99.5, 110.25), "turned": Measure(40.0, 51.5)})


def each_model(*names: str) -> list[Any]:
    """The shipped models, or those of these names, to parametrise by; one whose package is missing is skipped."""
    missing = pytest.mark.skip(reason="its package is not installed, and this is no clone")
    absent = missing_models()
    chosen = names or sorted({*shipped_models(), *absent})
    return [pytest.param(name, marks=[missing] if name in absent else []) for name in chosen]


def each_network(names: Iterable[str]) -> list[Any]:
    """Architectures to parametrise by; a test of the large ones is slow, and the others show the same soon."""
    large = {"gelu-cnn", "gelu-cnn-without-norm", "rep-base", "rep-wide"}
    return [pytest.param(name, marks=[pytest.mark.slow] if name in large else []) for name in names]


# One thread, so that a test's time does not depend on what else the machine does.
cv2.setNumThreads(1)

# No example has to be made or to pass within a time, for the same reason. All else is as Hypothesis has it, on CI too.
settings.register_profile("mien", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mien")


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


@pytest.fixture
def unlike_in_16_bits(tmp_path: Path) -> Path:
    """A model file whose weights of what answers for people are too small for 16 bits; factors make up for it."""
    onnx = pytest.importorskip("onnx")
    proto = onnx.load(shipped_models()["mini-xception"])
    kernel = next(node.input[1] for node in proto.graph.node if "votes.bias" in node.input)
    times = {kernel: 1e-7, "votes.bias": 1e-7, "votes_factors": 1e7, "votes_cam_factors": 1e7}
    for tensor in proto.graph.initializer:
        if tensor.name in times:
            values = onnx.numpy_helper.to_array(tensor) * np.float32(times[tensor.name])
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    path = tmp_path / "unlike.onnx"
    onnx.save(proto, path)
    return path


@pytest.fixture(scope="module")
def media(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with what the documents name: a picture, a video that shows it for a second, folders of them, drawn
    faces, a data set of noise with its audit, and a model."""
    folder = tmp_path_factory.mktemp("media")
    for name in ("party.jpg", "other.jpg", "photos/1.jpg", "photos/2.jpg", "holiday/1.jpg", "scans/a/1.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(astronaut, folder / name)
    (folder / "list.csv").write_text("file\nother.jpg\n")
    image = np.asarray(cv2.resize(read_image(astronaut), (256, 256)), np.uint8)
    with VideoWriter(folder / "talk.mp4", rate=25) as writer:
        for index in range(25):
            writer.write(image, index / 25)
    (folder / "interviews").mkdir()
    for name in ("first.mp4", "second.mp4"):
        shutil.copy(folder / "talk.mp4", folder / "interviews" / name)
    runpy.run_path(str(ROOT / "examples" / "drawn_faces.py"))["main"](folder / "drawn")
    rows = ["emotion,pixels,Usage"]
    random = np.random.default_rng(0)
    for number, usage in product(range(7), ("Training", "Training", "PublicTest", "PrivateTest")):
        rows.append(f"{number},{' '.join(map(str, random.integers(0, 256, 48 * 48)))},{usage}")
    (folder / "fer2013.csv").write_text("\n".join(rows))
    for name in ("mini-xception.onnx", "first.onnx"):
        shutil.copy(shipped_models()["mini-xception"], folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        audit(load(folder / "fer2013.csv")).write_csv(folder / "audit.csv")
        yield folder


@pytest.fixture
def place(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of an example, with the media and this project's pictures and examples."""
    shutil.copytree(media, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("drawn"))
    (tmp_path / "drawn").symlink_to(media / "drawn")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "pictures").symlink_to(ROOT / "docs" / "pictures")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


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
def reference() -> Reference:
    """Of 1,000 faces as bright as all others are, from 0 to 1; every label leads as often."""
    tenths = tuple(tenth / 10 for tenth in range(1, 10))
    even = Distribution(tenths, tenths, 0.5)
    answers = Answers(EMOTIONS, (140,) * 7, (Distribution((0.5,), (0.5,), 0.5),) * 7)
    return Reference("even", Profile("fer2013", 1000, {"brightness": even}, {"people": answers}), "people")


@pytest.fixture(scope="session")
def make_picture() -> Callable[..., FrameResult]:
    """`make_picture(3, 0.2, "sad")`: picture number 3, of a face so bright, which probably shows that."""

    def make(number: int, brightness: float = 0.5, label: str = "happy", score: float | None = None) -> FrameResult:
        score = (0.4, 0.6)[number % 2] if score is None else score
        scores = np.array([(1 - score) / 6] * 7, np.float32)
        scores[EMOTIONS.index(label)] = score
        quality = Quality(80.0, (), {"brightness": Measure(90.0, brightness)})
        face = Face(Detection(Box(0, 0, 9, 9), 0.9), Prediction(EMOTIONS, scores), quality=quality)
        return FrameResult(source=f"{number}.jpg", width=9, height=9, faces=(face,))

    return make


@pytest.fixture(scope="session")
def make_person() -> Callable[..., Face]:
    """`make_person(3, happy=0.75)`: a face of a video; the rest of the probability is `label`'s, or else neutral's."""

    def make(
        track_id: int = 1, *, left: float = 10.5, label: str | None = None, interpolated: bool = False,
        quality: Quality | None = BLURRED, labels: tuple[str, ...] = EMOTIONS,
        uncertain: tuple[str, ...] = (), prediction_set: tuple[str, ...] | None = None, **shares: float,
    ) -> Face:  # fmt: skip
        scores = np.array([shares.get(name, 0.0) for name in labels], np.float32)
        scores[labels.index(label) if label else -1] += 1 - scores.sum()
        return Face(
            Detection(Box(left, 20.0, left + 100, 130.25), 0.875), Prediction(labels, scores), track_id=track_id,
            raw=Prediction(labels, scores[::-1].copy()), interpolated=interpolated,
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
