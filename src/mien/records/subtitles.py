"""A video's expressions as subtitles."""

from typing import Final

from mien.records.video_sink import VideoSink
from mien.tracking.smoothing import TIME_TOLERANCE
from mien.values import Face, FrameResult

SHORTEST: Final = 0.25  # how long a cue stays at least, in seconds; percentages that change faster cannot be read


class SubtitlesSink(VideoSink):
    """SubRip subtitles of one video, UTF-8: a cue whenever what the faces show changes, a line a person.

    >>> with SubtitlesSink(Path("talk.srt"), header) as sink:
    ...     sink.write(result)  # "#1 happy 72 %"
    """

    signature = rb"1\n[\d:,]+ --> [\d:,]+\n(#\d+)?[^\n]* \d+ %\n"

    _num_cues = 0

    def begin_video(self, first: FrameResult) -> None:
        self._text = ""
        self._start = first.time - SHORTEST
        self._time = first.time
        self._step = 1 / first.video.rate if first.video and first.video.rate else SHORTEST

    def add_frame(self, frame: FrameResult) -> None:
        text = "\n".join(map(_line, sorted(frame.faces, key=lambda face: face.track_id or 0)))
        self._time = frame.time
        if text != self._text and frame.time - self._start >= SHORTEST - TIME_TOLERANCE:
            self._put_cue(frame.time)
            self._text, self._start = text, frame.time

    def end_video(self, error: str | None) -> None:
        self._put_cue(self._time + self._step)

    def _put_cue(self, end: float) -> None:
        if self._text:
            self._num_cues += 1
            self.put(f"{self._num_cues}\n{_clock(self._start)} --> {_clock(end)}\n{self._text}\n\n")


def _line(face: Face) -> str:
    person = "" if face.track_id is None else f"#{face.track_id} "
    # A line break within a label would end the cue.
    return f"{person}{' '.join(face.label.split())} {100 * face.scores[face.label]:.0f} %"


def _clock(seconds: float) -> str:
    """01:02:03,456."""
    rest, milliseconds = divmod(round(1000 * max(seconds, 0.0)), 1000)
    minutes, second = divmod(rest, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d},{milliseconds:03d}"
