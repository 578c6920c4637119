import csv
import importlib
import io
import json
import os
import re
import shutil
import sys
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from mien.analyzer import Analyzer
from mien.detection import Detector
from mien.emotions import EMOTIONS
from mien.errors import InvalidInput
from mien.images import drawn_by_mien, write_image
from mien.jobs.run import Summary, analyze
from mien.jobs.settings import VideoSettings
from mien.recognition import ModelInfo, load_classifier
from mien.tracking.stream import Followed, Stream
from mien.values import Box, Detection, Failure, Frame, FrameResult, Image

DEADLY = '''
"""A fake detector that ends its process at a black picture, as a lack of memory does."""
import os
from mien.values import Box, Detection

def find(image):
    if not image.any():
        os._exit(9)
    return [Detection(Box(0, 0, image.shape[1], image.shape[0]), 1.0)]
'''


class Profiled:
    """A fake with a model file's metadata; it takes every face for happy."""

    labels, input_size = EMOTIONS, 48

    def __init__(self, info: ModelInfo) -> None:
        self.info = info

    def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.tile(np.eye(7, dtype=np.float32)[3], (len(faces), 1))


def everywhere(image: Image) -> list[Detection]:
    """A fake that takes every picture for a face."""
    return [Detection(Box(0, 0, image.shape[1], image.shape[0]), 1.0)]


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five grey pictures, from black to white, with a broken one among them; the working folder is beside them."""
    folder = tmp_path / "album"
    for number in range(5):
        write_image(folder / f"{number}.png", np.full((8, 8, 3), number * 60, np.uint8))
    (folder / "2-broken.png").write_bytes((folder / "2.png").read_bytes()[:40])
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def deadly(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Detector]:
    """A detector that kills its process at a black picture, in a module that other processes can import."""
    folder = tmp_path_factory.mktemp("deadly")
    (folder / "mien_test_deadly.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(folder)
    yield importlib.import_module("mien_test_deadly").find
    sys.modules.pop("mien_test_deadly", None)


def without_day(path: Path) -> bytes:
    """A file's content without the day of the analysis, which pages have."""
    return re.sub(rb"(analysed on</td><td>)[^<]*", rb"\1", path.read_bytes())


def rows(path: str | Path) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_mixed_folder_is_one_table_with_every_input(album: Path, clip: Path, brightness: Any) -> None:
    """Faults 3 and 30."""
    shutil.copy(clip, album / "3.mp4")
    (album / "none.mp4").write_bytes(b"no video at all")
    results: list[FrameResult | Failure] = []
    summary = analyze(
        [album, "nowhere.jpg"], Analyzer(brightness, everywhere), {"csv": "all.csv", "json": "all.json"},
        watch=results.append,
    )  # fmt: skip
    order = list(dict.fromkeys(Path(row["source"]).name for row in rows("all.csv")))
    assert order == ["0.png", "1.png", "2-broken.png", "2.png", "3.mp4", "3.png", "4.png", "none.mp4", "nowhere.jpg"]
    assert [Path(each["source"]).name for each in json.loads(Path("all.json").read_text())["results"]] == order
    assert sum(row["source"].endswith("3.mp4") for row in rows("all.csv")) == 40
    assert summary == Summary(
        num_sources=9, num_frames=45, num_faces=45, labels=summary.labels, failures=summary.failures
    )
    assert [Path(failure.source).name for failure in summary.failures] == ["2-broken.png", "none.mp4", "nowhere.jpg"]
    assert len(results) == 45 + 3
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["album", "all.csv", "all.json"]


def test_each_result_comes_before_the_next_picture_is_read(album: Path, brightness: Any) -> None:
    """A million pictures need no more memory than one."""
    order: list[str] = []

    def detector(image: Image) -> list[Detection]:
        order.append("read")
        return everywhere(image)

    analyze([album], Analyzer(brightness, detector), watch=lambda result: order.append("seen"))
    assert order == ["read", "seen"] * 2 + ["seen"] + ["read", "seen"] * 3


