"""The models that come with mien, and those that are packages of their own."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from mien.errors import InvalidInput, MissingExtra, ModelError, did_you_mean
from mien.installation import OWN_PACKAGES
from mien.recognition.classifier import FileClassifier, OnnxClassifier
from mien.recognition.formats import SUFFIXES, opener_of

WEIGHTS: Final = Path(__file__).parent / "weights"
"""Of each model in mien's own package a model file, and a model card in Markdown."""

CLONE: Final = Path(__file__).parents[3]
"""The clone, where mien runs from one."""


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model in a package of its own, as its file is larger than all else in mien's.

    Attributes:
        name: Its name.
        extra: The extra of mien that brings the package.
        module: The module that holds the file, and nothing that runs.
        sha256: The SHA-256 of the file, in hexadecimal.
    """

    name: str
    extra: str
    module: str
    sha256: str

    def file(self) -> Path | None:
        """The file in the clone or, with the right content, in the installed package; None if it is in neither."""
        cloned = CLONE / OWN_PACKAGES[self.extra] / f"{self.name}.onnx"
        return cloned if cloned.is_file() else next(filter(self._is_right, self._installed()), None)

    def _installed(self) -> Iterator[Path]:
        spec = find_spec(self.module)  # finds the package without running any of its code
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(folder) / f"{self.name}.onnx"

    def _is_right(self, path: Path) -> bool:
        return path.is_file() and _sha256(path) == self.sha256


ENSEMBLE: Final = PackagedModel(
    name="ensemble",
    extra="ensemble",
    module="mien_ensemble",
    sha256="78ee141bef190f9b3874d6f0639cbc96ce50277eccc22dddbbff43ac61fab68e",
)
"""8.2 MB, and the most accurate: for those who can wait for it."""

GELU: Final = PackagedModel(
    name="gelu-cnn",
    extra="gelu",
    module="mien_gelu_cnn",
    sha256="38454145f0801f51a0926c15acf91eec04b337475a7cf8c9c215dbd3351c5d3e",
)
"""5.3 MB, and less accurate than any other: for those who learn from it."""

PACKAGED: Final = {model.name: model for model in (ENSEMBLE, GELU)}


def shipped_models() -> dict[str, Path]:
    """The files of the shipped models by name; without those whose package is not installed."""
    files = {path.stem: path for path in WEIGHTS.glob("*.onnx")}
    files |= {name: path for name, model in PACKAGED.items() if (path := model.file())}
    return dict(sorted(files.items()))


def missing_models() -> dict[str, PackagedModel]:
    """The shipped models whose package is not installed."""
    return {name: model for name, model in PACKAGED.items() if model.file() is None}


def list_models() -> list[str]:
    """The names of the shipped models that are installed.

    >>> "rep-small" in list_models()
    True
    """
    return list(shipped_models())


def model_file(model: str | Path) -> Path:
    """The file of a shipped model by its name; anything else is a path, and is returned as it is.

    Raises:
        MissingExtra: It is the name of a model in a package of its own, which is not installed.
    """
    shipped = shipped_models().get(str(model))
    if shipped is None and str(model) in PACKAGED and not Path(model).exists():
        raise MissingExtra(f"The model {model}", PACKAGED[str(model)].extra)
    return shipped or Path(model)


def load_classifier(model: str | Path, *, num_threads: int = 1, provider: str | None = None) -> FileClassifier:
    """A classifier by the name of a shipped model, or from a file that `mien export` wrote, in any of its formats.

        >>> load_classifier("rep-small").labels[3]
        'happy'

    Args:
        model: The name, or the file: `NAME.onnx`, `NAME.xml` or `NAME.ncnn.param`.
        num_threads: Processor threads for one run of the network.
        provider: What runs an ONNX file, a key of `mien.runtime.PROVIDERS`; None for the processor.

    Raises:
        ModelError: There is no such model, or the file is damaged or not one of mien's; the message lists the
            shipped ones.
        InvalidInput: The provider is unknown, this installation lacks it, or the file is not in ONNX.
        MissingExtra: What runs the file's format is not installed, or the package of the model that is one.
    """
    path = model_file(model)
    names = sorted({*shipped_models(), *PACKAGED})
    if path.is_dir() and not (path / "run.json").is_file():
        raise ModelError(
            f"{path} is a folder, and no training, as it holds no run.json; expected a model file that `mien export` "
            f"wrote, or a shipped model's name: {', '.join(names)}"
        )
    if path.is_dir() or path.suffix == ".pt":
        raise ModelError(
            f"{path} is a training or one of its kept models, and no model file: export it first, with mien export "
            f"{path} --data DATA"
        )
    opener = opener_of(path) or (OnnxClassifier if path.exists() else None)
    if opener is None:
        raise ModelError(
            f"unknown model {str(model)!r}{did_you_mean(str(model), names)} Shipped are: {', '.join(names)}; or give a "
            f"file that `mien export` wrote ({', '.join(f'NAME{suffix}' for suffix in SUFFIXES)})"
        )
    if provider is None:
        return opener(path, num_threads=num_threads)
    if opener is not OnnxClassifier:
        raise InvalidInput(f"provider {provider} runs ONNX files, and {path} has a runtime of its own; leave it out")
    return opener(path, num_threads=num_threads, provider=provider)


@cache  # a model is asked for by its name many times
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
