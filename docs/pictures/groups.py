"""Draw groups.png: the page that `mien evaluate --groups --report` wrote on planted gaps.

    python docs/pictures/groups.py

It is rendered anew from benchmarks/results/groups.json. Needs Chromium.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from mien.report.evaluation_page import render

FOLDER = Path(__file__).parent
RESULT = FOLDER.parents[1] / "benchmarks" / "results" / "groups.json"


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        raise SystemExit("no Chromium is installed")
    scores = json.loads(RESULT.read_text(encoding="utf-8"))["shown"]["scores"]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "groups.html")
        page.write_text(render(scores), encoding="utf-8")
        shot = FOLDER / "groups.png"
        words = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1300,1560", f"--screenshot={shot}"]
        subprocess.run([chromium, *words, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
