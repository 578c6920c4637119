"""Hiding faces: a search of its own for whatever may be a face, carried through time. No row depends on it.

A wrong row costs a number, a face that stays bare costs a person's privacy. So this search takes smaller and far less
certain faces than the one whose faces are classified, and hides what it takes for one by mistake.
"""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.detection import YuNet
from mien.drawing import Anonymization, anonymize
from mien.drawing.anonymize import check_anonymization
from mien.tracking.following import MIN_CORRELATION, Grey, appearance, camera_motion, median_flow, small_grey
from mien.values import Box, Failure, FrameResult, Image

Boxes: TypeAlias = NDArray[np.float64]
"""(N, 4): left, top, right, bottom in the frame's pixels."""

MIN_SCORE: Final = 0.25
"""Least score of what is hidden; blurred, dark and half hidden faces reach it, and a few hands and ornaments do."""

SMALLEST: Final = 10.0
"""Side of the smallest face that is searched for, in pixels; nobody can be recognised by a smaller one."""

LONGEST: Final = 4000
"""Longer side in pixels to which a larger picture is shrunk, which bounds the time and the memory of a search."""

THOROUGH_EVERY: Final = 0.2
"""Seconds of a video between searches for small and turned faces too."""

GAP: Final = 0.5
"""Seconds for which a face's place stays hidden before it was found for the first time, and after the last time."""

GROWTH: Final = 0.6
"""Share of its sides by which the place of a face that is not found grows in a second."""

MOST_GROWTH: Final = 0.22
"""Largest change of a face's size between two frames, as a logarithm, that is believed."""

CONTINUED: Final = 0.6
"""Share of a face's expected place that a face which was found must cover to be the same one."""

SAME: Final = 0.8
"""Share of a box that another one must cover to make it superfluous."""

INNER: Final = 0.92
"""Share of a box's sides, about its centre, that lies in the ellipse of a blur and so is covered for certain."""

MOST_HELD: Final = 256 * 2**20
"""Most bytes of frames that are held back; of 4K videos, `GAP` before a face is shorter."""


class Search(Protocol):
    """Finds whatever may be a face."""

    def __call__(self, image: Image, *, thorough: bool) -> list[Box]:
        """(H, W, 3) uint8 RGB → boxes in its pixels. `thorough`: small and turned faces too, at ten times the cost."""
        ...


