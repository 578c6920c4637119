"""mien live: a camera, now."""

import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Annotated, Protocol, Self

import cv2
import numpy as np
import typer
from cv2.typing import MatLike
from rich.console import Group
from rich.live import Live
from rich.text import Text

from mien.analyzer import DEFAULT_DETECTOR, DEFAULT_MODEL
from mien.cli.analyze import make_analyzer
from mien.cli.console import complain, note, out, reason, tell
from mien.cli.times import seconds
from mien.cli.videos import How, Outputs, drawn, missing_backend, places_of, write_outputs
from mien.drawing import History, annotate_frame, anonymized
from mien.drawing.anonymize import Anonymization
from mien.emotions import colour_of
from mien.errors import MienError, VideoError
from mien.jobs.journal import Journal
from mien.jobs.video_job import Portraits
from mien.records.frames import VideoHeader
from mien.records.table import frame_record
from mien.tracking.stream import Stream
from mien.values import Frame, FrameResult, Image
from mien.video import Camera, VideoSource, VideoWriter, open_video

BAR = 24
"""Cells of a bar in the terminal."""

RECENT = 30
"""Frames over which speed and delay are averaged."""


class Screen(Protocol):
    """Where one sees what the camera sees; a context manager."""

    def show(self, image: Image, result: FrameResult, status: str) -> bool:
        """Show a drawn frame; False when the user wants to end."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def live(
    camera: Annotated[str, typer.Argument(help="A camera's number or device, or a video to play as if it were one.")]
    = "0",
    record: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write video, CSV, JSON lines, events and report there."),
    ] = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="Bars in the terminal, not a window.")]
    = False,
    model: Annotated[str, typer.Option(help="A shipped model's name, or a file of `mien export`.")] = DEFAULT_MODEL,
    detector: Annotated[str, typer.Option(help="haar, or yunet (fetched once).")] = DEFAULT_DETECTOR,
    detector_model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YuNet's model, instead of the one in the cache.")
    ] = None,
    anonymize: Annotated[
        str | None, typer.Option(metavar="HOW", help="blur or pixelate every face that is shown or written.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option("--seconds", parser=seconds, metavar="TIME", help="End after 3, 1.5s or 1:30.")
    ] = None,
) -> None:  # fmt: skip
    """Show what a camera sees, with boxes and all probabilities, until q or Ctrl-C."""
    if anonymize not in (None, "blur", "pixelate"):
        raise typer.BadParameter(f"expected blur or pixelate; got {anonymize}", param_hint="--anonymize")
    if record and record.is_file():
        raise typer.BadParameter(f"{record} is a file; expected a folder's name", param_hint="--record")
    analyzer = make_analyzer(model, detector, detector_model, {})
    stream = Stream(analyzer.detector, analyzer.classifier, every_frame=anonymize is not None)
    lack = missing_backend(Outputs(annotate=record))
    if lack:
        note(lack)
    how = How(model=model, detector=detector, anonymize=anonymize)  # type: ignore[arg-type] # as checked
    with ExitStack() as stack:
        eye, playback = open_camera(camera)
        stack.enter_context(eye)
        recording = stack.enter_context(Recording(record, eye, analyzer.classifier.labels, how)) if record else None
        screen = stack.enter_context(choose_screen(terminal))
        shown, delay = watch(eye, stream, screen, recording, how.anonymize, duration, playback)
    tell(f"{shown} frames shown, {eye.dropped} dropped, {delay * 1000:.0f} ms from the camera to the screen")


def watch(
    camera: Camera,
    stream: Stream,
    screen: Screen,
    recording: "Recording | None",
    anonymize: Anonymization | None,
    seconds: float | None = None,
    playback: "Playback | None" = None,
) -> tuple[int, float]:
    """Show the newest frame again and again; the number of frames shown, and the mean delay of the last ones.

    Ends when the screen says so, after `seconds`, at the end of a video that is played, or on Ctrl-C.

    Raises:
        VideoError: the camera was unplugged.
    """
    history = History()
    delays: deque[float] = deque(maxlen=RECENT)
    moments: deque[float] = deque(maxlen=RECENT)
    num_shown = 0
    try:
        for frame in camera:
            if seconds is not None and frame.time > seconds:
                break
            result = stream(frame)
            record = frame_record(result)
            faces = [drawn(face) for face in record["faces"]]
            image = anonymized(frame.image, places_of(record), how=anonymize) if anonymize else frame.image
            image = annotate_frame(image, faces, time=frame.time, history=history)
            status = _status(moments, delays, camera.dropped)
            goes_on = screen.show(image, result, status)
            num_shown += 1
            delays.append(camera.now() - frame.time)
            moments.append(camera.now())
            if recording:
                recording.add(frame, result, image)
            if not goes_on:
                break
    except KeyboardInterrupt:
        pass
    except VideoError:
        if not (playback and playback.ended):
            raise
    return num_shown, sum(delays) / max(1, len(delays))


def _status(moments: Sequence[float], delays: Sequence[float], dropped: int) -> str:
    if len(moments) < 2:
        return ""
    speed = (len(moments) - 1) / max(1e-9, moments[-1] - moments[0])
    return f"{speed:.0f} frames/s   {sum(delays) / len(delays) * 1000:.0f} ms behind   {dropped} dropped   q ends"


def open_camera(name: str) -> "tuple[Camera, Playback | None]":
    """A camera by its number or device, or a video that plays at its own pace as if it were one.

    Raises:
        VideoError: there is no such camera or video, or it cannot be opened.
    """
    if name.isdigit():
        return Camera(int(name)), None
    if Path(name).is_file() or "://" in name:
        playback = Playback(open_video(name))
        return Camera(name, capture=playback), playback
    if _is_path(name):
        is_what = "a folder" if Path(name).is_dir() else "not there"
        raise VideoError(
            f"{name} is {is_what}; expected a video's file, or a camera's number (0 is the first) or device"
        )
    return Camera(name), None


def _is_path(name: str) -> bool:
    """Whether it was meant for a file, and not for a camera's device."""
    path = Path(name)
    return not path.is_relative_to("/dev") and (path.is_dir() or bool(path.suffix) or path.name != name)


