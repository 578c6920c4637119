import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

import mien
from mien.errors import InvalidInput, MienError
from mien.images import write_image
from mien.values import Box, Crop, Detection, Image
from tests.conftest import Brightness


def quarters(image: Image) -> list[Detection]:
    """A fake that finds a face in the upper left quarter of every picture wider than 10 pixels."""
    return [Detection(Box(0, 0, 10, 10), 1.0)] if image.shape[1] > 10 else []


def grey(value: int, width: int = 20) -> Image:
    return np.full((20, width, 3), value, np.uint8)


def test_faces_of_several_pictures_go_through_the_network_together(brightness: Any) -> None:
    results = mien.Analyzer(brightness, quarters).analyze([grey(0), grey(255, width=5), grey(255)])
    assert [[face.label for face in faces] for faces in results] == [["dark"], [], ["bright"]]
    assert brightness.batches == [2]


def test_pictures_may_come_from_a_generator(brightness: Any) -> None:
    """Fault 64: they were counted after they had been read, and ended in a ValueError of zip."""
    analyzer = mien.Analyzer(brightness, quarters)
    images = [grey(30), grey(200)]
    faces = analyzer.analyze(each for each in images)
    assert [[face.label for face in each] for each in faces] == [
        [face.label for face in each] for each in analyzer.analyze(images)
    ]


def test_no_pictures_and_no_faces(brightness: Any) -> None:
    analyzer = mien.Analyzer(brightness, quarters)
    assert analyzer.analyze([]) == []
    assert analyzer(grey(0, width=5)) == []


def test_the_region_decides_what_the_network_sees(brightness: Any) -> None:
    image = grey(0)
    image[:, 10:] = 255

    def right_half(image: Image) -> list[Detection]:
        return [Detection(Box(0, 0, 10, 10), 1.0, crop=Crop(15, 5, 10))]

    assert mien.Analyzer(brightness, right_half)(image)[0].label == "bright"


def test_every_face_of_a_picture_has_its_own_quality(brightness: Any) -> None:
    def halves(image: Image) -> list[Detection]:
        return [Detection(Box(0, 0, 60, 60), 1.0), Detection(Box(60, 0, 120, 60), 1.0)]

    image = np.zeros((60, 120, 3), np.uint8)
    image[:, 60:] = np.random.default_rng(0).integers(0, 256, (60, 60, 1))
    black, noisy = mien.Analyzer(brightness, halves)(image)
    assert black.quality is not None
    assert noisy.quality is not None
    assert (black.quality.score, black.quality.reasons) == (0, ("blurred", "dark"))
    assert noisy.quality.score > 50


def test_one_instance_serves_many_threads(brightness: Any) -> None:
    analyzer = mien.Analyzer(brightness, quarters)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda value: analyzer(grey(value))[0].scores["bright"], range(200)))
    np.testing.assert_allclose(results, np.arange(200) / 255, atol=1e-6)


@pytest.mark.parametrize("picture", [np.zeros((5, 5, 3)), 3, None])
def test_what_is_no_picture_is_refused(brightness: Any, picture: Image) -> None:
    with pytest.raises(InvalidInput, match="a picture is"):
        mien.Analyzer(brightness, quarters)(picture)


@pytest.mark.parametrize("names", [{"model": "unheard-of"}, {"detector": "unheard-of"}])
def test_unknown_names_are_refused(names: dict[str, Any]) -> None:
    with pytest.raises(MienError, match="unheard-of"):
        mien.Analyzer(**names)


def test_the_astronaut_smiles() -> None:
    picture = Path(__file__).parents[1] / "docs" / "pictures" / "astronaut.jpg"
    (face,) = mien.Analyzer()(picture)
    assert face.label == "happy"
    assert sum(face.scores.values()) == pytest.approx(1, abs=1e-5)
    assert face.box.overlap(Box(170, 65, 280, 175)) > 0.5


def test_the_file_of_yunet_can_be_named(tmp_path: Path) -> None:
    with pytest.raises(MienError, match=r"elsewhere\.onnx.*mien models fetch yunet"):
        mien.Analyzer(detector="yunet", model_file=tmp_path / "elsewhere.onnx")


def test_a_picture_may_come_in_any_form(brightness: Any, tmp_path: Path) -> None:
    """Fault 40."""
    image = np.full((20, 30, 3), 90, np.uint8)
    path = tmp_path / "grey.png"
    write_image(path, image)
    analyzer = mien.Analyzer(brightness, quarters)
    with path.open("rb") as file, Pillow.open(path) as pillow:
        forms: list[Any] = [str(path), path, path.read_bytes(), file, BytesIO(path.read_bytes()), pillow]
        forms += [pillow.convert("L"), image, image[..., 0], image[..., :1], np.dstack([image, image[..., :1] + 165])]
        scores = [analyzer(form)[0].scores["bright"] for form in forms]
    assert scores == pytest.approx([90 / 255] * len(forms), abs=1e-4)


@pytest.mark.parametrize("picture", [np.zeros((5, 5, 3)), np.zeros((5, 5, 3), np.uint16)])
def test_the_advice_of_a_refused_array_makes_a_picture_of_it(brightness: Any, picture: NDArray[Any]) -> None:
    """Fault 40."""
    with pytest.raises(InvalidInput, match="Convert it with: ") as caught:
        mien.Analyzer(brightness, quarters)(picture)
    image = eval(str(caught.value).partition("Convert it with: ")[2], {"image": picture, "numpy": np, "np": np})
    assert mien.Analyzer(brightness, quarters)(image) == []


