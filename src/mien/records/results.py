"""Results as plain dictionaries, which JSON holds, and back."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from mien.errors import InvalidInput
from mien.records.sink import FORMAT, VERSION, Header
from mien.values import Face, Failure, FrameResult, VideoInfo, box_from_dict, box_to_dict

_PLAIN: Final = ("source", "index", "time", "width", "height", "drawing", "error")
_KINDS: Final = {
    "source": str, "index": int, "time": float | int, "width": int, "height": int, "drawing": str | None,
    "error": str | None, "video": dict | None,
}  # fmt: skip
_VIDEO: Final = ("rate", "num_frames", "started_at", "live")


def json_text(value: object) -> str:
    """One line of JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def header_to_dict(header: Header) -> dict[str, Any]:
    """A header as JSON has it, with the format's name and version first; what JSON cannot hold becomes its text."""
    recorded = asdict(replace(header, pages={}, reference=None))
    del recorded["pages"], recorded["drawing"], recorded["hidden"], recorded["explained"], recorded["reference"]
    text = json.dumps({"format": FORMAT, "version": VERSION, **recorded}, default=str)
    fields: dict[str, Any] = json.loads(text, parse_constant=lambda constant: str(float(constant)))
    return fields


def result_to_dict(result: FrameResult) -> dict[str, Any]:
    """All fields of a result but its image, as JSON has them.

        >>> result_to_dict(result)
        {'source': 'talk.mp4', 'index': 0, 'time': 0.0, 'width': 512, ..., 'faces': [...], ...}

    The times keep their 64 bits; 32 of them would be a quarter of a millisecond off after an hour.
    """
    return {
        **{name: getattr(result, name) for name in _PLAIN},
        "faces": [face.to_dict() for face in result.faces],
        "explanations": list(result.explanations),
        "doubtful": [box_to_dict(box) for box in result.doubtful],
        "video": None if result.video is None else {name: getattr(result.video, name) for name in _VIDEO},
    }


def fields_of(result: FrameResult | Failure, names: Iterable[str]) -> dict[str, Any]:
    """Some fields of a result, as JSON has them; a failure has only a source and an error."""
    if isinstance(result, Failure):
        record: dict[str, Any] = {"source": result.source, "faces": [], "explanations": [], "error": result.error}
    else:
        record = result_to_dict(result)
    return {name: record.get(name) for name in names}


def result_from_dict(record: Mapping[str, Any]) -> FrameResult:
    """The result that `result_to_dict` recorded, but for its image."""
    try:
        for name, kind in _KINDS.items():
            if not isinstance(record[name], kind):
                raise TypeError(f"{name} is {record[name]!r:.100}")
        return FrameResult(
            **{name: record[name] for name in _PLAIN},
            faces=tuple(map(Face.from_dict, record["faces"])),
            doubtful=tuple(map(box_from_dict, record["doubtful"])),
            explanations=tuple(record.get("explanations", ())),  # which records of earlier versions lack
            video=None if record["video"] is None else VideoInfo(**record["video"]),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise InvalidInput(f"no record of a result: {type(error).__name__} {error}") from error
