"""Small pictures of faces, as pages hold them."""

import io
from base64 import b64encode
from dataclasses import replace
from html import escape
from typing import Final

import cv2
import numpy as np
from PIL import Image as Pillow

from mien.drawing.evidence import LIMIT, tint
from mien.values import Box, Face, FrameResult, Image

SIDE: Final = 96  # width and height of a face in a page, in pixels

EVIDENCE_NOTE: Final = (
    f"Beside each face, what speaks for the expression in orange and against it in blue: evidence in logits, the same "
    f"colours everywhere, the strongest at {LIMIT:g} and more."
)
"""What a page says of the evidence that it shows."""


def cut(image: Image, box: Box) -> Image:
    """The square around a face, or as much of it as is inside the image, as (SIDE, SIDE, 3)."""
    return _sized(_square(image, box)[0])


def with_evidence(image: Image, face: Face) -> Image:
    """As `cut`, and to its right the same with what speaks for the face's label: (SIDE, 2 * SIDE, 3).

    Without an explanation it is the face alone.
    """
    inside, left, top = _square(image, face.box)
    evidence = face.explanation
    if evidence is None or face.label not in evidence.labels:
        return _sized(inside)
    moved = evidence.crop._replace(x=evidence.crop.x - left, y=evidence.crop.y - top)
    tinted = inside.copy()
    tint(tinted, inside, replace(evidence, crop=moved), face.label)
    return np.concatenate([_sized(inside), _sized(tinted)], axis=1)


def _square(image: Image, box: Box) -> tuple[Image, int, int]:
    """What a box's square holds of an image, and where that begins."""
    height, width = image.shape[:2]
    left, top, right, bottom = map(round, box.squared().clipped(width, height))
    left, top = min(left, width - 1), min(top, height - 1)
    return image[top : max(bottom, top + 1), left : max(right, left + 1)], left, top


def _sized(image: Image) -> Image:
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def jpeg(image: Image) -> bytes:
    """An image as the bytes of a JPEG: 2 to 4 KB for a face."""
    content = io.BytesIO()
    Pillow.fromarray(image).save(content, "JPEG", quality=82)
    return content.getvalue()


def portraits(result: FrameResult) -> tuple[bytes, ...]:
    """A JPEG of each face of a picture's result, which has its image, with the evidence where there is some."""
    return () if result.image is None else tuple(jpeg(with_evidence(result.image, face)) for face in result.faces)


def embedded(content: bytes, meaning: str) -> str:
    """A JPEG as an element of a page; `meaning` is plain text for who cannot see it."""
    return f'<img alt="{escape(meaning)}" src="data:image/jpeg;base64,{b64encode(content).decode()}">'
