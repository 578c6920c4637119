"""What `explain=True` changes in whole jobs."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.analyzer import Analyzer
from mien.errors import InvalidInput
from mien.images import drawn_by_mien, read_image, write_image
from mien.jobs.drawings import PictureExplanations
from mien.jobs.outputs import OutputRefused, header_of
from mien.jobs.run import analyze
from mien.jobs.settings import VideoSettings
from mien.jobs.sources import Source
from mien.jobs.videos import analyze_video
from mien.records.sink import Header
from mien.values import FrameResult


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer("mini-xception", explain=True)


@pytest.fixture
def album(astronaut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a portrait and a grey wall; the working folder is beside them."""
    folder = tmp_path / "album"
    folder.mkdir()
    shutil.copy(astronaut, folder / "eileen.jpg")
    write_image(folder / "wall.png", np.full((80, 80, 3), 90, np.uint8))
    monkeypatch.chdir(tmp_path)
    return folder


def test_each_face_has_a_sheet_whose_name_is_in_the_records(album: Path, analyzer: Analyzer) -> None:
    outputs = {"explain": "why", "csv": "faces.csv", "json": "faces.json", "jsonl": "faces.jsonl"}
    summary = analyze(album, analyzer, outputs)
    assert summary.failures == []
    assert [path.name for path in Path("why").iterdir()] == ["eileen-000.png"]
    assert drawn_by_mien(Path("why/eileen-000.png"))
    sheet = str(Path("why", "eileen-000.png"))
    with Path("faces.csv").open(newline="") as file:
        assert [row["explanation"] for row in csv.DictReader(file)] == [sheet, ""]
    lines = [json.loads(line) for line in Path("faces.jsonl").read_text().splitlines()]
    assert [line["explanations"] for line in lines] == [[sheet], []]
    assert [entry["explanations"] for entry in json.loads(Path("faces.json").read_text())["results"]] == [[sheet], []]


def test_sheets_of_an_earlier_run_are_replaced_and_what_is_foreign_is_not(album: Path, analyzer: Analyzer) -> None:
    analyze(album, analyzer, {"explain": "why"})
    more, other = Path("why/eileen-001.png"), Path("why/eileen-of-mine.png")
    shutil.copy("why/eileen-000.png", more)
    other.write_bytes(b"mine")
    analyze(album, analyzer, {"explain": "why"})
    assert sorted(path.name for path in Path("why").iterdir()) == ["eileen-000.png", "eileen-of-mine.png"]
    more.write_bytes(b"mine")
    with pytest.raises(OutputRefused, match=r"eileen-001.png is there already and was not written by mien"):
        analyze(album, analyzer, {"explain": "why"})
    assert more.read_bytes() == b"mine"


def test_faces_are_hidden_in_sheets_too(album: Path, analyzer: Analyzer) -> None:
    analyze(album, analyzer, {"explain": "bare"})
    analyze(album, analyzer, {"explain": "hidden"}, anonymize="pixelate")
    bare, hidden = (read_image(Path(folder, "eileen-000.png"))[80:300, 40:280] for folder in ("bare", "hidden"))
    sharpness = [np.abs(np.diff(each.astype(int), axis=1)).mean() for each in (bare, hidden)]
    assert sharpness[1] < 0.5 * sharpness[0]


def test_what_is_drawn_needs_explanations(album: Path, header: Header, brightness: Any) -> None:
    plain = Analyzer("mini-xception")
    with pytest.raises(OutputRefused, match="explain=True"):
        analyze(album, plain, {"explain": "why"})
    with pytest.raises(InvalidInput, match="explain=True"):
        analyze(album, plain, {"annotate": "out"}, evidence=True)
    with pytest.raises(InvalidInput, match="only a model file explains"):
        Analyzer(brightness, explain=True)
    assert PictureExplanations(Path("why.png"), replace(header, explained=True)).wants_images


def test_evidence_is_drawn_into_pictures_and_pages_when_asked(album: Path, analyzer: Analyzer) -> None:
    for name, given in (("plain", False), ("shown", True)):
        analyze(album, analyzer, {"annotate": name, "report": f"{name}.html"}, evidence=given)
    plain, shown = (read_image(Path(name, "eileen.jpg")).astype(int) for name in ("plain", "shown"))
    assert np.abs(plain - shown)[80:160, 190:260].mean() > 10  # the face
    page = Path("shown.html").read_text()
    assert "what speaks for the expression in orange" in page
    analyze(album, Analyzer("mini-xception"), {"report": "without.html"})
    assert "what speaks for" not in Path("without.html").read_text()


@pytest.mark.parametrize("stop_at", [None, 22])
def test_every_frame_of_a_video_is_explained_also_after_a_resumption(
    clip: Path, analyzer: Analyzer, tmp_path: Path, stop_at: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.jobs.videos.SECONDS_A_MARK", -1.0)
    source, settings = Source(str(clip), clip, Path("clip"), is_video=True), VideoSettings(start=1.0, end=1.4)

    class Kept:
        """Keeps results, and may end the job in the middle."""

        wants_images = True

        def __init__(self, stop_at: int | None = None) -> None:
            self.given: list[FrameResult] = []
            self._stop_at = stop_at

        def write(self, result: Any) -> None:
            self.given.append(result)
            if result.index == self._stop_at:
                raise OSError(28, "No space left on device")

    def run(sink: Kept, **how: Any) -> None:
        for _ in analyze_video(source, analyzer, settings, sinks=[sink], **how):
            pass

    whole = Kept()
    run(whole)
    if stop_at is not None:
        with pytest.raises(OSError, match="No space left"):
            run(Kept(stop_at), journal=tmp_path / "journal.jsonl")
    resumed = Kept()
    run(resumed, journal=tmp_path / "journal.jsonl", resume=stop_at is not None)
    faces = [[face for result in sink.given for face in result.faces] for sink in (whole, resumed)]
    assert len(faces[0]) == len(faces[1]) > 3
    for one, other in zip(*faces, strict=True):
        assert one.explanation is not None
        assert other.explanation is not None
        np.testing.assert_allclose(one.explanation.maps, other.explanation.maps, atol=1e-2)


def test_the_stills_of_a_video_show_the_evidence(clip: Path, analyzer: Analyzer, tmp_path: Path) -> None:
    analyze(clip, analyzer, {"report": tmp_path / "page.html"}, settings=VideoSettings(start=1.0))
    page = (tmp_path / "page.html").read_text()
    assert '<figure class="wide">' in page
    assert "what speaks for the expression in orange" in page


def test_a_header_says_whether_faces_are_explained(analyzer: Analyzer) -> None:
    assert header_of(analyzer).explained
    assert not header_of(Analyzer("mini-xception")).explained
