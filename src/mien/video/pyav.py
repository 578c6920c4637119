"""Reading videos through PyAV, that is FFmpeg's libraries: any codec, and the container's own times."""

import heapq
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import partial
from itertools import chain, dropwhile, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import numpy as np

from mien.errors import VideoError
from mien.values import Image
from mien.video.decoder import DecodingBroke, Picture, StreamInfo, check_end
from mien.video.hdr import HLG, PQ, tone_mapped

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_TIMEOUT: Final = 10.0  # seconds that a server may take to answer, and to send the next packet
_PATIENCE: Final = 2  # seconds after damage for which a key frame is awaited; by then most pictures are whole again
_SEEK_BACK: Final = (0.0, 1.0, 4.0, 16.0)  # seconds before the place, tried in turn: some containers seek past it

BT709: Final = 1
_UNSPECIFIED: Final = 2
_HD_HEIGHT: Final = 720


def rgb_converter(threads: int) -> "Callable[[VideoFrame], Image]":
    """A function that converts decoded frames to (H, W, 3) uint8, RGB, by the matrix and the range that they name.

    Where none is named, BT.709 is taken from 720 lines on and BT.601 below, as browsers do, and the limited range. HDR
    is mapped to the standard range. It raises `DecodingBroke` where FFmpeg cannot convert a frame's kind of colours.
    """
    import av
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()

    def convert(frame: "VideoFrame") -> Image:
        matrix = BT709 if frame.colorspace == _UNSPECIFIED and frame.height >= _HD_HEIGHT else None
        try:
            converted = reformatter.reformat(frame, format="rgb24", src_colorspace=matrix, threads=threads)
            image = np.asarray(converted.to_ndarray(), np.uint8)
            return tone_mapped(image, frame.color_trc) if frame.color_trc in (PQ, HLG) else image
        except av.FFmpegError as error:
            raise DecodingBroke(f"its colours ({frame.format.name}) cannot be converted: {reason(error)}") from error

    return convert


class _Decoded(NamedTuple):
    """A frame, and, after damage, why and at which times, in ticks, others before it are missing."""

    frame: "VideoFrame"
    fault: str | None = None
    missing: Sequence[int] = ()


