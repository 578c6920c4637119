"""What leaves mien for machines: one record, and the formats it is written in; docs/output.md describes them."""

from mien.records.frames import (
    Event,
    FrameCsvWriter,
    FrameJsonWriter,
    FrameRecord,
    JsonLinesWriter,
    TrackRecord,
    VideoHeader,
    write_events,
)
from mien.records.parquet import ParquetWriter
from mien.records.wire import (
    BoxRecord,
    CsvWriter,
    FaceRecord,
    Header,
    JsonWriter,
    Record,
    error_record,
    record,
    results_file,
)

__all__ = [
    "BoxRecord", "CsvWriter", "Event", "FaceRecord", "FrameCsvWriter", "FrameJsonWriter", "FrameRecord", "Header",
    "JsonLinesWriter", "JsonWriter", "ParquetWriter", "Record", "TrackRecord", "VideoHeader", "error_record", "record",
    "results_file", "write_events",
]  # fmt: skip
