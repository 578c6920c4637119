"""Detect, crop, classify: the main job."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from io import IOBase
from pathlib import Path
from typing import Any, Never

import numpy as np

from mien.defaults import DEFAULT_DETECTOR, DEFAULT_MODEL
from mien.detection import Detector, detect, load_detector
from mien.errors import InvalidInput, did_you_mean
from mien.images import Picture, read_image
from mien.recognition import Classifier, Reader, explainer, load_classifier, read_faces
from mien.tracking.smoothing import Smoother, Smoothing
from mien.tracking.stream import Stream
from mien.values import Detection, Face, Frame, FrameResult, Image, VideoInfo
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
        reading: Whose answer a model gives: `"people"` for how likely people would name each expression, `"fer2013"`
            for how likely each is the label of that data set. None: people's, if the model knows it.
        prior: How frequent each expression is assumed to be, for people's reading: `"natural"`, `"halfway"`, `"even"`,
            or shares such as `{"neutral": 0.8, "happy": 0.2}`. None: halfway.
        labels: What people's reading tells apart: the `"seven"`, or with contempt the eight of `"ferplus"`.
        max_error: The share of wrong answers that is accepted, as 0.05; faces that have to be left out for it are
            `uncertain`. None keeps about nine of ten faces, 1 all (docs/uncertainty.md).
        sets: The share of faces whose `prediction_set` is to hold the right label, as 0.9; None for no sets.
        views: How many views of each face are averaged, 1 to 10: the face, its mirror image, and both moved by a pixel.
            Four are a little better than one, and take four times the network's time (docs/models.md).
        provider: What runs the network of an ONNX file: `"cpu"`, `"cuda"`, `"openvino"`, `"coreml"` or `"directml"`,
            where this installation of onnxruntime has it (docs/formats.md). The detector stays on the processor, as all
            does with None.
        explain: Whether faces carry an `explanation`: which parts of the face speak for what, from the same run of the
            network. See docs/explanations.md.
        num_threads: Processor threads for one picture, of YuNet and of a model that is given by name or file; Haar
            takes OpenCV's own. For many pictures, more processes are the better use of them.
        detector_options: Options of a detector that is given by name, such as `min_face=40`.

    Attributes:
        classifier: The classifier; a `mien.recognition.Reader` of a model that was given by name or file.
        reading: The reading; None of a model with labels of its own, and of a classifier that was given itself.
        prior: The share of each label that is assumed; None where none is.
        max_error, sets, views: As they were given.
        abstention: What makes a face uncertain; None of a model without calibration faces, and of a classifier that was
            given itself.
        explain: Whether faces carry an explanation.
        detector: The detector.
        model: The model's name or file; the type's name of a classifier that was given itself.
        detector_name: The detector's name; the type's name of a detector that was given itself.
        detector_options: As they were given.

    Raises:
        ModelError: The model is unknown, missing or not one of mien's.
        InvalidInput: The detector or one of its options is unknown, or YuNet's model is missing; the provider cannot be
            had; or a classifier is to explain itself that is none of mien's model files.
        MissingExtra: What runs the model file's format is not installed.
    """

    def __init__(
        self,
        model: str | Path | Classifier = DEFAULT_MODEL,
        detector: str | Detector = DEFAULT_DETECTOR,
        *,
        reading: str | None = None,
        prior: str | Mapping[str, float] | None = None,
        labels: str = "seven",
        max_error: float | None = None,
        sets: float | None = None,
        views: int = 1,
        provider: str | None = None,
        explain: bool = False,
        num_threads: int = 1,
        **detector_options: Any,
    ) -> None:
        if detector_options and not isinstance(detector, str):
            given = ", ".join(detector_options)
            raise InvalidInput(f"options ({given}) go with a detector's name; give them to the detector itself")
        asked: dict[str, Any] = {
            "reading": reading, "prior": prior, "labels": labels, "max_error": max_error, "sets": sets,
            "views": views,
        }  # fmt: skip
        runs = {"num_threads": num_threads, "provider": provider}
        self._arguments = model, detector, asked | runs | {"explain": explain} | detector_options
        self.classifier = _classifier(model, num_threads, provider, **asked)
        self.explain = explain
        if explain:
            explainer(self.classifier)
        self.reading = getattr(self.classifier, "reading", None)
        self.prior: Mapping[str, float] | None = getattr(self.classifier, "prior", None)
        self.max_error, self.sets, self.views = max_error, sets, views
        self.abstention = self.classifier.abstention if isinstance(self.classifier, Reader) else None
        self.detector = _detector(detector, num_threads, detector_options)
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

    def changed(self, **settings: Any) -> "Analyzer":
        """Another analyzer of the same model and detector, with other settings.

        >>> Analyzer().changed(reading="fer2013").reading
        'fer2013'
        """
        model, detector, options = self._arguments
        return Analyzer(model, detector, **options | settings)

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

    def analyze(self, images: Iterable[Image]) -> list[list[Face]]:
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
        return read_faces(self.classifier, images, found, explain=self.explain)

    def explained(self, picture: Picture, faces: Sequence[Face]) -> list[Face]:
        """Faces that were found in a picture before, as in a record of them, with an explanation of each.

            >>> record = face.to_dict()
            >>> [again] = Analyzer().explained("party.jpg", [Face.from_dict(record)])
            >>> again.explanation
            Evidence(for 7 expressions, 6 by 6 cells)

        It is what this analyzer's network sees in the faces' crops; all else in the faces stays as it is.

        Raises:
            PictureError: The picture cannot be read.
            InvalidInput: It is nothing of the kind, or the classifier is none of mien's model files.
        """
        [read] = read_faces(self.classifier, [read_image(picture)], [[face.detection for face in faces]], explain=True)
        return [replace(face, explanation=own.explanation) for face, own in zip(faces, read, strict=True)]

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
        baseline: float = 0.0,
        detect_every: float | None = None,
        every_frame: bool = False,
        images: bool = False,
        live: bool | None = None,
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
            smoothing, smoothing_seconds, baseline: As `mien.tracking.smoothing.Smoother` takes them.
            detect_every, every_frame: As `mien.tracking.stream.Stream` takes them.
            images: Whether each result carries its frame's `image`; keep few such results at a time.
            live: Whether each result is given at once, smoothed over earlier frames only. Otherwise it is smoothed over
                later ones too, and comes half a second of the video late. None: at once from cameras and live streams.

        Returns:
            An iterator that gives a result for every frame, faces or none. The next frames of a file are decoded
            meanwhile; of a camera it is always the newest frame.

        Raises:
            VideoError: The source cannot be read.
            InvalidInput: A setting is unknown or out of range, or the source is nothing of the kind.
        """
        for name in unknown:
            known = [each for each in inspect.signature(self.stream).parameters if each not in ("source", "unknown")]
            hint = did_you_mean(name, known, f"; it has: {', '.join(known)}")
            raise InvalidInput(f"stream has no setting {name!r}{hint}")
        reading = {"start": start, "end": end, "every": every, "fps": fps, "rate": rate, "raw_size": raw_size}
        with ExitStack() as stack:
            frames = _frames(source, reading)
            if frames is not source and isinstance(frames, VideoSource | Camera):
                stack.enter_context(frames)
            video = video_info(frames, source) if isinstance(frames, VideoSource) else VideoInfo()
            is_live = getattr(frames, "live", False) if live is None else live
            smoother = Smoother(smoothing, smoothing_seconds, baseline, self.abstention)
            stream = Stream(
                self.detector, self.classifier, detect_every=detect_every, every_frame=every_frame,
                explain=self.explain, source=str(getattr(frames, "name", "")), images=images,
                video=replace(video, live=is_live),
            )  # fmt: skip
            return _streamed(frames, stream, smoother, stack.pop_all())


def video_info(video: VideoSource, source: object) -> VideoInfo:
    """What is known of a whole video that was opened from `source`; its sound, if that is a file."""
    file = Path(source) if isinstance(source, str | Path) and Path(source).is_file() else None
    sound = file if video.has_audio and has_pyav() else None
    return VideoInfo(rate=video.rate, num_frames=video.num_frames, sound=sound, live=video.live)


def _analyzer(model: str | Path | Classifier, detector: str | Detector, options: dict[str, Any]) -> Analyzer:
    return Analyzer(model, detector, **options)


def _classifier(model: str | Path | Classifier, num_threads: int, provider: str | None, **asked: Any) -> Classifier:
    """A model that is given by name or file, asked for its reading; or the classifier itself, of which nothing is."""
    if isinstance(model, str | Path):
        return Reader(load_classifier(model, num_threads=num_threads, provider=provider), **asked)
    defaults = inspect.signature(Analyzer).parameters
    asked["provider"] = provider
    changed = [name for name, value in asked.items() if value != defaults[name].default]
    if changed:
        raise InvalidInput(
            f"{', '.join(changed)}: only for a model that is given by its name or file; got a {type(model).__name__}"
        )
    return model


def _detector(detector: str | Detector, num_threads: int, options: Mapping[str, Any]) -> Detector:
    """A detector that is given by name; or the detector itself.

    What the analyzer has no argument for is taken as an option of the detector's, so its misspelt arguments come here.
    """
    if not isinstance(detector, str):
        return detector
    try:
        return load_detector(detector, num_threads=num_threads, **options)
    except InvalidInput as error:
        own = inspect.signature(Analyzer).parameters
        hints = [hint for name in options if (hint := did_you_mean(name, own, "", likeness=0.75))]
        if not hints:  # the detectors' own options are less alike than that
            raise
        raise InvalidInput(f"{error}{hints[0]}") from error


def _frames(source: object, reading: dict[str, Any]) -> Iterable[Frame]:
    if isinstance(source, str | Path):
        return open_video(source, **reading)
    defaults = inspect.signature(open_video).parameters
    changed = [name for name, value in reading.items() if value != defaults[name].default]
    if changed:
        raise InvalidInput(f"{', '.join(changed)}: only for videos that are named; mien.open_video takes the same")
    if isinstance(source, int) and not isinstance(source, bool):
        return open_camera(str(source))
    if isinstance(source, Iterable) and not isinstance(source, bytes | np.ndarray | IOBase):
        return source
    hint = "; name an open file by its path, and give a pipe to mien.open_video" if isinstance(source, IOBase) else ""
    raise InvalidInput(
        f"a video is a file's path, a URL, a folder of numbered pictures, a camera's number or an iterable of "
        f"mien.Frame; got {type(source).__name__}{hint}"
    )


def _streamed(frames: Iterable[Frame], stream: Stream, smoother: Smoother, stack: ExitStack) -> Iterator[FrameResult]:
    with stack, closing(in_background(frames)) as ahead:
        yield from smoother(stream(_checked_frame(frame)) for frame in ahead)


def _checked_frame(frame: object) -> Frame:
    if not isinstance(frame, Frame):
        raise InvalidInput(
            f"a video's frames are mien.Frame(index, time in seconds, image); got {type(frame).__name__}"
        )
    return frame