class Playback:
    """A video as a camera would give it: each frame when its time has come.

    Args:
        source: open; it becomes this object's own.

    Attributes:
        ended: whether it has been played to its end.
    """

    def __init__(self, source: VideoSource) -> None:
        self.ended = False
        self._source = source
        self._started: float | None = None

    def read(self) -> tuple[bool, MatLike | None]:
        """As `mien.video.camera.Capture`."""
        frame = next(self._source, None)
        if frame is None:
            self.ended = True
            return False, None
        if self._started is None:
            self._started = time.monotonic() - frame.time
        time.sleep(max(0.0, self._started + frame.time - time.monotonic()))
        return True, cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)

    def release(self) -> None:
        """Close the video."""
        self._source.close()


class Recording:
    """What is shown, on the disk as `mien analyze` would write it.

    Args:
        folder: takes `video.mp4`, `frames.csv`, `frames.jsonl`, `events.csv` and `report.html`.
        camera: gives the size.
        labels: of the model.
        how: the settings.
    """

    def __init__(self, folder: Path, camera: Camera, labels: tuple[str, ...], how: How) -> None:
        self._folder, self._how = folder, how
        self._header = VideoHeader(
            source=camera.name,
            width=camera.width,
            height=camera.height,
            rate=None,
            labels=labels,
            model=how.model,
            detector=how.detector,
        )
        self._portraits = Portraits()
        self._journal = Journal(folder / ".frames.jsonl.mien", {})
        self._video = VideoWriter(folder / "video.mp4", rate=25.0)

    def __enter__(self) -> Self:
        self._journal.begin()
        self._video.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._video.__exit__(None, None, None)  # whatever ended the showing, what was recorded is kept
        except (MienError, OSError) as fault:
            complain(f"the video could not be written: {reason(fault)}")
        files = {"csv": "frames.csv", "jsonl": "frames.jsonl", "events": "events.csv", "report": "report.html"}
        outputs = Outputs(**{name: self._folder / file for name, file in files.items()})
        write_outputs(self._journal, self._header, outputs, self._portraits, self._how)
        self._journal.forget()
        tell(f"recorded in {self._folder}")

    def add(self, frame: Frame, result: FrameResult, image: Image) -> None:
        """A frame, what is in it, and what was shown of it."""
        self._journal.append(frame_record(result))
        self._portraits.see(frame, result)
        self._video.write(image, frame.time)


def choose_screen(terminal: bool) -> Screen:
    """A window where one can be had, else the terminal."""
    if not terminal and (sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY")):
        try:
            return TkWindow()
        except (ImportError, RuntimeError) as error:
            complain(f"no window can be had ({error}); here is the terminal")
    return Terminal()


class Terminal:
    """Bars for each person, in a terminal, through SSH too."""

    def __init__(self) -> None:
        self._live = Live(console=out, refresh_per_second=20, transient=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, image: Image, result: FrameResult, status: str) -> bool:
        """As `Screen`; Ctrl-C ends."""
        lines = [Text(status.replace("q ends", "Ctrl-C ends"), style="dim")]
        for face in result.faces:
            lines.append(Text(f"person {face.track_id}: {face.label}", style="bold"))
            for label, score in face.scores.items():
                red, green, blue = colour_of(label)
                filled = round(score * BAR)
                line = Text(f"  {label:9} ")
                line.append("█" * filled + "░" * (BAR - filled), style=f"rgb({red},{green},{blue})")
                line.append(f" {score:4.0%}")
                lines.append(line)
        if not result.faces:
            lines.append(Text("no face"))
        self._live.update(Group(*lines))
        return True


class TkWindow:
    """A window of Tk, which Python brings with it.

    Raises:
        ImportError: this Python came without Tk.
        RuntimeError: there is no display.
    """

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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._root.destroy()

    def show(self, image: Image, result: FrameResult, status: str) -> bool:
        """As `Screen`; q, Escape or closing the window ends."""
        height, width = image.shape[:2]
        # Tk reads a PPM without compressing or decompressing anything.
        picture = self._photo_image(data=b"P6 %d %d 255\n" % (width, height) + np.ascontiguousarray(image).tobytes())
        self._label.configure(image=picture)
        self._picture = picture  # Tk itself keeps no reference
        self._line.configure(text=status)
        self._root.update()
        return self._open

    def _end(self) -> None:
        self._open = False
