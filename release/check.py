"""Build mien's three packages as a release does, and try them as strangers would.

    python release/check.py                 # or: make release-check
    python release/check.py --out dist      # and keep what was built

What is committed is built twice, in two folders, and has to be the same byte for byte, with the time of the commit as
`SOURCE_DATE_EPOCH`. The wheels may hold nothing but what `CONTENTS` names, and mien's has to stay below `LARGEST`
bytes. Then mien's wheel is installed into a fresh environment of every Python from 3.11 on that is found, once with the
newest of its dependencies and once with the lowest that pyproject.toml allows, and has to work there without a network.
For a Python that is not found it is only looked up whether there are wheels.
An SBOM in CycloneDX's JSON is written for each wheel. It takes some minutes, and needs a network to install.

What was found goes to benchmarks/results/release.json, and is the last line printed. Plain Python is enough.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.parser import Parser
from pathlib import Path
from typing import Any, Final

from sbom import bill_of_materials

ROOT = Path(__file__).parents[1]
RESULT: Final = ROOT / "benchmarks" / "results" / "release.json"

PACKAGES: Final = {"mien": ".", "mien-ensemble": "models/ensemble", "mien-gelu-cnn": "models/gelu-cnn"}
"""The folder of each package."""

LARGEST: Final = 6_000_000
"""Most bytes of mien's wheel."""

RESOLUTIONS: Final = ("highest", "lowest-direct")
"""How the versions of dependencies are chosen, by uv's names."""

PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")

TOOLS: Final = ("uv", "cyclonedx-python-lib[json-validation]")
"""What installs, lowest versions too, and what validates the SBOM. What builds is named in pyproject.toml."""

ABOUT: Final = (r"[\w.-]+\.dist-info/(METADATA|WHEEL|RECORD)", r"[\w.-]+\.dist-info/licenses/LICENSE")

CONTENTS: Final = {
    "mien": (
        *ABOUT,
        r"[\w.-]+\.dist-info/licenses/NOTICES\.md",
        r"[\w.-]+\.dist-info/entry_points\.txt",
        r"mien/(\w+/)*\w+\.py",
        r"mien/py\.typed",
        r"mien/(recognition|detection)/weights/[\w-]+\.(md|onnx)",
        r"mien/training/recipes/[\w-]+\.toml",
        r"mien/report/\w+\.(css|js)",
        r"mien/serve/static/\w+\.(css|html|js|svg)",
        r"mien/benchmark/portrait\.jpg",
    ),
    "mien-ensemble": (*ABOUT, r"mien_ensemble/ensemble\.onnx"),
    "mien-gelu-cnn": (*ABOUT, r"mien_gelu_cnn/gelu-cnn\.onnx"),
}
"""What each wheel consists of: every name matches one pattern, and every pattern a name."""

VALIDATOR: Final = """
import pathlib, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(pathlib.Path(sys.argv[1]).read_text("utf-8"))
sys.exit(repr(fault) if fault else 0)
"""
"""Holds a file against CycloneDX's schema, in the environment of the tools."""

TRIAL: Final = Path(__file__).with_name("trial.py")
"""What is run in each environment."""

BLOCKED: Final = """
import socket

def refuse(*_, **__):
    raise OSError("release/check.py lets nothing through")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
"""
"""A sitecustomize.py for where `unshare` cannot take the network away."""


