"""Pictures and frames as JSON Lines, to be followed while they come."""

from mien.records.results import fields_of, json_text
from mien.records.sink import FileSink
from mien.values import Failure, FrameResult


class JsonLinesSink(FileSink):
    """A line a picture, a frame or a failure, each of them a JSON object; none is held back. There is no header.

    >>> with JsonLinesSink(Path("faces.jsonl"), header) as sink:
    ...     sink.write(result)
    """

    signature = rb'\{"source": "[^\n]*"faces": \['

    def write(self, result: FrameResult | Failure) -> None:
        names = "source", "index", "time", "width", "height", "faces", "drawing", "error"
        self.put(json_text(fields_of(result, names)) + "\n")
        self.stream.flush()
