"""Drawn pictures and videos as outputs like any other."""

import logging
import re
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Final

from mien.drawing import History, annotate, explain
from mien.errors import InvalidInput
from mien.images import DRAWN_COMMENT, drawn_by_mien, write_image
from mien.jobs.settings import VideoSettings
from mien.records.sink import Header, Sink, Target
from mien.values import Failure, FrameResult, Image
from mien.video import VideoWriter
from mien.video import drawn_by_mien as video_drawn_by_mien
from mien.video.decoder import USUAL_RATE

_LOG: Final = logging.getLogger("mien")


class PictureDrawing(AbstractContextManager[Sink]):
    """Draws one picture into a file, marked as drawn by mien."""

    wants_images = True
    replaces = staticmethod(drawn_by_mien)

    def __init__(self, target: Target, header: Header) -> None:
        self.path = _file(target)
        self._how = header.drawing

    def __exit__(self, *error: object) -> None:
        """Nothing is left to do."""

    def write(self, result: FrameResult | Failure) -> None:
        """Draw the picture; a failure leaves nothing to draw."""
        if isinstance(result, FrameResult):
            write_image(self.path, annotate(_image(result), result.faces, **self._how), comment=DRAWN_COMMENT)


class PictureExplanations(AbstractContextManager[Sink]):
    """Writes a sheet about each face of one picture, as `mien.drawing.explain` draws it, marked as drawn by mien.

    The sheets of `out/party.png` are `out/party-000.png` for the first face, and so on. Those of an earlier run are
    replaced, and removed where the picture had more faces.
    """

    wants_images = True
    replaces = staticmethod(drawn_by_mien)

    def __init__(self, target: Target, header: Header) -> None:
        self._path = _file(target)
        if not header.explained:
            raise InvalidInput("faces need explanations to draw: mien.Analyzer(explain=True)")
        for earlier in sheets_at(self._path):
            if not drawn_by_mien(earlier):
                raise InvalidInput(
                    f"{earlier} is there already and was not written by mien; name another folder, or remove it"
                )

    def __exit__(self, *error: object) -> None:
        """Nothing is left to do."""

    def write(self, result: FrameResult | Failure) -> None:
        """Draw the sheets; a failure leaves nothing to draw."""
        if isinstance(result, Failure):
            return
        sheets = explanation_files(self._path, len(result.faces))
        for sheet, face in zip(sheets, result.faces, strict=True):
            write_image(sheet, explain(_image(result), face), comment=DRAWN_COMMENT)
        for earlier in set(sheets_at(self._path)) - set(sheets):
            if drawn_by_mien(earlier):
                earlier.unlink()


def explanation_files(path: Path, num: int) -> list[Path]:
    """The files of the sheets about a picture's faces, in their order; their names sort."""
    return [path.with_name(f"{path.stem}-{number:03d}{path.suffix}") for number in range(num)]


def sheets_at(path: Path) -> list[Path]:
    """The files there are that have the names of sheets about a picture, in their order."""
    pattern = re.compile(re.escape(path.stem) + r"-\d{3,}" + re.escape(path.suffix))
    folder = path.parent
    return sorted(each for each in folder.iterdir() if pattern.fullmatch(each.name)) if folder.is_dir() else []


class VideoDrawing(AbstractContextManager[Sink]):
    """Draws every frame of one video into a video with the sound of the original."""

    wants_images = True
    replaces = staticmethod(video_drawn_by_mien)

    def __init__(self, target: Target, header: Header) -> None:
        self.path = _file(target)
        self._settings = VideoSettings(**header.settings)
        self._history, self._how = History(), header.drawing
        self._stack = ExitStack()
        self._writer: VideoWriter | None = None

    def __exit__(self, *error: Any) -> None:
        try:
            self._stack.__exit__(*error)
        finally:
            if self._writer and self._writer.damage:
                _LOG.warning("%s: the sound broke off: %s", self.path, self._writer.damage)

    def write(self, result: FrameResult | Failure) -> None:
        """Draw the next frame; a failure ends the video with what was drawn until then."""
        if isinstance(result, Failure):
            return
        if self._writer is None:
            self._writer = self._stack.enter_context(self._opened(result))
        drawn = annotate(_image(result), result.faces, history=self._history, time=result.time, **self._how)
        self._writer.write(drawn, result.time)

    def _opened(self, first: FrameResult) -> VideoWriter:
        video, settings = first.video, self._settings
        rate = ((video and video.rate) or USUAL_RATE) / settings.every
        return VideoWriter(
            self.path,
            rate=min(rate, settings.fps or rate),
            audio_from=video.sound if video else None,
            comment=DRAWN_COMMENT,
            start=settings.start,
            end=settings.end,
        )


def _image(result: FrameResult) -> Image:
    if result.image is None:
        raise InvalidInput("a drawing needs results with images: stream(…, images=True)")
    return result.image


def _file(target: Target) -> Path:
    if not isinstance(target, Path):
        raise InvalidInput(f"drawings are written into files; got {type(target).__name__}")
    return target
