"""Write what the page and the app know of mien's Python package into web/src/mien.json, which is built into both.

python web/constants.py
"""

import base64
import json
from pathlib import Path
from typing import Any, Final

from mien.drawing.evidence import LIMIT, shades
from mien.emotions import CIRCUMPLEX, COLOURS
from mien.recognition.abstention import LEAST_QUALITY
from mien.recognition.quality import LEAST_FACTOR, LEAST_SCORE, NAMES, WEIGHTS

FILE: Final = Path(__file__).parent / "src" / "mien.json"

MAX_ERRORS: Final = (0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Shares of wrong answers that can be chosen to be accepted."""

SETS: Final = (0.8, 0.9, 0.95, 0.99)
"""Shares of the faces that can be chosen whose prediction set holds the right label."""

GREYS, LEVELS = 5, 12
"""Steps in which the evidence's colours are taken from Python's table. Between them the page interpolates."""


def main() -> None:
    FILE.write_text(json.dumps(known(), indent=1) + "\n", encoding="utf-8")


def known() -> dict[str, Any]:
    """All of mien.json."""
    colours = shades()[::GREYS, ::LEVELS]
    return {
        "emotions": {name: {"colour": [*COLOURS[name]], "place": [*CIRCUMPLEX[name]]} for name in COLOURS},
        "evidence": {
            "limit": LIMIT, "greys": len(colours), "levels": colours.shape[1],
            "colours": base64.b64encode(colours.tobytes()).decode("ascii"),
        },
        "quality": {
            "weights": dict(WEIGHTS), "names": NAMES, "least_score": LEAST_SCORE, "least_factor": LEAST_FACTOR,
            "least": LEAST_QUALITY,
        },
        "max_errors": [*map(str, MAX_ERRORS)],
        "sets": [*map(str, SETS)],
    }  # fmt: skip


if __name__ == "__main__":
    main()
