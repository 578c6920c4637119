"""Looks of textured patches."""

import cv2
import numpy as np
import pytest

from mien.errors import InvalidInput
from mien.tracking.looks import MAX_AWAY, MAX_LOOKS, MAX_PEOPLE, Gallery, Look, look_of, similarity
from mien.values import Crop, Image

CROP = Crop(160.0, 90.0, 60.0)


def person(seed: int, *, grey: bool = False) -> Image:
    """A picture of somebody whose face is at `CROP`."""
    random = np.random.default_rng(seed)
    light, tint = random.uniform(30, 200, (9, 16, 1)), random.uniform(-25, 25, (9, 16, 3))
    coarse = (light + (0 if grey else tint)).repeat(3 if grey else 1, axis=-1).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (320, 180), interpolation=cv2.INTER_CUBIC), np.uint8)


def look(seed: int, *, grey: bool = False) -> Look:
    return look_of(person(seed, grey=grey), CROP)


@pytest.mark.parametrize("scale", [0.5, 2.0, 4.0])
def test_a_person_looks_alike_at_any_size_in_any_exposure_and_anywhere(scale: float) -> None:
    image = person(1)
    darker = np.asarray(image * 0.8 + 5, np.uint8)
    resized = np.asarray(cv2.resize(darker, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    shifted = np.roll(resized, 7, axis=1)
    crop = Crop(160 * scale + 7, 90 * scale, 60 * scale)
    assert similarity(look_of(image, CROP), look_of(shifted, crop)) > 0.8
    assert similarity(look(1), look(1)) == pytest.approx(1)


def test_different_people_are_not_alike() -> None:
    gallery = Gallery()
    for seed in range(60):
        assert gallery.recognise([look(seed)], present=(), time=60.0) == [None]
        gallery.add(seed + 1, look(seed), float(seed))


def test_another_colour_is_another_person() -> None:
    red, blue = (np.asarray(person(1, grey=True) * np.array(tint), np.uint8) for tint in ((1, 0.6, 0.6), (0.6, 0.6, 1)))
    assert similarity(look_of(red, CROP), look_of(blue, CROP)) < 0.5


def test_without_colours_more_is_asked_for() -> None:
    gallery = Gallery()
    grey, colour = (
        look_of(np.asarray((1 - other) * person(1, grey=grey) + other * person(2, grey=grey), np.uint8), CROP)
        for grey, other in ((True, 0.35), (False, 0.3))
    )
    gallery.add(1, look(1, grey=True), 0.0)
    assert 0.8 < similarity(grey, look(1, grey=True)) < 0.92
    assert gallery.recognise([grey], present=(), time=60.0) == [None]
    gallery.add(2, look(1), 0.0)
    assert 0.8 < similarity(colour, look(1)) < 0.92
    ((number, sure),) = gallery.recognise([colour], present=(), time=60.0)  # type: ignore[misc] # it is recognised
    assert number == 2
    assert sure == pytest.approx(similarity(colour, look(1)))


def test_nobody_is_recognised_who_is_present_and_nobody_twice() -> None:
    gallery = Gallery()
    gallery.add(1, look(1), 0.0)
    assert gallery.recognise([look(1)], present={1}, time=60.0) == [None]
    found = gallery.recognise([look(1), look(1)], present=(), time=60.0)
    assert sorted(each is None for each in found) == [False, True]


def test_of_two_who_look_the_same_nobody_is_recognised() -> None:
    gallery = Gallery()
    gallery.add(1, look(1), 0.0)
    gallery.add(2, look(1), 0.0)
    assert gallery.recognise([look(1)], present=(), time=60.0) == [None]
    assert gallery.recognise([look(1)], present={2}, time=60.0)[0] is not None


def test_it_remembers_the_latest_looks_and_people_only() -> None:
    gallery = Gallery()
    for seed in range(10):
        gallery.add(1, look(seed), 0.0)
    assert gallery.state()["people.1.looks"].shape[0] == MAX_LOOKS
    for number in range(2, MAX_PEOPLE + 20):
        gallery.add(number, look(1), 1.0)
    numbers = {name.split(".")[1] for name in gallery.state()}
    assert len(numbers) == MAX_PEOPLE
    assert "1" not in numbers
    assert gallery.recognise([look(9)], present=(), time=2.0 + MAX_AWAY) == [None]
    assert not gallery.state()


def test_a_state_without_valid_looks_is_refused() -> None:
    gallery = Gallery()
    gallery.add(1, look(1), 0.0)
    state = gallery.state()
    other = Gallery()
    other.restore(state)
    assert other.recognise([look(1)], present=(), time=60.0)[0] is not None
    for wrong in (np.zeros((0, 3, 144), np.float32), np.zeros((1, 3, 9), np.float32)):
        with pytest.raises(InvalidInput, match="no valid look"):
            other.restore(state | {"people.1.looks": wrong})
