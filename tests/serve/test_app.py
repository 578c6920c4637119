import json
import re
from pathlib import Path
from threading import Event
from typing import Any

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient

from mien.analyzer import Analyzer
from mien.images import encode_image
from mien.serve.answers import public_header
from mien.serve.app import make_app
from mien.serve.schema import Document, JobShape, ModelShape
from mien.values import Detection, Image

from .fakes import STREAM, Ask, Grey, encoded, top_left, when_ready


@pytest.fixture(scope="module")
def shipped() -> Analyzer:
    return Analyzer("mini-xception")


def test_nothing_is_answered_before_it_is_ready() -> None:
    release = Event()

    def detector(image: Image) -> list[Detection]:
        release.wait(60)
        return top_left(image)

    with TestClient(make_app(Analyzer(Grey(), detector), workers=1), base_url="http://localhost") as client:
        answers = [client.get("/health/ready"), client.post("/v1/faces", content=encoded())]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "not-ready")] * 2
        assert answers[0].headers["retry-after"] == "1"
        assert client.get("/health/live").status_code == 200
        release.set()
        when_ready(client)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/v1/jobs/x", 404), ("DELETE", "/v1/jobs/x", 404), ("PUT", "/v1/faces", 405),
     ("GET", "/v1/faces", 405), ("GET", "/../../etc/passwd", 404), ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
     ("GET", "/static/app.py", 404), ("POST", "/v1/face", 404), ("POST", "/", 405),
     ("POST", 12 * "/%2e%2e" + "/etc/passwd", 404), ("POST", "/" + 300 * "a", 404)],
)  # fmt: skip
def test_other_addresses_are_problems(ask: Ask, method: str, path: str, status: int) -> None:
    answer = ask().request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_model_is_described_without_a_path(ask: Ask, fake: Analyzer) -> None:
    answer = ask().get("/v1/models")
    assert ModelShape.model_validate(answer.json()).labels == ["dark", "bright"]
    fake.model = "/home/me/models/mine.onnx"
    fake.detector_options = {"model_file": Path("/home/me/yunet.onnx"), "min_face": 40}
    header = public_header(fake)
    assert (header.model, header.detector_options) == ("mine.onnx", {"model_file": "yunet.onnx", "min_face": 40})


def test_the_description_is_whole(ask: Ask) -> None:
    description = ask().get("/openapi.json").json()
    text = json.dumps(description)
    shapes = description["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= set(shapes)
    assert {"/v1/faces", "/v1/videos", "/v1/jobs/{job_id}", "/v1/models", "/metrics"} <= set(description["paths"])
    for path, methods in description["paths"].items():
        for operation in methods.values():
            assert "422" not in operation["responses"]
            assert "default" in operation["responses"] or not path.startswith("/v1/")
    assert JobShape.__name__ in shapes


def test_a_request_chooses_its_reading(ask: Ask, astronaut: Path) -> None:
    client = ask(Analyzer())
    model = client.get("/v1/models").json()
    assert (model["readings"], model["priors"]) == (["people", "fer2013"], ["halfway", "natural", "even"])
    headers = {"Content-Type": "image/jpeg"}

    def asked(query: str) -> Any:
        return client.post(f"/v1/faces?{query}", content=astronaut.read_bytes(), headers=headers).json()

    people, fer, even = asked(""), asked("reading=fer2013"), asked("prior=even")
    assert [each["reading"] for each in (people, fer, even)] == ["people", "fer2013", "people"]
    assert fer["prior"] is None
    assert set(even["prior"].values()) == {round(1 / 7, 6)}
    scores = [each["results"][0]["faces"][0]["scores"]["happy"] for each in (people, fer, even)]
    assert len(set(scores)) == 3
    assert scores[1] == Analyzer(reading="fer2013")(astronaut)[0].to_dict()["scores"]["happy"]
    assert asked("reading=fer2013&prior=even")["code"] == "invalid"
    for query, score in ("reading=fer2013", scores[1]), ("prior=even", scores[2]):
        with client.websocket_connect(f"{STREAM}?{query}") as socket:
            socket.send_bytes(astronaut.read_bytes())
            [face] = socket.receive_json()["faces"]
            assert face["reading"] == ("fer2013" if "fer2013" in query else "people")
            assert face["raw_scores"]["happy"] == pytest.approx(score, abs=0.03)  # a tracker's crop is another one


def test_a_request_chooses_how_sure_answers_have_to_be(ask: Ask, portrait: Image) -> None:
    """A face that is hard to read, in one answer and all answers of a stream."""
    client = ask(Analyzer())
    description = client.get("/v1/models").json()
    assert (description["uncertainty"], description["max_error"], description["sets"]) == (True, None, None)
    content = encode_image(np.asarray(cv2.GaussianBlur(portrait, (0, 0), 6), np.uint8), "PNG")

    def asked(query: str) -> tuple[list[str], list[str] | None]:
        answer = client.post(f"/v1/faces?{query}", content=content, headers={"Content-Type": "image/png"})
        Document.model_validate(answer.json())
        [face] = answer.json()["results"][0]["faces"]
        return face["uncertain"], face["prediction_set"]

    assert asked("reading=fer2013&max_error=1") == ([], None)
    doubts, several = asked("reading=fer2013&max_error=5%25&sets=90%")
    assert "unclear" in doubts
    assert several is not None and len(several) > 1
    strict = ask(Analyzer(max_error=0.1, sets=0.8)).get("/v1/models").json()
    assert (strict["max_error"], strict["sets"]) == (0.1, 0.8)
    with client.websocket_connect(f"{STREAM}?reading=fer2013&max_error=0.05&sets=0.9") as socket:
        for _ in range(3):
            socket.send_bytes(content)
            [face] = socket.receive_json()["faces"]
            assert "unclear" in face["uncertain"]
            assert len(face["prediction_set"]) > 1


@pytest.mark.parametrize("address", ["/v1/faces", "/v1/videos"])
@pytest.mark.parametrize(
    "query", ["max_error=0", "max_error=101%", "max_error=few", "max_error=0.0001", "sets=nan", "sets=100%"]
)
def test_shares_that_are_none_are_refused(ask: Ask, shipped: Analyzer, address: str, query: str) -> None:
    client = ask(shipped)
    answer = client.post(f"{address}?{query}", content=encoded(), headers={"Content-Type": "application/octet-stream"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["detail"].startswith(query.split("=", maxsplit=1)[0])


def test_a_service_without_calibration_faces_has_no_shares(ask: Ask) -> None:
    client = ask()
    assert client.get("/v1/models").json()["uncertainty"] is False
    answer = client.post("/v1/faces?sets=0.9", content=encoded(), headers={"Content-Type": "image/jpeg"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert "sets" in answer.json()["detail"]


ROOT = Path(__file__).parents[2]


def test_every_code_of_an_error_is_documented() -> None:
    text = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([a-z-]+)`", text))
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src" / "mien" / "serve").glob("*.py"))
    used = set(re.findall(r'Problem\(\s*\d+, "([a-z-]+)"', sources))
    assert len(used) > 12
    assert used <= documented