class PyavDecoder:
    """An open file or stream.

    The display matrix is applied, mirroring included. Pixels are taken to be square.

    What cannot be decoded before the first good picture is passed over, as recordings often begin between two key
    frames. After it, a rejected packet or damaged picture and what refers to it, up to the next key frame, are missing;
    a live stream takes what FFmpeg makes of them. Where FFmpeg itself passes over what was lost, as in MPEG-TS and
    Matroska, it only shows as a gap in the times. With more than one thread FFmpeg's H.264 decoder may return a damaged
    picture before it marks it as such (8 of 4,643 readings of one damaged file).

    A file that refers to the network is refused unless its address is a URL. `name` is the source's in messages.
    """

    def __init__(self, address: str, name: str, *, is_url: bool, threads: int) -> None:
        self._address, self._name, self._is_url, self._threads = address, name, is_url, threads
        self._to_rgb = rgb_converter(threads)
        self._open()
        self._upright = _upright(self._first)
        # The stream's own zero, in seconds. Some streams claim to begin after their first frame.
        starts = [pts * self._base for pts in (self._stream.start_time, _pts(self._first)) if pts is not None]
        self._origin = min(starts, default=Fraction(0))
        # What Matroska calls duration is the time of the end, also where the first frame is not at 0.
        self._late = float(self._origin) if "matroska" in self._container.format.name else 0.0
        self.info = self._describe()

    def pictures(self, start: float) -> Iterator[Picture]:
        first = self._time(self._first)
        # Where frames have no times, the place that a seek finds is unknown.
        if start > 0 and not self._live and first is not None:
            self._seek(start)
            if not self._is_url:
                yield from (Picture(time, None) for time in self._times_from(first))
        decoded: Iterator[_Decoded] = chain((self._begin,), self._decoded)
        if self._is_url and not self._live:
            decoded = dropwhile(lambda each: (self._time(each.frame) or start) < start, decoded)
        ended = None
        for frame, fault, missing in decoded:
            time = self._time(frame)
            if time is not None:
                ended = time + float((frame.duration or 0) * self._base)
            if fault:
                yield from (Picture(self._seconds(ticks), None, fault) for ticks in missing)
            yield Picture(time, partial(self._convert, frame), fault)
        if not self._live:
            check_end(ended, None if self._promised is None else self._promised - self._late, self.info.rate)

    def close(self) -> None:
        self._decoded.close()
        self._container.close()

    def _open(self) -> None:
        self._container = (_open_url if self._is_url else open_file)(self._address, self._name)
        try:
            self._stream = _choose_stream(self._container, self._name)
            self._base = self._stream.time_base or Fraction(1)
            self._promised = _stream_duration(self._container, self._stream)
            whole = self._container.duration or 0
            self._duration = self._promised or (whole / 1e6 if whole > 0 else None)
            self._live = self._is_url and self._duration is None
            self._stream.thread_count = self._threads
            # Threads by frame hold back as many frames as there are threads.
            self._stream.thread_type = "SLICE" if self._live else "AUTO"
            self._decoded = self._decode()
            self._begin = self._first_frame()
            self._first = self._begin.frame
        except BaseException:
            self._container.close()
            raise

    def _decode(self) -> "Generator[_Decoded]":
        """The good frames from the container's position on.

        Raises:
            DecodingBroke: Nothing more can be decoded, and the file does not end here.
        """
        import av

        self._awaited: list[int] = []  # a heap: the times of frames whose packets were read, in ticks
        packets = self._packets()
        fault: str | None = None
        whole = True
        while True:
            self._lost: str | None = None
            for frame in self._until_damage(packets, whole=whole):
                yield _Decoded(frame, fault or self._lost, self._missing(frame))
                fault = self._lost = None
            whole = False
            if self._fault is None:
                break
            fault = fault or self._fault
            self._stream.codec_context.flush_buffers()
            try:
                packets = self._from_key_frame(packets)
            except av.FFmpegError:  # of the container: nothing more can be read
                break
        if fault:
            raise DecodingBroke(fault)

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        """The packets from the container's position on; the times of their frames are noted."""
        for packet in self._container.demux(self._stream):
            pts = _pts(packet)
            if pts is not None and _is_shown(packet):
                heapq.heappush(self._awaited, pts)
            yield packet

    def _until_damage(self, packets: "Iterator[Packet[VideoStream]]", *, whole: bool) -> "Iterator[VideoFrame]":
        """The frames from the first good one to the next damage, which `_fault` tells; None at the file's end.

        What is decoded before the first good one is passed over; where a damaged key frame is among it, `_lost` tells.
        If not `whole`, as after damage, that one is a key frame, or comes after `_PATIENCE` seconds.
        """
        import av

        begun, self._fault, until = False, None, math.inf
        try:
            for packet in packets:
                strict = begun and not self._live
                if strict and packet.is_corrupt:
                    self._fault = "the file is cut off or damaged inside the next picture"
                    break
                if until == math.inf and (pts := _pts(packet)) is not None:
                    until = pts + float(_PATIENCE / self._base)
                try:
                    frames = packet.decode()
                except av.FFmpegError as error:
                    if strict:
                        raise
                    if packet.is_keyframe:
                        whole, self._lost = False, reason(error)
                    continue
                for frame in frames:
                    entry = whole or self._live or _is_key(frame) or (_pts(frame) or 0) >= until
                    if not frame.is_corrupt and (begun or entry):
                        begun = True
                        yield frame
                    elif begun and not self._live:
                        self._fault = "the next picture is damaged"
                        return
                    elif frame.is_corrupt and _is_key(frame):
                        whole, self._lost = False, "the key frame is damaged"
            else:
                return
        except av.FFmpegError as error:
            self._fault = reason(error)
        with suppress(av.FFmpegError):  # the frames that the decoder still holds
            yield from takewhile(lambda frame: not frame.is_corrupt, self._stream.codec_context.decode(None))

    def _from_key_frame(self, packets: "Iterator[Packet[VideoStream]]") -> "Iterator[Packet[VideoStream]]":
        """Leave out packets that refer to damaged ones; where no key frame comes, those of `_PATIENCE` seconds."""
        until: float | None = None
        for packet in packets:
            pts = _pts(packet)
            until = pts + float(_PATIENCE / self._base) if until is None and pts is not None else until
            waited = until is not None and pts is not None and pts >= until
            if (packet.is_keyframe or waited) and not packet.is_corrupt:
                return chain((packet,), packets)
        return iter(())

    def _missing(self, frame: "VideoFrame") -> list[int]:
        """The times of frames that should have come before this one, in ticks; they are awaited no longer."""
        pts, missing = _pts(frame), []
        while pts is not None and self._awaited and self._awaited[0] <= pts:
            missing.append(heapq.heappop(self._awaited))
        return [each for each in missing if each != pts]

    def _first_frame(self) -> "_Decoded":
        try:
            return next(self._decoded)
        except (StopIteration, DecodingBroke) as error:
            codec = self._stream.codec_context.codec.canonical_name
            raise VideoError(
                f"{self._name} holds a video ({codec}) of which not one picture can be decoded: "
                f"{str(error) or 'it ends before the first picture'}. "
                "Fetch or copy it again, or convert it to H.264 with another program"
            ) from error

    def _convert(self, frame: "VideoFrame") -> Image:
        return self._upright(self._to_rgb(frame))

    def _seek(self, start: float) -> None:
        """Go to a key frame at or before `start` seconds, or back to the beginning where none is found."""
        import av

        with suppress(av.FFmpegError, DecodingBroke):
            for goal in (start - back for back in _SEEK_BACK if back < start):
                self._container.seek(int((goal + self._origin) / self._base), stream=self._stream)
                self._decoded = self._decode()
                found = next(self._decoded, None)
                time = None if found is None else self._time(found.frame)
                if found is not None and time is not None and time <= start:
                    self._begin, self._first = found, found.frame
                    return
        self._container.close()
        self._open()  # not by a seek: MPEG-TS would go to its second key frame

    def _times_from(self, first: float) -> list[float]:
        """The times of frames from `first` to the one that was sought, read from packets without decoding them."""
        import av

        end = self._time(self._first) or 0.0
        times = []
        with suppress(av.FFmpegError), open_file(self._address, self._name) as whole:
            for packet in whole.demux(cast("VideoStream", whole.streams[self._stream.index])):
                if packet.dts is not None and self._seconds(packet.dts) >= end:
                    break
                time = self._time(packet)
                if time is not None and first <= time < end and _is_shown(packet):
                    times.append(time)
        return sorted(times)

    def _time(self, item: "VideoFrame | Packet[VideoStream]") -> float | None:
        pts = _pts(item)
        return None if pts is None else self._seconds(pts)

    def _seconds(self, ticks: int) -> float:
        return float(ticks * self._base - self._origin)

    def _describe(self) -> StreamInfo:
        stream = self._stream
        rate = stream.average_rate or stream.guessed_rate
        height, width, _ = self._upright(np.empty((self._first.height, self._first.width, 3), np.uint8)).shape
        duration = None if self._duration is None else self._duration - self._late
        estimate = round(duration * float(rate)) if duration and rate else None
        return StreamInfo(
            name=self._name,
            width=width,
            height=height,
            rate=float(rate) if rate else None,
            duration=duration,
            num_frames=stream.frames or estimate,
            has_audio=bool(self._container.streams.audio),
            codec=stream.codec_context.codec.canonical_name,
            live=self._live,
        )


