"""Advice follows from the figures."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.benchmark.advice import Findings, advise
from mien.benchmark.timing import Call

STEADY = np.ones(60)


@pytest.fixture
def advice() -> Callable[..., str]:
    """`advice(whole=20, slower=1.3, gain=1.0, detector=5, network=5)`: times in ms, of models "a" and "b"."""

    def make(
        whole: float = 20, *, slower: float = 1.0, gain: float = 1.0, detector: float = 5, network: float = 5,
        noise: "np.ndarray[tuple[int], np.dtype[np.float64]]" = STEADY, threads: tuple[int, ...] = (1, 4),
        correct: dict[str, list[bool]] | None = None, share: float = 1.0, at_least: float | None = None,
    ) -> str:  # fmt: skip
        samples = {}
        for num in threads:
            speed = noise / (gain if num > 1 else 1)
            for name, times in (("yunet", 1), ("haar", 3)):
                samples[Call("detector", num, detector=name)] = times * detector * speed
                for model, factor in (("a", 1.0), ("b", slower)):
                    samples[Call("network", num, model)] = factor * network * speed
                    samples[Call("whole", num, model, name)] = (whole + (factor - 1) * network) * speed
        right = {name: np.array(each) for name, each in (correct or {}).items()}
        return "\n".join(advise(Findings(["a", "b"], ["yunet", "haar"], threads, samples, share, right, at_least)))

    return make


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        (20, "a with yunet reads 50 pictures a second on one thread: enough for a camera at 30."),
        (200, "a with yunet reads 5.0 pictures a second on one thread: of a camera's 30 frames `mien live` analyses"),
    ],
)
def test_whether_it_keeps_up_with_a_camera(advice: Callable[..., str], whole: float, said: str) -> None:
    assert said in advice(whole)


def test_a_camera_loses_frames_where_some_pictures_are_slow(advice: Callable[..., str]) -> None:
    assert "40 pictures a second on one thread, and 20 where it is slow" in advice(25, noise=np.tile([1, 1, 1, 2], 15))


def test_threads_that_bring_something_are_recommended(advice: Callable[..., str]) -> None:
    said = advice(gain=1.8)
    assert "4 threads read one picture 1.8 times as fast as one: `--threads 4`" in said
    assert "90 pictures a second on 4 threads" in said


def test_threads_that_bring_nothing_are_not(advice: Callable[..., str]) -> None:
    assert "4 threads bring nothing for one picture: leave `--threads` at 1." in advice(gain=1.02)
    assert "thread" not in advice(threads=(1,)).replace("one thread", "")


def test_a_model_is_chosen_only_where_accuracy_was_measured(
    advice: Callable[..., str],
) -> None:
    equal = {"a": [True] * 900 + [False] * 100, "b": [False] * 100 + [True] * 900}
    slower = "The network of b takes 1.3 times a's time here, a whole picture 1.1 times"
    assert f"{slower}; it is as accurate on these faces, within 2.8 points: keep a." in advice(
        slower=1.3, correct=equal
    )
    assert f"{slower}." in advice(slower=1.3)
    assert "0.50 times a's time here, a whole picture 0.88 times." in advice(slower=0.5)


def test_accuracy_is_compared_on_the_same_faces(advice: Callable[..., str]) -> None:
    right = {"a": [True] * 900 + [False] * 100, "b": [True] * 860 + [False] * 140}
    assert "it is 4.0 ± 0.6 points less accurate." in advice(slower=0.5, correct=right)
    equal = {"a": right["a"], "b": right["a"][::-1]}
    assert "it is as accurate on these faces, within 2.8 points: take b." in advice(slower=0.5, correct=equal)
    better = {"a": right["b"], "b": right["a"]}
    assert "points more accurate." in advice(slower=1.3, correct=better), "slower, and still a choice"


@pytest.mark.parametrize(
    ("num_right", "slower", "end"),
    [
        ((71, 69), 0.5, ": only a has the accuracy of 70.00% that was asked for."),
        ((69, 71), 1.5, ": only b has the accuracy of 70.00% that was asked for."),
        ((69, 69), 0.5, ": neither has the accuracy of 70.00% that was asked for."),
        ((70, 70), 0.5, ": take b."),
    ],
)
def test_no_model_is_advised_that_the_gate_refuses(
    advice: Callable[..., str], num_right: tuple[int, int], slower: float, end: str
) -> None:
    right = {name: [True] * num + [False] * (100 - num) for name, num in zip("ab", num_right, strict=True)}
    [said] = [line for line in advice(slower=slower, correct=right, at_least=0.7).splitlines() if "of b takes" in line]
    assert said.endswith(end)


def test_the_part_that_takes_the_time_is_named(advice: Callable[..., str]) -> None:
    assert "yunet takes 75% of a picture's time: another network changes little." in advice(detector=15)
    assert "a takes 70% of a picture's time: another detector changes little." in advice(network=14)


def test_detectors_are_compared(advice: Callable[..., str]) -> None:
    assert "haar takes 3.0 times yunet's time here" in advice()


def test_figures_of_a_busy_or_hot_machine_are_doubted_first(advice: Callable[..., str]) -> None:
    busy = advice(share=0.4).splitlines()
    assert busy[0].startswith("Only 40% of the processor's time was mien's: something else uses it.")
    hot = advice(noise=np.repeat([1.0, 1.2, 1.5], 20)).splitlines()
    assert hot[0].startswith("It took 1.5 times as long at the end as at the beginning")
    assert not any(word in advice() for word in ("Only", "hot"))
