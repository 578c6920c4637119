"""A folder of numbered pictures, read as a video."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mien.errors import PictureError, VideoError
from mien.images import PICTURE_SUFFIXES, is_picture_name, read_image
from mien.video.decoder import Picture, StreamInfo


class NumberedPictures:
    """The pictures of a folder, in the order of the numbers in their names: `frame_9.png` before `frame_10.png`.

    Missing numbers leave no gap in time. A picture that cannot be read leaves one.
    """

    def __init__(self, folder: Path, rate: float) -> None:
        self._rate = rate
        self._paths = _numbered(folder)
        try:
            first = read_image(self._paths[0])
        except PictureError as error:
            raise VideoError(f"{folder} begins with a picture that cannot be read: {error}") from error
        (height, width, _), num, codec = first.shape, len(self._paths), self._paths[0].suffix.lower().lstrip(".")
        self.info = StreamInfo(str(folder), width, height, rate, num / rate, num, has_audio=False, codec=codec)

    def pictures(self, start: float) -> Iterator[Picture]:
        for number, path in enumerate(self._paths):
            yield Picture(number / self._rate, partial(read_image, path))

    def close(self) -> None:
        """Nothing is open between two pictures."""


def _numbered(folder: Path) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if is_picture_name(path) and not path.name.startswith(".")]
    except OSError as error:
        raise VideoError(f"{folder} cannot be read: {error.strerror or error}") from error
    numbered = [path for path in found if re.search(r"\d", path.stem)]
    if not numbered:
        raise VideoError(
            f"{folder} is a folder without numbered pictures; expected a video, or a folder of pictures like "
            f"frame_001.png (any of {', '.join(sorted(PICTURE_SUFFIXES))})"
        )
    return sorted(numbered, key=lambda path: _natural(path.name))


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts 9 before 10; the name itself decides between equal numbers, as 1 and 01."""
    parts = re.findall(r"(\d+)|(\D+)", name.lower(), re.ASCII)
    return [*((int(digits or 0), text) for digits, text in parts), (0, name)]
