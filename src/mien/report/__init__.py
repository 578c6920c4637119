"""What was found, for machines and for eyes: the wire format, drawings and plots."""

from mien.report.drawing import annotate
from mien.report.wire import (
    STANDARD_OUTPUT,
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
    "CsvWriter",
    "FaceRecord",
    "Header",
    "JsonWriter",
    "Record",
    "annotate",
    "error_record",
    "record",
    "results_file",
]
