"""mien analyze on videos, and mien live."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.images import read_image
from mien.values import Image
from mien.video import VideoWriter, open_video

pytest.importorskip("av")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def portrait(astronaut: Path) -> Image:
    return read_image(astronaut)[20:220, 120:320]


@pytest.fixture(scope="session")
def clip(portrait: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of a grey wall, then a second of a face that moves a little."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    wall = np.full((360, 640, 3), 90, np.uint8)
    with VideoWriter(path, rate=20) as writer:
        for index in range(40):
            image = wall.copy()
            if index >= 20:
                left = 100 + 2 * index
                image[80:280, left : left + 200] = portrait
            writer.write(image, index / 20)
    return path


def test_everything_that_one_can_have_of_a_video(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    files = {name: tmp_path / f"out.{name}" for name in ("csv", "json", "jsonl", "parquet")}
    events, drawn, report = tmp_path / "events.csv", tmp_path / "drawn.mp4", tmp_path / "report.html"
    words = [word for name, path in files.items() for word in (f"--{name}", path)]
    status, out, err = run_mien("analyze", clip, *words, "--events", events, "--annotate", drawn, "--report", report)
    assert status == 0, err
    assert "40 frames" in out
    assert "1 person" in out or "2 people" in out, "a cut's first frame is believed, and may hold a false find"

    lines = [json.loads(line) for line in files["jsonl"].read_text().splitlines()]
    assert [line["index"] for line in lines] == list(range(40))
    assert all(abs(line["time"] - line["index"] / 20) < 1e-3 for line in lines)
    assert not any(line["faces"] for line in lines[:20])
    assert all(len(line["faces"]) == 1 for line in lines[25:])
    with files["csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == list(range(40))
    assert len({row["track_id"] for row in rows[25:]}) == 1
    assert {row["label"] for row in rows[25:]} == {"happy"}
    (entry,) = json.loads(files["json"].read_text())["results"]
    assert len(entry["frames"]) == 40
    import pyarrow.parquet

    assert pyarrow.parquet.read_table(files["parquet"]).num_rows == 40
    with events.open(newline="") as file:
        assert "happy" in [row["label"] for row in csv.DictReader(file)]
    with open_video(drawn) as video:
        assert len(list(video)) == 40
        assert video.codec == "h264"
    page = report.read_text()
    assert "happy" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*(path.name for path in files.values()), "events.csv", "drawn.mp4", "report.html"]
    ), "nothing else is left"


def test_faces_are_hidden_in_what_is_drawn(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    pictures = []
    for name, words in (("plain", []), ("hidden", ["--anonymize", "pixelate"])):
        drawn = tmp_path / f"{name}.mp4"
        assert run_mien("analyze", clip, "--annotate", drawn, *words)[0] == 0
        with open_video(drawn) as video:
            pictures.append(list(video)[-1].image.astype(int))
    changed = np.abs(pictures[0] - pictures[1]).max(axis=2) > 25
    assert 0.02 < changed.mean() < 0.3


def test_a_folder_of_videos_is_one_command_and_a_bad_one_does_not_stop_it(
    run_mien: Run, clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(clip.read_bytes())
    (folder / "b.mp4").write_bytes(b"no video at all")
    (folder / "c.mp4").write_bytes(clip.read_bytes())
    status, _, err = run_mien("analyze", folder, "--csv", tmp_path / "csv", "--every", 4)
    assert status == 1
    assert "b.mp4" in err
    assert "1 of 3 inputs failed" in err
    assert "Traceback" not in err
    assert sorted(path.name for path in (tmp_path / "csv").iterdir()) == ["a.mp4.csv", "c.mp4.csv"]
    assert len((tmp_path / "csv" / "a.mp4.csv").read_text().splitlines()) == 11


def test_a_damaged_video_gives_everything_up_to_the_damage(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.mkv"
    with open_video(clip) as source, VideoWriter(whole, rate=20) as writer:
        for frame in source:
            writer.write(frame.image, frame.time)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 3 // 4])
    lines = tmp_path / "cut.jsonl"
    status, _, err = run_mien("analyze", cut, "--jsonl", lines)
    assert status == 1
    assert "cut.mkv" in err
    assert "everything up to there is kept" in err
    num = len(lines.read_text().splitlines())
    assert 10 < num < 40


def test_parts_and_rates(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    lines = tmp_path / "part.jsonl"
    assert run_mien("analyze", clip, "--jsonl", lines, "--start", 1.0, "--end", 1.5, "--fps", 10)[0] == 0
    times = [json.loads(line)["time"] for line in lines.read_text().splitlines()]
    assert times == pytest.approx([1.0, 1.1, 1.2, 1.3, 1.4], abs=0.01)


@pytest.mark.parametrize(("seconds", "told"), [(60, True), (0.5, False)])
def test_a_baseline_longer_than_anybody_was_in_view_is_told(
    run_mien: Run, clip: Path, tmp_path: Path, seconds: float, told: bool
) -> None:
    status, _, err = run_mien("analyze", clip, "--baseline", seconds, "--jsonl", tmp_path / "clip.jsonl")
    assert status == 0
    assert ("no resting face was taken out" in err) == told


def test_numbered_pictures_are_a_video(run_mien: Run, portrait: Image, tmp_path: Path) -> None:
    from mien.images import write_image

    for number in range(3):
        write_image(tmp_path / "frames" / f"{number:03d}.png", portrait)
    lines = tmp_path / "frames.jsonl"
    status, _, err = run_mien("analyze", tmp_path / "frames", "--as-video", "--rate", 10, "--jsonl", lines)
    assert status == 0, err
    assert [json.loads(line)["time"] for line in lines.read_text().splitlines()] == pytest.approx([0, 0.1, 0.2])


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["CLIP", "PICTURE"], 2, "analyse them by two commands"),
        (["PICTURE", "--events", "x.csv"], 2, "needs a video"),
        (["CLIP", "--events", "x.txt"], 2, ".csv or .json"),
        (["CLIP", "--annotate", "x.txt"], 2, "videos are written as"),
        (["CLIP", "--csv", "/proc/x.csv"], 1, "error: /proc/x.csv: No such file"),
        (["CLIP", "--csv", "x", "--jsonl", "x"], 2, "is also that of"),
        (["CLIP", "--csv", "CLIP"], 2, "is an input"),
        (["CLIP", "--anonymize", "hide"], 2, "blur or pixelate"),
        (["CLIP", "--anonymize", "blur", "--csv", "x.csv"], 2, "--anonymize: hides faces in what is drawn"),
        (["PICTURE", "--anonymize", "blur"], 2, "--anonymize: hides faces in what is drawn"),
        (["CLIP", "--baseline", "soon"], 2, "expected a time"),
        (["CLIP", "none.mp4", "--smoothing", "never"], 2, "--smoothing: expected ema, median, off; got never"),
        (["CLIP", "none.mp4", "--smoothing-seconds", "0"], 2, "'--smoothing-seconds': expected a number above 0"),
        (["CLIP", "none.mp4", "--fps", "0"], 2, "'--fps': expected a number above 0; got 0"),
        (["CLIP", "none.mp4", "--rate", "nan"], 2, "'--rate': expected a number above 0"),
        (["CLIP", "none.mp4", "--start", "2", "--end", "1s"], 2, "--end: comes after --start (2 s); got 1 s"),
        (["CLIP", "--resume"], 2, "name the outputs"),
        (["-", "--raw-size", "640"], 2, "expected WxH"),
        (["none.mp4"], 1, "none.mp4"),
        (["CLIP", "--start", "99"], 1, "clip.mp4"),
        (["http://127.0.0.1:9/none.mp4"], 1, "127.0.0.1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_is_told(
    run_mien: Run, clip: Path, astronaut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    words: list[str], status: int, message: str
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    places = {"CLIP": str(clip), "PICTURE": str(astronaut)}
    done, out, err = run_mien("analyze", *(places.get(word, word) for word in words))
    assert done == status, err
    assert message in err
    assert status == 1 or err.count(message) == 1
    assert "Traceback" not in out + err


def test_a_video_plays_live_and_is_recorded(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "recorded"
    status, out, err = run_mien("live", clip, "--terminal", "--record", folder)
    assert status == 0, err
    assert "frames shown" in out
    assert "ms from the camera to the screen" in out
    assert sorted(path.name for path in folder.iterdir()) == [
        "events.csv", "frames.csv", "frames.jsonl", "report.html", "video.mp4",
    ]  # fmt: skip
    lines = (folder / "frames.jsonl").read_text().splitlines()
    with open_video(folder / "video.mp4") as video:
        assert len(list(video)) == len(lines)
    assert len(lines) > 5


def test_no_camera_says_what_was_tried(run_mien: Run) -> None:
    status, out, err = run_mien("live", "97", "--terminal")
    assert status == 1
    assert "97" in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    ("name", "message"),
    [("none.mp4", "none.mp4 is not there"), ("films/none", "films/none is not there"), ("films", "films is a folder")],
)
def test_live_takes_what_looks_like_a_path_for_a_file(
    run_mien: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    status, _, err = run_mien("live", name, "--terminal")
    assert status == 1
    assert message in err
    assert "docker" not in err


def test_a_device_that_is_not_there_is_still_a_camera(run_mien: Run) -> None:
    status, _, err = run_mien("live", "/dev/video97", "--terminal")
    assert status == 1
    assert "camera" in err or "there are: /dev/video" in err


def test_an_input_is_never_overwritten(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    video = tmp_path / "clip.mp4"
    video.write_bytes(clip.read_bytes())
    (tmp_path / "link.mp4").symlink_to(video)
    for source in (video, tmp_path / "link.mp4"):
        status, _, err = run_mien("analyze", source, "--annotate", tmp_path)
        assert status == 2
        assert "is an input" in err
    assert video.read_bytes() == clip.read_bytes()


def test_two_videos_of_one_name_do_not_share_a_file(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    videos = [tmp_path / folder / "x.mp4" for folder in "ab"]
    for video in videos:
        video.parent.mkdir()
        video.write_bytes(clip.read_bytes())
    status, _, err = run_mien("analyze", *videos, "--csv", tmp_path / "out")
    assert status == 2
    assert "would both be written as" in err


def test_a_password_stays_out_of_every_message(run_mien: Run, tmp_path: Path) -> None:
    url = "rtsp://someone:se@cr/et@127.0.0.1:9/stream"
    for words in (["analyze", url, "--csv", tmp_path / "a.csv"], ["live", url, "--terminal"]):
        status, out, err = run_mien(*words)
        assert status == 1
        assert "cr/et" not in out + err
        assert "127.0.0.1" in err


def test_who_is_not_yet_a_person_is_hidden_all_the_same(run_mien: Run, portrait: Image, tmp_path: Path) -> None:
    """A face that comes in slowly is found before it is believed."""
    path, drawn = tmp_path / "in.mp4", tmp_path / "out.mp4"
    with VideoWriter(path, rate=25) as writer:
        for index in range(30):
            image = np.full((240, 480, 3), 90, np.uint8)
            if index >= 12:
                image[20:220, 140:340] = (portrait * min(1.0, 0.5 + index / 40)).astype(np.uint8)
            writer.write(image, index / 25)
    assert run_mien("analyze", path, "--annotate", drawn, "--anonymize", "pixelate")[0] == 0
    with open_video(path) as before, open_video(drawn) as after:
        for one, two in zip(before, after, strict=True):
            if one.index >= 13:
                face = np.s_[80:130, 210:260]
                sharp, hidden = (float(np.abs(np.diff(image[face].astype(int), axis=1)).mean())
                                 for image in (one.image, two.image))  # fmt: skip
                assert hidden < 0.8 * sharp, one.index
