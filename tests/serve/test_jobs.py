import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from mien.analyzer import Analyzer
from mien.serve.schema import JobShape

from .fakes import Ask, Grey, never_done, top_left, until

pytest.importorskip("av")

MP4 = {"Content-Type": "video/mp4"}


def ended(client: TestClient, place: str) -> dict[str, Any]:
    """A job, once it has ended."""
    until(lambda: client.get(place).json()["state"] not in ("queued", "running"))
    job: dict[str, Any] = client.get(place).json()
    return job


@pytest.mark.slow
def test_a_video_is_analysed_in_a_job(ask: Ask, clip: Path) -> None:
    client = ask()
    answer = client.post("/v1/videos?name=talk.mp4&every=4", content=clip.read_bytes(), headers=MP4)
    assert answer.status_code == 202
    place = answer.headers["location"]
    job = ended(client, place)
    JobShape.model_validate(job)
    assert (job["state"], job["frames"], job["progress"], job["error"]) == ("done", 10, 1.0, None)
    assert 0 < job["expires_in"] <= 3600
    lines = [json.loads(line) for line in client.get(job["results"]).text.splitlines()]
    assert [line["index"] for line in lines] == list(range(0, 40, 4))
    assert {line["source"] for line in lines} == {"talk.mp4"}
    pyarrow = pytest.importorskip("pyarrow.parquet")
    table = client.get(job["results"], headers={"Accept": "application/vnd.apache.parquet"})
    assert pyarrow.read_table(io.BytesIO(table.content)).num_rows == 10
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == client.get(job["results"]).status_code == 404


@pytest.mark.slow
def test_a_video_is_analysed_as_its_request_chose(ask: Ask, clip: Path) -> None:
    """Errors, sets and reading, in the lines and in the table, and as `mien.Analyzer` answers."""
    pyarrow = pytest.importorskip("pyarrow.parquet")
    client = ask(Analyzer("mini-xception"))
    query = "every=4&end=1.9&max_error=5%25&sets=0.999&reading=fer2013&smoothing=off"
    place = client.post(f"/v1/videos?{query}", content=clip.read_bytes(), headers=MP4).headers["location"]
    job = ended(client, place)
    assert (job["state"], job["error"]) == ("done", None)
    lines = [json.loads(line) for line in client.get(job["results"]).text.splitlines()]
    analyzer = Analyzer("mini-xception", max_error=0.05, sets=0.999, reading="fer2013")
    expected = list(analyzer.stream(clip, every=4, end=1.9, smoothing="off"))
    assert [line["index"] for line in lines] == [result.index for result in expected]
    faces = [face for line in lines for face in line["faces"]]
    found = [face for result in expected for face in result.faces]
    assert found
    assert any(len(face.prediction_set or ()) > 1 for face in found)
    for face, own in zip(faces, found, strict=True):
        assert face["prediction_set"] == [*(own.prediction_set or ())]
        assert face["uncertain"] == [*own.uncertain]
        assert (face["label"], face["reading"]) == (own.label, "fer2013")
        assert face["scores"] == pytest.approx(own.scores, abs=1e-5)
    content = client.get(job["results"], headers={"Accept": "application/vnd.apache.parquet"}).content
    table = pyarrow.read_table(io.BytesIO(content))
    rows = [row for row in table.to_pylist() if row["label"] is not None]
    assert [row["prediction_set"] for row in rows] == [face["prediction_set"] for face in faces]
    assert [row["uncertain"] for row in rows] == [face["uncertain"] for face in faces]
    settings = json.loads(table.schema.metadata[b"mien"])
    assert (settings["max_error"], settings["sets"]) == (0.05, 0.999)


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


@pytest.mark.slow
def test_files_that_refer_to_others_are_refused(ask: Ask, clip: Path) -> None:
    """FFmpeg would read what they name: by a path, or by an address of the network."""
    client = ask()
    for content in (PLAYLIST, f"ffconcat version 1.0\nfile '{clip}'\n".encode(), b"nonsense"):
        job = ended(client, client.post("/v1/videos", content=content, headers=MP4).headers["location"])
        assert (job["state"], job["error"]["code"], job["results"]) == ("failed", "video", None)
        assert "/" not in job["error"]["detail"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "code", "state"),
    [({"video_seconds": 0.1}, "timeout", "failed"), ({"video_frames": 3}, "video", "done"),
     ({"pixels": 1000}, "video", "failed")],
    ids=["seconds", "frames", "pixels"],
)  # fmt: skip
def test_a_video_is_bounded(ask: Ask, clip: Path, limits: dict[str, Any], code: str, state: str) -> None:
    client = ask(Analyzer(Grey(), never_done if code == "timeout" else top_left), **limits)
    job = ended(client, client.post("/v1/videos", content=clip.read_bytes(), headers=MP4).headers["location"])
    assert (job["state"], job["error"]["code"]) == (state, code)
    assert state == "failed" or job["frames"] == 3


def test_no_more_videos_wait_than_allowed(ask: Ask, clip: Path) -> None:
    client = ask(Analyzer(Grey(), never_done), jobs=1)
    first = client.post("/v1/videos", content=clip.read_bytes(), headers=MP4)
    second = client.post("/v1/videos", content=clip.read_bytes(), headers=MP4)
    assert (second.status_code, second.json()["code"]) == (429, "busy")
    place = first.headers["location"]
    assert client.get(f"{place}/results").json()["code"] == "not-done"
    assert client.delete(place).status_code == 204


def test_results_are_forgotten(ask: Ask, clip: Path) -> None:
    client = ask(kept_seconds=0.01, video_seconds=0.01)
    place = client.post("/v1/videos", content=clip.read_bytes(), headers=MP4).headers["location"]
    until(lambda: client.get(place).status_code == 404)


@pytest.mark.parametrize(
    ("content", "headers", "query", "status", "code"),
    [
        (b"", MP4, "", 422, "video"),
        (b"x" * 2000, MP4, "", 413, "too-large"),
        (b"x", {"Content-Type": "text/html"}, "", 415, "content-type"),
        (b"x", MP4, "?every=0", 422, "invalid"),
        (b"x", MP4, "?start=5&end=2", 422, "invalid"),
        (b"x", MP4, "?smoothing=magic", 422, "invalid"),
        (b"x", MP4, "?fps=nan", 422, "invalid"),
    ],
)
def test_videos_that_are_refused(
    ask: Ask, content: bytes, headers: dict[str, str], query: str, status: int, code: str
) -> None:
    def pieces() -> Iterator[bytes]:
        yield content

    client = ask(video_bytes=1000)
    for body in (content, pieces()):  # with a length, and without
        answer = client.post(f"/v1/videos{query}", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_job_that_is_deleted_leaves_nothing(ask: Ask, clip: Path) -> None:
    client = ask()
    folder: Path = client.app.state.jobs._folder  # type: ignore[attr-defined]
    place = client.post("/v1/videos", content=clip.read_bytes(), headers=MP4).headers["location"]
    assert client.delete(place).status_code == 204
    until(lambda: not list(folder.iterdir()))
    client.__exit__(None, None, None)
    assert not folder.exists()
