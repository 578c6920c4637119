import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mien.drift import Comparison, Drift, Reference
from mien.drift.findings import DIRECTIONS, LEAST_UNITS, TOLERATED
from mien.drift.profile import COMPARED, CONFIDENCE
from mien.emotions import EMOTIONS
from mien.values import MEASURES, Failure, FrameResult

Picture = Callable[..., FrameResult]


@pytest.fixture
def found(reference: Reference) -> Callable[..., Drift]:
    """`found(results)`: how they differ from the reference."""

    def find(results: Any, reference: Reference = reference) -> Drift:
        comparison = Comparison(reference)
        for result in results:
            comparison.add(result)
        return comparison.conclude()

    return find


def alike(make_picture: Picture, num: int, seed: int = 0) -> list[FrameResult]:
    """Pictures as the reference has them."""
    random = np.random.default_rng(seed)
    return [
        make_picture(number, float(random.random()), str(random.choice(EMOTIONS)), float(random.uniform(0.3, 0.7)))
        for number in range(num)
    ]


def test_every_measure_has_its_words_and_its_tolerance() -> None:
    assert {*COMPARED} <= {*MEASURES}
    assert [*DIRECTIONS] == [*TOLERATED] == [*COMPARED, CONFIDENCE]


@pytest.mark.parametrize("num", [30, 100, 1000])
def test_pictures_like_the_reference_have_not_drifted(
    found: Callable[..., Drift], make_picture: Picture, num: int
) -> None:
    drifts = [found(alike(make_picture, num, seed)) for seed in range(20)]
    assert sum(bool(each.texts) for each in drifts) <= 1
    assert {(each.num_faces, each.num_units, each.enough) for each in drifts} == {(num, num, True)}


def test_darker_pictures_are_image_drift_alone(found: Callable[..., Drift], make_picture: Picture) -> None:
    drift = found([make_picture(number, 0.3 * number / 100, EMOTIONS[number % 7]) for number in range(100)])
    (finding,) = drift.image
    assert (finding.name, finding.level, finding.share, drift.classes) == ("brightness", 0.3, 1.0, ())
    assert finding.probability < 1e-6
    assert drift.texts == [
        "image drift: compared with the 1,000 faces that even was measured on, these are darker (brightness at most "
        "0.3 in 100% of them, there in 30%); figures measured there may not hold here (by chance alone: less than once "
        "in 1,000,000 analyses)"
    ]


def test_brighter_pictures_are_said_from_the_other_side(found: Callable[..., Drift], make_picture: Picture) -> None:
    drift = found([make_picture(number, 0.75, EMOTIONS[number % 7]) for number in range(100)])
    assert "brighter (brightness above 0.7 in 100% of them, there in 30%)" in drift.texts[0]


def test_other_expressions_in_such_pictures_are_class_drift_alone(
    found: Callable[..., Drift], make_picture: Picture
) -> None:
    drift = found([make_picture(number, number / 100, "sad" if number % 2 else "happy") for number in range(100)])
    assert (drift.image, [finding.name for finding in drift.classes][:2]) == ((), ["happy", "sad"])
    assert "happy leads in 50% of the faces instead of 14%" in drift.texts[0]
    assert "no drift was found in the pictures" in drift.texts[0]
    assert drift.shares["sad"] == pytest.approx((0.5, 1 / 7))


def test_where_both_have_drifted_the_pictures_may_be_the_reason(
    found: Callable[..., Drift], make_picture: Picture
) -> None:
    assert "the pictures have drifted too" in found(make_picture(number, 0.05) for number in range(100)).texts[1]


def test_less_confidence_in_the_same_labels_is_image_drift(found: Callable[..., Drift], make_picture: Picture) -> None:
    pictures = [make_picture(number, number / 100, EMOTIONS[number % 7], 0.2) for number in range(100)]
    assert [finding.name for finding in found(pictures).image] == [CONFIDENCE]


def test_a_difference_that_is_not_worth_a_word_is_none(found: Callable[..., Drift], make_picture: Picture) -> None:
    """However many faces show it."""
    pictures = [make_picture(number, 0.8 * number / 5000, EMOTIONS[number % 7]) for number in range(5000)]
    assert found(pictures).texts == []


