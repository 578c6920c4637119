"""What was found, for machines and for eyes: the wire format, drawings and plots."""

from mien.report.drawing import annotate
from mien.report.frames import (
    Event,
    FrameCsvWriter,
    FrameJsonWriter,
    FrameRecord,
    JsonLinesWriter,
    TrackRecord,
    VideoHeader,
    write_events,
)
from mien.report.parquet import ParquetWriter
from mien.report.wire import (
    STANDARD_OUTPUT,
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
    "STANDARD_OUTPUT",
    "BoxRecord",
    "CsvWriter",
    "Event",
    "FaceRecord",
    "FrameCsvWriter",
    "FrameJsonWriter",
    "FrameRecord",
    "Header",
    "JsonLinesWriter",
    "JsonWriter",
    "ParquetWriter",
    "Record",
    "TrackRecord",
    "VideoHeader",
    "annotate",
    "error_record",
    "record",
    "results_file",
    "write_events",
]