def open_file(path: str, name: str) -> "InputContainer":
    """Open a file, and nothing that it refers to. A `VideoError` says why it cannot be opened, and calls it `name`."""
    import av

    # "file:" keeps FFmpeg from taking a name like "concat:a" for a protocol, the list keeps playlists on this machine.
    options = {"protocol_whitelist": "file"}
    try:
        return av.open(f"file:{path}", "r", container_options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        raise VideoError(f"{name} is no video that can be read: {_guess(path) or reason(error)}") from error


_SELF_CONTAINED: Final = (
    "mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts", "mpeg", "ogg", "flv", "asf", "gif",
    "apng", "h264", "hevc", "mpegvideo", "m4v", "ivf",
)  # fmt: skip
"""FFmpeg's names of containers that hold their pictures themselves. Playlists and lists of parts name other files."""


def check_container(path: Path, name: str, max_pixels: int) -> None:
    """Check that a file from a stranger refers to no other file, and that its frames are not too large.

    Raises:
        VideoError: It is of another kind than known containers, has no video, or larger frames.
    """
    import av

    # FFmpeg takes what a file is from its content, and compares it with the list before it looks further into it.
    options = {"protocol_whitelist": "file", "format_whitelist": ",".join(_SELF_CONTAINED)}
    try:
        with av.open(f"file:{path}", "r", container_options=options, metadata_errors="replace") as container:
            for stream in container.streams.video:
                if stream.width * stream.height > max_pixels:
                    size = f"{stream.width:,} × {stream.height:,}"
                    raise VideoError(f"{name} has frames of {size}; at most {max_pixels:,} pixels are read")
    except av.FFmpegError as error:
        raise VideoError(f"{name} is no video that can be read: {_guess(str(path)) or reason(error)}") from error


def _open_url(url: str, name: str) -> "InputContainer":
    import av

    options = {"rtsp_flags": "prefer_tcp"}
    try:
        return av.open(url, "r", container_options=options, metadata_errors="replace", timeout=_TIMEOUT)
    except av.FFmpegError as error:
        raise VideoError(
            f"{name} cannot be opened: {reason(error)}. Check the address, and whether the server is up"
        ) from error


def _guess(path: str) -> str | None:
    """Why FFmpeg refused a file, where its own message does not say so; None when unknown."""
    head = b""
    with suppress(OSError), Path(path).open("rb") as file:
        head = file.read(64)
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"wide"):
        return (
            "it is an MP4 or a QuickTime file without its index, which is written last: the recording or the copying "
            "was cut off. Copy it again, or repair it with a program like untrunc"
        )
    if head.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer and not the file itself; run `git lfs pull`"
    return None


