"""The same number for the same person from frame to frame, and boxes for the frames the detector skips."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput
from mien.tracking.assignment import assign
from mien.tracking.following import Grey, look, moves, scene_changed, small_grey, thumbnail, unit
from mien.values import Box, Detection, Image

FOLLOWED: Final = 0.6
"""The least correlation of a face with what the detector last found, at which it is taken to be still there. Different
people's faces correlate at .65 in one pair of twenty, and one person's from frame to frame above .9."""

SURE: Final = 0.8
"""The correlation above which a move also tells the speed; below it something else may be pulling at the points."""

SAME_LOOK: Final = 0.2
"""The weight of a detection in the memory of how a face looks."""

SPEED_TIME: Final = 0.2
"""Seconds over which the speed is averaged."""

SPEED_DECAY: Final = 0.5
"""Seconds after which a face that is out of sight is expected at a third of its speed."""

DETECTOR_NOISE: Final = 0.05
"""Standard deviation of a detector's boxes around a still face, in sides of the box."""

FOLLOW_NOISE: Final = 0.01
"""What a step of following adds to the uncertainty, in sides of the box."""

LOST_NOISE: Final = 0.5
"""What a second out of sight adds to it, in sides of the box."""

REACH: Final = 0.6
"""How far from where a face is expected it may be found, in its sides, beyond thrice the uncertainty."""

GROWTH_REACH: Final = math.log(1.6)
"""The same of its size."""

UNMATCHED_COST: Final = 1.6
"""Of leaving a face unmatched; a match costs 0 to 1 for each of place and size, and for its look 0 (the same), 1
(unrelated) to 2."""

COVERED: Final = 0.5
"""The share of a box under another's that makes them one face, or one hidden by the other."""

LEAST_INSIDE: Final = 0.3
"""The share of a box inside the frame with which a face still counts as visible."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One person in one frame.

    Attributes:
        track_id: the same for the same person; counts from 1, and is never used again.
        detection: where, inside the frame. Its score is that of the last real detection.
        interpolated: whether the place is the tracker's, because the detector did not run or missed the face.
        confidence: 1 where the detector just found the face; else how well the place looks like what it last found,
            0 to 1.
    """

    track_id: int
    detection: Detection
    interpolated: bool
    confidence: float


