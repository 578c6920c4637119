"""Pictures and videos as CSV."""

from mien.records.rows import columns, csv_row, rows
from mien.records.sink import FileSink, Header, Target
from mien.values import Failure, FrameResult


class CsvSink(FileSink):
    """A row a face; a row without a face for a picture or a frame that shows none, and for a source that failed.

        >>> with CsvSink(Path("faces.csv"), header) as sink:
        ...     sink.write(result)

    UTF-8, separated by commas, with `\\n` at the end of a line. A text that a spreadsheet would take for a formula gets
    an apostrophe before it.
    """

    # Version 1 had other columns for pictures and for videos.
    signature = rb"source,(frame,time,)?width,height,(face|track_id),[^\n]*,(error|arousal)\r?\n"

    def __init__(self, target: Target, header: Header) -> None:
        super().__init__(target, header)
        self._columns = columns(header)

    def begin(self) -> None:
        self.put(csv_row(self._columns))

    def write(self, result: FrameResult | Failure) -> None:
        self.put("".join(map(csv_row, rows(self.header, result))))
