"""Pictures and videos of a job as one page: a contact sheet of the faces, and a row for each video."""

import heapq
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import chain
from pathlib import Path
from typing import Final
from urllib.parse import quote

from mien.drift import Comparison
from mien.emotions import UNCLEAR
from mien.records.sink import Header, Target
from mien.records.video_sink import VideoSink
from mien.report.drift_card import drift_card
from mien.report.html import (
    INTERRUPTED,
    REPORT_TITLE,
    and_more,
    card,
    counted,
    css_colours,
    expressions_page,
    shares_bar,
    table,
)  # fmt: skip
from mien.report.provenance import made_with, name_of, without_paths
from mien.report.stills import EVIDENCE_NOTE, embedded
from mien.report.timeline import clock
from mien.tracking.events import Event
from mien.values import Failure, FrameResult

MOST_FACES: Final = 360  # on a contact sheet; of each expression those with the lowest scores
MOST_ROWS: Final = 1000  # videos, pictures without a face and failures that are listed


@dataclass(slots=True)
class _Video:
    """What is said of one video."""

    source: str
    page: Path | None
    length: float = 0.0  # seconds
    num_frames: int = 0
    people: set[int] = field(default_factory=set)
    labels: Counter[str] = field(default_factory=Counter)  # in how many of its faces each led
    num_events: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class _Shown:
    """A face on the contact sheet; faces are ordered from the highest score of the leading label to the lowest."""

    doubt: float  # 1 less the score
    number: int  # of the face in the job, negative
    source: str = field(compare=False)
    label: str = field(compare=False)  # or "unclear"
    why: str = field(compare=False)  # the reasons to say so
    portrait: bytes | None = field(compare=False)


