"""What is done of one shard while it is worked on, so that a process that dies costs one picture and not the shard."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, Final, Self

from mien.jobs.batch.tally import Outcome

TRIES: Final = 3
"""So often an input may end the process that analyses it; then it is given up."""


class Attempts:
    """A line for each picture that is begun, and one for each that is done. A context manager.

    A process says what it begins before it does; so the next one knows which input the process died at. Lines are
    handed to the system one by one: they outlive a process that is killed. A machine that fails may lose the last
    ones, whose pictures are then done again; from the second attempt on they are written through to the disk, so that
    an input that ends whole machines is found too.

    Args:
        path: The file; it is gone on with where it is there.
        session: The run of the batch. Only its own attempts count against an input: the end of a whole run, which ends
            its processes, is not the input's fault.

    Attributes:
        path: As given.
        outcomes: By the input's number, what is done.
    """

    def __init__(self, path: Path, session: str) -> None:
        self.path, self._session = path, session
        self.outcomes: dict[int, Outcome] = {}
        self._begun: Counter[tuple[int, int]] = Counter()

    def __enter__(self) -> Self:
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(os.dup(self._file), "rb") as file:
            lines = file.read().split(b"\n")
        for line in lines:
            self._take(line)
        if lines[-1]:  # a line was cut off
            os.write(self._file, b"\n")
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._file)

    def fatal(self, number: int, at: int = 0) -> bool:
        """Whether an input has ended its process too often, each time at the same place of it."""
        return self._begun[number, at] >= TRIES

    def begin(self, number: int, at: int = 0) -> None:
        """Say that an input is begun, or gone on with from some place of it."""
        self._put({"begin": number, "at": at, "session": self._session})
        if self._begun:
            os.fsync(self._file)

    def end(self, outcome: Outcome) -> None:
        """Say what became of an input that was begun."""
        self._put(outcome.to_record())

    def _put(self, record: dict[str, Any]) -> None:
        os.write(self._file, json.dumps(record).encode() + b"\n")

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            if "begin" not in record:
                outcome = Outcome.from_record(record)
                self.outcomes[outcome.input] = outcome
            elif record["session"] == self._session:
                self._begun[record["begin"], record["at"]] += 1
        except (ValueError, KeyError, TypeError):
            return  # cut off, or damaged when its machine failed: that picture is done again
