"""What a person sees of an analysis in the terminal: progress, what was found, and a summary."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from mien.cli.console import complain, err, named, note, out, shared_bar, styles_of
from mien.emotions import UNCLEAR
from mien.jobs.run import Summary
from mien.jobs.settings import VideoSettings
from mien.jobs.sources import Source
from mien.records.frame_times import FrameTimes
from mien.report.html import counted
from mien.values import Face, Failure, FrameResult

FEW: Final = 12  # most sources and most people that are shown one by one; of more there is the summary alone

BAR: Final = 28  # characters that share out a face's probabilities by colour


@dataclass(slots=True)
class _Person:
    """What one person showed in a video, in seconds and frames."""

    first: float  # the time of the first frame in view
    last: float  # the time of the last frame in view
    end: float  # when that frame ended
    seconds: float = 0.0  # in view
    labels: Counter[str] = field(default_factory=Counter)


class AnalysisScreen:
    """Shows results as they come, in a `with` block, and a summary at the end; if `silent`, errors only."""

    def __init__(self, sources: Sequence[Source], settings: VideoSettings, *, silent: bool) -> None:
        self._settings, self._silent = settings, silent
        self._one_by_one = len(sources) <= FEW
        lasting = not self._one_by_one or any(source.is_video for source in sources)
        shown = err.is_terminal and not silent and lasting
        columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
        self._bar = Progress(*columns, TimeRemainingColumn(), console=err, transient=True, disable=not shown)
        self._all = self._bar.add_task("inputs", total=len(sources), visible=len(sources) > 1)
        self._frames: TaskID | None = None
        # Two streams on one screen: what does not go around the bar breaks it.
        self._console: Console = self._bar.console if out.is_terminal and shown else out
        self._video: FrameResult | None = None
        self._times: FrameTimes
        self._people: dict[int, _Person] = {}
        self._in_view: dict[int, _Person] = {}
        self._labels: tuple[str, ...] = ()
        self._num_frames = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end_video()
        self._bar.stop()

    def see(self, result: FrameResult | Failure) -> None:
        if isinstance(result, FrameResult) and result.video is not None:
            self._see_frame(result)
            return
        if not self._video or self._video.source != result.source:
            self._bar.advance(self._all)
        self._end_video()
        if isinstance(result, Failure):
            complain(named(result.source, result.error))
            return
        if result.error:
            complain(f"{result.source}: {result.error}")
        if self._one_by_one and not self._silent:
            self._console.print(*_picture_lines(result), sep="\n", soft_wrap=True)

    def summarize(self, summary: Summary) -> None:
        if self._silent or summary.num_sources < 2:
            return
        shares = ", ".join(f"{label} {num / summary.num_faces:.0%}" for label, num in summary.labels.most_common())
        failed = f", {summary.num_failed} failed" if summary.failures else ""
        frames = "" if summary.num_frames <= summary.num_sources else f", {counted(summary.num_frames, 'frame')}"
        faces = f"{counted(summary.num_faces, 'face')}" + (f": {shares}" if shares else "")
        out.print(Text(f"{counted(summary.num_sources, 'input')}{frames}{failed}; {faces}"), soft_wrap=True)

    def _see_frame(self, result: FrameResult) -> None:
        assert result.video is not None
        if self._video is None or self._video.source != result.source:
            self._end_video()
            self._frames = self._bar.add_task(result.source[-40:], total=result.video.num_frames)
            self._times = FrameTimes(result, self._settings.end)
        else:
            self._end_frame(self._times.add(result))
        self._video = result
        self._num_frames += 1
        if result.error:
            complain(f"{result.source}: {result.error}")
        if self._frames is not None:
            self._bar.update(self._frames, completed=result.index + 1)
        self._in_view = {}
        for face in result.faces:
            person = self._people.setdefault(face.track_id or 0, _Person(result.time, result.time, result.time))
            person.last = result.time
            self._in_view[face.track_id or 0] = person
            person.labels[face.shown] += 1
            self._labels = face.prediction.labels

    def _end_frame(self, end: float) -> None:
        for person in self._in_view.values():
            person.seconds, person.end = person.seconds + end - person.last, end

    def _end_video(self) -> None:
        """Show what a video held, once its last frame has come."""
        last, self._video = self._video, None
        if last is None:
            return
        self._end_frame(self._times.end)
        self._bar.advance(self._all)
        if self._frames is not None:
            self._bar.remove_task(self._frames)
            self._frames = None
        if self._one_by_one and not self._silent:
            people = counted(len(self._people), "person", "people") if self._people else "no face"
            length = f"{counted(self._num_frames, 'frame')}, {self._times.length:.1f} s"
            about = f"  {last.width}×{last.height}, {length}, {people}"
            title = Text.assemble((last.source, "bold"), (about, "dim"))
            self._console.print(title, *_people_lines(self._people, styles_of(self._labels)), sep="\n", soft_wrap=True)
        longest = max((person.last - person.first for person in self._people.values()), default=None)
        baseline = self._settings.baseline
        if longest is not None and longest < baseline - 1e-6:  # times are rounded
            note(f"nobody was in view for the {baseline:g} s of --baseline, so no resting face was taken out")
        self._people, self._num_frames = {}, 0


def _people_lines(people: dict[int, _Person], styles: dict[str, str]) -> Iterator[Text]:
    longest = sorted(people, key=lambda track: -people[track].seconds)[:FEW]
    for track in sorted(longest):
        person = people[track]
        total = sum(person.labels.values())
        line = Text(f"  {track:3d}  {person.first:7.1f} to {person.end:.1f} s  ")
        for label, count in person.labels.most_common(4):
            line.append(f"{label} {count / total:.0%}  ", style=styles[label])
        yield line
    if len(people) > FEW:
        more = counted(len(people) - FEW, "more person", "more people")
        yield Text(f"       and {more}, in view for a shorter time")


def _picture_lines(result: FrameResult) -> Iterator[Text]:
    """A line for the picture, two for each face, one for its drawing."""
    count = counted(len(result.faces), "face") if result.faces else "no face"
    yield Text.assemble((result.source, "bold"), (f"  {result.width}×{result.height}, {count}", "dim"))
    for number, face in enumerate(result.faces):  # as in the tables
        yield _face_lines(number, face)
    if result.drawing:
        yield Text.assemble(("  drawn in ", "dim"), result.drawing)


def _face_lines(number: int, face: Face) -> Text:
    """`0  happy 72%  ████░░  at 173,61, 102 px`, and all probabilities beneath; or `0  unclear`, and why."""
    left, top, *_ = map(round, face.box)
    styles = styles_of(face.prediction.labels)
    text = Text.assemble(
        f"  {number:>2}  ", (f"{face.shown:<9}", f"bold {styles[face.shown]}"),
        "      " if face.uncertain else f"{face.scores[face.label]:>4.0%}  ",
    )  # fmt: skip
    text.append_text(shared_bar(face, BAR))
    why = ", ".join(reason for reason in face.uncertain if reason != UNCLEAR)
    among = f"; set: {' or '.join(face.prediction_set)}" if face.prediction_set else ""
    text.append(f"  at {left},{top}, {round(face.box.width)} px{why and f'; {why}'}{among}\n      ", "dim")
    for label, score in face.scores.items():
        text.append(f"{label} ", "dim")
        text.append(f"{score:.0%}  ", "bold" if label == face.shown else "" if score >= 0.05 else "dim")
    return text
