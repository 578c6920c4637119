"""mien live: a camera, now."""

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self, cast

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
    Turned,
    check_anonymize,
    make_analyzer,
)  # fmt: skip
from mien.cli.console import complain, out, seconds, styles_of, tell
from mien.defaults import DEFAULT_DETECTOR, DEFAULT_MODEL

if TYPE_CHECKING:
    from mien.values import FrameResult, Image

BAR: Final = 24  # cells of a bar in the terminal


def live(
    camera: Annotated[str, typer.Argument(
        help="A camera's number or device, or a video to play as if it were one.")] = "0",
    record: Annotated[Path | None, typer.Option(
        metavar="FOLDER", help="Write video, CSV, JSON lines, events and report there.")] = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="Bars in the terminal, not a window.")] = False,
    model: Model = DEFAULT_MODEL,
    detector: DetectorName = DEFAULT_DETECTOR,
    detector_model: DetectorModel = None,
    min_face: MinFace = None,
    min_score: MinScore = None,
    turned: Turned = None,
    anonymize: Annotated[str | None, typer.Option(
        metavar="HOW", help="blur or pixelate every face that is shown or written.")] = None,
    duration: Annotated[float | None, typer.Option(
        "--seconds", parser=seconds, metavar="TIME", help="End after 3, 1.5s or 1:30.")] = None,
) -> None:  # fmt: skip
    from mien.jobs.live import watch
    from mien.jobs.outputs import OutputRefused
    from mien.video import open_camera

    check_anonymize(anonymize)
    if record and record.is_file():
        raise typer.BadParameter(f"{record} is a file; expected a folder's name", param_hint="--record")
    analyzer = make_analyzer(
        model, detector, detector_model, {"min_face": min_face, "min_score": min_score, "turned": turned}
    )
    with ExitStack() as stack:
        source = stack.enter_context(open_camera(camera))
        screen = stack.enter_context(_choose_screen(terminal))
        try:
            watched = watch(source, analyzer, screen, record=record, hide=anonymize, seconds=duration)  # type: ignore[arg-type] # as checked
        except OutputRefused as error:
            raise typer.BadParameter(str(error), param_hint="--record") from error
    if record:
        tell(f"recorded in {record}")
    delay = watched.delay * 1000
    tell(
        f"{watched.num_shown} frames shown, {watched.num_dropped} dropped, {delay:.0f} ms from the camera to the screen"
    )


def _choose_screen(terminal: bool) -> "Terminal | TkWindow":
    """A window where one can be had, else the terminal."""
    if not terminal and (sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY")):
        try:
            return TkWindow()
        except (ImportError, RuntimeError) as error:
            complain(f"no window can be had ({error}); here is the terminal")
    return Terminal()


class Terminal(Live):
    """Bars for each person, in a terminal, through SSH too."""

    def __init__(self) -> None:
        super().__init__(console=out, refresh_per_second=20, transient=True)

    def show(self, image: "Image", result: "FrameResult", status: str) -> bool:
        """As `Screen`; Ctrl-C ends."""
        lines = [Text(f"{status}   Ctrl-C ends", style="dim")]
        for face in result.faces:
            lines.append(Text(f"person {face.track_id}: {face.label}", style="bold"))
            styles = styles_of(face.scores)
            for label, score in face.scores.items():
                filled = round(score * BAR)
                line = Text(f"  {label:9} ")
                line.append("█" * filled + "░" * (BAR - filled), style=styles[label])
                line.append(f" {score:4.0%}")
                lines.append(line)
        if not result.faces:
            lines.append(Text("no face"))
        self.update(Group(*lines))
        return True


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
        self._open = True
        for key in ("q", "<Escape>"):
            self._root.bind(key, lambda _: self._end())
        self._root.protocol("WM_DELETE_WINDOW", self._end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._root.destroy()

    def show(self, image: "Image", result: "FrameResult", status: str) -> bool:
        """As `Screen`; q, Escape or closing the window ends."""
        image = fitted(image, 0.9 * self._root.winfo_screenwidth(), 0.8 * self._root.winfo_screenheight())
        height, width = image.shape[:2]
        # Tk reads a PPM without compressing or decompressing anything.
        picture = self._photo_image(data=b"P6 %d %d 255\n" % (width, height) + image.tobytes())
        self._label.configure(image=picture)
        self._picture = picture  # Tk itself keeps no reference
        self._line.configure(text=f"{status}   q ends")
        self._root.update()
        return self._open

    def _end(self) -> None:
        self._open = False


def fitted(image: "Image", width: float, height: float) -> "Image":
    """The image itself, or a smaller copy where it is wider or higher than that many pixels."""
    import cv2

    scale = min(width / image.shape[1], height / image.shape[0])
    if scale >= 1:
        return image
    return cast("Image", cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
