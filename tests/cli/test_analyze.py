import csv
import io
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mien.records.wire import Record

from mien.analyzer import Analyzer
from mien.cli.analyze import Result, results, work
from mien.images import read_image, write_image
from mien.jobs.sources import find_sources
from mien.values import Box, Detection, Image

Run = Callable[..., tuple[int, str, str]]


def everywhere(image: Image) -> list[Detection]:
    """A fake that takes every picture for a face."""
    return [Detection(Box(0, 0, image.shape[1], image.shape[0]), 1.0)]


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def write(self, record: Record) -> None:
        self.records.append(record)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Five grey pictures, from black to white, with a broken one among them."""
    for number in range(5):
        write_image(tmp_path / f"{number}.png", np.full((8, 8, 3), number * 60, np.uint8))
    (tmp_path / "2-broken.png").write_bytes((tmp_path / "2.png").read_bytes()[:40])
    return tmp_path


def test_faces_of_several_pictures_share_a_batch_and_keep_their_order(brightness: Any, album: Path) -> None:
    done = list(results(Analyzer(brightness, everywhere), find_sources([str(album)]), batch=4))
    assert [result.source.place.name for result in done] == [
        "0.png",
        "1.png",
        "2-broken.png",
        "2.png",
        "3.png",
        "4.png",
    ]
    assert [bool(result.fault) for result in done] == [False, False, True, False, False, False]
    assert brightness.batches == [3, 2]
    bright = [result.faces[0].scores["bright"] for result in done if not result.fault]
    np.testing.assert_allclose(bright, np.arange(5) * 60 / 255, atol=0.01)


def test_every_input_has_its_record_and_faults_are_counted(
    brightness: Any, album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = Kept()
    analyzer = Analyzer(brightness, everywhere)
    assert work(results(analyzer, find_sources([str(album), "nowhere.jpg"]), batch=3), [sink]) == 2
    assert len(sink.records) == 7
    assert [len(row["faces"]) for row in sink.records] == [1, 1, 0, 1, 1, 1, 0]
    assert [row["error"] is None for row in sink.records] == [True, True, False, True, True, True, False]
    err = capsys.readouterr().err
    assert "2-broken.png" in err
    assert "nowhere.jpg" in err


def test_a_picture_that_cannot_be_analysed_fails_alone(brightness: Any, album: Path) -> None:
    def stumbling(image: Image) -> list[Detection]:
        if image[0, 0, 0] == 120:
            raise MemoryError
        return everywhere(image)

    done = list(results(Analyzer(brightness, stumbling), find_sources([str(album)]), batch=10))
    assert [result.fault is None for result in done] == [True, True, False, False, True, True]
    assert "memory" in str(done[3].fault)


def test_results_come_as_they_are_ready(brightness: Any, album: Path) -> None:
    """A generator, so that a million pictures need no more memory than a batch."""
    stream = results(Analyzer(brightness, everywhere), find_sources([str(album)]), batch=2)
    assert isinstance(next(stream), Result)


def test_the_astronaut_for_people(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    status, out, err = run_mien("analyze", astronaut, "--annotate", tmp_path / "out")
    assert (status, err) == (0, "")
    assert "512×512, 1 face" in out
    assert "happy" in out
    drawn = tmp_path / "out" / "astronaut.jpg"
    assert str(drawn) in out
    original, annotated = read_image(astronaut), read_image(drawn)
    assert annotated.shape == original.shape
    assert 0.01 < (np.abs(annotated.astype(int) - original).max(axis=2) > 60).mean() < 0.3


def test_the_astronaut_for_machines(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    json_file, csv_file = tmp_path / "r.json", tmp_path / "r.csv"
    status, out, _ = run_mien("analyze", astronaut, "--json", json_file, "--csv", csv_file)
    assert status == 0
    assert str(json_file) in out
    (record,) = json.loads(json_file.read_text())["results"]
    (row,) = csv.DictReader(io.StringIO(csv_file.read_text()))
    (face,) = record["faces"]
    assert face["label"] == row["label"] == "happy"
    assert float(row["happy"]) == face["scores"]["happy"]
    assert sum(face["scores"].values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_standard_output_holds_nothing_but_the_results(astronaut: Path, option: str) -> None:
    words = [sys.executable, "-m", "mien", "analyze", "-", option, "-"]
    done = subprocess.run(words, input=astronaut.read_bytes(), capture_output=True, check=True)
    if option == "--json":
        assert json.loads(done.stdout)["results"][0]["source"] == "-"
    else:
        assert [row["label"] for row in csv.DictReader(io.StringIO(done.stdout.decode()))] == ["happy"]
    assert done.stderr == b""


def test_drawings_overwrite_neither_inputs_nor_one_another(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(astronaut, tmp_path / folder / "same.jpg")
    before = astronaut.read_bytes()
    run_mien("analyze", tmp_path / "a" / "same.jpg", tmp_path / "b" / "same.jpg", "--annotate", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["same-2.jpg", "same.jpg"]
    run_mien("analyze", tmp_path / "a", "--annotate", tmp_path / "a")
    assert (tmp_path / "a" / "same.jpg").read_bytes() == before
    assert (tmp_path / "a" / "same-2.jpg").exists()


def test_a_folders_own_folders_are_kept(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    shutil.copy(astronaut, tmp_path / "in" / "deep" / "ü 空.jpg")
    status, _, err = run_mien("analyze", tmp_path / "in", "--annotate", tmp_path / "out")
    assert status == 0, err
    assert (tmp_path / "out" / "deep" / "ü 空.jpg").exists()


def test_a_failure_ends_in_1_and_the_others_are_done(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    words = ("analyze", tmp_path / "broken.jpg", astronaut, "none*.png", "--json", tmp_path / "r.json")
    status, out, err = run_mien(*words)
    assert status == 1
    assert "1 face" in out
    assert "broken.jpg" in err
    assert "none*.png" in err
    assert "2 of 3 inputs failed" in err
    assert "Traceback" not in err
    assert len(json.loads((tmp_path / "r.json").read_text())["results"]) == 3


def test_a_drawing_that_cannot_be_written_fails_its_input_alone(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")
    status, out, err = run_mien("analyze", astronaut, "--annotate", tmp_path / "out")
    assert status == 1
    assert "1 face" in out
    assert "could not be written" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Missing argument"),
        (["x.jpg", "--unheard-of"], "No such option"),
        (["x.jpg", "--model", "unheard-of"], "unknown model"),
        (["x.jpg", "--detector", "harr"], "did you mean haar"),
        (["x.jpg", "--min-face", "3"], "24 or more"),
        (["x.jpg", "--detector-model", "y.onnx"], "has no option model"),
        (["x.jpg", "--detector", "yunet", "--detector-model", "none.onnx"], "mien models fetch yunet"),
        (["x.jpg", "--json", "x.jpg"], "is an input"),
        (["x.jpg", "--json", "."], "is a folder"),
        (["x.jpg", "--json", "same", "--csv", "./same"], "cannot go to the same place"),
        (["x.jpg", "--json", "-", "--csv", "-"], "cannot go to the same place"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_commands_end_in_2(run_mien: Run, words: list[str], message: str) -> None:
    status, out, err = run_mien("analyze", *words)
    assert status == 2
    assert message in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in out + err


def test_an_old_result_survives_a_wrong_command(run_mien: Run, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("old")
    run_mien("analyze", "x.jpg", "--model", "unheard-of", "--json", tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text() == "old"


def test_interrupted_it_keeps_what_was_done(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    """The second picture comes from standard input, where nobody writes: it waits there until it is interrupted."""
    shutil.copy(astronaut, tmp_path / "a.jpg")
    words = ["analyze", str(tmp_path / "a.jpg"), "-", "--batch", "1", "--json", str(tmp_path / "r.json")]
    command = [sys.executable, "-u", "-m", "mien", *words]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        process.stdout.readline()  # the first picture is shown
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"interrupted" in err
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["complete"] is False
    assert [row["source"] for row in result["results"]] == [str(tmp_path / "a.jpg")]


def test_videos_in_a_folder_of_pictures_are_left_out_aloud(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    shutil.copy(astronaut, tmp_path / "a.jpg")
    (tmp_path / "talk.mp4").touch()
    command = f"mien analyze '{tmp_path}/**/*.mp4'"
    status, _, err = run_mien("analyze", tmp_path)
    assert status == 0
    assert "1 video left out" in err
    assert command in err
    status, _, err = run_mien("analyze", tmp_path, "--events", tmp_path / "events.csv")
    assert status == 2
    assert "1 video left out" in err


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody may write")
@pytest.mark.parametrize(
    ("words", "name"),
    [(["--csv", "/proc/r.csv"], "/proc/r.csv"), (["--annotate", "/proc"], "/proc/astronaut.jpg")],
)
def test_what_cannot_be_written_is_called_as_the_user_called_it(
    run_mien: Run, astronaut: Path, words: list[str], name: str
) -> None:
    status, _, err = run_mien("analyze", astronaut, *words)
    assert status == 1
    assert f"{name}: No such file or directory" in err
    assert ".partial" not in err
    assert "Errno" not in err
