"""Pictures and videos as Parquet: the columns of the CSV, with types."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mien.errors import MissingExtra
from mien.records.results import header_to_dict, json_text
from mien.records.rows import Cell, columns, rows
from mien.records.sink import FileSink, Header, Target
from mien.values import Failure, FrameResult

if TYPE_CHECKING:
    import pyarrow


class ParquetSink(FileSink):
    """A row a face; a row without a face for a picture or a frame that shows none, and for a source that failed.

        >>> with ParquetSink(Path("faces.parquet"), header) as sink:
        ...     sink.write(result)

    The file can be read also when an exception ends the block; its metadata `mien.complete` is then `false`. The
    schema's metadata `mien` holds the header as JSON.

    A stream need not be able to seek. `rows_a_group` rows are held in memory before they are written together. With
    `more`, names of columns after these, rows are given by `add`; `about` is further metadata of the schema.
    """

    signature = rb'(?s)PAR1.*\{"format": "mien"'

    def __init__(
        self, target: Target, header: Header, *, rows_a_group: int = 20_000,
        more: tuple[str, ...] = (), about: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(target, header)
        self._schema = _schema(header, more, about or {})
        self._rows: list[tuple[Cell, ...]] = []
        self._rows_a_group = rows_a_group

    def begin(self) -> None:
        from pyarrow.parquet import ParquetWriter

        self._writer = ParquetWriter(self.stream, self._schema, compression="zstd")

    def write(self, result: FrameResult | Failure) -> None:
        self.add(rows(self.header, result))

    def add(self, more_rows: Sequence[tuple[Cell, ...]]) -> None:
        """Add rows, with a cell for every column."""
        self._rows += more_rows
        if len(self._rows) >= self._rows_a_group:
            self._flush()

    def end(self, *, complete: bool) -> None:
        try:
            self._flush()
            self._writer.add_key_value_metadata({"mien.complete": json_text(complete)})
            self._writer.close()
        finally:
            # Arrow would write the file's end into a closed stream when the writer is collected as garbage.
            self._writer.is_open = False

    def _flush(self) -> None:
        import pyarrow

        flushed, self._rows = self._rows, []
        if flushed:
            cells = [[_as_utf8(cell) for cell in column] for column in zip(*flushed, strict=True)]
            self._writer.write_table(pyarrow.table(cells, schema=self._schema))


def _as_utf8(cell: Cell) -> Cell:
    """A cell without lone surrogates: Arrow's text is UTF-8 without exception."""
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell


def _schema(header: Header, more: tuple[str, ...], about: Mapping[str, str]) -> "pyarrow.Schema":
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtra("Parquet", "parquet", error) from error
    types = {
        **dict.fromkeys(
            ("source", "reading", "label", "drawing", "status", "sha256"),
            pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
        ),
        **dict.fromkeys(("quality_reasons", "uncertain", "prediction_set"), pyarrow.list_(pyarrow.string())),
        **dict.fromkeys(("width", "height", "face"), pyarrow.int32()),
        **dict.fromkeys(("frame", "track_id", "input"), pyarrow.int64()),
        "time": pyarrow.float64(),
        "interpolated": pyarrow.bool_(),
        **dict.fromkeys(("explanation", "error"), pyarrow.string()),
    }
    fields = [pyarrow.field(name, types.get(name, pyarrow.float32())) for name in columns(header) + more]
    return pyarrow.schema(fields, {"mien": json.dumps(header_to_dict(header)), **about})
