"""Pictures and videos as one JSON object, or as JSON Lines to be followed while they come."""

from collections.abc import Sequence

from mien.drift import Comparison
from mien.records.events import event_to_dict
from mien.records.results import fields_of, header_to_dict, json_text
from mien.records.sink import FileSink, Header, Target
from mien.records.video_sink import VideoSink
from mien.tracking.events import Event
from mien.values import Failure, FrameResult, number


class JsonSink(VideoSink):
    """One JSON object, whose `results` hold a line a picture and, for a video, a line a frame.

        >>> with JsonSink(Path("faces.json"), header) as sink:
        ...     sink.write(result)

    The object is well-formed also when an exception ends the block; `complete` is then false. Of a video, no more than
    one frame and the events are held in memory.
    """

    signature = rb'\s*\{\s*"format":\s*"mien",\s*"version":\s*\d+,\s*"model":'

    _before_result = "\n"

    def __init__(self, target: Target, header: Header) -> None:
        super().__init__(target, header)
        self._comparison = Comparison(header.reference) if header.reference else None

    def write(self, result: FrameResult | Failure) -> None:
        super().write(result)
        if self._comparison:
            self._comparison.add(result)

    def begin(self) -> None:
        fields = header_to_dict(self.header).items()
        about = ",\n".join(f"{json_text(name)}: {json_text(value)}" for name, value in fields)
        self.put("{\n" + about + ',\n"results": [')

    def add_other(self, result: FrameResult | Failure) -> None:
        entry = fields_of(result, ("source", "width", "height", "faces", "drawing", "explanations", "error"))
        self.put(self._before_result + json_text(entry))
        self._before_result = ",\n"

    def begin_video(self, first: FrameResult) -> None:
        assert first.video is not None
        about = {
            "source": first.source, "width": first.width, "height": first.height, "rate": number(first.video.rate),
            "started_at": first.video.started_at, "drawing": first.drawing,
        }  # fmt: skip
        self.put(self._before_result + json_text(about).removesuffix("}") + ', "frames": [')
        self._before_result = ",\n"
        self._before_frame = "\n"
        self._events: list[str] = []

    def add_frame(self, frame: FrameResult) -> None:
        self.put(self._before_frame + json_text(fields_of(frame, ("index", "time", "faces"))))
        self._before_frame = ",\n"

    def add_events(self, events: Sequence[Event]) -> None:
        self._events += (json_text(event_to_dict(event)) for event in events)

    def end_video(self, error: str | None) -> None:
        self.put('\n], "events": [\n' + ",\n".join(self._events) + f'\n], "error": {json_text(error)}}}')

    def end(self, *, complete: bool) -> None:
        super().end(complete=complete)
        drift = self._comparison.conclude().to_dict() if self._comparison else None
        self.put(f'\n],\n"drift": {json_text(drift)},\n"complete": {json_text(complete)}\n}}\n')


class JsonLinesSink(FileSink):
    """A line a picture, a frame or a failure, each of them a JSON object; none is held back. There is no header.

    >>> with JsonLinesSink(Path("faces.jsonl"), header) as sink:
    ...     sink.write(result)
    """

    signature = rb'\{"source": "[^\n]*"faces": \['

    def write(self, result: FrameResult | Failure) -> None:
        names = "source", "index", "time", "width", "height", "faces", "drawing", "explanations", "error"
        self.put(json_text(fields_of(result, names)) + "\n")
        self.stream.flush()
