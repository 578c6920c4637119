import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from mien.data import FaceSet
from mien.training.augmentation import Augmentation
from mien.training.batches import Batch, Batches, augmentation_in, rarity
from mien.training.distributed import Worker
from mien.training.recipe import Recipe

RECIPE = Recipe(architecture="mini-xception", image_size=32, batch_size=16, epochs=4)


def worker(rank: int = 0, size: int = 1) -> Worker:
    return Worker(rank, size, torch.device("cpu"))


def all_of(faces: FaceSet, recipe: Recipe = RECIPE, epoch: int = 1, part: Worker | None = None) -> list[Batch]:
    return list(Batches(faces.split("train"), recipe, part or worker()).epoch(epoch))


def test_an_epoch_is_every_face_once_and_another_order_each_time(bars: FaceSet) -> None:
    first, second = (torch.cat([batch.images for batch in all_of(bars, epoch=epoch)]) for epoch in (1, 2))
    assert len(first) == 112
    assert len({image.numpy().tobytes() for image in first}) == 112
    assert not torch.equal(first, second)
    torch.testing.assert_close(first.sum(0).sort().values, second.sum(0).sort().values, atol=1e-3, rtol=1e-3)


def test_workers_share_each_batch(bars: FaceSet) -> None:
    whole = all_of(bars)
    parts = [all_of(bars, part=worker(rank, 3)) for rank in range(3)]
    for number, batch in enumerate(whole):
        torch.testing.assert_close(torch.cat([part[number].images for part in parts]), batch.images)
        torch.testing.assert_close(torch.cat([part[number].labels for part in parts]), batch.labels)


def test_shares_are_even_and_leave_nothing_out() -> None:
    for num in (1, 7, 64):
        places = [list(range(num))[worker(rank, 5).share(num)] for rank in range(5)]
        assert [place for part in places for place in part] == list(range(num))
        assert max(map(len, places)) - min(map(len, places)) <= 1


def test_balanced_sampling_draws_rare_classes_as_often(bars: FaceSet) -> None:
    keep = (bars.labels != 1) | (np.arange(140) < 28)  # class 1 becomes four times rarer
    rare = bars.select(keep)
    counts = {}
    for power in (0.0, 1.0):
        recipe = dataclasses.replace(RECIPE, class_sampling=power)
        drawn = [batch.labels for epoch in range(1, 21) for batch in all_of(rare, recipe, epoch)]
        counts[power] = torch.cat(drawn).sum(0)
    assert counts[0.0][1] < 0.4 * counts[0.0][0]
    assert 0.8 < counts[1.0][1] / counts[1.0][0] < 1.25


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_rarity_weighs_faces_by_one_on_average(power: float) -> None:
    labels = np.repeat([0, 1, 3], [90, 9, 1])
    weights = rarity(labels, 4, power)
    assert weights[labels].mean() == pytest.approx(1)
    assert weights[2] == 0
    assert weights[1] / weights[0] == pytest.approx(10**power)


@pytest.mark.parametrize("settings", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}])
def test_mixed_faces_have_mixed_targets(bars: FaceSet, settings: dict[str, Any]) -> None:
    batches = all_of(bars, dataclasses.replace(RECIPE, **settings))
    for batch in batches:
        torch.testing.assert_close(batch.labels.sum(1), torch.ones(16))
        assert batch.votes is not None
        # In this set votes agree with labels, in another order of the classes: they have to be mixed alike.
        torch.testing.assert_close(batch.votes.max(1).values, batch.labels.max(1).values)
    assert any((batch.labels.max(1).values < 0.99).any() for batch in batches)


def test_no_faces_are_mixed_in_the_last_epochs(bars: FaceSet) -> None:
    recipe = dataclasses.replace(RECIPE, plain_epochs=2, mixup=0.4, cutmix=1.0)
    sure = [
        all((batch.labels.max(1).values == 1).all() for batch in all_of(bars, recipe, epoch)) for epoch in range(1, 5)
    ]
    assert sure == [False, False, True, True]


def test_the_last_epochs_are_plain() -> None:
    recipe = dataclasses.replace(RECIPE, plain_epochs=2, augmentation=Augmentation(rotation=9, flip=True))
    assert [augmentation_in(recipe, epoch).rotation for epoch in (1, 2, 3, 4)] == [9, 9, 0, 0]
    assert all(augmentation_in(recipe, epoch).flip for epoch in (1, 2, 3, 4))


def test_the_last_epochs_may_keep_a_share_of_the_moves_and_nothing_else() -> None:
    whole = Augmentation(rotation=9, scale=1.21, shift=0.1, shear=0.2, gamma=2, noise=0.1, erase=0.5)
    recipe = dataclasses.replace(RECIPE, plain_epochs=2, plain_moves=0.5, augmentation=whole)
    assert augmentation_in(recipe, 2) == whole
    assert augmentation_in(recipe, 3) == Augmentation(rotation=4.5, scale=1.1, shift=0.05)


def test_what_people_say_has_its_share_in_the_targets(bars: FaceSet) -> None:
    assert bars.votes is not None
    other = dataclasses.replace(bars, votes=np.roll(bars.votes, 1, axis=1))  # everybody says the next expression
    recipe = dataclasses.replace(RECIPE, people_weight=0.25)
    labels = torch.cat([batch.labels for batch in all_of(other, recipe)])
    assert labels.sum(1).numpy() == pytest.approx(1, abs=1e-5)
    # The next expression says the label for certain, so the regression finds it.
    assert labels.max(1).values.numpy() == pytest.approx(1, abs=0.02)
    without = torch.cat([batch.labels for batch in all_of(dataclasses.replace(bars, votes=None), recipe)])
    assert np.unique(without.numpy()).tolist() == [0.0, 1.0]
