"""The same number for the same person from frame to frame, and boxes for the frames that the detector skips."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput
from mien.tracking.assignment import assign
from mien.tracking.following import (
    MIN_CORRELATION,
    PATCH_SIDE,
    Grey,
    appearance,
    camera_motion,
    median_flow,
    normalized,
    small_grey,
)
from mien.tracking.looks import Gallery, Look, look_of
from mien.tracking.state import Stateful
from mien.values import Box, Crop, Detection, Image, checked_number

SPARSE: Final = 0.15
"""Seconds between two frames from which on a moving background may look like a cut. A face that is as it was, at its
place, then shows that there is none."""

STAYED_CORRELATION: Final = 0.8  # lowest correlation with the last detection at which a face is as it was

RELIABLE_CORRELATION: Final = 0.8
"""Correlation from which a move updates the velocity; below it something else may be pulling at the points."""

APPEARANCE_RATE: Final = 0.2  # weight of a new detection in the running average of a face's appearance
VELOCITY_TIME: Final = 0.2  # time constant of the average velocity, in seconds
VELOCITY_DECAY: Final = 0.5  # seconds in which the expected velocity of a face that is out of sight falls to 37 %
DETECTOR_NOISE: Final = 0.05  # standard deviation of a detector's boxes around a still face, in sides of the box
FOLLOW_NOISE: Final = 0.01  # uncertainty of position that each followed frame adds, in sides of the box
LOST_NOISE: Final = 0.5  # uncertainty of position that each second out of sight adds, in sides of the box

REACH: Final = 0.6
"""Largest distance of a detection from the expected position of its face, in sides of the box, when the uncertainty is
0; three times the uncertainty is added to it."""

GROWTH_REACH: Final = math.log(1.6)
"""Largest difference between the logarithms of a detection's side and its face's, when the uncertainty is 0."""

UNMATCHED_COST: Final = 1.6
"""Cost of leaving a face without a detection. The cost of a match is the sum of 0 to 1 for the position, 0 to 1 for the
size, and 0 (same), 1 (unrelated) or up to 2 for the appearance."""

MAX_OVERLAP: Final = 0.5
"""Intersection over the area of the smaller box above which two boxes are one face, or one face hides the other."""

EDGE: Final = 0.02
"""Distance from the frame's left or right edge, in sides of the box, below which a face may be cut off, and its look is
not that of the whole face."""

LOOK_EVERY: Final = 0.5  # seconds between the looks that are taken of a person
MAX_WAIT: Final = 0.5  # seconds for which a new face that is partly hidden waits for its number

MIN_INSIDE: Final = 0.3  # smallest share of a box inside the frame with which a face counts as visible


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One person in one frame."""

    track_id: int  # the same for the same person; counts from 1
    detection: Detection  # inside the frame; its score is that of the last real detection
    interpolated: bool  # whether the place is the tracker's, as the detector did not run or missed the face
    returned: float | None = None  # similarity of the look by which it got an earlier number; None for a new one


