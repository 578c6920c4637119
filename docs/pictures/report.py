"""Draw report.png: the report of a video that is made of NASA's portrait of Eileen Collins.

    python docs/pictures/report.py

Needs Chromium, and mien with its extra `video`.
"""

import runpy
import shutil
import subprocess
import tempfile
from pathlib import Path

import mien

FOLDER = Path(__file__).parent


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        raise SystemExit("no Chromium is installed")
    make_video = runpy.run_path(str(FOLDER.parents[1] / "examples" / "moving_portrait.py"))["main"]
    with tempfile.TemporaryDirectory() as folder:
        video, page = Path(folder, "portrait.mp4"), Path(folder, "portrait.html")
        make_video(video)
        mien.analyze([video], mien.Analyzer(), {"report": page})
        shot = FOLDER / "report.png"
        words = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1200,1458", f"--screenshot={shot}"]
        subprocess.run([chromium, *words, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
