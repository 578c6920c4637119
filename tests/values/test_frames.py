import numpy as np
import pytest

from mien.errors import InvalidInput
from mien.values import Frame


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5, 3)),
        "picture.jpg",
        None,
    ],
)
def test_a_frame_needs_an_image(image: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="an image is"):
        Frame(0, 0.0, image)
