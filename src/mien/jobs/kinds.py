"""The table of outputs. A new one is a file with its sink, and its line here; it then has its option and its checks."""

from typing import Final

from mien.records.sink import Kind
from mien.report.html import PAGE_SUFFIXES

_DRAW = "Draw what was found: into a folder, or one picture or video into a file."

_REPORT: Final = "A page to read: of one video, or of pictures; a folder of pages for several videos."

KINDS: Final = (
    Kind("annotate", _DRAW, (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"),
         "mien.jobs.drawings:PictureDrawing", each=True, videos=False),
    Kind("annotate", _DRAW, (".mp4", ".m4v", ".mov", ".mkv"),
         "mien.jobs.drawings:VideoDrawing", each=True, pictures=False),
    Kind("explain", "Pictures: what in each face speaks for its label; a folder, one PNG a face.", (".png",),
         "mien.jobs.drawings:PictureExplanations", each=True, videos=False),
    Kind("csv", "A row a face; - for standard output.", (".csv", ".txt"), "mien.records.rows:CsvSink", pipes=True),
    Kind("json", "One document; - for standard output.", (".json",), "mien.records.json_files:JsonSink", pipes=True),
    Kind("jsonl", "A line a picture or frame, while the job runs; - for standard output.", (".jsonl", ".ndjson"),
         "mien.records.json_files:JsonLinesSink", pipes=True),
    Kind("parquet", "A row a face, typed.", (".parquet", ".pq"), "mien.records.parquet:ParquetSink"),
    Kind("events", "Videos: who showed what, from when to when.", (".csv", ".json"),
         "mien.records.events:EventsSink", pictures=False),
    Kind("seconds", "Videos: a row a person and second.", (".csv",),
         "mien.records.seconds:SecondsSink", pictures=False),
    Kind("subtitles", "Videos: what everybody shows, for a player; a folder for several.", (".srt",),
         "mien.records.subtitles:SubtitlesSink", each=True, pictures=False),
    Kind("report", _REPORT, PAGE_SUFFIXES, "mien.report.video_page:PageSink", each=True, pictures=False),
    Kind("report", _REPORT, PAGE_SUFFIXES, "mien.report.folder_page:FolderPage", file="index.html", portraits=True),
)  # fmt: skip

HELP: Final = {kind.name: kind.help for kind in KINDS}  # what the option of each output says, by its name
