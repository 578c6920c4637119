"""What became of inputs, and counting it, so that the counts of shards can be added."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from mien.records.results import result_from_dict, result_to_dict
from mien.values import Failure, FrameResult

Status: TypeAlias = Literal["ok", "skipped", "damaged", "failed", "crashed"]
"""What became of an input: analysed; passed over, as mien drew it; analysed but for a damaged part of a video; not
readable; or it ended the process that analysed it."""

_FROM_GOOD_TO_BAD: Final[tuple[Status, ...]] = ("ok", "skipped", "damaged", "failed", "crashed")

RETRIED: Final[tuple[Status, ...]] = ("damaged", "failed", "crashed")
"""What `--retry failed` does again."""

FEW: Final = 10  # failures that are kept with their reasons; the tables have all


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one picture, or of one frame of a video.

    Attributes:
        input: The input's number.
        result: The faces, or why there are none.
        status: What became of it.
        sha256: Of the input's content; None where it is no file that can be read.
    """

    input: int
    result: FrameResult | Failure
    status: Status
    sha256: str | None = None

    def to_record(self) -> dict[str, Any]:
        """As JSON has it."""
        failed = isinstance(self.result, Failure)
        result = {"source": self.result.source, "error": self.result.error} if failed else result_to_dict(self.result)  # type: ignore[arg-type]
        return {"input": self.input, "status": self.status, "sha256": self.sha256, "failed": failed, "result": result}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Outcome":
        """The outcome that `to_record` recorded."""
        result = Failure(**record["result"]) if record["failed"] else result_from_dict(record["result"])
        return cls(record["input"], result, record["status"], record["sha256"])


@dataclass(slots=True)
class Tally:
    """Counts over some inputs.

    Attributes:
        num_inputs: Pictures, and videos or parts of them.
        num_frames: Pictures and frames that were analysed.
        num_faces: Faces in them; a person counts once a frame.
        num_rows: Rows of the tables.
        statuses: How many inputs became what; of a video's frames the worst counts.
        labels: How often each expression led; and how often none did so clearly, as "unclear".
        failures: The first few inputs that failed, and why.
    """

    num_inputs: int = 0
    num_frames: int = 0
    num_faces: int = 0
    num_rows: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    @property
    def num_failed(self) -> int:
        """Inputs of which at least a part failed."""
        return sum(self.statuses[status] for status in RETRIED)

    def add_input(self, outcomes: Iterable[Outcome]) -> Iterable[Outcome]:
        """Count the outcomes of one input, which are passed on."""
        worst: Status = "ok"
        for outcome in outcomes:
            worst = max(worst, outcome.status, key=_FROM_GOOD_TO_BAD.index)
            result = outcome.result
            if isinstance(result, FrameResult):
                self.num_frames += 1
                self.num_faces += len(result.faces)
                self.labels.update(face.shown for face in result.faces)
            if outcome.status in RETRIED and len(self.failures) < FEW:
                self.failures.append(Failure(result.source, result.error or ""))
            yield outcome
        self.num_inputs += 1
        self.statuses[worst] += 1

    def add(self, other: "Tally") -> None:
        """Add the counts of other inputs."""
        for name in ("num_inputs", "num_frames", "num_faces", "num_rows", "statuses", "labels"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.failures = [*self.failures, *other.failures][:FEW]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        plain = {name: getattr(self, name) for name in ("num_inputs", "num_frames", "num_faces", "num_rows")}
        failures = [{"source": each.source, "error": each.error} for each in self.failures]
        counters = {"statuses": dict(sorted(self.statuses.items())), "labels": dict(sorted(self.labels.items()))}
        return plain | counters | {"failures": failures}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Tally":
        """The counts that `to_dict` recorded."""
        names = ("num_inputs", "num_frames", "num_faces", "num_rows")
        failures = [Failure(**each) for each in record["failures"]]
        plain = {name: record[name] for name in names}
        return cls(
            **plain, statuses=Counter(record["statuses"]), labels=Counter(record["labels"]), failures=failures
        )  # fmt: skip
