import json
import os
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest

from mien.data import load

Make: TypeAlias = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five faces of noise: two happy ones the same, one in each split, two sad, one flat neutral."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    faces = np.random.default_rng(0).integers(0, 256, (4, 48, 48)).astype(np.uint8)
    pictures = {
        "train/happy/1.png": faces[0],
        "train/sad/2.png": faces[1],
        "train/sad/3.png": faces[2],
        "val/happy/4.png": faces[0],
        "val/neutral/5.png": np.full((48, 48), 80, np.uint8),
    }
    for name, face in pictures.items():
        path = tmp_path / "faces" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), face)
    return tmp_path / "faces"


def test_stats_prints_counts_and_shares(run_mien: Make, folder: Path) -> None:
    done = run_mien("data", "stats", folder)

    assert done.status == 0
    lines = [line.replace("│", " ").split() for line in done.out.splitlines()]
    assert ["happy", "1", "33.3%", "1", "50.0%", "2", "40.0%"] in lines
    assert ["disgust", "0", "0.0%", "0", "0.0%", "0", "0.0%"] in lines
    assert ["all", "3", "2", "5"] in lines


def test_stats_writes_json(run_mien: Make, folder: Path, tmp_path: Path) -> None:
    printed = run_mien("data", "stats", folder, "--json", "-")
    done = run_mien("data", "stats", folder, "--json", tmp_path / "new" / "stats.json")

    figures = json.loads(printed.out)
    assert done.status == 0
    assert json.loads((tmp_path / "new" / "stats.json").read_text()) == figures
    assert figures["data"] == "faces"
    assert figures["num_faces"] == 5
    assert figures["splits"]["train"] == {
        "num_faces": 3,
        "classes": {"angry": 0, "disgust": 0, "fear": 0, "happy": 1, "sad": 2, "surprise": 0, "neutral": 0},
    }


def test_stats_draws(run_mien: Make, folder: Path, tmp_path: Path) -> None:
    done = run_mien("data", "stats", folder, "--out", tmp_path / "out")

    assert done.status == 0
    for name in ("class_counts.png", "class_shares.png", "faces.png"):
        assert f"wrote {tmp_path / 'out' / name}" in done.err
        picture = cv2.imread(str(tmp_path / "out" / name))
        assert picture is not None
        assert picture.std() > 10


def test_stats_without_matplotlib_says_what_to_install(
    run_mien: Make, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = run_mien("data", "stats", folder, "--out", tmp_path / "out")

    assert done.status == 1
    assert "pip install" in done.err
    assert "[plot]'" in done.err
    assert "Traceback" not in done.err


def test_audit_finds_and_writes_what_the_reader_obeys(run_mien: Make, folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "audit.csv"
    done = run_mien("data", "audit", folder, "--out", table)

    assert done.status == 0
    assert "pixel for pixel in training: 1." in done.out
    assert "leaves out: 2; that it keeps: 3." in done.out
    assert load(folder, leave_out=table).sources == ["train/sad/2.png", "train/sad/3.png", "val/happy/4.png"]
    assert "100.0%" in run_mien("data", "stats", folder, "--leave-out", table).out


def test_audit_writes_json(run_mien: Make, folder: Path) -> None:
    figures = json.loads(run_mien("data", "audit", folder, "--json", "-").out)

    assert figures["num_faces"] == 5
    assert figures["num_left_out"] == 2
    assert figures["findings"]["duplicate"] == {"num_faces": 2, "num_groups": 1, "num_leaks": 1, "num_left_out": 1}
    assert figures["findings"]["flat"] == {"num_faces": 1, "num_groups": 0, "num_leaks": 0, "num_left_out": 1}


@pytest.mark.parametrize("verb", ["stats", "audit"])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nowhere.csv", None, "nowhere.csv: does not exist"),
        ("fer2013.csv", b"", "fer2013.csv: is empty"),
        ("fer2013.csv", b"emotion,pixels,Usage\n0,1 2 3,Training\n", "fer2013.csv:2: expected 2,304 pixels; got 3"),
        ("[bold].csv", b"\0", "[bold].csv:1: holds a NUL byte"),
        ("1.jpg", b"\xff\xd8", "1.jpg: is a picture; expected fer2013.csv or a folder of folders of pictures"),
    ],
)
def test_bad_data_ends_in_one_message(
    run_mien: Make, tmp_path: Path, verb: str, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = run_mien("data", verb, tmp_path / name)

    assert done.status == 1
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_wrong_folder_ends_in_one_line(run_mien: Make, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / "wrong" / f"thing {number:02d}").mkdir(parents=True)
    done = run_mien("data", "stats", tmp_path / "wrong")

    assert done.status == 1
    assert done.err.count("\n") == 1
    assert done.err.count("Expected folders of splits") == 1
    assert "12 folders are not the names of emotions (thing 00, thing 01, thing 02, thing 03, thing 04, …)" in done.err


def test_an_unwritable_place_ends_in_one_message(run_mien: Make, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_mien("data", "stats", folder, "--out", tmp_path / "file" / "out")

    assert done.status == 1
    assert "Traceback" not in done.err
    assert f"{tmp_path / 'file'} is a file and no folder" in done.err


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["data", "audit", "fer2013.csv", "--out", "fer2013.csv"], "--out"),
        (["data", "audit", "fer2013.csv", "--out", "link.csv"], "--out"),
        (["data", "audit", "fer2013.csv", "--json", "fer2013new.csv"], "--json"),
        (["data", "stats", "fer2013.csv", "--json", "fer2013.csv"], "--json"),
        (["data", "stats", "fer2013.csv", "--leave-out", "audit.csv", "--json", "audit.csv"], "--json"),
        (["evaluate", "mini-xception", "--data", "fer2013.csv", "--json", "link.csv"], "--json"),
    ],
)
def test_an_output_never_overwrites_an_input(
    run_mien: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], option: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("fer2013.csv", "fer2013new.csv", "audit.csv"):
        Path(name).write_text("what was there")
    Path("link.csv").symlink_to("fer2013.csv")
    done = run_mien(*words)

    assert done.status == 1
    assert done.err.startswith(f"error: {option}: ")
    assert "is an input, and would be overwritten" in done.err
    assert {path.read_text() for path in tmp_path.iterdir()} == {"what was there"}


