"""What faces are compared with to see whether they are unlike those that a model was measured on."""

from mien.drift import Reference, parse_profile
from mien.recognition.classifier import Classifier
from mien.recognition.model_file import ModelInfo
from mien.recognition.reader import OWN, Reader, prior_shares, readings_of


def reference_of(classifier: Classifier) -> Reference | None:
    """The profile in a model's file, for the reading and the prior in use; None where there is none."""
    info = getattr(classifier, "info", None)
    if not isinstance(info, ModelInfo) or not info.profile:
        return None
    profile = parse_profile(info.profile)
    if not isinstance(classifier, Reader):  # a model file that is asked for the labels it was trained on
        return Reference(info.name, profile, "fer2013" if readings_of(info) else OWN)
    factors = {}
    if classifier.prior and classifier.natural:
        usual = prior_shares(None, classifier.natural)
        factors = {label: usual[label] / classifier.prior[label] for label in usual}
    return Reference(info.name, profile, classifier.reading or OWN, factors)