class CheckError(Exception):
    """Something is not as a release has to be."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where what was built is kept, a folder for each package")
    parser.add_argument("--pythons", nargs="+", default=PYTHONS, metavar="3.X", help="those that are tried if found")
    parser.add_argument("--only-build", action="store_true", help="build and compare, and try nothing")
    parser.add_argument("--all", action="store_true", help="a Python that is not found is a fault")
    parser.add_argument("--tag", help="the tag of the release, v and the version; another one is a fault")
    options = parser.parse_args()
    if options.tag and options.tag != f"v{field('version')}":
        sys.exit(f"release/check.py: the tag is {options.tag}, and pyproject.toml has version {field('version')}")
    with tempfile.TemporaryDirectory(prefix="mien-release-") as folder:
        try:
            found = check(Path(folder), options.out, options.pythons, only_build=options.only_build)
            if options.all and found.get("pythons_not_found"):
                raise CheckError(f"not found: Python {', '.join(found['pythons_not_found'])}")
        except (CheckError, subprocess.CalledProcessError) as error:
            output = getattr(error, "stderr", None) or getattr(error, "stdout", None) or ""
            sys.exit(f"release/check.py: {error}\n{output}")
    if not options.only_build:
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))


def check(folder: Path, out: Path | None, pythons: list[str], *, only_build: bool) -> dict[str, Any]:
    """Everything, in a folder that may be thrown away.

    Raises:
        CheckError: Something is not as it has to be.
        subprocess.CalledProcessError: A command failed.
    """
    commit, seconds = run("git", "log", "-1", "--format=%h %ct", cwd=ROOT).split()
    if run("git", "status", "--porcelain", "--untracked-files=no", cwd=ROOT):
        print("what is not committed is not checked")
    python = tools(folder / "tools")
    built = {name: build(python, name, folder, seconds) for name in PACKAGES}
    found: dict[str, Any] = {
        "check": "release",
        "commit": commit,
        "date": datetime.fromtimestamp(int(seconds), UTC).date().isoformat(),
        "packages": {name: described(name, files) for name, files in built.items()},
    }
    for name, files in built.items():
        [wheel] = [file for file in files if file.suffix == ".whl"]
        bill = wheel.with_suffix(".cdx.json")
        bill.write_text(bill_of_materials(wheel, int(seconds)), encoding="utf-8")
        validate(python, bill)
        if out:
            for file in files:
                target = out / name / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
            (out / "sbom").mkdir(exist_ok=True)
            shutil.copyfile(bill, out / "sbom" / bill.name)
    if not only_build:
        found |= tried(python, built, folder, pythons)
    return found


def tools(folder: Path) -> str:
    """The Python of an environment with what builds, installs and validates."""
    print("the tools", file=sys.stderr)
    run(sys.executable, "-m", "venv", str(folder))
    python = str(folder / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", field("requires"), *TOOLS)
    return python


def field(name: str) -> str:
    """A text in pyproject.toml, or the one text in a list."""
    found = re.search(rf'^{name} = \[?"(.*?)"\]?$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    if not found:
        sys.exit(f"release/check.py: pyproject.toml has no {name}")
    return found[1]


def build(python: str, name: str, folder: Path, seconds: str) -> list[Path]:
    """The sdist and the wheel of a package, the same from two copies of what is committed.

    The copies differ in what may not count: their path, the files' times and permissions, the zone.
    """
    print(f"{name}: sdist and wheel, twice", file=sys.stderr)
    outs = []
    for copy, mode, zone in (("first", 0o644, "UTC"), ("the second copy", 0o600, "Pacific/Auckland")):
        source, out = folder / copy / "source", folder / copy / name
        if not source.exists():
            archived(source, mode)
        environment = os.environ | {"SOURCE_DATE_EPOCH": seconds, "TZ": zone, "PYTHONHASHSEED": str(mode)}
        command = [python, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(out)]
        run(*command, cwd=source / PACKAGES[name], env=environment)
        outs.append(sorted(out.iterdir()))
    first, second = outs
    for one, other in zip(first, second, strict=True):
        if one.name != other.name or one.read_bytes() != other.read_bytes():
            raise CheckError(f"{one.name} is not the same from two copies of the same sources")
    return first


def archived(target: Path, mode: int) -> None:
    """Unpack what is committed; with other permissions, the files' times are another day's."""
    target.mkdir(parents=True)
    run("git", "archive", "--output", str(target.with_suffix(".tar")), "HEAD", cwd=ROOT)
    with tarfile.open(target.with_suffix(".tar")) as archive:
        archive.extractall(target, filter="data")
    if mode != 0o644:
        for path in target.rglob("*"):
            if path.is_file():
                path.chmod(path.stat().st_mode & 0o700)
                os.utime(path, (1e9, 1e9))


def described(name: str, files: list[Path]) -> dict[str, Any]:
    """Sizes and hashes; the wheel's contents are what they have to be."""
    [wheel] = [file for file in files if file.suffix == ".whl"]
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    unexpected = [each for each in names if not any(re.fullmatch(pattern, each) for pattern in CONTENTS[name])]
    lacking = [pattern for pattern in CONTENTS[name] if not any(re.fullmatch(pattern, each) for each in names)]
    if unexpected or lacking:
        raise CheckError(f"{wheel.name}: unexpected are {unexpected}; nothing is like {lacking}")
    if name == "mien" and wheel.stat().st_size >= LARGEST:
        raise CheckError(f"{wheel.name} has {wheel.stat().st_size:,} bytes; below {LARGEST:,} were expected")
    return {
        "files": len(names),
        **{file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)} for file in files},
    }


def validate(python: str, bill: Path) -> None:
    """Hold an SBOM against CycloneDX's schema."""
    run(python, "-c", VALIDATOR, str(bill))


