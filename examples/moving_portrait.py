"""Makes a video of one person, for trying what mien does with videos: NASA's portrait of Eileen Collins, which is
moved, turned, blurred and darkened, and leaves the picture for two seconds.

    python examples/moving_portrait.py talk.mp4

Needs mien, with its extra `video` for a video that browsers play.
"""

import math
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import mien
from mien.video import VideoWriter

PORTRAIT = Path(__file__).parents[1] / "docs" / "pictures" / "astronaut.jpg"
RATE, SECONDS = 25, 16
SIZE = 640, 480


def frame(portrait: NDArray[np.uint8], time: float) -> NDArray[np.uint8]:
    """The portrait as it stands at a time, in seconds."""
    turn, zoom = 15 * math.sin(time * 1.1), 1.0 - 0.45 * max(0.0, math.sin(time * 0.8 - 1.5))
    x = SIZE[0] / 2 + 60 * math.sin(time * 0.9) + (900 * min(1.0, max(0.0, 1.5 - abs(time - 10.5))))
    to_frame = cv2.getRotationMatrix2D((225, 110), turn, zoom) + np.array([[0, 0, x - 225], [0, 0, SIZE[1] / 2 - 110]])
    moved = cv2.warpAffine(portrait, to_frame, SIZE, flags=cv2.INTER_AREA, borderValue=(150, 160, 175))
    blur = 4.5 * max(0.0, math.sin(time * 0.8 - 1.5)) ** 2
    light = 1 - 0.55 * max(0.0, math.sin(time * 0.55 - 0.6)) ** 2
    blurred = cv2.GaussianBlur(moved, (0, 0), 0.3 + blur).astype(np.float32)
    return np.asarray(np.clip(blurred * light, 0, 255), np.uint8)


def main(path: Path) -> None:
    """Write the video."""
    portrait = mien.read_image(PORTRAIT)
    with VideoWriter(path, rate=RATE) as writer:
        for index in range(RATE * SECONDS):
            writer.write(frame(portrait, index / RATE), index / RATE)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "talk.mp4"))
