"""A video's analysis as one page: who showed what, when."""

import io
import itertools
import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
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
from mien.report.html import card, chart, document, key, named_values, table, tiles
from mien.tracking.events import Event
from mien.tracking.smoothing import TIME_TOLERANCE
from mien.values import Box, Failure, FrameResult, Image

MOST_BINS: Final = 1500  # how many bins of time a page has at most; when a video is longer, bins become wider
SHORT: Final = 0.5  # people in view for less than so many seconds are summed up at the end
PORTRAIT_SIDE: Final = 96  # width and height of a person's portrait, in pixels
_BETTER: Final = 5  # by so much quality another portrait has to be better
_WIDTH, _HEIGHT, _RIBBON, _FOOT, _LEFT = 1000, 130, 14, 28, 4


@dataclass(slots=True)
class _Person:
    """How one person looked, and what the face showed in each bin of time."""

    first: float  # second in view
    last: float  # second in view
    # By the bin's number, (2, K): the sums of the probabilities of its frames, and in how many of them each label led.
    bins: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    num_frames: int = 0  # in view
    events: list[Event] = field(default_factory=list)
    portrait: Image | None = None  # as long as no frame had an image of a detected face
    quality: float = -1.0  # how well the portrait can be read, 0 to 100

    def widen(self) -> None:
        """Join each two neighbouring bins."""
        narrow, self.bins = self.bins, {}
        for place, sums in narrow.items():
            self.bins[place // 2] = self.bins.get(place // 2, 0) + sums


class PageSink(VideoSink):
    """One HTML file about a video, written when the video has ended. Its memory does not grow with the frames.

    Portraits are cut out of the results' images; where faces are hidden in those, they are hidden in the page.
    """

    signature = rb'(?s).{0,500}<meta name="generator" content="mien">.{0,9999}?: expressions</title>'
    wants_images = True

    _bin = 1 / 30  # seconds
    _size, _rate = "", "varies"
    _error: str | None = None
    _num_frames = 0
    _end = 0.0

    def __init__(self, target: Target, header: Header) -> None:
        super().__init__(target, header)
        self._people: dict[int, _Person] = {}
        colours = colours_of(header.labels)
        self._colours = {label: "rgb({} {} {})".format(*colours[label]) for label in header.labels}

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
                scores = face.scores
                sums = np.array([[scores[label], label == face.label] for label in self.header.labels]).T
                place = int(frame.time / self._bin)
                person.bins[place] = person.bins.get(place, 0) + sums
                person.last = frame.time
                person.num_frames += 1
                quality = face.quality.score if face.quality else 0.0
                if frame.image is not None and not face.interpolated and quality > person.quality + _BETTER:
                    # Not the detection's crop, which a result that was recorded and read back has lost.
                    person.portrait, person.quality = _portrait(frame.image, face.box.squared()), quality

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

    def _page(self) -> str:
        figures = [
            ("length", _clock(self._end), ""),
            ("frames", f"{self._num_frames:,}", ""),
            ("frames a second", self._rate, ""),
            ("picture", self._size, ""),
            ("people", str(len(self._people)), ""),
        ]
        name = Path(self.source).name
        top = f"<header><h1>{escape(name)}</h1>{tiles(figures)}<p>{key(self._colours.items())}</p></header>"
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
        return document(f"{name}: expressions", body, style="video_page.css", script="video_page.js")

    def _settings(self) -> dict[str, object]:
        """What was analysed and how, in words."""
        # The setting `rate` is meant for sources without one of their own; the frames' own rate stands above it.
        options = {**self.header.detector_options, **self.header.settings}
        options.pop("rate", None)
        start, end = float(str(options.pop("start", 0.0))), options.pop("end", None)
        part = f"from {start:g} s " + ("on" if end is None else f"to {float(str(end)):g} s")
        if "baseline" in options:
            seconds = float(str(options["baseline"]))
            longest = max((person.last - person.first for person in self._people.values()), default=0.0)
            options["baseline"] = f"{seconds:g} s" if seconds else "off"
            if longest < seconds - TIME_TOLERANCE:
                options["baseline"] = f"{seconds:g} s; nobody was in view for so long, so nothing was taken out"
        return {
            "source": self.source, "model": self.header.model, "detector": self.header.detector,
            "part": part if start or end else "all", "frames a second": self._rate, **options,
        }  # fmt: skip

    def _person(self, track: int, person: _Person) -> str:
        counts = np.sum([*person.bins.values()], axis=0)[1]
        shares = sorted(zip(counts / counts.sum(), self.header.labels, strict=True), key=lambda each: -each[0])
        shown = [(f"{escape(label)} {share:.0%}", share, self._colours[label]) for share, label in shares if share]
        bar = "".join(
            f'<i style="width:{share:.2%};background:{colour}" title="{words}"></i>' for words, share, colour in shown
        )
        span = f"{_clock(person.first)} to {_clock(person.last)}, {person.num_frames:,} frames"
        right = (
            f'<div><p class="soft small" style="margin:0">{span}</p><div class="shares">{bar}</div>'
            f'<p class="small" style="margin:0 0 10px">{", ".join(words for words, _, _ in shown)}</p>'
            f"{self._timeline(person)}{_listed(person.events)}</div>"
        )
        portrait = '<div class="nobody"></div>' if person.portrait is None else _embedded(track, person.portrait)
        return card(f"Person {track}", f'<div class="person">{portrait}{right}</div>')

    def _timeline(self, person: _Person) -> str:
        """The probabilities stacked to 1, with gaps where the person is out of view, and below the leading label."""
        end = max(self._end, self._bin)
        places = np.array(sorted(person.bins))
        sums, counts = np.stack([person.bins[place] for place in places], axis=1)
        means, leading = sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-9), counts.argmax(axis=1)
        # One unit of these coordinates is a bin across and a pixel down.
        width = _WIDTH - 2 * _LEFT
        transform = f"translate({_LEFT}) scale({width * self._bin / end:.6f} 1)"
        shapes = "".join(self._shapes(places, means, leading, end / self._bin))
        below = "".join(
            f'<text x="{_LEFT + share * width:g}" y="{_HEIGHT + _RIBBON + _FOOT}" text-anchor="{anchor}">'
            f"{_clock(share * end)}</text>"
            for share, anchor in zip(np.linspace(0, 1, 5), ("start", "middle", "middle", "middle", "end"), strict=True)
        )
        content, height = f'<g transform="{transform}">{shapes}</g>{below}', _HEIGHT + _RIBBON + _FOOT + 6
        percents = np.column_stack([leading, (100 * means).round().astype(int)])
        bins = dict(zip(places.tolist(), percents.tolist(), strict=True))
        data = {"bin": self._bin, "end": end, "labels": list(self.header.labels), "bins": bins}
        # "</script>" inside a label would end the element.
        embedded = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
        return (
            f'<div class="timeline">{chart(content, _WIDTH, height, "expressions over time")}<div class="now"></div>'
            f'<script type="application/json">{embedded}</script></div>'
        )

    def _shapes(
        self, places: NDArray[np.int64], means: NDArray[np.float64], leading: NDArray[np.int64], end: float
    ) -> Iterator[str]:
        """An area a label and stretch of time in view; below, a bar for each stretch with the same leading label."""
        heights = _HEIGHT * (1 - np.cumsum(np.insert(means, 0, 0, axis=1), axis=1))
        steps = np.diff(places)
        for run in _runs(steps > 1 + round(max(0.25 / self._bin, 1))):
            # A bin is an area, not a point: its right edge belongs to it too.
            times = [*places[run], min(places[run][-1] + 1, end)]
            edges = np.append(heights[run], heights[run][-1:], axis=0).T
            for colour, lower, upper in zip(self._colours.values(), edges[:-1], edges[1:], strict=True):
                outline = zip([*times, *times[::-1]], [*upper, *lower[::-1]], strict=True)
                points = " ".join(f"{time:g},{height:.1f}" for time, height in outline)
                yield f'<polygon points="{points}" fill="{colour}"/>'
        for run in _runs((steps > 1) | (np.diff(leading) != 0)):
            label, length = self.header.labels[leading[run][0]], min(places[run][-1] + 1, end) - places[run][0]
            yield (
                f'<rect x="{places[run][0]}" y="{_HEIGHT + 4}" width="{length:g}" height="{_RIBBON - 4}" '
                f'fill="{self._colours[label]}"><title>{escape(label)}</title></rect>'
            )


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


def _runs(ends: NDArray[np.bool_]) -> Iterator[slice]:
    """The stretches that N values fall into, where (N - 1,) booleans say after which of them one ends."""
    edges = [0, *(np.flatnonzero(ends) + 1).tolist(), len(ends) + 1]
    return itertools.starmap(slice, itertools.pairwise(edges))


def _clock(seconds: float) -> str:
    """5.2 s, 3:07 or 1:02:45."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