class FolderPage(VideoSink):
    """One HTML file about all sources of a job. Its memory grows with the videos, but not with the pictures.

    Faces of pictures are shown as the results' portraits, which are hidden where faces are to be hidden. Sources go by
    their names below the folder that all of them share, or if that is the root, by names that tell them apart; no
    absolute path is shown.
    """

    signature = REPORT_TITLE

    def __init__(self, target: Target, header: Header) -> None:
        super().__init__(target, header)
        self._colours = css_colours(header.labels)
        self._videos: list[_Video] = []
        self._faces: dict[str, list[_Shown]] = {}  # of each label a heap, the highest score first
        self._labels: Counter[str] = Counter()  # of the faces in pictures
        self._num_pictures = self._num_videos = 0
        self._without_face: list[str] = []
        self._num_without_face = 0
        self._failures: list[Failure] = []
        self._num_failures = 0
        self._root: Path | None = None
        self._comparison = Comparison(header.reference) if header.reference else None

    def write(self, result: FrameResult | Failure) -> None:
        super().write(result)
        if self._comparison:
            self._comparison.add(result)

    def begin_video(self, first: FrameResult) -> None:
        self._see(first.source)
        self._num_videos += 1
        page = self.header.pages.get(first.source)
        self._video = _Video(first.source, page)
        if len(self._videos) < MOST_ROWS:
            self._videos.append(self._video)

    def add_frame(self, frame: FrameResult) -> None:
        if frame.error:
            self._fail(Failure(frame.source, frame.error))
        self._video.num_frames += 1
        self._video.people.update(face.track_id for face in frame.faces if face.track_id is not None)
        self._video.labels.update(face.shown for face in frame.faces)

    def add_events(self, events: Iterable[Event]) -> None:
        self._video.num_events += len([*events])

    def end_video(self, error: str | None) -> None:
        self._video.error, self._video.length = error, self.times.length
        if error:
            self._fail(Failure(self._video.source, error))

    def add_other(self, result: FrameResult | Failure) -> None:
        self._see(result.source)
        if isinstance(result, Failure):
            self._fail(result)
            return
        self._num_pictures += 1
        if result.error:
            self._fail(Failure(result.source, result.error))
        if not result.faces:
            self._num_without_face += 1
            self._without_face += [result.source] if len(self._without_face) < MOST_ROWS else []
        for number, face in enumerate(result.faces):
            portrait = result.portraits[number] if number < len(result.portraits) else None
            score = face.scores[face.label]
            why = ", ".join(reason for reason in face.uncertain if reason != UNCLEAR)
            shown = _Shown(1 - score, -self._labels.total(), result.source, face.shown, why, portrait)
            heap = self._faces.setdefault(face.shown, [])
            (heapq.heappush if len(heap) < MOST_FACES else heapq.heappushpop)(heap, shown)
            self._labels[face.shown] += 1

    def end(self, *, complete: bool) -> None:
        super().end(complete=complete)
        self.put(self._page(complete=complete))

    def _see(self, source: str) -> None:
        """Keep the folder that all sources share."""
        if "://" not in source and source != "-":
            folder = _place(source).parent
            self._root = folder if self._root is None else Path(os.path.commonpath([self._root, folder]))

    def _fail(self, failure: Failure) -> None:
        self._num_failures += 1
        self._failures += [failure] if len(self._failures) < MOST_ROWS else []

    def _name(self, source: str) -> str:
        """A source's name in the page."""
        if "://" in source or source == "-" or self._root is None:
            return name_of(source)
        if self._root.parent == self._root:  # that all files share
            return self._names[_place(source)]
        return os.path.relpath(_place(source), self._root)

    def _own_name(self) -> str:
        """The name of the page's file or, of an `index.html`, that of its folder."""
        if not isinstance(self._target, Path):
            return "report"
        place = _place(str(self._target))
        return (place.parent.name if place.name == "index.html" else place.stem) or "report"

    def _listed(self) -> Iterator[Path]:
        """Where all sources lie whose names are shown."""
        sources = chain(
            (video.source for video in self._videos), (failure.source for failure in self._failures),
            self._without_face, (face.source for face in _joined(self._faces.values())),
        )  # fmt: skip
        return (_place(source) for source in sources if "://" not in source and source != "-")

    def _page(self, *, complete: bool) -> str:
        self._names = _told_apart(self._listed())
        figures = [
            ("videos", f"{self._num_videos:,}", ""),
            ("pictures", f"{self._num_pictures:,}", ""),
            ("faces in pictures", f"{self._labels.total():,}", ""),
            ("failed", f"{self._num_failures:,}", ""),
        ]
        shown = [each for each in figures if each[1] != "0"]
        cards = [] if complete else [card("Broken off", f"<p>{INTERRUPTED}</p>")]
        cards += [card("Failed", self._failed())] if self._num_failures else []
        if self._videos:
            cards.append(card("Videos", self._table_of_videos()))
        if self._comparison and (drift := self._comparison.conclude()).enough:
            cards.append(drift_card(drift, self._colours))
        if self._labels:
            cards.append(card("Faces in pictures", self._contact_sheet()))
        if self._num_without_face:
            names = "".join(f"<li>{escape(self._name(source))}</li>" for source in self._without_face)
            more = and_more(self._num_without_face - len(self._without_face), "picture")
            what = counted(self._num_without_face, "picture")
            cards.append(card("No face found", f"<details><summary>{what}</summary><ul>{names}</ul>{more}</details>"))
        return expressions_page(self._own_name(), shown, cards, made_with(self.header), style="folder_page.css")

    def _failed(self) -> str:
        rows = [
            (escape(self._name(each.source)), escape(without_paths(each.error, each.source))) for each in self._failures
        ]
        return table(("", ""), rows, words=True) + and_more(self._num_failures - len(rows), "failure")

    def _table_of_videos(self) -> str:
        rows = []
        for video in self._videos:
            name = escape(self._name(video.source))
            if video.page is not None and self.path is not None:
                link = Path(os.path.relpath(video.page, self.path.parent)).as_posix()
                name = f'<a href="{quote(os.fsencode(link))}">{name}</a>'
            total = max(video.labels.total(), 1)
            shares = ((label, count / total, self._colours[label]) for label, count in video.labels.items())
            rows.append([
                name, clock(video.length, 1), f"{video.num_frames:,}", f"{len(video.people):,}",
                f"{video.num_events:,}", shares_bar(shares) if video.labels else "nobody in view",
                "broken off" if video.error else "",
            ])  # fmt: skip
        head = "video", "length", "frames", "people", "events", "shares of the faces", ""
        return f'<div class="videos">{table(head, rows)}</div>' + and_more(self._num_videos - len(rows), "video")

    def _contact_sheet(self) -> str:
        """The faces by expression, or, at the choice of the reader, all together from the lowest score on."""
        total = self._labels.total()
        bar = shares_bar((label, count / total, self._colours[label]) for label, count in self._labels.items())
        chosen = {label: sorted(heap, reverse=True)[: self._fair_share()] for label, heap in self._faces.items()}
        order = {id(face): rank for rank, face in enumerate(sorted(_joined(chosen.values()), reverse=True))}
        parts = []
        for label in [*self.header.labels, *sorted(set(chosen) - set(self.header.labels))]:
            if faces := chosen.get(label):
                of_all = f"{len(faces)} of {self._labels[label]:,}, those with the lowest scores"
                count = of_all if len(faces) < self._labels[label] else f"{len(faces):,}"
                dot = f'<i style="background:{self._colours[label]}"></i>'
                parts.append(f"<h3>{dot}{escape(label)} <small>{count}</small></h3>")
                parts += (self._figure(face, order[id(face)]) for face in faces)
        left_out = total - len(order)
        note = "The lowest scores come first: those are the faces to look at."
        if left_out:
            note += (
                f" {counted(left_out, 'face')} left out, of expressions with many faces; all are in the table of --csv."
            )
        note += f" {EVIDENCE_NOTE}" if self.header.explained else ""
        choices = (
            '<input type="radio" name="order" id="by-label" checked><label for="by-label">by expression</label>'
            '<input type="radio" name="order" id="by-score"><label for="by-score">lowest scores of all first</label>'
        )
        return f'{bar}{choices}<p class="small soft">{note}</p><div class="faces">{"".join(parts)}</div>'

    def _fair_share(self) -> int:
        """How many faces of one expression fit, when those of rare ones are all shown."""
        room, share = MOST_FACES, 0
        for left, size in zip(range(len(self._faces), 0, -1), sorted(map(len, self._faces.values())), strict=True):
            share = room // left
            if size > share:
                break
            room -= size
        return share

    def _figure(self, face: _Shown, rank: int) -> str:
        wide = ' class="wide"' if self.header.explained else ""
        name = self._name(face.source)
        unclear = f"{UNCLEAR}: {face.why}" if face.why else UNCLEAR
        meaning = unclear if face.label == UNCLEAR else f"{face.label} {1 - face.doubt:.0%}"
        shown = '<div class="nobody"></div>' if face.portrait is None else embedded(face.portrait, meaning)
        return (
            f'<figure{wide} style="--rank:{rank}" title="{escape(name)}">{shown}<figcaption>'
            f'<i style="background:{self._colours[face.label]}"></i><b>{escape(meaning)}</b><br>'
            f'<span class="soft">{escape(name[-40:])}</span></figcaption></figure>'
        )


def _place(source: str) -> Path:
    """Where a file lies, without following links."""
    return Path(os.path.normpath(Path(source).absolute()))


def _told_apart(places: Iterable[Path]) -> dict[Path, str]:
    """Each file's name, with as many of its folders as tell it from the others."""
    names: dict[Path, str] = {}
    rest, length = {*places}, 1
    while rest:
        same = Counter(place.parts[-length:] for place in rest)
        alone = {place for place in rest if same[place.parts[-length:]] == 1}
        names |= {place: str(Path(*place.parts[1:][-length:])) for place in alone}
        rest, length = rest - alone, length + 1
    return names


def _joined(lists: Iterable[list[_Shown]]) -> list[_Shown]:
    return [face for faces in lists for face in faces]
