"""Reading a data set in any of its forms."""

from pathlib import Path

from mien.data.dataset import FaceSet
from mien.data.fer_csv import read_fer_csv
from mien.data.findings import listed_to_leave_out
from mien.data.folders import read_folders
from mien.errors import DataError, InvalidInput
from mien.images import is_picture_name

_LARGEST = 1024


def load(
    path: str | Path, *, size: int = 48, leave_out: str | Path | None = None, own_classes: bool = False
) -> FaceSet:
    """A data set from a file or a folder.

        >>> train = load("fer2013.csv").split("train")

    Args:
        path: `fer2013.csv` or `icml_face_data.csv`, with FER+'s `fer2013new.csv` beside it or not (`read_fer_csv`);
            or a folder of folders of pictures (`read_folders`).
        size: S, the side in pixels that faces are resized to.
        leave_out: An audit's CSV; the faces that it marks are left out.
        own_classes: Whether a folder's folders are classes of any names, instead of emotions.

    Returns:
        Every face of every split; `FaceSet.split` selects one.

    Raises:
        InvalidInput: `size` is out of range.
        DataError: The data set or the audit cannot be read, or they do not belong together. Bad rows and files
            are reported together, the first ten by name.
    """
    path = Path(path)
    if not 1 <= size <= _LARGEST:
        raise InvalidInput(f"a face's side is 1 to {_LARGEST} pixels; got {size}")
    try:
        is_folder = path.is_dir()
        if not is_folder and not path.is_file():
            what = "is neither a file nor a folder" if path.exists() else "does not exist"
            raise DataError(f"{path}: {what}; expected fer2013.csv or a folder of folders of pictures")
        if not is_folder and own_classes:
            raise DataError(
                f"{path}: is a file; classes of your own come as a folder with a folder of pictures for each"
            )
        if not is_folder and is_picture_name(path):
            raise DataError(f"{path}: is a picture; expected fer2013.csv or a folder of folders of pictures")
        faces = read_folders(path, size, own_classes) if is_folder else read_fer_csv(path, size)
        return faces if leave_out is None else faces.select(~listed_to_leave_out(Path(leave_out), faces))
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read: {error.strerror or error}") from error
