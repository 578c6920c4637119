"""Detect, crop, classify: the main job."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

from mien.detection import Detector, load_detector
from mien.images import read_image
from mien.recognition import Classifier, crop_face, load_classifier
from mien.tracking.stream import Stream
from mien.values import Detection, Face, Frame, FrameResult, Image, Prediction, check_image
from mien.video import open_video
from mien.video.background import in_background

DEFAULT_MODEL = "rep-small"
DEFAULT_DETECTOR = "haar"


class Analyzer:
    """Finds the faces of a picture and says what each shows.

    It holds no state between pictures; one instance serves many threads.

        >>> faces = Analyzer()("party.jpg")
        >>> faces[0].label, faces[0].scores["happy"]
        ('happy', 0.97)

    Args:
        model: a shipped model's name (`mien models` lists them), a file that `mien export` wrote, or any
            `Classifier`.
        detector: `"haar"`, `"yunet"`, or any `Detector`.

    Raises:
        ModelError: the model is unknown, missing or not one of mien's.
        InvalidInput: the detector is unknown, or its model has not been fetched.
    """

    def __init__(
        self, model: str | Path | Classifier = DEFAULT_MODEL, detector: str | Detector = DEFAULT_DETECTOR
    ) -> None:
        self.classifier = load_classifier(model) if isinstance(model, str | Path) else model
        self.detector = load_detector(detector) if isinstance(detector, str) else detector

    def __call__(self, picture: Image | str | Path) -> list[Face]:
        """The faces of one picture, from the largest to the smallest; an empty list when there are none.

        Args:
            picture: a file, or (H, W, 3) uint8 RGB.

        Raises:
            PictureError: the file cannot be read as a picture.
            InvalidInput: the array is not an image.
        """
        image = read_image(picture) if isinstance(picture, str | Path) else picture
        return self.analyze([image])[0]

    def analyze(self, images: Sequence[Image]) -> list[list[Face]]:
        """The faces of each picture; all of them go through the network together.

        Args:
            images: each (H, W, 3) uint8 RGB, of any sizes.

        Returns:
            As many lists as pictures, in their order.

        Raises:
            InvalidInput: one of them is not an image.
        """
        found = [self.detector(check_image(image)) for image in images]
        return self.classify(images, found)

    def classify(self, images: Sequence[Image], found: Sequence[Sequence[Detection]]) -> list[list[Face]]:
        """What the faces show that were already found: one list of faces for each list of detections."""
        size = self.classifier.input_size
        crops = [
            crop_face(image, detection.region, size)
            for image, detections in zip(images, found, strict=True)
            for detection in detections
        ]
        faces = np.stack(crops) if crops else np.empty((0, size, size), np.uint8)
        rows = iter(self.classifier(faces))
        labels = self.classifier.labels
        return [[Face(detection, Prediction(labels, next(rows))) for detection in detections] for detections in found]

    def stream(self, source: str | Path | Iterable[Frame], **settings: Any) -> Iterator[FrameResult]:
        """The faces of a video, frame by frame, each person with a number and smoothed over time.

            >>> for result in Analyzer().stream("talk.mp4"):
            ...     print(result.time, [(face.track_id, face.label) for face in result.faces])

        Args:
            source: a video's file, a URL, a folder of numbered pictures, or frames in the order of their times
                (`mien.video.open_video` and `Camera` give them).
            settings: as `mien.tracking.stream.Stream` takes them.

        Yields:
            A result for every frame, faces or none. The next frames are decoded meanwhile.

        Raises:
            VideoError: the source cannot be read.
            InvalidInput: a setting is wrong.
        """
        through = Stream(self.detector, self.classifier, **settings)
        with ExitStack() as stack:
            frames = stack.enter_context(open_video(source)) if isinstance(source, str | Path) else source
            ahead = stack.enter_context(closing(in_background(frames)))
            yield from map(through, ahead)
