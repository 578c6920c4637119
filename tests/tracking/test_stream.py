import dataclasses
import itertools
import math
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mien.analyzer import Analyzer
from mien.emotions import EMOTIONS
from mien.errors import InvalidInput, VideoError
from mien.tracking.events import EventFinder
from mien.tracking.smoothing import Smoother
from mien.tracking.state import from_bytes, to_bytes
from mien.tracking.stream import Stream
from mien.values import Box, Crop, Detection, Frame, FrameResult, Image

SIDE = 60


def scene(brightness: int, present: bool = True) -> Image:
    """The same face, as bright as that on average, before a wall that never changes."""
    random = np.random.default_rng(0)
    wall = np.repeat(np.repeat(random.integers(0, 255, (18, 32, 3), dtype=np.uint8), 10, 0), 10, 1)
    pattern = np.repeat(np.repeat(random.integers(-40, 40, (6, 6, 1)), 10, 0), 10, 1)
    if present:
        wall[60 : 60 + SIDE, 100 : 100 + SIDE] = brightness + pattern
    return wall


def finds_it(image: Image) -> list[Detection]:
    """There is a face wherever the wall is not."""
    if (image[60:70, 100:110] == scene(0, present=False)[60:70, 100:110]).all():
        return []
    return [Detection(Box(100, 60, 100 + SIDE, 60 + SIDE), 1.0)]


class Moods:
    """Bright faces show "happy", dark ones "sad", with noise that flips single frames."""

    labels: tuple[str, ...] = EMOTIONS
    input_size = 8

    def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        scores = np.full((len(faces), 7), 0.02, np.float32)
        bright = faces.mean(axis=(1, 2)) > 120
        scores[np.arange(len(faces)), np.where(bright, EMOTIONS.index("happy"), EMOTIONS.index("sad"))] = 0.88
        return scores


def film(shades: list[int | None], fps: float = 25.0) -> list[Frame]:
    return [Frame(index, index / fps, scene(shade or 0, shade is not None)) for index, shade in enumerate(shades)]


SHADES: list[int | None] = [None] * 10 + [200] * 30 + [40] + [200] * 20 + [40] * 40 + [None] * 10


def results(shades: list[int | None] = SHADES, **options: Any) -> list[FrameResult]:
    return list(Smoother(**options)(map(Stream(finds_it, Moods()), film(shades))))


def test_there_is_a_result_for_every_frame_and_both_scores_in_it() -> None:
    found = results()
    assert [result.index for result in found] == list(range(len(SHADES)))
    assert not any(result.faces for result in found[:10])
    (face,) = found[39].faces
    assert face.track_id == 1
    assert face.label == "happy"
    assert face.raw is not None
    assert face.raw.label == "happy"
    assert face.quality is not None


def test_a_single_odd_frame_changes_the_raw_label_and_not_the_smoothed_one() -> None:
    found = results()
    (odd,) = found[40].faces
    assert odd.raw is not None
    assert odd.raw.label == "sad"
    assert odd.label == "happy"
    labels = [face.label for result in found for face in result.faces]
    assert sum(one != two for one, two in itertools.pairwise(labels)) == 1


def test_without_smoothing_scores_are_the_raw_ones() -> None:
    for result in results(smoothing="off"):
        for face in result.faces:
            assert face.raw is face.prediction


def test_events_say_who_showed_what_from_when_to_when() -> None:
    finder, events = EventFinder(), []
    for result in results():
        for face in result.faces:
            events += finder.add(face.track_id or 0, result.time, face.label, face.scores[face.label])
        events += finder.tick(result.time)
    first, second = events + finder.close()
    assert (first.label, second.label) == ("happy", "sad")
    assert first.start == pytest.approx(0.4, abs=0.25)  # a face counts after two detections
    assert first.end == second.start == 61 / 25, "the first frame that shows it (fault 19)"
    assert second.end == pytest.approx(101 / 25, abs=0.25)


WALKS = 60
"""Frames of the video of two people."""


def places(index: int) -> list[tuple[int, int]]:
    """The upper left corners of both people in a frame."""
    return [(20 + 3 * index, 40), (240 - 3 * index, 70)]


def walks() -> list[Frame]:
    """Two people with changing expressions walk past each other; there is a cut after two thirds."""
    random = np.random.default_rng(1)
    patches = [np.repeat(np.repeat(random.integers(-40, 40, (6, 6, 1)), 8, 0), 8, 1) for _ in range(2)]
    frames = []
    for index in range(WALKS):
        image = scene(0, present=False) if index < 40 else scene(0, present=False)[::-1].copy()
        for (left, top), shade, patch in zip(places(index), (200, 90), patches, strict=True):
            image[top : top + 48, left : left + 48] = shade - (index % 17) * 5 + patch
        frames.append(Frame(index, index / 20, image))
    return frames


FRAMES = walks()


def finds_both(image: Image) -> list[Detection]:
    """With landmarks and jitter, which depend on nothing but the picture."""
    index = next(frame.index for frame in FRAMES if frame.image is image)
    random = np.random.default_rng(index)
    found = []
    for left, top in places(index):
        box = Box(*(np.array([left, top, left + 48, top + 48]) + random.normal(0, 1, 4)).tolist())
        upper_left = np.array([left, top], np.float32)
        landmarks = upper_left + np.array([[15, 15], [33, 16], [24, 26], [17, 36], [31, 36]], np.float32)
        if random.random() < 0.8:
            found.append(
                Detection(box, random.random(), landmarks, Crop(left + 24, top + 24, 48) if index > 20 else None)
            )
    return found