def test_a_picture_has_the_same_row_in_whatever_company(album: Path, astronaut: Path) -> None:
    """To the last digit, which networks change with the number of faces that they are given at once."""
    shutil.copy(astronaut, album / "a.jpg")
    analyze([album / "a.jpg"], Analyzer(), {"csv": "one.csv"})
    analyze([album], Analyzer(), {"csv": "all.csv"})
    assert rows("one.csv") == [row for row in rows("all.csv") if row["source"].endswith("a.jpg")]


def test_hiding_faces_changes_no_row(clip: Path, astronaut: Path, tmp_path: Path) -> None:
    """Fault 13: two people were found for one, as the detector ran on every frame."""
    tables = []
    for anonymize in (None, "blur"):
        outputs = {"csv": tmp_path / "faces.csv", "annotate": tmp_path / "drawn"}
        analyze([clip, astronaut], Analyzer(), outputs, anonymize=anonymize)
        tables.append((tmp_path / "faces.csv").read_bytes())
    assert tables[0] == tables[1]


def test_outputs_are_refused_before_the_first_picture(album: Path, brightness: Any) -> None:
    """Fault 1."""
    brightness.labels = ("dark", "time")
    Path("old.csv").write_text("source,frame,time,width,height,face,old,error\n")
    with pytest.raises(InvalidInput, match="its label 'time' is also the name of another column"):
        analyze([album], Analyzer(brightness, everywhere), {"csv": "old.csv"})
    assert brightness.batches == []
    assert Path("old.csv").read_text().endswith("error\n")


def test_drawings_are_skipped_as_inputs_and_never_beside_them(album: Path, brightness: Any) -> None:
    """Fault 2."""
    analyzer = Analyzer(brightness, everywhere)
    with pytest.raises(InvalidInput, match="is the folder of"):
        analyze([album], analyzer, {"annotate": album})
    for _ in range(3):
        assert analyze([album], analyzer, {"annotate": album / "drawn"}).num_sources == 6
    assert len(list((album / "drawn").iterdir())) == 5
    assert all(drawn_by_mien(path) for path in (album / "drawn").iterdir())


def test_a_drawing_that_cannot_be_written_fails_its_input_alone(tmp_path: Path, brightness: Any) -> None:
    write_image(tmp_path / "long.png", np.full((8, 16_390, 3), 90, np.uint8))
    place = tmp_path / "drawn.webp"  # which is at most 16,383 pixels wide
    analyzer = Analyzer(brightness, lambda image: everywhere(image[:, :8]))
    summary = analyze([tmp_path / "long.png"], analyzer, {"annotate": place, "csv": tmp_path / "all.csv"})
    assert summary.num_faces == 1
    assert "its drawing could not be written" in summary.failures[0].error
    (row,) = rows(tmp_path / "all.csv")
    assert (row["drawing"], row["label"]) == ("", "dark")
    assert "its drawing could not be written" in row["error"]
    assert not place.exists()


