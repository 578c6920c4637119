"""Measure anew what the weights of a shipped model decide, after they changed.

    pip install -e '.[dev,train,serve,video,openvino,ncnn,pnnx,browser]'
    pip install --no-deps ai-edge-litert scikit-image scikit-learn    # the peer; photographs
    python benchmarks/anew.py --data fer2013.csv --media FOLDER --peer mini_xception_102.tflite \\
        [--models rep-small] [--from views]

It takes more than an hour on two cores. `--models` names those that changed: what measures none of them is left out,
and where a benchmark can, the rows of others stay. So do the times of networks and of their formats, which new weights
do not change; after a change of architecture, run models.py and formats.py without `--keep-times`, and pipeline.py.
`FOLDER` holds the pictures and videos that were marked by eye (`counted.json`, `labels.json`). Those commands that take
no times come first, `--jobs` at once; then the others, one after another, which want a quiet machine. What fails is
named at the end, and the others go on; `--from` begins with the first command whose name holds a word. Left to do by
hand then: the model's card, the outputs that pages quote, which the tests name, and what needs more than this:
means.py, formats.py with `--emulator`, peers/expressions.py, edge.py, pruning.py, fit_quality.py, anonymize.py. Ends in
one JSON line.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mien.defaults import DEFAULT_MODEL
from mien.recognition import shipped_models

ROOT = Path(__file__).parents[1]
RESULTS = "benchmarks/results"

EVALUATED = [
    f"-m mien evaluate {model} --data {{data}} --views {views} --json {RESULTS}/{model}{ending}.json"
    for model in shipped_models()
    for views, ending in ((1, ""), (2, "-flip"))
]
COUNTED = [
    # The longest first.
    f"benchmarks/models.py --data {{data}} --peer {{peer}} --keep --keep-times --json {RESULTS}/models.json",
    f"benchmarks/through_detector.py --data {{data}} --json {RESULTS}/through_detector.json",
    "tests/recognition/make_golden.py",
    *EVALUATED,
    f"benchmarks/readings.py {{data}} {RESULTS}/readings.json --models {{models}}",
    *(f"benchmarks/{name}.py --data {{data}} --json {RESULTS}/{name}.json" for name in ("drift", "quality")),
    f"benchmarks/light.py --data {{data}} --json {RESULTS}/light.json --models {{models}}",
    f"benchmarks/groups.py --data {{data}} --json {RESULTS}/groups.json --keep-simulated",
    f"benchmarks/abstention.py --data {{data}} --peer {{peer}} --json {RESULTS}/abstention.json --models {{models}}",
    f"benchmarks/formats.py --data {{data}} --json {RESULTS}/formats.json --models {{of_two}} --keep-times",
    f"benchmarks/browser_scores.py {{data}} --json {RESULTS}/browser_scores.json",
    f"benchmarks/labels.py {{videos}} --trace 9.5 15.4 --json {RESULTS}/labels.json",
]
TIMED = [
    f"benchmarks/views.py --data {{data}} --models {{models}} --json {RESULTS}/views.json",
    f"benchmarks/explanations.py --data {{data}} --models {{models}} --out {RESULTS}/explanations.json",
]
SHOWN = [
    "benchmarks/tables.py",
    "benchmarks/figures.py",
    *(f"docs/pictures/{name}.py" for name in ("uncertain", "groups", "report", "tutorials", "browser")),
    "docs/pictures/explanations.py --solvay {media}/solvay_1927_whole.jpg",
    "docs/pictures/drift_card.py {data}",
    "recipes/reproduce.py --data {data}",
]
OF_DEFAULT = ("through_detector", "drift", "quality", "groups", "labels", "report", "tutorials", "drift_card")
OF_TWO = ("browser_scores", "browser", "formats")
ONLY = {
    **dict.fromkeys(OF_DEFAULT, frozenset([DEFAULT_MODEL])),
    **dict.fromkeys(OF_TWO, frozenset([DEFAULT_MODEL, "mini-xception"])),
}
"""What measures or shows these models alone, of all that are shipped."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--media", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--peer", type=Path, required=True, help="the published network, as TFLite")
    parser.add_argument("--models", nargs="+", default=list(shipped_models()), help="of which the weights changed")
    parser.add_argument("--jobs", type=int, default=2, help="commands at once, of those that take no times")
    parser.add_argument("--from", dest="first", default="", metavar="WORD", help="leave out the commands before it")
    options = parser.parse_args()
    shown = json.loads((ROOT / RESULTS / "labels.json").read_text(encoding="utf-8"))["videos"]
    values = {
        **{name: shlex.quote(str(getattr(options, name).resolve())) for name in ("data", "media", "peer")},
        "videos": shlex.join(str(options.media.resolve() / name) for name in shown),
        "models": shlex.join(options.models),
        "of_two": shlex.join(name for name in options.models if name in ONLY["formats"]),
    }  # fmt: skip
    counted, others = (
        [words.format(**values) for words in group if measures(words, options.models)]
        for group in (COUNTED, (*TIMED, *SHOWN))
    )
    begin = next((number for number, words in enumerate(counted + others) if options.first in name_of(words)), None)
    if begin is None:
        parser.error(f"no command's name holds {options.first!r}")
    commands = (counted + others)[begin:]
    at_once = counted[begin:]
    with ThreadPoolExecutor(options.jobs) as pool:
        done = [*pool.map(succeeds, at_once), *map(succeeds, commands[len(at_once) :])]
    failed = [words for words, well in zip(commands, done, strict=True) if not well]
    print(json.dumps({"anew": len(commands), "failed": failed}))
    sys.exit(1 if failed else 0)


def measures(words: str, models: Sequence[str]) -> bool:
    """Whether a command measures or shows one of these models."""
    if words in EVALUATED:
        return words.split()[3] in models
    return not ONLY.get(Path(words.split(maxsplit=1)[0]).stem, frozenset(models)).isdisjoint(models)


def name_of(words: str) -> str:
    """A command's name, without its options: as in "views", or "evaluate rep-small"."""
    first, *others = words.split()
    return " ".join(others[1:3]) if first == "-m" else Path(first).stem


def succeeds(words: str) -> bool:
    """Whether a command of Python's ends well; its last lines are shown where it does not."""
    start = time.monotonic()
    paths = os.pathsep.join(("src", "benchmarks", "web"))
    done = subprocess.run(
        [sys.executable, *shlex.split(words)], check=False, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths},
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    print(f"{time.monotonic() - start:6.0f} s  {words}", flush=True)
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
    return not done.returncode


if __name__ == "__main__":
    main()
