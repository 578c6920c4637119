"""What a service takes at most. Each limit is an option of `mien serve`."""

from dataclasses import dataclass, field, fields
from typing import Any

from mien.values import checked_number


def _limit(default: float, help: str) -> Any:  # noqa: A002 - what it is called in the command line
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a service takes at most.

        >>> Limits(picture_bytes=5_000_000).picture_bytes
        5000000

    The `help` in each field's metadata says what it bounds.

    Raises:
        InvalidInput: A limit is not above 0, or a number of things no whole number.
    """

    picture_bytes: int = _limit(20_000_000, "Bytes of one picture, or of one frame of a stream.")
    pictures: int = _limit(16, "Pictures in one request.")
    request_bytes: int = _limit(60_000_000, "Bytes of a request with several pictures.")
    upload_bytes: int = _limit(250_000_000, "Bytes of all pictures that are in memory as they were sent.")
    pixels: int = _limit(50_000_000, "Width × height of a picture or a frame.")
    faces: int = _limit(200, "Faces that are read in a picture or a frame, the largest ones.")
    waiting: int = _limit(64, "Pictures that wait for their turn; further ones are answered by 429.")
    batch: int = _limit(4, "Pictures whose faces go through the network together.")
    connections: int = _limit(512, "Open connections. Beyond them, the longest one without a whole request is closed.")
    answer_seconds: float = _limit(30.0, "Seconds after which a picture is answered by 504.")
    header_seconds: float = _limit(10.0, "Seconds in which the headers of a request have to come.")
    body_seconds: float = _limit(10.0, "Seconds in which any body may come, and an answer be fetched, however slowly.")
    slowest: int = _limit(16_384, "Bytes a second, on the mean, that a body has to come with after that.")
    video_bytes: int = _limit(500_000_000, "Bytes of a video.")
    video_frames: int = _limit(50_000, "Frames of a video that are analysed.")
    video_seconds: float = _limit(900.0, "Seconds for which a video is worked on.")
    video_memory: int = _limit(6_000_000_000, "Bytes of addresses that the work on a video may use.")
    jobs: int = _limit(4, "Videos that wait or are worked on, one at a time; further ones are answered by 429.")
    jobs_kept: int = _limit(100, "Videos whose results are kept; the oldest results make room.")
    kept_seconds: float = _limit(3600.0, "Seconds for which the results of a video are kept.")
    streams: int = _limit(4, "Streams at a time.")
    stream_rate: float = _limit(120.0, "Frames a second that a stream may send.")
    idle_seconds: float = _limit(60.0, "Seconds without a frame after which a stream ends.")

    def __post_init__(self) -> None:
        for limit in fields(self):
            kind = "a whole number" if limit.type in (int, "int") else "a number"
            checked_number(limit.name, getattr(self, limit.name), above=True, kind=kind)
