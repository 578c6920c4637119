"""Copying the sound of one file into another, packet by packet where its codec allows."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from mien.video.pyav import open_file

if TYPE_CHECKING:
    from av import Packet
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer

_COPIED: Final = {
    "mp4": frozenset({"aac", "mp3", "ac3", "opus"}),
    "mov": frozenset({"aac", "mp3", "ac3", "pcm_s16le"}),
    "matroska": frozenset({"aac", "mp3", "ac3", "opus", "vorbis", "flac", "pcm_s16le"}),
}
"""For each container, by FFmpeg's name, the audio codecs that players expect in it."""

_AAC_RATES: Final = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000})
_USUAL_RATE: Final = 48_000


class Sound:
    """Copies the first sound track of a file into another; does nothing when the file has none.

    Packets are copied as they are where the container can hold their codec; else the sound is encoded again as AAC, in
    mono or stereo. Times are counted in seconds from the start of the file's video, as those of frames are; `start` is
    0 in the output. The output's video stream has been added, and its header is not written yet.
    """

    def __init__(self, path: str, output: "OutputContainer", *, start: float, end: float | None) -> None:
        self.damage: str | None = None  # where and why the sound broke off
        self._path, self._output = path, output
        self._input = open_file(path, f"{path} (for its sound)")
        self._zero = _zero(self._input) + Fraction(start)
        self._trimmed = start > 0
        self._length = None if end is None else Fraction(end) - Fraction(start)
        self._waiting: Packet[AudioStream] | None = None
        tracks = self._input.streams.audio
        self._packets = self._route(tracks[0]) if tracks else iter(())

    def mux_until(self, time: float) -> None:
        """Write all packets that begin before `time`, in seconds from the output's start."""
        while (packet := self._peek()) is not None and (packet.pts or 0) * packet.time_base < time:
            self._waiting = None
            self._output.mux(packet)

    def close(self) -> None:
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
        """Add the output's stream now, before the header is written, and return its packets, to be made later."""
        if track.codec_context.codec.canonical_name in _COPIED[self._output.format.name]:
            copy = self._output.add_stream_from_template(track)
            return self._copied(track, copy)
        coded = self._output.add_stream("aac", rate=track.rate if track.rate in _AAC_RATES else _USUAL_RATE)
        coded.layout = "mono" if track.channels == 1 else "stereo"
        return self._encoded(track, coded)

    def _copied(self, track: "AudioStream", copy: "AudioStream") -> "Iterator[Packet[AudioStream]]":
        for packet in self._wanted(track):
            packet.stream = copy
            yield packet

    def _encoded(self, track: "AudioStream", coded: "AudioStream") -> "Iterator[Packet[AudioStream]]":
        for packet in self._wanted(track):
            for frame in packet.decode():
                yield from coded.encode(frame)
        for held in track.codec_context.decode(None):
            yield from coded.encode(held)
        yield from coded.encode(None)

    def _wanted(self, track: "AudioStream") -> "Iterator[Packet[AudioStream]]":
        """The packets between start and end, with times that begin at 0."""
        from av import FFmpegError, time_base

        if self._trimmed:
            # Where seeking fails it is read from the beginning, and what is too early is left out.
            with suppress(FFmpegError):
                self._input.seek(int(self._zero * time_base))
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


def _zero(container: "InputContainer") -> Fraction:
    """The first time of the video, in seconds; of the sound where there is no video."""
    streams = (*container.streams.video, *container.streams.audio)
    starts = (each.start_time * each.time_base for each in streams if each.start_time is not None and each.time_base)
    return next(starts, Fraction(0))
