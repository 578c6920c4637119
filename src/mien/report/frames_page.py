"""A video's analysis as one page: who showed what, when."""

import io
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from mien.emotions import colours_of
from mien.files import replacing
from mien.records.frames import Event, FrameRecord, VideoHeader
from mien.report.html import card, document, key, named_values, table, tiles
from mien.values import Image

MOST_BINS: Final = 1500
"""Of time, a page keeps; when a video is longer, bins become wider."""

SHORT: Final = 0.5
"""Seconds; people in view for less are folded together at the end."""

Number = TypeVar("Number", np.float64, np.int64)

_FIRST_BIN = 1 / 30
_ROUNDING = 1e-6  # of times
_WIDTH, _HEIGHT, _RIBBON, _FOOT = 1000, 130, 14, 28
_LEFT = 4

_STYLE: Final = """
.person { display: grid; grid-template-columns: 112px minmax(0, 1fr); gap: 18px; }
.person img, .person .nobody { width: 96px; height: 96px; border-radius: 12px; object-fit: cover;
  background: var(--line); }
.shares { display: flex; height: 12px; border-radius: 6px; overflow: hidden; margin: 10px 0 6px; }
.timeline { position: relative; }
.timeline .now { position: absolute; pointer-events: none; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; padding: 8px 12px; font-size: 13px; box-shadow: 0 4px 18px rgb(0 0 0 / .16); display: none;
  top: 4px; z-index: 2; white-space: nowrap; font-variant-numeric: tabular-nums; }
@media (max-width: 700px) { .timeline .chart text { font-size: 26px; }
  .person { grid-template-columns: minmax(0, 1fr); } }
"""

_SCRIPT: Final = """
for (const box of document.querySelectorAll(".timeline")) {
  const data = JSON.parse(box.querySelector("script").textContent), now = box.querySelector(".now");
  const svg = box.querySelector("svg");
  box.addEventListener("pointermove", event => {
    const frame = svg.getBoundingClientRect();
    const at = Math.floor((event.clientX - frame.left) / frame.width * data.end / data.bin);
    const row = data.bins[at];
    if (!row) { now.style.display = "none"; return; }
    now.replaceChildren();
    const head = document.createElement("b");
    head.textContent = (at * data.bin).toFixed(1) + " s  " + data.labels[row[0]];
    now.append(head);
    row.slice(1).forEach((share, number) => {
      const line = document.createElement("div");
      line.textContent = data.labels[number] + " " + share + " %";
      now.append(line);
    });
    now.style.display = "block";
    const left = event.clientX - frame.left;
    now.style.left = Math.max(0, left > frame.width / 2 ? left - now.offsetWidth - 16 : left + 16) + "px";
  });
  box.addEventListener("pointerleave", () => now.style.display = "none");
}
"""


class _Bins:
    """What one person showed in each bin of time: sums over the frames in it.

    Attributes:
        scores: by bin, (K,) sums of probabilities.
        leading: by bin, (K,) numbers of frames in which each label led.
        first, last: seconds in view.
        frames: in view.
    """

    def __init__(self, num_labels: int, time: float) -> None:
        self._num_labels = num_labels
        self.scores: dict[int, NDArray[np.float64]] = {}
        self.leading: dict[int, NDArray[np.int64]] = {}
        self.first = self.last = time
        self.frames = 0

    def add(self, place: int, time: float, scores: Sequence[float], label: int) -> None:
        """A frame, into the bin of that number."""
        if place not in self.scores:
            self.scores[place] = np.zeros(self._num_labels)
            self.leading[place] = np.zeros(self._num_labels, np.int64)
        self.scores[place] += scores
        self.leading[place][label] += 1
        self.last = time
        self.frames += 1

    def widen(self) -> None:
        """Make one bin of each two."""
        self.scores, self.leading = _in_pairs(self.scores), _in_pairs(self.leading)


def _in_pairs(bins: dict[int, NDArray[Number]]) -> dict[int, NDArray[Number]]:
    """Bins 0 and 1 added up as bin 0, 2 and 3 as bin 1."""
    wider: dict[int, NDArray[Number]] = {}
    for place, value in bins.items():
        half = place // 2
        wider[half] = wider[half] + value if half in wider else value
    return wider


