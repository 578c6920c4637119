"""Draw drawn-faces.png and drawn-training.png: the data set of the student's tutorial, and the page of its training.

    python docs/pictures/tutorials.py

Needs Chromium, and mien with its extras `train` and `plot`. Takes a minute.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent
EXAMPLE = FOLDER.parents[1] / "examples" / "drawn_faces.py"


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        raise SystemExit("no Chromium is installed")
    with tempfile.TemporaryDirectory() as folder:
        for words in (
            [str(EXAMPLE), "drawn"],
            ["-m", "mien", "data", "stats", "drawn", "--out", "figures"],
            ["-m", "mien", "train", "mini-xception", "--data", "drawn", "--set", "epochs=10", "--set",
             "batch_size=16", "--threads", "1", "--out", "runs/first"],
        ):  # fmt: skip
            subprocess.run([sys.executable, *words], cwd=folder, check=True)
        save(Image.open(Path(folder, "figures", "faces.png")), FOLDER / "drawn-faces.png")
        shot = FOLDER / "drawn-training.png"
        page = Path(folder, "runs", "first", "page.html").as_uri()
        words = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1200,1300", f"--screenshot={shot}"]
        subprocess.run([chromium, *words, page], check=True, capture_output=True)
        save(Image.open(shot), shot)


def save(image: Image.Image, path: Path) -> None:
    """Write a picture in colours that are few enough for a small file, and enough for lines and marks."""
    image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


if __name__ == "__main__":
    main()
