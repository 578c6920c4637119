import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from mien.serve.limits import Limits
from mien.serve.problems import Problem
from mien.serve.uploads import Memory, Upload, chosen, plain_name, read_parts

OFFERS = ("application/json", "image/png")


@pytest.mark.parametrize(
    ("accept", "offer"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("image/*", "image/png"),
        ("image/png, */*;q=0.1", "image/png"),
        ("application/json;q=0.2, image/png;q=0.3", "image/png"),
        ("image/png;q=0, */*", "application/json"),
        ("IMAGE/PNG; q=1.0", "image/png"),
    ],
)
def test_what_is_accepted_most_is_chosen(accept: str | None, offer: str) -> None:
    assert chosen(accept, OFFERS) == offer


@pytest.mark.parametrize("accept", ["text/html", "image/png;q=0", "", "a" * 100_000, "*/*;q=x"])
def test_what_cannot_be_given_is_refused(accept: str) -> None:
    if accept == "":
        assert chosen(accept, OFFERS) == OFFERS[0]
        return
    with pytest.raises(Problem, match="expected to accept"):
        chosen(accept, OFFERS)


@given(st.text())
def test_a_name_has_no_folder_and_no_control_character(name: str) -> None:
    plain = plain_name(name, "picture")
    assert plain
    assert plain.isprintable()
    assert not set(plain) & set("/\\")
    assert len(plain) <= 200


def parts_of(pieces: list[bytes], kind: str) -> list[Upload]:
    """The parts of a body that comes in these pieces."""
    rest = iter(pieces)

    async def receive() -> dict[str, Any]:
        piece = next(rest, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    request = Request({"type": "http", "headers": [(b"content-type", kind.encode("latin-1"))]}, receive)

    async def read() -> list[Upload]:
        with Memory(10_000).share() as share:
            return await read_parts(request, Limits(picture_bytes=1_000, pictures=3), share)

    return asyncio.run(read())


PIECE = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"--b\r\n", b"--b--\r\n", b"\r\n", b"\r\n\r\n", b"Content-Disposition: form-data; ",
                     b'name="a"; filename="a.jpg"', b'filename*=UTF-8\'\'%ff', b'filename="\r\nX: y"']),
)  # fmt: skip


@given(
    st.lists(PIECE, max_size=20), st.sampled_from(["multipart/form-data; boundary=b", "multipart/form-data", "b=;;"])
)
def test_any_multipart_body_gives_parts_or_a_problem(pieces: list[bytes], kind: str) -> None:
    try:
        found = parts_of(pieces, kind)
    except Problem as problem:
        assert problem.status in (400, 413, 422)
    else:
        assert all(upload.name for upload in found)


@given(st.integers(1, 40))
def test_the_parts_are_the_same_in_whatever_pieces_they_come(size: int) -> None:
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="x"; filename="%d.jpg"\r\n\r\n%s\r\n' % (n, b"\r\n--c" * n)
        for n in range(3)
    ) + b"--b--\r\n"  # fmt: skip
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    found = parts_of(pieces, "multipart/form-data; boundary=b")
    assert [(each.name, bytes(each.content)) for each in found] == [(f"{n}.jpg", b"\r\n--c" * n) for n in range(3)]
