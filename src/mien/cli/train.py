"""mien train: a recipe and data in, models out."""

import os
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import mien
from mien.cli.console import complain, err, note, tell, warn
from mien.files import check_outputs

if TYPE_CHECKING:
    from mien.training import Epoch, Event, Recipe, Start, Step

# Asked of the folder, as importing `mien.training` takes seconds, and the extra.
_NAMES = sorted(path.stem for path in (Path(mien.__file__).parent / "training" / "recipes").glob("*.toml"))


SECONDS_A_LINE: Final = 30  # seconds without a word after which a training without a terminal says how far it is


def train(
    words: Annotated[list[Path], typer.Argument(
        metavar="RECIPE", help=f"{', '.join(_NAMES)}; or a TOML file. With --compare, the folders of runs.")],
    data: Annotated[Path | None, typer.Option(help="fer2013.csv, or a folder of emotion folders.")] = None,
    folder: Annotated[Path | None, typer.Option(
        "--out", help="The run's folder; runs/RECIPE-DATE-TIME when left out.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")] = False,
    settings: Annotated[list[str], typer.Option(
        "--set", metavar="KEY=VALUE", help="Changes the recipe; may be repeated. With other epochs, warmup_epochs and "
        "plain_epochs change in proportion.")] = [],  # noqa: B006 - typer copies it
    seed: Annotated[int | None, typer.Option(help="Short for --set seed=…")] = None,
    fold: Annotated[str | None, typer.Option(metavar="K/N", help="Leave out the K-th of N parts, from 1.")] = None,
    init: Annotated[str | None, typer.Option(
        help="Begin with the weights of a shipped model, a model file, a run or a kept model.")] = None,
    teachers: Annotated[list[Path], typer.Option(
        "--teacher", help="A run or kept model to learn from; may be repeated.")] = [],  # noqa: B006
    leave_out: Annotated[Path | None, typer.Option(
        help="A CSV of `mien data audit`: train without the faces that it names.")] = None,
    own_classes: Annotated[bool, typer.Option(
        "--own-classes", help="The data's folders are classes of any names, not emotions.")] = False,
    val_share: Annotated[float | None, typer.Option(
        min=0.01, max=0.9, help="Hold out about this share, for data without a validation split.")] = None,
    threads: Annotated[int | None, typer.Option(
        min=1, help="Threads of the processor; all when left out. Fewer if it has other work.")] = None,
    compiled: Annotated[bool, typer.Option(
        "--compile", help="Let torch compile the network first: worth it on a GPU only.")] = False,
    checkpoint_seconds: Annotated[float, typer.Option(
        min=0, help="Epochs shorter than this share a checkpoint.")] = 10,
    compare: Annotated[bool, typer.Option(
        "--compare", help="Draw the curves of runs over each other in --out (.svg, .png, .pdf) instead.")] = False,
) -> None:  # fmt: skip
    if compare:
        _compare(words, folder or Path("comparison.svg"))
        return
    if len(words) != 1:
        raise typer.BadParameter(f"one recipe is trained at a time; got {len(words)}", param_hint="RECIPE")
    if data is None:
        raise typer.BadParameter("name what to train on", param_hint="--data")
    if folder is None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise typer.BadParameter("name the folder that all processes share", param_hint="--out")
    if resume and folder is None:
        raise typer.BadParameter("name the run to go on with by --out", param_hint="--resume")
    short = ([] if seed is None else [f"seed={seed}"]) + ([] if fold is None else _fold_settings(fold))
    from mien.data import hold_out, load
    from mien.training import load_initial, read_recipe, train
    from mien.training.distributed import end_process
    from mien.training.loop import use_threads
    from mien.training.recipe import overridden
    from mien.training.run import Run

    if threads:
        use_threads(threads)
    recipe = read_recipe(words[0])
    if settings or short:
        recipe = overridden(recipe, [*settings, *short])
    faces = load(data, size=recipe.image_size, leave_out=leave_out, own_classes=own_classes)
    if val_share:
        faces = hold_out(faces, val_share)
    folder = folder or Path("runs") / f"{words[0].stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    if resume and not Run(folder).about.exists():
        note(f"{folder} holds no training to go on with; one begins there")
    initial = load_initial(init) if init else None
    events = train(recipe, faces, folder, resume=resume, initial=initial, teachers=teachers, compiled=compiled,
                   seconds_a_checkpoint=checkpoint_seconds)  # fmt: skip
    try:
        _show(events, recipe, folder, data, has_votes=faces.votes is not None)
    except KeyboardInterrupt:
        if Run(folder).checkpoint.exists():
            complain(f"interrupted; {folder} holds what was done until its last checkpoint, and --resume goes on")
        raise
    end_process()


