"""What machine this is, without which a speed means nothing."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mien.video.decoder import cores

PACKAGES = ("numpy", "opencv-python-headless", "onnxruntime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine, as far as it says what it is.

    Attributes:
        name: A board's name, else the processor's.
        architecture: As "x86_64" or "aarch64".
        system: As "Linux".
        cores: Those that this process may use.
        memory_megabytes: The whole machine's; None where it is not known.
        versions: Of Python and of the packages that the time is spent in.
    """

    name: str
    architecture: str
    system: str
    cores: int
    memory_megabytes: int | None
    versions: dict[str, str]


def this_machine() -> Machine:
    """The machine that this runs on.

    >>> this_machine().cores >= 1
    True
    """
    return Machine(
        name=_board() or _processor(),
        architecture=platform.machine(),
        system=platform.system(),
        cores=cores(),
        memory_megabytes=_memory(),
        versions={"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
    )


def peak_megabytes() -> float | None:
    """The most memory that this process has had in use, its libraries included; None where that is not known."""
    try:  # not `getrusage`, which on Linux also counts what the process had before it became this program
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if platform.system() == "Darwin" else most / 1024


def _board(file: Path = Path("/proc/device-tree/model")) -> str:
    """A board's name, which ends in a zero byte; empty where there is none."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def _processor(file: Path = Path("/proc/cpuinfo")) -> str:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # another distribution of the same module
        return "?"
