"""From a rough crop to FER2013's: upright, centred, and of the size that the expression networks were trained on.

A network of mien's own says how a face lies in a crop. FER2013's faces taught it, cut at random angles, places and
sizes (recipes/alignment.py), as a spatial transformer (Jaderberg et al. 2015, arXiv:1506.02025) with known answers.
YuNet's five points cannot do it: of a face turned by 30 degrees the line through its eyes shows a tenth of the angle.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from mien.crop import crop_face
from mien.runtime import InferenceSession, open_session, read_model
from mien.values import Crop, Detection, Image

SIDE: Final = 32
"""Side of the network's input, in pixels."""

DISC: Final = 0.68
"""Diameter of what the network sees of a crop, in sides of the crop: from the brows to the mouth. Outside of the disc
its input is ignored."""

INPUT, OUTPUT = "crops", "corrections"

SURE: Final = 0.5
"""Length from which the network's vector of cosine and sine counts. It is the shorter the less it is sure of the roll:
0 where any roll is as likely as any other."""


def align(image: Image, detections: Sequence[Detection]) -> list[Detection]:
    """The detections with crops in which the faces lie as FER2013's do.

        >>> turned = np.rot90(read_image("docs/pictures/astronaut.jpg"))
        >>> rough = Detection(Box(62, 240, 185, 334), score=1.0, crop=Crop(124, 289, 115, roll=-60))
        >>> -100 < align(turned, [rough])[0].region.roll < -80
        True

    Args:
        image: (H, W, 3) uint8, RGB.
        detections: Each one's `region` is where the face lies roughly, within 60 degrees of its roll.
    """
    if not detections:
        return []
    crops = [detection.region for detection in detections]
    views = np.stack([crop_face(image, crop._replace(side=DISC * crop.side), SIDE) for crop in crops])
    corrections = _session().run([OUTPUT], {INPUT: views})[0].tolist()
    return [
        replace(detection, crop=_corrected(crop, *correction))
        for detection, crop, correction in zip(detections, crops, corrections, strict=True)
    ]


def _corrected(crop: Crop, cosine: float, sine: float, right: float, down: float, growth: float) -> Crop:
    """A crop after the network's correction: of its roll, of its place in sides, of its side's logarithm."""
    angle = math.radians(crop.roll)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = math.degrees(math.atan2(sine, cosine)) if math.hypot(cosine, sine) >= SURE else 0.0
    return Crop(
        crop.x + crop.side * (right * cos - down * sin),
        crop.y + crop.side * (right * sin + down * cos),
        crop.side * math.exp(growth),
        (crop.roll + turn + 180) % 360 - 180,
    )


@cache
def _session() -> InferenceSession:
    """The network; sessions serve many threads."""
    path = Path(__file__).parent / "weights" / "alignment.onnx"
    return open_session(read_model(path), str(path))
