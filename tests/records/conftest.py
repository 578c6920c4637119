import io
from collections.abc import Callable
from typing import Any

import pytest

from mien.records.sink import Header
from mien.values import Face, Failure, FrameResult

Results = list[FrameResult | Failure]


@pytest.fixture
def results(make_face: Callable[..., Face], make_person: Callable[..., Face], make_frame: Any) -> Results:
    """A picture, a video of three frames that breaks off, a picture that cannot be read, and one without a face."""
    picture = FrameResult(source="a.jpg", width=640, height=480, faces=(make_face(10.5, 20, happy=0.75),))
    return [
        picture,
        make_frame(0),
        make_frame(1, make_person(1, happy=0.75), make_person(2, sad=1)),
        make_frame(2, make_person(2, interpolated=True, label="happy", sad=0.25), time=3600.1),
        Failure("talk.mp4", "talk.mp4: it broke off"),
        Failure("b.jpg", "b.jpg: no picture"),
        FrameResult(source="c.jpg", width=9, height=8, drawing="out/c.jpg"),
    ]


@pytest.fixture(scope="session")
def written(header: Header) -> Callable[..., bytes]:
    """`written(CsvSink, results)`: the bytes of an output."""

    def write(kind: type[Any], results: Results, header: Header = header) -> bytes:
        stream = io.BytesIO()
        with kind(stream, header) as sink:
            for each in results:
                sink.write(each)
        return stream.getvalue()

    return write
