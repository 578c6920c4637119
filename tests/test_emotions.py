import numpy as np
import pytest

from mien.emotions import (
    CIRCUMPLEX,
    COLOURS,
    EMOTIONS,
    FALLBACK_COLOUR,
    RESTING,
    colour_of,
    parse_emotion,
    valence_arousal,
)
from mien.errors import InvalidInput


def test_codes_are_fer2013s() -> None:
    assert [parse_emotion(str(code)) for code in range(7)] == list(EMOTIONS)
    assert EMOTIONS == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.mark.parametrize(
    ("spelling", "name"),
    [("anger", "angry"), ("Angry", "angry"), ("scared", "fear"), (" HAPPINESS ", "happy"), ("surprised", "surprise"),
     ("sadness", "sad"), ("disgusted", "disgust"), ("Neutral", "neutral"), ("fearful", "fear")],
)  # fmt: skip
def test_common_spellings(spelling: str, name: str) -> None:
    assert parse_emotion(spelling) == name


@pytest.mark.parametrize("text", ["", "7", "-1", "contempt", "hap py", "0.0", "１"])
def test_anything_else_is_refused_with_what_is_known(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"unknown emotion .*0 angry, 1 disgust"):
        parse_emotion(text)


def test_every_expression_has_a_colour_of_its_own() -> None:
    assert set(COLOURS) == set(EMOTIONS)
    assert len(set(COLOURS.values()) | {FALLBACK_COLOUR}) == 8
    assert colour_of("bored") == FALLBACK_COLOUR


def test_every_expression_has_a_place_in_the_circumplex() -> None:
    assert set(CIRCUMPLEX) == set(EMOTIONS)
    assert np.abs(list(CIRCUMPLEX.values())).max() <= 1
    assert CIRCUMPLEX[RESTING] == (0, 0)


def test_valence_and_arousal_are_an_expectation() -> None:
    assert valence_arousal(("neutral", "happy"), [0.0, 1.0]) == pytest.approx(CIRCUMPLEX["happy"])
    assert valence_arousal(("happy", "sad"), [0.5, 0.5]) == pytest.approx(
        [(a + b) / 2 for a, b in zip(CIRCUMPLEX["happy"], CIRCUMPLEX["sad"], strict=True)]
    )
    by_name = {name: valence_arousal(EMOTIONS, scores) for name, scores in zip(EMOTIONS, np.eye(7), strict=True)}
    assert by_name == CIRCUMPLEX


def test_labels_of_ones_own_have_no_place() -> None:
    assert valence_arousal(("happy", "bored"), [0.5, 0.5]) is None
    assert valence_arousal((), []) is None
    with pytest.raises(InvalidInput, match="2 labels"):
        valence_arousal(("happy", "sad"), [1.0])
