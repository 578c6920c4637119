"""POST /v1/videos, and /v1/jobs."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import FileResponse, JSONResponse

from mien.jobs.settings import VideoSettings
from mien.serve.choices import MaxError, Prior, Reading, Sets
from mien.serve.jobs import Job, Jobs
from mien.serve.problems import Problem
from mien.serve.schema import ANSWERS, JobShape
from mien.serve.service import service_of
from mien.serve.uploads import chosen, chunks, content_type, plain_name
from mien.tracking.smoothing import Smoothing
from mien.video.decoder import has_pyav

router = APIRouter()

_LINES: Final = "application/jsonl"
_PARQUET: Final = "application/vnd.apache.parquet"
_LINES_TOO: Final = ("application/x-ndjson", "application/json-lines")  # other names of JSON Lines

_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"video/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_RESULTS: Final[dict[str, Any]] = {
    kind: {"schema": {"type": "string", "format": "binary"}} for kind in (_LINES, _PARQUET)
}


@router.post(
    "/v1/videos",
    status_code=202,
    response_model=None,
    openapi_extra=_BODY,
    responses={202: {"model": JobShape, "description": "The job that analyses the video"}, **ANSWERS},
)
async def videos(
    request: Request,
    name: Annotated[str | None, Query(max_length=1000, description="What the results call the video.")] = None,
    reading: Reading = None,
    prior: Prior = None,
    max_error: MaxError = None,
    sets: Sets = None,
    start: Annotated[float, Query(description="Seconds; frames before it are left out.")] = 0.0,
    end: Annotated[float | None, Query(description="Seconds; this frame and later ones are left out.")] = None,
    every: Annotated[int, Query(ge=1, description="Every n-th frame only.")] = 1,
    fps: Annotated[float | None, Query(description="At most so many frames a second.")] = None,
    smoothing: Annotated[Smoothing, Query(description="How scores are smoothed over time.")] = "ema",
    smoothing_seconds: Annotated[float | None, Query(description="Its time constant, or its window.")] = None,
    baseline: Annotated[float, Query(description="Seconds at first that show each face at rest.")] = 0.0,
) -> Response:
    """Begin the analysis of a video, whose file is the body."""
    service = service_of(request)
    service.check_ready()
    kind = content_type(request)
    if not kind.startswith("video/") and kind not in ("application/octet-stream", "application/mp4", "image/gif"):
        hint = "; pictures go to /v1/faces" if kind.startswith("image/") else ""
        raise Problem(415, "content-type", f"expected a body of the type video/*; got {kind[:100] or 'no type'}{hint}")
    if not has_pyav():  # OpenCV cannot be kept from opening what a file refers to
        raise Problem(501, "missing-extra", "the service was installed without videos; it needs the extra video")
    settings = VideoSettings(
        start=start, end=end, every=every, fps=fps, smoothing=smoothing, smoothing_seconds=smoothing_seconds,
        baseline=baseline,
    )  # fmt: skip
    variant = await asyncio.to_thread(service.variants.of, reading=reading, prior=prior, max_error=max_error, sets=sets)
    content = chunks(request, service.limits, service.limits.video_bytes)
    job = await _jobs(request).add(variant.analyzer, plain_name(name or "", "video"), settings, content)
    return _answer(request, job, 202)


@router.get("/v1/jobs/{job_id}", response_model=None, responses={200: {"model": JobShape}, **ANSWERS})
async def job(request: Request, job_id: str) -> Response:
    """How far the analysis of a video is."""
    return _answer(request, _jobs(request).find(job_id))


@router.get(
    "/v1/jobs/{job_id}/results",
    response_model=None,
    responses={200: {"description": "A line or a row for each frame and face", "content": _RESULTS}, **ANSWERS},
)
async def results(request: Request, job_id: str) -> Response:
    """What was found in a video, when its job is done."""
    jobs = _jobs(request)
    found = jobs.find(job_id)
    kind = chosen(request.headers.get("accept"), (_LINES, _PARQUET, *_LINES_TOO))
    return FileResponse(jobs.results(found, table=kind == _PARQUET), media_type=kind)


@router.delete("/v1/jobs/{job_id}", status_code=204, response_model=None, responses=ANSWERS)
async def delete(request: Request, job_id: str) -> Response:
    """Stop a job if it has not ended, and delete its files."""
    jobs = _jobs(request)
    jobs.remove(jobs.find(job_id))
    return Response(status_code=204)


def _jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.jobs
    return jobs


def _answer(request: Request, job: Job, status: int = 200) -> Response:
    place = {"Location": f"/v1/jobs/{job.id}"} if status == 202 else None
    return JSONResponse(job.fields(service_of(request).limits.kept_seconds), status, headers=place)
