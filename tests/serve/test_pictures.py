import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.analyzer import Analyzer
from mien.images import drawn_by_mien, read_image
from mien.serve.schema import Document
from mien.values import Box, Detection, Image

from .fakes import Ask, Grey, encoded, top_left

JPEG = {"Content-Type": "image/jpeg"}


def test_a_picture_is_answered_by_the_document_of_the_command_line(
    ask: Ask, astronaut: Path, run_mien: Callable[..., Any], tmp_path: Path
) -> None:
    client = ask(Analyzer())
    answer = client.post("/v1/faces?name=astronaut.jpg", content=astronaut.read_bytes(), headers=JPEG)
    assert answer.headers["content-type"] == "application/json"
    Document.model_validate(answer.json())
    written = json.loads(run_mien("analyze", astronaut, "--json", "-").out)
    written["results"][0]["source"] = "astronaut.jpg"
    assert answer.json() == written


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_drawing_can_be_asked_for(ask: Ask, kind: str, tmp_path: Path) -> None:
    answer = ask().post("/v1/faces", content=encoded(side=200), headers=JPEG | {"Accept": f"image/{kind}"})
    assert answer.headers["content-type"] == f"image/{kind}"
    file = tmp_path / f"drawn.{kind}"
    file.write_bytes(answer.content)
    assert read_image(file).shape == (200, 200, 3)
    assert drawn_by_mien(file)


def test_a_drawing_hides_faces_and_leaves_out_panels(ask: Ask) -> None:
    content = io.BytesIO()
    random = np.random.default_rng(0)
    Pillow.fromarray(random.integers(0, 256, (400, 400, 3), dtype=np.uint8)).save(content, "PNG")
    headers = {"Content-Type": "image/png", "Accept": "image/png"}
    client = ask()
    shown, hidden, plain = (
        client.post(f"/v1/faces{query}", content=content.getvalue(), headers=headers).content
        for query in ("", "?anonymize=pixelate", "?panels=false")
    )
    assert len({shown, hidden, plain}) == 3


def test_several_pictures_have_a_result_each(ask: Ask) -> None:
    files = [("a", ("a.jpg", encoded())), ("b", ("../../etc/b.png", b"nonsense")), ("c", ("c.png", encoded("PNG")))]
    answer = ask().post("/v1/faces", files=files)
    assert answer.status_code == 200
    Document.model_validate(answer.json())
    results = answer.json()["results"]
    assert [result["source"] for result in results] == ["a.jpg", "b.png", "c.png"]
    assert [len(result["faces"]) for result in results] == [1, 0, 1]
    assert "begins with" in results[1]["error"]


def test_no_more_faces_are_read_than_allowed(ask: Ask) -> None:
    def many(image: Image) -> list[Detection]:
        return [Detection(Box(n, n, n + 8, n + 8), 0.9) for n in range(5)]

    client = ask(Analyzer(Grey(), many), faces=2)
    result = client.post("/v1/faces", content=encoded(), headers=JPEG).json()["results"][0]
    assert len(result["faces"]) == 2
    assert result["error"] == "the 2 largest of 5 faces were read"


