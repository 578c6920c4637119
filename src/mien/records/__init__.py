"""What leaves mien for programs: one record, and the formats it is written in; docs/output.md describes them."""

from mien.records.rows import as_table
from mien.records.sink import FileSink, Header, Kind, Sink

__all__ = ["FileSink", "Header", "Kind", "Sink", "as_table"]
