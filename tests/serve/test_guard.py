import logging
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from starlette.testclient import WebSocketDenialResponse

from mien.errors import InvalidInput
from mien.serve.guard import POLICY, Access
from mien.serve.problems import Problem

from .fakes import STREAM, Ask, encoded

TOKEN = "correct-horse-battery-staple"
JPEG = {"Content-Type": "image/jpeg"}


def connection(method: str = "GET", path: str = "/v1/models", **headers: str) -> HTTPConnection:
    given = {"host": "localhost:8000", **headers}
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()]
    return HTTPConnection({"type": "http", "method": method, "path": path, "headers": pairs})


@pytest.mark.parametrize(
    ("host", "known"),
    [("localhost", True), ("localhost:8000", True), ("127.0.0.1:80", True), ("[::1]:8000", True), ("10.1.2.3", True),
     ("mien.example.org", True), ("MIEN.example.org:443", True), ("evil.example", False), ("", False),
     ("localhost.evil.example", False), ("127.0.0.1.evil.example", False)],
)  # fmt: skip
def test_the_service_answers_to_its_own_names_only(host: str, known: bool) -> None:
    access = Access(hosts=("mien.example.org",))
    if known:
        access.check(connection(host=host))
        return
    with pytest.raises(Problem) as caught:
        access.check(connection(host=host))
    assert caught.value.status == 421


@pytest.mark.parametrize(
    ("method", "origin", "known"),
    [("POST", "http://localhost:8000", True), ("POST", "https://app.example", True),
     ("POST", "https://evil.example", False), ("POST", "null", False), ("DELETE", "http://localhost:1", False),
     ("GET", "https://evil.example", True)],
)  # fmt: skip
def test_pages_of_other_sites_may_change_nothing(method: str, origin: str, known: bool) -> None:
    access = Access(origins=("https://app.example",))
    if known:
        access.check(connection(method, origin=origin))
        return
    with pytest.raises(Problem) as caught:
        access.check(connection(method, origin=origin))
    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 401), ("", 401), (f"Bearer {TOKEN}", 200), (f"bearer {TOKEN}", 200), (f"Basic {TOKEN}", 401),
     (f"Bearer {TOKEN}x", 401), (f"Bearer {TOKEN[:-1]}", 401), ("Bearer \xff\xfe", 401)],
)  # fmt: skip
def test_a_token_has_to_be_known(ask: Ask, header: str | None, status: int) -> None:
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    answer = ask(token=TOKEN).get("/v1/models", headers=headers)
    assert answer.status_code == status
    assert status == 200 or answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/v1/faces", "/v1/jobs/x", "/metrics", "/v1/nothing"])
def test_all_but_the_page_needs_the_token(ask: Ask, path: str) -> None:
    client = ask(token=TOKEN)
    assert client.get(path).status_code == 401
    assert [client.get(each).status_code for each in ("/health/live", "/openapi.json")] == [200, 200]


@pytest.mark.parametrize("offered", [[], ["mien"], ["mien", "bearer.wrong-wrong-wrong-wrong"]])
def test_a_stream_needs_the_token(ask: Ask, offered: list[str]) -> None:
    with pytest.raises(WebSocketDenialResponse) as caught, ask(token=TOKEN).websocket_connect(STREAM, offered):
        pass
    assert caught.value.status_code == 401


def test_a_stream_takes_the_token_as_a_subprotocol(ask: Ask) -> None:
    with ask(token=TOKEN).websocket_connect(STREAM, ["mien", f"bearer.{TOKEN}"]) as socket:
        assert socket.accepted_subprotocol == "mien"
        socket.send_bytes(encoded())
        assert socket.receive_json()["faces"]


def test_a_stream_is_for_pages_of_this_site_only(ask: Ask) -> None:
    evil = {"Origin": "https://evil.example"}
    with pytest.raises(WebSocketDenialResponse) as caught, ask().websocket_connect(STREAM, headers=evil):
        pass
    assert caught.value.status_code == 403


@pytest.mark.parametrize(
    "token", ["short", "with a space in it", "with\nline feeds in it", "x" * 1000, "ümlauts-in-the-token"]
)
def test_a_token_is_long_and_plain(token: str) -> None:
    with pytest.raises(InvalidInput, match="a token has") as caught:
        Access(token)
    assert token not in str(caught.value)


def test_a_token_is_in_no_text() -> None:
    assert TOKEN not in repr(Access(TOKEN))


@pytest.mark.parametrize("origin", ["*", "example.org", "https://example.org/", "null"])
def test_an_origin_is_a_site(origin: str) -> None:
    with pytest.raises(InvalidInput, match="an origin is"):
        Access(origins=(origin,))


@pytest.mark.parametrize("path", ["/", "/v1/models", "/nothing", "/health/live", "/openapi.json"])
def test_every_answer_has_security_headers_and_none_for_other_sites(ask: Ask, path: str) -> None:
    headers = ask().get(path, headers={"Origin": "https://evil.example"}).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"]
    assert not [name for name in headers if name.startswith("access-control")]


def test_a_site_that_is_named_may_ask(ask: Ask) -> None:
    client = ask(origins=("https://app.example",), token=TOKEN)
    origin = {"Origin": "https://app.example"}
    asked = origin | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    allowed = client.options("/v1/faces", headers=asked)
    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    answer = client.post("/v1/faces", content=encoded(), headers=JPEG | origin | {"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1", "%0d%0aX-Evil:%201", "é\x00"])
def test_no_header_is_made_of_what_came(ask: Ask, name: str) -> None:
    answer = ask().post("/v1/faces", params={"name": name}, content=encoded(), headers=JPEG)
    assert answer.status_code == 200
    assert "x-evil" not in answer.headers


def test_no_picture_and_no_name_is_logged(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "mien")
    client = ask()
    client.post("/v1/faces?name=my-secret.jpg", content=encoded(), headers=JPEG)
    client.post("/v1/faces?name=my-secret.jpg", content=b"my-secret", headers=JPEG)
    assert "my-secret" not in "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("mien")
    )


def test_what_was_done_is_counted(ask: Ask) -> None:
    client = ask()
    client.post("/v1/faces", content=encoded(), headers=JPEG)
    client.post("/v1/faces", content=b"nonsense", headers=JPEG)
    client.get("/a/path/that/nobody/knows")
    text = client.get("/metrics").text
    lines: Any = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert lines['mien_requests_total{method="POST",route="/v1/faces",status="200"}'] == "1.0"
    assert lines['mien_requests_total{method="POST",route="/v1/faces",status="422"}'] == "1.0"
    assert lines["mien_faces_total"] == "1.0"
    assert lines["mien_pictures_total"] == "1.0"
    assert all(f'stage="{stage}"' in text for stage in ("queue", "decode", "detect", "classify", "answer"))
    assert "nobody" not in text
