"""Finding faces."""

from mien.detection.detector import Detector

__all__ = ["Detector"]
