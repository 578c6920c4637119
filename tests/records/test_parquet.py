import errno
import gc
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mien.emotions import EMOTIONS
from mien.errors import InvalidInput
from mien.records import Header
from mien.records.parquet import ParquetSink
from mien.records.rows import columns, rows
from mien.values import Failure

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


class OneWay(io.BytesIO):
    """A pipe: what is written is gone."""

    def seekable(self) -> bool:
        return False

    def seek(self, *place: int) -> int:
        raise io.UnsupportedOperation("seek")


class FullDisk(io.BytesIO):
    """A disk without room for more than the magic number."""

    def write(self, data: Any) -> int:
        if self.tell() > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_table_has_the_cells_of_the_csv_with_types(header: Header, results: list[Any]) -> None:
    stream = OneWay()
    with ParquetSink(stream, header) as sink:
        for each in results:
            sink.write(each)
    found = parquet.read_table(io.BytesIO(stream.getvalue()))
    types = {field.name: str(field.type) for field in found.schema}
    assert (*types,) == columns(header)
    word = "dictionary<values=string, indices=int32, ordered=0>"
    assert [types[name] for name in ("source", "frame", "time", "face", "happy", "interpolated", "uncertain")] == [
        word, "int64", "double", "int32", "float", "bool", "list<element: string>",
    ]  # fmt: skip
    expected = [row for each in results for row in rows(header, each)]
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        tuple(pytest.approx(cell) if isinstance(cell, float) else cell for cell in row) for row in expected
    ]


def test_the_header_is_in_the_schema(written: Callable[..., bytes], results: list[Any]) -> None:
    file = parquet.ParquetFile(io.BytesIO(written(ParquetSink, results)))
    about = json.loads(file.schema_arrow.metadata[b"mien"])
    assert (about["format"], about["version"], about["model"], about["labels"]) == (
        "mien", 2, "mini-xception", list(EMOTIONS),
    )  # fmt: skip
    assert about["settings"]["window"] == [0.5, "nan"]
    assert file.metadata.metadata[b"mien.complete"] == b"true"


def test_rows_are_written_in_groups(header: Header, make_frame: Any, make_person: Any) -> None:
    stream = io.BytesIO()
    with ParquetSink(stream, header, rows_a_group=10) as sink:
        early = 0
        for index in range(25):
            sink.write(make_frame(index, make_person(happy=1)))
            early = early or (stream.tell() if index == 9 else 0)
    assert early > 4  # more than the magic number: the first group did not wait for the end
    file = parquet.ParquetFile(stream)
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [10, 10, 5]
    assert file.read()["frame"].to_pylist() == list(range(25))


def test_a_file_is_whole_when_the_block_ends_by_an_exception(header: Header, results: list[Any]) -> None:
    stream = io.BytesIO()
    with pytest.raises(KeyboardInterrupt), ParquetSink(stream, header) as sink:
        sink.write(results[2])
        raise KeyboardInterrupt
    file = parquet.ParquetFile(stream)
    assert file.read()["track_id"].to_pylist() == [1, 2]
    assert file.metadata.metadata[b"mien.complete"] == b"false"


@pytest.mark.parametrize("rows_a_group", [1, 100])
def test_a_full_disk_is_reported_once(header: Header, results: list[Any], rows_a_group: int) -> None:
    with (
        pytest.raises(OSError, match="No space left"),
        ParquetSink(FullDisk(), header, rows_a_group=rows_a_group) as sink,
    ):
        for each in results:
            sink.write(each)
    gc.collect()


def test_a_label_that_is_another_columns_name_is_refused(header: Header) -> None:
    with pytest.raises(InvalidInput, match="its label 'label'"):
        ParquetSink(io.BytesIO(), replace(header, labels=("label",)))


def test_a_name_that_is_no_utf8_is_written_with_escapes(written: Callable[..., bytes]) -> None:
    table = parquet.read_table(io.BytesIO(written(ParquetSink, [Failure("\udce4.mp4", "no \udce4")])))
    assert (table["source"].to_pylist(), table["error"].to_pylist()) == (["\\udce4.mp4"], ["no \\udce4"])


def test_only_an_earlier_table_is_replaced(tmp_path: Path, written: Callable[..., bytes], results: list[Any]) -> None:
    path = tmp_path / "r.parquet"
    path.write_bytes(written(ParquetSink, results))
    assert ParquetSink.replaces(path)
    parquet.write_table(pyarrow.table({"a": [1]}), path)
    assert not ParquetSink.replaces(path)
    path.write_bytes(b"")
    assert ParquetSink.replaces(path)


@pytest.mark.parametrize("middle", [100, 1_500_000, 5_000_000])
def test_a_table_of_any_size_is_known_by_its_end(tmp_path: Path, middle: int) -> None:
    path = tmp_path / "r.parquet"
    for end, may in (b'{"format": "mien", "version": 2}PAR1', True), (b'{"format": "other"}PAR1', False):
        path.write_bytes(b"PAR1" + bytes(middle) + end)
        assert ParquetSink.replaces(path) is may
