"""mien's networks, in onnxruntime, as `mien.recognition` runs them."""

import onnxruntime
from peers.classify import Faces, Network, Scores

from mien.recognition import OnnxClassifier, Reader, shipped_models


def load(which: str) -> Network:
    """`which` is a model's name and a reading: "rep-small people"."""
    name, reading = which.split()
    path = shipped_models()[name]
    classifier = OnnxClassifier(path)
    reader = Reader(classifier, reading)

    def run(faces: Faces) -> Scores:
        return reader(faces)

    return Network(
        labels=reader.labels,
        ways={"as it is": lambda faces: faces},
        run=run,
        weights=(path,),
        num_parameters=classifier.info.num_parameters,
        runtime=f"onnxruntime {onnxruntime.__version__}",
    )
