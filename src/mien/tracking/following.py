"""What a face's box does from one frame to the next, found in a small grey copy without any detector."""

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput

Grey = NDArray[np.uint8]
"""A grey picture: (H, W) uint8."""

SMALL_SIDE: Final = 320
"""The longer side of the small copy in pixels: a face of 48 pixels, the least a network reads well, still has 12 of
them in a frame of 1280."""

THUMBNAIL: Final = (32, 18)
"""Width and height of the picture by which a cut is told."""

LOOK_SIDE: Final = 20
"""Pixels a side of the patch by which a face is known again."""

GRID: Final = np.stack(np.meshgrid(np.linspace(-0.3, 0.3, 4), np.linspace(-0.3, 0.3, 4)), axis=-1).reshape(-1, 2)
"""(P, 2), where in a box points are followed, from its centre, in box sizes; the rim would follow the background."""

LEAST_FOUND: Final = 6
"""Points, of the grid's 16, without which a move is not believed."""

WINDOW: Final = (11, 11)
"""Of Lucas and Kanade's search, in pixels of the small copy."""


def small_grey(image: NDArray[np.uint8]) -> Grey:
    """A grey copy whose longer side is `SMALL_SIDE`; a smaller picture keeps its size.

    Linear interpolation looks at four pixels of the picture for each of the copy. It leaves a little aliasing, and
    takes an eighth of the time of averaging all of them: .15 ms instead of 1.2 for 1280 × 720.

    Args:
        image: (H, W) grey or (H, W, 3) RGB, uint8.

    Raises:
        InvalidInput: it is neither.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or 0 in image.shape:
        raise InvalidInput(f"a frame is a uint8 array that is not empty; got {getattr(image, 'dtype', type(image))}")
    if image.ndim != 2 and image.shape[2:] != (3,):
        raise InvalidInput(f"a frame is (H, W) grey or (H, W, 3) RGB; got {image.shape}")
    height, width = image.shape[:2]
    scale = SMALL_SIDE / max(height, width)
    if scale < 1:
        image = np.asarray(cv2.resize(image, (max(1, round(width * scale)), max(1, round(height * scale)))), np.uint8)
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def thumbnail(small: Grey) -> NDArray[np.float32]:
    """The picture by which a cut is told: flat, float32, 0 to 255."""
    return cv2.resize(small, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32).ravel()


CUT_CORRELATION: Final = 0.6
"""Below it two thumbnails show two scenes. Within a shot, people moving and cameras panning, neighbouring frames of 10
a second and more correlate at .95 and above; across cuts the value lies around 0."""

ALIKE_CORRELATION: Final = 0.85
"""Two shots of one room, or of letterboxed films, can correlate up to here; then they differ by much in brightness."""

CUT_DIFFERENCE: Final = 25.0
"""Grey levels, of 256, by which two thumbnails differ on average across such a cut."""

FLAT: Final = 3.0
"""Grey levels of standard deviation under which a thumbnail shows nothing that could correlate."""


def scene_changed(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    """Whether a cut lies between two thumbnails. A flash, or a camera that finds its exposure, is none."""
    difference = cv2.norm(before, after, cv2.NORM_L1) / before.size
    before, after = before - before.mean(), after - after.mean()
    energy = math.sqrt(float(before @ before) * float(after @ after))
    if energy < FLAT**2 * before.size:
        return difference > CUT_DIFFERENCE
    correlation = float(before @ after) / energy
    return correlation < CUT_CORRELATION or (correlation < ALIKE_CORRELATION and difference > CUT_DIFFERENCE)


def moves(before: Grey, after: Grey, boxes: NDArray[np.float64], guess: NDArray[np.float64]) -> NDArray[np.float64]:
    """How each box moves and grows: the median flow of Kalal, Mikolajczyk and Matas (2010, ICPR), without its way back.

    A grid of points in each box is followed by the pyramidal method of Lucas and Kanade (Bouguet 2001). Points that
    move otherwise than most (the background, a hand) are left out.

    Args:
        before, after: two small copies of one size.
        boxes: (N, 4), left, top, right, bottom in `before`.
        guess: (N, 2), the move that is expected.

    Returns:
        (N, 3): of the centre to the right and downward, in pixels, and the factor of growth; NaN for a box of which
        too few points are found again.
    """
    num_boxes = len(boxes)
    centres, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    offsets = GRID * sizes[:, None]
    start = (centres[:, None] + offsets - 0.5).astype(np.float32)  # pixel 0 has its centre at .5
    end, status, _ = cv2.calcOpticalFlowPyrLK(
        before, after, start.reshape(-1, 1, 2), (start + guess[:, None]).astype(np.float32).reshape(-1, 1, 2),
        winSize=WINDOW, maxLevel=2, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03),
    )  # fmt: skip
    found = status.reshape(num_boxes, -1) == 1
    flow = (end.reshape(start.shape) - start).astype(np.float64)
    typical = _median(flow, found)
    apart = np.abs(flow - typical[:, None]).sum(axis=2)
    usual = _median(apart[:, :, None], found)
    kept = found & (apart <= 2 * usual + 0.25)
    weight = kept / np.maximum(kept.sum(axis=1, keepdims=True), 1)
    middle = np.einsum("np,npd->nd", weight, offsets)
    shift = np.einsum("np,npd->nd", weight, flow)
    inner = offsets - middle[:, None]
    growth = np.einsum("np,npd,npd->n", weight, inner, flow) / np.maximum(
        np.einsum("np,npd,npd->n", weight, inner, inner), 1e-9
    )
    answer = np.column_stack([shift - growth[:, None] * middle, 1 + growth])
    answer[kept.sum(axis=1) < LEAST_FOUND] = np.nan
    return answer


def _median(values: NDArray[np.float64], found: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of each row's found values: (N, P, D) and (N, P) → (N, D). numpy's own takes ten times as long on so few."""
    in_order = np.sort(np.where(found[:, :, None], values, np.inf), axis=1)
    middle = np.minimum(found.sum(axis=1) // 2, values.shape[1] - 1)
    median = in_order[np.arange(len(values)), middle]
    return np.where(np.isfinite(median), median, 0.0)


def look(small: Grey, box: NDArray[np.float64]) -> NDArray[np.float32]:
    """What a box shows, whatever the light: the product of two looks is their correlation, -1 to 1.

    Args:
        small: a small copy.
        box: (4,), left, top, right, bottom in it; it may leave it.

    Returns:
        flat, float32, of mean 0 and length 1; zeros where there is nothing to see.
    """
    x, y = (box[2] - box[0]) / LOOK_SIDE, (box[3] - box[1]) / LOOK_SIDE
    taken_from = np.array([[x, 0, box[0] + x / 2 - 0.5], [0, y, box[1] + y / 2 - 0.5]])
    patch = cv2.warpAffine(
        small, taken_from, (LOOK_SIDE, LOOK_SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32).ravel()  # fmt: skip
    patch -= patch.mean()
    # A flat patch's noise would be all that is left of it.
    return unit(patch) if patch @ patch > (FLAT * LOOK_SIDE) ** 2 else np.zeros_like(patch)


def unit(patch: NDArray[np.float32]) -> NDArray[np.float32]:
    """`patch` with length 1; zeros stay zeros."""
    return patch / max(float(np.sqrt(patch @ patch)), 1e-9)
