"""Data sets as folders of pictures: a folder an emotion, below a folder a split or without one."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.data.cache import cached
from mien.data.dataset import SPLITS, FaceSet, parse_split
from mien.data.faults import Faults
from mien.data.geometry import fit_square
from mien.emotions import EMOTIONS, parse_emotion
from mien.errors import DataError, InvalidInput, PictureError
from mien.images import is_picture_name, read_image
from mien.values import GreyFaces

_LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_SPLIT_FOLDERS = "folders of splits (train, val or validation, test)"
_EMOTION_FOLDERS = f"folders of emotions ({', '.join(EMOTIONS)})"

_NAMED = 5


class _Picture(NamedTuple):
    split: str
    label: str
    source: str
    size: int
    mtime_ns: int


def read_folders(root: Path, *, size: int, own_classes: bool = False) -> FaceSet:
    """The faces of a folder of pictures.

    Two layouts are known, in any case and the common spellings: `train/happy/1.png`, with any of train, val
    (valid, validation, PublicTest) and test (PrivateTest); and `happy/1.png`, which is all "train", unless the
    folder itself bears the name of a split. Hidden files, `Thumbs.db` and `desktop.ini` are passed over, and so
    are files that are no pictures beside the folders (a README). Inside an emotion's folder every file has to be
    a picture, of any size, grey or colour. What was read is kept in the cache until a file changes.

    Args:
        root: the folder.
        size: S, the side in pixels that faces are brought to; see `fit_square`.
        own_classes: whether the folders' names are the classes, whatever they are, in the order of the alphabet;
            else they have to be emotions, and the classes are the seven.

    Returns:
        The faces by split, then name, then path; a face's source is its path below `root`, with slashes.

    Raises:
        DataError: a folder's name is unknown, an emotion's folder is empty, or files are no pictures; the first
            ten are named, each with its reason.
    """
    try:
        pictures = _find_pictures(root, own_classes)
    except OSError as error:
        raise DataError(f"{error.filename or root}: cannot be read: {error.strerror or error}") from error
    arrays = cached(root, f"folders {size}", _stamp(pictures), lambda: {"faces": _read(root, pictures, size)})
    classes = tuple(sorted({picture.label for picture in pictures})) if own_classes else EMOTIONS
    return FaceSet(
        name=root.resolve().name,
        faces=arrays["faces"],
        classes=classes,
        labels=np.array([classes.index(picture.label) for picture in pictures], np.int64),
        splits=np.array([picture.split for picture in pictures]),
        sources=[picture.source for picture in pictures],
    )


def _find_pictures(root: Path, own_classes: bool) -> list[_Picture]:
    faults = Faults(str(root), "files and folders")
    folders = _subfolders(root, faults)
    if any(_split_named(folder.name) for folder in folders):
        pictures = [picture for folder in folders for picture in _in_split(root, folder, own_classes, faults)]
    else:
        split = _split_named(root.resolve().name) or "train"
        pictures = list(_in_classes(root, folders, split, own_classes, faults))
    faults.raise_if_any()
    if not pictures:
        hint = ". It holds fer2013.csv: pass that file" if (root / "fer2013.csv").is_file() else ""
        raise DataError(f"{root}: holds no faces; expected {_SPLIT_FOLDERS} or {_EMOTION_FOLDERS}{hint}")
    # By name before emotion: where names are the numbers of FER2013's rows, the faces come in the table's order.
    return sorted(pictures, key=lambda each: (SPLITS.index(each.split), PurePosixPath(each.source).name, each.source))


def _in_split(root: Path, folder: Path, own_classes: bool, faults: Faults) -> Iterator[_Picture]:
    split = _split_named(folder.name)
    if split is None:
        faults.add(f"{folder}: is not the name of a split; beside folders of splits, expected {_SPLIT_FOLDERS} only")
        return
    emotions = _subfolders(folder, faults)
    if not emotions:
        faults.add(f"{folder}: holds no folders; expected {_EMOTION_FOLDERS}")
    yield from _in_classes(root, emotions, split, own_classes, faults)


def _in_classes(root: Path, folders: list[Path], split: str, own_classes: bool, faults: Faults) -> Iterator[_Picture]:
    labels = {folder: folder.name if own_classes else _emotion_named(folder.name) for folder in folders}
    unknown = [folder for folder, label in labels.items() if label is None]
    if unknown:
        faults.add(_unknown_classes(root, unknown))
    for folder, label in labels.items():
        if label is not None:
            yield from _in_class(root, folder, split, label, faults)


def _unknown_classes(root: Path, folders: list[Path]) -> str:
    """One fault for all folders of one folder that are no emotions; in the wrong place there may be hundreds."""
    place = folders[0].parent
    if len(folders) == 1:
        what = f"{folders[0]}: is not the name of an emotion"
    else:
        names = [folder.name for folder in folders[:_NAMED]] + ["…"] * (len(folders) > _NAMED)
        what = f"{place}: {len(folders):,} folders are not the names of emotions ({', '.join(names)})"
    where = _SPLIT_FOLDERS + " or " if place == root else ""
    return f"{what}; expected {where}{_EMOTION_FOLDERS}; to train on classes of your own, say --own-classes"


def _in_class(root: Path, folder: Path, split: str, label: str, faults: Faults) -> Iterator[_Picture]:
    empty = True
    for entry in _entries(folder):
        empty = False
        try:
            status = entry.stat()
        except OSError as error:
            faults.add(f"{entry.path}: cannot be read: {error.strerror or error}")
            continue
        if not entry.is_file():
            faults.add(f"{entry.path}: is a {'folder' if entry.is_dir() else 'device'}; expected pictures only")
            continue
        source = Path(entry.path).relative_to(root).as_posix()
        yield _Picture(split, label, source, status.st_size, status.st_mtime_ns)
    if empty:
        faults.add(f"{folder}: is empty; expected pictures of faces")


def _subfolders(folder: Path, faults: Faults) -> list[Path]:
    """The folders in `folder`; a picture that lies beside them belongs to no emotion, which is a fault."""
    folders = []
    for entry in _entries(folder):
        if entry.is_dir():
            folders.append(Path(entry.path))
        elif is_picture_name(entry.path):
            faults.add(f"{entry.path}: lies in no emotion's folder; expected it in one of {', '.join(EMOTIONS)}")
    return folders


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    """What is in a folder, by name, without hidden files and what systems leave behind."""
    with os.scandir(folder) as entries:
        kept = [entry for entry in entries if entry.name[0] != "." and entry.name.casefold() not in _LITTER]
    return sorted(kept, key=lambda entry: entry.name)


def _split_named(name: str) -> str | None:
    try:
        return parse_split(name)
    except DataError:
        return None


def _emotion_named(name: str) -> str | None:
    try:
        return parse_emotion(name)
    except InvalidInput:
        return None


def _stamp(pictures: list[_Picture]) -> str:
    return hashlib.sha256(repr([tuple(picture) for picture in pictures]).encode()).hexdigest()


def _read(root: Path, pictures: list[_Picture], size: int) -> GreyFaces:
    faults = Faults(str(root), "files")
    faces = np.empty((len(pictures), size, size), np.uint8)
    for place, picture in enumerate(pictures):
        try:
            faces[place] = fit_square(_read_grey(root / picture.source), size)
        except PictureError as error:
            faults.add(str(error))
    faults.raise_if_any()
    return faces


def _read_grey(path: Path) -> NDArray[np.uint8]:
    """(H, W) uint8; a grey picture's own values, a colour one's luma (ITU-R BT.601)."""
    return np.asarray(cv2.cvtColor(read_image(path), cv2.COLOR_RGB2GRAY), dtype=np.uint8)
