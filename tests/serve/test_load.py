"""Short versions of `benchmarks/serve.py`: overload, slow clients and damaged bodies, against `mien serve` itself."""

import asyncio
import sys

import pytest
from serve import fuzz, mien_serve, picture, running
from slow_clients import closed_loop, post, under_slow_clients

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]


def test_what_cannot_be_served_is_refused_and_all_else_answered() -> None:
    """32 callers at a time, where one picture waits and one is worked on."""
    with running(mien_serve("--waiting", 1, "--workers", 1, "--batch", 1)) as (port, _):
        answers = asyncio.run(closed_loop(port, post(picture()), 32, 2))["statuses"]
        afterwards = asyncio.run(closed_loop(port, post(picture()), 1, 1))["statuses"]
    assert set(answers) == {"200", "429"}
    assert set(afterwards) == {"200"}


def test_slow_clients_neither_stop_the_service_nor_stay() -> None:
    command = mien_serve("--header-seconds", 2, "--body-seconds", 2, "--connections", 40, "--slowest", 100_000)
    with running(command) as (port, _):
        figures = asyncio.run(under_slow_clients(port, post(picture()), 120, 12, lambda: 0.0))
    assert figures["plain"]["p50_ms"] is not None
    never_reads = figures["slow"].pop("never reads")  # whose requests have to be answered first
    assert never_reads.get("closed", 0) > 0
    for kind, ends in figures["slow"].items():
        assert set(ends) <= {"closed", "left", "refused"}, (kind, ends)


def test_damaged_bodies_are_answered_and_none_by_a_fault() -> None:
    figures = fuzz(picture(), 400)
    assert set(figures["statuses"]) <= {"200", "400", "413", "415", "422"}
    assert sum(figures["statuses"].values()) == 400