class Tracker:
    """Follows faces through one video. Not for many threads, nor for two videos.

        >>> detections = detector(image) if tracker.wants_detection(image, time) else None
        >>> for track in tracker.update(image, time, detections): ...

    Between detections each face's box is moved by median flow (Kalal et al. 2010) in a copy 320 pixels wide. A
    detection then corrects it, as a Kalman filter weighs the two by their uncertainty; so boxes tremble less than the
    detector's. Faces and detections are paired by place, size and look, at the least total cost. A face out of sight
    goes on at its last speed, ever slower.

    A first sighting is believed at once in the first frame and right after a cut, where nothing came before that it
    could contradict; so a still picture reports its faces. Anywhere else a track begins when the detector has found it
    in `confirmations` of its runs on end.

    Args:
        detect_every: seconds between detections while all faces are in sight.
        search_every: the same while there is no face, or one is out of sight or not confirmed. Detectors take 10 to
            50 ms of one core on a frame, following takes less than 1. So five detections a second cost a tenth to a
            quarter of the core, and somebody who comes in has a number within .35 s.
        max_lost: seconds after which a face that is neither detected nor followed has left. One that comes back sooner,
            and near, keeps its number.
        confirmations: runs of the detector that must find a face on end, 1 or more.

    Raises:
        InvalidInput: a value is out of range.
    """

    def __init__(
        self,
        *,
        detect_every: float = 0.2,
        search_every: float = 0.15,
        max_lost: float = 1.0,
        confirmations: int = 2,
    ) -> None:
        for name, seconds in (("detect_every", detect_every), ("search_every", search_every), ("max_lost", max_lost)):
            if not 0 <= seconds < math.inf:
                raise InvalidInput(f"{name} is in seconds, 0 or more; got {seconds}")
        if confirmations < 1:
            raise InvalidInput(f"confirmations is 1 or more; got {confirmations}")
        self.detect_every = detect_every
        self.search_every = search_every
        self.max_lost = max_lost
        self.confirmations = confirmations
        self._faces: list[_Face] = []
        self._num_tracks = 0
        self._image: Image | Grey | None = None  # the frame that was looked at and not yet updated with
        self._time = -math.inf
        self._small: Grey | None = None
        self._thumbnail = np.zeros(0, dtype=np.float32)
        self._size = (0, 0)
        self._detected: float | None = None  # when the detector ran last in this shot
        self._unsure = False

    def wants_detection(self, image: Image | Grey, time: float) -> bool:
        """Whether the detector should look at this frame, to which `update` follows: on the first of all and of each
        shot, when a face was lost just now, and when enough time has gone by.

        Args:
            image: (H, W, 3) RGB or (H, W) grey, uint8.
            time: of the frame, in seconds.

        Raises:
            InvalidInput: it is not an image, or comes before the last one.
        """
        self._look_at(image, time)
        if self._detected is None or self._unsure:
            return True
        settled = self._faces and all(face.followed and face.track_id is not None for face in self._faces)
        # Timestamps are rounded: a frame that is due now may carry a time a microsecond short of it.
        return time - self._detected >= (self.detect_every if settled else self.search_every) - 1e-3

    def update(self, image: Image | Grey, time: float, detections: Sequence[Detection] | None) -> tuple[Track, ...]:
        """The faces to be seen in this frame, from the largest to the smallest.

        Args:
            image: (H, W, 3) RGB or (H, W) grey, uint8.
            time: of the frame, in seconds; not before the last one's.
            detections: the detector's in this frame; None when it did not run, which is not the same as none.

        Raises:
            InvalidInput: it is not an image, or comes before the last one.
        """
        self._look_at(image, time)
        self._image = None
        if detections is not None and self._small is not None:
            self._correct(self._small, time, detections)
        self._faces = [face for face in self._faces if time - face.seen <= self.max_lost]
        tracks = [face.track(*self._size) for face in self._faces]
        visible = [track for track in tracks if track is not None]
        return tuple(sorted(visible, key=lambda track: (-track.detection.box.area, track.detection.box)))

    def doubtful(self) -> tuple[Box, ...]:
        """Where there may be a face that `update` did not tell: not confirmed yet, out of sight, or nearly out of the
        frame. In the frame's pixels, inside it."""
        told = {id(face) for face in self._faces if face.track(*self._size) is not None}
        boxes = [Box(*face.box.tolist()).clipped(*self._size) for face in self._faces if id(face) not in told]
        return tuple(box for box in boxes if box.area > 0)

    def _look_at(self, image: Image | Grey, time: float) -> None:
        """Move the faces on to this frame, once, whether `wants_detection` or `update` is the first to see it."""
        if image is self._image and time == self._time:
            return
        if not (math.isfinite(time) and time >= self._time):
            raise InvalidInput(f"frames come in the order of their times, in seconds; got {time} after {self._time}")
        before, small = self._small, small_grey(image)
        size, picture = (image.shape[1], image.shape[0]), thumbnail(small)
        cut = before is None or size != self._size or scene_changed(self._thumbnail, picture)
        elapsed = 0.0 if cut else time - self._time
        self._image, self._time, self._small, self._thumbnail, self._size = image, time, small, picture, size
        self._unsure = False
        if before is None or cut:
            self._faces.clear()
            self._detected = None
        else:
            self._follow(before, small, time, elapsed)

    def _follow(self, before: Grey, small: Grey, time: float, elapsed: float) -> None:
        """Move every face that is in sight with the picture, and the others at the speed they had."""
        scale = small.shape[1] / self._size[0]
        in_sight = [face for face in self._faces if face.followed]
        flow = np.empty((0, 3))
        if in_sight:
            boxes = np.array([face.box for face in in_sight]) * scale
            flow = moves(before, small, boxes, np.array([face.velocity for face in in_sight]) * (elapsed * scale))
        for face, (x, y, growth) in zip(in_sight, flow.tolist(), strict=True):
            moved = face.moved(np.array([x, y]) / scale, growth)
            likeness = float(look(small, moved[:2].ravel() * scale) @ face.template) if math.isfinite(x) else 0.0
            if likeness >= FOLLOWED and 0.8 < growth < 1.25:
                face.follow(moved, likeness, time, elapsed)
            else:
                face.followed = False
                self._unsure = True
        for face in self._faces:
            if not face.followed:
                face.coast(elapsed, *self._size)

    def _correct(self, small: Grey, time: float, detections: Sequence[Detection]) -> None:
        """Pair faces and detections; begin and end tracks."""
        first, self._detected = self._detected is None, time
        scale = small.shape[1] / self._size[0]
        looks = [look(small, np.array(detection.box) * scale) for detection in detections]
        pairs = self._pairs(detections, looks)
        taken = [detections[column].box for _, column in pairs]
        for row, column in pairs:
            face, detection = self._faces[row], detections[column]
            alone = not any(other is not detection.box and _covered(detection.box, other) > 0 for other in taken)
            face.correct(detection, looks[column] if alone else None, time)
            face.template = look(small, face.box * scale)
            self._confirm(face)
        rows, columns = {row for row, _ in pairs}, {column for _, column in pairs}
        for row, face in enumerate(self._faces):
            if row not in rows:
                face.miss(hidden=any(_covered(Box(*face.box), box) > COVERED for box in taken))
        self._faces = [face for face in self._faces if face.found or face.hits >= self.confirmations]
        for column, detection in enumerate(detections):
            if column not in columns and not any(_covered(detection.box, box) > COVERED for box in taken):
                face = _Face(detection, looks[column], time)
                self._confirm(face, believed=first)
                self._faces.append(face)

    def _pairs(self, detections: Sequence[Detection], looks: Sequence[NDArray[np.float32]]) -> list[tuple[int, int]]:
        """(face, detection) by their numbers, where they go together."""
        cost = np.array(
            [[face.cost(*found) for found in zip(detections, looks, strict=True)] for face in self._faces]
        ).reshape(len(self._faces), len(detections))
        # Each face may also stay alone, so that no poor pair is made only to make one pair more.
        alone = np.full((len(self._faces), len(self._faces)), UNMATCHED_COST)
        return [(row, column) for row, column in assign(np.hstack([cost, alone])) if column < len(detections)]

    def _confirm(self, face: "_Face", believed: bool = False) -> None:
        """Give a face its number when it has been found often enough."""
        if face.track_id is None and (believed or face.hits >= self.confirmations):
            self._num_tracks += 1
            face.track_id = self._num_tracks


