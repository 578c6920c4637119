"""Frames of a source, and what was found in them."""

from dataclasses import dataclass
from pathlib import Path

from mien.values.arrays import ByValue, Image, check_image
from mien.values.faces import Face
from mien.values.geometry import Box


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Frame(ByValue):
    """One picture of a source.

        >>> Frame(0, 0.0, np.zeros((360, 640, 3), np.uint8))
        Frame(0 at 0.000 s, 640×360)

    Attributes:
        index: The frame's number in its source, 0 for the first.
        time: Seconds from the start, by the container's own timestamps; 0 for a still picture.
        image: (H, W, 3) uint8, RGB.
        gap: Which frames right before this one are missing, and why, where the source is damaged there; else None.

    Raises:
        InvalidInput: `image` is not an image.
    """

    index: int
    time: float
    image: Image
    gap: str | None = None

    def __post_init__(self) -> None:
        check_image(self.image)

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"Frame({self.index} at {self.time:.3f} s, {width}×{height})"


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a whole video or camera.

    Attributes:
        rate: Mean frames a second; None when unknown.
        num_frames: An estimate of how many frames there are; None when unknown.
        started_at: The time of day at the first frame, as ISO 8601; None except for a camera.
        sound: The file whose sound belongs to the frames; None when there is none.
        live: Whether frames come as they are recorded, and results must not wait for later ones.
    """

    rate: float | None = None
    num_frames: int | None = None
    started_at: str | None = None
    sound: Path | None = None
    live: bool = False


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class FrameResult(ByValue):
    """What was found in one frame; there is one for every frame, faces or none. A picture is frame 0 at 0 s.

        >>> FrameResult(source="talk.mp4", index=25, time=1.0, width=640, height=360)
        FrameResult('talk.mp4', frame 25 at 1.000 s, no face)

    Attributes:
        source: The picture or video, as it was named.
        index: The frame's number in its source.
        time: The frame's time, in seconds.
        width: The frame's width in pixels.
        height: The frame's height in pixels.
        faces: From the largest to the smallest.
        doubtful: In a video, where else there may be a face: found but once, or out of sight just now.
        video: What is known of the video; None for a picture.
        image: (H, W, 3) uint8 RGB, the frame itself, where it was asked to be kept; else None.
        portraits: A small JPEG of each face, hidden if faces are to be, where a page shows those of pictures; else ().
        drawing: The file with the drawn picture; None where none was asked for.
        explanations: For each face the file that explains it; () where none were asked for.
        error: What went wrong though the faces were found: a drawing that could not be written, or frames right
            before this one that are damaged.
    """

    source: str
    index: int = 0
    time: float = 0.0
    width: int
    height: int
    faces: tuple[Face, ...] = ()
    doubtful: tuple[Box, ...] = ()
    video: VideoInfo | None = None
    image: Image | None = None
    portraits: tuple[bytes, ...] = ()
    drawing: str | None = None
    explanations: tuple[str, ...] = ()
    error: str | None = None

    def __repr__(self) -> str:
        num = {0: "no face", 1: "1 face"}.get(len(self.faces), f"{len(self.faces)} faces")
        return f"FrameResult({self.source[-80:]!r}, frame {self.index} at {self.time:.3f} s, {num})"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a source could not be analysed, or a video not to its end.

        >>> Failure("party.jpg", "party.jpg is empty (0 bytes); expected a picture").source
        'party.jpg'

    Attributes:
        source: The picture or video, as it was named.
        error: What went wrong, for people.
    """

    source: str
    error: str
