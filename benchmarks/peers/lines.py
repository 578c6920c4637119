"""Lines of text to another process, and lines of JSON back."""

import json
import subprocess
from typing import Any


def ask(process: "subprocess.Popen[str]", line: str, by_hand: str) -> dict[str, Any]:
    """Write a line, and wait for the answer; see `answer`."""
    assert process.stdin
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return answer(process, by_hand)


def answer(process: "subprocess.Popen[str]", by_hand: str) -> dict[str, Any]:
    """The next line of JSON; where the process has ended, an error that says how to start it by hand."""
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"a peer ended; run it by hand to see why: {by_hand}")
    content: dict[str, Any] = json.loads(line)
    return content
