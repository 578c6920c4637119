"""The fuzzing script counts what it should, and finds nothing in some thousand inputs of each kind."""

import os
import pickle
import socket
import time
from pathlib import Path
from random import Random

import fuzz
import hostile
import pytest

from mien.errors import InvalidInput

linux_only = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads the memory from Linux")


class Kind:
    """Does what its inputs say."""

    def run(self, content: bytes, rng: Random) -> None:
        match content:
            case b"error":
                raise InvalidInput("a.jpg: expected this, got that")
            case b"silent":
                raise InvalidInput("")
            case b"other":
                raise KeyError("secret")
            case b"memory":
                bytearray(b"x" * 50_000_000)


@linux_only
@pytest.mark.parametrize(
    ("content", "name", "bad"),
    [
        (b"fine", "result", False),
        (b"error", "InvalidInput", False),
        (b"silent", "a message without words or without end", True),
        (b"other", "KeyError at test_fuzz.py:", True),
    ],
)
def test_only_results_and_errors_of_miens_are_allowed(content: bytes, name: str, bad: bool) -> None:
    outcome = fuzz.run_one(Kind(), content, Random(0))
    assert outcome.name.startswith(name)
    assert outcome.bad == bad


@linux_only
def test_the_memory_of_an_input_is_measured() -> None:
    assert fuzz.run_one(Kind(), b"memory", Random(0)).megabytes > 40


def test_an_input_is_the_same_in_every_run() -> None:
    seed = bytes(range(256))
    first, second, other = (fuzz.mutated(seed, fuzz.generator(0, "pictures", number), seed) for number in (1, 1, 2))
    assert first == second != other


@linux_only
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", fuzz.available_kinds())
def test_thousands_of_mutated_inputs_give_a_result_or_an_error(kind: str) -> None:
    row = fuzz.fuzz(kind, range(2000), seed=7)
    assert row["findings"] == 0, row
    assert row["outcomes"]["result"] > 0


@linux_only
def test_the_trap_is_sprung_by_code_and_by_connections(tmp_path: Path) -> None:
    trap = hostile.Trap(tmp_path)
    trap.check()
    pickle.loads(pickle.dumps(hostile.Evil(os.system, trap.command)))
    with pytest.raises(AssertionError, match="code in the input ran"):
        trap.check()
    trap.check()
    socket.create_connection(("127.0.0.1", trap.port)).close()
    for _ in range(100):
        time.sleep(0.01)
        try:
            trap.check()
        except AssertionError as error:
            assert "a connection was opened" in str(error)
            return
    pytest.fail("nobody noticed the connection")


@linux_only
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", fuzz.available_kinds(hostile.KINDS))
def test_files_that_were_made_to_do_harm_do_none(kind: str) -> None:
    row = fuzz.fuzz(kind, range(6 if kind in ("bombs", "frames") else 150), seed=7, kinds=hostile.KINDS)
    assert row["findings"] == 0, row
