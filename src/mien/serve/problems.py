"""Errors as a client gets them: RFC 9457's problem details. No text of the server's own faults is among them."""

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from mien.errors import InvalidInput, MienError, MissingExtra, reason

CONTENT_TYPE: Final = "application/problem+json"

_OF_HTTP: Final = {400: "malformed", 404: "not-found", 405: "method"}
_TITLES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}  # older Pythons have older names
_LONGEST_DETAIL: Final = 500  # characters: messages quote what came


class Problem(Exception):
    """An answer that is an error.

        >>> Problem(404, "not-found", "there is no such job").body()
        b'{"type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no such job", ...}'

    Args:
        status: The status of HTTP.
        code: What kind of error it is, for programs.
        detail: What went wrong and what to do, for people.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, dict(headers or {})

    def fields(self) -> dict[str, Any]:
        """The fields of the answer."""
        return {
            "type": "about:blank",
            "title": _TITLES.get(self.status) or HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail[:_LONGEST_DETAIL],
            "code": self.code,
        }

    def body(self) -> bytes:
        """The answer's body."""
        return json.dumps(self.fields()).encode("ascii")

    def response(self) -> Response:
        """The answer."""
        return Response(self.body(), self.status, self.headers, media_type=CONTENT_TYPE)


def busy(what: str, seconds: float) -> Problem:
    """The answer where too much waits already; `seconds` is how long that takes."""
    wait = max(1, math.ceil(seconds))
    return Problem(429, "busy", f"{what}; try again in {wait} s", {"Retry-After": str(wait)})


def not_ready(what: str) -> Problem:
    """The answer while the service starts or stops."""
    return Problem(503, "not-ready", what, {"Retry-After": "1"})


def internal() -> Problem:
    """The answer to a fault of the service's own, of which it says nothing more."""
    return Problem(500, "internal", "something went wrong in the service; its log says more")


def of_error(error: BaseException) -> Problem:
    """What a client is told of an error that was raised while its request was answered."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, MissingExtra):  # whose message names the folder that mien was installed from
        return Problem(501, error.code, "the service was installed without what this needs")
    if isinstance(error, InvalidInput):
        return Problem(422, error.code, reason(error))
    if isinstance(error, MienError):
        return Problem(500, error.code, internal().detail)
    if isinstance(error, TimeoutError):
        return Problem(504, "timeout", "the answer took too long")
    return internal()


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """The answer for a bare status of HTTP, as of an address that does not exist."""
    details = {404: "there is nothing at this address", 405: "this address knows other methods"}
    phrase = HTTPStatus(status).phrase
    return Problem(status, _OF_HTTP.get(status, "invalid"), details.get(status, phrase), headers)
