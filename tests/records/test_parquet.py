import io
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from mien.emotions import EMOTIONS
from mien.errors import InvalidInput
from mien.records import FrameRecord, ParquetWriter, TrackRecord, VideoHeader

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


class OneWay(io.BytesIO):
    """A pipe: what is written is gone."""

    def seekable(self) -> bool:
        return False

    def seek(self, *place: int) -> int:
        raise io.UnsupportedOperation("seek")


@pytest.fixture
def records(make_track: Callable[..., TrackRecord]) -> list[FrameRecord]:
    return [
        FrameRecord(index=0, time=0.0, faces=[]),
        FrameRecord(index=1, time=1 / 30, faces=[make_track(1, happy=0.75, valence=0.5), make_track(2, sad=1)]),
        FrameRecord(index=2, time=3600.1, faces=[make_track(2, interpolated=True, label="happy", sad=0.25)]),
    ]


def test_a_table_has_the_columns_of_the_csv_with_types(video_header: VideoHeader, records: list[FrameRecord]) -> None:
    stream = OneWay()
    with ParquetWriter(stream, video_header) as writer:
        for each in records:
            writer.write(each)
    found = parquet.read_table(io.BytesIO(stream.getvalue()))
    assert found.column_names == [
        "source", "frame", "time", "width", "height", "track_id", "left", "top", "right", "bottom", "detector_score",
        "interpolated", "quality", "quality_reasons", "label", *EMOTIONS, *(f"raw_{name}" for name in EMOTIONS),
        "valence", "arousal",
    ]  # fmt: skip
    types = {each.name: str(each.type) for each in found.schema}
    assert (types["frame"], types["time"], types["happy"], types["interpolated"]) == (
        "int64",
        "double",
        "float",
        "bool",
    )
    nothing, first, second, last = found.to_pylist()
    assert {name for name, value in nothing.items() if value is not None} == {
        "source",
        "frame",
        "time",
        "width",
        "height",
    }
    assert (first["source"], first["frame"], first["time"], first["track_id"], first["happy"], first["valence"]) == (
        "talk.mp4", 1, 1 / 30, 1, 0.75, 0.5,
    )  # fmt: skip
    assert (first["interpolated"], first["quality_reasons"]) == (False, [])
    assert (second["sad"], second["raw_sad"], second["label"]) == (1.0, 1.0, "sad")
    assert (last["interpolated"], last["detector_score"], last["quality_reasons"], last["label"]) == (
        True, None, ["blurred", "turned away"], "happy",
    )  # fmt: skip


def test_the_schema_says_what_was_analysed(video_header: VideoHeader) -> None:
    stream = io.BytesIO()
    with ParquetWriter(stream, replace(video_header, source="\udce4.mp4")):
        pass
    file = parquet.ParquetFile(stream)
    assert file.metadata.num_rows == 0
    assert file.read().column_names[0] == "source"
    about = json.loads(file.schema_arrow.metadata[b"mien"])
    assert (about["format"], about["source"], about["labels"]) == ("mien", "\udce4.mp4", list(EMOTIONS))
    assert file.metadata.metadata[b"mien.complete"] == b"true"


def test_rows_are_written_in_groups(video_header: VideoHeader, make_track: Callable[..., TrackRecord]) -> None:
    stream = io.BytesIO()
    face = make_track(1, happy=1)
    with ParquetWriter(stream, video_header, rows_a_group=10) as writer:
        early = 0
        for index in range(25):
            writer.write(FrameRecord(index=index, time=index / 25, faces=[face]))
            early = early or (stream.tell() if index == 9 else 0)
    assert early > 4  # more than the magic number: the first group did not wait for the end
    file = parquet.ParquetFile(stream)
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [10, 10, 5]
    assert file.read()["frame"].to_pylist() == list(range(25))


def test_a_file_is_whole_when_the_block_ends_by_an_exception(
    video_header: VideoHeader, records: list[FrameRecord]
) -> None:
    stream = io.BytesIO()
    with pytest.raises(KeyboardInterrupt), ParquetWriter(stream, video_header) as writer:
        writer.write(records[1])
        raise KeyboardInterrupt
    file = parquet.ParquetFile(stream)
    assert file.read()["track_id"].to_pylist() == [1, 2]
    assert file.metadata.metadata[b"mien.complete"] == b"false"


def test_a_label_that_is_another_columns_name_is_refused(video_header: VideoHeader) -> None:
    with pytest.raises(InvalidInput, match="two columns 'label'"):
        ParquetWriter(io.BytesIO(), replace(video_header, labels=("label",)))


def test_a_name_that_is_no_utf8_is_written_with_escapes(video_header: VideoHeader) -> None:
    stream = io.BytesIO()
    with ParquetWriter(stream, replace(video_header, source="\udce4.mp4")) as writer:
        writer.write(FrameRecord(index=0, time=0.0, faces=[]))
    assert parquet.read_table(stream)["source"].to_pylist() == ["\\udce4.mp4"]
