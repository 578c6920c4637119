"""A video's analysis as one page: who showed what, when."""

import io
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from mien.emotions import colours_of
from mien.records.sink import Header, Target
from mien.records.video_sink import VideoSink
from mien.report.html import card, document, key, named_values, table, tiles
from mien.tracking.events import Event
from mien.values import Box, Face, Failure, FrameResult, Image

MOST_BINS: Final = 1500
"""How many bins of time a page has at most; when a video is longer, bins become wider."""

SHORT: Final = 0.5
"""People in view for less than so many seconds are summed up at the end."""

PORTRAIT_SIDE: Final = 96
"""Width and height of a person's portrait, in pixels."""

_BETTER: Final = 0.05  # by so much quality another portrait has to be better
_FIRST_BIN: Final = 1 / 30  # seconds
_ROUNDING: Final = 1e-6  # seconds; timestamps are rounded
_WIDTH, _HEIGHT, _RIBBON, _FOOT = 1000, 130, 14, 28
_LEFT: Final = 4

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


@dataclass(slots=True)
class _Person:
    """How one person looked, and what the face showed in each bin of time.

    Attributes:
        first: When the person was first in view, in seconds.
        last: When the person was last in view, in seconds.
        bins: By the bin's number, float64 (2, K): the sums of the probabilities of its frames, and in how many of them
            each label led.
        num_frames: In how many frames the person was in view.
        events: The person's events so far.
        portrait: (96, 96, 3) uint8 RGB; None as long as no frame had an image of a detected face.
        quality: How well the portrait can be read, 0 to 1.
    """

    first: float
    last: float
    bins: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    num_frames: int = 0
    events: list[Event] = field(default_factory=list)
    portrait: Image | None = None
    quality: float = -1.0

    def add(self, place: int, time: float, face: Face) -> None:
        """Add a frame to the bin of that number."""
        scores = face.prediction.scores
        sums = self.bins.setdefault(place, np.zeros((2, len(scores))))
        sums[0] += scores
        sums[1, face.prediction.labels.index(face.label)] += 1
        self.last = time
        self.num_frames += 1

    def widen(self) -> None:
        """Join bins 0 and 1 into bin 0, 2 and 3 into bin 1."""
        narrow, self.bins = self.bins, {}
        for place, sums in narrow.items():
            self.bins[place // 2] = self.bins.get(place // 2, 0) + sums


class PageSink(VideoSink):
    """One HTML file about a video, written when the video has ended. Its memory does not grow with the frames.

    >>> with PageSink(Path("talk.html"), header) as sink:  # doctest: +SKIP
    ...     sink.write(result)
    """

    signature = rb'(?s).{0,500}<meta name="generator" content="mien">.{0,9999}?: expressions</title>'
    wants_images = True

    _bin = _FIRST_BIN
    _size, _rate = "", "varies"
    _error: str | None = None
    _num_frames = 0
    _end = 0.0

    def __init__(self, target: Target, header: Header) -> None:
        super().__init__(target, header)
        self._people: dict[int, _Person] = {}
        self._colours = {label: "rgb({} {} {})".format(*rgb) for label, rgb in colours_of(header.labels).items()}

    def begin_video(self, first: FrameResult) -> None:
        self._size = f"{first.width}×{first.height}"
        if first.video and first.video.rate:
            self._rate = f"{first.video.rate:.2f}".rstrip("0").rstrip(".")

    def add_frame(self, frame: FrameResult) -> None:
        self._num_frames += 1
        self._end = max(self._end, frame.time)
        while frame.time / self._bin >= MOST_BINS:
            for person in self._people.values():
                person.widen()
            self._bin *= 2
        for face in frame.faces:
            if face.track_id is not None:
                person = self._people.setdefault(face.track_id, _Person(frame.time, frame.time))
                person.add(int(frame.time / self._bin), frame.time, face)
                if frame.image is not None and not face.interpolated:
                    self._improve_portrait(person, face, frame.image)

    def add_events(self, events: Sequence[Event]) -> None:
        for event in events:
            self._people[event.track_id].events.append(event)

    def end_video(self, error: str | None) -> None:
        self._error = error

    def add_other(self, result: FrameResult | Failure) -> None:
        if isinstance(result, Failure):
            self.source, self._error = result.source, result.error

    def end(self, *, complete: bool) -> None:
        super().end(complete=complete)
        self.put(self._page())

    def _improve_portrait(self, person: _Person, face: Face, image: Image) -> None:
        quality = face.quality.score if face.quality else 0.0
        if quality > person.quality + _BETTER:
            # Not the detection's crop, which a result that was recorded and read back has lost.
            person.portrait, person.quality = _portrait(image, face.box.squared()), quality

    def _page(self) -> str:
        figures = [
            ("length", _clock(self._end), ""),
            ("frames", f"{self._num_frames:,}", ""),
            ("a second", self._rate, ""),
            ("picture", self._size, ""),
            ("people", str(len(self._people)), ""),
        ]
        name = Path(self.source).name
        labels = key(self._colours.items())
        top = f"<header><h1>{escape(name)}</h1>{tiles(figures)}<p>{labels}</p></header>"
        cards = [] if self._error is None else [card("Broken off", f"<p>{escape(self._error)}</p>")]
        long = {track: person for track, person in self._people.items() if person.last - person.first >= SHORT}
        cards += (self._person(track, long[track]) for track in sorted(long))
        short = len(self._people) - len(long)
        if short:
            cards.append(card("Seen only for a moment", f"<p>{short} more, each for less than {SHORT} s.</p>"))
        if not self._people:
            cards.append(card("Nobody", "<p>No face was found in any frame.</p>"))
        cards.append(card("Settings", named_values(self._settings().items()), "half"))
        cards.append(card("What this says", f"<p>{_NOTE}</p>", "half"))
        body = top + f'<div class="grid">{"".join(cards)}</div>'
        return document(f"{name}: expressions", body, style=_STYLE, script=_SCRIPT)

    def _settings(self) -> dict[str, object]:
        """What was analysed and how, in words."""
        header = self.header
        options = {**header.detector_options, **header.settings}
        # The setting `rate` is meant for sources without one of their own; the frames' own rate stands above it.
        rest = {name: value for name, value in options.items() if name not in ("start", "end", "rate")}
        words: dict[str, object] = {
            "source": self.source, "model": header.model, "detector": header.detector,
            "part": _part(header.settings), "frames a second": self._rate, **rest,
        }  # fmt: skip
        if "baseline" in rest:
            words["baseline"] = self._baseline(float(str(rest["baseline"])))
        return words

    def _baseline(self, seconds: float) -> str:
        if not seconds:
            return "off"
        longest = max((person.last - person.first for person in self._people.values()), default=0.0)
        unused = "; nobody was in view for so long, so nothing was taken out" if longest < seconds - _ROUNDING else ""
        return f"{seconds:g} s{unused}"

    def _person(self, track: int, person: _Person) -> str:
        counts = np.sum([leading for _, leading in person.bins.values()], axis=0)
        shares = counts / counts.sum()
        order = [number for number in np.argsort(-shares) if shares[number] > 0]
        labels = self.header.labels
        bar = "".join(
            f'<i style="width:{100 * shares[number]:.2f}%;background:{self._colours[labels[number]]}" '
            f'title="{escape(labels[number])} {shares[number]:.0%}"></i>'
            for number in order
        )
        words = ", ".join(f"{escape(labels[number])} {shares[number]:.0%}" for number in order)
        span = f"{_clock(person.first)} to {_clock(person.last)}, {person.num_frames:,} frames"
        portrait = '<div class="nobody"></div>' if person.portrait is None else _embedded(track, person.portrait)
        details = self._timeline(person) + _listed(person.events)
        right = (
            f'<div><p class="soft small" style="margin:0">{span}</p><div class="shares">{bar}</div>'
            f'<p class="small" style="margin:0 0 10px">{words}</p>{details}</div>'
        )
        return card(f"Person {track}", f'<div class="person">{portrait}{right}</div>')

    def _timeline(self, person: _Person) -> str:
        """The probabilities stacked to 1, with gaps where the person is out of view, and the leading label."""
        end = max(self._end, self._bin)
        means = {place: sums / max(sums.sum(), 1e-9) for place, (sums, _) in person.bins.items()}
        leading = {place: int(counts.argmax()) for place, (_, counts) in person.bins.items()}
        parts = []
        for run in _runs(sorted(means), most_missing=round(max(0.25 / self._bin, 1))):
            values = np.array([means[place] for place in run])
            # A bin is an area, not a point: its right edge belongs to it too.
            times = [*(place * self._bin for place in run), (run[-1] + 1) * self._bin]
            stacked = np.concatenate([np.zeros((len(run), 1)), np.cumsum(values, axis=1)], axis=1)
            stacked = np.concatenate([stacked, stacked[-1:]])
            parts += self._areas(times, stacked, end)
        parts += self._ribbon(leading, end)
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
        bins = {place: [leading[place], *(round(100 * float(share)) for share in means[place])] for place in means}
        data = {"bin": self._bin, "end": end, "labels": list(self.header.labels), "bins": bins}
        # "</script>" inside a label would end the element.
        embedded = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
        return (
            f'<div class="timeline">{svg}<div class="now"></div>'
            f'<script type="application/json">{embedded}</script></div>'
        )

    def _areas(self, times: Sequence[float], stacked: NDArray[np.float64], end: float) -> list[str]:
        areas = []
        for number, label in enumerate(self.header.labels):
            upper = [f"{_x(time, end):.1f},{_y(share):.1f}"
                     for time, share in zip(times, stacked[:, number + 1], strict=True)]  # fmt: skip
            lower = [f"{_x(time, end):.1f},{_y(share):.1f}"
                     for time, share in zip(reversed(times), stacked[::-1, number], strict=True)]  # fmt: skip
            areas.append(f'<polygon points="{" ".join([*upper, *lower])}" fill="{self._colours[label]}"/>')
        return areas

    def _ribbon(self, leading: Mapping[int, int], end: float) -> list[str]:
        """One rectangle for each stretch of bins with the same leading label."""
        parts = []
        start: int | None = None
        for place in sorted(leading):
            start = place if start is None else start
            if leading.get(place + 1) != leading[place]:
                left, right = _x(start * self._bin, end), _x((place + 1) * self._bin, end)
                label = self.header.labels[leading[place]]
                parts.append(
                    f'<rect x="{left:.1f}" y="{_HEIGHT + 4}" width="{max(right - left, 0.5):.1f}" '
                    f'height="{_RIBBON - 4}" fill="{self._colours[label]}"><title>{escape(label)}</title></rect>'
                )
                start = None
        return parts


_NOTE: Final = (
    "mien says what a face <em>shows</em>, frame by frame, not what a person <em>feels</em>. The same face can mean "
    "joy, politeness or pain. Faces that are small, blurred, dark or turned away are read less well: their "
    "quality, frame by frame, is in the files of --csv, --json, --jsonl and --parquet. In the European Union, "
    "inferring emotions at work and at school is forbidden (AI Act, Article 5(1)(f))."
)


def _portrait(image: Image, square: Box) -> Image:
    height, width = image.shape[:2]
    left, top, right, bottom = map(round, square.clipped(width, height))
    left, top = min(left, width - 1), min(top, height - 1)
    inside = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    return np.asarray(cv2.resize(inside, (PORTRAIT_SIDE, PORTRAIT_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _embedded(track: int, portrait: Image) -> str:
    content = io.BytesIO()
    Pillow.fromarray(portrait).save(content, "JPEG", quality=85)
    return f'<img alt="person {track}" src="data:image/jpeg;base64,{b64encode(content.getvalue()).decode()}">'


def _listed(events: Sequence[Event]) -> str:
    if not events:
        return ""
    rows = [
        (escape(event.label), f"{event.start:.2f}", f"{event.end:.2f}", f"{event.peak:.0%}", f"{event.peak_time:.2f}",
         f"{event.mean:.0%}")
        for event in events
    ]  # fmt: skip
    head = "expression", "from, s", "to, s", "peak", "at, s", "mean"
    count = "1 event" if len(rows) == 1 else f"{len(rows)} events"
    return f"<details><summary>{count}</summary>{table(head, rows)}</details>"


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
