import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.analyzer import Analyzer
from mien.emotions import EMOTIONS
from mien.errors import InvalidInput, VideoError
from mien.records.table import as_table, events_of, frame_record
from mien.tracking.snapshot import freeze, thaw
from mien.tracking.stream import Stream
from mien.values import Box, Detection, Frame, FrameResult, Image

SIDE = 60


def scene(brightness: int, present: bool = True) -> Image:
    """The same face, as bright as that on average, before a wall that never changes."""
    dice = np.random.default_rng(0)
    wall = np.repeat(np.repeat(dice.integers(0, 255, (18, 32, 3), dtype=np.uint8), 10, 0), 10, 1)
    pattern = np.repeat(np.repeat(dice.integers(-40, 40, (6, 6, 1)), 10, 0), 10, 1)
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

    labels = EMOTIONS
    input_size = 8

    def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        scores = np.full((len(faces), 7), 0.02, np.float32)
        bright = faces.mean(axis=(1, 2)) > 120
        scores[np.arange(len(faces)), np.where(bright, EMOTIONS.index("happy"), EMOTIONS.index("sad"))] = 0.88
        return scores


def film(shades: list[int | None], fps: float = 25.0) -> list[Frame]:
    return [Frame(index, index / fps, scene(shade or 0, shade is not None)) for index, shade in enumerate(shades)]


SHADES: list[int | None] = [None] * 10 + [200] * 30 + [40] + [200] * 20 + [40] * 40 + [None] * 10


def results(shades: list[int | None] = SHADES, **settings: object) -> list[FrameResult]:
    stream = Stream(finds_it, Moods(), **settings)  # type: ignore[arg-type]
    return [stream(frame) for frame in film(shades)]


def test_there_is_a_result_for_every_frame_and_both_scores_in_it() -> None:
    found = results()
    assert [result.index for result in found] == list(range(len(SHADES)))
    assert not any(result.faces for result in found[:10])
    (face,) = found[39].faces
    assert face.track_id == 1
    assert face.label == face.leading == "happy"
    assert face.raw is not None
    assert face.raw.label == "happy"
    assert face.quality is not None


def test_a_single_odd_frame_changes_the_raw_label_and_not_the_leading_one() -> None:
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
            assert face.raw is not None
            np.testing.assert_allclose(face.prediction.scores, face.raw.scores, atol=1e-5)


def test_events_say_who_showed_what_from_when_to_when() -> None:
    first, second = events_of(frame_record(result) for result in results())
    assert (first.label, second.label) == ("happy", "sad")
    assert first.start == pytest.approx(0.4, abs=0.25)
    assert second.start == pytest.approx(first.end, abs=0.1)
    assert second.start == pytest.approx(61 / 25, abs=0.25)
    assert second.end == pytest.approx(101 / 25, abs=0.25)


@pytest.mark.parametrize("at", [5, 25, 41, 70])
def test_it_goes_on_from_a_frozen_state_as_if_nothing_had_been(at: int) -> None:
    whole = [frame_record(result) for result in results(baseline=0.5)]
    frames = film(SHADES)
    first = Stream(finds_it, Moods(), baseline=0.5)
    head = [frame_record(first(frame)) for frame in frames[:at]]
    second = Stream(finds_it, Moods(), baseline=0.5)
    second.restore(thaw(freeze(first.state())))
    tail = [frame_record(second(frame)) for frame in frames[at:]]
    assert head + tail == whole


def test_people_who_left_are_forgotten() -> None:
    stream = Stream(finds_it, Moods())
    for frame in film(([200] * 10 + [None] * 60) * 3):
        stream(frame)
    assert len(stream._people) == 0


@pytest.mark.parametrize("settings", [{"smoothing": "never"}, {"smoothing_seconds": -1.0}, {"detect_every": -1.0}])
def test_wrong_settings_are_told_at_once(settings: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        Stream(finds_it, Moods(), **settings)  # type: ignore[arg-type]


def test_the_analyzer_streams_frames_and_files(tmp_path: Path) -> None:
    analyzer = Analyzer(Moods(), finds_it)
    streamed = list(analyzer.stream(film(SHADES)))
    assert [frame_record(result) for result in streamed] == [frame_record(result) for result in results()]
    with pytest.raises(VideoError, match=r"none\.mp4"):
        next(analyzer.stream(tmp_path / "none.mp4"))


def test_results_become_a_table() -> None:
    pandas = pytest.importorskip("pandas")
    table = as_table(results())
    assert isinstance(table, pandas.DataFrame)
    assert sorted(set(table["frame"])) == list(range(len(SHADES)))
    assert table.loc[table["frame"] == 39, "label"].tolist() == ["happy"]
    assert "raw_sad" in table.columns
    assert len(as_table([], labels=EMOTIONS)) == 0


def test_a_result_without_time_is_still_a_result() -> None:
    (result,) = results([200])
    assert dataclasses.asdict(result)["index"] == 0
    assert len(result.faces) == 1
