import dataclasses
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mien.data import FaceSet
from mien.errors import DataError, RecipeError, TrainingError
from mien.training.augmentation import Augmentation
from mien.training.events import Epoch, Start, Step
from mien.training.initial import Initial, load_initial
from mien.training.loop import check_held_out, predict, train
from mien.training.losses import Losses
from mien.training.recipe import Recipe
from mien.training.run import Run, model_name
from mien.training.trained import load_trained

RECIPE = Recipe(
    architecture="mini-xception",
    image_size=32,
    epochs=4,
    batch_size=16,
    learning_rate=0.05,
    warmup_epochs=1,
    ema_decay=0.9,
    votes_weight=0.5,
    augmentation=Augmentation(rotation=5, scale=1.1),
)
CPU = torch.device("cpu")


def finish(recipe: Recipe, faces: FaceSet, folder: Path, *, resume: bool = False) -> list[Epoch]:
    events = list(train(recipe, faces, folder, device=CPU, resume=resume))
    assert isinstance(events[0], Start)
    assert all(isinstance(event, Step | Epoch) for event in events[1:])
    return [event for event in events if isinstance(event, Epoch)]


def without_time(run: Run) -> list[dict[str, object]]:
    return [json.loads(line) | {"seconds": 0} for line in run.metrics.read_text().splitlines()]


def test_it_learns_and_keeps_what_the_issue_names(bars: FaceSet, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=12)
    epochs = finish(recipe, bars, tmp_path / "run")
    assert epochs[-1].val_accuracy > 0.8  # chance is 0.14
    best = np.inf
    for epoch in epochs:
        assert (epoch.kept is not None) == (epoch.val_loss < best)
        best = min(best, epoch.val_loss)
        if epoch.kept:
            assert epoch.kept == f"mini-xception.epoch-{epoch.epoch:03d}.accuracy-{epoch.val_accuracy:.4f}.pt"
            assert (tmp_path / "run" / "models" / epoch.kept).exists()
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    assert about["recipe"]["epochs"] == 12
    assert about["data"]["faces"] == {"train": 112, "val": 28}


def test_a_kept_model_scores_what_its_name_says(bars: FaceSet, tmp_path: Path) -> None:
    finish(RECIPE, bars, tmp_path)
    path = Run(tmp_path).best_model()
    trainee, about = load_trained(path)
    val = bars.split("val")
    accuracy = float((predict(trainee.network, val.faces, CPU).argmax(1).numpy() == val.labels).mean())
    assert accuracy == pytest.approx(about["epoch"]["val_accuracy"], abs=1e-6)
    assert f"accuracy-{accuracy:.4f}" in path.name


@pytest.mark.parametrize("stop_after", [1, 3, 4, 6, 13])
def test_a_kill_at_any_step_and_resume_gives_the_same_metrics(bars: FaceSet, tmp_path: Path, stop_after: int) -> None:
    """Three reports and a result an epoch; the generator is dropped after one of them, as a kill would drop it."""
    recipe = dataclasses.replace(RECIPE, batch_size=4)
    finish(recipe, bars, tmp_path / "whole")
    killed = train(recipe, bars, tmp_path / "killed", device=CPU)
    start = next(killed)
    assert isinstance(start, Start)
    assert (start.num_train, start.num_val, start.initialized) == (112, 28, False)
    events = [next(killed) for _ in range(stop_after)]
    assert isinstance(events[-1], Epoch if stop_after % 4 == 0 else Step)
    killed.close()  # type: ignore[attr-defined]
    finish(recipe, bars, tmp_path / "killed", resume=True)
    assert without_time(Run(tmp_path / "killed")) == without_time(Run(tmp_path / "whole"))
    names = [sorted(path.name for path in (tmp_path / run / "models").iterdir()) for run in ("whole", "killed")]
    assert names[0] == names[1]


def test_dropout_goes_on_where_it_stopped(bars: FaceSet, tmp_path: Path) -> None:
    few = bars.select(np.arange(140) % 4 == 0)
    recipe = dataclasses.replace(RECIPE, architecture="gelu-cnn", epochs=3, batch_size=8, learning_rate=1e-3)
    finish(recipe, few, tmp_path / "whole")
    killed = train(recipe, few, tmp_path / "killed", device=CPU)
    while not isinstance(next(killed), Epoch):
        pass
    killed.close()  # type: ignore[attr-defined]
    torch.rand(7)  # whatever else draws from torch's own generator
    finish(recipe, few, tmp_path / "killed", resume=True)
    assert without_time(Run(tmp_path / "killed")) == without_time(Run(tmp_path / "whole"))


