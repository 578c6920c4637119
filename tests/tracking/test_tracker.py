"""Videos of textured patches in known places, with a detector that misses some and jitters."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest

from mien.errors import InvalidInput
from mien.tracking.state import from_bytes, to_bytes
from mien.tracking.tracker import Track, Tracker
from mien.values import Box, Crop, Detection, Image

WIDTH, HEIGHT, SIDE = 640, 360, 80
Place = tuple[float, float]


def texture(seed: int, side: int = SIDE) -> Image:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


BACKGROUND = np.asarray(
    cv2.resize(np.random.default_rng(99).integers(40, 210, (18, 32, 3), dtype=np.uint8), (WIDTH, HEIGHT)), np.uint8
)


def picture(places: Sequence[Place | None], background: Image = BACKGROUND) -> Image:
    """Patch n, of texture n, centred at the n-th place; None is out of view. Later ones hide earlier ones."""
    image = background.copy()
    for number, place in enumerate(places):
        if place is None:
            continue
        patch = texture(number)
        left, top = round(place[0] - SIDE / 2), round(place[1] - SIDE / 2)
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + SIDE, WIDTH), min(top + SIDE, HEIGHT)
        if x0 < x1 and y0 < y1:
            image[y0:y1, x0:x1] = patch[y0 - top : y1 - top, x0 - left : x1 - left]
    return np.asarray(image, np.uint8)


def detection(place: Place, noise: float = 0.0, random: np.random.Generator | None = None) -> Detection:
    x, y = place
    if random is not None:
        x, y = (np.array(place) + random.normal(0, noise * SIDE, 2)).tolist()
    box = Box(x - SIDE / 2, y - SIDE / 2, x + SIDE / 2, y + SIDE / 2)
    return Detection(box.clipped(WIDTH, HEIGHT), 1.0, crop=Crop(x, y, SIDE, 20))


def filmed(
    paths: Sequence[Callable[[float], Place | None]],
    *,
    seconds: float,
    fps: float = 25.0,
    detects: Callable[[float, int], bool] = lambda time, person: True,
    every_frame: bool = False,
    noise: float = 0.02,
    tracker: Tracker | None = None,
) -> list[tuple[float, list[Place | None], tuple[Track, ...]]]:
    """For each frame its time, the true places of the patches, and the tracks."""
    tracker = tracker or Tracker()
    random = np.random.default_rng(0)
    film = []
    for index in range(round(seconds * fps)):
        time = index / fps
        places = [path(time) for path in paths]
        image = picture(places)
        due = tracker.wants_detection(image, time) or every_frame
        found = [
            detection(place, noise, random)
            for person, place in enumerate(places)
            if place is not None and detects(time, person)
        ]
        film.append((time, places, tracker.update(image, time, found if due else None)))
    return film


def ids_of(film: Sequence[tuple[float, list[Place | None], tuple[Track, ...]]], person: int) -> list[int | None]:
    """For each frame the number of the track nearest to a patch, within half its side."""
    numbers: list[int | None] = []
    for _, places, tracks in film:
        place = places[person]
        near = [
            (abs(x - place[0]) + abs(y - place[1]), track.track_id)
            for track in tracks
            for x, y in [track.detection.box.centre]
            if place is not None
        ]
        distance, number = min(near, default=(np.inf, None))
        numbers.append(number if distance < SIDE / 2 else None)
    return numbers


def walk(start: Place, end: Place, seconds: float) -> Callable[[float], Place]:
    def at(time: float) -> Place:
        share = min(time / seconds, 1.0)
        return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])

    return at


@pytest.mark.parametrize("every_frame", [False, True])
@pytest.mark.parametrize("fps", [12.0, 25.0, 60.0])
def test_one_person_keeps_one_number_and_the_box_stays_on_the_face(fps: float, every_frame: bool) -> None:
    film = filmed([walk((100, 100), (500, 250), 3)], seconds=3, fps=fps, every_frame=every_frame)
    assert set(ids_of(film, 0)) == {1}
    errors = [
        np.hypot(track.detection.box.centre[0] - places[0][0], track.detection.box.centre[1] - places[0][1])
        for _, places, tracks in film
        for track in tracks
        if places[0] is not None
    ]
    assert np.percentile(errors, 95) < 0.12 * SIDE
    share = np.mean([track.interpolated for _, _, tracks in film for track in tracks])
    assert share == 0 if every_frame else share > 0.4


@pytest.mark.parametrize("gap", [20, 50])
def test_two_people_who_cross_slowly_do_not_swap(gap: float) -> None:
    """The second walks in front of the first, nearly hiding it; where it is hidden, the detector finds one."""
    paths = [walk((150, 150), (490, 150), 5), walk((490, 150 + gap), (150, 150 + gap), 5)]

    def detects(time: float, person: int) -> bool:
        first, second = paths[0](time), paths[1](time)
        return person == 1 or abs(first[0] - second[0]) > 0.6 * SIDE

    film = filmed(paths, seconds=5, detects=detects)
    for person in (0, 1):
        numbers = ids_of(film, person)
        assert numbers[0] is not None
        assert numbers[-1] == numbers[0]
    assert ids_of(film, 0)[0] != ids_of(film, 1)[0]
    assert {track.track_id for _, _, tracks in film for track in tracks} == {1, 2}


def found_unless(missed: float, random: np.random.Generator, time: float, person: int) -> bool:
    """A detector that misses this share of the faces."""
    return bool(random.random() > missed)


@pytest.mark.parametrize(("missed", "least_kept", "least_seen"), [(0.2, 8, 0.95), (0.4, 6, 0.9)])
def test_missed_detections_and_jitter_hardly_matter(missed: float, least_kept: int, least_seen: float) -> None:
    kept, seen = [], []
    for random in map(np.random.default_rng, range(10)):
        detects = partial(found_unless, missed, random)
        paths = [walk((200, 180), (400, 180), 4), walk((560, 80), (560, 280), 4)]
        film = filmed(paths, seconds=4, detects=detects, noise=0.04)
        kept.append({track.track_id for _, _, tracks in film for track in tracks} == {1, 2})
        seen += [len(tracks) == 2 for time, _, tracks in film if time > 1]
    assert sum(kept) >= least_kept
    assert np.mean(seen) > least_seen


@pytest.mark.parametrize("away", [0.6, 3.0])
def test_who_comes_back_keeps_the_number(away: float) -> None:
    film = filmed([lambda time: None if 1 <= time < 1 + away else (300, 180)], seconds=away + 2.5)
    assert set(ids_of(film, 0)) <= {1, None}
    (last,) = film[-1][2]
    assert (last.returned is not None) == (away > 1), "not that of one who was expected there"
    gone = [tracks for time, places, tracks in film if places[0] is None and time > 1.3]
    assert not any(gone)


def test_somebody_elses_number_is_never_used() -> None:
    paths = [lambda time, n=n: (300, 180) if int(time) == 2 * n else None for n in range(3)]
    seen = [track.track_id for _, _, tracks in filmed(paths, seconds=6) for track in tracks]
    assert sorted(set(seen)) == [1, 2, 3]
    assert seen == sorted(seen)


def test_after_a_cut_the_detector_runs_and_somebody_else_has_another_number() -> None:
    tracker = Tracker()
    other = np.asarray(255 - BACKGROUND // 2, np.uint8)
    numbers = []
    for index in range(40):
        image = picture([(300, 180)]) if index < 20 else picture([None, (300, 180)], other)
        if index == 20:
            assert tracker.wants_detection(image, index / 25), "the detector runs right after a cut"
        due = tracker.wants_detection(image, index / 25)
        tracks = tracker.update(image, index / 25, [detection((300, 180))] if due else None)
        numbers.append([track.track_id for track in tracks])
    assert numbers[19] == [1]
    assert numbers[20] == [2]
    assert numbers[-1] == [2]


WORLD = np.asarray(
    cv2.resize(np.random.default_rng(5).integers(40, 210, (18, 100, 3), dtype=np.uint8), (2000, HEIGHT)), np.uint8
)


def panned(
    places: Sequence[Place], camera: Callable[[float], float], *, seconds: float, fps: float = 25.0
) -> list[tuple[float, list[Place | None], tuple[Track, ...]]]:
    """As `filmed`: still patches in a wide world, through a window whose left edge the camera moves."""
    tracker, film = Tracker(), []
    for index in range(round(seconds * fps)):
        time = index / fps
        left = round(camera(time))
        shown = [(x - left, y) for x, y in places]
        image = picture(shown, np.ascontiguousarray(WORLD[:, left : left + WIDTH]))
        found = [detection(place) for place in shown if -SIDE / 4 < place[0] < WIDTH + SIDE / 4]
        due = tracker.wants_detection(image, time)
        there: list[Place | None] = [*shown]
        film.append((time, there, tracker.update(image, time, found if due else None)))
    return film


@pytest.mark.parametrize("period", [0.8, 1.6])
def test_a_swung_camera_makes_no_new_people(period: float) -> None:
    """By up to 14 % of the frame's width from one frame to the next; each cost a number when it was taken for a cut."""
    film = panned([(1000.0, 180.0)], lambda time: 680 + 280 * np.sin(2 * np.pi * time / period), seconds=4)
    assert {track.track_id for _, _, tracks in film for track in tracks} == {1}
    assert np.mean([len(tracks) == 1 for _, _, tracks in film]) > 0.95


