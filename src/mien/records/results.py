"""Results as plain dictionaries, which JSON holds, and back."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from mien.errors import InvalidInput
from mien.records.sink import FORMAT, VERSION, Header
from mien.values import Face, Failure, FrameResult, VideoInfo, box_from_dict, box_to_dict

_PLAIN: Final = ("source", "index", "time", "width", "height", "drawing", "error")
_VIDEO: Final = ("rate", "num_frames", "started_at")


def json_text(value: object) -> str:
    """One line of JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def header_to_dict(header: Header) -> dict[str, Any]:
    """A header as JSON has it, with the format's name and version first; what JSON cannot hold becomes its text."""
    text = json.dumps({"format": FORMAT, "version": VERSION, **asdict(header)}, default=str)
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
        "doubtful": [box_to_dict(box) for box in result.doubtful],
        "video": None if result.video is None else {name: getattr(result.video, name) for name in _VIDEO},
    }


def fields_of(result: FrameResult | Failure, names: Iterable[str]) -> dict[str, Any]:
    """Some fields of a result, as JSON has them; a failure has only a source and an error."""
    if isinstance(result, Failure):
        record: dict[str, Any] = {"source": result.source, "faces": [], "error": result.error}
    else:
        record = result_to_dict(result)
    return {name: record.get(name) for name in names}


def result_from_dict(record: Mapping[str, Any]) -> FrameResult:
    """The result that `result_to_dict` recorded, but for its image."""
    try:
        return FrameResult(
            **{name: record[name] for name in _PLAIN},
            faces=tuple(map(Face.from_dict, record["faces"])),
            doubtful=tuple(map(box_from_dict, record["doubtful"])),
            video=None if record["video"] is None else VideoInfo(**record["video"]),
        )
    except (KeyError, TypeError) as error:
        raise InvalidInput(f"no record of a result: {type(error).__name__} {error}") from error
