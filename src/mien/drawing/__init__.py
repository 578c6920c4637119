"""Drawing what was found onto pictures and frames, and hiding faces in them."""

from mien.drawing.annotate import DrawnFace, annotate, annotate_frame
from mien.drawing.anonymize import Anonymization, anonymized
from mien.drawing.history import History

__all__ = ["Anonymization", "DrawnFace", "History", "annotate", "annotate_frame", "anonymized"]
