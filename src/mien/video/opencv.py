"""Reading videos through OpenCV, for where PyAV is not installed."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import cv2
import numpy as np

from mien.errors import VideoError
from mien.installation import install_command
from mien.values import Image
from mien.video.decoder import DecodingBroke, Picture, StreamInfo, check_end, opencv_silenced

_PTS: Final[int] = getattr(cv2, "CAP_PROP_PTS", -1)  # since 4.11; an unknown property reads as 0


class OpencvDecoder:
    """An open file or stream.

    Times are OpenCV's `CAP_PROP_POS_MSEC`, which are the container's. OpenCV does not distinguish damage from the
    end: it is inferred from the length that the header promises. Colours are always converted by BT.601, a
    mirroring display matrix is not applied, and a start within the video is reached by decoding all frames before.

    A URL of unknown length is a live stream.
    """

    def __init__(self, address: str, name: str, *, is_url: bool, threads: int) -> None:
        # Named, since OpenCV would take a name with a % for a sequence of pictures.
        api = cv2.CAP_FFMPEG if cv2.CAP_FFMPEG in cv2.videoio_registry.getStreamBackends() else cv2.CAP_ANY
        with opencv_silenced():
            self._capture = cv2.VideoCapture(address, api, [cv2.CAP_PROP_N_THREADS, threads])
        first = None
        with suppress(DecodingBroke):
            first = self._retrieve() if self._capture.grab() else None
        if first is None:
            self._capture.release()
            raise VideoError(
                f"{name} holds no video that OpenCV can read. Check that it is a whole video, or install PyAV, which "
                f"reads more kinds and says more: {install_command('video')}"
            )
        # In frames. Matroska's duration, from which the number of frames is estimated, counts from 0, not from here.
        self._late = max(0, round(self._capture.get(_PTS)))
        self._first = first
        rate, count = self._capture.get(cv2.CAP_PROP_FPS), self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        known = count > 0 and rate > 0
        four = int(self._capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=False)
        self.info = StreamInfo(
            name=name,
            width=first.shape[1],
            height=first.shape[0],
            rate=rate if rate > 0 else None,
            duration=count / rate if known else None,
            num_frames=int(count) if known else None,
            has_audio=None,
            codec=four.decode("latin-1").strip("\0 ").lower() or "unknown",
            live=is_url and not known,
        )

    def pictures(self, start: float) -> Iterator[Picture]:
        first = self._first
        yield Picture(self._time(0), lambda: first)
        count, ended = 1, None
        while self._capture.grab():
            ended = self._time(count)
            yield Picture(ended, self._retrieve)
            count += 1
        # The number of frames is a guess where the rate varies, and how long the last one lasts is unknown: only where
        # both frames and time are missing is it damage.
        promised = (self.info.num_frames or 0) - self._late
        if self.info.rate and count < promised - max(3, 0.02 * promised):
            check_end(ended, promised / self.info.rate, self.info.rate)

    def close(self) -> None:
        self._capture.release()

    def _retrieve(self) -> Image:
        with opencv_silenced():
            decoded, bgr = self._capture.retrieve()
        if not decoded:
            raise DecodingBroke("a picture cannot be converted")
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)

    def _time(self, count: int) -> float | None:
        milliseconds = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        return None if milliseconds == 0 and count > 0 else milliseconds / 1000
