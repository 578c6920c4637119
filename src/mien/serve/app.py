"""The service as an application of ASGI, for any server."""

import asyncio
import json
import logging
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import mien
from mien.analyzer import Analyzer
from mien.errors import MienError
from mien.serve import pictures, streams, videos
from mien.serve.choices import check_query, choices
from mien.serve.guard import Access, Guard
from mien.serve.jobs import Jobs
from mien.serve.limits import Limits
from mien.serve.metrics import CONTENT_TYPE
from mien.serve.problems import Problem, of_error, of_status
from mien.serve.schema import ANSWERS, ModelShape, ProblemShape
from mien.serve.service import Service, service_of
from mien.video.decoder import cores

_LOG: Final = logging.getLogger("mien.serve")
_PAGE: Final = Path(str(files("mien.serve"))) / "static"

# Some systems know these by other names, or not at all.
for _suffix, _kind in {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}.items():
    mimetypes.add_type(_kind, _suffix)

router = APIRouter()


def make_app(
    analyzer: Analyzer, limits: Limits | None = None, access: Access | None = None, *, workers: int | None = None
) -> FastAPI:
    """The service: an application that any server of ASGI runs.

        >>> app = make_app(analyzer, Limits(waiting=8), workers=1)

    A server has to bound how long headers may take, and how many connections there are; `mien serve` does.

    Args:
        analyzer: Finds and reads the faces.
        limits: What is taken at most.
        access: Who may ask; by default whoever reaches the server.
        workers: Threads that analyse pictures; by default as many as there are cores.
    """
    service = Service(analyzer, limits or Limits(), workers or cores())
    access = access or Access()
    cross_origin = Middleware(
        CORSMiddleware, allow_origins=list(access.origins), allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Accept"], expose_headers=["Location", "Retry-After"],
    )  # fmt: skip
    guard = Middleware(Guard, access, service.metrics, service.admit)
    app = FastAPI(
        title="mien", version=mien.__version__, openapi_url=None, lifespan=_lifespan,
        description="Finds the faces in pictures and videos, and says how likely each of several expressions is.",
        middleware=[*([cross_origin] if access.origins else []), guard],
    )  # fmt: skip
    app.state.service = service
    for part in (pictures.router, videos.router):
        app.include_router(part, dependencies=[Depends(check_query)])
    for part in (streams.router, router):
        app.include_router(part)
    if _PAGE.is_dir():
        # Not mounted: what is mounted at the root hides that an address knows other methods.
        app.router.default = _Page(directory=_PAGE, html=True)
    app.add_exception_handler(Problem, _answer_error)
    app.add_exception_handler(MienError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_status)
    app.add_exception_handler(RequestValidationError, _answer_option)
    app.state.description = _description(app)
    app.state.queries = _queries(app)
    return app


class _Page(StaticFiles):
    """The page's files. At all other addresses there is nothing, whatever the method."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):  # which Starlette refuses before it looks for a file
            await super().get_response(path, {**scope, "method": "GET"})
        return await super().get_response(path, scope)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    app.state.jobs = Jobs(service)
    warming = asyncio.create_task(_make_ready(service))
    try:
        yield
    finally:
        service.state = "stopping"
        await warming
        await asyncio.to_thread(app.state.jobs.close)
        await asyncio.to_thread(service.batcher.close)


async def _make_ready(service: Service) -> None:
    try:
        await asyncio.to_thread(service.warm_up)
    except Exception:  # noqa: BLE001 - the model and the detector may be anybody's
        _LOG.exception("the service cannot analyse pictures, and stays unready")
        return
    if service.state == "starting":
        service.state = "ready"


@router.get("/v1/models", response_model=None, responses={200: {"model": ModelShape}, **ANSWERS})
async def models(request: Request) -> Response:
    """The model and the detector that answer, and what is taken at most."""
    service = service_of(request)
    header, classifier = service.variants.of().header, service.analyzer.classifier
    return JSONResponse(
        {
            "model": header.model,
            "labels": list(header.labels),
            "reading": header.reading,
            **choices(service.analyzer),
            "max_error": service.analyzer.max_error,
            "sets": service.analyzer.sets,
            "input_size": classifier.input_size,
            "detector": header.detector,
            "detector_options": header.detector_options,
            "version": mien.__version__,
            "limits": asdict(service.limits),
        }
    )


@router.get("/health/live")
async def live() -> dict[str, str]:
    """Whether the service runs."""
    return {"status": "ok"}


@router.get("/health/ready", responses=ANSWERS)
async def ready(request: Request) -> dict[str, str]:
    """Whether the service takes requests."""
    service_of(request).check_ready()
    return {"status": "ok"}


@router.get("/openapi.json", response_model=None, include_in_schema=False)
async def description(request: Request) -> Response:
    """The description of all addresses for programs."""
    return Response(request.app.state.description, media_type="application/json")


@router.get("/metrics", response_model=None, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    return Response(service_of(request).metrics.text(), media_type=CONTENT_TYPE)


def _answer_error(request: Request, error: Exception) -> Response:
    return of_error(error).response()


def _answer_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return of_status(error.status_code, error.headers).response()


def _answer_option(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = (
        f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg'].removeprefix('Value error, ')}" for each in error.errors()
    )
    return Problem(422, "invalid", "; ".join(faults)).response()


def _queries(app: FastAPI) -> dict[tuple[str, str], tuple[str, ...]]:
    """What may stand in the query of each address, by its method in lower case."""
    return {
        (path, method): tuple(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query")
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    }


def _description(app: FastAPI) -> bytes:
    """FastAPI's description of all addresses, with what an error looks like, and without the 422 of its own."""
    description = app.openapi()
    shapes = description["components"]["schemas"]
    shapes["ProblemShape"] = ProblemShape.model_json_schema()
    for name in ("HTTPValidationError", "ValidationError"):
        shapes.pop(name, None)
    for methods in description["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
    return json.dumps(description).encode("ascii")