@pytest.mark.parametrize(
    "settings",
    [{"sharpness": 0.05}, {"schedule": "plateau", "plateau_patience": 1}],
    ids=["sharpness", "plateau"],
)
def test_other_ways_of_training_learn_and_go_on_where_they_stopped(
    bars: FaceSet, tmp_path: Path, settings: dict[str, Any]
) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=7, warmup_epochs=0, ema_decay=0.5, **settings)
    # Validated on wrong labels, what is learned raises the loss.
    bars = dataclasses.replace(bars, labels=np.where(bars.splits == "val", (bars.labels + 1) % 7, bars.labels))
    whole = finish(recipe, bars, tmp_path / "whole")
    assert max(epoch.plain_train_accuracy for epoch in whole) > 0.4  # chance is 0.14
    killed = train(recipe, bars, tmp_path / "killed", device=CPU)
    while not (isinstance(event := next(killed), Epoch) and event.epoch == 4):
        pass
    killed.close()  # type: ignore[attr-defined]
    finish(recipe, bars, tmp_path / "killed", resume=True)
    assert without_time(Run(tmp_path / "killed")) == without_time(Run(tmp_path / "whole"))
    if "sharpness" not in settings:
        assert len({epoch.learning_rate for epoch in whole}) > 1


def test_dropout_is_scaled_where_there_is_some(bars: FaceSet, tmp_path: Path) -> None:
    few = bars.select(np.arange(140) % 4 == 0)
    recipe = dataclasses.replace(RECIPE, architecture="gelu-cnn", learning_rate=1e-8, epochs=1, warmup_epochs=0)
    usual, none = (
        finish(dataclasses.replace(recipe, dropout_scale=scale), few, tmp_path / f"{scale}")[0] for scale in (1.0, 0.0)
    )
    assert usual.train_loss != none.train_loss
    # The models kept are of one network, with one draw of weights that hardly moved.
    assert usual.val_loss == pytest.approx(none.val_loss, rel=0.01)


def test_a_run_of_an_older_mien_resumes_with_the_defaults_of_what_is_new(bars: FaceSet, tmp_path: Path) -> None:
    finish(dataclasses.replace(RECIPE, epochs=1), bars, tmp_path)
    about = json.loads(Run(tmp_path).about.read_text())
    del about["recipe"]["dropout_scale"], about["recipe"]["augmentation"]["erase"], about["initial"]
    Run(tmp_path).about.write_text(json.dumps(about))
    assert finish(dataclasses.replace(RECIPE, epochs=1), bars, tmp_path, resume=True) == []
    with pytest.raises(RecipeError, match=r"differs in: augmentation"):
        erased = dataclasses.replace(RECIPE.augmentation, erase=0.5)
        finish(dataclasses.replace(RECIPE, epochs=1, augmentation=erased), bars, tmp_path, resume=True)


