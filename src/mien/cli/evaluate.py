"""mien evaluate: the scores of a model on a data set."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import typer

import mien
from mien.cli.asking import MaxError, Prior, ProviderName, Sets, Views, naming_model, parse_prior
from mien.cli.console import JsonFile, LeaveOut, err, is_json, note, show
from mien.cli.evaluation_tables import tables_of
from mien.data import FaceSet, read_groups, resized
from mien.errors import InvalidInput, MissingExtra, ModelError
from mien.evaluation import evaluate as evaluate_classifier
from mien.evaluation import load_for
from mien.evaluation.explanations import Explained, evaluate_explanations, explained_by
from mien.files import check_outputs, replacing
from mien.recognition import FileClassifier, Reader, load_classifier, model_file
from mien.report import evaluation_page
from mien.report.html import PAGE_SUFFIXES

SHUFFLED: Final = (0.25, 0.5, 1.0)  # shares of the layers, the last ones first, whose weights are shuffled


def evaluate(
    model: Annotated[str, typer.Argument(help="A shipped model's name, or a file that `mien export` wrote.")],
    data: Annotated[Path, typer.Option(help="fer2013.csv, or a folder of emotion folders.")],
    split: Annotated[
        str, typer.Option(help="Training, PublicTest or PrivateTest; or train, val, test.")
    ] = "PublicTest",
    prior: Prior = None,
    max_error: MaxError = None,
    sets: Sets = None,
    views: Views = 1,
    flip: Annotated[bool, typer.Option("--flip", help="The same as --views 2.")] = False,
    provider: ProviderName = None,
    groups: Annotated[Path | None, typer.Option(
        help="A CSV with a column file or subject, and a column for each attribute: score each group, and look for "
        "gaps between groups.", metavar="FILE")] = None,
    light: Annotated[bool, typer.Option("--light", help="Score the same faces in other light, too.")] = False,
    reading: Annotated[str | None, typer.Option(
        help="Whose answers --groups and --light score: people's, against the majority of FER+'s votes where the data "
        "have them; or fer2013's, against the labels.", show_default="fer2013")] = None,
    explanations: Annotated[bool, typer.Option(
        "--explanations", help="Measure the evidence maps too, on 300 faces of the split: some minutes.")] = False,
    leave_out: LeaveOut = None,
    report: Annotated[Path | None, typer.Option(
        help="Write the scores as a page for a browser.", metavar="FILE")] = None,
    json_file: JsonFile = None,
) -> None:  # fmt: skip
    inputs = [Path(model), data, *(path for path in (leave_out, groups) if path)]
    if reading and not (groups or light):
        raise typer.BadParameter(
            "it says whose answers --groups and --light score: name one of them. The other scores are those of "
            "FER2013's reading, with people's beside it where the data have votes", param_hint="--reading",
        )  # fmt: skip
    if report and report.suffix.lower() not in PAGE_SUFFIXES:
        raise typer.BadParameter(
            f"expected a file that ends in {', '.join(PAGE_SUFFIXES)}; got {report}", param_hint="--report"
        )
    outputs = {"--json": json_file, "--report": report}
    check_outputs(outputs, inputs=inputs, may_replace={"--json": is_json, "--report": _is_page})
    with naming_model("MODEL"):
        classifier = load_classifier(model, provider=provider)
    whole = load_for(classifier.info, data, split=split)
    faces = load_for(classifier.info, data, split=split, leave_out=leave_out) if leave_out else whole
    table_of_groups = read_groups(groups, whole) if groups else None
    with err.status("scoring the same faces in other light" if light else "scoring"), _naming_options():
        scores = evaluate_classifier(
            classifier, faces, split, views=max(views, 1 + flip), whole=whole, prior=parse_prior(prior),
            max_error=max_error, sets=sets, groups=table_of_groups, light=light, reading=reading,
        )  # fmt: skip
    result = {
        "model": classifier.info.name,
        **scores,
        "explanations": _explanations(classifier, model_file(model), faces.split(split)) if explanations else None,
        "left_out": leave_out and leave_out.name,
        "num_parameters": classifier.info.num_parameters,
        "trained_by": {"commit": classifier.info.commit, "recipe": classifier.info.recipe},
        "mien": mien.__version__,
    }
    show(result, json_file, *tables_of(result))
    if report:
        with replacing(report) as partial:
            partial.write_text(evaluation_page.render(result), encoding="utf-8")
        note(f"wrote {report}")


@contextmanager
def _naming_options() -> Iterator[None]:
    """What cannot be accepted of --max-error and --sets ends the command with status 2."""
    try:
        yield
    except InvalidInput as error:
        option = next((name for name in ("max_error", "sets") if str(error).startswith(name)), None)
        if option is None:
            raise
        raise typer.BadParameter(str(error), param_hint="--" + option.replace("_", "-")) from error


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(re.match(evaluation_page.EVALUATION_TITLE, file.read(20_000)))


def _explanations(classifier: FileClassifier, file: Path, faces: FaceSet) -> dict[str, Any]:
    """The measures of a model's maps, by the reading that `mien analyze` uses."""
    reader = Reader(classifier)
    with TemporaryDirectory() as folder:
        measured = evaluate_explanations(
            explained_by(reader), reader.labels, resized(faces, reader.input_size).faces,
            randomized=_shuffled(file, Path(folder)),
        )  # fmt: skip
    return {"reading": reader.reading, **measured}


def _shuffled(file: Path, folder: Path) -> dict[str, Explained]:
    """Copies of a model file with shuffled weights, by which of its layers; none where they cannot be made."""
    try:
        if file.suffix != ".onnx":
            raise ModelError(f"that needs a model in ONNX, and {file.name} is none")
        from mien.shipping.shuffle import shuffle_weights

        copies = {share: shuffle_weights(file, folder / f"{share}.onnx", share=share) for share in SHUFFLED}
        return {f"{share:.0%} of the layers": explained_by(Reader(copy)) for share, copy in copies.items()}
    except (MissingExtra, ModelError) as error:
        note(f"maps are not compared with those of shuffled weights: {error}")
        return {}
