"""What the words of a command line name: files, folders, globs, standard input."""

import glob
import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from mien.images import PICTURE_SUFFIXES, is_picture_name
from mien.video.source import URL_SCHEMES, without_password

STANDARD_INPUT = "-"

VIDEO_SUFFIXES = frozenset({
    ".3g2", ".3gp", ".asf", ".avi", ".divx", ".flv", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4",
    ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})  # fmt: skip
"""The endings of names, in lower case, that are taken for videos in a folder."""


@dataclass(frozen=True, slots=True)
class Source:
    """One picture or video to be read, or the reason why there is none.

    Attributes:
        name: what records and messages call it.
        path: the file; None for standard input.
        place: where an output of it belongs in a folder of outputs: its name, or in a folder that was given, its
            path within.
        fault: why there is nothing to read; None when there is.
        video: whether it is a video: by its ending, as a URL, or because the caller says so.
        address: the whole URL, whose password `name` leaves out; None for anything else.
    """

    name: str
    path: Path | None
    place: Path
    fault: str | None = None
    video: bool = False
    address: str | None = None


def is_video_name(path: str | Path) -> bool:
    """Whether a file's ending says that it is a video."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


LeaveOut: TypeAlias = Callable[[Path, Sequence[Source]], None]
"""Is told of a folder, and of its videos that are left out."""


def find_sources(
    words: Sequence[str], *, but_not: Path | None = None, as_video: bool = False, leave_out: LeaveOut | None = None
) -> list[Source]:
    """The pictures and videos that words name, each once, in the order of the words; a folder's are sorted.

    A folder stands for the pictures in it and below, told by their names' endings; for its videos if it holds no
    picture. A word that is no file and has `*`, `?` or `[` is a pattern (`**` reaches into folders). What cannot be
    found or read becomes a source with a fault, so that it is reported among the others.

    Args:
        words: of the command line.
        but_not: a folder that is passed over within others: that of an earlier run's drawings.
        as_video: whether folders are numbered frames of a video, and standard input is one.
        leave_out: is told of each folder whose videos are left out beside its pictures.
    """
    sources = []
    seen = set()
    for word in words:
        for source in _named_by(word, but_not, as_video, leave_out):
            identity = str(source.path.resolve()) if source.path and not source.fault else source.name
            if identity not in seen:
                seen.add(identity)
                sources.append(source)
    return sources


def left_out_videos(folder: Path, videos: Sequence[Source]) -> str:
    """That a folder's videos are left out, and the command that analyses them."""
    endings = dict.fromkeys(Path(video.name).suffix for video in videos)
    patterns = [shlex.quote(str(Path(glob.escape(str(folder)), "**", f"*{ending}"))) for ending in endings]
    count = "1 video" if len(videos) == 1 else f"{len(videos)} videos"
    return f"{folder} holds pictures, and {count} left out; for videos: mien analyze {' '.join(patterns)}"


def _named_by(word: str, but_not: Path | None, as_video: bool, leave_out: LeaveOut | None) -> Iterator[Source]:
    path = Path(word)
    if word == STANDARD_INPUT:
        yield Source("-", None, Path("standard-input.png"), video=as_video)
    elif word.partition("://")[0].lower() in URL_SCHEMES:
        name = without_password(word)
        place = Path(re.sub(r"[^\w.-]+", "-", name.partition("://")[2]).strip("-"))
        yield Source(name, None, place, video=True, address=word)
    elif path.is_dir() and as_video:
        yield Source(word, path, Path(path.resolve().name), video=True)
    elif path.is_dir():
        yield from _in_folder(path, but_not, leave_out)
    elif os.path.lexists(path) or not glob.has_magic(word):
        yield Source(word, path, Path(path.name), video=as_video or is_video_name(path))
    else:
        # Not Path.glob, which takes no pattern that begins at the root.
        matches = sorted(glob.glob(word, recursive=True))  # noqa: PTH207
        files = [Path(match) for match in matches if not Path(match).is_dir()]
        if not files:
            yield Source(word, None, path, "no file matches this pattern")
        for file in files:
            yield Source(str(file), file, Path(file.name), video=as_video or is_video_name(file))


def _in_folder(folder: Path, but_not: Path | None, leave_out: LeaveOut | None) -> Iterator[Source]:
    faults: list[OSError] = []
    # A link back to a folder above would be walked for ever.
    entered = {os.path.realpath(but_not)} if but_not and but_not.resolve() != folder.resolve() else set()
    num_pictures = 0
    videos = []
    for where, folders, names in os.walk(folder, onerror=faults.append, followlinks=True):
        real = os.path.realpath(where)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders.sort()
        for name in sorted(names):
            file = Path(where, name)
            if is_picture_name(name):
                num_pictures += 1
                yield Source(str(file), file, file.relative_to(folder))
            elif is_video_name(name):
                videos.append(Source(str(file), file, file.relative_to(folder), video=True))
    for fault in faults:
        yield Source(str(fault.filename), None, Path(), f"the folder cannot be read: {fault.strerror}")
    if not num_pictures:
        yield from videos
    elif videos and leave_out:
        leave_out(folder, videos)
    if not num_pictures and not videos and not faults:
        endings = ", ".join(sorted(PICTURE_SUFFIXES))
        yield Source(
            str(folder), None, Path(), f"the folder holds no picture (a file that ends in {endings}) and no video"
        )
