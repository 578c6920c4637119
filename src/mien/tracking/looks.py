"""Who is who by the look: people who left the picture are recognised when they come back, within one video.

A look is a tiny colour picture of the head, the hair and what is worn. It needs no network, and says nothing of a
person in another light, with other clothes or from another side. It is compared within one video only, and kept in
memory and, for resuming, in the job's journal, which is removed when the job ends well.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput
from mien.tracking.assignment import assign
from mien.tracking.following import FLAT
from mien.tracking.state import Stateful
from mien.values import Crop, Image

Look = NDArray[np.float32]
"""(3, P) of the P pixels of a small picture: brightness of mean 0 and length 1, and two of colour (CIELAB's a and b),
all weighted by the square root of the pixel's weight."""

SIDE: Final = 12  # side of the picture from which a look is made, in pixels
FINE_SIDE: Final = 48  # side of the picture of which that is the mean, in pixels
REGION: Final = 2.2  # side of the region that it shows, in sides of the crop
DOWN: Final = 0.2  # how far its centre is below the crop's, in sides of the crop
SPREAD: Final = 0.6
"""Standard deviation of the weight around the region's centre, in sides of the crop. The head and the hair count most;
a background that is the same behind two people counts little."""

COLOUR_SCALE: Final = 300.0
"""Mean square difference of colour that lowers a similarity by 1."""

MIN_SIMILARITY: Final = 0.8
"""Lowest similarity at which a face gets the number of somebody who left. Of 14,682 pairs of different people in one
picture the most similar have .746 (`benchmarks/following.py`)."""

MIN_SIMILARITY_GREY: Final = 0.92
"""Likewise where a face has no colours; there the most similar of those pairs have .88."""

COLOURLESS: Final = 8.0  # root mean square of a and b below which a look counts as grey
MIN_LEAD: Final = 0.05  # by how much the most similar person has to be more similar than the next
NEW_LOOK: Final = 0.95  # similarity to a person's other looks below which another one is kept
MAX_LOOKS: Final = 4  # looks of one person that are kept: the latest
MAX_PEOPLE: Final = 100  # people who are kept: those seen last
MAX_AWAY: Final = 600.0  # seconds after which somebody who left is forgotten


def _weights() -> NDArray[np.float32]:
    places = ((np.arange(SIDE) + 0.5) / SIDE - 0.5) * REGION
    x, y = np.meshgrid(places, places + DOWN)
    weights = np.exp(-(x**2 + y**2) / (2 * SPREAD**2)).ravel()
    return np.asarray(weights / weights.sum(), np.float32)


_WEIGHTS: Final = _weights()


def look_of(image: Image, crop: Crop) -> Look:
    """How the person looks whose face is in the crop, (3, P)."""
    step = crop.side * REGION / FINE_SIDE
    left, top = crop.x - crop.side * REGION / 2, crop.y + (DOWN - REGION / 2) * crop.side
    fine = cv2.warpAffine(
        image, np.array([[step, 0, left + step / 2 - 0.5], [0, step, top + step / 2 - 0.5]]), (FINE_SIDE, FINE_SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    small = cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32).reshape(-1, 3).T
    light = lab[0] - _WEIGHTS @ lab[0]
    light /= max(float(np.sqrt(_WEIGHTS @ light**2)), FLAT)
    return np.asarray(np.stack([light, lab[1] - 128, lab[2] - 128]) * np.sqrt(_WEIGHTS), np.float32)


def similarity(one: Look, other: Look) -> float:
    """How alike two looks are: 1 for the same, about 0 for unrelated people, far below that for other colours."""
    return min(float(one[0] @ other[0]) - float(((one[1:] - other[1:]) ** 2).sum()) / COLOUR_SCALE, 1.0)


@dataclass(eq=False)
class _Known(Stateful):
    """A person's looks, (L, 3, P), and when the last one was taken, in seconds."""

    looks: NDArray[np.float32]
    seen: float

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        super().restore(state)
        if not len(self.looks) or self.looks.shape[1:] != (3, SIDE**2):
            raise InvalidInput("the saved state of a person has no valid look")


class Gallery(Stateful):
    """The looks of a video's people by their numbers.

    >>> gallery, look = Gallery(), look_of(image, Crop(60, 50, 40))
    >>> gallery.add(1, look, time=0.0)
    >>> [(number, round(sure, 3)) for number, sure in gallery.recognise([look], present=(), time=9.0)]
    [(1, 1.0)]
    """

    _people: dict[int, _Known]

    def __init__(self) -> None:
        self._people = {}

    def add(self, number: int, look: Look, time: float) -> None:
        """Remember how a person looks at a time, in seconds."""
        person = self._people.pop(number, None)  # and last again, so that the first are those away for longest
        if person is None:
            person = _Known(look[None], time)
        elif max(similarity(look, other) for other in person.looks) < NEW_LOOK:
            person.looks = np.concatenate([person.looks, look[None]])[-MAX_LOOKS:]
        person.seen = time
        self._people[number] = person
        self._people = dict([*self._people.items()][-MAX_PEOPLE:])

    def recognise(self, looks: Sequence[Look], present: Collection[int], time: float) -> list[tuple[int, float] | None]:
        """For each look the number of the person who looks like that, and the similarity; None for a new person.

        Nobody is recognised who is present, and nobody twice.
        """
        self._people = {key: person for key, person in self._people.items() if time - person.seen <= MAX_AWAY}
        absent = {number: person for number, person in self._people.items() if number not in present}
        found: list[tuple[int, float] | None] = [None] * len(looks)
        if not (absent and looks):
            return found
        similar = np.array(
            [[max(similarity(look, other) for other in person.looks) for person in absent.values()] for look in looks]
        )
        grey = np.array([float((look[1:] ** 2).sum()) < COLOURLESS**2 for look in looks])
        needed = np.where(grey, MIN_SIMILARITY_GREY, MIN_SIMILARITY)[:, None]
        if len(absent) > 1:  # only the best of each row can lead by that much
            needed = np.maximum(needed, np.sort(similar, axis=1)[:, -2:-1] + MIN_LEAD)
        allowed = similar >= needed
        numbers = list(absent)
        for row, column in assign(np.where(allowed, 1 - similar, np.inf)):
            found[row] = numbers[column], float(similar[row, column])
        return found

    def _new_part(self) -> _Known:
        return _Known(np.empty((0, 0, 0), np.float32), 0.0)
