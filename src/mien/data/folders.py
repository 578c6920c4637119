"""Data sets as folders of pictures: a folder for each emotion, below a folder for each split or without one."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mien.data.cache import cached
from mien.data.dataset import SPLITS, FaceSet, fit_square, parse_split
from mien.data.reading import Faults
from mien.emotions import EMOTIONS, parse_emotion
from mien.errors import DataError, InvalidInput, PictureError, did_you_mean
from mien.images import is_picture_name, read_image
from mien.values import GreyFaces

# Left behind by Windows and macOS.
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_SPLIT_FOLDERS = "folders of splits (train, val or validation, test)"
_EMOTION_FOLDERS = f"folders of emotions ({', '.join(EMOTIONS)})"

_NAMED = 5


class _Picture(NamedTuple):
    split: str
    label: str
    source: str
    size: int
    mtime_ns: int


def read_folders(root: Path, size: int, own_classes: bool = False) -> FaceSet:
    """The faces of a folder of pictures, by split, then name, then path; their sources are paths below `root`.

    Two layouts are known, in any case and the common spellings: `train/happy/1.png`, with any of train, val
    (valid, validation, PublicTest) and test (PrivateTest); and `happy/1.png`, which is all "train", unless the
    folder itself has the name of a split. With `own_classes` the folders' names are the classes, whatever they are, in
    alphabetical order; otherwise they have to be emotions, and the classes are the seven.

    Hidden files, `Thumbs.db` and `desktop.ini` are ignored, and so are files that are no pictures beside the folders
    (a README). Inside an emotion's folder every file has to be a picture, of any size, grey or colour; `fit_square`
    resizes it. Pipes, sockets, devices and links to themselves are passed over and reported in `FaceSet.passed_over`.
    What was read is kept in the cache until a file changes.
    """
    search = _Search(root, own_classes, Faults(str(root), "files and folders"))
    pictures = search.pictures()
    stamp = hashlib.sha256(repr(pictures).encode()).hexdigest()
    arrays = cached(root, f"folders {size}", stamp, lambda: {"faces": _read(root, pictures, size)})
    classes = tuple(sorted({picture.label for picture in pictures})) if own_classes else EMOTIONS
    return FaceSet(
        name=root.resolve().name,
        faces=arrays["faces"],
        classes=classes,
        labels=np.array([classes.index(picture.label) for picture in pictures], np.int64),
        splits=np.array([picture.split for picture in pictures]),
        sources=[picture.source for picture in pictures],
        passed_over=tuple(search.passed_over),
    )


@dataclass
class _Search:
    """The search of a folder for pictures; `passed_over` collects what is neither a file nor a folder."""

    root: Path
    own_classes: bool
    faults: Faults
    passed_over: list[str] = field(default_factory=list)

    def pictures(self) -> list[_Picture]:
        root = self.root
        folders = self._subfolders(root)
        if any(_parsed(parse_split, folder.name) for folder in folders):
            pictures = [picture for folder in folders for picture in self._in_split(folder)]
        else:
            pictures = list(self._in_classes(folders, _parsed(parse_split, root.resolve().name) or "train"))
        self.faults.raise_if_any()
        if not pictures:
            hint = ". It holds fer2013.csv: pass that file" if (root / "fer2013.csv").is_file() else ""
            raise DataError(f"{root}: holds no faces; expected {_SPLIT_FOLDERS} or {_EMOTION_FOLDERS}{hint}")
        # By name before emotion: where names are the numbers of FER2013's rows, the faces come in the table's order.
        return sorted(
            pictures, key=lambda each: (SPLITS.index(each.split), each.source.rpartition("/")[2], each.source)
        )

    def _in_split(self, folder: Path) -> Iterator[_Picture]:
        split = _parsed(parse_split, folder.name)
        if split is None:
            self.faults.add(f"{folder}: is not the name of a split; beside one, expected {_SPLIT_FOLDERS} only")
            return
        emotions = self._subfolders(folder)
        if not emotions:
            self.faults.add(f"{folder}: holds no folders; expected {_EMOTION_FOLDERS}")
        yield from self._in_classes(emotions, split)

    def _in_classes(self, folders: list[Path], split: str) -> Iterator[_Picture]:
        parse = str if self.own_classes else parse_emotion
        labels = {folder: _parsed(parse, folder.name) for folder in folders}
        unknown = [folder for folder, label in labels.items() if label is None]
        if unknown:
            self.faults.add(self._unknown_classes(unknown))
        for folder, label in labels.items():
            if label is not None:
                yield from self._in_class(folder, split, label)

    def _unknown_classes(self, folders: list[Path]) -> str:
        """One fault for all folders of one folder that are no emotions; in the wrong place there may be hundreds."""
        parent = folders[0].parent
        if len(folders) == 1:
            hint = did_you_mean(folders[0].name.casefold(), EMOTIONS)
            what = f"{folders[0]}: is not the name of an emotion{hint}"
        else:
            names = [folder.name for folder in folders[:_NAMED]] + ["…"] * (len(folders) > _NAMED)
            what = f"{parent}: {len(folders):,} folders are not the names of emotions ({', '.join(names)})."
        expected = f"{_SPLIT_FOLDERS} or {_EMOTION_FOLDERS}" if parent == self.root else _EMOTION_FOLDERS
        return f"{what} Expected {expected}; mien train and mien data take other classes with --own-classes"

    def _in_class(self, folder: Path, split: str, label: str) -> Iterator[_Picture]:
        entries = self._entries(folder)
        if not entries:
            self.faults.add(f"{folder}: is empty; expected pictures of faces")
        for entry in entries:
            try:
                status = entry.stat()
            except OSError as error:  # a link to nothing
                self.faults.add(f"{entry.path}: cannot be read: {error.strerror or error}")
                continue
            if stat.S_ISDIR(status.st_mode):
                self.faults.add(f"{entry.path}: is a folder; expected pictures only")
            source = (folder.relative_to(self.root) / entry.name).as_posix()
            yield _Picture(split, label, source, status.st_size, status.st_mtime_ns)

    def _subfolders(self, folder: Path) -> list[Path]:
        """The folders in `folder`; a picture that lies beside them belongs to no emotion, which is a fault."""
        folders = []
        for entry in self._entries(folder):
            if entry.is_dir():
                folders.append(Path(entry.path))
            elif is_picture_name(entry.path):
                self.faults.add(f"{entry.path}: lies in no emotion's folder; expected {_EMOTION_FOLDERS}")
        return folders

    def _entries(self, folder: Path) -> list["os.DirEntry[str]"]:
        """The files and folders in a folder, by name, without hidden ones and those of operating systems."""
        with os.scandir(folder) as entries:
            shown = [each for each in entries if each.name[0] != "." and each.name.casefold() not in _SYSTEM_FILES]
        shown.sort(key=lambda entry: entry.name)
        self.passed_over += [entry.path for entry in shown if _is_special(entry)]
        return [entry for entry in shown if not _is_special(entry)]


def _is_special(entry: "os.DirEntry[str]") -> bool:
    """Whether it is neither a file nor a folder: a pipe, which would block its reader, a socket, a link to itself."""
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        return error.errno == errno.ELOOP
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _parsed(parse: Callable[[str], str], name: str) -> str | None:
    try:
        return parse(name)
    except InvalidInput:
        return None


def _read(root: Path, pictures: list[_Picture], size: int) -> GreyFaces:
    faults = Faults(str(root), "files")
    faces = np.empty((len(pictures), size, size), np.uint8)
    for place, picture in enumerate(pictures):
        try:
            # A grey picture keeps its values; of a colour one this is the luma (ITU-R BT.601).
            grey = cv2.cvtColor(read_image(root / picture.source), cv2.COLOR_RGB2GRAY)
            faces[place] = fit_square(np.asarray(grey, np.uint8), size)
        except PictureError as error:
            faults.add(str(error))
    faults.raise_if_any()
    return faces