def test_the_row_after_damage_names_its_drawing(
    clip: Path, tmp_path: Path, brightness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = Stream.follow

    def after_damage(self: Stream, frame: Frame) -> Followed:
        return follow(self, replace(frame, gap="frame 9 is damaged" if frame.index == 10 else None))

    monkeypatch.setattr(Stream, "follow", after_damage)
    outputs = {"annotate": tmp_path / "drawn.mp4", "csv": tmp_path / "all.csv"}
    analyze(clip, Analyzer(brightness, everywhere), outputs)
    assert [row["error"] for row in rows(tmp_path / "all.csv") if row["error"]] == ["frame 9 is damaged"]
    assert {row["drawing"] for row in rows(tmp_path / "all.csv")} == {str(tmp_path / "drawn.mp4")}


class Interrupted:
    """Presses Ctrl-C after so many results."""

    def __init__(self, after: int) -> None:
        self._left = after

    def __call__(self, result: FrameResult | Failure) -> None:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_interrupted_it_keeps_what_was_done_and_goes_on(
    album: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setattr("mien.jobs.videos.SECONDS_A_MARK", -1.0)
    shutil.copy(clip, album / "3.mp4")
    wanted = {"csv": "all.csv", "events": "events.csv", "annotate": "drawn"}
    analyze([album], Analyzer(), wanted)
    whole = {name: Path(name).read_bytes() for name in ("all.csv", "events.csv")}
    for name in whole:
        Path(name).unlink()
    with pytest.raises(KeyboardInterrupt):
        analyze([album], Analyzer(), wanted, watch=Interrupted(after=25), jobs=jobs)
    assert 0 < len(rows("all.csv")) < 45, "the table is well-formed"
    assert Path(".all.csv.mien").is_dir()
    analyze([album], Analyzer(), wanted, resume=True, jobs=jobs)
    assert {name: Path(name).read_bytes() for name in whole} == whole
    assert not Path(".all.csv.mien").exists()


def test_two_processes_write_the_same_bytes_as_one(album: Path, astronaut: Path, clip: Path) -> None:
    """Pictures and videos mixed, and what fails, in the order of the sources."""
    shutil.copy(astronaut, album / "1.jpg")
    shutil.copy(clip, album / "0.mp4")
    shutil.copy(clip, album / "3.mp4")
    (album / "none.mp4").write_bytes(b"no video at all")
    wanted = {name: f"all.{name}" for name in ("csv", "json", "jsonl")}
    wanted |= {"events": "events.csv", "annotate": "drawn", "report": "pages"}
    summaries, written = [], []
    for jobs in (1, 2):
        order: list[str] = []
        summaries.append(
            analyze([album], Analyzer(), wanted, jobs=jobs, watch=lambda result: order.append(result.source))  # noqa: B023
        )
        tables = [path for path in Path.cwd().rglob("*") if path.suffix in {".csv", ".json", ".jsonl", ".png", ".html"}]
        written.append((order, {str(path.relative_to(Path.cwd())): without_day(path) for path in tables}))
    assert written[0] == written[1]
    assert summaries[0] == summaries[1]
    assert summaries[0].num_frames == 5 + 1 + 80
    assert any(row["happy"] != row["raw_happy"] for row in rows("all.csv") if row["raw_happy"]), "they are smoothed"
    assert len(list(Path("drawn").iterdir())) == 8


def test_people_are_merged_whatever_process_found_them(album: Path, clip: Path) -> None:
    shutil.copy(clip, album / "talk.mp4")
    settings, written = VideoSettings(merge=((7, 1),)), []
    for jobs in (1, 2):
        analyze([album], Analyzer(), {"csv": "all.csv", "events": "events.csv"}, settings=settings, jobs=jobs)
        written.append([rows("all.csv"), rows("events.csv")])
    assert written[0] == written[1]
    assert {row["track_id"] for table in written[0] for row in table} - {""} == {"7"}
    shutil.copy(clip, album / "walk.mp4")
    with pytest.raises(InvalidInput, match="merge is for one video"):
        analyze([album], Analyzer(), {"csv": "all.csv"}, settings=settings)


def test_a_mixed_folder_has_a_report_with_an_index(album: Path, astronaut: Path, clip: Path) -> None:
    """Two videos, of which one cannot be read, and pictures with and without a face."""
    shutil.copy(astronaut, album / "1.jpg")
    shutil.copy(clip, album / "3.mp4")
    (album / "none.mp4").write_bytes(b"no video at all")
    for hide in (None, "pixelate"):
        analyze([album], Analyzer(), {"report": "pages"}, anonymize=hide)
        index = Path("pages/index.html").read_text()
        assert '<a href="3.html">3.mp4</a>' in index
        for page in index, Path("pages/3.html").read_text():
            assert ("<tr><td>faces in pictures</td><td>hidden (pixelated)</td></tr>" in page) == (hide is not None)
        assert "none.mp4" in index
        assert "2-broken.png" in index
        assert "5 pictures<" in index, "the grey ones show no face"
        assert str(Path.cwd()) not in index + Path("pages/3.html").read_text()
        (content,) = re.findall(r'<img alt="happy \d+%" src="data:image/jpeg;base64,(.*?)"', index)
        face = np.asarray(Pillow.open(io.BytesIO(b64decode(content))).convert("L")).astype(int)
        detail = np.abs(np.diff(face, axis=1)).mean()
        assert (detail > 6) == (hide is None)
    assert sorted(path.name for path in Path("pages").iterdir()) == ["3.html", "index.html", "none.html"]


def test_names_that_are_no_utf8_are_analysed_and_reported(album: Path, clip: Path, brightness: Any) -> None:
    """Fault 52."""
    shutil.copy(clip, os.fsdecode(b"album/v\xff.mp4"))
    shutil.copy(album / "1.png", os.fsdecode(b"album/p\xfe.png"))
    summary = analyze([album], Analyzer(brightness, everywhere), {"report": "pages", "csv": "all.csv"})
    assert len(summary.failures) == 1
    assert b"p\\udcfe.png" in Path("pages/index.html").read_bytes()
    assert b"v\\udcff.mp4" in Path(os.fsdecode(b"pages/v\xff.html")).read_bytes()
    assert b'href="v%FF.html"' in Path("pages/index.html").read_bytes()


def test_a_process_that_dies_fails_its_source_alone(album: Path, deadly: Detector) -> None:
    """The black picture is the first of five that are under way."""
    summary = analyze([album], Analyzer(detector=deadly), {"csv": "all.csv"}, jobs=2)
    assert [Path(failure.source).name for failure in summary.failures] == ["0.png", "2-broken.png"]
    assert "the process that analysed it died" in summary.failures[0].error
    assert summary.num_faces == 4
    assert [Path(row["source"]).name for row in rows("all.csv")] == sorted(path.name for path in album.iterdir())


def test_what_other_processes_cannot_be_given_is_refused(album: Path, brightness: Any) -> None:
    with pytest.raises(InvalidInput, match="cannot be sent to other processes"):
        analyze([album], Analyzer(brightness, lambda image: []), jobs=2)
    with pytest.raises(InvalidInput, match="jobs is a whole number, 0 or more; got -1"):
        analyze([album], Analyzer(brightness, everywhere), jobs=-1)


def test_a_table_that_cannot_be_written_ends_the_job_and_says_which(
    album: Path, brightness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: object, data: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mien.records.sink._File.write", full)
    Path("all.csv").write_text("source,frame,time,width,height,face,old,error\n")
    with pytest.raises(OSError, match="No space left on device") as raised:
        analyze([album], Analyzer(brightness, everywhere), {"csv": "all.csv"})
    assert raised.value.filename == "all.csv"
    assert Path("all.csv").read_text().endswith("error\n")
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["album", "all.csv"]


def test_links_to_one_picture_have_a_record_each(album: Path, brightness: Any) -> None:
    """Fault 9."""
    (album / "link.png").symlink_to(album / "1.png")
    names = ("1.png", "link.png", "1.png")
    analyze([album / name for name in names], Analyzer(brightness, everywhere), {"csv": "all.csv"})
    assert [Path(row["source"]).name for row in rows("all.csv")] == ["1.png", "link.png"]


def test_pictures_alone_keep_no_journal(album: Path, brightness: Any) -> None:
    """Only videos are resumed."""
    found: list[bool] = []
    analyze([album], Analyzer(brightness, everywhere), {"csv": "all.csv"},
            watch=lambda result: found.append(Path(".all.csv.mien").exists()))  # fmt: skip
    assert not any(found)


def test_a_table_that_cannot_be_finished_leaves_the_journal_to_go_on_from(
    clip: Path, tmp_path: Path, brightness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, *, complete: bool) -> None:
        raise OSError(28, "No space left on device")

    analyzer = Analyzer(brightness, everywhere)
    with monkeypatch.context() as patch:
        patch.setattr("mien.records.json_files.JsonSink.end", full)
        with pytest.raises(OSError, match="No space left"):
            analyze(clip, analyzer, {"json": tmp_path / "r.json"})
    assert [path.name for path in tmp_path.iterdir()] == [".r.json.mien"]

    def never(image: Image) -> list[Detection]:
        raise AssertionError("everything was analysed before")

    analyzer.detector = never
    assert analyze(clip, analyzer, {"json": tmp_path / "r.json"}, resume=True).failures == []
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_a_job_removes_what_a_killed_one_had_begun_to_write(album: Path, clip: Path, brightness: Any) -> None:
    """Fault 26."""
    Path("out").mkdir()
    left = [Path(".faces.csv.0123abcd.partial"), Path("out/.clip.mp4.89abcdef.partial")]
    for path in left:
        path.write_text("half")
    analyze([clip], Analyzer(brightness, everywhere), {"csv": "faces.csv", "annotate": "out/clip.mp4"})
    assert not [path for path in left if path.exists()]


def test_one_source_need_not_be_in_a_list(album: Path, brightness: Any) -> None:
    for source in (album / "1.png", str(album / "1.png")):
        assert analyze(source, Analyzer(brightness, everywhere)).num_faces == 1
    with pytest.raises(InvalidInput, match=r"names of files, .*; got ndarray"):
        analyze([np.zeros((5, 5, 3), np.uint8)], Analyzer(brightness, everywhere))  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"anonymize": "blurr"}, "'blur' or 'pixelate'; got 'blurr'"), ({"jobs": "2"}, "jobs is a whole number"),
     ({"resume": True}, "name its outputs"), ({"settings": {"fps": 3}}, "settings are mien.VideoSettings")],
)  # fmt: skip
def test_wrong_settings_are_refused_before_the_work(
    album: Path, brightness: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        analyze(album, Analyzer(brightness, everywhere), **settings)
    assert not brightness.batches


@pytest.mark.parametrize("name", ["start", "end", "every", "fps", "rate"])
@pytest.mark.parametrize("value", ["0:01", True, [1]])
def test_a_time_that_is_no_number_is_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"^{name} is a number; got "):
        VideoSettings(**{name: value})


