"""Drawing what was found onto pictures and frames, and hiding faces in them."""

from mien.drawing.annotate import annotate
from mien.drawing.anonymize import Anonymization, anonymize
from mien.drawing.evidence import explain
from mien.drawing.history import History

__all__ = ["Anonymization", "History", "annotate", "anonymize", "explain"]
