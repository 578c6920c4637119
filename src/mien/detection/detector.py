"""What a face detector is, and what every detector does with the boxes that it finds."""

from typing import Protocol

from mien.values import Detection, Image


class Detector(Protocol):
    """Any callable from a picture to the faces in it.

    One instance may be called from many threads at once.
    """

    def __call__(self, image: Image) -> list[Detection]:
        """(H, W, 3) uint8 RGB → the faces, from the largest to the smallest; an empty list when there are none."""
        ...


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
