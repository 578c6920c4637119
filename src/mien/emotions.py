"""The seven expressions: their names, order, colours, spellings in data sets, valence and arousal.

No other module knows an order. Everywhere else expressions go by name.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Final

from mien.errors import InvalidInput, did_you_mean

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_EXPRESSIONS: Final = {
    "angry": ((232, 84, 74), (-0.6, 0.7), ("anger",)),
    "disgust": ((122, 171, 66), (-0.7, 0.3), ("disgusted",)),
    "fear": ((158, 116, 214), (-0.6, 0.8), ("scared", "afraid", "fearful")),
    "happy": ((245, 184, 46), (0.9, 0.4), ("happiness", "joy")),
    "sad": ((77, 142, 224), (-0.8, -0.4), ("sadness",)),
    "surprise": ((240, 130, 50), (0.2, 0.9), ("surprised",)),
    "neutral": ((150, 158, 168), (0.0, 0.0), ("neutrality",)),
}
"""By name: the colour in drawings; valence and arousal; other spellings in data sets."""

EMOTIONS: Final = tuple(_EXPRESSIONS)
"""The expressions in the order of FER2013's codes, 0 to 6."""

RESTING: Final = "neutral"
"""The expression of a resting face."""

UNCLEAR: Final = "unclear"
"""What outputs show in place of a label that should not be relied on; and the reason of a face where none leads."""

UNCLEAR_COLOUR: Final = (105, 105, 108)
"""RGB, 0 to 255: a grey that is darker than neutral's, and reads on white and on black."""

COLOURS: Final[Mapping[str, tuple[int, int, int]]] = {name: colour for name, (colour, *_) in _EXPRESSIONS.items()}
"""RGB, 0 to 255, of each expression; each is legible on black and on white."""

CIRCUMPLEX: Final[Mapping[str, tuple[float, float]]] = {name: place for name, (_, place, _) in _EXPRESSIONS.items()}
"""Valence and arousal of each expression, each -1 to 1."""

OWN_COLOURS: Final = (
    (75, 45, 195), (135, 0, 0), (255, 150, 255), (150, 105, 30), (240, 45, 255), (90, 45, 105),
    (0, 135, 135), (0, 210, 0), (0, 75, 0), (180, 0, 135), (150, 0, 255), (0, 210, 195),
    (0, 135, 0), (255, 0, 150), (0, 90, 135), (135, 90, 120), (0, 90, 255), (135, 195, 255),
    (255, 165, 165), (195, 0, 15), (90, 75, 60), (225, 120, 180), (135, 60, 180), (180, 195, 150),
)  # fmt: skip
"""RGB for labels that are none of the seven. Each is the colour farthest, in Oklab, from the seven and those before it,
among colours that read on black and on white. The first eight are far from each other also for people who lack one kind
of cones (Machado, Oliveira and Fernandes 2009, IEEE TVCG 15:1291)."""

FER_PLUS_VOTES: Final = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF",
)  # fmt: skip
"""The ten vote columns of FER+'s `fer2013new.csv`, in its order; NF stands for "not a face"."""

FER_PLUS_EXPRESSIONS: Final = FER_PLUS_VOTES[:8]
"""FER+'s eight expressions, which are the first of its vote columns."""

EMOTIONS_AND_CONTEMPT: Final = (*EMOTIONS, "contempt")
"""FER+'s eight expressions by mien's names."""

_BY_SPELLING: Final = {each: name for name, (*_, others) in _EXPRESSIONS.items() for each in (name, *others)}


def parse_emotion(text: str) -> str:
    """The expression that `text` names by a common spelling, in any case, or by FER2013's code 0 to 6.

        >>> parse_emotion("Happiness")
        'happy'

    Raises:
        InvalidInput: No expression has that name; the message lists those known.
    """
    word = text.strip().casefold()
    if word in _BY_SPELLING:
        return _BY_SPELLING[word]
    if word in {str(code) for code in range(len(EMOTIONS))}:
        return EMOTIONS[int(word)]
    known = ", ".join(f"{code} {name}" for code, name in enumerate(EMOTIONS))
    raise InvalidInput(f"unknown emotion {text!r}{did_you_mean(word, EMOTIONS)} Expected one of: {known}")


def parse_vote(name: str) -> str:
    """mien's name of one of `FER_PLUS_EXPRESSIONS`.

    >>> parse_vote("anger"), parse_vote("contempt")
    ('angry', 'contempt')
    """
    return name if name in EMOTIONS_AND_CONTEMPT else parse_emotion(name)


def colours_of(labels: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """RGB (0 to 255) to draw each of a model's labels in; no two alike up to 24 labels that are none of the seven.

    A common spelling of one of the seven has that one's colour. All other labels take those of `OWN_COLOURS` in
    alphabetical order, so that the colours depend on which labels a model has, and not on their order.

        >>> colours_of(["joy", "bored", "angry"])
        {'angry': (232, 84, 74), 'bored': (75, 45, 195), 'joy': (245, 184, 46)}
    """
    own = cycle(OWN_COLOURS)
    colours: dict[str, tuple[int, int, int]] = {}
    # The seven's own names come first: in a set with "happy" and "joy", "happy" keeps its colour.
    for label in sorted(set(labels), key=lambda each: (each not in COLOURS, each)):
        usual = COLOURS.get(_BY_SPELLING.get(label.casefold(), ""))
        colours[label] = usual if usual and usual not in colours.values() else next(own)
    return colours


def valence_arousal(labels: Sequence[str], scores: "ArrayLike") -> tuple[float, float] | None:
    """How pleasant and how excited a face looks: the expectation of `CIRCUMPLEX` over its expressions.

        >>> valence_arousal(("happy", "neutral"), [0.5, 0.5])
        (0.45, 0.2)

    Valence and arousal are the axes of the circumplex model of affect (Russell 1980, Journal of Personality and Social
    Psychology 39). The model places words, not the seven expressions of data sets; the coordinates are mien's own
    reading of it and were not fitted to anybody's ratings. So use them to compare moments, not as a measurement.

    The scores are probabilities that sum to 1, one for each label, or an `InvalidInput` says so. Valence and arousal
    are -1 to 1 each; None when one of the labels is not one of the seven.
    """
    import numpy as np  # `mien --help` imports this file, and numpy takes a tenth of a second

    values = np.asarray(scores, dtype=np.float64)
    if values.shape != (len(labels),):
        raise InvalidInput(f"{len(labels)} labels need scores of shape ({len(labels)},); got {values.shape}")
    if not labels or any(label not in CIRCUMPLEX for label in labels):
        return None
    valence, arousal = values @ np.array([CIRCUMPLEX[label] for label in labels])
    return float(valence), float(arousal)
