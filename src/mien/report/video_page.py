"""A video's analysis as one page: who showed what, when."""

import heapq
import io
import itertools
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.emotions import valence_arousal
from mien.errors import InvalidInput
from mien.records.seconds import SecondsSink
from mien.records.sink import Header, Target
from mien.records.video_sink import VideoSink
from mien.report.html import (
    INTERRUPTED,
    REPORT_TITLE,
    and_more,
    card,
    counted,
    css_colours,
    expressions_page,
    key,
    shares_bar,
    table,
)  # fmt: skip
from mien.report.provenance import made_with, name_of, sha256, without_paths
from mien.report.stills import EVIDENCE_NOTE, SIDE, cut, embedded, jpeg, with_evidence
from mien.report.timeline import Axis, Binning, areas, clock, line, plot, ribbon, shaded, time_scale
from mien.tracking.events import Event
from mien.tracking.smoothing import TIME_TOLERANCE
from mien.values import Face, Failure, FrameResult, Image, VideoInfo

SHORT: Final = 0.5  # seconds; people in view for less have no charts
SHORTEST_TOLD: Final = 0.05  # seconds; what is shorter would be told as 0.0 s
MOST_CHARTED: Final = 30  # people with charts: those longest in view
MOST_LISTED: Final = 200  # people in the table
MOST_POINTS: Final = 6000  # of all people's charts together; where there are more, each is the mean of more frames
MOST_STILLS: Final = 120  # of a page: those of the longest events
MOST_EVENTS: Final = 300  # listed of a person: the longest
MOST_DAMAGES: Final = 20  # places where a video is damaged that are listed
MOST_TABLE: Final = 400_000  # bytes of the table by seconds that a page offers; a longer one is left to --seconds
_BETTER: Final = 5  # by so much quality another portrait has to be better


@dataclass(slots=True)
class _Peak:
    """The frame so far in which a person showed an expression most."""

    score: float
    time: float
    still: Image | None


@dataclass(slots=True)
class _Person:
    """How one person looked, and what the face showed in each bin of time."""

    first: float  # the time of the first frame in view
    last: float  # the time of the last frame in view
    end: float  # when that frame ended
    seconds: float = 0.0  # in view
    # By the bin's number, (2K + 4,): the K scores summed up; the number of frames in which each label led, and of those
    # that are unclear; the sum of the quality, in how many frames it was measured; frames.
    bins: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    label: str = ""  # that led last, apart from frames that are unclear
    num_events: Counter[str] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)
    portrait: bytes | None = None  # a JPEG; None as long as no frame had an image of a detected face
    quality: float = -1.0  # how well the portrait can be read, 0 to 100

    @property
    def sums(self) -> NDArray[np.float64]:
        """All bins together."""
        sums: NDArray[np.float64] = np.sum([*self.bins.values()], axis=0)
        return sums

    def join(self, places: Sequence[int]) -> None:
        """Join bins whose new places are the same."""
        narrow, self.bins = self.bins, {}
        for place, sums in narrow.items():
            self.bins[places[place]] = self.bins.get(places[place], 0) + sums


