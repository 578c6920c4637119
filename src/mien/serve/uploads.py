"""Bodies of requests, within limits on bytes, time and parts; in memory, never on disk."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Final

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from mien.serve.limits import Limits
from mien.serve.problems import Problem, busy

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MULTIPART: Final = "multipart/form-data"

logging.getLogger("python_multipart").addHandler(logging.NullHandler())  # it warns of each damaged body

_LONGEST_NAME: Final = 200  # characters of a file's name
_READ_ON: Final = 4  # times what may be sent of which a refused body is read to its end
_HEADERS: Final = 16  # headers of a part of a multipart body
_CLOSE: Final = {"Connection": "close"}  # what is left of the body is not read


@dataclass(slots=True)
class Upload:
    """A picture as it was sent, and the name of its file without folders."""

    content: bytearray
    name: str


@dataclass
class Memory:
    """The bytes of all uploads that are in memory together."""

    most: int
    used: int = 0

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """A share that is given back at the end of the block."""
        share = Share(self)
        try:
            yield share
        finally:
            self.used -= share.used


@dataclass
class Share:
    """What one request has of the memory for uploads."""

    memory: Memory
    used: int = field(default=0)

    def take(self, num: int) -> None:
        """Raise a `Problem`, 429, where so many bytes more do not fit."""
        if self.memory.used + num > self.memory.most:
            raise busy("too many pictures are on their way", 1)
        self.memory.used += num
        self.used += num


def content_type(request: Request) -> str:
    """The type of the body that the request names, in lower case and without parameters; "" where it names none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def plain_name(name: str, default: str) -> str:
    """A file's name without folders and control characters. It is shown to its sender, and opens nothing.

    >>> plain_name("../../etc/pass\\nwd", "picture"), plain_name("C:\\\\me\\\\party.jpg", "picture")
    ('passwd', 'party.jpg')
    """
    name = PureWindowsPath(name).name  # knows both kinds of slashes
    name = "".join(letter for letter in name if letter.isprintable()).strip()
    return name[:_LONGEST_NAME] or default


async def chunks(request: Request, limits: Limits, most: int) -> AsyncIterator[bytes]:
    """The body, piece by piece; raises a `Problem` where it is larger than `most` bytes or comes too slowly."""
    announced = int(request.headers.get("content-length") or 0)  # the server has checked that it is a number
    if announced > most:
        # The server reads a body to its end, so that a client that sends it first sees the answer; not a huge one.
        raise _too_large(most, _CLOSE if announced > _READ_ON * most else {})
    received = 0
    begun = asyncio.get_running_loop().time()
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout_at(begun + limits.body_seconds + received / limits.slowest):
                piece = await anext(stream, None)
        except TimeoutError:
            raise Problem(408, "slow", "the body came too slowly; it was not waited for any longer", _CLOSE) from None
        if piece is None:
            return
        received += len(piece)
        if received > most:
            raise _too_large(most, _CLOSE)
        yield piece


def _too_large(most: int, headers: Mapping[str, str]) -> Problem:
    return Problem(413, "too-large", f"the body is larger than {most:,} bytes", headers)


async def read_body(request: Request, limits: Limits, share: Share) -> bytearray:
    """The whole body of a request that is one picture."""
    body = bytearray()
    async for piece in chunks(request, limits, limits.picture_bytes):
        share.take(len(piece))
        body += piece
    return body


async def read_parts(request: Request, limits: Limits, share: Share) -> list[Upload]:
    """The pictures of a multipart body, in their order; fields that are no files are not looked at."""
    try:
        _, options = parse_options_header(request.headers.get("content-type"))
        parts = _Parts(limits, share)
        parser = MultipartParser(
            options.get(b"boundary", b""), parts.callbacks(), max_header_count=_HEADERS, max_header_size=4096
        )
        async for piece in chunks(request, limits, limits.request_bytes):
            parser.write(piece)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise Problem(400, "malformed", f"the body is no {MULTIPART}: {error}", _CLOSE) from error
    if not parts.ended:
        raise Problem(400, "malformed", f"the body is no whole {MULTIPART}: it ends too early")
    if not parts.uploads:
        raise Problem(422, "invalid", "the body has no file; send each picture as a part with a file's name")
    return parts.uploads


class _Parts:
    """Collects the parts of a multipart body while it is parsed."""

    def __init__(self, limits: Limits, share: Share) -> None:
        self.uploads: list[Upload] = []
        self.ended = False
        self._limits, self._share = limits, share
        self._num = 0
        self._current: Upload | None = None
        self._field = self._value = b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin, "on_header_field": self._on_field, "on_header_value": self._on_value,
            "on_header_end": self._on_header, "on_part_data": self._on_data, "on_end": self._on_end,
        }  # fmt: skip

    def _begin(self) -> None:
        self._num += 1
        if self._num > self._limits.pictures:
            raise Problem(413, "too-large", f"the body has more than {self._limits.pictures} parts", _CLOSE)
        self._current = None

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            if b"filename" in options:
                name = options[b"filename"].decode("utf-8", "replace")
                self._current = Upload(bytearray(), plain_name(name, f"picture {len(self.uploads) + 1}"))
                self.uploads.append(self._current)
        self._field = self._value = b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._current is None:
            return
        self._share.take(end - start)
        self._current.content += data[start:end]
        if len(self._current.content) > self._limits.picture_bytes:
            most = self._limits.picture_bytes
            raise Problem(413, "too-large", f"{self._current.name} is larger than {most:,} bytes", _CLOSE)

    def _on_end(self) -> None:
        self.ended = True


def chosen(accept: str | None, offers: tuple[str, ...]) -> str:
    """The offered media type that an `Accept` header prefers, of equal ones the first; raises a `Problem` for none.

    >>> chosen("image/png, */*;q=0.1", ("application/json", "image/png"))
    'image/png'
    """
    best, offer = 0.0, ""
    for each in offers:
        quality = _quality(accept or "*/*", each)
        if quality > best:
            best, offer = quality, each
    if not offer:
        raise Problem(406, "accept", f"expected to accept one of {', '.join(offers)}; got {accept!r:.200}")
    return offer


def _quality(accept: str, offer: str) -> float:
    """How much an `Accept` header wants a media type, 0 to 1: by the most specific range that it is in."""
    found = (-1, 0.0)
    for entry in accept[:1000].split(","):
        kind, *options = (part.strip().lower() for part in entry.split(";"))
        if kind in (offer, offer.partition("/")[0] + "/*", "*/*"):
            quality = next((option[2:] for option in options if option.startswith("q=")), "1")
            specific = 2 - kind.count("*")
            found = max(found, (specific, float(quality) if re.fullmatch(r"[01](\.\d{0,3})?", quality) else 0.0))
    return found[1]
