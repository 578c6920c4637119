"""Faces through time: detect or follow, classify, smooth."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.detection import Detector
from mien.emotions import RESTING
from mien.recognition import Classifier, crop_face, softmax
from mien.recognition.quality import assess
from mien.tracking.smoothing import Baseline, Hysteresis, Smoother, make_smoother
from mien.tracking.tracker import Track, Tracker
from mien.values import Face, Frame, FrameResult, Image, Prediction

LEAST_SCORE = 1e-6
"""Below it a probability's logarithm says nothing that could be smoothed."""


class Stream:
    """One video, frame by frame. Not for many threads, nor for two videos.

        >>> stream = Stream(load_detector("haar"), load_classifier("mini-xception"))
        >>> for frame in open_video("talk.mp4"):
        ...     result = stream(frame)

    Args:
        detector: runs when the tracker asks for it, unless `every_frame`.
        classifier: sees every face of every frame.
        smoothing: "ema", "median" or "off", over the logarithms of the probabilities.
        smoothing_seconds: its time constant or window; None for the default.
        margin: by how much probability another expression has to lead before the leading one changes.
        hold: and for how many seconds.
        baseline: seconds at the start of each track whose mean is taken for the person's resting face, and taken
            out afterwards; 0 for none.
        detect_every: seconds between detections while all faces are in sight; None for the tracker's own.
        every_frame: whether the detector runs on every frame.

    Raises:
        InvalidInput: a value is out of range.
    """

    def __init__(
        self,
        detector: Detector,
        classifier: Classifier,
        *,
        smoothing: str = "ema",
        smoothing_seconds: float | None = None,
        margin: float | None = None,
        hold: float | None = None,
        baseline: float = 0.0,
        detect_every: float | None = None,
        every_frame: bool = False,
    ) -> None:
        self._detector, self._classifier = detector, classifier
        self._smoothing = smoothing, smoothing_seconds
        self._hysteresis = {key: value for key, value in (("margin", margin), ("hold", hold)) if value is not None}
        self._baseline = baseline
        self._every_frame = every_frame
        self._tracker = Tracker() if detect_every is None else Tracker(detect_every=detect_every)
        self._people: dict[int, _Person] = {}
        self._person()  # so that wrong values are told at once

    def __call__(self, frame: Frame) -> FrameResult:
        """What is in the next frame; its time has to be after the last one's."""
        looks = self._tracker.wants_detection(frame.image, frame.time) or self._every_frame
        found = self._detector(frame.image) if looks else None
        tracks = self._tracker.update(frame.image, frame.time, found)
        rows = self._scores(frame.image, tracks)
        faces = [self._face(frame, track, row) for track, row in zip(tracks, rows, strict=True)]
        gone = [key for key, person in self._people.items() if frame.time - person.seen > 2 * self._tracker.max_lost]
        for key in gone:
            del self._people[key]
        return FrameResult(frame.index, frame.time, tuple(faces), self._tracker.doubtful())

    def state(self) -> Any:
        """All it remembers, for `video.snapshot.freeze`."""
        return self._tracker, self._people

    def restore(self, state: Any) -> None:
        """Go on from what another stream with the same settings remembered."""
        self._tracker, self._people = state

    def _scores(self, image: Image, tracks: Sequence[Track]) -> NDArray[np.float32]:
        size = self._classifier.input_size
        crops = [crop_face(image, track.detection.region, size) for track in tracks]
        return self._classifier(np.stack(crops) if crops else np.empty((0, size, size), np.uint8))

    def _face(self, frame: Frame, track: Track, scores: NDArray[np.float32]) -> Face:
        person = self._people.setdefault(track.track_id, self._person())
        labels = self._classifier.labels
        smooth, leading = person.sees(frame.time, scores)
        quality = assess(frame.image, track.detection)
        return Face(
            track.detection,
            Prediction(labels, smooth),
            track.track_id,
            raw=Prediction(labels, scores),
            leading=labels[leading],
            interpolated=track.interpolated,
            quality=quality.score,
            quality_reasons=quality.reasons,
        )

    def _person(self) -> "_Person":
        how, seconds = self._smoothing
        labels = self._classifier.labels
        resting = labels.index(RESTING) if RESTING in labels else None
        baseline = Baseline(self._baseline, resting) if self._baseline else None
        return _Person(make_smoother(how, seconds), Hysteresis(**self._hysteresis), baseline)


class _Person:
    """What is remembered of one track.

    Attributes:
        seen: when it was last in view, in seconds.
    """

    def __init__(self, smoother: Smoother, hysteresis: Hysteresis, baseline: Baseline | None) -> None:
        self._smoother, self._hysteresis, self._baseline = smoother, hysteresis, baseline
        self.seen = 0.0

    def sees(self, time: float, scores: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
        """(K,) probabilities of one frame → smoothed ones, and the place of the leading class."""
        self.seen = time
        # Logits and logarithms of probabilities differ by a number that is the same for all classes, and softmax
        # takes it out again.
        logits = np.log(np.maximum(scores.astype(np.float64), LEAST_SCORE))
        if self._baseline:
            logits = self._baseline(time, logits)
        smooth = softmax(self._smoother(time, logits)[np.newaxis].astype(np.float32))[0]
        return smooth, self._hysteresis(time, smooth)
