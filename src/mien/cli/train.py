"""mien train: a recipe and data in, models out."""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mien.cli.console import err, tell

if TYPE_CHECKING:
    from mien.data import FaceSet
    from mien.training.loop import Epoch, Step
    from mien.training.recipe import Recipe


def train(
    words: Annotated[
        list[Path], typer.Argument(metavar="RECIPE", help="A TOML file (recipes/ holds some); with --compare, runs.")
    ],
    data: Annotated[Path | None, typer.Option(help="fer2013.csv, or a folder of emotion folders.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="The run's folder; runs/RECIPE-DATE-TIME when left out.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")] = False,
    settings: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="In place of the recipe's; may be repeated. With other epochs, warmup_epochs and "
            "plain_epochs change in proportion.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    seed: Annotated[int | None, typer.Option(help="Short for --set seed=…")] = None,
    fold: Annotated[str | None, typer.Option(metavar="K/N", help="Leave out the K-th of N parts, from 1.")] = None,
    init: Annotated[
        str | None, typer.Option(help="Begin with the weights of a shipped model, a model file, a run or a kept model.")
    ] = None,
    teachers: Annotated[
        list[Path], typer.Option("--teacher", help="A run or kept model to learn from; may be repeated.")
    ] = [],  # noqa: B006
    leave_out: Annotated[
        Path | None, typer.Option(help="A CSV of `mien data audit`: train without the faces it names.")
    ] = None,
    own_classes: Annotated[
        bool, typer.Option("--own-classes", help="The data's folders are classes of any names, not emotions.")
    ] = False,
    val_share: Annotated[
        float | None,
        typer.Option(min=0.01, max=0.9, help="Hold out about this share, for data without a validation split."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Of the processor; all when left out. Fewer if it has other work."),
    ] = None,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Let torch compile the network first: worth it on a GPU only.")
    ] = False,
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="Epochs shorter than this share a checkpoint.")] = 10,
    compare: Annotated[
        bool, typer.Option("--compare", help="Lay runs over each other in --out (.svg, .png, .pdf) instead.")
    ] = False,
) -> None:
    """Train a network; models are kept whenever the validation loss falls."""
    if compare:
        _compare(words, folder or Path("comparison.svg"))
        return
    if len(words) != 1:
        raise typer.BadParameter(f"one recipe is trained at a time; got {len(words)}", param_hint="RECIPE")
    if data is None:
        raise typer.BadParameter("name what to train on", param_hint="--data")
    if resume and folder is None:
        raise typer.BadParameter("name the run to go on with by --out", param_hint="--resume")
    from mien.data import hold_out, load
    from mien.training.initial import load_initial
    from mien.training.loop import train, use_threads
    from mien.training.overrides import overridden
    from mien.training.recipe import read_recipe

    if threads:
        use_threads(threads)
    recipe = read_recipe(words[0])
    short = ([] if seed is None else [f"seed={seed}"]) + ([] if fold is None else _fold_settings(fold))
    if settings or short:
        recipe = overridden(recipe, [*settings, *short])
    faces = load(data, size=recipe.image_size, leave_out=leave_out, own_classes=own_classes)
    if val_share:
        faces = hold_out(faces, val_share)
    folder = folder or Path("runs") / f"{words[0].stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    initial = load_initial(init) if init else None
    events = train(recipe, faces, folder, resume=resume, initial=initial, teachers=teachers, compiled=compiled,
                   seconds_a_checkpoint=checkpoint_seconds)  # fmt: skip
    _watch(events, recipe, faces, folder, data)


def _fold_settings(text: str) -> list[str]:
    number, _, total = text.partition("/")
    if not (number.isdigit() and total.isdigit() and 1 <= int(number) <= int(total)):
        raise typer.BadParameter(f"expected K/N with K from 1 to N, as in 2/5; got {text}", param_hint="--fold")
    return [f"folds={total}", f"fold={int(number) - 1}"]


def _watch(events: "Iterable[Step | Epoch]", recipe: "Recipe", faces: "FaceSet", folder: Path, data: Path) -> None:
    """Tell how a training goes: on the screen, in the run's page, and in TensorBoard if it is there."""
    from mien.training.distributed import is_leader
    from mien.training.loop import Epoch
    from mien.training.page import refresh_page
    from mien.training.run import Run
    from mien.training.tensorboard import open_board

    if not is_leader():
        for _ in events:
            pass
        return
    if recipe.votes_weight and faces.votes is None:
        err.print("[yellow]note:[/]", end=" ")
        err.print(
            f"{data} comes without FER+ votes (fer2013new.csv beside it), so the recipe's second "
            "loss is off; expect a little less accuracy.",
            markup=False,
            soft_wrap=True,
        )
    num_faces, num_held = (int((faces.splits == split).sum()) for split in ("train", "val"))
    tell(f"training {recipe.architecture} on {data} in {folder}: {num_faces:,} faces, {num_held:,} to validate on")
    best, board, refresh_at = None, None, 0.0
    with ExitStack() as stack:
        progress = stack.enter_context(_progress())
        bar = progress.add_task("", total=None, loss=float("nan"), accuracy=float("nan"))
        for event in events:
            if isinstance(event, Epoch):
                best = event if event.kept else best
                # Opened no earlier, so that a training that is refused leaves nothing in the folder.
                board = board or stack.enter_context(open_board(folder / "tensorboard", event.epoch))
                board.add(event)
                if (start := time.monotonic()) >= refresh_at:
                    page = refresh_page(Run(folder), faces, status="running")
                    # On a GPU an epoch may be over before its page is drawn; drawing gets a twentieth of the time.
                    refresh_at = start + 20 * (time.monotonic() - start)
                    if event.epoch == 1:
                        progress.console.print(f"watch it: {page}", markup=False, soft_wrap=True)
                progress.console.print(_line(event), markup=False, soft_wrap=True)
            else:
                progress.update(
                    bar,
                    description=f"epoch {event.epoch} of {recipe.epochs}",
                    total=recipe.epochs * event.num_steps,
                    completed=(event.epoch - 1) * event.num_steps + event.step,
                    loss=event.loss,
                    accuracy=event.accuracy,
                )
    tell(f"page: {refresh_page(Run(folder), faces, status='finished')}")
    if best:
        tell(f"best: {folder / 'models' / str(best.kept)}")
        tell(f"ship it with: mien export {folder}")


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("loss {task.fields[loss]:.4f} accuracy {task.fields[accuracy]:.1%}"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=err, transient=True)


def _line(epoch: "Epoch") -> str:
    kept = f"  kept {epoch.kept}" if epoch.kept else ""
    return (
        f"epoch {epoch.epoch:3d}  train loss {epoch.train_loss:.4f} accuracy {epoch.train_accuracy:.1%}  "
        f"val loss {epoch.val_loss:.4f} accuracy {epoch.val_accuracy:.1%}  {epoch.seconds:.0f} s{kept}"
    )


def _compare(folders: list[Path], file: Path) -> None:
    """Print the best of each run, and draw the curves of all."""
    from mien.cli.runs import table_of
    from mien.report.curves import plot_curves
    from mien.training.run import Run, summary

    found = [Run(folder) for folder in folders]
    err.print(table_of([summary(run) for run in found]))
    plot_curves({str(run.folder): run.epochs() for run in found}, file)
    tell(f"wrote {file}")
