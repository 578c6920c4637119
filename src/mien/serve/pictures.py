"""POST /v1/faces."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Query, Request, Response

from mien.analyzer import Analyzer
from mien.drawing import Anonymization
from mien.errors import PictureError
from mien.serve.answers import document, document_about, drawn, explained
from mien.serve.batching import Work
from mien.serve.choices import Evidence, MaxError, Prior, Reading, Sets
from mien.serve.problems import Problem
from mien.serve.schema import ANSWERS, Document
from mien.serve.service import hiding, service_of
from mien.serve.uploads import MULTIPART, Upload, chosen, content_type, plain_name, read_body, read_parts
from mien.values import Failure, FrameResult

T = TypeVar("T")

router = APIRouter()

JSON: Final = "application/json"
_DRAWN: Final = {"image/png": "PNG", "image/jpeg": "JPEG"}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            MULTIPART: {"schema": {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}}},
        },
    }
}


@router.post(
    "/v1/faces",
    response_model=None,
    openapi_extra=_BODY,
    responses={
        200: {
            "model": Document,
            "description": "The faces of each picture, or one picture with them drawn",
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _DRAWN},
        },
        **ANSWERS,
    },
)
async def faces(
    request: Request,
    name: Annotated[str | None, Query(max_length=1000, description="What the result calls the picture.")] = None,
    reading: Reading = None,
    prior: Prior = None,
    max_error: MaxError = None,
    sets: Sets = None,
    evidence: Evidence = False,
    anonymize: Annotated[Anonymization | None, Query(description="Hide every face in what is drawn.")] = None,
    explain: Annotated[int | None, Query(ge=0, description="Draw a sheet about the face of this number.")] = None,
    panels: Annotated[bool | None, Query(description="Whether all probabilities are drawn, or labels only.")] = None,
) -> Response:
    """The faces of one picture (`image/*`) or of several (`multipart/form-data`), and what each shows."""
    service = service_of(request)
    service.check_ready()
    kind = chosen(request.headers.get("accept"), (JSON, *_DRAWN))
    several = _several(request)
    if kind == JSON and (anonymize or panels is not None or explain is not None):
        raise Problem(422, "invalid", "anonymize, panels and explain are about a drawing; accept image/png to have one")
    if kind != JSON and several:
        raise Problem(
            406, "accept", f"{MULTIPART} is answered by JSON only; send one picture as an image/* body to have it drawn"
        )
    if evidence and several:
        raise Problem(422, "invalid", "evidence is given for one picture at a time")
    explains = evidence or explain is not None
    variant = await asyncio.to_thread(
        service.variants.of, reading=reading, prior=prior, max_error=max_error, sets=sets, evidence=explains
    )
    with service.memory.share() as share:
        if several:
            uploads = await read_parts(request, service.limits, share)
            results = await _answered(request, variant.analyzer, uploads, lambda result: result)
            content = await asyncio.to_thread(document, variant.header, map(_listed, uploads, results))
            return Response(content, media_type=JSON)
        upload = Upload(await read_body(request, service.limits, share), plain_name(name or "", "picture"))
        hide = await asyncio.to_thread(hiding, anonymize) if anonymize else None
        drawing = partial(drawn, panels=panels is not False, evidence=evidence)
        sheet = drawing if explain is None else partial(explained, number=explain)
        text = partial(document_about, variant.header, evidence=evidence)
        finish = text if kind == JSON else partial(sheet, kind=_DRAWN[kind], hide=hide)
        [answer] = await _answered(request, variant.analyzer, [upload], finish)
    if isinstance(answer, Exception):
        raise answer
    return Response(answer, media_type=kind)


def _several(request: Request) -> bool:
    """Whether the body holds several pictures, by its type."""
    kind = content_type(request)
    if kind == MULTIPART:
        return True
    if not kind.startswith("image/") and kind != "application/octet-stream":
        hint = "; videos go to /v1/videos" if kind.startswith("video/") else ""
        raise Problem(
            415, "content-type",
            f"expected a body of the type image/*, or {MULTIPART}; got {kind[:100] or 'no type'}{hint}",
        )  # fmt: skip
    return False


async def _answered(
    request: Request, analyzer: Analyzer, uploads: Sequence[Upload], finish: Callable[[FrameResult], T]
) -> list[T | Exception]:
    """What is made of each picture, or why nothing is; raises a `Problem` where the whole request cannot be answered.

    What waits is given up when the client goes away.
    """
    service = service_of(request)
    works = [Work(analyzer, upload.content, upload.name, finish) for upload in uploads]
    service.batcher.submit(works)
    answers = asyncio.gather(*(asyncio.wrap_future(work.done) for work in works), return_exceptions=True)
    gone: asyncio.Future[Any] = asyncio.ensure_future(
        request.receive()
    )  # what comes after the body is the end of the connection
    try:
        waits: set[asyncio.Future[Any]] = {answers, gone}
        await asyncio.wait(waits, timeout=service.limits.answer_seconds, return_when=asyncio.FIRST_COMPLETED)
        if not answers.done():
            raise Problem(504, "timeout", f"the answer took more than {service.limits.answer_seconds:g} s")
        found: list[T | BaseException] = answers.result()
        return [each if not isinstance(each, BaseException) else _known(each) for each in found]
    finally:
        answers.cancel()
        gone.cancel()


def _known(error: BaseException) -> Exception:
    """An error that may be the answer for one picture; any other is raised, as a fault of the service's own."""
    if isinstance(error, PictureError):
        return error
    raise error


def _listed(upload: Upload, result: FrameResult | Exception) -> FrameResult | Failure:
    return result if isinstance(result, FrameResult) else Failure(upload.name, str(result))
