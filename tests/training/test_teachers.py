import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.data import FaceSet
from mien.data.folds import fold_of, without_fold
from mien.errors import DataError, RecipeError
from mien.training.architectures import ARCHITECTURES
from mien.training.augmentation import as_input
from mien.training.batches import eligible_teachers
from mien.training.events import Epoch, Start
from mien.training.export import export_trained
from mien.training.initial import load_initial
from mien.training.loop import train
from mien.training.recipe import Recipe
from mien.training.run import Run
from mien.training.teachers import Teacher, load_teachers, teacher_targets
from mien.training.trained import fold_left_out

RECIPE = Recipe(architecture="mini-xception", image_size=32, epochs=2, batch_size=16, learning_rate=0.05, ema_decay=0.9)
CPU = torch.device("cpu")


def fitted(recipe: Recipe, faces: FaceSet, folder: Path, *teachers: Path) -> list[Epoch]:
    events = train(recipe, faces, folder, device=CPU, teachers=teachers)
    return [event for event in events if isinstance(event, Epoch)]


def teacher(fold: int, folds: int = 2) -> Teacher:
    torch.manual_seed(fold)
    return Teacher(f"teacher {fold}", "", ARCHITECTURES["mini-xception"](7, 32).eval(), folds, fold)


def test_a_face_is_taught_by_the_teacher_that_never_saw_it(bars: FaceSet) -> None:
    teachers = [teacher(0), teacher(1)]
    images = as_input(bars.faces)
    says = teacher_targets(teachers, eligible_teachers(teachers, bars), images, 2.0)
    folds = fold_of(bars.faces, 2)
    for number in range(len(bars)):
        logits = teachers[folds[number]].network.classify(images[number : number + 1])[0]
        torch.testing.assert_close(says[number], (logits / 2).softmax(1)[0], atol=1e-5, rtol=1e-4)


def test_teachers_of_the_same_fold_speak_with_one_voice(bars: FaceSet) -> None:
    teachers = [teacher(0, 1), dataclasses.replace(teacher(1, 1), fold=0)]
    images = as_input(bars.faces[:5])
    says = teacher_targets(teachers, eligible_teachers(teachers, bars)[:, :5], images, 1.0)
    each = torch.stack([one.network.classify(images)[0].softmax(1) for one in teachers])
    torch.testing.assert_close(says, each.mean(0))


def test_a_missing_fold_is_reported(bars: FaceSet) -> None:
    with pytest.raises(DataError, match="were in the training set of every teacher"):
        eligible_teachers([teacher(0, 3), teacher(2, 3)], bars)


def test_a_fold_is_left_out_of_training(bars: FaceSet, tmp_path: Path) -> None:
    assert sum(140 - len(without_fold(bars, 3, fold)) for fold in range(3)) == 140
    assert without_fold(bars, 1, 0) is bars
    recipe = dataclasses.replace(RECIPE, epochs=1, folds=3, fold=1)
    start, *_ = train(recipe, bars, tmp_path, device=CPU)
    assert isinstance(start, Start)
    assert start.num_train == len(without_fold(bars.split("train"), 3, 1)) < 112


def test_a_student_agrees_with_its_teachers_more_than_one_that_had_none(bars: FaceSet, tmp_path: Path) -> None:
    """The teachers learnt that every class is the next one: only from them can a student know."""
    odd = dataclasses.replace(bars, labels=(bars.labels + 1) % 7, votes=None)
    long = dataclasses.replace(RECIPE, epochs=7, batch_size=8, warmup_epochs=0)
    for fold in range(2):
        fitted(dataclasses.replace(long, folds=2, fold=fold), odd, tmp_path / str(fold))
    plain = dataclasses.replace(bars, votes=None)
    runs = [tmp_path / "0", tmp_path / "1"]
    fitted(dataclasses.replace(long, teacher_weight=1.0), plain, tmp_path / "student", *runs)
    logits = np.load(Run(tmp_path / "student").validation)["logits"]
    assert (logits.argmax(axis=1) == odd.split("val").labels).mean() > 0.5
    about = Run(tmp_path / "student").about.read_text()
    assert '"fold": 1' in about
    assert "mini-xception.epoch-" in about


