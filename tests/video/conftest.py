"""Videos whose frames carry their number, so that order, loss and doubling show."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import pytest

from mien.values import Image

WIDTH, HEIGHT, BITS = 160, 96, 10


class Film(Protocol):
    """Makes a video of numbered frames."""

    def __call__(
        self,
        name: str,
        times: Sequence[float],
        *,
        codec: str = "libx264",
        sound: str | None = None,
        container: str | None = None,
        before: Callable[[Any], None] = lambda stream: None,
        audio_rate: int = 44_100,
        noisy: bool = False,
    ) -> Path: ...


def _numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Two rows of five blocks, white for a binary 1, the lowest digit first."""
    bits = [255 * (number >> bit & 1) for bit in range(BITS)]
    blocks = np.array(bits, np.uint8).reshape(2, 5)
    grey = cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.repeat(np.asarray(grey, np.uint8)[:, :, None], 3, axis=2)


def _noisy(image: Image) -> Image:
    """Noise makes packets large, as those of real videos are, so that damage hits all of them."""
    noise = np.random.default_rng(int(image.sum())).integers(0, 50, image.shape, np.uint8)
    return np.asarray(np.where(image > 127, image - noise, image + noise), np.uint8)


def _number(image: Image) -> int:
    height, width = image.shape[:2]
    number = 0
    for bit in range(BITS):
        row, column = divmod(bit, 5)
        shade = image[int((row + 0.5) * height / 2), int((column + 0.5) * width / 5)]
        assert min(abs(int(each) - end) for each in shade for end in (0, 255)) < 60, "neither black nor white"
        number |= int(shade.mean() > 127) << bit
    return number


@pytest.fixture(scope="session")
def numbered() -> Callable[..., Image]:
    """A picture that carries a number below 1024: `numbered(7, width=160, height=96)`."""
    return _numbered


@pytest.fixture(scope="session")
def number() -> Callable[[Image], int]:
    """The number that a picture carries."""
    return _number


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """Makes a video of numbered frames at given times, in seconds."""
    av = pytest.importorskip("av")

    def make(
        name: str,
        times: Sequence[float],
        *,
        codec: str = "libx264",
        sound: str | None = None,
        container: str | None = None,
        before: Callable[[Any], None] = lambda stream: None,
        audio_rate: int = 44_100,
        noisy: bool = False,
    ) -> Path:
        path = tmp_path / name
        # The index in front, so that a file that is cut off can still be opened.
        options = {"movflags": "faststart"} if path.suffix in (".mp4", ".mov") else {}
        with av.open(str(path), "w", format=container, options=options) as output:
            stream = output.add_stream(codec, rate=25) if times else None
            heard = output.add_stream(sound, rate=audio_rate) if sound else None
            if heard:
                heard.layout = "mono"
            if stream:
                stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
                stream.gop_size, stream.bit_rate = 10, 2_000_000
                if codec == "libx264":
                    stream.codec_context.time_base = Fraction(1, 90_000)
                    stream.options = {"preset": "ultrafast", "crf": "23", "bf": "2"}
                if codec == "libvpx":
                    stream.options = {"deadline": "realtime", "cpu-used": "8"}
                before(stream)
                base = stream.codec_context.time_base or Fraction(1, 25)
                for index, time in enumerate(times):
                    image = _noisy(_numbered(index)) if noisy else _numbered(index)
                    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                    frame.pts, frame.time_base = round(time / base), base
                    output.mux(stream.encode(frame))
                output.mux(stream.encode(None))
            if heard:
                length = (max(times) if times else 1.0) + 0.04
                tone = np.sin(np.arange(int(length * audio_rate)) * 0.05)[None].astype(np.float32) / 2
                frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
                frame.rate, frame.pts, frame.time_base = audio_rate, 0, Fraction(1, audio_rate)
                output.mux(heard.encode(frame))
                output.mux(heard.encode(None))
        return path

    return make


@pytest.fixture(scope="session")
def steady() -> Callable[[int], list[float]]:
    """The times of so many frames at 25 a second."""
    return lambda count: [index / 25 for index in range(count)]
