"""The events of videos: who showed what, from when to when."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

from mien.errors import InvalidInput
from mien.records.results import json_text
from mien.records.rows import csv_row
from mien.records.sink import FORMAT, VERSION, Header, Target
from mien.records.video_sink import VideoSink
from mien.tracking.events import Event
from mien.values import number

_COLUMNS: Final = ("source", *(field.name for field in fields(Event)))


class EventsSink(VideoSink):
    """A row an event, of all videos: CSV or JSON, by the file's suffix; CSV for a stream. Pictures are passed over.

    >>> with EventsSink(Path("events.csv"), header) as sink:
    ...     sink.write(result)
    """

    signature = rb'(source,)?track_id,label,start,end,|\s*\{\s*"format":\s*"mien",\s*"version":\s*\d+,\s*"events"'
    _separator = "\n"

    def __init__(self, target: Target, header: Header) -> None:
        super().__init__(target, header)
        suffix = target.suffix.lower() if isinstance(target, Path) else ".csv"
        if suffix not in (".csv", ".json"):
            raise InvalidInput(f"{target}: events are written as .csv or .json; got the suffix {suffix!r}")
        self._json = suffix == ".json"

    def begin(self) -> None:
        if self._json:
            self.put(f'{{\n"format": "{FORMAT}",\n"version": {VERSION},\n"events": [')
        else:
            self.put(csv_row(_COLUMNS))

    def add_events(self, events: Sequence[Event]) -> None:
        for event in events:
            entry = {"source": self.source, **event_to_dict(event)}
            if self._json:
                self.put(self._separator + json_text(entry))
                self._separator = ",\n"
            else:
                self.put(csv_row([*entry.values()]))

    def end(self, *, complete: bool) -> None:
        super().end(complete=complete)
        if self._json:
            self.put(f'\n],\n"complete": {json_text(complete)}\n}}\n')


def event_to_dict(event: Event) -> dict[str, Any]:
    """An event as JSON has it: probabilities with the fewest digits of 32 bits, times with all of their 64."""
    return asdict(event) | {"peak": number(event.peak), "mean": number(event.mean)}
