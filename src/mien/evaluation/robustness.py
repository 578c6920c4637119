"""How a classifier holds when faces are cut, turned or lit in other ways than it was trained on."""

from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.data import FaceSet
from mien.data.dataset import resize_faces
from mien.evaluation.evaluate import class_indices
from mien.faces import GreyFaces
from mien.recognition import Classifier

Distortion = Callable[[GreyFaces], GreyFaces]
"""(N, S, S) uint8 → the same shape."""


def cropped(share: float) -> Distortion:
    """The crop grown by `share` of its side, what lies outside mirrored in; negative shares cut it tighter."""
    return lambda faces: _warped(faces, lambda centre, _: cv2.getRotationMatrix2D(centre, 0, 1 / (1 + share)))


def rotated(degrees: float) -> Distortion:
    """Turned about the middle, every other face the other way; what lies outside is mirrored in."""

    def matrix(centre: tuple[float, float], number: int) -> cv2.typing.MatLike:
        return cv2.getRotationMatrix2D(centre, degrees if number % 2 else -degrees, 1)

    return lambda faces: _warped(faces, matrix)


def gamma(exponent: float) -> Distortion:
    """Lit otherwise: below 1 brighter, above 1 darker."""
    table = np.round(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return lambda faces: table[faces]


DISTORTIONS: Final[Mapping[str, Distortion]] = {
    "crop -15 %": cropped(-0.15),
    "crop -10 %": cropped(-0.10),
    "crop +10 %": cropped(0.10),
    "crop +20 %": cropped(0.20),
    "rotation 20°": rotated(20),
    "rotation 30°": rotated(30),
    "gamma 0.4": gamma(0.4),
    "gamma 2.5": gamma(2.5),
}
"""By the name a report gives it."""


def robustness(classifier: Classifier, faces: FaceSet) -> dict[str, float]:
    """A classifier's accuracy on faces as they are and under each distortion, and its mirror consistency.

    Faces are distorted at the data's own size, then resized to the classifier's.

    Returns:
        0 to 1 each: "plain", a key for each of `DISTORTIONS`, and "changed by mirroring", the share of faces whose
        label is another one in the mirror.

    Raises:
        DataError: the classifier does not know one of the classes.
    """
    labels = class_indices(faces, classifier.labels)

    def predicted(pixels: GreyFaces) -> NDArray[np.int64]:
        scores = classifier(resize_faces(pixels, classifier.input_size))
        return np.asarray(scores.argmax(axis=1), dtype=np.int64)

    plain = predicted(faces.faces)
    mirrored = predicted(np.ascontiguousarray(faces.faces[:, :, ::-1]))
    return {
        "plain": float((plain == labels).mean()),
        **{name: float((predicted(distort(faces.faces)) == labels).mean()) for name, distort in DISTORTIONS.items()},
        "changed by mirroring": float((plain != mirrored).mean()),
    }


def _warped(faces: GreyFaces, matrix: Callable[[tuple[float, float], int], cv2.typing.MatLike]) -> GreyFaces:
    side = faces.shape[1]
    centre = ((side - 1) / 2, (side - 1) / 2)
    warped = [
        cv2.warpAffine(face, matrix(centre, number), (side, side), borderMode=cv2.BORDER_REFLECT_101)
        for number, face in enumerate(faces)
    ]
    return np.stack(warped).astype(np.uint8, copy=False)