def test_teachers_and_their_weight_go_together(bars: FaceSet, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no teacher is given"):
        fitted(dataclasses.replace(RECIPE, teacher_weight=0.5), bars, tmp_path / "a")
    with pytest.raises(RecipeError, match="teacher_weight is 0"):
        fitted(RECIPE, bars, tmp_path / "b", tmp_path)


def test_a_teacher_of_other_classes_or_size_is_named(bars: FaceSet, tmp_path: Path) -> None:
    fitted(dataclasses.replace(RECIPE, epochs=1), bars, tmp_path)
    student = dataclasses.replace(RECIPE, teacher_weight=0.5)
    with pytest.raises(RecipeError, match=r"epoch-001.*its classes are"):
        load_teachers([tmp_path], student, ("a", "b"), CPU)
    with pytest.raises(RecipeError, match="faces of 32 pixels, not 48"):
        load_teachers([tmp_path], dataclasses.replace(student, image_size=48), bars.classes, CPU)
    (loaded,) = load_teachers([tmp_path], student, bars.classes, CPU)
    assert eligible_teachers([loaded], bars).all()


def test_a_teacher_that_began_with_weights_of_its_fold_is_refused(bars: FaceSet, tmp_path: Path) -> None:
    one = dataclasses.replace(RECIPE, epochs=1)
    left_out = dataclasses.replace(one, folds=2, fold=1)
    fitted(one, bars, tmp_path / "all")
    fitted(left_out, bars, tmp_path / "fold")
    for start in ("all", "fold"):
        initial = load_initial(str(tmp_path / start))
        list(train(left_out, bars, tmp_path / f"after-{start}", device=CPU, initial=initial))
    # A model file says so too, so that it does not pass for one that left the fold out.
    export_trained([tmp_path / "after-all"], tmp_path / "file.onnx")
    assert load_initial(str(tmp_path / "file.onnx")).folds == 1
    assert load_initial(str(tmp_path / "after-fold")).folds == 2
    twice = load_initial(str(tmp_path / "after-all"))
    list(train(left_out, bars, tmp_path / "after-after-all", device=CPU, initial=twice))
    student = dataclasses.replace(RECIPE, teacher_weight=0.5)
    (teacher_after_fold,) = load_teachers([tmp_path / "after-fold"], student, bars.classes, CPU)
    assert (teacher_after_fold.folds, teacher_after_fold.fold) == (2, 1)
    for name in ("after-all", "after-after-all"):
        with pytest.raises(RecipeError, match=r"left out a fold of 2, but it began with the weights of mini-x"):
            load_teachers([tmp_path / name], student, bars.classes, CPU)


@pytest.mark.parametrize(
    ("recipe", "initial", "fold"),
    [
        ({}, None, (1, 0)),
        ({"folds": 4, "fold": 2}, None, (4, 2)),
        ({"folds": 4, "fold": 2}, {"name": "of an older run"}, (4, 2)),
        ({"folds": 4, "fold": 2}, {"folds": 4, "fold": 2}, (4, 2)),
        ({"folds": 4, "fold": 2}, {"folds": 1, "fold": 0}, (1, 0)),
        ({"folds": 4, "fold": 2, "image_size": 48}, {"folds": 4, "fold": 2, "image_size": 48}, (4, 2)),
        ({"folds": 4, "fold": 2, "image_size": 48}, {"folds": 4, "fold": 2, "image_size": 32}, (1, 0)),
        ({"members": [{"folds": 4, "fold": 2}, {"folds": 4, "fold": 2}]}, None, (4, 2)),
        ({"members": [{}, {"folds": 4, "fold": 2}]}, None, (1, 0)),
    ],
)
def test_a_fold_is_left_out_only_if_every_part_left_it_out(
    recipe: dict[str, object], initial: dict[str, object] | None, fold: tuple[int, int]
) -> None:
    assert fold_left_out(recipe, initial) == fold