def test_a_fast_pan_over_a_group_counts_everybody_once() -> None:
    places = [(200.0 + 160 * number, 120.0 + 100 * (number % 2)) for number in range(11)]
    film = panned(places, lambda time: 1300 * (0.5 - 0.5 * np.cos(np.pi * time)), seconds=3.9)
    numbers = [{*ids_of(film, person)} - {None} for person in range(len(places))]
    assert [len(each) for each in numbers] == [1] * len(places), "the camera goes there and back"
    assert {track.track_id for _, _, tracks in film for track in tracks} == set(range(1, len(places) + 1))


def shots(*people: int, seconds: float = 1.0, state_at: int | None = None) -> list[list[tuple[int, float | None]]]:
    """The number and `returned` in each frame of shots of one person each, who is always before the same background."""
    tracker = Tracker()
    numbers: list[list[tuple[int, float | None]]] = []
    for person in people:
        random = np.random.default_rng(100 + person)
        wall = np.asarray(cv2.resize(random.integers(0, 255, (18, 32, 3), np.uint8), (WIDTH, HEIGHT)), np.uint8)
        places: list[Place | None] = [None] * person + [(300.0, 180.0)]
        for _ in range(round(25 * seconds)):
            time, image = len(numbers) / 25, picture(places, wall)
            if len(numbers) == state_at:
                state, tracker = from_bytes(to_bytes(tracker.state())), Tracker()
                tracker.restore(state)
            due = tracker.wants_detection(image, time)
            found = [detection(place) for place in places if place]
            tracks = tracker.update(image, time, found if due else None)
            numbers.append([(track.track_id, track.returned) for track in tracks])
    return numbers


