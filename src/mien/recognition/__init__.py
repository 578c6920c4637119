"""From a face to the probabilities of what it shows."""

from mien.recognition.abstention import Abstention
from mien.recognition.classifier import Classifier, FileClassifier, OnnxClassifier, checked_scores, softmax
from mien.recognition.faces import explainer, read_faces
from mien.recognition.model_file import ModelInfo
from mien.recognition.reader import Reader
from mien.recognition.shipped import list_models, load_classifier, missing_models, model_file, shipped_models

__all__ = [
    "Abstention", "Classifier", "FileClassifier", "ModelInfo", "OnnxClassifier", "Reader", "checked_scores",
    "explainer", "list_models", "load_classifier", "missing_models", "model_file", "read_faces", "shipped_models",
    "softmax",
]  # fmt: skip
