"""From a face to the probabilities of what it shows."""

from mien.recognition.classifier import Classifier
from mien.recognition.crop import crop_face

__all__ = ["Classifier", "crop_face"]
