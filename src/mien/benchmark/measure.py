"""Measuring models and detectors side by side: time, memory and accuracy."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

import mien
from mien.analyzer import Analyzer
from mien.benchmark.advice import Findings, advise
from mien.benchmark.candidates import candidates
from mien.benchmark.first import first_picture
from mien.benchmark.machine import Machine, this_machine
from mien.benchmark.timing import LEAST_ROUNDS, Call, Samples, Timing, take_turns, timing
from mien.crop import crop_face
from mien.data import resized
from mien.defaults import DEFAULT_DETECTOR, DEFAULT_MODEL
from mien.detection import detect, load_detector
from mien.errors import InvalidInput, reason
from mien.evaluation import class_indices, load_for
from mien.images import read_image
from mien.recognition import FileClassifier, Reader, load_classifier
from mien.recognition.formats import files_of

PORTRAIT: Final = Path(__file__).with_name("portrait.jpg")
"""A JPEG of 640×480 with one face: NASA's portrait of Eileen Collins, in the public domain, its edges drawn out."""

FIRST_PICTURES: Final = 3
"""Processes that are started for each row; the median of their times counts."""

SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The times of one picture, and of its parts.

    Attributes:
        read: Decoding the file.
        detector: Finding the faces, with the place and angle of each.
        network: Classifying one face.
        whole: From the file to what all its faces show; with cutting them and judging their quality.
    """

    read: Timing
    detector: Timing
    network: Timing
    whole: Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """The share of faces whose label a model gives.

    Attributes:
        value: From 0 to 1.
        num_faces: How many were measured.
        data: The data set's name.
        split: Its split.
        measured_here: Whether it was measured now; else the model file says so.
    """

    value: float
    num_faces: int
    data: str
    split: str
    measured_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The share of labels that a model file has in common with the one that it was made from, as it notes itself.

    Attributes:
        value: From 0 to 1, by the reading of the two that agrees less.
        num_faces: How many were compared.
        data: The data set's name, or "made pictures".
    """

    value: float
    num_faces: int
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model with one detector.

    Attributes:
        model, detector: As they were given; of a model that was converted, with "as" and the format.
        kilobytes: Size of the model file, with those that belong to it.
        num_parameters: Of the network.
        stages: Times by the number of threads.
        first_picture_seconds: From starting Python to the faces of a first picture, on one thread.
        peak_megabytes: The most memory of that process; None where the system does not say.
        accuracy: None of a model file that notes none.
        agreement: None of a model file that notes none, as one that was not made from another one.
    """

    model: str
    detector: str
    kilobytes: float
    num_parameters: int
    stages: Mapping[int, Stages]
    first_picture_seconds: float
    peak_megabytes: float | None
    accuracy: Accuracy | None
    agreement: Agreement | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """What was measured.

    Attributes:
        machine: Where.
        provider: What ran the networks in ONNX files.
        picture: The picture's name.
        size: Its width and height, in pixels.
        num_faces: The faces that each detector finds in it.
        rounds: How many rounds of calls were made after the warm-up.
        share: The share of the time on one thread in which mien had the processor; less than 1 where something else
            used it.
        rows: Every model with every detector, the models in their order.
        advice: What follows for a user, a sentence each.
        mien: The version.
    """

    machine: Machine
    provider: str
    picture: str
    size: tuple[int, int]
    num_faces: Mapping[str, int]
    rounds: int
    share: float
    rows: tuple[Row, ...]
    advice: tuple[str, ...]
    mien: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def benchmark(
    models: Sequence[str | Path] = (DEFAULT_MODEL,),
    detectors: Sequence[str] = (DEFAULT_DETECTOR,),
    *,
    formats: Sequence[str] = (),
    provider: str | None = None,
    picture: Path | None = None,
    data: Path | None = None,
    split: str = "val",
    at_least: float | None = None,
    seconds: float = SECONDS,
    least_rounds: int = LEAST_ROUNDS,
    watch: Callable[[str], None] = lambda doing: None,
) -> Benchmark:
    """Measure models with detectors on this machine: times on one thread and on all cores, memory and accuracy.

        >>> measured = benchmark(["mini-xception"], seconds=0.5)
        >>> measured.rows[0].stages[1].whole.p50 > 0
        True

    Everything that is compared takes turns, round after round, so that another program slows all of it alike; warm-up
    rounds are not counted. Memory and the time to a first picture are those of new processes.

    Args:
        models: Shipped models' names and model files.
        detectors: Names of detectors, as `load_detector` takes them.
        formats: Formats of `mien export`: each model is measured in each of them, too, which needs the extra `train`.
            Converted files are calibrated on the data, if there are some, and measured however few labels agree.
        provider: What runs the networks, which are in ONNX files then; see `Analyzer`. None for the processor.
        picture: A picture with a face; None for a portrait of 640×480 that comes with mien.
        data: A data set to measure the accuracy on; without, what each file notes is given.
        split: The data set's split.
        at_least: The accuracy on the data, from 0 to 1, below which the advice takes no model; None for any.
        seconds: How long to measure the times of all together; at least `least_rounds` rounds are made.
        least_rounds: See there.
        watch: Is told what is being done, in a few words.

    Raises:
        ModelError, DataError, PictureError: A model, the data or the picture cannot be read.
        InvalidInput: A detector, a format or a provider is unknown, a provider does not run a format, or a detector
            finds no face in the picture.
        ExportError, MissingExtra: A model cannot be converted.
    """
    with TemporaryDirectory() as folder:
        content = _content(picture or PORTRAIT)
        watch("loading the models")
        files = dict(candidates(models, formats, data, Path(folder), provider))
        machine = this_machine()
        bench = _Bench(content, files, list(dict.fromkeys(detectors)), sorted({1, machine.cores}), provider)
        watch("measuring times")
        samples, share = bench.run(seconds, least_rounds)
        watch("measuring accuracy")
        correct = {name: _correct(bench.models[name, 1].network, data, split) for name in files} if data else {}
        rows = []
        for name, file in files.items():
            for detector in bench.detectors:
                watch(f"starting {name} with {detector}")
                firsts = [first_picture(file, detector, content, provider) for _ in range(FIRST_PICTURES)]
                accuracy = correct[name][0] if data else _noted(bench.models[name, 1].network)
                rows.append(bench.row(name, detector, samples, firsts, accuracy))
    answers = {name: answers for name, (_, answers) in correct.items()}
    findings = Findings([*files], [*bench.detectors], bench.threads, samples, share, answers, at_least)
    height, width = bench.image.shape[:2]
    return Benchmark(
        machine=machine,
        provider=provider or "cpu",
        picture=picture.name if picture else PORTRAIT.name,
        size=(width, height),
        num_faces=bench.num_faces,
        rounds=len(next(iter(samples.values()))),
        share=share,
        rows=tuple(rows),
        advice=tuple(advise(findings)),
        mien=mien.__version__,
    )


class _Bench:
    """Every model and detector, ready to run on each number of threads."""

    def __init__(
        self,
        content: bytes,
        files: Mapping[str, str | Path],
        detectors: Sequence[str],
        threads: Sequence[int],
        provider: str | None,
    ) -> None:
        self.content, self.image, self.threads = content, read_image(content), threads
        self.models = {
            (name, num): Reader(load_classifier(file, num_threads=num, provider=provider))
            for name, file in files.items()
            for num in threads
        }
        self.detectors = {name: {num: load_detector(name, num_threads=num) for num in threads} for name in detectors}
        self.num_faces, self.crops = {}, {}
        for name, made in self.detectors.items():
            found = detect(made[1], self.image)
            self.num_faces[name] = len(found)
            if not found:
                raise InvalidInput(f"{name} finds no face in the picture; name one with a face, as --picture FILE")
            self.crops[name] = found[0].region

    def run(self, seconds: float, least: int) -> tuple[dict[Call, Samples], float]:
        """As `take_turns`, of every call; one thread comes first."""
        with _opencv_threads_kept():
            groups = [(partial(cv2.setNumThreads, num), self._calls(num)) for num in self.threads]
            return take_turns(groups, seconds, least=least)

    def _calls(self, num: int) -> dict[Call, Callable[[], object]]:
        """Every call on so many threads; one that uses them all comes first."""
        calls: dict[Call, Callable[[], object]] = {}
        for name, made in self.detectors.items():
            detector = made[num]
            for (model, threads), reader in self.models.items():
                if threads == num:
                    analyzer = Analyzer(reader, detector)
                    calls[Call("whole", num, model, name)] = partial(analyzer, self.content)
                    face = crop_face(self.image, self.crops[name], reader.input_size)[None]
                    calls[Call("network", num, model)] = partial(reader.read, face)
            calls[Call("detector", num, detector=name)] = partial(detect, detector, self.image)
        calls[Call("read", num)] = partial(read_image, self.content)
        return calls

    def row(
        self,
        model: str,
        detector: str,
        samples: Mapping[Call, Samples],
        firsts: Sequence[tuple[float, float | None]],
        accuracy: Accuracy | None,
    ) -> Row:
        """One row of what was measured."""
        network = self.models[model, 1].network
        memory = [megabytes for _, megabytes in firsts if megabytes is not None]
        return Row(
            model=model,
            detector=detector,
            kilobytes=sum(each.stat().st_size for each in files_of(network.path)) / 1024,
            num_parameters=network.info.num_parameters,
            stages={
                num: Stages(
                    read=timing(samples[Call("read", num)]),
                    detector=timing(samples[Call("detector", num, detector=detector)]),
                    network=timing(samples[Call("network", num, model)]),
                    whole=timing(samples[Call("whole", num, model, detector)]),
                )
                for num in self.threads
            },
            first_picture_seconds=statistics.median(seconds for seconds, _ in firsts),
            peak_megabytes=max(memory, default=None),
            accuracy=accuracy,
            agreement=_agreement(network),
        )


def _content(picture: Path) -> bytes:
    try:
        return picture.read_bytes()
    except OSError as error:
        raise InvalidInput(reason(error)) from error


@contextmanager
def _opencv_threads_kept() -> Iterator[None]:
    before = cv2.getNumThreads()
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _correct(network: FileClassifier, data: Path, split: str) -> tuple[Accuracy, NDArray[np.bool_]]:
    """A model's accuracy on a split, and whether it is right about each face."""
    faces = load_for(network.info, data, split=split)
    chosen = resized(faces.split(split), network.input_size)
    answers = network(chosen.faces).argmax(axis=1) == class_indices(chosen, network.labels)
    accuracy = Accuracy(
        value=float(answers.mean()), num_faces=len(answers), data=faces.name, split=split, measured_here=True
    )
    return accuracy, answers


def _noted(network: FileClassifier) -> Accuracy | None:
    """The accuracy that a model file notes of itself."""
    measured, trained_on = network.info.measured, network.info.trained_on
    value, num = measured.get("accuracy"), measured.get("num_faces")
    if not isinstance(value, float) or not isinstance(num, int):
        return None
    data, split = (str(each) for each in (trained_on.get("name", "?"), measured.get("split", "?")))
    return Accuracy(value=value, num_faces=num, data=data, split=split, measured_here=False)


def _agreement(network: FileClassifier) -> Agreement | None:
    """What a model file notes of the labels that it has in common with the one that it was made from."""
    parity = network.info.parity
    values, num = [parity.get(name) for name in ("agreement", "people_agreement")], parity.get("num_faces")
    shares = [value for value in values if isinstance(value, float)]
    if not shares or not isinstance(num, int):
        return None
    return Agreement(value=min(shares), num_faces=num, data=str(parity.get("faces", "?")))
