"""Merging several boxes of one face into one (non-maximum suppression)."""

from mien.values import Box, Detection

COVERED = 0.5
"""Two boxes are of one face when at least this share of the smaller one lies in the larger."""


def merged(detections: list[Detection]) -> list[Detection]:
    """Of boxes that cover each other the one with the highest score, from the largest to the smallest.

    Args:
        detections: Faces of one picture, with comparable scores, in any order.
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
    """Detections in the order of every detector: from the largest to the smallest, of equal ones the left first."""
    return sorted(detections, key=lambda detection: (-detection.box.area, detection.box))
