"""Images a second in training; a step's parts; bfloat16 against float32, Winograd's convolutions against direct ones.

    python benchmarks/training_speed.py [--json benchmarks/results/training_speed.json]

Trains on noise in batches of 64, with the augmentation of each network's recipe, and times the steps of the second
epoch alone, without its validation. The ways take turns, and a figure is the best of the rounds, as other work on the
machine only ever adds time. A step's parts are medians of a batch of 128 on one thread. Ends in one JSON line.
"""

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from measuring import hardware, median_microseconds, write_result
from torch import nn

from mien.data import FaceSet
from mien.emotions import EMOTIONS
from mien.training.batches import Batches
from mien.training.distributed import Worker, is_leader
from mien.training.events import Step
from mien.training.loop import train, use_threads
from mien.training.losses import Losses
from mien.training.precision import has_bf16
from mien.training.recipe import read_recipe
from mien.training.trained import Trainee, fresh_network
from mien.training.winograd import use_winograd

CPU = torch.device("cpu")

WAYS = {"one thread": (1, 1), "two threads": (1, 2), "two processes": (2, 1)}
"""Processes, and threads of each."""

CONVOLUTIONS = ((128, 256, 24), (256, 512, 12), (512, 512, 6))
"""Channels in and out, and the side: those of the GELU network."""


NETWORKS = ("mini-xception", "rep-small", "rep-wide", "conv-attention", "gelu-cnn")
"""Networks whose steps are taken apart."""


def noise(num_train: int, num_val: int) -> FaceSet:
    rng = np.random.default_rng(0)
    num = num_train + num_val
    return FaceSet(
        name="noise",
        faces=rng.integers(0, 256, (num, 48, 48), dtype=np.uint8),
        classes=EMOTIONS,
        labels=rng.integers(0, 7, num),
        splits=np.where(np.arange(num) < num_train, "train", "val"),
        sources=[""] * num,
    )


def work(recipe: str, num_faces: int, folder: Path, threads: int) -> None:
    """Train for two epochs in this process, and print the images a second of the second one's steps."""
    use_threads(threads)
    short = dataclasses.replace(read_recipe(recipe), epochs=2, plain_epochs=0, warmup_epochs=0, batch_size=64)
    reports = [
        (event.step, time.perf_counter())
        for event in train(short, noise(num_faces, 64), folder, device=CPU)
        if isinstance(event, Step) and event.epoch == 2
    ]
    (first, start), (last, end) = reports[0], reports[-1]
    if is_leader():
        print((last - first) * short.batch_size / (end - start))


def images_a_second(recipe: str, num_faces: int, way: str) -> float:
    processes, threads = WAYS[way]
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "run"
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        worker = [__file__, "--worker", recipe, str(num_faces), str(folder), str(threads)]
        done = subprocess.run(
            [sys.executable, *(launcher if processes > 1 else []), *worker],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        )
        return float(done.stdout.splitlines()[-1])


def winograd_ratios() -> dict[str, float]:
    """How many times as fast as `nn.Conv2d`, forward and backward, on one thread."""
    use_threads(1)
    ratios = {}
    for num_in, num_out, side in CONVOLUTIONS:
        x = torch.randn(64, num_in, side, side).contiguous(memory_format=torch.channels_last).requires_grad_()
        layers: dict[str, nn.Module] = {
            "torch": nn.Conv2d(num_in, num_out, 3, padding=1),
            "winograd": nn.Conv2d(num_in, num_out, 3, padding=1),
        }
        use_winograd(layers["winograd"], CPU)

        def step(name: str, layers: dict[str, nn.Module] = layers, x: torch.Tensor = x) -> None:
            layers[name](x).square().sum().backward()

        for layer in layers.values():
            layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stub
        calls = {name: partial(step, name) for name in layers}
        times = median_microseconds(calls, 5)
        ratios[f"{num_in} to {num_out} channels, {side} x {side}"] = round(times["torch"] / times["winograd"], 2)
    return ratios


def step_parts(recipe: str) -> dict[str, float]:
    """Milliseconds, of a batch of 128 on one thread, of augmentation, and of forward and backward in two precisions."""
    use_threads(1)
    settings = dataclasses.replace(read_recipe(recipe), batch_size=128, class_weighting=0.0)
    faces = noise(128, 64).split("train")
    batches = Batches(faces, settings, Worker(0, 1, CPU))
    [batch] = batches.epoch(1)
    network = fresh_network(settings.architecture, 7, 48, settings.dropout_scale)
    use_winograd(network, CPU)
    trainee = Trainee(network, votes=False).train()
    trainee.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stub
    calls: dict[str, Callable[[], object]] = {"augmentation": lambda: list(batches.epoch(1))}
    for name, bf16 in (("float32", False), ("bfloat16", True)):
        if bf16 and not has_bf16(CPU):
            continue  # without instructions for it, a step takes ten times as long
        calls[name] = partial(Losses(settings, faces, CPU, bf16=bf16).backward, trainee, batch)
    return {name: round(time / 1000, 1) for name, time in median_microseconds(calls, 3).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        recipe, num_faces, folder, threads = options.worker
        work(recipe, int(num_faces), Path(folder), int(threads))
        return
    figures: dict[str, dict[str, float]] = {}
    for recipe, num_faces in (("mini-xception", 3200), ("rep-small", 3200), ("gelu-cnn", 1088)):
        best = dict.fromkeys(WAYS, 0.0)
        for _ in range(options.rounds):
            for way in WAYS:
                best[way] = max(best[way], images_a_second(recipe, num_faces, way))
        figures[recipe] = {way: round(value, 1) for way, value in best.items()}
        print(recipe, figures[recipe], flush=True)
    result = {
        "benchmark": "training_speed",
        "images_a_second": figures,
        "milliseconds_a_step": {recipe: step_parts(recipe) for recipe in NETWORKS},
        "winograd_times_as_fast": winograd_ratios(),
        "torch": str(torch.__version__),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "rounds": options.rounds,
    }
    write_result(result | hardware(), options.json)


if __name__ == "__main__":
    main()
