"""Faces through time: detect or follow, and classify."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.detection import Detector, detect
from mien.errors import InvalidInput
from mien.recognition import Classifier, read_faces
from mien.tracking.state import State, Stateful
from mien.tracking.tracker import Track, Tracker
from mien.values import Box, Face, Frame, FrameResult, VideoInfo


@dataclass(frozen=True, slots=True)
class Followed:
    """A frame, and who is where in it.

    Attributes:
        frame: the frame.
        tracks: the faces, not yet classified.
        doubtful: as in `FrameResult`.
    """

    frame: Frame
    tracks: Sequence[Track]
    doubtful: tuple[Box, ...]


class Stream(Stateful):
    """The analysis of one video, frame by frame. Not for several threads or videos at once.

        >>> stream = Stream(analyzer.detector, analyzer.classifier)
        >>> for frame in open_video("talk.mp4"):
        ...     result = stream(frame)

    Its results say what each frame shows by itself; `mien.tracking.smoothing.Smoother` smooths them over time.

    Args:
        detector: Runs when the tracker asks for it, unless `every_frame`.
        classifier: Runs on every face of every frame.
        detect_every: Seconds between detections while all faces are in sight; None for the tracker's default.
        every_frame: Whether the detector runs on every frame.
        explain: Whether faces carry an explanation; an attribute too, which may change from frame to frame.
        source: The source's name in every result.
        video: What is known of the whole video.
        images: Whether results carry their frame's image.

    Raises:
        InvalidInput: A setting is of the wrong type or out of range.
    """

    _tracker: Tracker

    def __init__(
        self,
        detector: Detector,
        classifier: Classifier,
        *,
        detect_every: float | None = None,
        every_frame: bool = False,
        explain: bool = False,
        source: str = "",
        video: VideoInfo | None = None,
        images: bool = False,
    ) -> None:
        for name, flag in (("every_frame", every_frame), ("explain", explain), ("images", images)):
            if not isinstance(flag, bool):
                raise InvalidInput(f"{name} is True or False; got {flag!r}")
        self._detector, self._classifier = detector, classifier
        self._every_frame, self.explain = every_frame, explain
        self._source, self._video, self._images = source, video or VideoInfo(), images
        self._tracker = Tracker() if detect_every is None else Tracker(detect_every=detect_every)

    def __call__(self, frame: Frame) -> FrameResult:
        """What is in the next frame, whose time is not before the last one's."""
        return self.read(self.follow(frame))

    def follow(self, frame: Frame) -> Followed:
        """Who is where in the next frame, whose time is not before the last one's. Only this changes the memory."""
        detects = self._tracker.wants_detection(frame.image, frame.time) or self._every_frame
        found = detect(self._detector, frame.image) if detects else None
        tracks = self._tracker.update(frame.image, frame.time, found)
        return Followed(frame, tracks, self._tracker.doubtful())

    def read(self, followed: Followed) -> FrameResult:
        """What the faces of a frame show. It may run in another thread, while the next frame is followed."""
        frame = followed.frame
        faces = self._faces(frame, followed.tracks)
        height, width = frame.image.shape[:2]
        return FrameResult(
            source=self._source, index=frame.index, time=frame.time, width=width, height=height, faces=faces,
            doubtful=followed.doubtful, video=self._video, image=frame.image if self._images else None,
            error=frame.gap,
        )  # fmt: skip

    def state(self) -> State:
        """A copy of everything remembered of the frames so far, as numbers and arrays by name.

        >>> stream = Stream(analyzer.detector, analyzer.classifier)
        >>> state = stream.state()
        >>> other = Stream(analyzer.detector, analyzer.classifier)
        >>> other.restore(state)
        """
        return super().state() | {"labels": np.array(self._classifier.labels)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        labels = state.get("labels", np.empty(0)).tolist()
        if labels != list(self._classifier.labels):
            raise InvalidInput(f"the saved state is of a model with the labels {labels}, not {self._classifier.labels}")
        super().restore(state)

    def _faces(self, frame: Frame, tracks: Sequence[Track]) -> tuple[Face, ...]:
        found = [track.detection for track in tracks]
        [faces] = read_faces(self._classifier, [frame.image], [found], explain=self.explain)
        return tuple(
            replace(face, track_id=track.track_id, interpolated=track.interpolated, returned=track.returned)
            for face, track in zip(faces, tracks, strict=True)
        )
