"""Fault 15: a training that had learned nothing ended in "ship it"."""

import dataclasses

import pytest

from mien.training.advice import FEW_STEPS, advice_after, advice_before
from mien.training.events import Start
from mien.training.recipe import Recipe

RECIPE = Recipe(architecture="mini-xception", epochs=3, batch_size=64)
START = Start(num_train=420, num_val=140, num_steps=18, chance=1 / 7, initialized=False)


def test_too_few_steps_are_warned_of_with_what_to_do() -> None:
    advice = advice_before(RECIPE, START)
    assert advice is not None
    assert "18 steps in all" in advice
    for remedy in ("Begin with trained weights (--init mini-xception)", "--set epochs=167", "--set batch_size=16"):
        assert remedy in advice


def test_the_advice_suffices() -> None:
    advised = dataclasses.replace(RECIPE, epochs=167)
    assert advice_before(advised, dataclasses.replace(START, num_steps=167 * 18 // 3)) is None


@pytest.mark.parametrize("change", [{"num_steps": FEW_STEPS}, {"initialized": True}])
def test_long_trainings_and_those_from_trained_weights_are_not(change: dict[str, object]) -> None:
    assert advice_before(RECIPE, dataclasses.replace(START, **change)) is None  # type: ignore[arg-type] # a test's dict


def kept(accuracy: float) -> list[dict[str, object]]:
    """What a run's folder says of its epochs."""
    return [{"val_accuracy": accuracy, "kept": "a.pt"}, {"val_accuracy": 1.0, "kept": None}]


@pytest.mark.parametrize(("accuracy", "learned"), [(1 / 7, False), (0.19, False), (0.25, True), (0.9, True)])
def test_what_chance_may_give_is_no_learning(accuracy: float, learned: bool) -> None:
    advice = advice_after(RECIPE, START, kept(accuracy))
    assert (advice is None) == learned
    if advice:
        assert f"{accuracy:.1%} of the 140 faces" in advice
        assert "is right for 14.3%" in advice


def test_no_weights_are_recommended_where_none_are_shipped_or_some_were_taken() -> None:
    other = Recipe(architecture="rep-nano", batch_size=8)
    assert "--init" not in str(advice_before(other, START))
    assert "--init" not in str(advice_after(RECIPE, dataclasses.replace(START, initialized=True), kept(0.0)))
    assert advice_after(RECIPE, START, []) is None


def test_one_class_is_always_named_rightly() -> None:
    assert advice_after(RECIPE, dataclasses.replace(START, chance=1.0), kept(1.0)) is None
