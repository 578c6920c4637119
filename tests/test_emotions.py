import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.emotions import COLOURS, EMOTIONS, OWN_COLOURS, colours_of, parse_emotion
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


def test_the_seven_have_their_colours_in_any_spelling() -> None:
    assert colours_of(EMOTIONS) == COLOURS
    assert colours_of(["Happiness", "ANGER"]) == {"ANGER": COLOURS["angry"], "Happiness": COLOURS["happy"]}


def test_a_name_of_the_seven_keeps_its_colour_beside_another_spelling() -> None:
    colours = colours_of(["joy", "Happy", "happy", "happiness"])
    assert colours["happy"] == COLOURS["happy"]
    assert len(set(colours.values())) == 4


LABEL_SETS = {
    "AffectNet": "neutral happy sad surprise fear disgust anger contempt",
    "FER+": "neutral happiness surprise sadness anger disgust fear contempt unknown NF",
    "CREMA-D": "ANG DIS FEA HAP NEU SAD",
    "engagement": "engaged bored confused frustrated",
    "DAiSEE": "boredom confusion engagement frustration",
    "valence": "positive neutral negative",
    "smiles": "smile none",
    "genuine smiles": "posed genuine none",
    "drowsiness": "alert drowsy yawning",
    "pain": "0 1 2 3 4 5",
    "German": "Ärger Ekel Angst Freude Trauer Überraschung neutral",
    "Chinese": "生气 厌恶 害怕 高兴 伤心 惊讶 平静",
    "Ekman and Cordaro": "amusement anger awe contempt contentment desire disgust embarrassment excitement fear guilt "
    "interest pride relief sadness satisfaction shame sympathy surprise",
    "compound (Du et al. 2014)": "neutral happy sad fear angry surprise disgust happily-surprised happily-disgusted "
    "sadly-fearful sadly-angry sadly-surprised sadly-disgusted fearfully-angry fearfully-surprised "
    "fearfully-disgusted angrily-surprised angrily-disgusted disgustedly-surprised appalled hatred awed",
}


@pytest.mark.parametrize("labels", [each.split() for each in LABEL_SETS.values()], ids=LABEL_SETS)
def test_the_colours_of_a_models_own_labels_can_be_distinguished(labels: list[str]) -> None:
    colours = colours_of(labels)
    assert set(colours) == set(labels)
    places = np.array([oklab(colour) for colour in colours.values()])
    apart = np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(len(labels), 1)]
    assert apart.min() > 0.09  # two of the seven's are 0.107 apart; what is seen as different begins near 0.02


COLOUR_BLIND = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
"""What linear RGB looks like to those who lack one kind of cones (Machado, Oliveira and Fernandes 2009)."""


@pytest.mark.parametrize("matrix", COLOUR_BLIND.values(), ids=COLOUR_BLIND)
def test_colour_blind_people_can_distinguish_eight_own_labels(matrix: list[list[float]]) -> None:
    """Fault 14: two of the first seven looked the same to one man in twenty."""
    places = np.array([oklab(colour, np.array(matrix)) for colour in colours_of("abcdefgh").values()])
    apart = np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(8, 1)]
    assert apart.min() > 0.09


def test_a_labels_colour_does_not_depend_on_the_order_of_labels() -> None:
    labels = ["sad", "bored", "happy", "tired", "contempt"]
    assert colours_of(labels) == colours_of(labels[::-1])


@pytest.mark.parametrize("ground", [0, 255])
def test_every_colour_reads_on_black_and_on_white(ground: int) -> None:
    for colour in (*COLOURS.values(), *OWN_COLOURS):
        light, dark = sorted((luminance(colour), luminance((ground,) * 3)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 1.7, colour  # WCAG 2's contrast ratio


@given(st.lists(st.text(max_size=5), max_size=40))
def test_any_labels_have_colours(labels: list[str]) -> None:
    colours = colours_of(labels)
    assert set(colours) == set(labels)
    if len(colours) <= len(OWN_COLOURS):
        assert len(set(colours.values())) == len(colours)


def linear(colour: tuple[int, ...]) -> np.ndarray:
    """sRGB, 0 to 255 → linear light, 0 to 1 (IEC 61966-2-1)."""
    channels = np.array(colour) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def luminance(colour: tuple[int, ...]) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def oklab(colour: tuple[int, ...], seen_as: np.ndarray | None = None) -> np.ndarray:
    """Oklab (Ottosson 2020), in which equal distances look equally different."""
    seen = linear(colour) if seen_as is None else np.clip(seen_as @ linear(colour), 0, 1)
    cones = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]]) @ seen
    axes = [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    return np.asarray(np.array(axes) @ np.cbrt(cones))
