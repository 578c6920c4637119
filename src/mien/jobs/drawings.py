"""Drawn pictures and videos as outputs like any other."""

import logging
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Final

from mien.drawing import History, annotate
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

    def __exit__(self, *error: object) -> None:
        """Nothing is left to do."""

    def write(self, result: FrameResult | Failure) -> None:
        """Draw the picture; a failure leaves nothing to draw."""
        if isinstance(result, FrameResult):
            write_image(self.path, annotate(_image(result), result.faces), comment=DRAWN_COMMENT)


class VideoDrawing(AbstractContextManager[Sink]):
    """Draws every frame of one video into a video with the sound of the original."""

    wants_images = True
    replaces = staticmethod(video_drawn_by_mien)

    def __init__(self, target: Target, header: Header) -> None:
        self.path = _file(target)
        self._settings = VideoSettings(**header.settings)
        self._history = History()
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
        drawn = annotate(_image(result), result.faces, history=self._history, time=result.time)
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
