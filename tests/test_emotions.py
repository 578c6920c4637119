import pytest

from mien.emotions import COLOURS, EMOTIONS, FALLBACK_COLOUR, colour_of, parse_emotion
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
