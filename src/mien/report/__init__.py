"""What was found, for machines and for eyes: the wire format, drawings and plots."""

from mien.report.anonymize import Anonymization, anonymized
from mien.report.drawing import DrawnFace, annotate, annotate_frame
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
from mien.report.history import History
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
    "Anonymization",
    "BoxRecord",
    "CsvWriter",
    "DrawnFace",
    "Event",
    "FaceRecord",
    "FrameCsvWriter",
    "FrameJsonWriter",
    "FrameRecord",
    "Header",
    "History",
    "JsonLinesWriter",
    "JsonWriter",
    "ParquetWriter",
    "Record",
    "TrackRecord",
    "VideoHeader",
    "annotate",
    "annotate_frame",
    "anonymized",
    "error_record",
    "record",
    "results_file",
    "write_events",
]