class LowThreshold:
    """YuNet with a low threshold; if thorough, in enlarged and in turned copies as well.

    Raises:
        ModelError: YuNet's model is missing; the message says how to get it.
    """

    def __init__(self) -> None:
        self._quick = YuNet(min_score=MIN_SCORE)
        self._thorough = YuNet(min_score=MIN_SCORE, turned=True), YuNet(min_score=MIN_SCORE, min_face=SMALLEST)

    def __call__(self, image: Image, *, thorough: bool) -> list[Box]:
        height, width = image.shape[:2]
        scale = min(1.0, LONGEST / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if scale < 1:
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        searches = self._thorough if thorough else (self._quick,)
        return [found.box.scaled(width / size[0], height / size[1]) for search in searches for found in search(image)]


@dataclass(frozen=True, slots=True)
class Hiding:
    """Hides faces in the images of results, and changes nothing else in them.

        >>> Hiding("blur").picture(result).faces == result.faces
        True

    Hidden is what `search` finds, the faces of the result itself, and where a tracker is in doubt.

    Attributes:
        how: How a face is made unrecognisable.
        search: Finds whatever may be a face.

    Raises:
        InvalidInput: There is no such way.
        ModelError: The search lacks its model.
    """

    how: Anonymization
    search: Search = field(default_factory=LowThreshold)

    def __post_init__(self) -> None:
        check_anonymization(self.how)

    def picture(self, result: FrameResult) -> FrameResult:
        """A picture's result with its faces hidden."""
        return self._hidden(result, places_in_picture(result, self.search))

    def video(self, results: Iterable[FrameResult | Failure]) -> Generator[FrameResult | Failure]:
        """A video's results with their faces hidden, each held back until the next half second is known."""
        for result, places in places_in_video(results, self.search):
            yield result if isinstance(result, Failure) else self._hidden(result, places)

    def live(self) -> Callable[[FrameResult], FrameResult]:
        """A function for one camera's results, one after another: none is held back, and the search is a quick one."""
        places = places_live(self.search)
        return lambda result: self._hidden(result, places(result))

    def _hidden(self, result: FrameResult, places: list[Box]) -> FrameResult:
        assert result.image is not None
        return replace(result, image=anonymize(result.image, places, how=self.how))


def places_in_picture(result: FrameResult, search: Search) -> list[Box]:
    """All places in a picture's result where there is or may be a face."""
    return _as_list(_found(result, search, thorough=True))


def places_live(search: Search) -> Callable[[FrameResult], list[Box]]:
    """A function from a camera's results, one after another, to the places where there is or may be a face.

    It searches quickly, and carries places forward only.
    """
    follower = _Follower(search)
    return lambda result: _as_list(follower(result, thorough=False).boxes)


def places_in_video(
    results: Iterable[FrameResult | Failure], search: Search
) -> Generator[tuple[FrameResult | Failure, list[Box]]]:
    """A video's results, which carry their images, and all places in each where there is or may be a face.

    A face is followed by median flow from the frames where it was found into those where it was not, forward and
    backward, for at most `GAP` seconds. Beyond a cut it is followed only if it looks the same there: what seems to be
    a cut may be a fast camera.
    """
    follower, thorough_at = _Follower(search), -math.inf
    held: deque[_Frame] = deque()
    try:
        for result in results:
            if isinstance(result, Failure):
                yield from _released(held)
                yield result, []
                continue
            thorough = result.time - thorough_at >= THOROUGH_EVERY - 1e-3  # timestamps are rounded
            thorough_at = result.time if thorough else thorough_at
            frame = follower(result, thorough=thorough)
            _carry_back(frame, held)
            held.append(frame)
            most = max(2, MOST_HELD // (3 * result.width * result.height))
            while len(held) > most or result.time - held[0].result.time > GAP:
                yield from _released(held, 1)
    except Exception:  # whatever ends the source, the frames before it are complete
        yield from _released(held)
        raise
    yield from _released(held)


def _released(held: "deque[_Frame]", num: int | None = None) -> Generator[tuple[FrameResult, list[Box]]]:
    """So many of the frames that are held back, or all."""
    for _ in range(len(held) if num is None else num):
        frame = held.popleft()
        yield frame.result, _as_list(frame.boxes)


@dataclass(slots=True)
class _Frame:
    """A frame, what is hidden in it, and what is needed to carry that to its neighbours."""

    result: FrameResult
    small: Grey
    boxes: Boxes
    seen: NDArray[np.float64]  # (N,) when the face in each box was last found, in seconds
    new: Boxes  # those boxes that were not expected, so that the face may be in the frames before


class _Follower:
    """The places of faces in one frame after another: those that are found, and those that have been shortly before."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._last: _Frame | None = None

    def __call__(self, result: FrameResult, *, thorough: bool) -> _Frame:
        assert result.image is not None
        found, small, last = _found(result, self._search, thorough=thorough), small_grey(result.image), self._last
        frame = _Frame(result, small, found, np.full(len(found), result.time), found)
        if last and _alike(last, frame):
            recent = result.time - last.seen <= GAP
            expected, which = _moved(last.boxes[recent], last, frame)
            lost = ~_covered(expected, found, CONTINUED)
            frame.boxes = np.concatenate([found, expected[lost]])
            frame.seen = np.concatenate([frame.seen, last.seen[recent][which][lost]])
            frame.new = found[~_covered(found, expected, CONTINUED)]
        self._last = frame
        return frame


def _carry_back(frame: _Frame, before: Sequence[_Frame]) -> None:
    """Hide the faces that are new in a frame in those before it, too, as far back as they are not hidden already."""
    boxes, after = frame.new, frame
    for earlier in reversed(before):
        if not _alike(earlier, after) or frame.result.time - earlier.result.time > GAP:
            return
        boxes, _ = _moved(boxes, after, earlier)
        boxes = boxes[~_covered(boxes, earlier.boxes, CONTINUED)]
        if not len(boxes):
            return
        earlier.boxes = np.concatenate([earlier.boxes, boxes])
        after = earlier


def _alike(one: _Frame, other: _Frame) -> bool:
    """Whether two frames are of one size."""
    return (one.result.width, one.result.height) == (other.result.width, other.result.height)


def _found(result: FrameResult, search: Search, *, thorough: bool) -> Boxes:
    """Where a result's image has or may have a face: the largest boxes first, none hidden by another."""
    assert result.image is not None
    boxes = [*(face.box for face in result.faces), *result.doubtful, *search(result.image, thorough=thorough)]
    boxes.sort(key=lambda box: -box.area)
    kept = np.empty((0, 4))
    for box in np.array(boxes, np.float64).reshape(-1, 1, 4):
        if not _covered(box, kept, SAME)[0]:
            kept = np.concatenate([kept, box])
    return kept


def _moved(boxes: Boxes, start: _Frame, end: _Frame) -> tuple[Boxes, NDArray[np.bool_]]:
    """Boxes of one frame in a neighbouring one, a little larger, without those outside; and which of them these are.

    Where a box's own move cannot be measured it takes that of the whole picture.
    """
    if not len(boxes):
        return boxes, np.empty(0, bool)
    size = np.array([end.result.width, end.result.height], np.float64)
    scale = start.small.shape[1] / size[0]
    motion = camera_motion(start.small, end.small)
    whole = np.zeros(2) if motion is None else motion
    places = boxes * scale
    flow = median_flow(start.small, end.small, places, np.tile(whole, (len(places), 1)))
    sure = np.isfinite(flow).all(axis=1) & (abs(np.log(np.maximum(flow[:, 2], 0.1))) < MOST_GROWTH)
    moves = np.where(sure[:, None], flow, [*whole, 1.0])
    growth = 1 + GROWTH * abs(end.result.time - start.result.time)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 + moves[:, :2] / scale
    halves = (boxes[:, 2:] - boxes[:, :2]) / 2 * moves[:, 2:]
    kept = (centres + halves > 0).all(axis=1) & (centres - halves < size).all(axis=1)
    if motion is None:
        for index, place in enumerate(np.hstack([centres - halves, centres + halves]) * scale):
            alike = appearance(start.small, places[index]) @ appearance(end.small, place)
            kept[index] &= bool(alike >= MIN_CORRELATION)
    return np.hstack([centres - growth * halves, centres + growth * halves])[kept], kept


def _covered(boxes: Boxes, others: Boxes, share: float) -> NDArray[np.bool_]:
    """Which of the boxes have that share of their area, or more, in the inner part of a single one of the others."""
    rim = (others[:, 2:] - others[:, :2]) * ((1 - INNER) / 2)
    first, second = boxes[:, None], (others + np.hstack([rim, -rim]))[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    shared = np.maximum(sides, 0).prod(axis=-1)
    covered: NDArray[np.bool_] = (shared >= share * (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1)[:, None]).any(axis=1)
    return covered


def _as_list(boxes: Boxes) -> list[Box]:
    return [Box(*box) for box in boxes.tolist()]
