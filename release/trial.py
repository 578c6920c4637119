"""What a stranger does first, in the environment whose Python runs this: see check.py.

    python -I release/trial.py PICTURE FOLDER [--mien-alone]

Prints what was found as one line of JSON; a command that fails ends it with what the command said.
"""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

PACKAGED = ("ensemble", "gelu-cnn")
"""The models in packages of their own."""

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def main() -> None:
    picture, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(exist_ok=True)
    if "--mien-alone" not in sys.argv:
        print(json.dumps({name: label(picture, "--model", name) for name in PACKAGED}))
        return
    for name in PACKAGED:
        refused = mien("analyze", picture, "--model", name, status=1)
        assert "pip install" in " ".join(refused.split()), refused
    models = json.loads(mien("models", "--json"))
    mien("analyze", picture, "--annotate", str(folder / "drawn"), "--csv", str(folder / "faces.csv"))
    assert (folder / "drawn" / Path(picture).name).stat().st_size > 10_000
    video = moved(picture, folder / "talk.avi")
    frames = json.loads(mien("analyze", str(video), "--json", "-"))["results"][0]["frames"]
    data = made(folder / "data")
    scores = json.loads(mien("evaluate", "mini-xception", "--data", str(data), "--split", "test", "--json", "-"))
    print(
        json.dumps(
            {
                "label": label(picture),
                "models": [row["name"] for row in models if not row["install"]],
                "models_to_install": [row["name"] for row in models if row["install"]],
                "frames_with_the_face": sum(bool(frame["faces"]) for frame in frames),
                "faces_evaluated": scores["num_faces"],
            }
        )
    )


def label(picture: str, *options: str) -> str:
    """What the one face in a picture shows, by the command line."""
    [result] = json.loads(mien("analyze", picture, "--json", "-", *options))["results"]
    [face] = result["faces"]
    return str(face["label"])


def moved(picture: str, path: Path) -> Path:
    """A video of ten frames, in which the picture moves to the right."""
    image = np.asarray(Image.open(picture).convert("RGB"))[..., ::-1]
    height, width = image.shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (width, height))
    for index in range(10):
        writer.write(np.roll(image, 8 * index, axis=1))
    writer.release()
    return path


def made(folder: Path) -> Path:
    """A data set of two pictures an expression, drawn by chance, in emotion folders."""
    random = np.random.default_rng(0)
    for emotion in EMOTIONS:
        for number in range(2):
            path = folder / "test" / emotion / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (48, 48), "uint8")).save(path)
    return folder


def mien(*words: str, status: int = 0) -> str:
    """What `mien` prints; with another status than 0, what it complains of."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mien")), *words], capture_output=True, text=True, check=False
    )
    if done.returncode != status:
        sys.exit(f"mien {' '.join(words)} ended with {done.returncode}: {done.stderr}")
    return done.stderr if status else done.stdout


if __name__ == "__main__":
    main()
