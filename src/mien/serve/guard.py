"""What every request passes first: who may ask, what an answer's headers say, and what is counted."""

import hmac
import ipaddress
import logging
import re
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.errors import InvalidInput
from mien.serve.metrics import Metrics
from mien.serve.problems import Problem, internal

_LOG: Final = logging.getLogger("mien.serve")

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The content security policy: everything comes from the service itself, and nothing is inline."""

_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}

_ASKS_FOR_TOKEN: Final = ("/v1/", "/metrics")  # all else is the page, its description and its health
_SUBPROTOCOL: Final = "bearer."  # begins the subprotocol in which a browser's WebSocket sends its token


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask.

        >>> Access(token="correct-horse-battery", hosts=("mien.example.org",), origins=("https://example.org",))
        Access(hosts=('mien.example.org',), origins=('https://example.org',))

    Attributes:
        token: What a client has to know; None: nothing. It is in no text of this object.
        hosts: Names by which the service may be asked, beside localhost and addresses of numbers. A page of another
            site whose name was made to lead here would use its own.
        origins: Other sites whose pages may ask, as "https://example.org".

    Raises:
        InvalidInput: The token is too short or holds what a header cannot, or an origin is none.
    """

    token: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.token is not None and not re.fullmatch(r"[A-Za-z0-9._~-]{16,512}", self.token):
            given = "another one was given" if self.token else "this one is empty"
            raise InvalidInput(f"a token has 16 to 512 letters, digits and signs of - . _ ~; {given}")
        for origin in self.origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
                raise InvalidInput(f"an origin is as https://example.org, without a path; got {origin!r}")

    def check(self, connection: HTTPConnection) -> None:
        """Raise a `Problem` where a request or a WebSocket may not be answered."""
        headers = connection.headers
        host = headers.get("host", "")
        name = _name(host)
        if not (name == "localhost" or _is_address(name) or name in self.hosts):
            raise Problem(421, "host", "the service does not go by this name; start it with --allow-host and the name")
        origin = headers.get("origin")
        if origin and connection.scope.get("method") not in ("GET", "HEAD") and not self._known(origin, host):
            raise Problem(403, "origin", "pages of other sites may not ask; start the service with --allow-origin")
        path = connection.scope["path"]
        if self.token and path.startswith(_ASKS_FOR_TOKEN) and not self._authorized(headers, connection.scope):
            raise Problem(
                401, "token", "expected the header Authorization: Bearer, with the service's token",
                {"WWW-Authenticate": "Bearer"},
            )  # fmt: skip

    def _known(self, origin: str, host: str) -> bool:
        return origin in self.origins or urlsplit(origin).netloc == host

    def _authorized(self, headers: Headers, scope: Scope) -> bool:
        assert self.token is not None
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            offers: Iterable[str] = scope.get("subprotocols", ())
            given = next((each.removeprefix(_SUBPROTOCOL) for each in offers if each.startswith(_SUBPROTOCOL)), "")
        return hmac.compare_digest(given.strip().encode("utf-8", "replace"), self.token.encode("ascii"))


def _name(host: str) -> str:
    """The host in a `Host` header, without the port and an IPv6 address's brackets."""
    return re.sub(r":\d+$", "", host).strip("[]").lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """ASGI middleware: checks who asks, gives answers their security headers, counts, and answers what went wrong.

    `admit` may raise a `Problem` for what is to be refused before anything is made of it.
    """

    def __init__(self, app: ASGIApp, access: Access, metrics: Metrics, admit: Callable[[Scope], None]) -> None:
        self._app, self._access, self._metrics, self._admit = app, access, metrics, admit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            self._access.check(HTTPConnection(scope))
            self._admit(scope)
        except Problem as problem:
            self._metrics.rejected.labels(problem.code).inc()
            if scope["type"] == "websocket":
                await self._refuse(problem, scope, receive, send)
            else:
                await self._counted(problem.response(), scope, receive, send)
            return
        if scope["type"] == "websocket":
            try:
                await self._app(scope, receive, send)
            except Exception as error:  # noqa: BLE001 - nobody is told what it was
                _log(error, scope)
            return
        await self._counted(self._app, scope, receive, send)

    async def _refuse(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a WebSocket's first request by a problem, where the server can, and else by its own refusal."""
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = [(b"content-type", b"application/problem+json")]
        await send({"type": "websocket.http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": problem.body()})

    async def _counted(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        begun, status = perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-cache" if _is_page(scope) else "no-store")
            await send(message)

        try:
            await app(scope, receive, answer)
        except ClientDisconnect:  # whoever goes away needs no answer, and is no fault
            return
        except Exception as error:  # noqa: BLE001 - nobody is told what it was
            _log(error, scope)
            if not status:
                await internal().response()(scope, receive, answer)
        finally:
            route = _route(scope)
            if status >= 400:
                self._metrics.rejected.labels(str(status)).inc()
            self._metrics.requests.labels(route, _method(scope), str(status or "gone")).inc()
            self._metrics.request_seconds.labels(route).observe(perf_counter() - begun)


def _log(error: Exception, scope: Scope) -> None:
    """Tell who runs the service what failed; in one line, and whole for a log that is set up for it."""
    places = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(places[-1].filename).name}:{places[-1].lineno}" if places else ""
    _LOG.error("a request to %s failed: %s: %s%s", _route(scope), type(error).__name__, error, place, exc_info=error)


def _is_page(scope: Scope) -> bool:
    return not scope["path"].startswith((*_ASKS_FOR_TOKEN, "/health"))


def _route(scope: Scope) -> str:
    """The pattern of the address: whatever else is asked for, there are only a few."""
    path = getattr(scope.get("route"), "path", "")
    return path if path else "page" if scope.get("endpoint") else "other"


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "DELETE", "OPTIONS") else "other"
