"""Results as a client gets them: the JSON document of the command line, or a drawn picture."""

import io
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from mien.analyzer import Analyzer
from mien.drawing import annotate, explain
from mien.errors import InvalidInput
from mien.images import DRAWN_COMMENT, encode_image
from mien.jobs.hiding import Hiding
from mien.jobs.outputs import header_of
from mien.records.json_files import JsonSink
from mien.records.results import json_text
from mien.records.sink import Header
from mien.serve.evidence import evidence_of
from mien.values import Failure, FrameResult


def public_header(analyzer: Analyzer, **others: Any) -> Header:
    """How results are made, with the names of files and without their folders."""
    header = header_of(analyzer, **others)
    options = {
        name: Path(value).name if isinstance(value, Path) else header.detector_options[name]
        for name, value in analyzer.detector_options.items()
    }
    return replace(header, model=PurePath(header.model).name, detector_options=options)


def document(header: Header, results: Iterable[FrameResult | Failure]) -> bytes:
    """The JSON document about some pictures, as `mien analyze --json` writes it."""
    content = io.BytesIO()
    with JsonSink(content, header) as sink:
        for result in results:
            sink.write(result)
    return content.getvalue()


def document_about(header: Header, result: FrameResult, *, evidence: bool) -> bytes:
    """The same about one picture; with the evidence beside the faces, where they carry explanations."""
    if not evidence:
        return document(header, [result])
    record = json.loads(document(header, [result]))
    record["results"][0]["evidence"] = evidence_of(result)
    return json_text(record).encode()


def drawn(result: FrameResult, kind: str, *, panels: bool, evidence: bool, hide: Hiding | None) -> bytes:
    """A picture's result drawn into it, as a PNG or a JPEG that is marked as drawn by mien."""
    hidden = hide.picture(result) if hide else result
    assert hidden.image is not None
    image = annotate(hidden.image, result.faces, panels=panels, evidence=evidence)
    return encode_image(image, kind, comment=DRAWN_COMMENT)


def explained(result: FrameResult, kind: str, *, number: int, hide: Hiding | None) -> bytes:
    """A sheet about one face of a picture's result, as a PNG or a JPEG that is marked as drawn by mien."""
    if number >= len(result.faces):
        raise InvalidInput(f"explain is a face's number, from 0 on; faces in the picture: {len(result.faces)}")
    hidden = hide.picture(result) if hide else result
    assert hidden.image is not None
    return encode_image(explain(hidden.image, result.faces[number]), kind, comment=DRAWN_COMMENT)
