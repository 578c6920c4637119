"""A video's expressions as subtitles."""

import math
from typing import Final

from mien.records.video_sink import VideoSink
from mien.tracking.smoothing import TIME_TOLERANCE
from mien.values import Face, FrameResult

SHORTEST: Final = (
    0.25  # seconds between two changes of percentages, and between two of labels; faster, none can be read
)


class SubtitlesSink(VideoSink):
    """SubRip subtitles of one video, UTF-8: a cue whenever what the faces show changes, a line a person.

    >>> with SubtitlesSink(Path("talk.srt"), header) as sink:
    ...     sink.write(result)  # "#1 happy 72 %"
    """

    signature = rb"1\n[\d:,]+ --> [\d:,]+\n(#\d+)?[^\n]* (\d+ %|unclear)\n"

    _num_cues = 0

    def begin_video(self, first: FrameResult) -> None:
        self._text, self._shown = "", ""
        self._start = self._changed = -math.inf
        self._ended = first.time

    def add_frame(self, frame: FrameResult) -> None:
        people = sorted(frame.faces, key=lambda face: face.track_id or 0)
        shown = "\n".join(map(_shown, people))
        text = "\n".join(map(_with_percent, people))
        if frame.time > self._ended + TIME_TOLERANCE:  # frames are missing before this one
            self._put_cue(self._ended)
            self._text, self._shown = "", ""
            self._start = self._changed = -math.inf
        # Labels do not wait because of percentages, which change all the time.
        before = self._start if shown == self._shown else self._changed
        if text != self._text and frame.time - before >= SHORTEST - TIME_TOLERANCE:
            self._put_cue(frame.time)
            self._changed = self._changed if shown == self._shown else frame.time
            self._text, self._shown, self._start = text, shown, frame.time

    def end_frame(self, end: float) -> None:
        self._ended = end

    def end_video(self, error: str | None) -> None:
        self._put_cue(self._ended)

    def _put_cue(self, end: float) -> None:
        if self._text:
            self._num_cues += 1
            self.put(f"{self._num_cues}\n{_clock(self._start)} --> {_clock(end)}\n{self._text}\n\n")


def _shown(face: Face) -> str:
    """`#1 happy`."""
    person = "" if face.track_id is None else f"#{face.track_id} "
    # A line break within a label would end the cue.
    return person + " ".join(face.shown.split())


def _with_percent(face: Face) -> str:
    """`#1 happy 72 %`."""
    return _shown(face) if face.uncertain else f"{_shown(face)} {100 * face.scores[face.label]:.0f} %"


def _clock(seconds: float) -> str:
    """01:02:03,456."""
    rest, milliseconds = divmod(round(1000 * max(seconds, 0.0)), 1000)
    minutes, second = divmod(rest, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d},{milliseconds:03d}"