def bomb() -> bytes:
    """A PNG of 60,000×60,000 black pixels in a few kilobytes."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1_000_000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"


@pytest.mark.parametrize(
    ("content", "headers", "query", "status", "code"),
    [
        (b"", JPEG, "", 422, "picture"),
        (b"nonsense", JPEG, "", 422, "picture"),
        (bomb(), JPEG, "", 422, "picture"),
        (encoded()[:200], JPEG, "", 422, "picture"),
        (SVG, JPEG, "", 422, "picture"),
        (b"<!doctype html><script>alert(1)</script>", JPEG, "", 422, "picture"),
        (b"%!PS\n(x) run", JPEG, "", 422, "picture"),
        (b"http://169.254.169.254/latest", JPEG, "", 422, "picture"),
        (b"/etc/passwd", JPEG, "", 422, "picture"),
        (SVG, {"Content-Type": "text/html"}, "", 415, "content-type"),
        (SVG, {}, "", 415, "content-type"),
        (b"\0\0\0 ftypisom", {"Content-Type": "video/mp4"}, "", 415, "content-type"),
        (encoded(), {"Content-Type": "application/json"}, "", 415, "content-type"),
        (encoded(), JPEG | {"Accept": "text/html"}, "", 406, "accept"),
        (encoded(), JPEG, "?anonymize=blur", 422, "invalid"),
        (encoded(), JPEG, "?panels=false", 422, "invalid"),
        (encoded(), JPEG, "?max-error=1%25", 422, "invalid"),
        (encoded(), JPEG | {"Accept": "image/png"}, "?anonymize=mask", 422, "invalid"),
        (b"x" * 5_001, JPEG, "", 413, "too-large"),
        (b"x" * 500_000, JPEG, "", 413, "too-large"),
    ],
)
def test_what_is_refused(ask: Ask, content: bytes, headers: dict[str, str], query: str, status: int, code: str) -> None:
    answer = ask(picture_bytes=5_000).post(f"/v1/faces{query}", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == {"type", "title", "status", "detail", "code"}
    assert "Traceback" not in answer.text
    assert "/src/" not in answer.text


def part(name: str, content: bytes = b"x") -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="a"; filename="%s"\r\n\r\n%s\r\n' % (name.encode(), content)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nonsense", 400),
        (part("a.jpg"), 400),  # without its end
        (part("a.jpg") * 17 + b"--b--\r\n", 413),
        (part("a.jpg", b"x" * 5_001) + b"--b--\r\n", 413),
        (part("a.jpg", b"x" * 4_000) * 3 + b"--b--\r\n", 413),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n', 422),
        (b"--b\r\n" + b"X: y\r\n" * 100 + b"\r\n--b--\r\n", 400),
        (b"--b\r\nX: " + b"y" * 9_000 + b"\r\n\r\n--b--\r\n", 400),
    ],
    ids=["empty", "nonsense", "cut off", "many", "large", "large together", "no file", "headers", "long header"],
)
def test_multipart_bodies_that_are_refused(ask: Ask, body: bytes, status: int) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = ask(picture_bytes=5_000, request_bytes=10_000).post("/v1/faces", content=body, headers=headers)
    assert answer.status_code == status, answer.text


def test_a_multipart_body_needs_a_boundary(ask: Ask) -> None:
    answer = ask().post("/v1/faces", content=part("a"), headers={"Content-Type": "multipart/form-data"})
    assert answer.status_code == 400


def test_no_more_is_in_memory_than_allowed(ask: Ask) -> None:
    answer = ask(upload_bytes=100).post("/v1/faces", content=encoded(), headers=JPEG)
    assert (answer.status_code, answer.json()["code"]) == (429, "busy")


def test_memory_is_given_back(ask: Ask) -> None:
    content = encoded()
    client = ask(upload_bytes=len(content))
    statuses = [client.post("/v1/faces", content=content, headers=JPEG).status_code for _ in range(3)]
    assert statuses == [200, 200, 200]


def test_an_answer_that_takes_too_long_is_given_up(ask: Ask) -> None:
    release, slow = Event(), Event()

    def detector(image: Image) -> list[Detection]:
        if slow.is_set():
            release.wait(60)
        return top_left(image)

    client = ask(Analyzer(Grey(), detector), answer_seconds=0.1)
    slow.set()
    answer = client.post("/v1/faces", content=encoded(), headers=JPEG)
    release.set()
    assert (answer.status_code, answer.json()["code"]) == (504, "timeout")


def test_a_fault_tells_nothing_of_itself(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    broken = Event()

    def detector(image: Image) -> list[Detection]:
        if broken.is_set():
            raise KeyError("/home/me/secret")
        return top_left(image)

    client = ask(Analyzer(Grey(), detector))
    broken.set()
    answer = client.post("/v1/faces", content=encoded(), headers=JPEG)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert "KeyError: '/home/me/secret' at test_pictures.py:" in caplog.text


def test_a_misspelt_query_is_refused_with_those_there_are(ask: Ask) -> None:
    """A bound on errors that is misspelt would silently be none."""
    client = ask()
    answer = client.post("/v1/faces?name=a&max-error=1%25", content=encoded(), headers=JPEG)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("max-error: is in no query of this address; expected name, reading,")
    answer = client.get("/v1/jobs/none?wait=1")
    assert (answer.status_code, answer.json()["detail"]) == (
        422, "wait: is in no query of this address; it takes none",
    )  # fmt: skip


def test_a_drawing_of_one_part_is_told_how_to_be_sent(ask: Ask) -> None:
    answer = ask().post("/v1/faces", files={"a": encoded()}, headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert "send one picture as an image/* body" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "kind", "other"), [("/v1/faces", "video/mp4", "/v1/videos"), ("/v1/videos", "image/png", "/v1/faces")]
)
def test_a_body_of_the_other_kind_is_told_where_it_goes(ask: Ask, path: str, kind: str, other: str) -> None:
    answer = ask().post(path, content=b"x", headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert answer.json()["detail"].endswith(f"got {kind}; {'videos' if 'video' in kind else 'pictures'} go to {other}")
