"""Results as rows of a table: the columns that CSV, Parquet and data frames share."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from mien.errors import InvalidInput
from mien.records.sink import Header
from mien.values import Failure, FrameResult

Cell: TypeAlias = str | int | float | bool | list[str] | None
"""One value of a table."""

_OF_FRAME: Final = ("source", "frame", "time", "width", "height")
_OF_FACE: Final = (
    "track_id", "left", "top", "right", "bottom", "detector_score", "interpolated", "quality", "quality_reasons",
    "label",
)  # fmt: skip
_OF_READING: Final = ("valence", "arousal", "uncertain", "prediction_set")


def columns(header: Header) -> tuple[str, ...]:
    """The names of a table's columns.

    Raises:
        InvalidInput: One of the model's labels has the name of another column.
    """
    raw = [f"raw_{label}" for label in header.labels]
    names = (*_OF_FRAME, "face", *_OF_FACE, *header.labels, *raw, *_OF_READING, "drawing", "error")
    check_columns(names, header)
    return names


def check_columns(names: Sequence[str], header: Header) -> None:
    """Make sure that no two columns of a table share a name.

    Raises:
        InvalidInput: Two do; the message names the model's label that is to blame.
    """
    for label in header.labels:
        if names.count(label) > 1:
            raise InvalidInput(
                f"{header.model}: its label {label!r} is also the name of another column, and a table cannot have "
                "both; write JSON, or give the label another name"
            )


def rows(header: Header, result: FrameResult | Failure) -> list[tuple[Cell, ...]]:
    """The rows of one result: one a face, but at least one; a cell for every one of `columns`.

    Args:
        header: Gives the columns of scores.
        result: A picture, a frame, or why there is none.
    """
    without_face = [None] * (1 + len(_OF_FACE) + 2 * len(header.labels) + len(_OF_READING))
    if isinstance(result, Failure):
        without_frame = [None] * (len(_OF_FRAME) - 1)
        return [(result.source, *without_frame, *without_face, None, result.error)]
    frame = result.source, result.index, float(result.time), result.width, result.height
    found: list[tuple[Cell, ...]] = []
    for place, face in enumerate(result.faces):
        record = face.to_dict()
        record |= record["box"]
        scores, raw_scores = record["scores"], record["raw_scores"] or {}
        found.append((
            *frame, place, *(record[name] for name in _OF_FACE),
            *(scores.get(label) for label in header.labels), *(raw_scores.get(label) for label in header.labels),
            *(record[name] for name in _OF_READING), result.drawing, result.error,
        ))  # fmt: skip
    return found or [(*frame, *without_face, result.drawing, result.error)]
