"""Whether the faces of results are unlike those that the model was measured on."""

from collections.abc import Iterable

from mien.analyzer import Analyzer
from mien.drift import Comparison, Drift
from mien.errors import InvalidInput
from mien.recognition.reference import reference_of
from mien.values import Failure, FrameResult


def find_drift(results: Iterable[FrameResult | Failure], analyzer: Analyzer) -> Drift:
    """How the faces of results differ from those that the analyzer's model was measured on.

        >>> drift = find_drift(analyzer.stream("talk.mp4"), analyzer)
        >>> drift.num_faces, drift.num_units, drift.enough
        (25, 1, False)

    `mien.analyze` does the same for a whole job, and has it in `Summary.drift`. docs/drift.md says what is compared,
    and how often there is a false alarm.

    Args:
        results: Pictures, frames and failures, as they come; the frames of a video one after another.
        analyzer: The one that the results are of.

    Raises:
        InvalidInput: The model's file has no reference profile, or the analyzer has a classifier without a file.
    """
    reference = reference_of(analyzer.classifier)
    if reference is None:
        raise InvalidInput(
            f"{analyzer.model} has no reference profile to compare faces with; write the file again with "
            "`mien export MODEL --data DATA`"
        )
    comparison = Comparison(reference)
    for result in results:
        comparison.add(result)
    return comparison.conclude()
