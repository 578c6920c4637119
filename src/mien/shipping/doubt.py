"""What a model file needs to say which of its answers should not be relied on, fitted on a data set."""

import dataclasses

import numpy as np

from mien.data import FaceSet
from mien.emotions import EMOTIONS, parse_vote
from mien.evaluation import class_indices
from mien.evaluation.readings import named_by_most, votes_for
from mien.recognition import FileClassifier, ModelInfo
from mien.recognition.abstention import MOST_CLASSES, packed
from mien.recognition.model_file import LOGITS, VOTES
from mien.recognition.reader import OWN
from mien.recognition.unlike import fit_unlike
from mien.shipping.outliers import outliers


def with_doubt(info: ModelInfo, model: FileClassifier, split: FaceSet) -> ModelInfo:
    """A description of a model file with what is unlike its training, and calibration faces for each reading.

    The calibration faces are those of a split that was not trained on; those that are unlike the training, which are
    never kept, are left out. Right is a face's label, or for people's reading the expression that more than half of the
    votes name, if there is one.
    """
    names = [LOGITS, *([VOTES] if info.vote_labels else [])]
    heads = dict(zip(names, model.run(split.faces, names), strict=True))
    outputs = np.concatenate([*heads.values()], axis=1)
    others = np.concatenate(model.run(outliers(split.faces), names), axis=1)
    unlike = fit_unlike(outputs, others, [logits.shape[1] for logits in heads.values()])
    own = "fer2013" if {*info.labels} == {*EMOTIONS} else OWN
    answers = {own: (heads[LOGITS], class_indices(split, info.labels))}
    if "people" in info.readings and split.votes is not None:
        votes = votes_for(split.votes, tuple(map(parse_vote, info.vote_labels)))
        answers["people"] = heads[VOTES], named_by_most(votes)
    readings = dict(info.readings)
    for reading, (logits, right) in answers.items():
        kept = unlike(outputs) <= 0
        if (right[kept] >= 0).any() and logits.shape[1] <= MOST_CLASSES:
            readings[reading] = {**readings.get(reading, {}), "calibration": packed(logits[kept], right[kept])}
    return dataclasses.replace(info, readings=readings, unlike=unlike.to_dict())
