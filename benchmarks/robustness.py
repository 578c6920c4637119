"""The accuracy of a classifier on distorted faces: cropped, rotated, lit, blurred, noisy, compressed or covered."""

from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.data import FaceSet
from mien.data.dataset import resize_faces
from mien.evaluation import class_indices
from mien.recognition import Classifier
from mien.values import GreyFaces

Distortion = Callable[[GreyFaces], GreyFaces]
"""A function from faces, (N, S, S) uint8, to faces of the same shape."""


def cropped(share: float) -> Distortion:
    """Enlarge the crop by `share` of its side, reflected at the border; a negative share makes it tighter."""
    return _warped(0, 1 / (1 + share))


def rotated(degrees: float) -> Distortion:
    """Rotate about the centre, every other face the other way, reflected at the border."""
    return _warped(degrees, 1)


def _warped(degrees: float, scale: float) -> Distortion:
    def warp(faces: GreyFaces) -> GreyFaces:
        side = faces.shape[1]
        centre = (side - 1) / 2, (side - 1) / 2
        matrices = [cv2.getRotationMatrix2D(centre, angle, scale) for angle in (-degrees, degrees)]
        warped = [
            cv2.warpAffine(face, matrices[number % 2], (side, side), borderMode=cv2.BORDER_REFLECT_101)
            for number, face in enumerate(faces)
        ]
        return np.array(warped, np.uint8)

    return warp


def gamma(exponent: float) -> Distortion:
    """Change the lighting: below 1 is brighter, above 1 darker."""
    table = np.round(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return lambda faces: table[faces]


def blurred(sigma: float) -> Distortion:
    """Blur by a Gaussian of standard deviation `sigma`, in pixels of a face 48 pixels wide."""

    def blur(faces: GreyFaces) -> GreyFaces:
        scaled = sigma * faces.shape[1] / 48
        blurs = [cv2.GaussianBlur(face, (0, 0), scaled, borderType=cv2.BORDER_REFLECT_101) for face in faces]
        return np.array(blurs, np.uint8)

    return blur


def noisy(deviation: float) -> Distortion:
    """Add Gaussian noise, the same in every run; its deviation is a share of the range from black to white."""

    def add(faces: GreyFaces) -> GreyFaces:
        noise = np.random.default_rng(0).normal(0, 255 * deviation, faces.shape)
        return np.clip(np.rint(faces + noise), 0, 255).astype(np.uint8)

    return add


def compressed(quality: int) -> Distortion:
    """Compress by JPEG at a quality of 1 to 100."""

    def compress(faces: GreyFaces) -> GreyFaces:
        files = [cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for face in faces]
        return np.array([cv2.imdecode(file, cv2.IMREAD_GRAYSCALE) for file in files], np.uint8)

    return compress


def covered(top: float, bottom: float, left: float, right: float) -> Distortion:
    """Cover a part of the face by a mid-grey rectangle; its edges are shares of the side."""

    def cover(faces: GreyFaces) -> GreyFaces:
        rows, columns = (
            slice(*(round(edge * faces.shape[1]) for edge in edges)) for edges in ((top, bottom), (left, right))
        )
        covered = faces.copy()
        covered[:, rows, columns] = 128
        return covered

    return cover


DISTORTIONS: Final[Mapping[str, Distortion]] = {
    "crop -15 %": cropped(-0.15),
    "crop -10 %": cropped(-0.10),
    "crop +10 %": cropped(0.10),
    "crop +20 %": cropped(0.20),
    "rotation 20°": rotated(20),
    "rotation 30°": rotated(30),
    "gamma 0.4": gamma(0.4),
    "gamma 2.5": gamma(2.5),
    "blur of 1 pixel": blurred(1),
    "blur of 2 pixels": blurred(2),
    "JPEG, quality 20": compressed(20),
    "JPEG, quality 8": compressed(8),
    "noise of 5 %": noisy(0.05),
    "noise of 10 %": noisy(0.10),
    "eyes covered": covered(0.2, 0.45, 0, 1),
    "mouth covered": covered(0.65, 1, 0, 1),
    "right half covered": covered(0, 1, 0.5, 1),
}
"""The distortions that are measured, by name."""


def robustness(classifier: Classifier, faces: FaceSet) -> dict[str, float]:
    """A classifier's accuracy on faces as they are and under each distortion, and its consistency under mirroring.

    Faces are distorted at the data's own size, then resized to the classifier's.

    Returns:
        Values of 0 to 1: "plain", a key for each of `DISTORTIONS`, and "changed by mirroring", the share of faces
        whose mirror image is classified differently.

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
