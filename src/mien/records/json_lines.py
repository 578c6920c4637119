"""Pictures and frames as JSON Lines, to be followed while they come."""

from typing import Final

from mien.records.earlier import starts_with
from mien.records.encoding import json_text, utf8
from mien.records.results import result_to_dict
from mien.records.sink import FileSink
from mien.values import Failure, FrameResult

_FIELDS: Final = ("source", "index", "time", "width", "height", "faces", "drawing")


class JsonLinesSink(FileSink):
    """A line a picture, a frame or a failure, each of them a JSON object; none is held back.

        >>> with JsonLinesSink(Path("faces.jsonl"), header) as sink:
        ...     sink.write(result)

    Args:
        target: Where to write.
        header: Not written, as every line stands for itself.
    """

    replaces = staticmethod(starts_with(rb'\{"source": "[^\n]*"faces": \['))

    def write(self, result: FrameResult | Failure) -> None:
        if isinstance(result, Failure):
            line = dict.fromkeys(_FIELDS) | {"source": result.source, "faces": [], "error": result.error}
        else:
            record = result_to_dict(result)
            line = {name: record[name] for name in (*_FIELDS, "error")}
        self.stream.write(utf8(json_text(line) + "\n"))
        self.stream.flush()
