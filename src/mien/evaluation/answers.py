"""What a classifier says of many faces, from one run of its network for all of its readings."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.recognition import Classifier, Reader
from mien.recognition.views import views_of
from mien.values import GreyFaces


class Answers(NamedTuple):
    """What is said of N faces.

    Attributes:
        scores: (N, K) probabilities.
        uncertain: (N,) whether each is left uncertain; None of a classifier that never does.
    """

    scores: NDArray[np.float32]
    uncertain: NDArray[np.bool_] | None = None


class Run:
    """One run of a classifier over faces.

    Args:
        classifier: Any classifier; of a reader, the other readings of the same network can be asked as well.
        faces: (N, S, S) uint8, grey.
        views: How many views of each face are averaged by a classifier that is no reader; a reader has its own number.

    Attributes:
        outputs: (N, M), the `Readings.outputs` of the faces; None of what is no reader.
    """

    def __init__(self, classifier: Classifier, faces: GreyFaces, *, views: int = 1) -> None:
        self.outputs, self._scores = None, None
        if isinstance(classifier, Reader):
            self.outputs = classifier.read(faces).outputs
        else:
            scores = [classifier(view) for view in views_of(faces, views)]
            self._scores = np.asarray(np.mean(scores, axis=0), np.float32)

    def answers(self, reader: Classifier) -> Answers:
        """What the classifier, or another reader of its network, says."""
        if self._scores is not None:
            return Answers(self._scores)
        assert isinstance(reader, Reader) and self.outputs is not None
        scores = reader.answer(self.outputs).scores
        doubts = reader.abstention
        return Answers(scores, None if doubts is None else doubts.are_uncertain(scores, self.outputs))
