"""The model files that are compared: those that were given, and each of them in other formats."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mien.errors import InvalidInput
from mien.evaluation import load_for
from mien.recognition import OnnxClassifier, load_classifier, model_file
from mien.recognition.formats import FORMATS


def candidates(
    models: Sequence[str | Path], formats: Sequence[str], data: Path | None, folder: Path, provider: str | None = None
) -> Iterator[tuple[str, str | Path]]:
    """Each model's name in the table, with the name or the file that `load_classifier` takes.

    Args:
        models: Shipped models' names and model files.
        formats: Keys of `FORMATS`; each model is converted into each of them, too.
        data: The data set on whose validation split converted files are calibrated; None to leave them as they are.
        folder: Where converted files are written.
        provider: What is to run them; see `load_classifier`.

    Raises:
        InvalidInput: There is no such format, it cannot be had without data, or the provider does not run it.
        ExportError: The format cannot hold the network.
        MissingExtra: What writes or runs the format is not installed.
    """
    unknown = [form for form in formats if form not in FORMATS]
    if unknown:
        raise InvalidInput(f"a format is one of {', '.join(FORMATS)}; got {unknown[0]!r}")
    own_runtime = [form for form in formats if FORMATS[form].opener is not OnnxClassifier]
    if provider and own_runtime:
        raise InvalidInput(
            f"provider {provider} runs ONNX files, and the format {own_runtime[0]} has a runtime of its own; leave out "
            "one of the two"
        )
    for number, model in enumerate(models):
        yield str(model), model
        for form in formats:
            from mien.shipping.finish import finish

            info = load_classifier(model).info
            # In a folder of its own: two files may call their networks the same.
            written = folder / str(number) / form / f"{info.name}{FORMATS[form].suffix}"
            written.parent.mkdir(parents=True)
            # However few labels agree: what they are worth is what is asked here.
            faces = load_for(info, data) if data else None
            finish(model_file(model), written, faces=faces, form=form, least_agreement=0)
            yield f"{model} as {form}", written