def tried(python: str, built: Mapping[str, list[Path]], folder: Path, pythons: list[str]) -> dict[str, Any]:
    """What the wheels do in a fresh environment of each Python, with the newest and with the lowest dependencies."""
    wheels = {name: next(file for file in files if file.suffix == ".whl") for name, files in built.items()}
    found = dict(interpreters(pythons))
    if not found:
        raise CheckError(f"there is none of Python {', '.join(pythons)} here")
    offline = without_network()
    rows = []
    for version, interpreter in found.items():
        for resolution in RESOLUTIONS:
            print(f"Python {version}, {resolution}", file=sys.stderr)
            rows.append(
                {"python": version, "dependencies": resolution}
                | trial(python, interpreter, wheels, folder / f"{version}-{resolution}", resolution, offline)
            )
    labels = {row["label"] for row in rows}
    if len(labels) != 1:
        raise CheckError(f"environments differ in what they see: {labels}")
    return {
        "trials": rows,
        "pythons_not_found": [each for each in pythons if each not in found],
        "only_resolved": [
            {
                "python": version,
                "dependencies": resolution,
                "versions": resolved(python, version, wheels["mien"], resolution),
            }
            for version in pythons
            if version not in found
            for resolution in RESOLUTIONS
        ],
        "network_taken_away_by": "unshare" if offline else "a socket that refuses",
        "machine": f"{platform.system()}, {platform.machine()}",
    }


def trial(
    python: str, interpreter: str, wheels: Mapping[str, Path], folder: Path, resolution: str, offline: list[str]
) -> dict[str, Any]:
    """What `trial.py` says in one environment, without the packages of models and with them."""
    run(interpreter, "-m", "venv", "--without-pip", str(folder))
    inside = str(folder / "bin" / "python")
    # Wheels only: what would have to be compiled counts as not there, as it does for most people.
    install = [python, "-m", "uv", "pip", "install", "--python", inside, "--only-binary", ":all:"]
    # Only what is named here is direct.
    run(*install, "--resolution", resolution, str(wheels["mien"]), *requirements(wheels["mien"]))
    versions = json.loads(run(python, "-m", "uv", "pip", "list", "--python", inside, "--format", "json"))
    if not offline:
        [packages] = folder.glob("lib/python*/site-packages")
        (packages / "sitecustomize.py").write_text(BLOCKED, encoding="utf-8")
    picture = ROOT / "docs" / "pictures" / "astronaut.jpg"
    environment = {"HOME": str(folder / "home"), "PATH": os.defpath, "PYTHONWARNINGS": "error::DeprecationWarning:mien"}
    words = [*offline, inside, "-I", str(TRIAL), str(picture), str(folder / "work")]
    before = json.loads(run(*words, "--mien-alone", env=environment))
    run(*install, "--no-deps", *(str(wheel) for name, wheel in wheels.items() if name != "mien"))
    after = json.loads(run(*words, env=environment))
    direct = set(map(name_of, requirements(wheels["mien"])))
    return {
        **before,
        "packaged": after,
        "versions": {each["name"]: each["version"] for each in versions if each["name"] in direct},
    }


def resolved(python: str, version: str, wheel: Path, resolution: str) -> dict[str, str]:
    """The wheels that a Python which is not here would get; they exist, and that is all it says."""
    needed = wheel.with_suffix(".in")
    needed.write_text("\n".join(requirements(wheel)), encoding="utf-8")
    words = ["--python-version", version, "--only-binary", ":all:", "--resolution", resolution, "--no-header"]
    lines = run(python, "-m", "uv", "pip", "compile", "--quiet", "--no-annotate", *words, str(needed)).splitlines()
    versions = dict(line.split("==") for line in lines)
    return {name: versions[name] for name in map(name_of, requirements(wheel))}


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0]


def requirements(wheel: Path) -> list[str]:
    """What a wheel needs without any extra."""
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        lines = Parser().parsestr(archive.read(metadata).decode()).get_all("Requires-Dist") or []
    return [line for line in lines if "extra ==" not in line]


def interpreters(pythons: list[str]) -> Iterator[tuple[str, str]]:
    """Each Python that is found: on the path, or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for version in pythons:
        candidates = [*sorted(map(str, pyenv.glob(f"{version}.*/bin/python"))), shutil.which(f"python{version}")]
        for candidate in filter(None, candidates):
            said = subprocess.run([candidate, "-c", "import sys; print(*sys.version_info[:2], sep='.')"],
                                  capture_output=True, text=True, check=False)  # fmt: skip
            if said.stdout.strip() == version:
                yield version, candidate
                break


def without_network() -> list[str]:
    """The command before another one that takes the network away from it; empty where there is none."""
    command = ["unshare", "--net", "--map-root-user"]
    able = (
        shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    )
    return command if able else []


def run(*command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """What a command prints.

    Raises:
        subprocess.CalledProcessError: It failed; the error holds what it said.
    """
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
