import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import InvalidInput
from mien.records.results import result_from_dict, result_to_dict
from mien.values import (
    MEASURES,
    Box,
    Crop,
    Detection,
    Face,
    FrameResult,
    Measure,
    Prediction,
    Quality,
    VideoInfo,
    number,
)  # fmt: skip


def short(value: float) -> float:
    """A number as records hold it: with the fewest digits of 32 bits."""
    return number(value) or 0.0


side = st.floats(1, 4000, width=32).map(short)
labels = st.lists(st.text(min_size=1, max_size=9), min_size=2, max_size=5, unique=True).map(tuple)


@st.composite
def predictions(draw: st.DrawFn, labels: tuple[str, ...]) -> Prediction:
    shares = draw(st.lists(st.floats(0.01, 1), min_size=len(labels), max_size=len(labels)))
    return Prediction(labels, (np.array(shares) / sum(shares)).astype(np.float32))


qualities = st.builds(
    Quality,
    side,
    st.lists(st.text(max_size=5), max_size=2).map(tuple),
    st.dictionaries(st.sampled_from(MEASURES), st.builds(Measure, side, side)),
)


@st.composite
def faces(draw: st.DrawFn, labels: tuple[str, ...], track_id: int | None) -> Face:
    left, top, width, height = (draw(side) for _ in range(4))
    points = draw(st.none() | st.lists(side, min_size=10, max_size=10))
    box = Box(left, top, short(left + width), short(top + height))
    landmarks = None if points is None else np.array(points, np.float32).reshape(5, 2)
    return Face(
        Detection(
            box,
            draw(st.sampled_from([0.0, 0.25, 0.5, 1.0])),
            landmarks,
            draw(st.none() | st.builds(Crop, side, side, side, side)),
        ),
        draw(predictions(labels)),
        track_id,
        raw=draw(st.none() | predictions(labels)),
        interpolated=draw(st.booleans()),
        returned=draw(st.none() | st.sampled_from([0.8125, 1.0])),
        quality=draw(st.none() | qualities),
        uncertain=draw(st.lists(st.text(max_size=5), max_size=2).map(tuple)),
        prediction_set=draw(st.none() | st.lists(st.sampled_from(labels), max_size=2).map(tuple)),
    )


@st.composite
def results(draw: st.DrawFn) -> FrameResult:
    names = draw(labels)
    is_video = draw(st.booleans())
    return FrameResult(
        source=draw(st.text()),
        index=draw(st.integers(0, 10**9)),
        time=draw(st.floats(0, 1e6)),
        width=draw(st.integers(1, 9999)),
        height=draw(st.integers(1, 9999)),
        faces=tuple(draw(faces(names, track)) for track in ((1, 20) if is_video else (None,))),
        doubtful=tuple(draw(st.lists(st.builds(Box, side, side, side, side), max_size=2))),
        video=draw(st.builds(VideoInfo, st.none() | st.floats(1, 1000), st.none() | st.text())) if is_video else None,
        drawing=draw(st.none() | st.text()),
    )


@given(results())
def test_a_result_survives_json(result: FrameResult) -> None:
    assert result_from_dict(json.loads(json.dumps(result_to_dict(result)))) == result


@given(st.floats(0, 1000), st.floats(1e-3, 1))
def test_a_result_of_64_bits_is_written_again_as_it_was(place: float, share: float) -> None:
    prediction = Prediction(("a", "b"), np.array([share, 1 - share], np.float32))
    face = Face(Detection(Box(place, place, place + 9.1, place + 1), share), prediction)
    record = result_to_dict(FrameResult(source="a.jpg", width=9, height=9, faces=(face,)))
    assert result_to_dict(result_from_dict(record)) == record


def test_crops_are_kept_and_the_image_is_not(make_frame: Callable[..., FrameResult]) -> None:
    detection = Detection(Box(1, 2, 30, 40), 1.0, crop=Crop(20, 21, 59, -30))
    face = Face(detection, Prediction(("a", "b"), np.array([0.25, 0.75], np.float32)))
    read = result_from_dict(result_to_dict(make_frame(3, face, image=np.zeros((4, 5, 3), np.uint8))))
    assert read.image is None
    assert read.faces[0].detection == detection


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("time", ..., "KeyError 'time'"),
        ("faces", 3, "TypeError"),
        ("faces", [{"box": {}}], "no record of a face"),
        ("doubtful", [{"left": 1}], "KeyError 'top'"),
        ("video", {"rhythm": 3}, "rhythm"),
    ],
)
def test_what_is_no_result_is_refused(
    make_frame: Callable[..., FrameResult], field: str, value: object, message: str
) -> None:
    record = result_to_dict(make_frame(0)) | {field: value}
    if value is ...:
        del record[field]
    with pytest.raises(InvalidInput, match=message):
        result_from_dict(record)
