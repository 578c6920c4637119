"""mien live: a camera, now."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, cast

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from mien.cli.analyze import (
    DetectorModel,
    DetectorName,
    MinFace,
    MinScore,
    Model,
    Panels,
    Strip,
    Threads,
    Turned,
    check_anonymize,
    make_analyzer,
)  # fmt: skip
from mien.cli.asking import Labels, MaxError, Prior, ProviderName, ReadingName, Sets, Views
from mien.cli.console import complain, note, out, seconds, shared_bar, styles_of, tell
from mien.defaults import DEFAULT_DETECTOR, DEFAULT_MODEL
from mien.files import STANDARD_OUTPUT

if TYPE_CHECKING:
    from mien.jobs.live import Screen
    from mien.values import Face, FrameResult, Image

BAR: Final = 24  # cells of a bar in the terminal


def live(
    camera: Annotated[str, typer.Argument(
        help="A camera's number or device, or a video to play as if it were one.")] = "0",
    record: Annotated[Path | None, typer.Option(
        metavar="FOLDER", help="Write video, CSV, JSON lines, events and report there.")] = None,
    jsonl: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Write a line for each frame; - for standard output, and no window.")] = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="Bars in the terminal, not a window.")] = False,
    model: Model = DEFAULT_MODEL,
    reading: ReadingName = None,
    prior: Prior = None,
    labels: Labels = "seven",
    max_error: MaxError = None,
    sets: Sets = None,
    views: Views = 1,
    provider: ProviderName = None,
    detector: DetectorName = DEFAULT_DETECTOR,
    detector_model: DetectorModel = None,
    min_face: MinFace = None,
    min_score: MinScore = None,
    turned: Turned = None,
    threads: Threads = 1,
    anonymize: Annotated[str | None, typer.Option(
        metavar="HOW", help="blur or pixelate every face that is shown or written.")] = None,
    panels: Panels = True,
    strip: Strip = True,
    duration: Annotated[float | None, typer.Option(
        "--seconds", parser=seconds, metavar="TIME", help="End after 3, 1.5s or 1:30.")] = None,
) -> None:  # fmt: skip
    from mien.jobs.hiding import Hiding
    from mien.jobs.live import watch
    from mien.jobs.outputs import OutputRefused
    from mien.video import open_camera

    check_anonymize(anonymize)
    if record and jsonl:
        raise typer.BadParameter("--record writes JSON lines, too; name one of the two", param_hint="--jsonl")
    piped = jsonl == STANDARD_OUTPUT
    if piped and anonymize:
        raise typer.BadParameter("hides faces in what is drawn, and nothing is", param_hint="--anonymize")
    if record and record.is_file():
        raise typer.BadParameter(f"{record} is a file; expected a folder's name", param_hint="--record")
    options = {
        "min_face": min_face, "min_score": min_score, "turned": turned, "reading": reading, "prior": prior,
        "labels": labels, "max_error": max_error, "sets": sets, "views": views if views > 1 else None,
        "num_threads": threads, "provider": provider,
    }  # fmt: skip
    analyzer = make_analyzer(model, detector, detector_model, options)
    hide = Hiding(anonymize) if anonymize else None  # type: ignore[arg-type] # as checked
    with ExitStack() as stack:
        source = stack.enter_context(open_camera(camera))
        screen = None if piped else stack.enter_context(_choose_screen(terminal))
        try:
            watched = watch(
                source, analyzer, screen,
                record=record, jsonl=jsonl, hide=hide, panels=panels, strip=strip, seconds=duration,
            )  # fmt: skip
        except OutputRefused as error:
            raise typer.BadParameter(str(error), param_hint="--jsonl" if jsonl else "--record") from error
    if record:
        tell(f"recorded in {record}")
    delay = watched.delay * 1000
    (note if piped else tell)(
        f"frames shown: {watched.num_shown:,}, dropped: {watched.num_dropped:,}; "
        f"{delay:.0f} ms from the camera to the screen"
    )


def _choose_screen(terminal: bool) -> "AbstractContextManager[Screen]":
    """A window where one can be had, else the terminal."""
    if not terminal and (sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY")):
        try:
            return TkWindow()
        except (ImportError, RuntimeError) as error:
            complain(f"no window can be had ({error}); here is the terminal")
    return Terminal()


class Terminal(Live):
    """Bars for each person, in a terminal, through SSH too."""

    evidence = False  # there is no picture to draw it on

    def __init__(self) -> None:
        super().__init__(console=out, refresh_per_second=20, transient=True)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._pressed = self._stack.enter_context(_keys())
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        with self._stack:
            super().__exit__(*error)

    def show(self, image: "Image", result: "FrameResult", status: str) -> bool:
        """As `Screen`; q or Ctrl-C ends."""
        lines = people_lines(result.faces, self.console.height - 1)
        self.update(Group(Text(f"{status}   q or Ctrl-C ends", style="dim"), *lines))
        return "q" not in self._pressed()


def people_lines(faces: "Sequence[Face]", height: int) -> list[Text]:
    """What each face shows in so many lines at most: with all its bars, else in a line each, else as many as fit."""
    if not faces:
        return [Text("no face")]
    if sum(1 + len(face.scores) for face in faces) <= height:
        return [line for face in faces for line in _with_bars(face)]
    more = max(0, len(faces) - height)
    shown = faces[: max(0, height - 1)] if more else faces
    lines = [
        Text.assemble((f"{_named(face)} ", "bold"))
        .append_text(shared_bar(face, BAR)) for face in shown
    ]  # fmt: skip
    return lines + ([Text(f"and {len(faces) - len(shown)} more people", style="dim")] if more else [])


def _named(face: "Face") -> str:
    percent = "" if face.uncertain else f" {face.scores[face.label]:.0%}"
    return f"person {face.track_id}: {face.shown}{percent}"


def _with_bars(face: "Face") -> Iterator[Text]:
    yield Text(f"person {face.track_id}: {face.shown}", style="bold")
    styles = styles_of(face.scores)
    for label, score in face.scores.items():
        filled = round(score * BAR)
        line = Text(f"  {label:9} ")
        line.append("█" * filled + "░" * (BAR - filled), style=styles[label])
        line.append(f" {score:4.0%}")
        yield line


@contextmanager
def _keys() -> "Iterator[Callable[[], str]]":
    """A function that gives the keys pressed since its last call; none where standard input is no terminal."""
    if not sys.stdin or not sys.stdin.isatty():
        yield lambda: ""
    elif sys.platform == "win32":
        import msvcrt

        yield lambda: msvcrt.getwch() if msvcrt.kbhit() else ""
    else:
        import select
        import termios
        import tty

        file = sys.stdin.fileno()
        before = termios.tcgetattr(file)
        tty.setcbreak(file)  # a key comes at once, and Ctrl-C is still a signal
        try:
            yield lambda: os.read(file, 64).decode(errors="replace") if select.select([file], [], [], 0)[0] else ""
        finally:
            termios.tcsetattr(file, termios.TCSADRAIN, before)


class TkWindow:
    """A window of Tk; an `ImportError` where this Python came without it, a `RuntimeError` without a display."""

    def __init__(self) -> None:
        import tkinter

        try:
            self._root = tkinter.Tk()
        except tkinter.TclError as error:
            raise RuntimeError(str(error)) from error
        self._root.title("mien")
        self._photo_image = tkinter.PhotoImage
        self._label = tkinter.Label(self._root, borderwidth=0)
        self._label.pack()
        self._line = tkinter.Label(self._root, anchor="w")
        self._line.pack(fill="x")
        self._open, self.evidence = True, False
        self._root.bind("e", lambda _: self._show_evidence())
        for key in ("q", "<Escape>"):
            self._root.bind(key, lambda _: self._end())
        self._root.protocol("WM_DELETE_WINDOW", self._end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._root.destroy()

    def show(self, image: "Image", result: "FrameResult", status: str) -> bool:
        """As `Screen`; q, Escape or closing the window ends, and e shows the evidence or hides it."""
        image = fitted(image, 0.9 * self._root.winfo_screenwidth(), 0.8 * self._root.winfo_screenheight())
        height, width = image.shape[:2]
        # Tk reads a PPM without compressing or decompressing anything.
        picture = self._photo_image(data=b"P6 %d %d 255\n" % (width, height) + image.tobytes())
        self._label.configure(image=picture)
        self._picture = picture  # Tk itself keeps no reference
        self._line.configure(text=f"{status}   e: {'hide' if self.evidence else 'show'} evidence   q ends")
        self._root.update()
        return self._open

    def _end(self) -> None:
        self._open = False

    def _show_evidence(self) -> None:
        self.evidence = not self.evidence


def fitted(image: "Image", width: float, height: float) -> "Image":
    """The image itself, or a smaller copy where it is wider or higher than that many pixels."""
    import cv2

    scale = min(width / image.shape[1], height / image.shape[0])
    if scale >= 1:
        return image
    return cast("Image", cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