def test_a_model_is_no_analyzer(album: Path) -> None:
    with pytest.raises(InvalidInput, match=r"takes a mien\.Analyzer; got 'rep-small'"):
        analyze(album, "rep-small")  # type: ignore[arg-type]


def test_whatever_a_detector_raises_fails_its_source_alone(album: Path, clip: Path, brightness: Any) -> None:
    def stumbling(image: Image) -> list[Detection]:
        if image.shape[0] > 8:
            raise RuntimeError("no video today")
        if image[0, 0, 0] == 120:
            raise MemoryError
        if image[0, 0, 0] == 180:
            return [image]  # type: ignore[list-item] # no detection
        return everywhere(image)

    summary = analyze([album, clip], Analyzer(brightness, stumbling), {"csv": "all.csv"})
    assert summary.num_faces == 3
    assert [failure.error.partition(": ")[2] for failure in summary.failures[1:]] == [
        "not enough memory",
        "the detector function returns a list of mien.Detection; got a list of ndarray",
        "RuntimeError: no video today",
    ]


def test_a_folder_without_pictures_fails_alone_where_drawings_are_wanted(album: Path, brightness: Any) -> None:
    Path("empty").mkdir()
    summary = analyze(["empty", album / "1.png"], Analyzer(brightness, everywhere), {"annotate": "out"})
    assert [failure.source for failure in summary.failures] == ["empty"]
    assert drawn_by_mien(Path("out/1.png"))


def test_faces_are_compared_with_those_of_the_models_file(tmp_path: Path, reference: Any) -> None:
    folder = tmp_path / "dark"
    for number in range(40):
        write_image(folder / f"{number}.png", np.full((48, 48, 3), number, np.uint8))
    profile = dict(reference.profile.to_dict(), answers={})
    info = replace(load_classifier("mini-xception").info, profile=profile)
    drift = analyze(folder, Analyzer(Profiled(info), everywhere)).drift
    assert drift is not None
    assert [finding.name for finding in drift.image] == ["brightness"]
    assert (drift.num_units, drift.classes) == (40, ())