class Tracker(Stateful):
    """Follows faces through one video. Not for several threads or videos at once.

        >>> tracker, image = Tracker(), np.zeros((120, 160, 3), np.uint8)
        >>> detector = lambda image: [Detection(Box(40, 30, 100, 90), score=1.0)]
        >>> detections = detector(image) if tracker.wants_detection(image, time=0.0) else None
        >>> [track.track_id for track in tracker.update(image, 0.0, detections)]
        [1]

    Between detections each face's box is moved by median flow (Kalal et al. 2010) in a copy 320 pixels wide. A
    detection then corrects it, as a Kalman filter weighs the two by their uncertainty; so boxes jitter less than the
    detector's. Faces and detections are paired by position, size and appearance, at the lowest total cost. A face out
    of sight continues at its last velocity, which decays. What the camera moves is measured and taken out before.

    Who comes back, after a cut too, gets the earlier number where the look says so (`mien.tracking.looks`).

    A first detection becomes a track at once in the first frame and right after a cut, where nothing came before that
    it could contradict; so a still picture reports its faces. Anywhere else a track begins when the detector has found
    the face in `confirmations` of its runs in a row.

    Args:
        detect_every: Seconds between detections while all faces are in sight.
        search_every: Seconds between detections while there is no face, or one is out of sight or not confirmed.
            Detectors take 10 to 50 ms of one core on a frame, following takes less than 1. So four detections a second
            cost a fifth of the core at most, and somebody who comes in has a number within .4 s.
        max_lost: Seconds after which a face that is neither detected nor followed has left. One that comes back sooner,
            and near, keeps its number; later only by its look.
        confirmations: Runs of the detector in a row that must find a face, 1 or more.
    """

    _faces: list["_TrackState"]
    _num_tracks: int = 0
    _time: float = -math.inf
    _small: Grey = np.empty((0, 0), np.uint8)
    _width: int = 0
    _height: int = 0
    _detected: float = -math.inf  # time of the last detection in this shot
    _face_lost: bool = False
    _gallery: Gallery

    def __init__(
        self, *, detect_every: float = 0.25, search_every: float = 0.15, max_lost: float = 1.0, confirmations: int = 2
    ) -> None:
        self.detect_every = checked_number("detect_every", detect_every, kind="a number of seconds")
        self.search_every = checked_number("search_every", search_every, kind="a number of seconds")
        self.max_lost = checked_number("max_lost", max_lost, kind="a number of seconds")
        self.confirmations = checked_number("confirmations", confirmations, 1, kind="a whole number")
        self._faces = []
        self._gallery = Gallery()
        self._image: Image | None = None  # the frame of `wants_detection` until it is that of `update`

    def wants_detection(self, image: Image, time: float) -> bool:
        """Whether the detector should run on this frame, before `update` is called with the same frame: on the first
        frame of each shot, when a face was lost in this frame, and when enough time has passed."""
        self._advance(image, time)
        if self._face_lost:
            return True
        settled = self._faces and all(face.followed and face.track_id for face in self._faces)
        # Timestamps are rounded: a frame that is due now may carry a time a microsecond short of it.
        return time - self._detected >= (self.detect_every if settled else self.search_every) - 1e-3

    def update(self, image: Image, time: float, detections: Sequence[Detection] | None) -> tuple[Track, ...]:
        """The faces visible in this frame, from the largest to the smallest.

        `detections` are None when the detector did not run, which is not an empty list.
        """
        self._advance(image, time)
        self._image = None
        if detections is not None:
            self._correct(image, detections)
        self._faces = [face for face in self._faces if time - face.seen <= self.max_lost]
        tracks = [face.track(self._width, self._height) for face in self._faces]
        visible = [track for track in tracks if track is not None]
        return tuple(sorted(visible, key=lambda track: (-track.detection.box.area, track.detection.box)))

    def doubtful(self) -> tuple[Box, ...]:
        """Where there may be faces that `update` did not return, because they are not confirmed yet, out of sight, or
        nearly out of the frame. In the frame's pixels, inside it."""
        size = self._width, self._height
        boxes = [Box(*face.box.tolist()).clipped(*size) for face in self._faces if face.track(*size) is None]
        return tuple(box for box in boxes if box.area > 0)

    def _new_part(self) -> "_TrackState":
        return _TrackState(np.zeros((2, 2)), 0.0, np.empty(0, np.float32), np.empty(0, np.float32), seen=0.0, since=0.0)

    def _advance(self, image: Image, time: float) -> None:
        """Move the faces to their places in this frame; does nothing when called with the same frame again."""
        if image is self._image and time == self._time:
            return
        if not (math.isfinite(time) and time >= self._time):
            raise InvalidInput(f"frames come in the order of their times, in seconds; got {time} after {self._time}")
        before, small, (height, width) = self._small, small_grey(image), image.shape[:2]
        same_size = (width, height, small.shape) == (self._width, self._height, before.shape)
        elapsed = time - self._time
        self._image, self._time, self._small = image, time, small
        self._width, self._height = width, height
        self._face_lost = False
        moved = camera_motion(before, small) if same_size else None
        if moved is not None:
            self._follow(before, elapsed, moved, MIN_CORRELATION)
            return
        stayed = same_size and elapsed >= SPARSE
        if stayed:
            self._follow(before, elapsed, np.zeros(2), STAYED_CORRELATION)
        self._faces = [face for face in self._faces if stayed and face.followed]
        self._detected = -math.inf

    def _follow(self, before: Grey, elapsed: float, camera: NDArray[np.float64], least: float) -> None:
        """Move every face that is in sight with the picture, and the others at their last velocity.

        `camera` is the move of the whole picture, (2,), in pixels of the small copy, and `least` the correlation with
        the last detection from which a face is taken to be still there.
        """
        small, scale = self._small, self._small.shape[1] / self._width
        in_sight = [face for face in self._faces if face.followed]
        flow = np.empty((0, 3))
        if in_sight:
            boxes = np.array([face.box for face in in_sight]) * scale
            expected = np.array([face.velocity for face in in_sight]) * (elapsed * scale) + camera
            flow = median_flow(before, small, boxes, expected)
        for face, (x, y, growth) in zip(in_sight, flow.tolist(), strict=True):
            centre = _centre(face.points)
            moved = (face.points - centre) * growth + centre + np.array([x, y]) / scale
            found = math.isfinite(x)
            correlation = float(appearance(small, moved[:2].ravel() * scale) @ face.template) if found else 0.0
            if correlation >= least and 0.8 < growth < 1.25:
                face.follow(moved, correlation, self._time, elapsed, camera / scale)
            else:
                face.followed = False
                self._face_lost = True
        for face in self._faces:
            if not face.followed:
                face.coast(elapsed, self._width, self._height, camera / scale)

    def _correct(self, image: Image, detections: Sequence[Detection]) -> None:
        """Pair faces with detections; begin and end tracks."""
        small, scale = self._small, self._small.shape[1] / self._width
        first, self._detected = self._detected == -math.inf, self._time
        appearances = [appearance(small, np.array(detection.box) * scale) for detection in detections]
        pairs = self._pairs(detections, appearances)
        matched = [detections[column].box for column in pairs.values()]
        for row, face in enumerate(self._faces):
            if row in pairs:
                detection = detections[pairs[row]]
                alone = not any(other is not detection.box and detection.box.overlap(other) > 0 for other in matched)
                face.correct(detection, appearances[pairs[row]] if alone else None, self._time)
                face.template = appearance(small, face.box * scale)
            else:
                face.found = False
                face.followed = face.followed and not _is_covered(Box(*face.box), matched)
        self._faces = [face for face in self._faces if face.found or face.hits >= self.confirmations]
        for column, (detection, patch) in enumerate(zip(detections, appearances, strict=True)):
            if column not in pairs.values() and not _is_covered(detection.box, matched):
                score, time = float(detection.score), self._time
                self._faces.append(_TrackState(_points(detection), score, patch, patch, seen=time, since=time))
        self._name(image, at_once=first)

    def _name(self, image: Image, *, at_once: bool) -> None:
        """Give a number to every face that needs one, an earlier one to who came back; and keep how people look."""
        found = [face for face in self._faces if face.found]
        new = [face for face in found if not face.track_id and (at_once or self._is_confirmed(face))]
        looks = [look_of(image, face.region) for face in new]
        present = {face.track_id for face in self._faces if face.followed}
        earlier = self._gallery.recognise(looks, present, self._time)
        for face, look, known in zip(new, looks, earlier, strict=True):
            if known is None:
                self._num_tracks += 1
            face.track_id, face.returned = known or (self._num_tracks, 0.0)
            self._remember(face, look)
            # Who was expected elsewhere is here.
            self._faces = [each for each in self._faces if each is face or each.track_id != face.track_id]
        for face in found:
            if face.track_id and self._time - face.looked >= LOOK_EVERY and self._is_clear(face):
                self._remember(face, look_of(image, face.region))

    def _is_confirmed(self, face: "_TrackState") -> bool:
        """Whether a new face gets a number. Its look tells who it is only when nothing hides a part of it."""
        return face.hits >= self.confirmations and (self._is_clear(face) or self._time - face.since >= MAX_WAIT)

    def _is_clear(self, face: "_TrackState") -> bool:
        """Whether neither side of the frame cuts a face off, nor another face overlaps it."""
        margin, box = EDGE * face.side, Box(*face.box.tolist())
        others = (Box(*other.box.tolist()) for other in self._faces if other.found and other is not face)
        return margin < box.left and box.right < self._width - margin and not any(map(box.overlap, others))

    def _remember(self, face: "_TrackState", look: Look) -> None:
        face.looked = self._time
        self._gallery.add(face.track_id, look, self._time)

    def _pairs(self, detections: Sequence[Detection], appearances: Sequence[NDArray[np.float32]]) -> dict[int, int]:
        """The index of the detection that each face is paired with, by the face's."""
        cost = np.array(
            [[face.cost(*found) for found in zip(detections, appearances, strict=True)] for face in self._faces]
        ).reshape(len(self._faces), len(detections))
        # A face may also stay without a detection, so that no poor pair is made only for one pair more.
        unmatched = np.full((len(self._faces), len(self._faces)), UNMATCHED_COST)
        return {row: column for row, column in assign(np.hstack([cost, unmatched])) if column < len(detections)}


