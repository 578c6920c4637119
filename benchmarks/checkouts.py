"""Two checkouts of mien beside each other: their commands, each with its own sources, in processes of their own."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Used:
    """What a process used.

    Attributes:
        seconds: From its start to its end.
        cpu_seconds: Processor time of all its threads.
        megabytes: The most memory that was in use.
        output: Its standard output.
    """

    seconds: float
    cpu_seconds: float
    megabytes: float
    output: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """The sources of one version of mien. Their compiled modules are kept elsewhere, so nothing is written into them.

    Attributes:
        path: The folder that holds the package: `src` of a repository.
    """

    path: Path
    _bytecode: tempfile.TemporaryDirectory[str] = field(default_factory=tempfile.TemporaryDirectory, repr=False)

    def __post_init__(self) -> None:
        if not (self.path / "mien").is_dir():
            raise SystemExit(f"{self.path} holds no package mien; name the folder src of a checkout")

    @property
    def commit(self) -> str | None:
        """The commit that is checked out; None outside of a repository."""
        command = ["git", "-C", str(self.path), "rev-parse", "--short=12", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables under which Python imports this version."""
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        ours = {"PYTHONPATH": str(self.path.absolute()), "PYTHONPYCACHEPREFIX": self._bytecode.name}
        return {**inherited, **ours, "COLUMNS": "120"}

    def start(self, *words: str | Path) -> "subprocess.Popen[bytes]":
        """Start a `mien` command whose output nobody reads."""
        return subprocess.Popen(
            [sys.executable, "-m", "mien", *map(str, words)],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def mien(self, *words: str | Path) -> Used:
        """Run a `mien` command to its end."""
        return self.python("-m", "mien", *map(str, words))

    def python(self, *words: str) -> Used:
        """Run Python to its end.

        Raises:
            SystemExit: It ended with another status than 0; its errors are shown.
        """
        command = [sys.executable, *words]
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            begun = time.perf_counter()
            process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=errors)
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - begun
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            errors.seek(0)
            if process.returncode:
                raise SystemExit(f"{' '.join(command)} of {self.path}:\n{errors.read().decode()}")
            return Used(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output.read().decode())
