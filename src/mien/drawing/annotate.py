"""Drawing what was found on a picture, or on a video's frames."""

from collections.abc import Sequence
from typing import Final

from mien.drawing.evidence import draw_legend, tint
from mien.drawing.history import History, with_timeline
from mien.drawing.patches import Colour, Rectangle, draw_outline
from mien.drawing.placement import SMALLEST_FONT, Shown, draw_panels
from mien.emotions import UNCLEAR_COLOUR, colours_of
from mien.errors import InvalidInput
from mien.values import Face, Image, check_image

_FONT_SHARE: Final = 1 / 75
"""Size of text, as a share of the picture's longer side: legible once the whole picture fills a screen."""


def annotate(
    image: Image,
    faces: Sequence[Face],
    *,
    history: History | None = None,
    time: float = 0.0,
    panels: bool = True,
    strip: bool = True,
    evidence: bool = False,
) -> Image:
    """A copy of a picture with its faces outlined, named, and every probability drawn as a bar.

    A face has its panel beside it, where it hides no other face and no other panel, and as little as can be of other
    heads. Where faces stand so close that most of them have no room for one, all get a compact form: the label, its
    probability, and a strip that shares out all probabilities by colour. A label that should not be relied on
    (`Face.uncertain`) is not shown: the word "unclear" stands there, in grey. Of several faces each has its number: the
    person's, or else its place in `faces`. A face's quality has a bar where it was measured. Of a face that reaches
    beyond the picture the part inside is outlined; one that lies outside is left out.

        >>> import numpy as np
        >>> from mien import Box, Detection, Face, Prediction
        >>> image = np.zeros((240, 320, 3), np.uint8)  # of your own: mien.read_image("party.jpg")
        >>> happy = Prediction(("happy", "sad"), np.array([0.9, 0.1], np.float32))
        >>> faces = [Face(Detection(Box(40, 60, 120, 160), 1.0), happy)]  # of your own: mien.Analyzer()(image)
        >>> drawn = annotate(image, faces)
        >>> drawn.shape, int(drawn.max()), int(image.max())  # the image itself stays as it is
        ((240, 320, 3), 255, 0)

    With a history there is a strip beneath the picture, a timeline of who showed what in the last seconds, and a panel
    stays on its side of the face while it can:

        >>> from mien.drawing import History
        >>> history = History(seconds=10)
        >>> frames = [annotate(image, faces, history=history, time=index / 25) for index in range(3)]

    Args:
        image: (H, W, 3) uint8, RGB; it stays as it is.
        faces: What to draw, in the picture's pixels.
        history: One for a whole video, to which this frame is added; the timeline has those faces that have a
            `track_id`. Frames come in the order of their times.
        time: The frame's time, in seconds; used with a history only.
        panels: Whether faces have panels; otherwise all have the compact form.
        strip: Whether there is a timeline, if there is a history.
        evidence: Whether faces that carry an explanation are grey, with what speaks for the label in orange and what
            speaks against it in blue, and a scale in a corner; see docs/explanations.md.

    Returns:
        (H, W, 3) uint8, RGB; higher by the strip, if there is one, whose height depends on the picture's size alone.

    Raises:
        InvalidInput: `image` is not an image, and the message says how to convert it if it is grey, float or has
            transparency; or `faces` holds something else.
    """
    drawn = check_image(image).copy(order="C")
    for face in faces:
        if not isinstance(face, Face):
            raise InvalidInput(f"annotate draws a list of mien.Face, as an Analyzer returns it; got {face!r:.80} in it")
    height, width = drawn.shape[:2]
    font_size = max(SMALLEST_FONT, round(max(height, width) * _FONT_SHARE))
    if evidence:
        for face in faces:
            if face.explanation is not None and face.label in face.explanation.labels:
                tint(drawn, image, face.explanation, face.label)
    shown = []
    for place, face in enumerate(faces):
        left, top, right, bottom = map(round, face.box.clipped(width, height))
        if left < right and top < bottom:
            box = Rectangle(left, top, right, bottom)
            draw_outline(drawn, box, _colour(face), font_size)
            number = place if face.track_id is None else face.track_id
            alone = len(faces) == 1 and face.track_id is None
            shown.append(Shown(face, box, number, face.shown if alone else f"{face.shown} #{number}"))
    explained = [face.explanation for face in faces if face.explanation is not None]
    if evidence and explained:
        draw_legend(drawn, [each.box for each in shown], explained[0].resolution, font_size)
    draw_panels(drawn, shown, font_size, {} if history is None else history.sides, chips_alone=not panels)
    if history is None or not strip:
        return drawn
    history.add(time, {face.track_id: _colour(face) for face in faces if face.track_id is not None})
    return with_timeline(drawn, history, time, font_size)


def _colour(face: Face) -> Colour:
    return UNCLEAR_COLOUR if face.uncertain else colours_of(face.prediction.labels)[face.label]
