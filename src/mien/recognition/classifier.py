"""From faces to probabilities: the protocol, and the model files that mien runs with onnxruntime."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mien.faces import GreyFaces


class Classifier(Protocol):
    """Anything that turns faces into probabilities."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The K names, in the order of the scores."""
        ...

    @property
    def input_size(self) -> int:
        """S, the side in pixels of the faces it takes."""
        ...

    def __call__(self, faces: GreyFaces) -> NDArray[np.float32]:
        """(N, S, S) uint8, grey → (N, K) float32 probabilities; N may be 0."""
        ...
