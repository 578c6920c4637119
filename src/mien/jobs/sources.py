"""The pictures and videos that words name: files, folders, patterns, URLs, standard input."""

import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mien.errors import InvalidInput
from mien.images import PICTURE_SUFFIXES, drawn_by_mien, is_animated, is_picture_name
from mien.video import drawn_by_mien as video_drawn_by_mien
from mien.video.source import STANDARD_INPUT, URL_SCHEMES, without_password

VIDEO_SUFFIXES: Final = frozenset({
    ".3g2", ".3gp", ".asf", ".avi", ".divx", ".flv", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4",
    ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})  # fmt: skip
"""The endings of names, in lower case, that are taken for videos."""

UNREAD_SUFFIXES: Final = frozenset({
    ".arw", ".cr2", ".cr3", ".dng", ".heic", ".heif", ".hif", ".ico", ".j2k", ".jp2", ".jpx", ".jxl", ".nef", ".orf",
    ".pcx", ".pef", ".psd", ".raf", ".rw2", ".srw", ".svg", ".tga",
})  # fmt: skip
"""The endings of names, in lower case, of pictures that mien does not read: they are passed over in folders, aloud."""


@dataclass(frozen=True, slots=True)
class Source:
    """One picture or video to be analysed, or the reason why it cannot be.

    Its place within a folder of outputs is its name, or its path in a folder that was given; below the folder that all
    sources share where two would have the same.
    """

    name: str  # in records and messages
    path: Path | None  # None for standard input, a URL, and what was not found
    place: Path
    is_video: bool = False
    error: str | None = None  # why there is nothing to analyse
    address: str | None = None  # the whole URL, whose password the name leaves out
    is_unread: bool = False  # a picture in a folder of a kind that mien does not read


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, in the order of the words and sorted in folders; and what it passed over, for people."""

    sources: tuple[Source, ...]
    notes: tuple[str, ...]


def find_sources(words: Iterable[str | Path], *, as_video: bool = False) -> Found:
    """The pictures and videos that words name, each once.

    A folder stands for the pictures and videos in it and below, by their suffixes; hidden files and folders are left
    out. An animated picture is a video. A word that names no file and has `*`, `?` or `[` is a pattern (`**` reaches
    into folders). What cannot be found becomes a source with an error, so that it is reported among the others. What
    mien itself drew, pictures in folders of kinds that it does not read, and what is no regular file in a folder
    (sockets, devices, named pipes), are passed over with a note.

    With `as_video`, folders are numbered frames of a video, and standard input is a video.
    """
    found: dict[str, Source] = {}
    for word in words:
        if not isinstance(word, str | Path):
            raise InvalidInput(f"sources are names of files, folders, patterns and URLs; got {type(word).__name__}")
        for source in named_by(str(word), as_video):
            found.setdefault(os.path.abspath(source.path) if source.path else source.name, source)
    whys = {source: why_passed_over(source) for source in found.values()}
    passed_over = Counter(why for why in whys.values() if why)
    kept = [source for source, why in whys.items() if not why]
    notes = [f"passed over {count} {'file' if count == 1 else 'files'}: {why}" for why, count in passed_over.items()]
    return Found(tuple(_with_folders(kept)), tuple(notes))


def is_video_name(path: str | Path) -> bool:
    """Whether a file's suffix says that it is a video."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def output_places(sources: Sequence[Source], suffixes: Sequence[str], taken: Sequence[str] = ()) -> list[Path]:
    """A path for each source's own output, no two alike and none `taken`, even where upper and lower case are one.

    A file that has one of the suffixes keeps its name; any other takes the first suffix in place of its own, or after
    it where that name is another's.
    """
    given = [source.place for source in sources]
    names = [place if place.suffix.lower() in suffixes else place.with_suffix(suffixes[0]) for place in given]
    counts = Counter(str(name).casefold() for name in names)
    places = {name.casefold(): Path(name) for name in taken}
    for place, name in zip(given, names, strict=True):
        shared = counts[str(name).casefold()] > 1 and name != place
        own, number = place.with_name(place.name + suffixes[0]) if shared else name, 1
        while str(own).casefold() in places:
            number += 1
            own = name.with_stem(f"{name.stem}-{number}")
        places[str(own).casefold()] = own
    return list(places.values())[len(taken) :]


