"""What the outputs that treat a video as a whole have in common."""

from collections.abc import Sequence

from mien.records.frame_times import FrameTimes
from mien.records.sink import FileSink
from mien.tracking.events import BRIDGE, Event, EventFinder
from mien.values import Failure, FrameResult


class VideoSink(FileSink):
    """A sink that is called when a video begins and ends, and when an expression of somebody in it has ended.

    A video begins with its first frame. It ends when another source comes or an index that does not rise, at a failure
    of the same source, or with the last result.
    """

    source = ""  # of the present video, or else of the last one
    times: FrameTimes  # of the frames so far of that video
    _last_index: int | None = None

    def begin_video(self, first: FrameResult) -> None:
        """Called before a video's first frame."""

    def add_frame(self, frame: FrameResult) -> None:
        """Called for every frame of a video."""

    def end_frame(self, end: float) -> None:
        """Called with the second at which the last frame ended, before the next one is added or the video ends.

        Both may happen after the same frame, if the next one cannot be written.
        """

    def add_events(self, events: Sequence[Event]) -> None:
        """Called after a frame with the events that have ended, from the first to end to the last."""

    def end_video(self, error: str | None) -> None:
        """Called after a video's last frame; `error` says why the video broke off, if it did."""

    def add_other(self, result: FrameResult | Failure) -> None:
        """Called for a picture, and for a source that failed before its first frame."""

    def write(self, result: FrameResult | Failure) -> None:
        frame = result if isinstance(result, FrameResult) and result.video else None
        if self._last_index is not None:
            if isinstance(result, Failure) and result.source == self.source:
                self._close(result.error)
                return
            if frame is None or frame.source != self.source or frame.index <= self._last_index:
                self._close(None)
        if frame is None:
            self.add_other(result)
            return
        if self._last_index is None:
            self._finder, self.times = EventFinder(), FrameTimes(frame, self.header.settings.get("end"))
            self.source = frame.source
            self.begin_video(frame)
        else:
            self.end_frame(self.times.end_before(frame))
        is_first, self._last_index = self._last_index is None, frame.index
        self.add_frame(frame)
        if not is_first:
            self.times.add(frame)
            if frame.error is None:  # else frames are missing before this one
                self._finder.bridge = max(BRIDGE, 1.5 * self.times.step)
        ended: list[Event] = []
        for face in frame.faces:
            if face.track_id is not None and not face.uncertain:
                score = face.scores[face.label]
                ended += self._finder.add(face.track_id, frame.time, face.label, score)
        self.add_events(ended + self._finder.tick(frame.time))

    def end(self, *, complete: bool) -> None:
        if self._last_index is not None:
            self._close(None)

    def _close(self, error: str | None) -> None:
        self._last_index = None
        self.end_frame(self.times.end)
        self.add_events(self._finder.close())
        self.end_video(error)
