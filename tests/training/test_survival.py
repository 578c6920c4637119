"""Real processes that are killed, that run out of disk, and that train together."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data import FaceSet
from mien.training import checkpoint
from mien.training.run import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RECIPE = """
architecture = "mini-xception"
image_size = 32
epochs = 10
batch_size = 16
learning_rate = 0.05
ema_decay = 0.9

[augmentation]
rotation = 5
"""

HOOK = """
import os, signal, sys, time
from pathlib import Path

folder = Path(os.environ["WATCHED_RUN"])
writes = int(os.environ.get("KILLED_AT_WRITE", "-1"))
held = os.environ.get("HELD_AFTER", "").split()

def watch(event, arguments):
    global writes
    if event not in ("open", "os.rename") or str(folder) not in str(arguments[0]) or "page.html" in str(arguments[0]):
        return
    if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
        return
    writes -= 1
    if writes == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    metrics = folder / "metrics.jsonl"
    if held and str(arguments[0]) == str(metrics):
        num = str(metrics.read_text().count("\\n") if metrics.exists() else 0)
        while num in held and not folder.with_name("go-" + num).exists():
            time.sleep(0.01)

sys.addaudithook(watch)
"""
"""A `sitecustomize.py`, which Python runs first. It kills a process at a write into a run's folder, or holds it once so
many epochs are done until a file `go-NUM` is beside the folder: so no test depends on a machine's speed."""


@pytest.fixture(scope="module")
def words(bars: FaceSet, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """`mien train RECIPE --data FOLDER`, to which `--out` is to be added."""
    folder = tmp_path_factory.mktemp("survival")
    for number, (face, label, split) in enumerate(zip(bars.faces, bars.labels, bars.splits, strict=True)):
        path = folder / "bars" / split / bars.classes[label] / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), face)
    (folder / "tiny.toml").write_text(RECIPE)
    data = ["--data", str(folder / "bars")]
    return ["-m", "mien", "train", str(folder / "tiny.toml"), *data, "--threads", "1", "--checkpoint-seconds", "0"]


