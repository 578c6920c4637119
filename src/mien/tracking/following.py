"""How the camera and a face's box move from one frame to the next, measured in a small grey copy without a detector."""

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.values import Image, check_image

Grey = NDArray[np.uint8]
"""A greyscale picture: (H, W) uint8."""

SMALL_SIDE: Final = 320
"""Longer side of the small copy, in pixels. A face of 48 pixels in a frame of 1280, the smallest that a network reads
well, is still 12 pixels wide in it."""

THUMBNAIL: Final = (64, 36)
"""Width and height of the thumbnails in which cuts and the camera's movement are found, in pixels."""

PATCH_SIDE: Final = 20  # side of the patch by which a face is recognised again, in pixels

MIN_CORRELATION: Final = 0.6
"""Lowest correlation with the last detection at which a followed face is taken to be still there. Different people's
faces correlate at .65 in one pair of twenty, and one person's from frame to frame above .9."""

GRID: Final = np.stack(np.meshgrid(np.linspace(-0.3, 0.3, 4), np.linspace(-0.3, 0.3, 4)), axis=-1).reshape(-1, 2)
"""Points of a box that are followed, (P, 2): x and y from its centre, in box widths and heights. They leave out the
margin, which shows background."""

MIN_POINTS: Final = 6  # smallest number of points, of the grid's 16, from which a move is computed
WINDOW: Final = (11, 11)  # window of Lucas and Kanade's method, in pixels of the small copy

CUT_CORRELATION: Final = 0.6
"""Correlation of two thumbnails below which they show different scenes, unless one is the other moved. Within a shot of
a still camera, even with moving people, neighbouring frames at 10 a second or more correlate at .95 and above; across
cuts at about 0."""

SIMILAR_CORRELATION: Final = 0.85
"""Highest correlation across a cut between shots of one room or of a letterboxed film, which then differ clearly in
brightness."""

STILL_CORRELATION: Final = 0.95  # from which on the camera is taken to stand still, which saves the search

MOVED_CORRELATION: Final = 0.85
"""Correlation of the part that two thumbnails share, from which one is the other moved. Fast pans with the blur of a
shutter correlate at .95 and above up to a quarter of the width a frame, at .75 and above up to .3 of it; the highest of
10,000 pairs of unrelated pictures at .78."""

MIN_SHARED: Final = 0.5
"""Smallest share of the picture that two thumbnails have in common when one is the other moved; smaller parts of
unrelated pictures may look alike."""

MOVED_GAIN: Final = 0.02  # by how much a move has to raise the correlation; less may be people who walk

CUT_DIFFERENCE: Final = 25.0  # mean absolute difference of two thumbnails across such a cut, in grey levels of 256
_WINDOW: Final = cv2.createHanningWindow(THUMBNAIL, cv2.CV_32F)
FLAT: Final = 3.0  # standard deviation, in grey levels, below which a picture holds nothing but noise to correlate


