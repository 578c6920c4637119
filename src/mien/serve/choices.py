"""What a request may choose of how faces are read, and the analyzers that do so."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, TypeAlias

from fastapi import Query, Request
from pydantic import BeforeValidator

from mien.analyzer import Analyzer
from mien.recognition.reader import PRIORS, READINGS, Reader, readings_of
from mien.records.sink import Header
from mien.serve.answers import public_header
from mien.serve.problems import Problem
from mien.values import parse_share

Reading: TypeAlias = Annotated[
    Literal["people", "fer2013"] | None, Query(description="Whose answer: people's, or that data set's label.")
]
Prior: TypeAlias = Annotated[
    Literal["halfway", "natural", "even"] | None,
    Query(description="How frequent each expression is assumed to be, for people's reading."),
]

MaxError: TypeAlias = Annotated[
    float | None,
    BeforeValidator(parse_share),
    Query(description="Share of wrong answers to accept, as 20% or 0.2: fewer leave more faces unclear."),
]
Sets: TypeAlias = Annotated[
    float | None,
    BeforeValidator(parse_share),
    Query(description="Add the labels that hold the right one so often, as 90% or 0.9."),
]
Evidence: TypeAlias = Annotated[bool, Query(description="Which parts of each face speak for which expression.")]

_KEPT: Final = 16  # analyzers that are kept; each has a network of its own


def check_query(request: Request) -> None:
    """Refuse what an address does not know: a bound on errors that is misspelt would silently be none."""
    route = request.scope["route"].path, request.method.lower()
    known = request.app.state.queries.get(route, ())
    for name in request.query_params:
        if name not in known:
            expected = f"expected {', '.join(known)}" if known else "it takes none"
            raise Problem(422, "invalid", f"{name[:80]}: is in no query of this address; {expected}")


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """An analyzer, and how its results are made, without a path of this machine."""

    analyzer: Analyzer
    header: Header


class Variants:
    """The analyzers of one service, made as they are asked for.

    >>> variants = Variants(analyzer)
    >>> variants.of(reading="fer2013").header.reading, variants.of().analyzer is analyzer
    ('fer2013', True)
    """

    def __init__(self, analyzer: Analyzer) -> None:
        self._default = Variant(analyzer, public_header(analyzer))
        self._lock = threading.Lock()
        self._made = lru_cache(_KEPT)(self._make)

    def of(
        self,
        *,
        reading: str | None = None,
        prior: str | None = None,
        max_error: float | None = None,
        sets: float | None = None,
        evidence: bool = False,
    ) -> Variant:
        """The analyzer with these settings; those that are None are the service's own.

        Raises:
            InvalidInput: The model has no such reading, its reading no prior, no threshold has so low an error, or the
                model file lacks what is needed for evidence, for `max_error` or for `sets`.
        """
        settings: dict[str, Any] = {}
        if reading is not None and reading != self._default.analyzer.reading:
            settings = {"reading": reading, "prior": None, "labels": "seven"}  # which belong to the other reading
        if prior is not None:
            settings["prior"] = prior
        settings |= {name: each for name, each in (("max_error", max_error), ("sets", sets)) if each is not None}
        if evidence:
            settings["explain"] = True
        with self._lock:
            return self._made(tuple(settings.items())) if settings else self._default

    def _make(self, settings: tuple[tuple[str, Any], ...]) -> Variant:
        analyzer = self._default.analyzer.changed(**dict(settings))
        return Variant(analyzer, public_header(analyzer))


def choices(analyzer: Analyzer) -> Mapping[str, list[str] | bool]:
    """What requests may choose of a service with this analyzer, by the names of their options."""
    classifier = analyzer.classifier
    readings = readings_of(classifier.info) if isinstance(classifier, Reader) else ()
    priors = list(PRIORS) if READINGS[0] in readings else []
    return {
        "readings": list(readings),
        "priors": priors,
        "evidence": isinstance(classifier, Reader),
        "uncertainty": isinstance(classifier, Reader) and classifier.calibration is not None,
    }