def test_networks_without_dropout_have_none_to_scale(bars: FaceSet, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="dropout_scale: mini-xception has no dropout"):
        finish(dataclasses.replace(RECIPE, dropout_scale=0.5), bars, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_cannot_begin_leaves_no_folder(bars: FaceSet, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"fewer than one batch .*--set batch_size=8"):
        finish(dataclasses.replace(RECIPE, batch_size=500), bars, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_lines_of_an_epoch_without_its_checkpoint_are_written_once(bars: FaceSet, tmp_path: Path) -> None:
    """A kill between the line and the checkpoint, and another in the middle of a line."""
    finish(RECIPE, bars, tmp_path / "whole")
    finish(RECIPE, bars, tmp_path / "killed")
    run = Run(tmp_path / "killed")
    generator = train(RECIPE, bars, tmp_path / "half", device=CPU)
    half = Run(tmp_path / "half")
    for event in generator:
        if isinstance(event, Epoch) and event.epoch == 2:
            break
    generator.close()  # type: ignore[attr-defined]
    half.metrics.write_text(run.metrics.read_text() + '{"epoch": 5, "learn')
    finish(RECIPE, bars, tmp_path / "half", resume=True)
    assert without_time(half) == without_time(Run(tmp_path / "whole"))


def test_a_finished_run_resumes_to_nothing(bars: FaceSet, tmp_path: Path) -> None:
    finish(RECIPE, bars, tmp_path)
    assert finish(RECIPE, bars, tmp_path, resume=True) == []


def test_models_of_epochs_that_are_done_again_do_not_stay(bars: FaceSet, tmp_path: Path) -> None:
    finish(RECIPE, bars, tmp_path)
    run = Run(tmp_path)
    best = run.best_model()
    stray = run.models / model_name("mini-xception", 1200, 0.9)
    stray.touch()
    assert run.best_model() == stray  # 1200 comes after 4, though not in the order of letters
    finish(RECIPE, bars, tmp_path, resume=True)
    assert run.best_model() == best


def test_a_folder_without_a_model_is_no_training_or_has_kept_none(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(RecipeError, match=r"holds no training \(it has no run\.json\)"):
        run.best_model()
    run.about.write_text(json.dumps({"recipe": {"architecture": "mini-xception"}, "data": {"name": "bars"}}))
    with pytest.raises(RecipeError, match="has kept no model yet; it needs at least one finished epoch"):
        run.best_model()


def test_without_its_checkpoint_a_training_is_refused_and_keeps_its_models(bars: FaceSet, tmp_path: Path) -> None:
    finish(RECIPE, bars, tmp_path)
    run = Run(tmp_path)
    kept, about = run.kept_models(), run.about.read_text()
    run.checkpoint.unlink()
    with pytest.raises(RecipeError, match=r"no checkpoint\.pt to go on from.*--init"):
        finish(RECIPE, bars, tmp_path, resume=True)
    assert run.kept_models() == kept
    assert run.about.read_text() == about


def test_what_validation_said_goes_with_the_model_that_is_dropped(bars: FaceSet, tmp_path: Path) -> None:
    finish(RECIPE, bars, tmp_path)
    run = Run(tmp_path)
    last = max(run.kept_models())
    run.forget_after(last)
    assert run.validation.exists()
    run.forget_after(last - 1)
    assert not run.validation.exists()


def test_a_resumed_training_still_knows_how_it_began(bars: FaceSet, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=2)
    finish(recipe, bars, tmp_path / "first")
    begun = load_initial(str(tmp_path / "first"))
    events = train(recipe, bars, tmp_path / "second", device=CPU, initial=begun)
    while not isinstance(next(events), Epoch):
        pass
    events.close()  # type: ignore[attr-defined] # it is a generator
    finish(recipe, bars, tmp_path / "second", resume=True)
    run = Run(tmp_path / "second")
    assert len(run.description()["resumed_with"]) == 1
    for epoch, path in run.kept_models().items():  # whether the second is kept depends on how sums are rounded
        about = load_trained(path)[1]
        assert about["initial"]["sha256"] == begun.sha256
        assert len(about.get("resumed_with", ())) == epoch - 1


def test_a_training_that_goes_on_with_weights_draws_other_numbers_and_resumes_the_same(
    bars: FaceSet, tmp_path: Path
) -> None:
    """With the same ones, faces of an epoch came with the dropout and augmentation that they had come with before."""
    list(train(RECIPE, bars, tmp_path / "first", device=CPU))
    begun = load_initial(str(tmp_path / "first"))
    drawn = []
    for initial, name in ((None, "plain"), (begun, "on")):
        events = train(RECIPE, bars, tmp_path / name, device=CPU, initial=initial)
        for event in events:
            if isinstance(event, Epoch):
                break
        assert events.gi_frame is not None  # type: ignore[attr-defined] # a generator's
        training = events.gi_frame.f_locals["training"]  # type: ignore[attr-defined]
        drawn.append((training.seed, training.batches.seed))
        events.close()  # type: ignore[attr-defined]
    assert drawn[0] == (RECIPE.seed, RECIPE.seed)
    assert drawn[1][0] == drawn[1][1] != RECIPE.seed
    whole = list(train(RECIPE, bars, tmp_path / "whole", device=CPU, initial=begun))
    resumed = list(train(RECIPE, bars, tmp_path / "on", device=CPU, resume=True))
    assert resumed[-1].val_loss == whole[-1].val_loss  # type: ignore[union-attr] # an epoch


def test_a_training_that_torchrun_starts_again_resumes_by_itself_and_no_other(
    bars: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(RECIPE, bars, tmp_path / "whole")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "4711")
    killed = train(RECIPE, bars, tmp_path / "killed", device=CPU)
    while not isinstance(next(killed), Epoch):
        pass
    killed.close()  # type: ignore[attr-defined] # a generator
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "4712")
    with pytest.raises(RecipeError, match="go on with it by --resume"):
        finish(RECIPE, bars, tmp_path / "killed")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "4711")
    assert [epoch.epoch for epoch in finish(RECIPE, bars, tmp_path / "killed")] == [2, 3, 4]
    assert without_time(Run(tmp_path / "killed")) == without_time(Run(tmp_path / "whole"))


def test_faces_held_out_at_another_size_are_refused(bars: FaceSet, tmp_path: Path) -> None:
    held = dataclasses.replace(bars, held_out=0.1)
    with pytest.raises(DataError, match=r"held out at 32 pixels, and the recipe trains at 40"):
        finish(dataclasses.replace(RECIPE, image_size=40), held, tmp_path)


@pytest.mark.parametrize(
    ("before", "share", "size", "refused"),
    [(0.2, 0.2, 32, False), (0.2, 0.1, 32, False), (0.2, 0.3, 32, True), (0.2, 0.2, 40, True), (None, 0.3, 32, False)],
)
def test_weights_that_learned_from_faces_that_are_held_out_are_refused(
    bars: FaceSet, before: float | None, share: float, size: int, refused: bool
) -> None:
    initial = Initial("a.pt", "", "mini-xception", bars.classes, 1.0, 1, 0, size, bars.name, before, {}, {})
    held = dataclasses.replace(bars, held_out=share)
    with pytest.raises(DataError, match=r"a\.pt learned from faces of bars") if refused else nullcontext():
        check_held_out(initial, held)
    check_held_out(dataclasses.replace(initial, data="others"), held)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), TrainingError),
        (torch.OutOfMemoryError("CUDA out of memory"), TrainingError),
        (RuntimeError("shapes"), RuntimeError),
    ],
)
def test_a_lack_of_memory_names_what_to_change(
    bars: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: RuntimeError, expected: type[Exception]
) -> None:
    def lacking(*_: object) -> None:
        raise error

    monkeypatch.setattr(Losses, "backward", lacking)
    with pytest.raises(expected) as caught:
        finish(RECIPE, bars, tmp_path)
    assert ("set a smaller batch_size or image_size" in str(caught.value)) == (expected is TrainingError)


