"""An animated picture (GIF, WebP, PNG, AVIF), read as a video."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mien.errors import PictureError, VideoError
from mien.images import animation
from mien.video.decoder import DecodingBroke, Picture, StreamInfo

_SHORTEST: Final = 0.011  # seconds; frames that claim to be shorter are shown for `_USUAL`, as browsers do
_USUAL: Final = 0.1


class AnimatedPicture:
    """The frames of an animation, each at the time at which a browser shows it first."""

    def __init__(self, path: Path) -> None:
        self._frames = animation(path)
        try:
            self._first = next(self._frames)
        except PictureError as error:
            raise VideoError(str(error)) from error
        (height, width, _), codec = self._first[0].shape, path.suffix.lower().lstrip(".")
        self.info = StreamInfo(str(path), width, height, None, None, None, has_audio=False, codec=codec)

    def pictures(self, start: float) -> Iterator[Picture]:
        time = 0.0
        image, seconds = self._first
        while True:
            yield Picture(time, lambda image=image: image)  # type: ignore[misc] # mypy takes no default for a lambda
            time += seconds if seconds >= _SHORTEST else _USUAL
            try:
                image, seconds = next(self._frames)
            except StopIteration:
                return
            except PictureError as error:
                raise DecodingBroke(str(error)) from error

    def close(self) -> None:
        self._frames.close()
