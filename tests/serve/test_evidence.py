"""Evidence maps over HTTP and in streams."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mien
from mien.recognition import Reader

from .fakes import Ask, encoded, top_left

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture(scope="module")
def small() -> mien.Analyzer:
    return mien.Analyzer("mini-xception", top_left)


def test_the_means_of_the_maps_are_logits_of_the_scores(ask: Ask, small: mien.Analyzer, astronaut: Path) -> None:
    client = ask(small)
    assert client.get("/v1/models").json()["evidence"] is True
    answer = client.post("/v1/faces?reading=fer2013&evidence=true", content=astronaut.read_bytes(), headers=JPEG)
    [result] = answer.json()["results"]
    [face], [evidence] = result["faces"], result["evidence"]
    means = np.array([np.mean(evidence["maps"][label]) for label in face["scores"]])
    scores = np.exp(means) / np.exp(means).sum()
    assert scores == pytest.approx(list(face["scores"].values()), abs=1e-3)
    assert {len(each) for each in evidence["maps"].values()} == {evidence["width"] * evidence["height"]}


def test_a_stream_gives_them_too(ask: Ask, small: mien.Analyzer, astronaut: Path) -> None:
    client = ask(small)
    with client.websocket_connect("ws://localhost/v1/stream?evidence=true") as stream:
        stream.send_bytes(astronaut.read_bytes())
        answer = stream.receive_json()
    assert len(answer["evidence"]) == len(answer["faces"]) == 1
    reader = small.classifier
    assert isinstance(reader, Reader)
    assert set(answer["evidence"][0]["maps"]) == set(reader.labels)


def test_a_classifier_without_them_is_said_to_have_none(ask: Ask, astronaut: Path) -> None:
    client = ask()
    answer = client.post("/v1/faces?evidence=true", content=astronaut.read_bytes(), headers=JPEG)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert client.get("/v1/models").json()["evidence"] is False


def test_evidence_and_explanations_are_drawn(ask: Ask, small: mien.Analyzer, astronaut: Path) -> None:
    client = ask(small)

    def asked(query: str) -> Any:
        headers = JPEG | {"Accept": "image/png"}
        return client.post(f"/v1/faces?{query}", content=astronaut.read_bytes(), headers=headers)

    plain, evidence, sheet = (mien.read_image(asked(query).content) for query in ("", "evidence=true", "explain=0"))
    assert plain.shape == evidence.shape != sheet.shape
    assert (plain != evidence).any()
    missing = asked("explain=1")
    assert (missing.status_code, missing.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize("several", [False, True])
def test_an_explanation_is_of_a_face_in_one_picture(ask: Ask, several: bool) -> None:
    client = ask()
    picture = encoded()
    if several:
        answer = client.post("/v1/faces?evidence=true", files={"a": ("a.jpg", picture), "b": ("b.jpg", picture)})
    else:
        answer = client.post("/v1/faces?explain=0", content=picture, headers=JPEG)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_the_maps_of_nobody_are_none(ask: Ask, astronaut: Path) -> None:
    client = ask(mien.Analyzer("mini-xception", lambda image: []))
    answer = client.post("/v1/faces?evidence=true", content=astronaut.read_bytes(), headers=JPEG)
    assert answer.json()["results"][0]["evidence"] == []
