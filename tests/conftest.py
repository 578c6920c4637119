"""What every room's tests share."""

import os
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).parents[1]

# One thread, so that a test's time does not depend on what else the machine does.
cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def astronaut() -> Path:
    """NASA's portrait of Eileen Collins, in the public domain: one face, smiling."""
    return ROOT / "docs" / "pictures" / "astronaut.jpg"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Data that is not part of the project: `$MIEN_TEST_SHARED`, or the folder `shared` beside the checkout."""
    folder = Path(os.environ.get("MIEN_TEST_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs test data in {folder}, which is not here")
    return folder


@pytest.fixture(scope="session")
def yunet_model(shared: Path) -> Path:
    """YuNet's model file."""
    path = shared / "detectors" / "face_detection_yunet_2023mar.onnx"
    if not path.is_file():
        pytest.skip(f"needs {path}, which is not here")
    return path