def _fold_settings(text: str) -> list[str]:
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise typer.BadParameter(f"expected K/N with K from 1 to N, as in 2/5; got {text[:80]}", param_hint="--fold")
    return [f"folds={found[2]}", f"fold={int(found[1]) - 1}"]


def _show(events: "Iterator[Event]", recipe: "Recipe", folder: Path, data: Path, *, has_votes: bool) -> None:
    from mien.training import Epoch, Start, Step
    from mien.training.advice import advice_after
    from mien.training.distributed import is_leader
    from mien.training.run import Run

    if not is_leader():
        list(events)
        return
    run, begun, reported = Run(folder), None, 0.0
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"), TimeRemainingColumn()
    with Progress(*columns, console=err, transient=True) as progress:
        bar = progress.add_task("preparing", total=None, figures="")
        for event in events:
            match event:
                case Start():
                    begun = event
                    progress.stop()  # a line on standard output, beside the bar on standard error, would break it
                    _announce(event, recipe, folder, data, has_votes=has_votes)
                    progress.console.print(f"watch it: {run.page}", markup=False, soft_wrap=True)
                    progress.start()
                    reported = time.monotonic()
                case Step():
                    progress.update(
                        bar,
                        description=f"epoch {event.epoch} of {recipe.epochs}",
                        total=recipe.epochs * event.num_steps,
                        completed=(event.epoch - 1) * event.num_steps + event.step,
                        figures=f"loss {event.loss:.4f} accuracy {event.accuracy:.1%}",
                    )
                    if not err.is_terminal and time.monotonic() - reported >= SECONDS_A_LINE:
                        progress.console.print(_step_line(event), markup=False, soft_wrap=True)
                        reported = time.monotonic()
                case Epoch():
                    progress.console.print(_line(event), markup=False, soft_wrap=True)
                    reported = time.monotonic()
    tell(f"page: {run.page}")
    if run.kept_models():
        tell(f"best: {run.best_model()}")
    if begun and (advice := advice_after(recipe, begun, run.epochs())):
        warn(advice)
    elif run.kept_models():
        tell(f"ship it with: mien export {shlex.quote(str(folder))} --data {shlex.quote(str(data))}")


def _announce(start: "Start", recipe: "Recipe", folder: Path, data: Path, *, has_votes: bool) -> None:
    from mien.training.advice import advice_before

    if recipe.votes_weight and not has_votes:
        err.print("[yellow]note:[/]", end=" ")
        note(
            f"{data} comes without FER+ votes (fer2013new.csv beside it), so the recipe's second "
            "loss is off; expect a little less accuracy."
        )
    num_faces = f"{start.num_train:,} faces, {start.num_val:,} to validate on"
    advice = advice_before(recipe, start)
    if advice:
        warn(advice)
    tell(f"training {recipe.architecture} on {data} in {folder}: {num_faces}")


def _step_line(step: "Step") -> str:
    return (
        f"epoch {step.epoch:3d}, {step.step:,} of {step.num_steps:,} steps  "
        f"loss {step.loss:.4f} accuracy {step.accuracy:.1%}"
    )


def _line(epoch: "Epoch") -> str:
    kept = f"  kept {epoch.kept}" if epoch.kept else ""
    return (
        f"epoch {epoch.epoch:3d}  train loss {epoch.train_loss:.4f} accuracy {epoch.train_accuracy:.1%}  "
        f"val loss {epoch.val_loss:.4f} accuracy {epoch.val_accuracy:.1%}  {epoch.seconds:.0f} s{kept}"
    )


def _compare(folders: list[Path], file: Path) -> None:
    from mien.cli.runs import table_of
    from mien.report.plots import is_plot, plot_curves
    from mien.training.run import Run, summary

    check_outputs({"--out": file}, may_replace={"--out": is_plot})
    found = [Run(folder) for folder in folders]
    err.print(table_of([summary(run) for run in found]))
    plot_curves({str(run.folder): run.epochs() for run in found}, file)
    tell(f"wrote {file}")
