"""Where mien keeps files, writing them so that a crash leaves the old one whole, and what is in a strange one."""

import codecs
import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

STANDARD_OUTPUT: Final = Path("-")
"""In place of a file's path."""

# A umask can only be read by setting it: once, at import, before there are threads to disturb.
_UMASK = os.umask(0o077)
os.umask(_UMASK)


def cache_folder() -> Path:
    """The folder for what can be made again: `$MIEN_CACHE`, or the platform's own (`~/.cache/mien` on Linux).

    It is made by the first write, never by asking.
    """
    chosen = os.environ.get("MIEN_CACHE")
    return Path(chosen) if chosen else user_cache_path("mien", appauthor=False)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well, and vanishes when it does not.

    Missing parent folders are made. The new content is on the disk before the name changes, so a reader sees
    the old file or the new one, never half of either. A link stays, and what it points to is replaced; a file keeps
    its permissions; a pipe or a device is written to directly.

    Raises:
        OSError: the folder cannot be written, or the disk is full; `path` is as it was. Or it is a folder. The error
            names `path`, not the temporary file.
    """
    asked, path = path, path.resolve()
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "Is a folder", str(path))
    if path.exists() and not path.is_file():
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.", suffix=".partial")
    except OSError as error:
        error.filename = str(asked)
        raise
    os.close(descriptor)
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.chmod(path.stat().st_mode if path.exists() else 0o666 & ~_UMASK)
        partial.replace(path)
    except OSError as error:
        if error.filename in (name, partial):
            error.filename = str(asked)
        raise
    finally:
        partial.unlink(missing_ok=True)


def described(head: bytes) -> str:
    """A file's first bytes for a message: as text where they are some, up to the end of the line."""
    try:
        # Incremental, since the last character may have been cut.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head).strip().partition("\n")[0].rstrip()
    except UnicodeDecodeError:
        text = ""
    if text and text.replace("\t", " ").isprintable():
        return f'the text "{text}"'
    return f"the bytes {head[:8].hex(' ')}"