def _choose_stream(container: "InputContainer", name: str) -> "VideoStream":
    """The default video stream, or the first; the cover picture of a song does not count."""
    from av.stream import Disposition

    videos = [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]
    if container.format.name == "tty":  # FFmpeg draws any text file as a terminal would
        videos = []
    if not videos:
        kinds = sorted({each.type for each in container.streams if each.type != "video"})
        raise VideoError(
            f"{name} holds no video: it is {container.format.long_name}"
            + (f" with {' and '.join(kinds)} only" if kinds else "")
        )
    if container.format.name == "image2" or container.format.name.endswith("_pipe"):
        raise VideoError(f"{name} is a picture; expected a video, or a folder of numbered pictures")
    chosen = next((each for each in videos if each.disposition & Disposition.default), videos[0])
    if not chosen.codec_context:
        raise VideoError(f"{name} holds a video in a codec that FFmpeg cannot decode; convert it to H.264")
    return chosen


def _is_key(frame: "VideoFrame") -> bool:
    """Whether a frame refers to no other; not every decoder marks all of those as key frames."""
    from av.video.frame import PictureType

    return frame.key_frame or frame.pict_type == PictureType.I


def _is_shown(packet: "Packet[VideoStream]") -> bool:
    """Whether the packet becomes a frame: not what an edit list cuts, and no VP8 reference for later frames."""
    vp8 = packet.stream.codec_context.name == "vp8" and not packet.is_keyframe
    hidden = vp8 and packet.size > 0 and not bytes(packet)[0] & 0x10
    return not packet.is_discard and not hidden


def _stream_duration(container: "InputContainer", stream: "VideoStream") -> float | None:
    """The length of this stream by the file's header, in seconds."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    with suppress(ValueError):  # Matroska's, as "00:00:02.400000000"
        hours, minutes, seconds = map(float, stream.metadata.get("DURATION", "").split(":"))
        return hours * 3600 + minutes * 60 + seconds
    whole = container.duration or 0
    return whole / 1e6 if whole > 0 and len(container.streams) == 1 else None


def _pts(item: "VideoFrame | Packet[VideoStream]") -> int | None:
    # AVI has no presentation times; its decoding times are the best there is.
    return item.pts if item.pts is not None else item.dts


def reason(error: Exception) -> str:
    """FFmpeg's message without the number and the function's name."""
    return str(getattr(error, "strerror", None) or error)


def _upright(frame: "VideoFrame") -> Callable[[Image], Image]:
    """A function that turns stored pictures upright, by the frame's display matrix.

    The matrix maps x, y to ax + cy, bx + dy in fixed point; only multiples of a right angle are applied, with or
    without mirroring.
    """
    # A buffer, though PyAV's stubs say otherwise.
    data = cast("bytes | None", frame.side_data.get("DISPLAYMATRIX"))
    if data is None:
        return lambda image: image
    (a, b, _), (c, d, _), _ = np.frombuffer(data, np.int32).reshape(3, 3).tolist()
    turned = abs(b) > abs(a)
    flip_x, flip_y = (c < 0, b < 0) if turned else (a < 0, d < 0)

    def apply(image: Image) -> Image:
        upright = image.transpose(1, 0, 2) if turned else image
        return np.ascontiguousarray(upright[:: -1 if flip_y else 1, :: -1 if flip_x else 1])

    return apply
