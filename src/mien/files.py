"""What may be written, and writing it so that a crash leaves the older file whole."""

import codecs
import errno
import itertools
import os
import re
import secrets
import stat
import sys
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from mien.errors import InvalidInput

STANDARD_OUTPUT: Final = Path("-")  # stands for standard output in place of a file's path


def cache_folder() -> Path:
    """The folder for what can be made again: `$MIEN_CACHE`, or the platform's own (`~/.cache/mien` on Linux).

    It need not exist yet; the first write makes it.
    """
    chosen = os.environ.get("MIEN_CACHE")
    return Path(chosen) if chosen else user_cache_path("mien", appauthor=False)


class FileSet:
    """Files, each known by all its names: links are in the set too. One that is not there yet is known by its path."""

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self._identities = {each for path in paths for each in _identities(path)}

    def __contains__(self, path: Path) -> bool:
        return not self._identities.isdisjoint(_identities(path))


def _identities(path: Path) -> Iterator[str | tuple[int, int]]:
    # Not Path.resolve, which raises RuntimeError on a link to itself before Python 3.13.
    yield os.path.normcase(os.path.realpath(path))
    with suppress(OSError):
        status = path.stat()
        yield status.st_dev, status.st_ino


def check_output(
    path: Path, *, inputs: FileSet | Iterable[Path] = (), may_replace: Callable[[Path], bool] | None = None
) -> None:
    """Check, before the work begins, that a file can be written and takes the place of nothing that is still needed.

    Standard output (`-`), pipes and devices pass. `may_replace` says whether a file that is there already, and not
    empty, may be replaced; by default any may. Where many outputs are checked, the inputs are a `FileSet`.
    """
    if path == STANDARD_OUTPUT:
        # None, or what the command line puts in its place.
        if sys.stdout is None or getattr(sys.stdout, "name", None) == os.devnull:
            raise InvalidInput("standard output is closed, and - means it; name a file")
        return
    try:
        # The file that will be written: the system takes no `..` after a folder that is still to be made.
        status = os.stat(os.path.realpath(path))  # noqa: PTH116 - it is no Path
    except (FileNotFoundError, NotADirectoryError):
        status = None
    except OSError as error:  # too long a name, a link to itself
        raise InvalidInput(f"{path} cannot be written: {error.strerror}; name another file") from error
    if status and not stat.S_ISREG(status.st_mode):
        if stat.S_ISDIR(status.st_mode):
            raise InvalidInput(f"{path} is a folder; name a file in it")
        if stat.S_ISSOCK(status.st_mode):
            raise InvalidInput(f"{path} is a socket; name a file")
        return
    if path in (inputs if isinstance(inputs, FileSet) else FileSet(inputs)):
        raise InvalidInput(f"{path} is an input, and would be overwritten; name another file")
    folders = Path(os.path.realpath(path)).parents
    folder = next((each for each in folders if os.path.lexists(each)), folders[-1])
    if not folder.is_dir():
        raise InvalidInput(f"{path} cannot be written, as {folder} is a file and no folder; name another folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidInput(f"{path} cannot be written, as nothing may be written to {folder}; name another folder")
    if status and status.st_size and may_replace and not may_replace(Path(os.path.realpath(path))):
        raise InvalidInput(f"{path} is there already and was not written by mien; name another file, or remove it")


def check_outputs(
    outputs: Mapping[str, Path | None],
    *,
    inputs: FileSet | Iterable[Path] = (),
    may_replace: Mapping[str, Callable[[Path], bool]] | None = None,
) -> None:
    """Check all outputs of a command as `check_output` does, and that no two of them are the same file.

    The files are named by their options, None for one that was not given; a message begins with the option.
    """
    inputs = inputs if isinstance(inputs, FileSet) else FileSet(inputs)
    earlier: dict[str, FileSet] = {}
    for option, path in ((option, path) for option, path in outputs.items() if path):
        try:
            check_output(path, inputs=inputs, may_replace=(may_replace or {}).get(option))
        except InvalidInput as error:
            raise InvalidInput(f"{option}: {error}") from error
        for other, written in earlier.items():
            if path in written and (path == STANDARD_OUTPUT or path.is_file() or not path.exists()):
                what = "standard output" if path == STANDARD_OUTPUT else str(path)
                raise InvalidInput(f"{option}: {other} writes to {what} too; name another file")
        earlier[option] = FileSet([path])


def begins_with(path: Path, *heads: bytes) -> bool:
    """Whether a file's first bytes are one of `heads`; False for a file that cannot be read."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(max(map(len, heads))).startswith(heads)
    return False


@contextmanager
def opening_errors(path: Path, name: str, expected: str, kind: type[InvalidInput]) -> Iterator[None]:
    """Raises what opening `path` raises as an error of that kind, which names it `name` and says what was expected."""
    try:
        yield
    except kind:
        raise
    except FileNotFoundError as error:
        what = "a link to a file that is not there" if path.is_symlink() else "not there"
        raise kind(f"{name} is {what}; expected {expected}") from error
    except OSError as error:
        raise kind(f"{name} cannot be opened: {error.strerror or error}") from error
    except ValueError as error:
        raise kind(f"{name!r} is no file name: {error}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that replaces it when the block succeeds, and is removed when it fails.

        >>> with replacing(Path("faces.csv")) as partial:
        ...     _ = partial.write_text("frame,label\\n")

    Missing parent folders are made. The new content is on the disk before the name changes, so a reader sees
    the old file or the new one, never half of either. A link stays, and what it points to is replaced; a file keeps
    its permissions; a pipe or a device is written to directly.

    Raises:
        OSError: The folder cannot be written, the disk is full, or `path` is a folder or a link to itself; an older
            file is as it was. The error names `path`, not the temporary file.
    """
    asked, path = path, Path(os.path.realpath(path))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "Is a folder", str(path))
    if path.is_symlink():
        raise OSError(errno.ELOOP, "Is a link to itself", str(asked))
    if path.exists() and not path.is_file():
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    older_mode = path.stat().st_mode if path.exists() else None
    partial = path.with_name(f".{_beginning(path.name, 80)}.{secrets.token_hex(4)}.partial")
    lock = None
    try:
        partial.touch(0o600 if older_mode else 0o666, exist_ok=False)
        lock = _locked(partial)
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        if older_mode:
            partial.chmod(older_mode)
        partial.replace(path)
    except OSError as error:
        if error.filename in (str(partial), partial):
            error.filename = str(asked)
        raise
    finally:
        with suppress(OSError):
            partial.unlink()
        if lock is not None:
            os.close(lock)


