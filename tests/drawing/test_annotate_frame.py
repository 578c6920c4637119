"""Drawing on a video's frames, its running timeline, and hiding faces."""

import numpy as np
import pytest

from mien.drawing import DrawnFace, History, annotate_frame, anonymized
from mien.emotions import EMOTIONS, colour_of
from mien.errors import InvalidInput
from mien.values import Box, Image

BOX = Box(200, 100, 320, 220)


def frame(seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 255, (360, 640, 3), dtype=np.uint8)


def face(label: str = "happy", **more: object) -> DrawnFace:
    scores = {name: 0.7 if name == label else 0.05 for name in EMOTIONS}
    return DrawnFace(
        **{"box": BOX, "track_id": 1, "label": label, "scores": scores, "interpolated": False, "quality": 0.9} | more  # type: ignore[arg-type]
    )


def test_a_frame_is_drawn_on_a_copy_with_box_panel_and_timeline() -> None:
    image = frame()
    before = image.copy()
    drawn = annotate_frame(image, [face()], time=0.0, history=History())
    np.testing.assert_array_equal(image, before)
    assert drawn.shape == image.shape
    changed = (drawn != image).any(axis=2)
    assert changed[100:220, 195:206].any(), "the box's left edge"
    assert changed[:300, 320:].any(), "the panel"
    assert changed[-10:].any(), "the timeline"
    assert not changed[130:190, 230:290].any(), "the face itself stays to be seen"


def test_without_faces_a_frame_stays_as_it_is() -> None:
    image = frame()
    np.testing.assert_array_equal(annotate_frame(image, [], time=0.0, history=History()), image)


def test_interpolated_boxes_are_dashed() -> None:
    whole, dashed = (
        annotate_frame(frame(), [face(interpolated=value)], time=0.0, history=History()) for value in (False, True)
    )
    edge = np.s_[100:220, 198:203]
    assert (dashed[edge] == frame()[edge]).all(axis=2).sum() > (whole[edge] == frame()[edge]).all(axis=2).sum()


def test_the_timeline_remembers_seconds_and_no_more() -> None:
    history = History(seconds=2.0)
    for index in range(100):
        annotate_frame(frame(), [face("sad" if index < 50 else "happy")], time=index / 10, history=history)
    ribbon, seen = history.ribbon(1, 100)
    assert seen[20:].all()
    assert (ribbon[seen] == np.array(colour_of("happy"))).all()
    assert len(history._moments) < 25


@pytest.mark.parametrize("box", [BOX, Box(0, 0, 60, 60), Box(600, 320, 640, 360), Box(-30, -30, 50, 50)])
@pytest.mark.parametrize("how", ["blur", "pixelate"])
def test_a_hidden_face_cannot_be_told_and_the_rest_stays(box: Box, how: str) -> None:
    image = frame()
    hidden = anonymized(image, [box], how=how)  # type: ignore[arg-type]
    x, y = (round(value) for value in box.clipped(640, 360).centre)
    inside = np.s_[max(0, y - 6) : y + 6, max(0, x - 6) : x + 6]
    assert hidden[inside].std() < 0.4 * image[inside].std()
    far = np.ones((360, 640), bool)
    far[max(0, int(box.top - 60)) : int(box.bottom + 60), max(0, int(box.left - 60)) : int(box.right + 60)] = False
    np.testing.assert_array_equal(hidden[far], image[far])


def test_a_box_that_is_no_box_is_not_passed_over() -> None:
    with pytest.raises(InvalidInput, match="finite"):
        anonymized(frame(), [Box(0, 0, float("nan"), 5)])
    with pytest.raises(InvalidInput, match="blur"):
        anonymized(frame(), [BOX], how="hide")  # type: ignore[arg-type]
