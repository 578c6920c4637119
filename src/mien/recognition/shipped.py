"""The models that come with mien."""

import difflib
from pathlib import Path

from mien.errors import ModelError
from mien.recognition.classifier import OnnxClassifier

WEIGHTS = Path(__file__).parent / "weights"  # of each shipped model a model file, and a model card in Markdown


def shipped_models() -> dict[str, Path]:
    """The files of the shipped models by name."""
    return {path.stem: path for path in sorted(WEIGHTS.glob("*.onnx"))}


def list_models() -> list[str]:
    """The names of the shipped models.

    >>> "rep-small" in list_models()
    True
    """
    return list(shipped_models())


def load_classifier(model: str | Path) -> OnnxClassifier:
    """A classifier by the name of a shipped model, or from a file that `mien export` wrote.

        >>> load_classifier("rep-small").labels[3]
        'happy'

    Raises:
        ModelError: There is no such model, or the file is damaged or not one of mien's; the message lists the
            shipped ones.
    """
    shipped = shipped_models()
    if str(model) in shipped:
        return OnnxClassifier(shipped[str(model)])
    path = Path(model)
    if path.suffix == ".onnx" or path.exists():
        return OnnxClassifier(path)
    near = difflib.get_close_matches(str(model), shipped, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ModelError(
        f"unknown model {str(model)!r}: {hint}Shipped are: {', '.join(shipped) or 'none'}; or give a file that "
        "`mien export` wrote (NAME.onnx)"
    )
