"""Several boxes for one face become one."""

from mien.values import Box, Detection

COVERED = 0.5
"""A box is taken for another's face when this share of the smaller one lies in the larger."""


def merged(detections: list[Detection]) -> list[Detection]:
    """Of boxes that cover each other the one with the highest score, from the largest to the smallest.

    Args:
        detections: of one picture, with comparable scores, in any order.
    """
    kept: list[Detection] = []
    for candidate in sorted(detections, key=lambda detection: (-detection.score, detection.box)):
        if all(covered(candidate.box, other.box) < COVERED for other in kept):
            kept.append(candidate)
    return largest_first(kept)


def covered(one: Box, other: Box) -> float:
    """The share of the smaller box that lies in the larger, 0 to 1."""
    shared = Box(
        max(one.left, other.left), max(one.top, other.top), min(one.right, other.right), min(one.bottom, other.bottom)
    ).area
    return shared / min(one.area, other.area)


def largest_first(detections: list[Detection]) -> list[Detection]:
    """The order every detector gives its faces in; of equal ones the upper left first."""
    return sorted(detections, key=lambda detection: (-detection.box.area, detection.box))