@pytest.fixture
def hooked(tmp_path: Path) -> dict[str, str]:
    """The environment in which `HOOK` watches `tmp_path / "run"`."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(HOOK)
    path = os.pathsep.join([str(tmp_path / "hook"), *filter(None, sys.path)])
    return {"PYTHONPATH": path, "WATCHED_RUN": str(tmp_path / "run"), "OMP_NUM_THREADS": "1"}


def start(
    words: list[str], *more: str, most_kilobytes: int | None = None, environment: dict[str, str] | None = None
) -> "subprocess.Popen[str]":
    """A command of mien's, whose files may be no larger than that."""
    limit = "unlimited" if most_kilobytes is None else most_kilobytes
    return subprocess.Popen(
        ["bash", "-c", f'ulimit -f {limit}; exec "$0" "$@"', sys.executable, *words, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | (environment or {}),
    )


def metrics(folder: Path) -> list[dict[str, object]]:
    return [line | {"seconds": 0} for line in Run(folder).epochs()]


@pytest.fixture(scope="module")
def whole(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    process = start(words, "--out", str(folder))
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return folder


def test_killed_again_and_again_it_gives_the_metrics_of_an_uninterrupted_run(
    words: list[str], whole: Path, hooked: dict[str, str], tmp_path: Path
) -> None:
    """Each kill comes at one of the writes of models, metrics and checkpoint, of which an epoch has five or more."""
    rng = random.Random(0)
    folder = tmp_path / "run"
    for _ in range(6):
        at = {"KILLED_AT_WRITE": str(rng.randint(5, 30))}
        process = start(words, "--out", str(folder), "--resume", environment=hooked | at)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == -signal.SIGKILL, said
    assert 1 <= len(Run(folder).epochs()) < 10
    start(words, "--out", str(folder), "--resume").communicate(timeout=300)
    assert metrics(folder) == metrics(whole)
    assert {path.name for path in (folder / "models").glob("*.pt")} == {
        path.name for path in (whole / "models").glob("*.pt")
    }


def test_a_disk_that_fills_up_ends_cleanly_and_leaves_the_last_checkpoint(words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start(words, "--out", str(folder), "--set", "epochs=2")
    process.communicate(timeout=300)
    size = Run(folder).checkpoint.stat().st_size
    more = ["--out", str(tmp_path / "full"), "--set", "epochs=2"]

    process = start(words, *more, most_kilobytes=size // 2048)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 1, said
    assert "Traceback" not in said
    assert "error:" in said
    assert "checkpoint.pt" in said or "File too large" in said
    assert not Run(tmp_path / "full").checkpoint.exists()

    checkpoint.load(Run(folder).checkpoint)
    process = start(words, *more, "--resume")
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert metrics(tmp_path / "full") == metrics(folder)


TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "3"]


@pytest.fixture(scope="module")
def shared(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of two processes that nothing happens to."""
    folder = tmp_path_factory.mktemp("shared") / "run"
    process = start([*TORCHRUN, *words], "--out", str(folder))
    said, _ = process.communicate(timeout=400)
    assert process.returncode == 0, said
    assert said.count("epoch   3") == 1, "only the first process speaks"
    return folder


def test_two_processes_train_one_network(whole: Path, shared: Path) -> None:
    about = json.loads(Run(shared).about.read_text())
    assert about["processes"] == 2
    alone, together = metrics(whole), metrics(shared)
    assert [line["epoch"] for line in together] == [line["epoch"] for line in alone]
    # Batch norm sees half a batch and the draws are others, so it is the same training but for noise: on
    # 112 faces the losses of the last epochs were up to .33 apart on one processor (Zen 4), and below .15 on others.
    losses = np.array([[line["train_loss"] for line in lines] for lines in (alone, together)], float)
    assert np.abs(losses[0] - losses[1])[-3:].max() < 0.5
    assert abs(float(str(alone[-1]["val_accuracy"])) - float(str(together[-1]["val_accuracy"]))) < 0.15


def end_one_process(launcher: "subprocess.Popen[str]", run: Run, after: int) -> None:
    """Kill a process that a launcher started, which `HOOK` holds after so many epochs, and hold the next no more."""
    while len(run.epochs()) < after:
        assert launcher.poll() is None, launcher.communicate()[0]
        time.sleep(0.01)
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    os.kill(max(child for child, command in commands.items() if b"mien" in command), signal.SIGKILL)
    run.folder.with_name(f"go-{after}").touch()


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the processes in /proc")
def test_a_killed_process_of_two_is_started_again_and_changes_no_metric(
    words: list[str], shared: Path, hooked: dict[str, str], tmp_path: Path
) -> None:
    """`torchrun --max-restarts` starts all again, and they go on by themselves: nobody said `--resume`."""
    folder = tmp_path / "run"
    launcher = start([*TORCHRUN, *words], "--out", str(folder), environment=hooked | {"HELD_AFTER": "3 6"})
    end_one_process(launcher, Run(folder), after=3)
    end_one_process(launcher, Run(folder), after=6)
    said, _ = launcher.communicate(timeout=400)
    assert launcher.returncode == 0, said
    assert "Traceback" not in said
    assert said.count("training mini-xception on") == 3, said
    assert metrics(folder) == metrics(shared)
    assert [path.name for path in sorted((folder / "models").glob("*.pt"))] == [
        path.name for path in sorted((shared / "models").glob("*.pt"))
    ]
    assert len(json.loads(Run(folder).about.read_text())["resumed_with"]) == 2


@pytest.mark.skipif(shutil.which("bash") is None, reason="the job is a script of bash")
def test_the_cluster_job_survives_a_killed_process_and_being_queued_again(
    words: list[str], shared: Path, hooked: dict[str, str], tmp_path: Path
) -> None:
    """`recipes/cluster.sh` itself, with stand-ins for Slurm's commands: one machine, two processes."""
    (tmp_path / "srun").write_text('#!/bin/bash\nexec "$@"\n')
    (tmp_path / "scontrol").write_text("#!/bin/bash\necho localhost\n")
    (tmp_path / "torchrun").write_text(f'#!/bin/bash\nexec {sys.executable} -m torch.distributed.run "$@"\n')
    for stand_in in ("srun", "scontrol", "torchrun"):
        (tmp_path / stand_in).chmod(0o755)
    recipe, data = words[3], words[5]
    folder = tmp_path / "run"
    environment = (
        os.environ
        | hooked
        | {
            "HELD_AFTER": "2 4",
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            **{"SLURM_JOB_ID": "4711", "SLURM_JOB_NUM_NODES": "1", "SLURM_JOB_NODELIST": "localhost"},
            **{"RECIPE": recipe, "DATA": data, "RUN": str(folder), "PROCESSES": "2"},
        }
    )
    script = Path(__file__).parents[2] / "recipes" / "cluster.sh"
    words_of_job = ["bash", str(script), "--threads", "1", "--checkpoint-seconds", "0"]

    def queued() -> "subprocess.Popen[str]":
        return subprocess.Popen(
            words_of_job, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )

    job = queued()
    end_one_process(job, Run(folder), after=2)
    while len(Run(folder).epochs()) < 4:
        assert job.poll() is None, job.communicate()[0]
        time.sleep(0.01)
    job.terminate()  # as Slurm ends a job whose time is over
    said, _ = job.communicate(timeout=400)
    assert len(Run(folder).epochs()) == 4, said
    (tmp_path / "go-4").touch()
    job = queued()
    said, _ = job.communicate(timeout=400)
    assert job.returncode == 0, said
    assert metrics(folder) == metrics(shared)
