"""A video's frames as Parquet: the columns of the CSV, with types."""

from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final, Self

from mien.errors import MissingExtra
from mien.records.encoding import json_text, utf8
from mien.records.frames import Cell, FrameRecord, VideoHeader, columns, header_fields, rows
from mien.records.wire import FORMAT, VERSION

if TYPE_CHECKING:
    import pyarrow

ROWS_A_GROUP: Final = 20_000
"""So many rows are held in memory and then written together."""

METADATA_KEY: Final = "mien"
"""Of the schema's metadata; under it stands the header, as JSON."""

COMPLETE_KEY: Final = "mien.complete"
"""Of the file's metadata: `true`, or `false` when an exception ended the writing."""


class ParquetWriter:
    """A row a face and frame; a row without a face for a frame that shows none.

    A reader finds what was analysed, as JSON, under `mien` in the schema's metadata. The file is whole also when an
    exception ends the `with` block.

    Args:
        stream: takes the bytes; it need not be able to seek.
        header: what was analysed; it gives the columns of scores.
        rows_a_group: how many rows are held in memory before they are written together.

    Raises:
        InvalidInput: one of the model's labels has the name of another column.
        MissingExtra: pyarrow is not installed.
    """

    def __init__(self, stream: BinaryIO, header: VideoHeader, *, rows_a_group: int = ROWS_A_GROUP) -> None:
        self._stream = stream
        # Arrow's text is UTF-8 without exception.
        self._header = replace(header, source=utf8(header.source).decode())
        self._schema = _schema(header)
        self._rows: list[tuple[Cell, ...]] = []
        self._rows_a_group = rows_a_group

    def __enter__(self) -> Self:
        from pyarrow.parquet import ParquetWriter as ArrowWriter

        self._writer = ArrowWriter(self._stream, self._schema, compression="zstd")
        return self

    def write(self, record: FrameRecord) -> None:
        """Add the rows of one frame."""
        self._rows += rows(self._header, record)
        if len(self._rows) >= self._rows_a_group:
            self._flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._flush()
            self._writer.add_key_value_metadata({COMPLETE_KEY: json_text(kind is None)})
        finally:
            self._writer.close()

    def _flush(self) -> None:
        if not self._rows:
            return
        import pyarrow

        table, self._rows = self._rows, []
        cells = zip(*table, strict=True)
        arrays = [pyarrow.array(column, each.type) for column, each in zip(cells, self._schema, strict=True)]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))


def _schema(header: VideoHeader) -> "pyarrow.Schema":
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtra("Parquet", "parquet") from error
    names = columns(header)
    word = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    types = {
        "source": word,
        "frame": pyarrow.int64(),
        "time": pyarrow.float64(),
        "width": pyarrow.int32(),
        "height": pyarrow.int32(),
        "track_id": pyarrow.int64(),
        "interpolated": pyarrow.bool_(),
        "quality_reasons": pyarrow.list_(pyarrow.string()),
        "label": word,
    }
    always = {"source", "frame", "time", "width", "height"}
    fields = [pyarrow.field(name, types.get(name, pyarrow.float32()), nullable=name not in always) for name in names]
    about = {"format": FORMAT, "version": VERSION, **header_fields(header)}
    return pyarrow.schema(fields, {METADATA_KEY: utf8(json_text(about))})
