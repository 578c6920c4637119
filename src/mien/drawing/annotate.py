"""Drawing what was found on a picture, or on a video's frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mien.drawing.history import History, draw_strip
from mien.drawing.panels import SMALLEST_TYPE, Reading, arrange, on_grid
from mien.drawing.patches import draw_outline, lay
from mien.emotions import colour_of
from mien.errors import InvalidInput
from mien.values import Box, Face, Image, check_image

_TYPE_SHARE: Final = 1 / 75  # of the longer side: legible once the whole picture fills a screen


@dataclass(frozen=True, slots=True, eq=False)
class DrawnFace:
    """One face of a video's frame, as it is drawn.

    Attributes:
        box: in the frame's pixels; it may leave the frame.
        track_id: the same number for the same person through the video.
        label: after smoothing and hysteresis.
        scores: the probability of each expression, 0 to 1, in the order in which they are drawn.
        interpolated: the tracker moved the box, without the detector; it is drawn with dashes.
        quality: how much the face's pixels can be relied on, 0 to 1; None where nobody measured it.
    """

    box: Box
    track_id: int
    label: str
    scores: Mapping[str, float]
    interpolated: bool = False
    quality: float | None = None

    def __post_init__(self) -> None:
        if self.label not in self.scores:
            raise InvalidInput(f"a face's label is one of {', '.join(self.scores)}; got {self.label!r}")


def annotate(image: Image, faces: Sequence[Face]) -> Image:
    """A copy of a picture with its faces framed, named, and every probability drawn as a bar.

    A face has its panel beside it, where it hides no other face and no other panel. Where faces stand so close
    that most of them have no room for one, all get a compact form: the leading expression, its probability, and
    a strip that shares out all probabilities by colour. Nothing leaves the picture. Of several faces each bears its
    number: the person's, or else its place in `faces`.

    Args:
        image: (H, W, 3) uint8, RGB; it stays as it is.
        faces: in the picture's pixels.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        InvalidInput: `image` is not an image.
    """
    drawn = check_image(image).copy(order="C")
    height, width = drawn.shape[:2]
    numbers = range(len(faces)) if len(faces) > 1 else [None]
    seen = [
        (face, place, number if face.track_id is None else face.track_id)
        for number, face in zip(numbers, faces, strict=False)
        if (place := on_grid(face.box, width, height))
    ]
    type_size = _type_size(drawn)
    for face, place, _ in seen:
        draw_outline(drawn, place, colour_of(face.label), type_size)
    readings = [
        Reading(face.prediction.labels, tuple(face.prediction.scores.tolist()), face.label, number)
        for face, _, number in seen
    ]
    for legend in arrange(readings, [place for _, place, _ in seen], (width, height), type_size):
        lay(drawn, legend.patch, legend.left, legend.top)
    return drawn


def annotate_frame(image: Image, faces: Sequence[DrawnFace], *, time: float, history: History) -> Image:
    """A copy of a video's frame with its faces drawn as `annotate` does, and at its foot who showed what of late.

    A panel stays on its side of the face while there is room for it. A box that the detector did not confirm is
    drawn with dashes.

    Args:
        image: (H, W, 3) uint8, RGB; it stays as it is.
        faces: in the frame's pixels.
        time: the frame's, in seconds.
        history: one for a whole video; this frame is added to it. Frames come in the order of their times.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        InvalidInput: `image` is not an image.
    """
    drawn = check_image(image).copy(order="C")
    height, width = drawn.shape[:2]
    seen = [(face, place) for face in faces if (place := on_grid(face.box, width, height))]
    history.add(time, {face.track_id: face.label for face in faces})
    type_size = _type_size(drawn)
    strip = draw_strip(drawn, history, time, type_size)
    for face, place in seen:
        draw_outline(drawn, place, colour_of(face.label), type_size, dashed=face.interpolated)
    readings = [
        Reading(tuple(face.scores), tuple(face.scores.values()), face.label, face.track_id, face.quality)
        for face, _ in seen
    ]
    usual = [history.sides.get(face.track_id) for face, _ in seen]
    legends = arrange(readings, [place for _, place in seen], (width, height - strip), type_size, usual)
    for (face, _), legend in zip(seen, legends, strict=True):
        lay(drawn, legend.patch, legend.left, legend.top)
        if legend.side is not None:
            history.sides[face.track_id] = legend.side
    return drawn


def _type_size(image: Image) -> int:
    longer: int = max(image.shape[:2])
    return max(SMALLEST_TYPE, round(longer * _TYPE_SHARE))
