"""Draw drift-card.png: what a report says of faces of PublicTest in half of their light.

    PYTHONPATH=src:benchmarks python docs/pictures/drift_card.py fer2013.csv

The card holds numbers only, no face. Needs Chromium.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from drift import CHANGES
from through_detector import picture_of

import mien
from mien.data import load
from mien.report.drift_card import drift_card
from mien.report.html import css_colours, document

FOLDER = Path(__file__).parent
NUM_PICTURES, SEED = 400, 0


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium or len(sys.argv) != 2:
        raise SystemExit(__doc__)
    faces = load(Path(sys.argv[1]), size=48).split("PublicTest").faces
    chosen = np.random.default_rng(SEED).choice(len(faces), NUM_PICTURES, replace=False)
    analyzer, darker = mien.Analyzer(), CHANGES["light × .5"]
    pictures = [np.repeat(darker(picture_of(faces[number])[:, :, 0])[:, :, None], 3, axis=2) for number in chosen]
    found = (
        mien.FrameResult(source=str(number), width=384, height=384, faces=tuple(analyzer(picture)))
        for number, picture in enumerate(pictures)
    )
    card = drift_card(mien.find_drift(found, analyzer), css_colours(analyzer.classifier.labels))
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "card.html")
        page.write_text(document("drift", f'<div class="grid">{card}</div>', style="folder_page.css"), encoding="utf-8")
        words = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1100,900"]
        shot = f"--screenshot={FOLDER / 'drift-card.png'}"
        subprocess.run([chromium, *words, shot, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
