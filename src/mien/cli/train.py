"""mien train: a recipe and data in, models out."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mien.cli.console import err, tell


def train(
    recipe: Annotated[Path, typer.Argument(help="A TOML file; recipes/ holds those of the shipped models.")],
    data: Annotated[Path, typer.Option(help="fer2013.csv, or a folder of emotion folders.")],
    folder: Annotated[
        Path | None, typer.Option("--out", help="The run's folder; runs/RECIPE-DATE-TIME when left out.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")] = False,
    leave_out: Annotated[
        Path | None, typer.Option(help="A CSV of `mien data audit`: train without the faces it names.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="In place of the recipe's.")] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Of the processor; all when left out. Fewer if it has other work."),
    ] = None,
) -> None:
    """Train a network; models are kept whenever the validation loss falls."""
    from mien.data import load
    from mien.training.loop import Epoch, train, use_threads
    from mien.training.recipe import parse_recipe, read_recipe, recipe_table

    if resume and folder is None:
        raise typer.BadParameter("name the run to go on with by --out", param_hint="--resume")
    if threads:
        use_threads(threads)
    what = read_recipe(recipe)
    if seed is not None:
        what = parse_recipe(recipe_table(what) | {"seed": seed}, "--seed")
    faces = load(data, size=what.image_size, leave_out=leave_out)
    if what.votes_weight and faces.votes is None:
        err.print("[yellow]note:[/]", end=" ")
        err.print(
            f"{data} comes without FER+ votes (fer2013new.csv beside it), so the recipe's second "
            "loss is off; expect a little less accuracy.",
            markup=False,
            soft_wrap=True,
        )
    folder = folder or Path("runs") / f"{recipe.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    tell(f"training {what.architecture} on {data} in {folder}")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("loss {task.fields[loss]:.4f} accuracy {task.fields[accuracy]:.3f}"),
        TimeRemainingColumn(),
    )
    best = None
    with Progress(*columns, console=err, transient=True) as progress:
        bar = progress.add_task("", total=None, loss=float("nan"), accuracy=float("nan"))
        for event in train(what, faces, folder, resume=resume):
            if isinstance(event, Epoch):
                best = event if event.kept else best
                mark = f"  kept {event.kept}" if event.kept else ""
                progress.console.print(
                    f"epoch {event.epoch:3d}  train {event.train_loss:.4f} {event.train_accuracy:.4f}  "
                    f"val {event.val_loss:.4f} {event.val_accuracy:.4f}  {event.seconds:.0f} s{mark}",
                    markup=False,
                    soft_wrap=True,
                )
            else:
                progress.update(
                    bar,
                    description=f"epoch {event.epoch} of {what.epochs}",
                    total=what.epochs * event.num_steps,
                    completed=(event.epoch - 1) * event.num_steps + event.step,
                    loss=event.loss,
                    accuracy=event.accuracy,
                )
    if best:
        tell(f"best: {folder / 'models' / str(best.kept)}")
        tell(f"ship it with: mien export {folder}")