def test_an_output_replaces_only_what_mien_wrote(run_mien: Make, folder: Path, tmp_path: Path) -> None:
    notes, table, figures = tmp_path / "notes.csv", tmp_path / "audit.csv", tmp_path / "audit.json"
    notes.write_text("my notes")
    for option in ("--out", "--json"):
        done = run_mien("data", "audit", folder, option, notes)
        assert (done.status, notes.read_text()) == (1, "my notes")
        assert "notes.csv is there already and was not written by mien" in done.err
    for _ in range(2):
        assert run_mien("data", "audit", folder, "--out", table, "--json", figures).status == 0
        assert run_mien("data", "stats", folder, "--out", tmp_path / "figures").status == 0
    done = run_mien("data", "audit", folder, "--out", table, "--json", table)
    assert done.status == 1
    assert done.err.startswith("error: --json: ")
    (tmp_path / "figures" / "faces.png").write_bytes((folder / "train" / "happy" / "1.png").read_bytes())
    assert "faces.png is there already" in run_mien("data", "stats", folder, "--out", tmp_path / "figures").err


def test_figures_are_not_drawn_into_the_data(run_mien: Make, folder: Path) -> None:
    for place in (folder, folder / "train", folder / "figures"):
        done = run_mien("data", "stats", folder, "--out", place)
        assert done.status == 1
        assert "where its pictures would be read as faces" in done.err
    assert run_mien("data", "stats", folder).status == 0


@pytest.mark.parametrize("verb", ["stats", "audit"])
def test_classes_of_ones_own(run_mien: Make, folder: Path, verb: str) -> None:
    (folder / "train" / "sad").rename(folder / "train" / "bored")
    refused = run_mien("data", verb, folder)
    assert refused.status == 1
    assert "mien train and mien data take other classes with --own-classes" in refused.err
    done = run_mien("data", verb, folder, "--own-classes", "--json", "-")
    assert done.status == 0
    assert json.loads(done.out)["num_faces"] == 5


@pytest.mark.parametrize("verb", ["stats", "audit"])
def test_pipes_and_links_to_themselves_are_passed_over(run_mien: Make, folder: Path, verb: str) -> None:
    os.mkfifo(folder / "train" / "sad" / "pipe.png")
    (folder / "train" / "sad" / "loop.png").symlink_to("loop.png")
    for number in range(10):
        (folder / "val" / f"{number}.png").symlink_to(f"{number}.png")
    done = run_mien("data", verb, folder, "--json", "-")

    assert done.status == 0
    assert json.loads(done.out)["num_faces"] == 5
    lines = done.err.splitlines()
    assert lines[0] == f"passed over: {folder}/train/sad/loop.png, which is neither a file nor a folder"
    assert lines[10] == "passed over: 2 more"


@pytest.mark.parametrize("verb", ["stats", "audit"])
def test_a_palette_without_colours_ends_in_one_message(run_mien: Make, folder: Path, verb: str) -> None:
    header = struct.pack(">IIBBBBB", 4, 4, 8, 3, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(20))), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    (folder / "train" / "sad" / "bad.png").write_bytes(content)
    done = run_mien("data", verb, folder)

    assert done.status == 1
    assert "bad.png is a damaged PNG" in done.err
    assert "Traceback" not in done.err