def test_who_comes_back_after_a_cut_has_the_number_again_and_it_says_how_sure() -> None:
    numbers = shots(0, 1, 0)
    assert [len(each) for each in numbers] == [1] * 75
    assert [number for each in numbers for number, _ in each] == [1] * 25 + [2] * 25 + [1] * 25
    sure = [returned for each in numbers for _, returned in each]
    assert sure[:50] == [None] * 50
    assert all(value is not None and 0.8 <= value <= 1 for value in sure[50:])


def test_many_different_people_after_cuts_have_a_number_each() -> None:
    numbers = shots(*range(30), seconds=0.2)
    assert sorted({number for each in numbers for number, _ in each}) == [*range(1, 31)]


def test_who_left_before_a_crash_is_recognised_after_it() -> None:
    assert shots(0, 1, 0, state_at=40) == shots(0, 1, 0)


def test_a_flash_makes_no_new_people() -> None:
    tracker, numbers = Tracker(), set[int]()
    for index in range(50):
        image = picture([(300, 180)])
        if index % 10 == 5:
            image = np.asarray(np.clip(image.astype(int) + 200, 0, 255), np.uint8)
        due = tracker.wants_detection(image, index / 25)
        found = [detection((300, 180))] if index % 10 != 5 else []
        numbers |= {track.track_id for track in tracker.update(image, index / 25, found if due else None)}
    assert numbers == {1}