class VideoPage:
    """Takes a video's records one by one, and writes them as one page. Its memory does not grow with the video.

    Args:
        header: what was analysed.
    """

    def __init__(self, header: VideoHeader) -> None:
        self._header = header
        self._places = {label: number for number, label in enumerate(header.labels)}
        self._css = {
            label: f"rgb({red} {green} {blue})" for label, (red, green, blue) in colours_of(header.labels).items()
        }
        self._people: dict[int, _Bins] = {}
        self._pictures: dict[int, Image] = {}
        self._bin = _FIRST_BIN
        self._frames = 0
        self._end = 0.0

    def add(self, record: FrameRecord) -> None:
        """The next frame."""
        time = record["time"]
        self._frames += 1
        self._end = max(self._end, time)
        while time / self._bin >= MOST_BINS:
            for person in self._people.values():
                person.widen()
            self._bin *= 2
        for face in record["faces"]:
            person = self._people.setdefault(face["track_id"], _Bins(len(self._places), time))
            scores = [face["scores"][label] for label in self._header.labels]
            person.add(int(time / self._bin), time, scores, self._places[face["label"]])

    def add_thumbnail(self, track_id: int, picture: Image) -> None:
        """A small picture of a person: (H, W, 3) uint8 RGB."""
        self._pictures[track_id] = picture

    def write(self, path: Path, events: Iterable[Event]) -> None:
        """Write the page as one HTML file.

        Raises:
            OSError: the folder cannot be written, or the disk is full; a file of that name is as it was.
        """
        with replacing(path) as partial:
            partial.write_text(self.render(events), encoding="utf-8")

    def render(self, events: Iterable[Event]) -> str:
        """The page as HTML."""
        by_person: dict[int, list[Event]] = {}
        for event in events:
            by_person.setdefault(event["track_id"], []).append(event)
        header = self._header
        figures = [
            ("length", _clock(self._end), ""),
            ("frames", f"{self._frames:,}", ""),
            ("a second", _rate(header), ""),
            ("picture", f"{header.width}×{header.height}", ""),
            ("people", str(len(self._people)), ""),
        ]
        labels = key((label, self._css[label]) for label in header.labels)
        top = f"<header><h1>{escape(Path(header.source).name)}</h1>{tiles(figures)}<p>{labels}</p></header>"
        long = {track: person for track, person in self._people.items() if person.last - person.first >= SHORT}
        cards = [self._person(track, long[track], by_person.get(track, [])) for track in sorted(long)]
        short = len(self._people) - len(long)
        if short:
            cards.append(card("Seen only for a moment", f"<p>{short} more, each for less than {SHORT} s.</p>"))
        if not self._people:
            cards.append(card("Nobody", "<p>No face was found in any frame.</p>"))
        cards.append(card("Settings", named_values(self._settings().items()), "half"))
        cards.append(card("What this says", f"<p>{_NOTE}</p>", "half"))
        body = top + f'<div class="grid">{"".join(cards)}</div>'
        return document(f"{Path(header.source).name}: expressions", body, style=_STYLE, script=_SCRIPT)

    def _settings(self) -> dict[str, object]:
        """What was analysed and how, in words."""
        header = self._header
        told = {"source": header.source, "model": header.model, "detector": header.detector}
        # The setting `rate` is that of sources without one of their own; the header has every source's.
        rest = {name: value for name, value in header.settings.items() if name not in ("start", "end", "rate")}
        words: dict[str, object] = {**told, "part": _part(header.settings), "frames a second": _rate(header), **rest}
        if "baseline" in rest:
            words["baseline"] = self._baseline(float(str(rest["baseline"])))
        return words

    def _baseline(self, seconds: float) -> str:
        if not seconds:
            return "off"
        longest = max((person.last - person.first for person in self._people.values()), default=0.0)
        unused = "; nobody was in view for so long, so nothing was taken out" if longest < seconds - _ROUNDING else ""
        return f"{seconds:g} s{unused}"

    def _person(self, track: int, person: _Bins, events: Sequence[Event]) -> str:
        counts = np.sum(list(person.leading.values()), axis=0)
        shares = counts / max(1, counts.sum())
        order = [number for number in np.argsort(-shares) if shares[number] > 0]
        labels = self._header.labels
        bar = "".join(
            f'<i style="width:{100 * shares[number]:.2f}%;background:{self._css[labels[number]]}" '
            f'title="{escape(labels[number])} {shares[number]:.0%}"></i>'
            for number in order
        )
        words = ", ".join(f"{escape(labels[number])} {shares[number]:.0%}" for number in order)
        rows = [
            (escape(event["label"]), f"{event['start']:.2f}", f"{event['end']:.2f}", f"{event['peak']:.0%}",
             f"{event['peak_time']:.2f}", f"{event['mean']:.0%}")
            for event in events
        ]  # fmt: skip
        head = "expression", "from, s", "to, s", "peak", "at, s", "mean"
        listed = f"<details><summary>{len(rows)} events</summary>{table(head, rows)}</details>" if rows else ""
        span = f"{_clock(person.first)} to {_clock(person.last)}, {person.frames:,} frames"
        right = (
            f'<div><p class="soft small" style="margin:0">{span}</p><div class="shares">{bar}</div>'
            f'<p class="small" style="margin:0 0 10px">{words}</p>{self._timeline(person)}{listed}</div>'
        )
        return card(f"Person {track}", f'<div class="person">{self._portrait(track)}{right}</div>')

    def _portrait(self, track: int) -> str:
        picture = self._pictures.get(track)
        if picture is None:
            return '<div class="nobody"></div>'
        content = io.BytesIO()
        Pillow.fromarray(picture).save(content, "JPEG", quality=85)
        return f'<img alt="person {track}" src="data:image/jpeg;base64,{b64encode(content.getvalue()).decode()}">'

    def _timeline(self, person: _Bins) -> str:
        """The probabilities stacked to 1, with gaps where the person is out of view, and the leading label."""
        end = max(self._end, self._bin)
        means = {place: sums / max(sums.sum(), 1e-9) for place, sums in person.scores.items()}
        parts = []
        for run in _runs(sorted(means), most_missing=round(max(0.25 / self._bin, 1))):
            values = np.array([means[place] for place in run])
            # A bin is an area, not a point: its right edge belongs to it too.
            times = [*(place * self._bin for place in run), (run[-1] + 1) * self._bin]
            stacked = np.concatenate([np.zeros((len(run), 1)), np.cumsum(values, axis=1)], axis=1)
            stacked = np.concatenate([stacked, stacked[-1:]])
            parts += self._areas(times, stacked, end)
        parts += self._ribbon(person, end)
        for share in range(5):
            time = end * share / 4
            anchor = {0: "start", 4: "end"}.get(share, "middle")
            parts.append(f'<text x="{_x(time, end):.1f}" y="{_HEIGHT + _RIBBON + _FOOT}" text-anchor="{anchor}">'
                         f"{_clock(time)}</text>")  # fmt: skip
        height = _HEIGHT + _RIBBON + _FOOT + 6
        svg = (
            f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" '
            f'aria-label="expressions over time" preserveAspectRatio="none">{"".join(parts)}</svg>'
        )
        bins = {
            place: [int(person.leading[place].argmax()), *(round(100 * float(share)) for share in mean)]
            for place, mean in means.items()
        }
        data = {"bin": self._bin, "end": end, "labels": list(self._header.labels), "bins": bins}
        # "</script>" inside a label would end the element.
        embedded = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
        return (
            f'<div class="timeline">{svg}<div class="now"></div>'
            f'<script type="application/json">{embedded}</script></div>'
        )

    def _areas(self, times: Sequence[float], stacked: NDArray[np.float64], end: float) -> list[str]:
        areas = []
        for number, label in enumerate(self._header.labels):
            upper = [f"{_x(time, end):.1f},{_y(share):.1f}"
                     for time, share in zip(times, stacked[:, number + 1], strict=True)]  # fmt: skip
            lower = [f"{_x(time, end):.1f},{_y(share):.1f}"
                     for time, share in zip(reversed(times), stacked[::-1, number], strict=True)]  # fmt: skip
            areas.append(f'<polygon points="{" ".join([*upper, *lower])}" fill="{self._css[label]}"/>')
        return areas

    def _ribbon(self, person: _Bins, end: float) -> list[str]:
        """One rectangle for each stretch of bins with the same leading label."""
        parts = []
        leading = {place: int(counts.argmax()) for place, counts in person.leading.items()}
        start: int | None = None
        for place in sorted(leading):
            start = place if start is None else start
            if leading.get(place + 1) != leading[place]:
                left, right = _x(start * self._bin, end), _x((place + 1) * self._bin, end)
                label = self._header.labels[leading[place]]
                parts.append(
                    f'<rect x="{left:.1f}" y="{_HEIGHT + 4}" width="{max(right - left, 0.5):.1f}" '
                    f'height="{_RIBBON - 4}" fill="{self._css[label]}"><title>{escape(label)}</title></rect>'
                )
                start = None
        return parts