def test_a_training_that_diverges_says_so(bars: FaceSet, tmp_path: Path) -> None:
    wild = dataclasses.replace(RECIPE, learning_rate=100.0, warmup_epochs=0, momentum=0.99, ema_decay=0.0)
    broken = dataclasses.replace(wild, learning_rate=100.0, weight_decay=1.0)
    with pytest.raises(TrainingError, match="diverged in epoch"):
        finish(broken, bars, tmp_path)


def test_a_damaged_run_is_reported(bars: FaceSet, tmp_path: Path) -> None:
    finish(dataclasses.replace(RECIPE, epochs=1), bars, tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RecipeError, match=r"run\.json is damaged"):
        finish(dataclasses.replace(RECIPE, epochs=1), bars, tmp_path, resume=True)


@pytest.mark.parametrize("line", ["null", "[1]", '{"epoch": "one"}'])
def test_a_line_that_is_of_no_epoch_is_reported(bars: FaceSet, tmp_path: Path, line: str) -> None:
    finish(dataclasses.replace(RECIPE, epochs=1), bars, tmp_path)
    with Run(tmp_path).metrics.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(RecipeError, match=r"metrics\.jsonl is damaged: line 2 is none of an epoch"):
        finish(dataclasses.replace(RECIPE, epochs=1), bars, tmp_path, resume=True)


def test_bytes_that_are_no_text_are_a_line_that_was_cut(bars: FaceSet, tmp_path: Path) -> None:
    finish(dataclasses.replace(RECIPE, epochs=1), bars, tmp_path)
    with Run(tmp_path).metrics.open("ab") as file:
        file.write(b"\xff\xfe")
    assert [line["epoch"] for line in Run(tmp_path).epochs()] == [1]