@pytest.mark.parametrize("fps", [5, 2])
def test_at_few_frames_a_second_a_face_stays_before_a_moving_background(fps: int) -> None:
    tracker, found = Tracker(), list[tuple[int, float | None]]()
    backgrounds = [BACKGROUND, BACKGROUND[::-1], BACKGROUND[:, ::-1], 255 - BACKGROUND, 255 - BACKGROUND[::-1]]
    for index, background in enumerate(backgrounds):
        image = picture([(300, 180)], background)
        due = tracker.wants_detection(image, index / fps)
        tracks = tracker.update(image, index / fps, [detection((300, 180))] if due else None)
        found += [(track.track_id, track.returned) for track in tracks]
    assert found == [(1, None)] * 5


def test_a_false_detection_in_one_frame_is_no_person() -> None:
    tracker = Tracker()
    seen = set()
    for index in range(50):
        image = picture([(150, 180)])
        found = [detection((150, 180))] + ([detection((500, 100))] if 20 <= index < 22 else [])
        due = tracker.wants_detection(image, index / 25)
        tracks = tracker.update(image, index / 25, found if due else None)
        seen |= {track.track_id for track in tracks}
    assert seen == {1}


def test_who_comes_in_has_a_number_within_two_fifths_of_a_second() -> None:
    film = filmed([lambda time: None if time < 1 else (300, 180)], seconds=3)
    first = next(time for time, _, tracks in film if tracks)
    assert first < 1.4


def test_a_still_picture_reports_its_faces() -> None:
    (track,) = Tracker().update(picture([(300, 180)]), 0.0, [detection((300, 180))])
    assert track.track_id == 1
    assert not track.interpolated


def test_the_crop_moves_with_the_box_and_the_box_stays_inside() -> None:
    film = filmed([walk((300, 180), (20, 180), 2)], seconds=2)
    for _, _, tracks in film:
        for track in tracks:
            box = track.detection.box
            assert box.clipped(WIDTH, HEIGHT) == box
            assert track.detection.region.side == pytest.approx(SIDE, rel=0.25)
            assert track.detection.region.roll == pytest.approx(20, abs=3)


def test_the_detector_runs_only_now_and_then() -> None:
    tracker, runs = Tracker(detect_every=0.2), 0
    for index in range(100):
        image = picture([(200 + index, 180)])
        due = tracker.wants_detection(image, index / 50)
        runs += due
        tracker.update(image, index / 50, [detection((200 + index, 180))] if due else None)
    assert 8 <= runs <= 25


def test_time_does_not_go_back() -> None:
    tracker = Tracker()
    tracker.update(BACKGROUND, 1.0, [])
    with pytest.raises(InvalidInput, match="in the order of their times"):
        tracker.update(BACKGROUND, 0.5, [])


@pytest.mark.parametrize(
    "values",
    [
        {"detect_every": -1.0},
        {"max_lost": float("inf")},
        {"confirmations": 0},
        {"confirmations": 1.5},
        {"confirmations": True},
    ],
)
def test_wrong_values_are_named(values: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(values))):
        Tracker(**values)  # type: ignore[arg-type] # as wrong as can be


@pytest.mark.parametrize("roll", [60, 100, 175, -170])
def test_a_crop_that_is_turned_over_is_taken_as_it_is(roll: float) -> None:
    tracker, image, place = Tracker(), picture([(300, 180)]), (300, 180)
    for index in range(8):
        turned = replace(detection(place), crop=Crop(*place, SIDE, roll if index % 2 else 0))
        (track,) = tracker.update(image, index / 25, [turned])
        assert track.detection.region.side == pytest.approx(SIDE, rel=0.01)
        assert track.detection.region.roll == pytest.approx(roll if index % 2 else 0, abs=1e-6)