_NOTE: Final = (
    "mien says what a face <em>shows</em>, frame by frame, not what a person <em>feels</em>. The same face can mean "
    "joy, politeness or pain. Faces that are small, blurred, dark or turned away are read less well: their "
    "quality, frame by frame, is in the files of --csv, --json, --jsonl and --parquet. In the European Union, "
    "inferring emotions at work and at school is forbidden (AI Act, Article 5(1)(f))."
)


def _rate(header: VideoHeader) -> str:
    return f"{header.rate:.2f}".rstrip("0").rstrip(".") if header.rate else "varies"


def _part(settings: Mapping[str, object]) -> str:
    """Which part of the video was analysed."""
    start, end = float(str(settings.get("start") or 0)), settings.get("end")
    if end is None:
        return f"from {start:g} s on" if start else "all"
    return f"from {start:g} s to {float(str(end)):g} s"


def _runs(places: Sequence[int], most_missing: int) -> Iterable[list[int]]:
    """Stretches of numbers in which at most so many are missing in a row."""
    run: list[int] = []
    for place in places:
        if run and place - run[-1] > most_missing + 1:
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _x(time: float, end: float) -> float:
    return _LEFT + min(time / end, 1.0) * (_WIDTH - 2 * _LEFT)


def _y(share: float) -> float:
    return _HEIGHT * (1 - share)


def _clock(seconds: float) -> str:
    """5.2 s, 3:07 or 1:02:45."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
