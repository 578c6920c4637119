"""From the places of faces in pictures to what the faces show."""

from collections.abc import Iterator, Sequence

import numpy as np

from mien.crop import crop_face
from mien.errors import InvalidInput
from mien.recognition.classifier import Classifier, checked_scores
from mien.recognition.quality import assess
from mien.recognition.reader import Reader
from mien.values import Detection, Evidence, Face, Image, Prediction


def read_faces(
    classifier: Classifier,
    images: Sequence[Image],
    found: Sequence[Sequence[Detection]],
    *,
    explain: bool = False,
) -> list[list[Face]]:
    """What the faces show that were found in pictures; all of them go through the network together.

    Args:
        classifier: A model file's `Reader`, or any other classifier.
        images: Each (H, W, 3) uint8 RGB, of any sizes.
        found: As many lists as pictures.
        explain: Whether faces carry an explanation, of the same run of the network; a `Reader` alone gives one.

    Returns:
        One face for each detection, in lists like theirs.

    Raises:
        InvalidInput: The classifier gives something else than probabilities, or no explanations.
    """
    size = classifier.input_size
    places = [(image, detection) for image, detections in zip(images, found, strict=True) for detection in detections]
    crops = [crop_face(image, detection.region, size) for image, detection in places]
    cut = np.array(crops, np.uint8).reshape(-1, size, size)
    if explain:
        explainer(classifier)
    reader = classifier if isinstance(classifier, Reader) and crops else None
    read = reader.read(cut, maps=explain) if reader else None
    rows = read.scores if read else checked_scores(classifier, cut)
    maps = [None] * len(cut) if read is None or read.maps is None else read.maps
    faces: Iterator[Face] = (
        Face(
            detection,
            Prediction(classifier.labels, row),
            reading=reader.reading if reader else None,
            quality=assess(image, detection, crop),
            explanation=None if each is None else Evidence(classifier.labels, each, detection.region, image.shape[:2]),
        )
        for (image, detection), crop, row, each in zip(places, crops, rows, maps, strict=True)
    )
    if reader and read and reader.abstention:
        faces = map(reader.abstention.judge, faces, read.outputs)
    return [[next(faces) for _ in detections] for detections in found]


def explainer(classifier: Classifier) -> Reader:
    """The classifier, if it explains what it says; else an `InvalidInput`."""
    if not isinstance(classifier, Reader):
        raise InvalidInput(
            f"only a model file explains what it says, given by its name or path; {type(classifier).__name__} gives "
            "scores alone"
        )
    return classifier
