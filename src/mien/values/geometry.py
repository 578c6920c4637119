"""Rectangles and turned squares in a picture."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput


class Box(NamedTuple):
    """A rectangle in the frame's pixels: x to the right, y downward, right and bottom exclusive.

    >>> Box(10, 20, 60, 80).area, Box(0, 0, 10, 10).overlap(Box(5, 0, 15, 10))
    (3000, 0.3333333333333333)
    """

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def centre(self) -> tuple[float, float]:
        """x and y, in pixels."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def area(self) -> float:
        """Square pixels; 0 for a box that is empty or inside out."""
        return max(0.0, self.width) * max(0.0, self.height)

    def clipped(self, width: float, height: float) -> "Box":
        """The part of the box inside a frame of that size in pixels."""
        return Box(
            min(max(self.left, 0.0), width),
            min(max(self.top, 0.0), height),
            min(max(self.right, 0.0), width),
            min(max(self.bottom, 0.0), height),
        )

    def scaled(self, x: float, y: float) -> "Box":
        """The box in a frame stretched by `x` and `y`."""
        return Box(self.left * x, self.top * y, self.right * x, self.bottom * y)

    def squared(self) -> "Box":
        """The square around the same centre whose side is the longer of the two; it may leave the frame."""
        return Crop(*self.centre, max(self.width, self.height)).box

    def intersection(self, other: "Box") -> "Box":
        """The part of the box inside another; empty or inside out where they are apart."""
        return Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def overlap(self, other: "Box") -> float:
        """Intersection over union, 0 to 1."""
        shared = self.intersection(other).area
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def overlap_of_smaller(self, other: "Box") -> float:
        """Intersection over the area of the smaller box, 0 to 1: 1 where one box lies inside the other."""
        smaller = min(self.area, other.area)
        return self.intersection(other).area / smaller if smaller > 0 else 0.0


class Crop(NamedTuple):
    """The square that a network should see, in the frame's pixels; it may leave the frame.

        >>> Crop(x=50, y=40, side=20).box
        Box(left=40.0, top=30.0, right=60.0, bottom=50.0)

    Attributes:
        x: Its centre, to the right.
        y: Its centre, downward.
        side: The length of a side, in pixels.
        roll: How far its upper side is turned clockwise, in degrees; the face in it is upright.
    """

    x: float
    y: float
    side: float
    roll: float = 0.0

    @property
    def box(self) -> Box:
        """The level square of the same centre and side."""
        half = self.side / 2
        return Box(self.x - half, self.y - half, self.x + half, self.y + half)

    @property
    def corners(self) -> NDArray[np.float64]:
        """(2, 2), x and y of its upper left and its lower right corner, as the face sees them upright."""
        cos, sin = math.cos(math.radians(self.roll)), math.sin(math.radians(self.roll))
        half = np.array([cos - sin, sin + cos]) * (self.side / 2)
        centre = np.array([self.x, self.y])
        return np.stack([centre - half, centre + half])

    @classmethod
    def between(cls, corners: NDArray[np.float64]) -> "Crop":
        """The square with these two `corners`."""
        (x, y), diagonal = corners.mean(axis=0).tolist(), corners[1] - corners[0]
        roll = math.degrees(math.atan2(diagonal[1], diagonal[0])) - 45
        return cls(x, y, math.hypot(*diagonal) / math.sqrt(2), (roll + 180) % 360 - 180)

    @property
    def enclosing(self) -> Box:
        """The smallest level square around the same centre that holds the whole crop."""
        turned = math.radians(self.roll)
        return self._replace(side=self.side * (abs(math.cos(turned)) + abs(math.sin(turned)))).box

    def back(self, maps: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
        """Maps of the crop, laid back onto the picture that it was cut from.

            >>> Crop(x=2, y=2, side=2).back(np.array([[1, 2], [3, 4]], np.float32), (4, 4))
            array([[nan, nan, nan, nan],
                   [nan,  1.,  2., nan],
                   [nan,  3.,  4., nan],
                   [nan, nan, nan, nan]], dtype=float32)

        The centres of a map's cells keep their values. Between them values are interpolated linearly, and from the
        outer ones to the crop's edge they stay the same, so no pixel exceeds the cells around it.

        Args:
            maps: (..., h, w), the upper row first, as the face stands upright in the crop.
            shape: H and W of the picture in pixels.

        Returns:
            (..., H, W) float32. NaN outside of the crop: the network saw nothing there, and 0 would be a value. What
            the crop holds beyond the picture's edge, a mirror image, is left out.

        Raises:
            InvalidInput: `maps` has fewer than two dimensions or no cell, or `shape` is not two numbers above 0.
        """
        maps = np.asarray(maps, np.float32)
        if maps.ndim < 2 or 0 in maps.shape:
            raise InvalidInput(f"maps of a crop are (..., h, w) with a cell or more; got {maps.shape}")
        if len(shape) != 2 or min(shape) < 1:
            raise InvalidInput(f"the shape of a picture is its height and width; got {shape}")
        whole = np.full((*maps.shape[:-2], *shape), np.nan, np.float32)
        left, top, right, bottom = map(round, self.enclosing.clipped(shape[1], shape[0]))
        x = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - self.x)
        # Some rows at a time, as a face may fill a picture of 200 megapixels.
        step = max(1, 2**20 // max(1, right - left))
        for first in range(top, bottom, step):
            rows = slice(first, min(first + step, bottom))
            y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + np.float32(0.5 - self.y)
            whole[..., rows, left:right] = self._sampled(maps, x, y)
        return whole

    def _sampled(
        self, maps: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(..., h, w) at pixels x (W,) to the right and y (H, 1) below the centre: (..., H, W), NaN outside."""
        cos, sin = (np.float32(part) for part in (math.cos(math.radians(self.roll)), math.sin(math.radians(self.roll))))
        # -0.5 to 0.5 inside the crop
        across = np.asarray((x * cos + y * sin) / np.float32(self.side), np.float32)
        down = np.asarray((y * cos - x * sin) / np.float32(self.side), np.float32)
        (first, second, rest), (upper, lower, below) = (
            _neighbours(place, size) for place, size in ((across, maps.shape[-1]), (down, maps.shape[-2]))
        )
        above = maps[..., upper, first] * (1 - rest) + maps[..., upper, second] * rest
        beneath = maps[..., lower, first] * (1 - rest) + maps[..., lower, second] * rest
        sampled = np.asarray(above * (1 - below) + beneath * below, np.float32)
        sampled[..., np.maximum(abs(across), abs(down)) > 0.5] = np.nan
        return sampled


def _neighbours(
    place: NDArray[np.float32], num: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The two of `num` cells in a row between whose centres each place lies, and how near it is to the second.

    Places are from -0.5, the first cell's outer edge, to 0.5, that of the last one.
    """
    cell = np.clip((place + np.float32(0.5)) * num - np.float32(0.5), 0, num - 1)
    whole = np.floor(cell)
    first = whole.astype(np.int64)
    return first, np.minimum(first + 1, num - 1), np.asarray(cell - whole, np.float32)
