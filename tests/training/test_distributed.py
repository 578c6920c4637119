"""How a process of several is started again, and how it ends."""

import os
import subprocess
import sys

import pytest
from torch.distributed import HashStore  # type: ignore[attr-defined] # torch says so of half of its names

from mien.training.distributed import launch, separated


@pytest.mark.parametrize(("size", "shuts_down"), [(1, True), (2, False)])
def test_a_process_of_several_ends_before_python_shuts_down(size: int, shuts_down: bool) -> None:
    lines = [
        "import atexit",
        "from mien.training.distributed import end_process",
        "atexit.register(print, 'shuts down')",
        "print('trained', end=' ')",
        "end_process()",
    ]
    environment = os.environ | {"WORLD_SIZE": str(size)}
    words = [sys.executable, "-c", "\n".join(lines)]
    ended = subprocess.run(words, check=False, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.split() == ["trained", *(["shuts", "down"] if shuts_down else [])]


@pytest.mark.parametrize(("run_id", "name"), [(None, None), ("none", None), ("4711", "4711")])
def test_a_launch_has_a_name_where_torchrun_was_given_one(
    monkeypatch: pytest.MonkeyPatch, run_id: str | None, name: str | None
) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    if run_id is not None:
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", run_id)
    assert launch() == name


@pytest.mark.parametrize(("machines", "sees"), [("1", False), ("2", True)])
def test_a_process_that_is_started_again_reads_no_address_of_one_that_is_gone(
    monkeypatch: pytest.MonkeyPatch, machines: str, sees: bool
) -> None:
    """On several machines the count of starts may differ, so there torchrun has to make the store anew."""
    monkeypatch.setenv("GROUP_WORLD_SIZE", machines)
    kept_by_torchrun = HashStore()
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")
    separated(kept_by_torchrun).set("address of 0", "gone")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert separated(kept_by_torchrun).check(["address of 0"]) is sees
