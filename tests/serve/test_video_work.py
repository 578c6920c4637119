import numpy as np

from mien.detection import YuNet, detect
from mien.serve.video_work import Largest
from mien.values import Image


def test_the_largest_faces_are_those_that_the_detector_gives(portrait: Image) -> None:
    """As detected, so that whoever asks aligns each crop once."""
    pair = np.full((300, 500, 3), 120, np.uint8)
    pair[:200, :200], pair[150:250, 350:450] = portrait, portrait[::2, ::2]
    found = detect(YuNet(), pair)
    assert len(found) == 2
    for most in (1, 2, 3):
        kept = detect(Largest(YuNet(), most), pair)
        assert [face.crop for face in kept] == [face.crop for face in found[:most]]
