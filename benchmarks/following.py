"""How many numbers people get through moving cameras and cuts, against the number of people; and the tracker's time.

    python benchmarks/following.py MEDIA [--before SRC] [--json benchmarks/results/following.json]

MEDIA is a folder with the pictures and videos that `PICTURES` and `VIDEOS` name. Every scene is put together from them,
so who is where is known in each frame; YuNet finds the faces. `--before` names the folder `src` of another checkout of
mien, which is measured in a process of its own. Ends in one JSON line.
"""

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations, islice
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from checkouts import Checkout
from measuring import hardware, write_result

import mien
from mien.detection import Detector, detect, load_detector
from mien.images import read_image
from mien.tracking.tracker import Track, Tracker
from mien.values import Detection, Image
from mien.video import open_video

PICTURES = ("group.jpg", "solvay_1927_whole.jpg", "five_faces.jpg")
VIDEOS = ("woman.mp4", "portrait.mp4", "single_face.mp4", "noface_then_face.mov")
RATE = 30  # frames a second of the scenes

People: TypeAlias = dict[str, tuple[float, float] | None]
"""Who is in a frame, and the centre of each face in pixels; None where it is the only one."""

Scene: TypeAlias = Iterator[tuple[Image, People]]


class Media:
    """Pictures and videos, each read once."""

    def __init__(self, folder: Path, detector: Detector) -> None:
        self._folder, self.detector = folder, detector
        self.picture, self.people, self.video = cache(self._picture), cache(self._people), cache(self._video)

    def _picture(self, name: str) -> Image:
        return read_image(self._folder / name)

    def _people(self, name: str) -> dict[str, tuple[float, float]]:
        """The centres of a picture's faces."""
        found = detect(self.detector, self._picture(name))
        return {f"{name} {number}": each.box.centre for number, each in enumerate(found)}

    def _video(self, name: str) -> list[Image]:
        with open_video(self._folder / name) as frames:
            return [letterboxed(frame.image) for frame in frames]


def letterboxed(image: Image, width: int = 640, height: int = 360) -> Image:
    """The whole image within a black frame of that size."""
    scale = min(width / image.shape[1], height / image.shape[0])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:height, :width]
    whole = np.zeros((height, width, 3), np.uint8)
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    whole[top : top + small.shape[0], left : left + small.shape[1]] = small
    return whole


