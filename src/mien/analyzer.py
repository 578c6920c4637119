"""Detect, crop, classify: the main job."""

import difflib
import inspect
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Never

import numpy as np

from mien.crop import crop_face
from mien.defaults import DEFAULT_DETECTOR, DEFAULT_MODEL
from mien.detection import Detector, detect, load_detector
from mien.errors import InvalidInput
from mien.images import Picture, read_image
from mien.recognition import Classifier, checked_scores, load_classifier
from mien.recognition.quality import assess
from mien.tracking.smoothing import Smoothing
from mien.tracking.stream import Stream
from mien.values import Detection, Face, Frame, FrameResult, Image, Prediction, VideoInfo
from mien.video import Camera, VideoSource, open_camera, open_video
from mien.video.background import in_background
from mien.video.decoder import USUAL_RATE, has_pyav


class Analyzer:
    """Finds the faces of a picture and says what each shows.

    It holds no state between pictures; one instance serves many threads, and survives pickle, so that each process of
    a pool or a cluster can have its own.

        >>> faces = Analyzer()("docs/pictures/astronaut.jpg")
        >>> faces[0].label
        'happy'

    Args:
        model: A shipped model's name (`mien.list_models()`), a file that `mien export` wrote, or any `Classifier`.
        detector: `"yunet"`, `"haar"`, `"package.module:Name"`, or any `Detector`.
        detector_options: Options of a detector that is given by name, such as `min_face=40`.

    Attributes:
        classifier: The classifier.
        detector: The detector.
        model: The model's name or file; the type's name of a classifier that was given itself.
        detector_name: The detector's name; the type's name of a detector that was given itself.
        detector_options: As they were given.

    Raises:
        ModelError: The model is unknown, missing or not one of mien's.
        InvalidInput: The detector or one of its options is unknown, or YuNet's model is missing.
    """

    def __init__(
        self,
        model: str | Path | Classifier = DEFAULT_MODEL,
        detector: str | Detector = DEFAULT_DETECTOR,
        **detector_options: Any,
    ) -> None:
        if detector_options and not isinstance(detector, str):
            given = ", ".join(detector_options)
            raise InvalidInput(f"options ({given}) go with a detector's name; give them to the detector itself")
        self._arguments = model, detector, detector_options
        self.classifier = load_classifier(model) if isinstance(model, str | Path) else model
        self.detector = load_detector(detector, **detector_options) if isinstance(detector, str) else detector
        self.model = str(model) if isinstance(model, str | Path) else type(model).__name__
        self.detector_name = (
            detector if isinstance(detector, str) else getattr(detector, "__name__", type(detector).__name__)
        )
        self.detector_options = detector_options
        if not callable(self.detector):
            raise InvalidInput(f"a detector is a name or a function of an image; got {detector!r}")
        if not (callable(self.classifier) and hasattr(self.classifier, "labels")):
            raise InvalidInput(f"a model is a name, a file or a Classifier; got {model!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _analyzer, self._arguments

    def __repr__(self) -> str:
        return f"Analyzer({self.model}, {self.detector_name})"

    def __call__(self, picture: Picture) -> list[Face]:
        """The faces of one picture, from the largest to the smallest; an empty list when there are none.

        Args:
            picture: A file's path, the bytes of one, an open binary file, a PIL image, or an array: (H, W), (H, W, 1)
                grey, (H, W, 3) RGB or (H, W, 4) RGBA, uint8.

        Raises:
            PictureError: It cannot be read as a picture.
            InvalidInput: It is nothing of the kind; the message says how to convert it.
        """
        return self.analyze([read_image(picture)])[0]

    def analyze(self, images: Sequence[Image]) -> list[list[Face]]:
        """The faces of each picture; all of them go through the network together.

        Args:
            images: Each (H, W, 3) uint8 RGB, of any sizes.

        Returns:
            As many lists as pictures, in their order.

        Raises:
            InvalidInput: One of them is not an image, or the classifier gives something else than probabilities.
        """
        images = list(images)
        found = [detect(self.detector, image) for image in images]
        return self.classify(images, found)

    def classify(self, images: Sequence[Image], found: Sequence[Sequence[Detection]]) -> list[list[Face]]:
        """What the faces show that were already found: one list of faces for each list of detections."""
        size = self.classifier.input_size
        places = [
            (image, detection) for image, detections in zip(images, found, strict=True) for detection in detections
        ]
        crops = [crop_face(image, detection.region, size) for image, detection in places]
        rows = checked_scores(self.classifier, np.stack(crops) if crops else np.empty((0, size, size), np.uint8))
        faces = (
            Face(detection, Prediction(self.classifier.labels, row), quality=assess(image, detection, crop))
            for (image, detection), crop, row in zip(places, crops, rows, strict=True)
        )
        return [[next(faces) for _ in detections] for detections in found]

    def stream(
        self,
        source: str | Path | int | Iterable[Frame],
        *,
        start: float = 0.0,
        end: float | None = None,
        every: int = 1,
        fps: float | None = None,
        rate: float = USUAL_RATE,
        raw_size: tuple[int, int] | None = None,
        smoothing: Smoothing = "ema",
        smoothing_seconds: float | None = None,
        margin: float | None = None,
        hold: float | None = None,
        baseline: float = 0.0,
        detect_every: float | None = None,
        every_frame: bool = False,
        images: bool = False,
        **unknown: Never,
    ) -> Iterator[FrameResult]:
        """The faces of a video, frame by frame, each person with a number and smoothed over time.

            >>> for result in Analyzer().stream("talk.mp4", start=0.5, fps=5):
            ...     print(result.index, result.time, [(face.track_id, face.label) for face in result.faces])
            15 0.6 [(1, 'happy')]
            20 0.8 [(1, 'happy')]

        Args:
            source: A video's file, a URL, a folder of numbered pictures, a camera's number, or frames in the order of
                their times (`mien.open_video` and `mien.Camera` give them).
            start, end, every, fps, rate, raw_size: As `mien.open_video` takes them; not for frames and cameras.
            smoothing, smoothing_seconds, margin, hold, baseline, detect_every, every_frame: As
                `mien.tracking.stream.Stream` takes them.
            images: Whether each result carries its frame's `image`; keep few such results at a time.

        Returns:
            An iterator that gives a result for every frame, faces or none. The next frames of a file are decoded
            meanwhile; of a camera it is always the newest frame.

        Raises:
            VideoError: The source cannot be read.
            InvalidInput: A setting is unknown or out of range, or the source is nothing of the kind.
        """
        for name in unknown:
            known = [each for each in inspect.signature(self.stream).parameters if each not in ("source", "unknown")]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has: {', '.join(known)}"
            raise InvalidInput(f"stream has no setting {name!r}; {hint}")
        reading = {"start": start, "end": end, "every": every, "fps": fps, "rate": rate, "raw_size": raw_size}
        with ExitStack() as stack:
            frames = _frames(source, reading)
            if frames is not source and isinstance(frames, VideoSource | Camera):
                stack.enter_context(frames)
            stream = Stream(
                self.detector, self.classifier, smoothing=smoothing, smoothing_seconds=smoothing_seconds,
                margin=margin, hold=hold, baseline=baseline, detect_every=detect_every, every_frame=every_frame,
                source=str(getattr(frames, "name", "")), images=images,
                video=video_info(frames, source) if isinstance(frames, VideoSource) else None,
            )  # fmt: skip
            return _streamed(frames, stream, stack.pop_all())


def video_info(video: VideoSource, source: object) -> VideoInfo:
    """What is known of a whole video that was opened from `source`; its sound, if that is a file."""
    file = Path(source) if isinstance(source, str | Path) and Path(source).is_file() else None
    sound = file if video.has_audio and has_pyav() else None
    return VideoInfo(rate=video.rate, num_frames=video.num_frames, sound=sound)


def _analyzer(model: str | Path | Classifier, detector: str | Detector, options: dict[str, Any]) -> Analyzer:
    return Analyzer(model, detector, **options)


def _frames(source: object, reading: dict[str, Any]) -> Iterable[Frame]:
    if isinstance(source, str | Path):
        return open_video(source, **reading)
    defaults = inspect.signature(open_video).parameters
    changed = [name for name, value in reading.items() if value != defaults[name].default]
    if changed:
        raise InvalidInput(f"{', '.join(changed)}: only for videos that are named; mien.open_video takes the same")
    if isinstance(source, int) and not isinstance(source, bool):
        return open_camera(str(source))
    if isinstance(source, Iterable) and not isinstance(source, bytes | np.ndarray):
        return source
    raise InvalidInput(
        f"a video is a file, a URL, a folder of numbered pictures, a camera's number or an iterable of mien.Frame; got "
        f"{type(source).__name__}"
    )


def _streamed(frames: Iterable[Frame], stream: Stream, stack: ExitStack) -> Iterator[FrameResult]:
    with stack, closing(in_background(frames)) as ahead:
        for frame in ahead:
            if not isinstance(frame, Frame):
                raise InvalidInput(
                    f"a video's frames are mien.Frame(index, time in seconds, image); got {type(frame).__name__}"
                )
            yield stream(frame)
