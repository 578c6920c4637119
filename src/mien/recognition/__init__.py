"""From a face to the probabilities of what it shows."""

from mien.recognition.classifier import Classifier, OnnxClassifier, checked_scores, softmax
from mien.recognition.model_file import ModelInfo
from mien.recognition.shipped import list_models, load_classifier, shipped_models

__all__ = [
    "Classifier", "ModelInfo", "OnnxClassifier", "checked_scores", "list_models", "load_classifier", "shipped_models",
    "softmax",
]  # fmt: skip