def remove_abandoned(paths: Iterable[Path]) -> None:
    """Remove the temporary files of `replacing` that processes which were killed have left beside these files."""
    names: defaultdict[str, set[str]] = defaultdict(set)
    for path in paths:
        folder, name = os.path.split(os.path.realpath(path))
        names[folder].add(_beginning(name, 80))
    for folder, expected in names.items():
        remove_abandoned_in(Path(folder), expected)


def remove_abandoned_in(folder: Path, names: Container[str] | None = None) -> None:
    """Remove what `remove_abandoned` does from a folder: the temporary files of any name, or of these names."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = re.fullmatch(r"\.(.*)\.[0-9a-f]{8}\.partial", entry.name)
            if match and (names is None or match[1] in names):
                with suppress(OSError):
                    lock = _locked(Path(entry.path))  # fails while its process lives
                    os.unlink(entry.path)  # noqa: PTH108 - of a scan, as the loop's entries are
                    if lock is not None:
                        os.close(lock)


def sync_folder(folder: Path) -> None:
    """Make sure that the names in a folder are on the disk, as after `replacing`; Windows has no way to."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int | None:
    """A lock that lasts until its descriptor is closed, at the latest by the end of the process; `OSError` if held.

    None where the system has no such locks: Windows, which does not remove a file that is being written anyway.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        return None  # a file system without locks
    return descriptor


def keep_incomplete(partial: Path, path: Path, replaces: Callable[[Path], bool]) -> Path:
    """Keep what had been written of a file when an exception ended the block of `replacing`; call it inside the block.

    It is kept as `path`, or, if an earlier file has that name, as `NAME.incomplete.SUFFIX` beside it; or as
    `NAME.incomplete-2.SUFFIX` and so on, if that is the name of a file that may not be replaced, as `replaces` says.
    """
    if not partial.is_file():  # a pipe or a device, which was written to directly
        return path
    kept, earlier = path, Path(os.path.realpath(path))
    if earlier.exists() and (status := earlier.stat()).st_size:
        partial.chmod(status.st_mode)
        stem = _beginning(earlier.stem, 200)
        numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
        names = (earlier.with_name(f"{stem}.incomplete{number}{earlier.suffix}") for number in numbers)
        kept = next(name for name in names if _is_free(name, replaces))
    with replacing(kept) as new:
        partial.replace(new)
    return kept


def _is_free(path: Path, replaces: Callable[[Path], bool]) -> bool:
    with suppress(OSError):
        return not os.path.lexists(path) or (path.is_file() and replaces(path))
    return False


def _beginning(name: str, num_bytes: int) -> str:
    """As much of a file's name as fits into so many bytes, which is what systems limit."""
    return os.fsencode(name)[:num_bytes].decode(errors="ignore")


def as_text_cell(text: str) -> str:
    """A text for a CSV file: with an apostrophe before it where a spreadsheet may execute it (CWE-1236).

    >>> as_text_cell("=1+1.jpg"), as_text_cell("1+1.jpg")
    ("'=1+1.jpg", '1+1.jpg')
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def described(head: bytes) -> str:
    """A file's first bytes for a message: the first line where they are text, else hexadecimal."""
    try:
        # Incremental, since the last character may be incomplete.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head).strip().partition("\n")[0].rstrip()
    except UnicodeDecodeError:
        text = ""
    if text and text.replace("\t", " ").isprintable():
        return f'the text "{text}"'
    return f"the bytes {head[:8].hex(' ')}"
