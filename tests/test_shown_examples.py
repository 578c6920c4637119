"""The files of `examples/` run: a notebook, a route in a FastAPI of one's own, and a client of the service."""

import json
import re
import runpy
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import mien

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_it_shows(notebook: Path) -> None:
    pytest.importorskip("pandas")
    run = runpy.run_path(str(EXAMPLES / "run_notebook.py"))["run"]
    stored = json.loads(notebook.read_text(encoding="utf-8"))
    assert words(run(notebook)) == words(stored)


def words(notebook: dict[str, Any]) -> list[list[str]]:
    """The text that each cell shows; pictures may differ in a pixel from machine to machine."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [
        ["".join(output.get("text", output.get("data", {}).get("text/plain", ""))) for output in cell["outputs"]]
        for cell in cells
    ]


def test_a_route_in_ones_own_fastapi(astronaut: Path) -> None:
    client_of = pytest.importorskip("starlette.testclient").TestClient
    pytest.importorskip("fastapi")
    client = client_of(runpy.run_path(str(EXAMPLES / "fastapi_route.py"))["app"])
    answer = client.post("/faces", content=astronaut.read_bytes(), headers={"Content-Type": "image/jpeg"})
    assert answer.json() == [face.to_dict() for face in mien.Analyzer()(astronaut)]
    refused = client.post("/faces", content=b"<html>", headers={"Content-Type": "image/jpeg"})
    assert (refused.status_code, "no picture" in refused.json()["detail"]) == (422, True)


@pytest.fixture
def service() -> Iterator[str]:
    """The address of a server that answers as the service does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            good = self.headers["Authorization"] == "Bearer right" and self.rfile.read(1)
            face = {"label": "happy", "scores": {"happy": 0.9, "sad": 0.1}}
            answer = {"results": [{"faces": [face]}]} if good else {"detail": "expected the token"}
            self.send_response(200 if good else 401)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class has it
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_client_of_a_few_lines(service: str, astronaut: Path) -> None:
    faces = runpy.run_path(str(EXAMPLES / "client.py"))["faces"]
    assert faces(astronaut, service, "right") == [("happy", {"happy": 0.9, "sad": 0.1})]
    with pytest.raises(ValueError, match="expected the token"):
        faces(astronaut, service, "wrong")


def test_the_container_is_not_root_and_needs_what_is_there() -> None:
    root = EXAMPLES.parent
    lines = (root / "Dockerfile").read_text(encoding="utf-8").splitlines()
    user = lines.index("USER mien")
    assert any(line.startswith("ENTRYPOINT") for line in lines[user:])
    assert not any(line.startswith(("RUN", "COPY", "ADD")) for line in lines[user:])
    kept = re.findall(r"^!(\S+)$", (root / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert all((root / name).exists() for name in kept)
