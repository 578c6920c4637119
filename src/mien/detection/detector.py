"""What a face detector is, and what every detector does with the boxes that it finds."""

from typing import Protocol

from mien.detection.alignment import align
from mien.errors import InvalidInput
from mien.values import Detection, Image, check_image


class Detector(Protocol):
    """Any callable from a picture to the faces in it.

    One instance may be called from many threads at once.
    """

    def __call__(self, image: Image) -> list[Detection]:
        """(H, W, 3) uint8 RGB → the faces, from the largest to the smallest; an empty list when there are none."""
        ...


def detect(detector: Detector, image: Image) -> list[Detection]:
    """The faces that a detector, of whatever origin, finds in a picture, each with a crop in which it is upright.

    Args:
        detector: Finds them.
        image: (H, W, 3) uint8 RGB.

    Raises:
        InvalidInput: `image` is not an image, or the detector returns something else than detections.
    """
    return align(image, found_by(detector, image))


def found_by(detector: Detector, image: Image) -> list[Detection]:
    """The same as the detector gave them, not aligned; with the same errors."""
    found = detector(check_image(image))
    if isinstance(found, list | tuple) and all(isinstance(each, Detection) for each in found):
        return list(found)
    what = type(found).__name__ if not isinstance(found, list | tuple) else f"a list of {type(found[0]).__name__}"
    raise InvalidInput(f"the detector {type(detector).__name__} returns a list of mien.Detection; got {what}")


MAX_OVERLAP = 0.5
"""Intersection over the area of the smaller box from which two boxes are taken for the same face."""


def merged(detections: list[Detection]) -> list[Detection]:
    """The detections without duplicates, from the largest to the smallest; of duplicates the highest score stays.

    Args:
        detections: All detections in one picture, with comparable scores, in any order.
    """
    kept: list[Detection] = []
    for candidate in sorted(detections, key=lambda detection: (-detection.score, detection.box)):
        if all(candidate.box.overlap_of_smaller(other.box) < MAX_OVERLAP for other in kept):
            kept.append(candidate)
    return largest_first(kept)


def largest_first(detections: list[Detection]) -> list[Detection]:
    """The order in which every detector returns faces; of equally large ones the upper left comes first."""
    return sorted(detections, key=lambda detection: (-detection.box.area, detection.box))
