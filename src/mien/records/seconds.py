"""Videos as a table for spreadsheets: a row a person and second."""

import numpy as np

from mien.emotions import UNCLEAR, valence_arousal
from mien.records.rows import check_columns, csv_row
from mien.records.sink import Header, Target
from mien.records.video_sink import VideoSink
from mien.values import Face, FrameResult, number


class SecondsSink(VideoSink):
    """A row a person and second, as CSV: means over the frames that show the person. Pictures are passed over.

    The label is "unclear" where more than half of the frames are.

    >>> with SecondsSink(Path("seconds.csv"), header) as sink:
    ...     sink.write(result)
    """

    signature = rb"source,second,track_id,frames,label,"

    def __init__(self, target: Target, header: Header) -> None:
        super().__init__(target, header)
        names = (
            "source", "second", "track_id", "frames", "label", *header.labels, "valence", "arousal", "quality", UNCLEAR,
        )  # fmt: skip
        self._columns = check_columns(names, header)

    def begin(self) -> None:
        self.put(csv_row(self._columns))

    def begin_video(self, first: FrameResult) -> None:
        self._second = int(first.time)
        self._people: dict[int, list[Face]] = {}

    def add_frame(self, frame: FrameResult) -> None:
        if int(frame.time) != self._second:
            self._put_second()
            self._second = int(frame.time)
        for face in frame.faces:
            if face.track_id is not None:
                self._people.setdefault(face.track_id, []).append(face)

    def end_video(self, error: str | None) -> None:
        self._put_second()

    def _put_second(self) -> None:
        labels = self.header.labels
        for track_id, faces in sorted(self._people.items()):
            scores = np.mean([[face.scores.get(label, 0.0) for label in labels] for face in faces], axis=0)
            valence, arousal = valence_arousal(labels, scores) or (None, None)
            qualities = [face.quality.score for face in faces if face.quality]
            unclear = float(np.mean([bool(face.uncertain) for face in faces]))
            label = UNCLEAR if unclear > 0.5 else labels[int(scores.argmax())]
            self.put(csv_row([
                self.source, self._second, track_id, len(faces), label, *map(number, scores.tolist()),
                number(valence), number(arousal), number(float(np.mean(qualities))) if qualities else None,
                number(unclear),
            ]))  # fmt: skip
        self._people = {}
