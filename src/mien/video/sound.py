"""Taking the sound of one file over into another, packet by packet where its codec allows."""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from mien.errors import VideoError

if TYPE_CHECKING:
    from av import Packet
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer

_COPIED: Final = {
    "mp4": frozenset({"aac", "mp3", "ac3", "opus"}),
    "mov": frozenset({"aac", "mp3", "ac3", "pcm_s16le"}),
    "matroska": frozenset({"aac", "mp3", "ac3", "opus", "vorbis", "flac", "pcm_s16le"}),
}
"""By FFmpeg's name for the container, the codecs that players expect in it."""

_AAC_RATES: Final = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000})
_USUAL_RATE: Final = 48_000


class Sound:
    """The first sound track of a file, on its way into another; nothing when the file has none.

    Packets are copied as they are where the container can hold their codec; else the sound is coded anew as AAC, in
    mono or stereo. Times are counted from the start of the file's video, as those of frames are.

    Args:
        path: where the sound comes from.
        output: where it goes; its video stream has been added, and nothing has been written yet.
        start: seconds; sound before it is left out, and what comes then is at 0.
        end: seconds; sound from there on is left out. None: all.

    Attributes:
        damage: where and why the sound broke off; None when it did not.

    Raises:
        VideoError: the file cannot be opened.
    """

    def __init__(self, path: str, output: "OutputContainer", *, start: float, end: float | None) -> None:
        self.damage: str | None = None
        self._path = path
        self._output = output
        self._input = open_sound(path)
        self._zero = _zero(self._input) + Fraction(start)
        self._trimmed = start > 0
        self._length = None if end is None else Fraction(end) - Fraction(start)
        self._waiting: Packet[AudioStream] | None = None
        tracks = self._input.streams.audio
        self._packets = self._route(tracks[0]) if tracks else iter(())

    def mux_until(self, time: float) -> None:
        """Write all packets that begin before `time`, in seconds from the output's start."""
        while (packet := self._peek()) is not None and _begin(packet) < time:
            self._waiting = None
            self._output.mux(packet)

    def close(self) -> None:
        """Let go of the file that the sound comes from."""
        self._input.close()

    def _peek(self) -> "Packet[AudioStream] | None":
        import av

        if self._waiting is None:
            try:
                self._waiting = next(self._packets, None)
            except av.FFmpegError as error:
                self.damage = f"the sound of {self._path} breaks off: {error.strerror}"
        return self._waiting

    def _route(self, track: "AudioStream") -> "Iterator[Packet[AudioStream]]":
        """Add the output's stream now, before its header is written, and give its packets later."""
        if track.codec_context.codec.canonical_name in _COPIED[self._output.format.name]:
            copy = self._output.add_stream_from_template(track)
            return self._copied(track, copy)
        coded = self._output.add_stream("aac", rate=_aac_rate(track.rate))
        coded.layout = "mono" if track.channels == 1 else "stereo"
        return self._coded_anew(track, coded)

    def _copied(self, track: "AudioStream", copy: "AudioStream") -> "Iterator[Packet[AudioStream]]":
        for packet in self._wanted(track):
            packet.stream = copy
            yield packet

    def _coded_anew(self, track: "AudioStream", coded: "AudioStream") -> "Iterator[Packet[AudioStream]]":
        for packet in self._wanted(track):
            for frame in packet.decode():
                yield from coded.encode(frame)
        for held in track.codec_context.decode(None):
            yield from coded.encode(held)
        yield from coded.encode(None)

    def _wanted(self, track: "AudioStream") -> "Iterator[Packet[AudioStream]]":
        """The packets between start and end, with times that begin at 0."""
        self._seek()
        base = track.time_base or Fraction(1, _USUAL_RATE)
        shift = round(self._zero / base)
        for packet in self._input.demux(track):
            if packet.dts is None:  # marks the end
                return
            packet.dts -= shift
            packet.pts = packet.dts if packet.pts is None else packet.pts - shift
            if self._trimmed and (packet.pts + (packet.duration or 0)) <= 0:
                continue
            if self._length is not None and packet.pts * base >= self._length:
                return
            yield packet

    def _seek(self) -> None:
        import av

        if not self._trimmed:
            return
        try:
            self._input.seek(int(self._zero * av.time_base))
        except av.FFmpegError:
            return  # then it is read from the beginning, and what is too early is left out


def open_sound(path: str) -> "InputContainer":
    """The file that sound is to be taken from, open.

    Raises:
        VideoError: it cannot be opened.
    """
    import av

    try:
        return av.open(f"file:{path}", "r", container_options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except av.FFmpegError as error:
        raise VideoError(f"the sound of {path} cannot be read: {error.strerror}") from error


def _zero(container: "InputContainer") -> Fraction:
    """Where the times of its video begin, in seconds; those of its sound where it has no video."""
    for stream in (*container.streams.video, *container.streams.audio):
        if stream.start_time is not None and stream.time_base is not None:
            return stream.start_time * stream.time_base
    return Fraction(0)


def _begin(packet: "Packet[AudioStream]") -> float:
    return float((packet.pts or 0) * packet.time_base)


def _aac_rate(rate: int) -> int:
    return rate if rate in _AAC_RATES else _USUAL_RATE