def pan(media: Media, name: str, scale: float, width: int, path: Callable[[float], float], seconds: float) -> Scene:
    """A window that moves over a picture, with the blur of a shutter that is open for half of each frame.

    `path` gives the window's place at a time: 0 at the picture's left end, 1 at its right.
    """
    picture = cv2.resize(media.picture(name), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    room = picture.shape[1] - width
    for index in range(round(seconds * RATE)):
        places = [room * path((index + open_for) / RATE) for open_for in (0.0, 0.25, 0.5)]
        mean = sum(window(picture, place, width).astype(np.float32) for place in places) / len(places)
        centre = places[1]
        people: People = {
            who: (x * scale - centre, y * scale)
            for who, (x, y) in media.people(name).items()
            if 0 <= x * scale - centre < width
        }
        yield mean.astype(np.uint8), people


def window(picture: Any, left: float, width: int) -> Any:
    """A part of the picture of full height that begins at a fraction of a pixel."""
    shift = np.array([[1, 0, left], [0, 1, 0]], np.float64)
    return cv2.warpAffine(picture, shift, (width, picture.shape[0]), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def swing(media: Media, name: str, amplitude: float, period: float, seconds: float = 6.0) -> Scene:
    """A video, enlarged to 1280 × 720, through a window of 720 × 405 that swings to both sides."""
    for index, small in enumerate(islice(media.video(name), round(seconds * RATE))):
        whole = cv2.resize(small, (1280, 720))
        left = 280 + amplitude * math.sin(2 * math.pi * index / RATE / period)
        yield np.ascontiguousarray(window(whole, left, 720)[100:505]), {name: None}


def still(media: Media, name: str, seconds: float = 1.5, width: int = 640, height: int = 360) -> Scene:
    """A picture of several people, without a movement."""
    picture = media.picture(name)
    image = letterboxed(picture, width, height)
    scale = min(width / picture.shape[1], height / picture.shape[0])
    left, top = (width - picture.shape[1] * scale) / 2, (height - picture.shape[0] * scale) / 2
    people: People = {who: (x * scale + left, y * scale + top) for who, (x, y) in media.people(name).items()}
    for _ in range(round(seconds * RATE)):
        yield image, people


def stills(media: Media, names: str) -> Scene:
    """Cuts between pictures, in frames of 1280 × 720."""
    for name in names.split():
        yield from still(media, name, 1.0, 1280, 720)


def close_ups(media: Media, name: str, side: int, scale: float) -> Scene:
    """Cuts from one person of a picture to the next, and then all of them again from a little further to the left.

    The person's neighbours are in view in part.
    """
    picture, everybody = media.picture(name), media.people(name)
    for shift in (0, side // 12):
        for x, y in everybody.values():
            left = min(max(round(x) - side // 2 + shift, 0), picture.shape[1] - side)
            top = min(max(round(y) - side // 2, 0), picture.shape[0] - side)
            part = picture[top : top + side, left : left + side]
            image = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
            people: People = {
                who: ((x - left) * scale, (y - top) * scale)
                for who, (x, y) in everybody.items()
                if 0 <= x - left < side and 0 <= y - top < side
            }
            for _ in range(RATE // 3):
                yield image, people


def shots(media: Media, names: str, seconds: float = 1.5) -> Scene:
    """Cuts between videos, each of which goes on where it was left, and pictures."""
    begun: dict[str, int] = defaultdict(int)
    for name in names.split():
        if name in PICTURES:
            yield from still(media, name, seconds)
            continue
        first, num = begun[name], round(seconds * RATE)
        begun[name] += num
        frames = media.video(name)
        for index in range(first, first + num):
            yield frames[index % len(frames)], {} if name == "no_face.mp4" else {name: None}


def flash(media: Media, name: str) -> Scene:
    """Four flashes of light, of two frames each."""
    for index, image in enumerate(islice(media.video(name), 4 * RATE)):
        bright = np.clip(image.astype(np.float32) + 190, 0, 255).astype(np.uint8) if index % RATE in (15, 16) else image
        yield bright, {name: None}


def fade(media: Media, name: str) -> Scene:
    """To black within a second, half a second of black, and back within a second."""
    for index, image in enumerate(islice(media.video(name), round(4.5 * RATE))):
        light = np.interp(index / RATE, [1, 2, 2.5, 3.5], [1, 0, 0, 1])
        yield (image * light).astype(np.uint8), {name: None} if light > 0.3 else {}


def dissolve(media: Media, first: str, second: str) -> Scene:
    """From one video to another within half a second, and back; while both are visible, a face may be either's."""
    for index, images in enumerate(islice(zip(media.video(first), media.video(second), strict=False), 3 * RATE)):
        share = float(np.interp(index / RATE, [1, 1.5, 2, 2.5], [0, 1, 1, 0]))
        mixed = (images[0] * (1.0 - share) + images[1] * share).astype(np.uint8)
        yield mixed, {name: None for name, part in ((first, 1 - share), (second, share)) if part > 0.0}


def crossing(media: Media) -> Scene:
    """Two people of a picture pass each other before a still background, one hiding the other."""
    name = "five_faces.jpg"
    picture, people = media.picture(name), media.people(name)
    background = cv2.GaussianBlur(cv2.resize(picture, (640, 360)), (0, 0), 25)
    heads = {}
    for who, (x, y) in islice(people.items(), 2):
        left, top = max(round(x) - 80, 0), max(round(y) - 100, 0)
        heads[who] = picture[top : top + 200, left : left + 160], (round(x) - left, round(y) - top)
    for index in range(4 * RATE):
        image = np.array(background, np.uint8)
        places: People = {}
        for (who, (head, (x, y))), side in zip(heads.items(), (1, -1), strict=True):
            left = round(240 + side * (220 - 440 * index / (4 * RATE)))
            inside = np.zeros(head.shape[:2], np.uint8)
            cv2.ellipse(inside, (x, y), (65, 90), 0, 0, 360, 1, cv2.FILLED)
            image[80 : 80 + head.shape[0], left : left + head.shape[1]][inside == 1] = head[inside == 1]
            places[who] = (left + x, 80.0 + y)
        yield image, places


def scenes(media: Media) -> dict[str, Callable[[], Scene]]:
    """All scenes by the text that the table has for them."""

    def there(seconds: float) -> Callable[[float], float]:
        return lambda time: min(time / seconds, 1.0)

    def there_and_back(seconds: float) -> Callable[[float], float]:
        return lambda time: 0.5 - 0.5 * math.cos(2 * math.pi * time / seconds)

    group, solvay = ("group.jpg", 0.47, 405), ("solvay_1927_whole.jpg", 0.78, 640)
    found = {
        "camera swung ±280 px, once a second": lambda: swing(media, "woman.mp4", 280, 1),
        "camera swung ±280 px, every 1.4 seconds": lambda: swing(media, "woman.mp4", 280, 1.4),
        "group.jpg, panned in 0.5 s": lambda: pan(media, *group, there(0.5), 1.0),
        "group.jpg, there and back within 2 s": lambda: pan(media, *group, there_and_back(2.0), 4.0),
        "Solvay 1927, panned in 1 s": lambda: pan(media, *solvay, there(1.0), 1.5),
        "Solvay 1927, there and back within 3 s": lambda: pan(media, *solvay, there_and_back(3.0), 6.0),
        "cuts, A B A": lambda: shots(media, "woman.mp4 portrait.mp4 woman.mp4"),
        "cuts, A B A, another pair": lambda: shots(media, "single_face.mp4 woman.mp4 single_face.mp4"),
        "cuts, A nobody A": lambda: shots(media, "portrait.mp4 no_face.mp4 portrait.mp4"),
        "cuts, A B C A B C": lambda: shots(media, "woman.mp4 portrait.mp4 single_face.mp4 " * 2, 1.0),
        "cuts, five people, A, five people": lambda: shots(media, "five_faces.jpg woman.mp4 five_faces.jpg"),
        "cuts, 29 people, six others, 29 people": lambda: stills(
            media, "solvay_1927_whole.jpg group.jpg solvay_1927_whole.jpg"
        ),
        "cuts, close-ups of 29 people, each twice": lambda: close_ups(media, "solvay_1927_whole.jpg", 200, 2.0),
        "cuts, close-ups of five people, each twice": lambda: close_ups(media, "five_faces.jpg", 240, 1.5),
        "flashes": lambda: flash(media, "woman.mp4"),
        "a fade to black and back": lambda: fade(media, "woman.mp4"),
        "A dissolves into B and back": lambda: dissolve(media, "portrait.mp4", "woman.mp4"),
        "two people cross": lambda: crossing(media),
    }
    return found | {name: lambda name=name: shots(media, name, len(media.video(name)) / RATE) for name in VIDEOS}


def measured(scene: Scene, detector: Detector) -> dict[str, float]:
    """People and their numbers in a scene, and the tracker's milliseconds of the processor a frame.

    A track belongs to the face whose centre is in its box, if that is a single one. *mixed* are the people who share
    a number with somebody else.
    """
    tracker = Tracker()
    numbers: dict[str, set[int]] = defaultdict(set)
    strange: set[int] = set()
    present: set[str] = set()
    spent, num = 0.0, 0
    for index, (image, people) in enumerate(scene):
        present |= set(people)
        t0 = time.process_time()
        wants = tracker.wants_detection(image, index / RATE)
        t1 = time.process_time()
        found = detect(detector, image) if wants else None
        t2 = time.process_time()
        tracks = tracker.update(image, index / RATE, found)
        spent, num = spent + t1 - t0 + time.process_time() - t2, num + 1
        for track in tracks:
            match shown(track, people):
                case []:
                    strange.add(track.track_id)
                case [who]:
                    numbers[who].add(track.track_id)
    owners: dict[int, set[str]] = defaultdict(set)
    for who, each in numbers.items():
        for number in each:
            owners[number].add(who)
    mixed = {who for each in owners.values() if len(each) > 1 for who in each}
    return {
        "people": len(present),
        "seen": len(numbers),
        "numbers": len(set(owners) | strange),
        "right": sum(len(each) == 1 and who not in mixed for who, each in numbers.items()),
        "mixed": len(mixed),
        "milliseconds": round(spent / num * 1e3, 3),
    }


def shown(track: Track, people: People) -> list[str]:
    """Whose face a track may show."""
    box = track.detection.box
    x, y = box.centre
    reach = max(box.width, box.height) / 2
    return [who for who, place in people.items() if place is None or math.dist(place, (x, y)) < reach]


def looks(media: Media, *, grey: bool) -> dict[str, float]:
    """How alike different people of one picture look, and one person of a video at times 2.5 s and more apart.

    Of each picture there are six versions, which differ in size, turn, light and noise.
    """
    from mien.tracking.looks import MIN_SIMILARITY, MIN_SIMILARITY_GREY, Look, look_of, similarity

    def look(image: Image, found: Detection) -> Look:
        shades = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) if grey else image
        return look_of(np.asarray(shades, np.uint8), found.region)

    needed = MIN_SIMILARITY_GREY if grey else MIN_SIMILARITY
    random = np.random.default_rng(0)
    others: list[float] = []
    for name in PICTURES:
        seen = [each for _ in range(6) for each in altered(media, name, random)]
        those = [(who, look(image, found)) for image, who, found in seen]
        others += [similarity(one[1], two[1]) for one, two in combinations(those, 2) if one[0] != two[0]]
    same: list[float] = []
    for name in VIDEOS:
        frames = [(index / RATE, image) for index, image in enumerate(media.video(name))][::6]
        those_at = [(at, look(image, found)) for at, image in frames for found in detect(media.detector, image)[:1]]
        same += [similarity(one[1], two[1]) for one, two in combinations(those_at, 2) if two[0] - one[0] >= 2.5]
    return {
        "needed": needed,
        "different_pairs": len(others),
        "different_highest": round(max(others), 3),
        "different_alike": float(np.mean(np.array(others) >= needed)),
        "same_pairs": len(same),
        "same_alike": round(float(np.mean(np.array(same) >= needed)), 3),
    }


def altered(media: Media, name: str, random: np.random.Generator) -> Iterator[tuple[Image, str, Detection]]:
    """A picture in another size, turn and light, and with noise, once for each face that is found in it."""
    picture = media.picture(name)
    scale = random.uniform(0.6, 1.2)
    turn = scale * cv2.getRotationMatrix2D((picture.shape[1] / 2, picture.shape[0] / 2), random.normal(0, 3), 1.0)
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    turned = cv2.warpAffine(picture, turn, size, borderMode=cv2.BORDER_REFLECT)
    noisy = turned * random.uniform(0.8, 1.15) + random.normal(0, 4, turned.shape)
    image = np.clip(noisy, 0, 255).astype(np.uint8)
    places = {who: turn @ [x, y, 1] for who, (x, y) in media.people(name).items()}
    for found in detect(media.detector, image):
        distance, who = min((math.dist(place, found.box.centre), who) for who, place in places.items())
        if distance < found.box.width / 2:
            yield image, who, found


def all_scenes(folder: Path, only: str) -> dict[str, dict[str, float]]:
    """What was measured of each scene by this version of mien."""
    cv2.setNumThreads(1)
    detector = load_detector("yunet")
    media = Media(folder, detector)
    return {name: measured(scene(), detector) for name, scene in scenes(media).items() if only in name}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("media", type=Path)
    parser.add_argument("--before", type=Path, help="folder src of another checkout")
    parser.add_argument("--only", default="", help="scenes whose name holds this text")
    parser.add_argument("--rounds", type=int, default=3, help="of both checkouts in turn, for the times")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not options.before:
        write_result({"benchmark": "following", "now": all_scenes(options.media, options.only)}, options.json)
        return
    checkouts = {"before": Checkout(options.before), "now": Checkout(Path(mien.__file__).parents[1])}
    best: dict[str, Any] = {name: {} for name in checkouts}
    for _ in range(options.rounds):
        for name, checkout in checkouts.items():
            used = checkout.python(__file__, str(options.media), "--only", options.only)
            for scene, row in json.loads(used.output.splitlines()[-1])["now"].items():
                old = best[name].setdefault(scene, row)
                old["milliseconds"] = min(old["milliseconds"], row["milliseconds"])
    media = Media(options.media, load_detector("yunet"))
    result = {
        "benchmark": "following",
        "rounds": options.rounds,
        "commit_before": checkouts["before"].commit,
        **best,
        "looks": {name: looks(media, grey=name == "grey") for name in ("colour", "grey")},
    }
    write_result(result | hardware(), options.json)


if __name__ == "__main__":
    main()