def small_grey(image: Image) -> Grey:
    """A grey copy whose longer side is `SMALL_SIDE`; a smaller picture keeps its size.

    Linear interpolation reads four pixels of the picture for each of the copy. That leaves a little aliasing, and takes
    an eighth of the time of averaging all pixels: .15 ms instead of 1.2 for 1280 × 720.
    """
    height, width = check_image(image).shape[:2]
    scale = SMALL_SIDE / max(height, width)
    if scale < 1:
        image = np.asarray(cv2.resize(image, (max(1, round(width * scale)), max(1, round(height * scale)))), np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def camera_motion(small_before: Grey, small_after: Grey) -> NDArray[np.float64] | None:
    """How the whole picture moves between two small copies of one size: (2,), to the right and downward, in their
    pixels. None across a cut; a flash or a change of exposure is not one.

    The move is found by phase correlation (Kuglin and Hines 1975), under a Hann window. It is exact to about a pixel of
    the thumbnail, and zeros where it is smaller or the picture does not move as a whole.
    """
    before, after = (
        cv2.resize(small, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        for small in (small_before, small_after)
    )
    difference = cv2.norm(before, after, cv2.NORM_L1) / before.size
    correlation = _correlation(before, after)
    if correlation is None:
        return None if difference > CUT_DIFFERENCE else np.zeros(2)
    if correlation >= STILL_CORRELATION:
        return np.zeros(2)
    # On copies: with these sizes it multiplies its arguments by the window in place.
    move, _ = cv2.phaseCorrelate(before.copy(), after.copy(), _WINDOW)
    moved = _moved_correlation(before, after, *map(round, move))
    if moved >= MOVED_CORRELATION and moved >= correlation + MOVED_GAIN:
        return np.array(move) * small_after.shape[::-1] / THUMBNAIL
    unlike = correlation < SIMILAR_CORRELATION and difference > CUT_DIFFERENCE
    return None if correlation < CUT_CORRELATION or unlike else np.zeros(2)


def _moved_correlation(before: NDArray[np.float32], after: NDArray[np.float32], x: int, y: int) -> float:
    """The correlation of what two thumbnails share when the second is the first moved by whole pixels; else 0."""
    width, height = THUMBNAIL
    shared_width, shared_height = width - abs(x), height - abs(y)
    if min(shared_width, shared_height) <= 0 or shared_width * shared_height < MIN_SHARED * width * height:
        return 0.0
    left, top = max(x, 0), max(y, 0)
    one = before[top - y : top - y + shared_height, left - x : left - x + shared_width]
    return _correlation(one, after[top : top + shared_height, left : left + shared_width]) or 0.0


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float | None:
    """The correlation of two pictures of one size, -1 to 1; None where one of them holds nothing but noise."""
    one, other = (each.ravel() - each.mean() for each in (one, other))
    energy = math.sqrt(float(one @ one) * float(other @ other))
    return None if energy < FLAT**2 * one.size else float(one @ other) / energy


def median_flow(
    before: Grey, after: Grey, boxes: NDArray[np.float64], expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How each box moves and grows, by the median flow of Kalal, Mikolajczyk and Matas (2010, ICPR), forward only.

    A grid of points in each box is followed by the pyramidal method of Lucas and Kanade (Bouguet 2001). Points that
    move differently from most (the background, a hand) are left out.

    Args:
        before, after: Two small copies of one size.
        boxes: (N, 4), left, top, right, bottom in `before`.
        expected: (N, 2), the expected move of each centre, where the search begins.

    Returns:
        (N, 3): the move of the centre to the right and downward, in pixels, and the factor of growth; NaN for a box of
        which too few points are found again.
    """
    num_boxes = len(boxes)
    centres, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    offsets = GRID * sizes[:, None]
    start = (centres[:, None] + offsets - 0.5).astype(np.float32)  # the centre of pixel 0 is at .5
    end, status, _ = cv2.calcOpticalFlowPyrLK(
        before, after, start.reshape(-1, 1, 2), (start + expected[:, None]).astype(np.float32).reshape(-1, 1, 2),
        winSize=WINDOW, maxLevel=2, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03),
    )  # fmt: skip
    found = status.reshape(num_boxes, -1) == 1
    flow = (end.reshape(start.shape) - start).astype(np.float64)
    deviation = np.abs(flow - _median(flow, found)[:, None]).sum(axis=2)
    kept = found & (deviation <= 2 * _median(deviation[:, :, None], found) + 0.25)
    weight = kept / np.maximum(kept.sum(axis=1, keepdims=True), 1)
    centroid = np.einsum("np,npd->nd", weight, offsets)
    shift = np.einsum("np,npd->nd", weight, flow)
    inner = offsets - centroid[:, None]
    growth = np.einsum("np,npd,npd->n", weight, inner, flow) / np.maximum(
        np.einsum("np,npd,npd->n", weight, inner, inner), 1e-9
    )
    motion = np.column_stack([shift - growth[:, None] * centroid, 1 + growth])
    motion[kept.sum(axis=1) < MIN_POINTS] = np.nan
    return motion


def _median(values: NDArray[np.float64], found: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The median over each box's found points: (N, P, D) and (N, P) → (N, D); zeros for a box without any.

    numpy's own median takes ten times as long on so few values.
    """
    ordered = np.sort(np.where(found[:, :, None], values, np.inf), axis=1)
    middle = np.minimum(found.sum(axis=1) // 2, values.shape[1] - 1)
    median = ordered[np.arange(len(values)), middle]
    return np.where(np.isfinite(median), median, 0.0)


def appearance(small: Grey, box: NDArray[np.float64]) -> NDArray[np.float32]:
    """What a box shows, independent of the light: the dot product of two appearances is their correlation, -1 to 1.

    The box, (4,) left, top, right, bottom in a small copy, may leave it. Its patch is flattened to (400,), with mean 0
    and length 1; zeros where it is of one grey.
    """
    x, y = (box[2] - box[0]) / PATCH_SIDE, (box[3] - box[1]) / PATCH_SIDE
    patch_to_copy = np.array([[x, 0, box[0] + x / 2 - 0.5], [0, y, box[1] + y / 2 - 0.5]])
    patch = cv2.warpAffine(
        small, patch_to_copy, (PATCH_SIDE, PATCH_SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32).ravel()  # fmt: skip
    patch -= patch.mean()
    # Scaling a flat patch to length 1 would leave only its noise.
    return normalized(patch) if patch @ patch > (FLAT * PATCH_SIDE) ** 2 else np.zeros_like(patch)


def normalized(patch: NDArray[np.float32]) -> NDArray[np.float32]:
    """`patch` with length 1; zeros stay zeros."""
    return patch / max(float(np.sqrt(patch @ patch)), 1e-9)