class PageSink(VideoSink):
    """One HTML file about a video, written when the video has ended. Its memory grows with the people alone.

    Portraits and stills are cut out of the results' images; where faces are hidden in those, they are hidden in the
    page. Neither the page nor its title has the folder that the video lies in.
    """

    signature = REPORT_TITLE
    wants_images = True

    _size = ""
    _rate: float | None = None  # of the file, in frames a second
    _nobody: float = 0.0  # seconds
    _error: str | None = None
    _recorded: str | None = None

    def __init__(self, target: Target, header: Header) -> None:
        super().__init__(target, header)
        self._people: dict[int, _Person] = {}
        self._in_view: dict[int, _Person] = {}  # in the last frame
        self._peaks: dict[int, dict[str, _Peak]] = {}  # by label, of the people in view
        self._bins = Binning()
        self._labels = {label: number for number, label in enumerate(header.labels)}
        self._colours = css_colours(header.labels)
        self._stills: list[tuple[float, int, Event, bytes]] = []  # a heap, the shortest event first
        self._num_stills = 0
        self._damages: list[str] = []
        self._num_damages = 0

    def begin(self) -> None:
        self._seconds, self._table, self._writing = io.BytesIO(), None, ExitStack()
        try:
            self._table = self._writing.enter_context(SecondsSink(self._seconds, self.header))
        except InvalidInput:  # one of the labels is the name of another column
            self._table = None

    def begin_video(self, first: FrameResult) -> None:
        self._size = f"{first.width}×{first.height}"
        video = first.video or VideoInfo()
        self._rate, self._recorded = video.rate, video.started_at

    def add_frame(self, frame: FrameResult) -> None:
        self._time, self._ended, self._in_view = frame.time, frame.time, {}
        place, joined = self._bins.add(frame.time)
        if frame.error is not None:
            self._num_damages += 1
            self._damages += [frame.error] if len(self._damages) < MOST_DAMAGES else []
        for person in self._people.values() if joined else ():
            person.join(joined)
        for face in frame.faces:
            if face.track_id is not None:
                person = self._people.setdefault(face.track_id, _Person(frame.time, frame.time, frame.time))
                person.bins[place] = person.bins.get(place, 0) + self._numbers(face)
                self._look_at(person, face, frame)
                person.last, person.end = frame.time, frame.time
                person.label = person.label if face.uncertain else face.label
                self._in_view[face.track_id] = person
        if self._table is not None:
            self._table.write(replace(frame, source=name_of(frame.source), image=None))
            if self._seconds.tell() > MOST_TABLE:
                self._table = None

    def end_frame(self, end: float) -> None:
        self._bins.end_frame(end)
        for person in self._in_view.values():
            person.seconds, person.end = person.seconds + end - person.end, end
        self._nobody += 0 if self._in_view else end - self._ended
        self._ended = end

    def _numbers(self, face: Face) -> NDArray[np.float64]:
        scores, num = face.scores, len(self._labels)
        numbers = np.zeros(2 * num + 4)
        numbers[:num] = [scores[label] for label in self._labels]
        numbers[num + (num if face.uncertain else self._labels[face.label])] = 1
        if face.quality:
            numbers[-3:-1] = face.quality.score, 1
        numbers[-1] = 1
        return numbers

    def _look_at(self, person: _Person, face: Face, frame: FrameResult) -> None:
        """Keep the best portrait, and the still of the expression's peak so far."""
        assert face.track_id is not None
        peaks = self._peaks.get(face.track_id, {})
        score, peak = face.scores[face.label], peaks.get(face.label)
        goes_on = face.label == person.label and not self._has_left(person, frame.time)
        higher = not face.uncertain and (peak is None or not goes_on or score > peak.score)
        quality = face.quality.score if face.quality else 0.0
        clearer = not face.interpolated and quality > person.quality + _BETTER
        still = self._still(frame.image, face) if frame.image is not None and (higher or clearer) else None
        if higher:
            # That of the label before, whose event may end now, and this one.
            kept = {label: each for label, each in peaks.items() if label == person.label}
            self._peaks[face.track_id] = kept | {face.label: _Peak(score, frame.time, still)}
        if clearer and still is not None:
            person.portrait, person.quality = jpeg(still[:, :SIDE]), quality

    def _still(self, image: Image, face: Face) -> Image:
        return with_evidence(image, face) if self.header.explained else cut(image, face.box)

    def add_events(self, events: Sequence[Event]) -> None:
        for event in events:
            person = self._people[event.track_id]
            person.num_events[event.label] += 1
            person.events.append(event)
            if len(person.events) > 2 * MOST_EVENTS:
                person.events = _longest(person.events)
            peak = self._peaks.get(event.track_id, {}).get(event.label)
            if peak is not None and peak.still is not None and peak.time == event.peak_time:
                del self._peaks[event.track_id][event.label]
                self._num_stills += 1
                entry = event.duration, -self._num_stills, event, jpeg(peak.still)
                (heapq.heappush if len(self._stills) < MOST_STILLS else heapq.heappushpop)(self._stills, entry)
        for track in [track for track in self._peaks if self._has_left(self._people[track], self._time)]:
            del self._peaks[track]

    def _has_left(self, person: _Person, time: float) -> bool:
        """Whether a person is out of sight for so long that no event goes on."""
        return time - person.last > self._finder.bridge + TIME_TOLERANCE

    def end_video(self, error: str | None) -> None:
        self._error = error

    def add_other(self, result: FrameResult | Failure) -> None:
        if isinstance(result, Failure):
            self.source, self._error = result.source, result.error

    def end(self, *, complete: bool) -> None:
        super().end(complete=complete)
        self._writing.close()
        if not complete and self._error is None:
            self._error = INTERRUPTED
        self.put(self._page())

    def _page(self) -> str:
        long = [track for track, person in self._people.items() if _is_long(person)]
        charted = sorted(sorted(long, key=lambda track: -self._people[track].seconds)[:MOST_CHARTED])
        while sum(len(self._people[track].bins) for track in charted) > MOST_POINTS:
            joined = self._bins.widen()
            for person in self._people.values():
                person.join(joined)
        name, axis = name_of(self.source), self._bins.axis()
        cards = []
        if self._error is not None:
            cards.append(card("Broken off", f"<p>{escape(without_paths(self._error, self.source))}</p>"))
        if self._damages:
            cards.append(card("Damaged", self._damaged()))
        if self._people:
            cards += [
                card("Who was in view", self._overview(axis, charted)),
                card("People", self._table_of_people()),
            ]
        else:
            cards.append(card("Nobody", "<p>No face was found in any frame.</p>"))
        cards += (self._person(track, self._people[track], axis) for track in charted)
        return expressions_page(
            name, self._figures(axis), cards, self._made_with(), style="video_page.css", script="video_page.js",
            legend=f"<p>{key(self._shown_colours().items())}</p>", link=self._download(name), data=self._data(axis),
        )  # fmt: skip

    def _shown_colours(self) -> dict[str, str]:
        """The colours of the labels, and last of "unclear" where anything is."""
        unclear = any(person.sums[2 * len(self._labels)] for person in self._people.values())
        return {name: colour for name, colour in self._colours.items() if unclear or name in self._labels}

    def _damaged(self) -> str:
        words = [f"<p>{escape(without_paths(each, self.source))}</p>" for each in self._damages]
        return "".join(words) + and_more(self._num_damages - len(words), "place")

    def _figures(self, axis: Axis) -> list[tuple[str, str, str]]:
        if not self._bins.num_frames:
            return []
        analysed, of_file = self._rates()
        return [
            ("analysed", clock(axis.end - axis.start, 1), f"{clock(axis.start, 1)} to {clock(axis.end, 1)}"),
            ("frames", f"{self._bins.num_frames:,}", ""),
            ("frames a second", analysed, f"of {of_file}" if of_file else ""),
            ("picture", self._size, ""),
            ("people", f"{len(self._people):,}", ""),
            ("events", f"{sum(person.num_events.total() for person in self._people.values()):,}", ""),
        ]

    def _rates(self) -> tuple[str, str]:
        """How many frames a second were analysed, and how many the file has; "" where it says no higher rate.

        The mean, without the stretches that have no frames. Headers of files may name a rate lower than theirs.
        """
        if not self._bins.num_frames:
            return "unknown", ""
        mean = self._bins.num_frames / (self.times.length - self.times.missing)
        if not self._rate or mean > 1.005 * self._rate:
            return _rate(mean), ""
        # Times are rounded in many files.
        return (_rate(self._rate), "") if mean > 0.995 * self._rate else (_rate(mean), _rate(self._rate))

    def _overview(self, axis: Axis, charted: Sequence[int]) -> str:
        """A row a person with what led, and below when nobody was in view."""
        rows, labels, colours = [], [*self._colours], [*self._colours.values()]
        for track in charted:
            places, _, leading = self._course(self._people[track])
            shapes = [*_grey(axis, places, f"person {track} not in view"),
                      *ribbon(axis, places, leading, labels, colours)]  # fmt: skip
            rows.append(plot(axis, shapes, 14, {str(track): 50}, f"person {track}: leading expressions"))
        anybody = sorted({place for person in self._people.values() for place in person.bins})
        notes, length = [], clock(self.times.length, 1)
        if axis.gaps(anybody):
            empty = _grey(axis, anybody, "nobody in view", "empty")
            rows.append(plot(axis, empty, 8, {"none": 50}, "nobody in view"))
        if self._nobody >= SHORTEST_TOLD:
            notes.append(f"Nobody was in view for {clock(self._nobody, 1)} of {length}.")
        if self.times.missing >= SHORTEST_TOLD:
            notes.append(f"The video lacks frames for {clock(self.times.missing, 1)} of {length}.")
        left_out = sum(map(_is_long, self._people.values())) - len(charted)
        short = len(self._people) - len(charted) - left_out
        if left_out:
            notes.append(
                f"{counted(left_out, 'more person', 'more people')} in view for longer than {SHORT} s, without charts."
            )
        if short:
            notes.append(f"{counted(short, 'person', 'people')} in view for less than {SHORT} s, without charts.")
        return (
            f'<div class="timeline">{"".join(rows)}{time_scale(axis)}</div><p class="small soft">{" ".join(notes)}</p>'
        )

    def _course(self, person: _Person) -> tuple[list[int], NDArray[np.float64], NDArray[np.int64]]:
        """The person's bins, N of them; their numbers, (N, 2K + 4), divided by the frames; which label led, or K."""
        places, num = sorted(person.bins), len(self._labels)
        sums = np.array([person.bins[place] for place in places])
        return places, sums / sums[:, -1:], sums[:, num : 2 * num + 1].argmax(axis=1)

    def _table_of_people(self) -> str:
        shown = sorted(self._people)[:MOST_LISTED]
        affect = valence_arousal([*self._labels], np.zeros(len(self._labels))) is not None
        last = [*self._shown_colours()][len(self._labels) :]
        head = ["person", "from", "to", "in view", "frames", *self._labels, *last, "quality"]
        head += ["valence", "arousal"] if affect else []
        rows = []
        for track in shown:
            person, num = self._people[track], len(self._labels)
            sums = person.sums
            means, shares = sums[:num] / sums[-1], sums[num : 2 * num] / sums[-1]
            cells = [f"{share:.0%}<small>{mean:.0%} · {person.num_events[label]}</small>"
                     for label, share, mean in zip(self._labels, shares, means, strict=True)]  # fmt: skip
            pair = valence_arousal([*self._labels], means) or ()
            cells += [f"{sums[2 * num] / sums[-1]:.0%}" for _ in last]
            rows.append([
                str(track), clock(person.first, 1), clock(person.end, 1), clock(person.seconds, 1),
                f"{sums[-1]:,.0f}", *cells, f"{sums[-3] / sums[-2]:.0f}" if sums[-2] else "",
                *(f"{each:+.2f}".replace("-0.00", "+0.00") for each in pair),
            ])  # fmt: skip
        left_out = len(self._people) - len(shown)
        note = (
            "Of each expression: the share of the frames in which it led; below, the mean of its probability over all "
            "frames, and the number of its events. None leads in frames that are unclear. Quality, valence and arousal "
            "are means."
        )
        if left_out:
            note += f" {counted(left_out, 'more person', 'more people')} in the files of --csv and --seconds."
        return f'<div class="people">{table(head, rows)}</div><p class="small soft">{escape(note)}</p>'

    def _person(self, track: int, person: _Person, axis: Axis) -> str:
        sums, num = person.sums, len(self._labels)
        shares = zip(self._colours, sums[num : 2 * num + 1] / sums[-1], self._colours.values(), strict=True)
        spans = f"{clock(person.first, 1)} to {clock(person.end, 1)}, {counted(int(sums[-1]), 'frame')}"
        portrait = '<div class="nobody"></div>'
        if person.portrait is not None:
            portrait = embedded(person.portrait, f"person {track}")
        head = f'<div class="person">{portrait}<div><p class="soft small">{spans}</p>{shares_bar(shares)}</div></div>'
        content = head + self._timeline(track, person, axis) + self._gallery(track, person) + _listed(person)
        return card(f"Person {track}", content)

    def _timeline(self, track: int, person: _Person, axis: Axis) -> str:
        places, means, leading = self._course(person)
        num, labels, colours = len(self._labels), [*self._colours], [*self._colours.values()]
        grey = [*_grey(axis, places, f"person {track} not in view")]
        scores = means[:, :num]
        shares = scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-9)
        percent = {"100 %": 0.0, "50 %": 50.0, "0": 100.0}
        each = itertools.chain.from_iterable(
            line(axis, places, scores[:, number], self._colours[label], 0, 1, label)
            for number, label in enumerate(self._labels)
        )
        measured = np.array([person.bins[place][-2] for place in places])
        sums = np.array([person.bins[place][-3] for place in places])
        quality = np.where(measured > 0, sums / np.maximum(measured, 1), np.nan)
        stacked = areas(axis, places, shares, colours[:num])
        led = ribbon(axis, places, leading, labels, colours)
        plots = [
            _named("expressions, stacked", plot(axis, [*grey, *stacked], 110, percent, "probabilities, stacked")),
            plot(axis, [*grey, *led], 10, {}, "leading expression"),
            _named("each expression", plot(axis, [*grey, *each], 110, percent, "probabilities, a line each")),
        ]
        affect = np.array([valence_arousal([*self._labels], row) or (np.nan, np.nan) for row in shares])
        if not np.isnan(affect).any():
            pair = [*line(axis, places, affect[:, 0], "var(--val)", -1, 1, "valence"),
                    *line(axis, places, affect[:, 1], "var(--train)", -1, 1, "arousal")]  # fmt: skip
            legend = key([("valence", "var(--val)"), ("arousal", "var(--train)")])
            scale = {"+1": 0.0, "0": 50.0, "−1": 100.0}
            plots.append(_named(legend, plot(axis, [*grey, *pair], 70, scale, "valence and arousal over time")))
        if not np.isnan(quality).all():
            shapes = [*grey, *line(axis, places, quality, "var(--soft)", 0, 100, "quality")]
            plots.append(_named("quality", plot(axis, shapes, 44, {"100": 0.0, "0": 100.0}, "quality over time")))
        # What is shown under the pointer: the number of the leading label, percents, valence, arousal and quality.
        values = np.column_stack([leading, (100 * scores).round(), affect.round(2), quality.round()])
        bins = {place: [_short(each) for each in row] for place, row in zip(places, values.tolist(), strict=True)}
        return f'<div class="timeline">{"".join(plots)}{time_scale(axis)}{_embedded({"bins": bins})}</div>'

    def _data(self, axis: Axis) -> str:
        """What all timelines share, for what is shown under the pointer."""
        times = {"starts": axis.starts.round(2).tolist(), "ends": axis.ends.round(2).tolist()}
        return _embedded({**times, "start": axis.start, "end": axis.end, "labels": [*self._colours]}, "axis")

    def _gallery(self, track: int, person: _Person) -> str:
        """The stills of the person's events, in the order of their times."""
        wide = ' class="wide"' if self.header.explained else ""
        own = sorted((event.peak_time, event, still) for *_, event, still in self._stills if event.track_id == track)
        figures = [
            f"<figure{wide}>{embedded(still, f'person {track}, {event.label}')}<figcaption>"
            f'<i style="background:{self._colours[event.label]}"></i><b>{escape(event.label)} '
            f"{event.peak:.0%}</b><br>{clock(time, 1)}</figcaption></figure>"
            for time, event, still in own
        ]
        left_out = person.num_events.total() - len(own)
        notes = [f"Stills of the longest events at their peaks; {left_out} without."] if left_out else []
        notes += [EVIDENCE_NOTE] if self.header.explained else []
        note = f'<p class="small soft">{" ".join(notes)}</p>' if notes else ""
        return f'<div class="faces">{"".join(figures)}</div>{note}' if own else ""

    def _made_with(self) -> dict[str, object]:
        """What was analysed and how, in words."""
        made = made_with(self.header)
        # The setting `rate` is meant for sources without one of their own; the file's own rate is given here.
        made.pop("rate", None)
        if "baseline" in made:
            seconds = float(str(made["baseline"]))
            longest = max((person.last - person.first for person in self._people.values()), default=0.0)
            made["baseline"] = f"{seconds:g} s" if seconds else "off"
            if longest < seconds - TIME_TOLERANCE:
                made["baseline"] = f"{seconds:g} s; nobody was in view for so long, so nothing was taken out"
        analysed, of_file = self._rates()
        source = {
            "source": name_of(self.source),
            "SHA-256 of the source": sha256(Path(self.source)) or "no file",
            "part": made.pop("part", "all"),
            "frames a second": f"{analysed} analysed" + (f", {of_file} in the source" if of_file else ""),
        }
        return source | ({"recorded": self._recorded} if self._recorded else {}) | made

    def _download(self, name: str) -> str:
        """The table by seconds as a link, if it is small, and else where to have it."""
        if not self._people:
            return ""
        if self._table is None:
            return "<p>A row for each person and second, for a spreadsheet: mien analyze … --seconds FILE.csv</p>"
        content = b64encode(self._seconds.getvalue()).decode()
        return (
            f'<p class="screen-only"><a download="{escape(Path(name).stem)}-seconds.csv" '
            f'href="data:text/csv;base64,{content}">A row for each person and second, for a spreadsheet (CSV)</a></p>'
        )