def named_by(word: str, as_video: bool = False) -> Iterable[Source]:
    """The sources that one word names, one by one; as for `find_sources`, but none is passed over."""
    path = Path(word)
    if word == STANDARD_INPUT:
        return [Source("-", None, Path("standard-input"), is_video=as_video)]
    if not word.strip():
        return [Source(repr(word), None, Path("empty"), error="the name is empty; expected a file or a folder")]
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", word):
        return [_from_url(word)]
    if path.is_dir() and not as_video:
        return _in_folder(path)
    if os.path.lexists(path) or not glob.has_magic(word):
        return [_file(word, path, as_video)]
    # Path.glob takes no pattern that begins at the root.
    files = [Path(match) for match in sorted(glob.glob(word, recursive=True)) if not Path(match).is_dir()]  # noqa: PTH207
    missing = Source(word, None, Path("pattern"), error="no file matches this pattern")
    return (_file(str(file), file, as_video) for file in files) if files else [missing]


def _from_url(word: str) -> Source:
    name = without_password(word)
    scheme, _, rest = name.partition("://")
    place = Path(re.sub(r"[^\w.-]+", "-", rest).strip("-") or "url")
    if scheme.lower() not in URL_SCHEMES:
        known = ", ".join(f"{each}://" for each in URL_SCHEMES)
        return Source(name, None, place, error=f"{scheme}:// is not known; expected {known} or a file")
    if is_picture_name(rest.partition("?")[0]):
        error = "pictures are not fetched from the network; download it, and name the file"
        return Source(name, None, place, error=error)
    return Source(name, None, place, is_video=True, address=word)


def _file(name: str, path: Path, as_video: bool) -> Source:
    kind = _special_kind(path)
    error = f"it is {kind}; expected a file (a pipe goes through standard input: -)" if kind else None
    place = Path(os.path.basename(os.path.abspath(path)))
    return Source(
        name, path, place, is_video=as_video or is_video_name(path) or (not error and is_animated(path)), error=error
    )


def _in_folder(folder: Path) -> Iterator[Source]:
    faults: list[OSError] = []
    num = 0
    for where, folders, names in os.walk(folder, onerror=faults.append, followlinks=True):
        if Path(where) != folder and Path(where).is_symlink() and _leads_back(where, folder):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and (is_picture_name(name) or is_video_name(name)):
                num += 1
                file = Path(where, name)
                yield Source(
                    str(file), file, file.relative_to(folder), is_video=is_video_name(name) or is_animated(file)
                )
            elif not name.startswith(".") and Path(name).suffix.lower() in UNREAD_SUFFIXES:
                file = Path(where, name)
                yield Source(str(file), file, file.relative_to(folder), is_unread=True)
    for fault in faults:
        yield Source(str(fault.filename), None, Path("folder"), error=f"the folder cannot be read: {fault.strerror}")
    if not num and not faults:
        endings = ", ".join(sorted(PICTURE_SUFFIXES))
        error = f"the folder holds no picture (a file that ends in {endings}) and no video"
        yield Source(str(folder), None, Path("folder"), error=error)


def _leads_back(link: str, top: Path) -> bool:
    """Whether a link in a folder leads to one of the folders on the way to it, which would be walked for ever."""
    real, above = os.path.realpath(link), Path(link).parent
    while above != top and os.path.realpath(above) != real:
        above = above.parent
    return os.path.realpath(above) == real


def why_passed_over(source: Source) -> str | None:
    """Why a source is passed over: mien drew it, it is a device, or of a kind that mien does not read; or None."""
    if source.path is None or source.error:
        return None
    kind = _special_kind(source.path)
    if kind:
        return f"{source.name} is {kind}"
    if source.is_unread:
        return f"mien does not read {source.path.suffix.lower()}; convert them to JPEG or PNG"
    if source.path.is_file() and (video_drawn_by_mien if source.is_video else drawn_by_mien)(source.path):
        return "mien drew them, and their drawings would be read as faces"
    return None


def _special_kind(path: Path) -> str | None:
    """What a file is that would block or never end when it is read; None for ordinary files, and for none."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - Path.stat raises RuntimeError for a link to itself on Python 3.11
    except (OSError, ValueError):
        return None
    kinds = {"p": "a named pipe", "s": "a socket", "c": "a device", "b": "a device"}
    return kinds.get(stat.filemode(mode)[0])


def _with_folders(sources: Sequence[Source]) -> Iterator[Source]:
    """The sources as they are; if two have one place, each with its place below the folder that all share."""
    counts = Counter(str(source.place).casefold() for source in sources if source.path)
    paths = [os.path.abspath(source.path) for source in sources if source.path]
    if max(counts.values(), default=0) < 2 or len({Path(path).anchor for path in paths}) > 1:
        yield from sources
        return
    root = os.path.commonpath([os.path.dirname(path) for path in paths])
    for source in sources:
        place = os.path.relpath(os.path.abspath(source.path), root) if source.path else source.place
        yield replace(source, place=Path(place))
