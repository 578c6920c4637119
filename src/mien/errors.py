"""Everything mien raises on purpose, as a tree below `MienError`.

Every message names the file, row or field, says what was expected and what came, and what to do.
"""

from mien.installation import install_command


class MienError(Exception):
    """The root: catch it to catch whatever mien raises on purpose.

    >>> try:
    ...     mien.read_image("missing.jpg")
    ... except mien.MienError as error:
    ...     print(error)
    missing.jpg is not there; expected a picture
    """


class InvalidInput(MienError, ValueError):
    """A file, a row or an argument is not what it has to be."""


class PictureError(InvalidInput):
    """A picture cannot be read."""


class VideoError(InvalidInput):
    """A video or a camera cannot be read, or a video cannot be written."""


class DataError(InvalidInput):
    """A data set cannot be read."""


class RecipeError(InvalidInput):
    """A training recipe is wrong; the message lists every fault at once."""


class ModelError(InvalidInput):
    """A model file is missing, or is not one of mien's."""


class DownloadError(MienError):
    """A file could not be fetched, or is not the one that was asked for."""


class TrainingError(MienError):
    """A training diverged."""


class ExportError(MienError):
    """An exported model disagrees with the network it came from."""


class MissingExtra(MienError, ImportError):
    """An optional dependency, which an extra of mien brings, is not installed; `feature` begins the message."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency. Install it with: {install_command(extra)}")


def reason(error: BaseException) -> str:
    """An error's message for people; the operating system's own begins with the file that it is about."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