def test_a_picture_on_the_network_is_not_fetched(brightness: Any) -> None:
    """Fault 33."""
    with pytest.raises(MienError, match=r"https://example\.org/a\.jpg: pictures are not fetched from the network"):
        mien.Analyzer(brightness, quarters)("https://example.org/a.jpg")


def test_options_go_to_the_detector() -> None:
    assert mien.Analyzer(min_face=40).detector.min_face == 40  # type: ignore[attr-defined] # Haar has it
    with pytest.raises(InvalidInput, match="min_face"):
        mien.Analyzer(min_face=-3)
    with pytest.raises(InvalidInput, match="give them to the detector itself"):
        mien.Analyzer(detector=quarters, min_face=40)


@pytest.mark.parametrize(("wrong", "message"), [({"model": 3}, "a model is"), ({"detector": 3}, "a detector is")])
def test_what_is_no_model_and_no_detector_is_refused_at_once(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        mien.Analyzer(**wrong)


class Short(Brightness):
    """Returns a row too few."""

    def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        return super().__call__(faces)[1:]


def test_a_classifier_with_too_few_rows_is_named() -> None:
    """Fault 43."""
    with pytest.raises(InvalidInput, match=r"Short has to return an array of floats of shape \(1, 2\)"):
        mien.Analyzer(Short(), quarters)(grey(0))
    with pytest.raises(InvalidInput, match="Short has to return"):
        list(mien.Analyzer(Short(), quarters).stream([mien.Frame(0, 0.0, grey(0))]))


def faces_in_another_process(analyzer: mien.Analyzer, path: Path) -> list[mien.Face]:
    return analyzer(path)


@pytest.mark.parametrize("arguments", [{}, {"model": "mini-xception", "min_face": 40}])
def test_an_analyzer_serves_other_processes(astronaut: Path, arguments: dict[str, Any]) -> None:
    """Fault 44."""
    analyzer = mien.Analyzer(**arguments)
    again = pickle.loads(pickle.dumps(analyzer))
    assert repr(again) == repr(analyzer)
    assert again.detector_options == analyzer.detector_options
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(faces_in_another_process, analyzer, astronaut).result() == analyzer(astronaut)


def test_an_analyzer_of_ones_own_parts_is_pickled_with_them(brightness: Any) -> None:
    """Fault 44."""
    again = pickle.loads(pickle.dumps(mien.Analyzer(brightness, quarters)))
    assert again(grey(255)) == mien.Analyzer(brightness, quarters)(grey(255))


def test_a_stream_takes_a_part_of_a_file_that_is_named(brightness: Any, clip: Path) -> None:
    """Faults 4 and 42."""
    results = list(mien.Analyzer(brightness, quarters).stream(clip, start=1.5, fps=10, images=True))
    assert [result.index for result in results] == [30, 32, 34, 36, 38]
    assert all(result.image is not None and result.source == str(clip) for result in results)


@pytest.mark.parametrize(
    ("source", "settings", "message"),
    [
        (0, {}, "camera|/dev/video0"),
        ([grey(0)], {}, r"a video's frames are mien.Frame\(index, time in seconds, image\); got ndarray"),
        (grey(0), {}, "a video is a file's path, a URL, .*; got ndarray"),
        (b"video", {}, "a video is a file's path, a URL, .*; got bytes"),
        (BytesIO(b"video"), {}, "got BytesIO; name an open file by its path"),
        (True, {}, "got bool"),
        ([], {"start": 60}, "start: only for videos that are named"),
        (0, {"fps": 5}, "fps: only for videos that are named"),
        ("none.mp4", {}, "none.mp4 is not there"),
        ("CLIP", {"fps": 0}, "fps is a number"),
        ("CLIP", {"smoothing": "off", "baseline": -1}, "baseline"),
        ("CLIP", {"images": 3}, "images is True or False"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_streamed_is_refused(
    brightness: Any, clip: Path, source: Any, settings: dict[str, Any], message: str
) -> None:
    """Fault 42."""
    if isinstance(source, str) and source == "CLIP":
        source = clip
    if isinstance(source, int) and any(Path("/dev").glob("video*")):
        pytest.skip("there is a camera")
    with pytest.raises(InvalidInput, match=message):
        list(mien.Analyzer(brightness, quarters).stream(source, **settings))


def test_a_misspelt_argument_is_told_with_the_nearest() -> None:
    """What `Analyzer` has no argument for would be the detector's option."""
    with pytest.raises(InvalidInput, match=r"the detector yunet has no option max_eror; .*; did you mean max_error\?"):
        mien.Analyzer(max_eror=0.05)
    with pytest.raises(InvalidInput, match=r"has no option model_file; its options are: [a-z_, ]*$"):
        mien.Analyzer(detector="haar", model_file="none.onnx")


def test_an_unknown_setting_is_refused_before_anything_is_opened(brightness: Any) -> None:
    """Fault 42."""
    with pytest.raises(InvalidInput, match=r"stream has no setting 'smothing'; did you mean smoothing\?"):
        mien.Analyzer(brightness, quarters).stream("none.mp4", smothing="off")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="stream has no setting 'no_such'; it has: start, end"):
        mien.Analyzer(brightness, quarters).stream("none.mp4", no_such=1)  # type: ignore[arg-type]