def test_a_training_goes_on_without_naming_its_weights_again_but_not_with_others(bars: FaceSet, tmp_path: Path) -> None:
    one, longer = (dataclasses.replace(RECIPE, epochs=epochs) for epochs in (1, 2))
    finish(one, bars, tmp_path / "a")
    finish(dataclasses.replace(one, seed=5), bars, tmp_path / "b")
    first, other = (load_initial(str(tmp_path / name)) for name in "ab")
    killed = train(longer, bars, tmp_path / "run", device=CPU, initial=first)
    while not isinstance(next(killed), Epoch):
        pass
    killed.close()  # type: ignore[attr-defined]
    with pytest.raises(RecipeError, match="other teachers or other weights"):
        list(train(longer, bars, tmp_path / "run", device=CPU, initial=other, resume=True))
    assert [epoch.epoch for epoch in finish(longer, bars, tmp_path / "run", resume=True)] == [2]


def test_a_folder_that_holds_a_run_is_not_overwritten(bars: FaceSet, tmp_path: Path) -> None:
    finish(dataclasses.replace(RECIPE, epochs=1), bars, tmp_path)
    with pytest.raises(RecipeError, match="--resume"):
        finish(dataclasses.replace(RECIPE, epochs=1), bars, tmp_path)
    with pytest.raises(RecipeError, match=r"another recipe .*epochs"):
        finish(dataclasses.replace(RECIPE, epochs=2), bars, tmp_path, resume=True)
    with pytest.raises(RecipeError, match=r"another data .*sha256"):
        other = dataclasses.replace(bars, faces=255 - bars.faces)
        finish(dataclasses.replace(RECIPE, epochs=1), other, tmp_path, resume=True)


def test_a_folder_takes_one_training_at_a_time(bars: FaceSet, tmp_path: Path) -> None:
    first = train(RECIPE, bars, tmp_path, device=CPU)
    next(first)
    with pytest.raises(RecipeError, match="another process is training in"):
        finish(RECIPE, bars, tmp_path, resume=True)
    first.close()  # type: ignore[attr-defined]
    assert finish(RECIPE, bars, tmp_path, resume=True)[-1].epoch == RECIPE.epochs


def test_the_seed_decides(bars: FaceSet, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=1)
    losses = [
        finish(dataclasses.replace(recipe, seed=seed), bars, tmp_path / str(number))[0].train_loss
        for number, seed in enumerate((1, 1, 2))
    ]
    assert losses[0] == losses[1] != losses[2]


def test_patience_stops_early(bars: FaceSet, tmp_path: Path) -> None:
    """With nothing to learn from, the validation loss soon rises."""
    rng = np.random.default_rng(0)
    noise = dataclasses.replace(bars, labels=rng.permutation(bars.labels), votes=None)
    recipe = dataclasses.replace(RECIPE, epochs=60, patience=2, ema_decay=0.0, augmentation=Augmentation())
    epochs = finish(recipe, noise, tmp_path)
    assert len(epochs) < 60
    assert [epoch.kept for epoch in epochs[-2:]] == [None, None]
    assert epochs[-3].kept


def test_it_trains_without_votes_and_at_another_size(bars: FaceSet, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=1, image_size=40)
    trainee, about = load_trained(
        tmp_path / "models" / str(finish(recipe, dataclasses.replace(bars, votes=None), tmp_path)[0].kept)
    )
    assert about["recipe"]["image_size"] == 40
    assert not about["data"]["votes"]
    assert not any(name.startswith("votes") for name, _ in trainee.named_parameters())


def test_missing_splits_and_too_few_faces_are_named(bars: FaceSet, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no faces in the split 'val'"):
        finish(RECIPE, bars.split("train"), tmp_path / "a")
    with pytest.raises(DataError, match=r"fewer than one batch .*--set batch_size=8"):
        finish(dataclasses.replace(RECIPE, batch_size=500), bars, tmp_path / "b")


def test_an_unwritable_folder_is_an_oserror(bars: FaceSet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        finish(RECIPE, bars, tmp_path / "file" / "run")


def test_short_epochs_share_a_checkpoint_and_resume_the_same(bars: FaceSet, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=3)
    often, seldom = tmp_path / "often", tmp_path / "seldom"
    whole = finish(recipe, bars, often)
    events = train(recipe, bars, seldom, device=CPU, seconds_a_checkpoint=1000)
    epochs = (event for event in events if isinstance(event, Epoch))
    next(epochs), next(epochs)
    events.close()  # type: ignore[attr-defined] # it is a generator
    again = [event for event in train(recipe, bars, seldom, device=CPU, resume=True) if isinstance(event, Epoch)]
    assert [event.epoch for event in again] == [2, 3]  # only the first had a checkpoint
    assert [event.val_loss for event in again] == [event.val_loss for event in whole[1:]]
    assert len(Run(seldom).epochs()) == 3