def _is_long(person: _Person) -> bool:
    """Whether a person has charts, if there is room."""
    return person.seconds >= SHORT - TIME_TOLERANCE


def _grey(axis: Axis, places: Sequence[int], why: str, kind: str = "gap") -> Iterator[str]:
    """The stretches without any of these bins, and those without frames."""
    yield from shaded(axis, axis.gaps(places), why, kind)
    yield from shaded(axis, axis.missing, "no frames", "missing")


def _short(value: float) -> float | None:
    """A number as JSON has it in the fewest characters; None for NaN."""
    return None if np.isnan(value) else int(value) if value == int(value) else value


def _rate(rate: float) -> str:
    return f"{rate:.2f}".rstrip("0").rstrip(".")


def _named(name: str, chart: str) -> str:
    return f'<p class="name">{name}</p>{chart}'


def _embedded(data: Mapping[str, Any], name: str = "") -> str:
    # "</script>" inside a label would end the element.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json"{f" id={name}" if name else ""}>{text}</script>'


def _longest(events: Sequence[Event]) -> list[Event]:
    """The longest events, in the order of their times."""
    return sorted(sorted(events, key=lambda event: -event.duration)[:MOST_EVENTS], key=lambda event: event.start)


def _listed(person: _Person) -> str:
    if not person.events:
        return ""
    shown, total = _longest(person.events), person.num_events.total()
    head = "expression", "from, s", "to, s", "peak", "at, s", "mean"
    count = counted(total, "event") + (f", the {len(shown)} longest" if total > len(shown) else "")
    return f"<details><summary>{count}</summary>{table(head, _rows(shown))}</details>"


def _rows(events: Sequence[Event]) -> Iterator[list[str]]:
    for event in events:
        yield [escape(event.label), f"{event.start:.2f}", f"{event.end:.2f}", f"{event.peak:.0%}",
               f"{event.peak_time:.2f}", f"{event.mean:.0%}"]  # fmt: skip
