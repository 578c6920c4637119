"""Data sets of labelled faces: reading them, and finding what is wrong with them."""

from mien.data.audit import audit, duplicates_of_training
from mien.data.dataset import SPLITS, FaceSet, class_counts, fingerprint, parse_split, resized, sample_faces
from mien.data.fer_plus import majority_of
from mien.data.findings import AuditReport, Finding
from mien.data.folds import fold_of, hold_out
from mien.data.load import load

__all__ = [
    "SPLITS", "AuditReport", "FaceSet", "Finding", "audit", "class_counts", "duplicates_of_training", "fingerprint",
    "fold_of", "hold_out", "load", "majority_of", "parse_split", "resized", "sample_faces",
]  # fmt: skip
