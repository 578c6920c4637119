"""What a report was made with, so that somebody else can make it again. No absolute path is ever part of it."""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import mien
from mien.recognition import shipped_models
from mien.records.sink import Header
from mien.report.timeline import clock

_WORDS: Final = {
    "every": "every n-th frame", "fps": "frames a second at most", "every_frame": "detection in every frame",
}  # fmt: skip
"""What settings are called whose names say too little by themselves."""

_HIDDEN: Final = {"blur": "hidden (blurred)", "pixelate": "hidden (pixelated)"}

_READINGS: Final = {"people": "what people would name", "fer2013": "the label of the data set FER2013"}

_FOLDERS: Final = re.compile(
    r"(?P<address>\b(?!file:)[a-z][a-z\d+.-]*://\S*)"  # kept as it is
    r"|(?:(?<=[\s'\"`(\[{=,:;|])|^)(?:file://)?(?:[A-Za-z]:[\\/]|\\\\|/+)(?=[^\s\\/:])"
    r"(?:(?:[^\\/\n:'\"]|(?<=\w)'(?=\w)|:(?=\w))*[^\\/\n:'\"\s][\\/]+)*"  # with `'` or `:` in a word only
)
"""The folders of an absolute path in a message."""


def made_with(header: Header) -> dict[str, object]:
    """The version, the model, the detector and their settings, by what a reader calls them."""
    model = shipped_models().get(header.model) or Path(header.model)
    settings = {_WORDS.get(name, name.replace("_", " ")): value for name, value in header.settings.items()}
    start, end = settings.pop("start", 0.0), settings.pop("end", None)
    part = f"from {clock(start, 1)} " + ("on" if end is None else f"to {clock(end, 1)}")
    if "merge" in settings:
        settings["merge"] = "; ".join(",".join(map(str, group)) for group in settings["merge"])
    # By the detector's own names, which may be those of other lines.
    options = {f"{name.replace('_', ' ')} of the detector": value for name, value in header.detector_options.items()}
    return {
        "made with": f"mien {mien.__version__}",
        "analysed on": datetime.now().astimezone().date().isoformat(),
        "model": without_folder(header.model),
        "SHA-256 of the model": sha256(model) or "no file",
        **({"whose answers": _READINGS[header.reading]} if header.reading else {}),
        **({"assumed shares": _shares(header.prior)} if header.prior else {}),
        **({} if header.max_error is None else {"wrong answers accepted": f"{100 * header.max_error:g}%"}),
        **({} if header.sets is None else {"sets with the right label": f"{100 * header.sets:g}%"}),
        **({} if header.views == 1 else {"views of each face": header.views}),
        "detector": header.detector,
        **({"part": part} if start or end is not None else {}),
        **({"faces in pictures": _HIDDEN[header.hidden]} if header.hidden else {}),
        **{name: without_folder(value) for name, value in (options | settings).items()},
    }


def _shares(prior: Mapping[str, float]) -> str:
    return ", ".join(f"{label} {share:.0%}" for label, share in prior.items())


def sha256(path: Path) -> str | None:
    """A file's SHA-256 in hexadecimal digits, read piece by piece; None for what is no file."""
    with suppress(OSError, ValueError):  # a URL, a camera, a name with a zero byte
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    return None


def without_folder(value: object) -> object:
    """A setting as it is, or a file's name alone if it is an absolute path."""
    return Path(value).name if isinstance(value, str | Path) and Path(value).is_absolute() else value


def name_of(source: str) -> str:
    """What a page calls a source: the name of its file."""
    return "standard input" if source == "-" else Path(source).name or source


def without_paths(text: str, source: str) -> str:
    """A message about a source, in which files go by their names alone.

    Folders' names may hold spaces, so that of `/my files/a.png: Permission denied` all to the last slash is left out.
    """
    if source == "-":
        return _FOLDERS.sub(r"\g<address>", re.sub(r"^-(?=[\s:])", name_of(source), text))
    for path in filter(None, (str(Path(source).absolute()), source)):
        text = text.replace(path, name_of(source))
    return _FOLDERS.sub(r"\g<address>", text)
