"""Faces through time: detect or follow, classify, smooth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.crop import crop_face
from mien.detection import Detector, detect
from mien.emotions import RESTING
from mien.errors import InvalidInput
from mien.recognition import Classifier, checked_scores, softmax
from mien.recognition.quality import assess
from mien.tracking.smoothing import Baseline, Hysteresis, Smoother, Smoothing, make_smoother
from mien.tracking.state import State, Stateful
from mien.tracking.tracker import Track, Tracker
from mien.values import Face, Frame, FrameResult, Image, Prediction, VideoInfo, checked_number

MIN_SCORE: Final = 1e-6  # smallest probability whose logarithm is smoothed; smaller ones are raised to it


class Stream(Stateful):
    """The analysis of one video, frame by frame. Not for several threads or videos at once.

        >>> stream = Stream(analyzer.detector, analyzer.classifier)
        >>> for frame in open_video("talk.mp4"):
        ...     result = stream(frame)

    Args:
        detector: Runs when the tracker asks for it, unless `every_frame`.
        classifier: Runs on every face of every frame.
        smoothing: "ema", "median" or "off", over the logarithms of the probabilities.
        smoothing_seconds: Time constant of "ema" or window of "median", more than 0; None for the default.
        margin: Difference of probabilities by which another expression has to lead before `Face.leading` changes, 0 to
            1; None for the default.
        hold: Seconds for which it has to lead; None for the default.
        baseline: Seconds at the start of each track whose mean is taken for the person's resting face, and subtracted
            afterwards; 0 for none.
        detect_every: Seconds between detections while all faces are in sight; None for the tracker's default.
        every_frame: Whether the detector runs on every frame.
        source: The source's name in every result.
        video: What is known of the whole video.
        images: Whether results carry their frame's image.

    Raises:
        InvalidInput: A setting is of the wrong type or out of range.
    """

    _people: dict[int, "_Person"]
    _tracker: Tracker

    def __init__(
        self,
        detector: Detector,
        classifier: Classifier,
        *,
        smoothing: Smoothing = "ema",
        smoothing_seconds: float | None = None,
        margin: float | None = None,
        hold: float | None = None,
        baseline: float = 0.0,
        detect_every: float | None = None,
        every_frame: bool = False,
        source: str = "",
        video: VideoInfo | None = None,
        images: bool = False,
    ) -> None:
        for name, flag in (("every_frame", every_frame), ("images", images)):
            if not isinstance(flag, bool):
                raise InvalidInput(f"{name} is True or False; got {flag!r}")
        self._detector, self._classifier = detector, classifier
        self._smoothing = smoothing, smoothing_seconds
        self._hysteresis = {key: value for key, value in (("margin", margin), ("hold", hold)) if value is not None}
        self._baseline = checked_number("baseline", baseline, kind="a number of seconds")
        self._every_frame = every_frame
        self._source, self._video, self._images = source, video or VideoInfo(), images
        self._tracker = Tracker() if detect_every is None else Tracker(detect_every=detect_every)
        self._people = {}
        self._new_part()  # raises for the settings that are not checked above

    def __call__(self, frame: Frame) -> FrameResult:
        """What is in the next frame, whose time is not before the last one's."""
        detects = self._tracker.wants_detection(frame.image, frame.time) or self._every_frame
        found = detect(self._detector, frame.image) if detects else None
        tracks = self._tracker.update(frame.image, frame.time, found)
        crops = self._crops(frame.image, tracks)
        rows = checked_scores(self._classifier, crops)
        faces = [self._face(frame, *parts) for parts in zip(tracks, crops, rows, strict=True)]
        oldest = frame.time - 2 * self._tracker.max_lost
        self._people = {key: person for key, person in self._people.items() if person.seen >= oldest}
        height, width = frame.image.shape[:2]
        return FrameResult(
            source=self._source, index=frame.index, time=frame.time, width=width, height=height, faces=tuple(faces),
            doubtful=self._tracker.doubtful(), video=self._video, image=frame.image if self._images else None,
        )  # fmt: skip

    def state(self) -> State:
        """A copy of everything remembered of the frames so far, as numbers and arrays by name.

        >>> stream = Stream(analyzer.detector, analyzer.classifier, hold=0.3)
        >>> state = stream.state()
        >>> other = Stream(analyzer.detector, analyzer.classifier, hold=0.3)  # of the same settings
        >>> other.restore(state)
        """
        return super().state() | {"labels": np.array(self._classifier.labels)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        labels = state.get("labels", np.empty(0)).tolist()
        if labels != list(self._classifier.labels):
            raise InvalidInput(f"the saved state is of a model with the labels {labels}, not {self._classifier.labels}")
        super().restore(state)

    def _crops(self, image: Image, tracks: Sequence[Track]) -> NDArray[np.uint8]:
        size = self._classifier.input_size
        crops = [crop_face(image, track.detection.region, size) for track in tracks]
        return np.array(crops, np.uint8).reshape(-1, size, size)

    def _face(self, frame: Frame, track: Track, crop: NDArray[np.uint8], scores: NDArray[np.float32]) -> Face:
        person = self._people.setdefault(track.track_id, self._new_part())
        labels = self._classifier.labels
        smoothed, leading = person.add(frame.time, scores)
        return Face(
            track.detection,
            Prediction(labels, smoothed),
            track.track_id,
            raw=Prediction(labels, scores),
            leading=labels[leading],
            interpolated=track.interpolated,
            quality=assess(frame.image, track.detection, crop),
        )

    def _new_part(self) -> "_Person":
        labels = self._classifier.labels
        resting = labels.index(RESTING) if RESTING in labels else None
        baseline = Baseline(self._baseline, resting) if self._baseline else None
        return _Person(make_smoother(*self._smoothing), Hysteresis(**self._hysteresis), baseline)


@dataclass
class _Person(Stateful):
    """The scores of one track over time, and when it was last seen, in seconds."""

    smoother: Smoother
    hysteresis: Hysteresis
    baseline: Baseline | None
    seen: float = 0.0

    def add(self, time: float, scores: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
        """(K,) probabilities of one frame → smoothed ones, and the index of the leading class."""
        self.seen = time
        # Logits and logarithms of probabilities differ by a constant that is the same for all classes, which softmax
        # cancels.
        logits = np.log(np.maximum(scores.astype(np.float64), MIN_SCORE))
        if self.baseline:
            logits = self.baseline(time, logits)
        smoothed = softmax(self.smoother(time, logits).astype(np.float32))
        return smoothed, self.hysteresis(time, smoothed)