def test_too_few_say_nothing(found: Callable[..., Drift], make_picture: Picture) -> None:
    drift = found(make_picture(number, 0.0) for number in range(LEAST_UNITS - 1))
    assert (drift.enough, drift.texts) == (False, [])
    assert found([]).to_dict()["num_units"] == 0


def test_a_drift_is_printed_as_what_it_says(found: Callable[..., Drift], make_picture: Picture) -> None:
    few, even = found([]), found(alike(make_picture, 100))
    dark = found(make_picture(number, 0.05) for number in range(100))
    assert str(few) == "too few to say anything: 0 pictures and people in videos; it takes 30"
    assert str(even) == "no drift found: 100 faces compared with the 1,000 faces that even was measured on"
    assert str(dark) == "\n".join(dark.texts)
    assert all(len(repr(each)) < 1000 for each in (few, even, dark))


def test_a_picture_counts_once_whatever_its_faces(found: Callable[..., Drift], make_picture: Picture) -> None:
    """Each as the mean of its faces: one of a hundred pictures has a thousand dark ones."""
    crowd = replace(make_picture(0), faces=(*make_picture(0, 0.5).faces, *make_picture(0, 0.01).faces * 1000))
    drift = found([crowd, *alike(make_picture, 99)])
    assert (drift.num_faces, drift.num_units, drift.texts) == (1100, 100, [])
    others = found(alike(make_picture, 99)).compared[0].here.shares[0]
    assert drift.compared[0].here.shares[0] == pytest.approx(0.01 * 1000 / 1001 + 0.99 * others)


def test_a_person_in_a_video_counts_once(
    found: Callable[..., Drift], make_frame: Any, make_person: Callable[..., Any]
) -> None:
    frames = [make_frame(index, make_person(1), make_person(2)) for index in range(50)]
    other = [make_frame(index, make_person(1), source="b.mp4") for index in range(50)]
    assert found([*frames, *other]).num_units == 3
    assert found([*frames, Failure("talk.mp4", "it broke off"), *frames]).num_units == 4  # the index falls
    assert found(frames).num_faces == 100


def test_a_video_counts_what_each_frame_shows_alone(
    found: Callable[..., Drift], make_frame: Any, make_person: Callable[..., Any]
) -> None:
    drift = found([make_frame(0, make_person(1, sad=0.9))])  # `raw` has the scores in the other order
    assert drift.shares["sad"][0] == 0
    assert drift.shares["fear"][0] == 1


def test_another_prior_is_taken_out(found: Callable[..., Drift], make_picture: Picture, reference: Reference) -> None:
    """Scores of a prior under which sad is six times as frequent, compared with a profile without it."""

    def favoured(result: FrameResult) -> FrameResult:
        (face,) = result.faces
        scores = face.prediction.scores * np.where(np.array(EMOTIONS) == "sad", np.float32(6), np.float32(1))
        return replace(
            result, faces=(replace(face, prediction=replace(face.prediction, scores=scores / scores.sum())),)
        )

    pictures = alike(make_picture, 200)
    undone = replace(reference, factors={"sad": 1 / 6})
    assert [*found(map(favoured, pictures), undone).shares.values()] == [*found(pictures).shares.values()]
    assert found(map(favoured, pictures)).shares["sad"][0] > found(pictures).shares["sad"][0]


def test_labels_that_the_profile_has_not_leave_the_pictures_to_compare(
    found: Callable[..., Drift], make_picture: Picture, reference: Reference
) -> None:
    for other in (replace(reference, reading="fer2013"), replace(reference, reading="")):
        drift = found([make_picture(number, 0.01) for number in range(60)], other)
        assert ([each.name for each in drift.image], drift.classes, drift.shares) == (["brightness"], (), {})


@pytest.mark.parametrize("cut", [0, 13, 60])
def test_counts_of_parts_are_those_of_the_whole(
    found: Callable[..., Drift], reference: Reference, make_picture: Picture, cut: int
) -> None:
    results = alike(make_picture, 60)
    whole = Comparison(reference)
    for part in (results[:cut], results[cut:]):
        comparison = Comparison(reference)
        for result in part:
            comparison.add(result)
        whole.add_counts(json.loads(json.dumps(comparison.counts())))
    assert repr(whole.conclude().to_dict()) == repr(found(results).to_dict())
