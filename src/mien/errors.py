"""Everything mien raises on purpose, as a tree below `MienError`.

Every message names the file, row or field, says what was expected and what came, and what to do.
"""

import difflib
from collections.abc import Iterable
from typing import Any, ClassVar

from mien.installation import install_command


class MienError(Exception):
    """The root: catch it to catch whatever mien raises on purpose.

    >>> try:
    ...     mien.read_image("missing.jpg")
    ... except mien.MienError as error:
    ...     print(error)
    missing.jpg is not there; expected a picture

    Attributes:
        code: What kind of error it is, as one word for programs; it stays when a message changes.
    """

    code: ClassVar[str] = "error"


class InvalidInput(MienError, ValueError):
    """A file, a row or an argument is not what it has to be."""

    code = "invalid"


class PictureError(InvalidInput):
    """A picture cannot be read."""

    code = "picture"


class VideoError(InvalidInput):
    """A video or a camera cannot be read, or a video cannot be written."""

    code = "video"


class DataError(InvalidInput):
    """A data set cannot be read."""

    code = "data"


class RecipeError(InvalidInput):
    """A training recipe is wrong; the message lists every fault at once."""

    code = "recipe"


class ModelError(InvalidInput):
    """A model file is missing, or is not one of mien's."""

    code = "model"


class DownloadError(MienError):
    """A file could not be fetched, or is not the one that was asked for."""

    code = "download"


class TrainingError(MienError):
    """A training diverged, lacked memory, or lost a process that it shared the work with."""

    code = "training"


class ExportError(MienError):
    """An exported model disagrees with the network it came from."""

    code = "export"


class MissingExtra(MienError, ImportError):
    """An optional dependency, which an extra of mien brings, is not installed; `feature` begins the message.

    `error` is what importing it raised: what is installed and cannot be loaded, for lack of memory say, is not to be
    installed again.
    """

    code = "missing-extra"

    def __init__(self, feature: str, extra: str, error: ImportError | None = None) -> None:
        self._given = feature, extra, error
        if error is None or isinstance(error, ModuleNotFoundError):
            message = f"an optional dependency. Install it with: {install_command(extra)}"
        else:
            message = f"an optional dependency that is installed and cannot be loaded; is memory short? {error}"
        super().__init__(f"{feature} needs {message}")

    def __reduce__(self) -> tuple[Any, ...]:  # it is raised in other processes, too
        return type(self), self._given


def did_you_mean(name: str, known: Iterable[str], otherwise: str = ".", *, likeness: float = 0.6) -> str:
    """How a message goes on after a name that nothing has: with the most similar of the known names.

    `likeness`, 0 to 1, is difflib's; where no known name has as much, the message goes on with `otherwise`.

    >>> did_you_mean("rep-smal", ["rep-small", "mini-xception"])
    '; did you mean rep-small?'
    """
    near = difflib.get_close_matches(name[:100], list(known), n=1, cutoff=likeness)
    return f"; did you mean {near[0]}?" if near else otherwise


def reason(error: BaseException) -> str:
    """An error's message for people; the operating system's own begins with the file that it is about."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