@dataclass(eq=False)
class _TrackState(Stateful):
    """The estimate of one followed face. Its box, crop and landmarks are points that move together."""

    points: NDArray[np.float64]
    """(P, 2) in the frame's pixels: two opposite corners of the box, two of the crop, five landmarks, as far as the
    detector gives them; so P is 2, 4, 7 or 9."""
    score: float  # of the last detection
    template: NDArray[np.float32]  # appearance of the last detection, to which the next frames are compared
    average: NDArray[np.float32]  # appearance averaged over all detections, to which new detections are compared
    seen: float  # when it was last in sight and not missed by the detector, in seconds
    since: float  # when it was first detected, in seconds
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    """(2,) of the centre, in pixels a second, without the camera's movement as far as that was measured."""
    spread: float = DETECTOR_NOISE  # standard deviation of the position, in sides of the box
    followed: bool = True  # whether the face is in sight: detected, or still correlated with the template
    found: bool = True  # whether the detector found it in its last run
    interpolated: bool = False  # whether the points come from following rather than from a detection
    hits: int = 1  # number of runs of the detector that found the face
    track_id: int = 0  # the number in `Track`; 0 until the face is confirmed
    returned: float = 0.0  # the similarity in `Track`; 0 for none
    looked: float = 0.0  # when the gallery was last given its look, in seconds

    @property
    def box(self) -> NDArray[np.float64]:
        """(4,), left, top, right, bottom; it may leave the frame."""
        return self.points[:2].ravel()

    @property
    def side(self) -> float:
        """The geometric mean of width and height, in pixels."""
        width, height = self.points[1] - self.points[0]
        return math.sqrt(width * height)

    @property
    def region(self) -> Crop:
        """What a network should see."""
        if len(self.points) in (4, 9):
            return Crop.between(self.points[2:4])
        return Detection(Box(*self.box.tolist()), self.score).region

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        super().restore(state)
        patch = (PATCH_SIDE**2,)
        if (
            self.points.shape not in ((2, 2), (4, 2), (7, 2), (9, 2))
            or not (np.isfinite(self.points).all() and (self.points[1] > self.points[0]).all())
            or (self.velocity.shape, self.template.shape, self.average.shape) != ((2,), patch, patch)
        ):
            raise InvalidInput("the saved state of a followed face has no valid box, velocity or appearance")

    def follow(
        self, moved: NDArray[np.float64], correlation: float, time: float, elapsed: float, camera: NDArray[np.float64]
    ) -> None:
        """Move to the points where the face was found again by its appearance; `camera` is the picture's move, (2,)."""
        if correlation >= RELIABLE_CORRELATION and elapsed > 0:
            velocity = (_centre(moved) - _centre(self.points) - camera) / elapsed
            self.velocity += (1 - math.exp(-elapsed / VELOCITY_TIME)) * (velocity - self.velocity)
        self.points = moved
        self.spread = math.hypot(self.spread, FOLLOW_NOISE)
        self.interpolated = True
        if self.found:
            self.seen = time

    def coast(self, elapsed: float, width: int, height: int, camera: NDArray[np.float64]) -> None:
        """Move on with the picture and at the last velocity while out of sight. Who walks out of the frame is expected
        back at its edge; whom the camera leaves behind, at the same place."""
        centre = _centre(self.points)
        ahead = np.clip(centre + self.velocity * elapsed, np.minimum(centre, 0), np.maximum(centre, (width, height)))
        self.points = self.points + (ahead - centre) + camera
        self.velocity *= math.exp(-elapsed / VELOCITY_DECAY)
        self.spread += LOST_NOISE * elapsed

    def cost(self, detection: Detection, its_appearance: NDArray[np.float32]) -> float:
        """The cost of pairing this face with a detection; infinity where it is out of reach."""
        x, y = detection.box.centre
        centre, side = _centre(self.points), self.side
        distance = math.hypot(x - centre[0], y - centre[1]) / side / (REACH + 3 * self.spread)
        growth = abs(math.log(math.sqrt(detection.box.area) / side)) / (GROWTH_REACH + self.spread)
        if distance > 1 or growth > 1:
            return math.inf
        return distance + growth + 1 - float(self.average @ its_appearance)

    def correct(self, detection: Detection, its_appearance: NDArray[np.float32] | None, time: float) -> None:
        """Combine a detection with the expected position; its appearance is None when another face overlaps it."""
        found = _points(detection)
        if found.shape == self.points.shape and not _turned_over(self.points, found):
            surprise = float(np.abs(found[:2] - self.points[:2]).max()) / self.side
            expected = math.hypot(self.spread, DETECTOR_NOISE)
            # A deviation that large shows that the uncertainty was underestimated.
            variance = max(self.spread, surprise if surprise > 3 * expected else 0.0) ** 2
            gain = variance / (variance + DETECTOR_NOISE**2)
            self.points = self.points + gain * (found - self.points)
            self.spread = math.sqrt((1 - gain) * variance)
        else:  # there is nothing to average: only one of both has a crop or landmarks, or the crop is turned far round
            self.points, self.spread = found, DETECTOR_NOISE
        if its_appearance is not None:
            self.average = normalized((1 - APPEARANCE_RATE) * self.average + APPEARANCE_RATE * its_appearance)
        self.score = float(detection.score)
        self.followed = self.found = True
        self.interpolated, self.seen = False, time
        self.hits += 1

    def track(self, width: int, height: int) -> Track | None:
        """The face in this frame; None when it is out of sight or not confirmed."""
        box = Box(*self.box.tolist())
        inside = box.clipped(width, height)
        if not self.track_id or not self.followed or inside.area < MIN_INSIDE * box.area:
            return None
        landmarks = self.points[-5:].astype(np.float32) if len(self.points) in (7, 9) else None
        crop = Crop.between(self.points[2:4]) if len(self.points) in (4, 9) else None
        detection = Detection(inside, self.score, landmarks, crop)
        return Track(self.track_id, detection, self.interpolated, self.returned or None)


def _points(detection: Detection) -> NDArray[np.float64]:
    """The points of `_TrackState`, (P, 2)."""
    parts = (np.reshape(detection.box, (2, 2)), detection.crop and detection.crop.corners, detection.landmarks)
    return np.concatenate([part for part in parts if part is not None]).astype(np.float64)


def _turned_over(before: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
    """Whether two crops differ in their roll by 45 degrees or more; their mean would be smaller than both."""
    crops = [points[3] - points[2] for points in (before, after) if len(points) in (4, 9)]
    if len(crops) < 2:
        return False
    return float(crops[0] @ crops[1]) <= 0.7 * math.hypot(*crops[0]) * math.hypot(*crops[1])


def _centre(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The centre of the box whose corners come first, (2,)."""
    return np.asarray((points[0] + points[1]) / 2)


def _is_covered(box: Box, others: Sequence[Box]) -> bool:
    """Whether a box is taken for one of the others, or for hidden by it."""
    return any(box.overlap_of_smaller(other) > MAX_OVERLAP for other in others)