class _Face:
    """One followed face. All that belongs to it (box, crop, landmarks) are points that move together.

    Attributes:
        points: (P, 2) in the frame's pixels: two corners of the box, two of the crop, five landmarks, as far as the
            detector gives them.
        velocity: (2,) of the centre, in pixels a second.
        spread: standard deviation of the place, in sides of the box.
        template: the look of the last detection, by which it is followed.
        memory: its look over all detections, by which it is known again.
        followed: whether it is in sight: detected, or looking as it did when it was.
        found: whether the detector saw it in its last run.
        seen: when it was last in sight without the detector's contradicting.
        hits: runs of the detector that found it.
        track_id: its number; None until it is confirmed.
    """

    def __init__(self, detection: Detection, seen_look: NDArray[np.float32], time: float) -> None:
        self.detection = detection
        self.points = _points(detection)
        self.velocity = np.zeros(2)
        self.spread = DETECTOR_NOISE
        self.template = self.memory = seen_look
        self.followed = self.found = True
        self.interpolated = False
        self.confidence = 1.0
        self.seen = time
        self.hits = 1
        self.track_id: int | None = None

    @property
    def box(self) -> NDArray[np.float64]:
        """(4,), left, top, right, bottom; it may leave the frame."""
        return self.points[:2].ravel()

    @property
    def centre(self) -> NDArray[np.float64]:
        """(2,), in pixels."""
        return _middle(self.points)

    @property
    def side(self) -> float:
        """The geometric mean of width and height, in pixels."""
        width, height = self.points[1] - self.points[0]
        return math.sqrt(width * height)

    def moved(self, shift: NDArray[np.float64], growth: float) -> NDArray[np.float64]:
        """The points after a move of the centre and a growth around it."""
        centre = self.centre
        return (self.points - centre) * growth + centre + shift

    def follow(self, moved: NDArray[np.float64], likeness: float, time: float, elapsed: float) -> None:
        """Go on to where the picture shows it."""
        if likeness >= SURE and elapsed > 0:
            speed = (_middle(moved) - self.centre) / elapsed
            self.velocity += (1 - math.exp(-elapsed / SPEED_TIME)) * (speed - self.velocity)
        self.points = moved
        self.spread = math.hypot(self.spread, FOLLOW_NOISE)
        self.confidence, self.interpolated = min(likeness, 1.0), True
        if self.found:
            self.seen = time

    def coast(self, elapsed: float, width: int, height: int) -> None:
        """Go on out of sight; who walks out of the frame is expected back at its edge."""
        centre = self.centre
        ahead = np.clip(centre + self.velocity * elapsed, 0, (width, height))
        self.points = self.points + (ahead - centre)
        self.velocity *= math.exp(-elapsed / SPEED_DECAY)
        self.spread += LOST_NOISE * elapsed

    def cost(self, detection: Detection, its_look: NDArray[np.float32]) -> float:
        """Of taking a detection for this face; infinity beyond its reach."""
        x, y = detection.box.centre
        centre, side = self.centre, self.side
        away = math.hypot(x - centre[0], y - centre[1]) / side / (REACH + 3 * self.spread)
        grown = abs(math.log(math.sqrt(detection.box.area) / side)) / (GROWTH_REACH + self.spread)
        if away > 1 or grown > 1:
            return math.inf
        return away + grown + 1 - float(self.memory @ its_look)

    def correct(self, detection: Detection, its_look: NDArray[np.float32] | None, time: float) -> None:
        """Weigh a detection against what was expected.

        Args:
            its_look: None when another face is in it too.
        """
        found = _points(detection)
        if found.shape == self.points.shape:
            surprise = float(np.abs(found[:2] - self.points[:2]).max()) / self.side
            expected = math.hypot(self.spread, DETECTOR_NOISE)
            # A surprise that large says that the uncertainty was larger than believed.
            variance = max(self.spread, surprise if surprise > 3 * expected else 0.0) ** 2
            gain = variance / (variance + DETECTOR_NOISE**2)
            self.points = self.points + gain * (found - self.points)
            self.spread = math.sqrt((1 - gain) * variance)
        else:  # another detector
            self.points, self.spread = found, DETECTOR_NOISE
        if its_look is not None:
            self.memory = unit((1 - SAME_LOOK) * self.memory + SAME_LOOK * its_look)
        self.detection = detection
        self.followed = self.found = True
        self.interpolated, self.confidence = False, 1.0
        self.seen = time
        self.hits += 1

    def miss(self, *, hidden: bool) -> None:
        """The detector did not find it; `hidden`: because another face is in its place."""
        self.found = False
        self.followed = self.followed and not hidden

    def track(self, width: int, height: int) -> Track | None:
        """What is to be said of it in this frame; None when it is out of sight or not confirmed."""
        box = Box(*self.box.tolist())
        inside = box.clipped(width, height)
        if self.track_id is None or not self.followed or inside.area < LEAST_INSIDE * box.area:
            return None
        corners = self.points[2:4].ravel().tolist() if self.detection.crop is not None else None
        detection = Detection(
            inside,
            self.detection.score,
            self.points[-5:].astype(np.float32) if self.detection.landmarks is not None else None,
            Box(*corners) if corners else None,
        )
        return Track(self.track_id, detection, self.interpolated, self.confidence)


def _points(detection: Detection) -> NDArray[np.float64]:
    """All that belongs to a detection, (P, 2): see `_Face`."""
    parts = [np.reshape(detection.box, (2, 2))]
    if detection.crop is not None:
        parts.append(np.reshape(detection.crop, (2, 2)))
    if detection.landmarks is not None:
        parts.append(detection.landmarks)
    return np.concatenate(parts).astype(np.float64)


def _middle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the box, whose corners come first."""
    return np.asarray((points[0] + points[1]) / 2)


def _covered(one: Box, other: Box) -> float:
    """The share of the smaller box that lies in the larger, 0 to 1."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(0.0, width) * max(0.0, height) / min(one.area, other.area)