SETTINGS: list[dict[str, Any]] = [
    {},
    {"detect_every": 0.1},
    {"every_frame": True},
]


@cache
def undisturbed(number: int) -> tuple[list[FrameResult], list[bytes]]:
    """The results of one setting, and the state before each frame."""
    stream = Stream(finds_both, Moods(), **SETTINGS[number])
    found, states = [], []
    for frame in FRAMES:
        states.append(to_bytes(stream.state()))
        found.append(stream(frame))
    return found, states


def test_the_video_of_two_people_has_faces_and_changes() -> None:
    stream = Stream(finds_both, Moods())
    results = [stream(frame) for frame in FRAMES]
    assert {face.track_id for result in results for face in result.faces} >= {1, 2, 3}
    assert {face.label for result in results for face in result.faces} == {"happy", "sad"}
    assert {face.interpolated for result in results for face in result.faces} == {True, False}
    assert any(result.doubtful for result in results)


@settings(max_examples=60)
@given(st.integers(0, len(SETTINGS) - 1), st.integers(0, WALKS - 1))
def test_a_restored_stream_continues_with_identical_results(number: int, cut: int) -> None:
    found, states = undisturbed(number)
    stream = Stream(finds_both, Moods(), **SETTINGS[number])
    stream.restore(from_bytes(states[cut]))
    assert [stream(frame) for frame in FRAMES[cut:]] == found[cut:]


def test_frames_may_be_read_after_later_ones_were_followed() -> None:
    found, _ = undisturbed(0)
    stream = Stream(finds_both, Moods(), **SETTINGS[0])
    followed = [stream.follow(frame) for frame in FRAMES]
    assert [stream.read(each) for each in followed] == found


def test_a_state_of_other_labels_is_refused() -> None:
    own = Moods()
    own.labels = ("calm", *EMOTIONS[1:])
    stream = Stream(finds_both, own)
    with pytest.raises(InvalidInput, match="labels"):
        stream.restore(from_bytes(undisturbed(0)[1][30]))
    assert len(stream(FRAMES[0]).faces) == len(undisturbed(0)[0][0].faces), "what failed has changed nothing"


MUTATIONS: list[Callable[[NDArray[Any]], NDArray[Any]]] = [
    lambda value: np.full_like(value, -1 if value.dtype.kind in "if" else 1),
    lambda value: np.full_like(value, 2**62 if value.dtype.kind == "i" else 200),
    lambda value: np.full(value.shape, np.nan),
    lambda value: np.full(value.shape, np.inf),
    lambda value: value[np.newaxis],
    lambda value: value[:1] if value.ndim else value.astype("U"),
    lambda value: value[..., :1] if value.ndim else value.astype(complex),
    lambda value: value[:0] if value.ndim else np.empty(0),
    lambda value: np.array("PK"),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, on infinity
@settings(max_examples=150)
@given(st.integers(0, len(SETTINGS) - 1), st.integers(1, WALKS - 1), st.data())
def test_a_state_with_a_wrong_entry_is_refused_or_harmless(number: int, cut: int, data: st.DataObject) -> None:
    state = from_bytes(undisturbed(number)[1][cut])
    name = data.draw(st.sampled_from(sorted(state)))
    mutation = data.draw(st.sampled_from([None, *MUTATIONS]))
    if mutation:
        state[name] = mutation(state[name])
    else:
        del state[name]
    stream = Stream(finds_both, Moods(), **SETTINGS[number])
    with suppress(InvalidInput):
        stream.restore(state)
        for frame in FRAMES[cut : cut + 8]:
            stream(frame)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, "1", True, [1.0]])
def test_wrong_settings_are_refused_at_once_by_name(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^detect_every is"):
        Stream(finds_it, Moods(), detect_every=value)


def test_a_flag_is_true_or_false() -> None:
    with pytest.raises(InvalidInput, match="every_frame"):
        Stream(finds_it, Moods(), every_frame=1)  # type: ignore[arg-type]


class ReturnsTooFew(Moods):
    def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        return super().__call__(faces)[:-1]


def test_a_classifier_with_too_few_rows_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"ReturnsTooFew has to return .* of shape \(1, 7\).*got the shape \(0, 7\)"):
        Stream(finds_it, ReturnsTooFew())(film([200])[0])


def test_the_analyzer_streams_frames_and_files(tmp_path: Path) -> None:
    analyzer = Analyzer(Moods(), finds_it)
    streamed = list(analyzer.stream(film(SHADES)))
    assert [result.faces for result in streamed] == [result.faces for result in results()]
    late = [face.label for result in analyzer.stream(film(SHADES), live=True) for face in result.faces]
    assert late.index("sad") > [face.label for result in streamed for face in result.faces].index("sad")
    with pytest.raises(VideoError, match=r"none\.mp4"):
        next(analyzer.stream(tmp_path / "none.mp4"))


def test_a_result_without_time_is_still_a_result() -> None:
    (result,) = results([200])
    assert dataclasses.asdict(result)["index"] == 0
    assert len(result.faces) == 1
