"""Data sets of labelled faces: reading them, and finding what is wrong with them."""

from mien.data.audit import audit, duplicates_of_training
from mien.data.dataset import SPLITS, FaceSet, class_counts, fingerprint, parse_split, resized, sample_faces
from mien.data.fer_plus import majority_of, vote_shares
from mien.data.findings import AuditReport, Finding
from mien.data.folds import fold_of, hold_out
from mien.data.groups import Attribute, Groups, read_groups
from mien.data.load import load

__all__ = [
    "SPLITS", "Attribute", "AuditReport", "FaceSet", "Finding", "Groups", "audit", "class_counts",
    "duplicates_of_training", "fingerprint", "fold_of", "hold_out", "load", "majority_of", "parse_split", "read_groups",
    "resized", "sample_faces", "vote_shares",
]  # fmt: skip
