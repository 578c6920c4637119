"""The seven expressions: their names, order, colours, and what data sets call them.

No other module knows an order. Everywhere else expressions go by name.
"""

from collections.abc import Mapping
from typing import Final

from mien.errors import InvalidInput

EMOTIONS: Final = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's codes 0 to 6, in that order."""

COLOURS: Final[Mapping[str, tuple[int, int, int]]] = {
    "angry": (232, 84, 74),
    "disgust": (122, 171, 66),
    "fear": (158, 116, 214),
    "happy": (245, 184, 46),
    "sad": (77, 142, 224),
    "surprise": (240, 130, 50),
    "neutral": (150, 158, 168),
}
"""RGB, 0 to 255; each reads on black and on white."""

FALLBACK_COLOUR: Final = (90, 190, 190)
"""RGB for a label that is not one of the seven (a user's own classes)."""

FER_PLUS_VOTES: Final = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF",
)  # fmt: skip
"""The ten vote columns of FER+'s `fer2013new.csv`, in its order; NF stands for "not a face"."""

FER_PLUS_EXPRESSIONS: Final = FER_PLUS_VOTES[:8]
"""Those of them that are expressions."""

_SPELLINGS: Final = {
    "angry": ("anger", "angry"),
    "disgust": ("disgust", "disgusted"),
    "fear": ("fear", "scared", "afraid", "fearful"),
    "happy": ("happy", "happiness", "joy"),
    "sad": ("sad", "sadness"),
    "surprise": ("surprise", "surprised"),
    "neutral": ("neutral", "neutrality"),
}
_BY_SPELLING: Final = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings}


def parse_emotion(text: str) -> str:
    """The one of `EMOTIONS` that `text` means: a common spelling in any case, or FER2013's code 0 to 6.

    Raises:
        InvalidInput: no expression goes by that name; the message lists those known.
    """
    word = text.strip().casefold()
    if word in _BY_SPELLING:
        return _BY_SPELLING[word]
    if word in {str(code) for code in range(len(EMOTIONS))}:
        return EMOTIONS[int(word)]
    known = ", ".join(f"{code} {name}" for code, name in enumerate(EMOTIONS))
    raise InvalidInput(f"unknown emotion {text!r}; expected one of: {known}")


def colour_of(label: str) -> tuple[int, int, int]:
    """RGB (0 to 255) to draw `label` in."""
    return COLOURS.get(label, FALLBACK_COLOUR)
