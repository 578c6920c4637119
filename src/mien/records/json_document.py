"""Pictures and videos as one JSON object."""

from collections.abc import Sequence
from typing import Final

from mien.records.earlier import starts_with
from mien.records.encoding import header_fields, json_text, utf8
from mien.records.events import event_to_dict
from mien.records.results import result_to_dict
from mien.records.sink import Header, Target
from mien.records.video_sink import VideoSink
from mien.tracking.events import Event
from mien.values import Failure, FrameResult, number

_OF_PICTURE: Final = ("source", "width", "height", "faces", "drawing")
_OF_FRAME: Final = ("index", "time", "faces")


class JsonSink(VideoSink):
    """One JSON object, whose `results` hold a line a picture and, for a video, a line a frame.

        >>> with JsonSink(Path("faces.json"), header) as sink:
        ...     sink.write(result)

    The object is well-formed also when an exception ends the block; `complete` is then false. Of a video, no more than
    one frame and the events are held in memory.

    Args:
        target: Where to write.
        header: How the results were made.
    """

    replaces = staticmethod(starts_with(rb'\s*\{\s*"format":\s*"mien",\s*"version":\s*\d+,\s*"model":'))

    def __init__(self, target: Target, header: Header) -> None:
        super().__init__(target, header)
        self._before_result = self._before_frame = "\n"
        self._events: list[str] = []

    def begin(self) -> None:
        about = ",\n".join(f"{json_text(key)}: {json_text(value)}" for key, value in header_fields(self.header).items())
        self._put("{\n" + about + ',\n"results": [')

    def add_other(self, result: FrameResult | Failure) -> None:
        if isinstance(result, Failure):
            entry = dict.fromkeys(_OF_PICTURE) | {"source": result.source, "faces": [], "error": result.error}
        else:
            record = result_to_dict(result)
            entry = {name: record[name] for name in (*_OF_PICTURE, "error")}
        self._put(self._before_result + json_text(entry))
        self._before_result = ",\n"

    def begin_video(self, first: FrameResult) -> None:
        assert first.video is not None
        about = {
            "source": first.source, "width": first.width, "height": first.height, "rate": number(first.video.rate),
            "started_at": first.video.started_at, "drawing": first.drawing,
        }  # fmt: skip
        self._put(self._before_result + json_text(about).removesuffix("}") + ', "frames": [')
        self._before_result = ",\n"
        self._before_frame = "\n"
        self._events = []

    def add_frame(self, frame: FrameResult) -> None:
        record = result_to_dict(frame)
        self._put(self._before_frame + json_text({name: record[name] for name in _OF_FRAME}))
        self._before_frame = ",\n"

    def add_events(self, events: Sequence[Event]) -> None:
        self._events += (json_text(event_to_dict(event)) for event in events)

    def end_video(self, error: str | None) -> None:
        self._put('\n], "events": [\n' + ",\n".join(self._events) + f'\n], "error": {json_text(error)}}}')

    def end(self, *, complete: bool) -> None:
        super().end(complete=complete)
        self._put(f'\n],\n"complete": {json_text(complete)}\n}}\n')

    def _put(self, text: str) -> None:
        self.stream.write(utf8(text))
