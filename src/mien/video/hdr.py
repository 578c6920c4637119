"""From high dynamic range to the standard one: the colours of a phone's HDR video as an ordinary screen shows them.

HDR code values, taken for those of an ordinary video, are grey and flat, and a network that has never seen such faces
reads them wrongly.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL.ImageFilter import Color3DLUT

from mien.values import Image

PQ: Final = 16  # FFmpeg's number of the transfer function of SMPTE ST 2084, as in HDR10
HLG: Final = 18  # of that of ARIB STD-B67, as of most phones

_WHITE: Final = 203.0  # luminance of a white sheet in HDR, cd/m² (ITU-R BT.2408); it becomes the white of the result
_PEAK: Final = 1000.0  # luminance of the brightest highlights that are told apart, cd/m²: HLG's nominal peak
_GRID: Final = 49  # points of the table along each colour

_LUMINANCE: Final = np.array([0.2627, 0.6780, 0.0593])  # of the primaries of BT.2020
_TO_BT709: Final = np.array(  # linear RGB with the primaries of BT.2020 → of BT.709 (ITU-R BT.2087)
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)

Array = NDArray[np.float64]


def tone_mapped(image: Image, transfer: int) -> Image:
    """An image with the code values of HDR, in BT.2020's primaries, as sRGB.

    What is as bright as a white sheet or darker keeps its brightness up to half of it and is compressed a little above;
    highlights are compressed into the rest, each colour by the curve of ITU-R BT.2390, so that very bright ones pale.

    Args:
        image: (H, W, 3) uint8, RGB.
        transfer: `PQ` or `HLG`.
    """
    return np.asarray(Pillow.fromarray(image).filter(_table(transfer)), np.uint8)


@cache
def _table(transfer: int) -> Color3DLUT:
    steps = np.linspace(0.0, 1.0, _GRID)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    codes = np.stack([red, green, blue], axis=-1).reshape(-1, 3)
    light = _light_of_pq(codes) if transfer == PQ else _light_of_hlg(codes)
    linear = np.clip(_compressed(light) @ _TO_BT709.T / _WHITE, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return Color3DLUT(_GRID, encoded.astype(np.float32).ravel())


def _compressed(light: Array) -> Array:
    """Luminances up to `_PEAK` → up to `_WHITE` (ITU-R BT.2390, section 5.4.1, with no lift of black)."""
    peak, white = float(_pq_of_light(np.array(_PEAK))), float(_pq_of_light(np.array(_WHITE)))
    code, most = np.minimum(_pq_of_light(light) / peak, 1.0), white / peak
    knee = 1.5 * most - 0.5
    t = np.clip((code - knee) / (1 - knee), 0.0, 1.0)
    curve = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return _light_of_pq(np.where(code < knee, code, curve) * peak)


_M1, _M2, _C1, _C2, _C3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875  # of ITU-R BT.2100, table 4


def _light_of_pq(codes: Array) -> Array:
    """PQ's code values, 0 to 1 → luminance in cd/m²."""
    root = codes ** (1 / _M2)
    return np.asarray(10_000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def _pq_of_light(light: Array) -> Array:
    root = (light / 10_000) ** _M1
    return np.asarray(((_C1 + _C2 * root) / (1 + _C3 * root)) ** _M2)


def _light_of_hlg(codes: Array) -> Array:
    """HLG's code values, 0 to 1 → luminance in cd/m² on a screen of `_PEAK` (ITU-R BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - c) / a) + b) / 12)
    return np.asarray(_PEAK * scene * np.maximum(scene @ _LUMINANCE, 1e-9)[:, None] ** 0.2)
