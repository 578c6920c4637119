"""mien analyze on videos, and mien live."""

import csv
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.cli.live import Terminal, fitted, people_lines
from mien.images import write_image
from mien.values import Face, FrameResult, Image
from mien.video import VideoWriter, open_video

pytest.importorskip("av")
Run = Callable[..., tuple[int, str, str]]


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


def test_people_are_merged_by_their_numbers(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    status, _, err = run_mien("analyze", clip, "--csv", table, "--merge", "4,1", "--merge", "9,8")
    assert status == 0, err
    assert "there is no person 4" in err
    assert "there is no person 9 or 8" in err
    with table.open(newline="") as file:
        assert {row["track_id"] for row in csv.DictReader(file)} - {""} == {"4"}


@pytest.mark.parametrize(
    ("words", "message"),
    [(["1"], "two or more numbers of one person"), (["1,x"], "as in 1,3; got 1,x"), (["1,"], "as in 1,3; got 1,"),
     (["1,3", "--merge", "3,4"], "names person 3 twice"), (["0,1"], "two or more numbers")],
)  # fmt: skip
def test_what_cannot_be_merged_is_refused(run_mien: Run, clip: Path, words: list[str], message: str) -> None:
    status, _, err = run_mien("analyze", clip, "--merge", *words)
    assert status == 2
    assert message in " ".join(err.replace("│", " ").split())


def test_faces_are_hidden_in_what_is_drawn(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    pictures = []
    for name, words in (("plain", []), ("hidden", ["--anonymize", "pixelate"])):
        drawn = tmp_path / f"{name}.mp4"
        assert run_mien("analyze", clip, "--annotate", drawn, *words)[0] == 0
        with open_video(drawn) as video:
            pictures.append(list(video)[-1].image.astype(int))
    changed = np.abs(pictures[0] - pictures[1]).max(axis=2) > 25
    assert 0.02 < changed.mean() < 0.3


def test_panels_and_the_timeline_can_be_left_out(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    """Fault 22."""
    last = {}
    for name, words in (("all", []), ("less", ["--no-panels", "--no-strip"])):
        drawn = tmp_path / f"{name}.mp4"
        assert run_mien("analyze", clip, "--annotate", drawn, *words)[0] == 0
        with open_video(drawn) as video:
            last[name] = list(video)[-1].image
    assert last["less"].shape == (360, 640, 3)
    assert last["all"].shape[0] > 360
    changed = np.abs(last["all"][:360].astype(int) - last["less"]).max(axis=2) > 60
    assert changed.mean() > 0.02


def test_a_folder_of_videos_is_one_table_and_a_bad_one_does_not_stop_it(
    run_mien: Run, clip: Path, tmp_path: Path
) -> None:
    """Fault 30: two videos made a folder of tables."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (folder / name).write_bytes(b"no video at all" if name == "b.mp4" else clip.read_bytes())
    tables = {name: tmp_path / f"{name}.csv" for name in ("csv", "events", "seconds")}
    words = [word for name, path in tables.items() for word in (f"--{name}", path)]
    status, out, err = run_mien("analyze", folder, *words, "--every", 4, "--report", tmp_path / "pages")
    assert status == 1
    assert "b.mp4" in err
    assert "1 of 3 inputs failed" in err
    assert "3 inputs, 20 frames, 1 failed" in out
    assert "Traceback" not in err
    found = {}
    for name, path in tables.items():
        with path.open(newline="") as file:
            found[name] = [Path(row["source"]).name for row in csv.DictReader(file)]
    assert [found["csv"].count(name) for name in ("a.mp4", "b.mp4", "c.mp4")] == [10, 1, 10]
    assert {"a.mp4", "c.mp4"} <= set(found["events"])
    assert {"a.mp4", "c.mp4"} <= set(found["seconds"])
    assert {"a.html", "c.html"} <= {path.name for path in (tmp_path / "pages").iterdir()}


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


def test_damage_in_the_middle_leaves_a_gap_that_every_output_tells(run_mien: Run, tmp_path: Path) -> None:
    """Fault 6: the job ended at the first damage."""
    av = pytest.importorskip("av")
    path = tmp_path / "torn.mp4"
    with VideoWriter(path, rate=25) as writer:
        for index in range(600):
            noise = np.random.default_rng(index).integers(0, 255, (48, 64, 3), np.uint8)
            writer.write(noise, index / 25)
    with av.open(str(path)) as container:
        packets = list(container.demux(video=0))
    (_, *later) = [at for at, packet in enumerate(packets) if packet.is_keyframe]
    content = bytearray(path.read_bytes())
    torn = packets[later[0] // 2]
    content[torn.pos : torn.pos + torn.size] = bytes(torn.size)
    path.write_bytes(content)
    table, lines, page = (tmp_path / name for name in ("torn.csv", "torn.jsonl", "torn.html"))
    status, _, err = run_mien("analyze", path, "--every", 5, "--csv", table, "--jsonl", lines, "--report", page)
    assert status == 1
    assert "cannot be decoded" in err
    assert "1 of 1 inputs failed" in err
    results = [json.loads(line) for line in lines.read_text().splitlines()]
    (gap,) = [result for result in results if result["error"]]
    assert gap["index"] >= later[0]
    assert results[-1]["index"] == 595
    assert not [result for result in results if later[0] // 2 + 20 < result["index"] < later[0]]
    with table.open(newline="") as file:
        assert [row["error"] for row in csv.DictReader(file) if row["error"]] == [gap["error"]]
    assert gap["error"] in page.read_text()


def test_parts_and_rates_keep_the_numbers_in_the_file(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    """Fault 4."""
    path = tmp_path / "part.jsonl"
    assert run_mien("analyze", clip, "--jsonl", path, "--start", 1.0, "--end", 1.5, "--fps", 10)[0] == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["time"] for line in lines] == pytest.approx([1.0, 1.1, 1.2, 1.3, 1.4], abs=0.01)
    assert [line["index"] for line in lines] == [20, 22, 24, 26, 28]


def test_lines_come_while_the_video_is_analysed(clip: Path) -> None:
    """Fault 28: the first came when all was done. Here the rest of the video comes after it."""
    command = [sys.executable, "-m", "mien", "analyze", "-", "--raw-size", "64x48", "--jsonl", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        process.stdin.write(bytes(64 * 48 * 3) * 30)
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["index"] == 0
        process.stdin.write(bytes(64 * 48 * 3) * 2)
        process.stdin.close()
        assert len(process.stdout.readlines()) == 31


@pytest.mark.parametrize(("seconds", "reported"), [(60, True), (0.5, False)])
def test_a_baseline_longer_than_anybody_was_in_view_is_reported(
    run_mien: Run, clip: Path, tmp_path: Path, seconds: float, reported: bool
) -> None:
    status, _, err = run_mien("analyze", clip, "--baseline", seconds, "--jsonl", tmp_path / "clip.jsonl")
    assert status == 0
    assert ("no resting face was taken out" in err) == reported


def test_numbered_pictures_are_a_video(run_mien: Run, portrait: Image, tmp_path: Path) -> None:
    for number in range(3):
        write_image(tmp_path / "frames" / f"{number:03d}.png", portrait)
    lines = tmp_path / "frames.jsonl"
    status, _, err = run_mien("analyze", tmp_path / "frames", "--as-video", "--rate", 10, "--jsonl", lines)
    assert status == 0, err
    assert [json.loads(line)["time"] for line in lines.read_text().splitlines()] == pytest.approx([0, 0.1, 0.2])


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["PICTURE", "--events", "x.csv"], 2, "for --events: needs a video"),
        (["CLIP", "--events", "x.txt"], 2, "for --events: expected a file that ends in .csv, .json; got x.txt"),
        (["CLIP", "--annotate", "x.txt"], 2, "a file that ends in .mp4, .m4v, .mov, .mkv; got x.txt"),
        (["CLIP", "--csv", "/proc/x.csv"], 1, "/proc/x.csv: No such file"),
        (["CLIP", "--csv", "x.csv", "--events", "x.csv"], 2, "for --events: x.csv is also that of --csv"),
        (["CLIP", "--csv", "CLIP"], 2, "for --csv: expected a file that ends in .csv"),
        (["CLIP", "--anonymize", "hide"], 2, "blur or pixelate"),
        (["CLIP", "--anonymize", "blur", "--csv", "x.csv"], 2, "--anonymize: hides faces in what is drawn"),
        (["CLIP", "--no-strip", "--csv", "x.csv"], 2, "for --no-strip: changes what is drawn"),
        (["CLIP", "--baseline", "soon"], 2, "expected a time"),
        (["CLIP", "none.mp4", "--smoothing", "never"], 2, "for --smoothing: "),
        (["CLIP", "none.mp4", "--smoothing-seconds", "0"], 2, "'--smoothing-seconds': expected a number above 0"),
        (["CLIP", "none.mp4", "--smoothing-seconds", "6"], 2, "for --smoothing-seconds: smoothing_seconds is"),
        (["CLIP", "none.mp4", "--fps", "0"], 2, "'--fps': expected a number above 0; got 0"),
        (["CLIP", "none.mp4", "--rate", "nan"], 2, "'--rate': expected a number above 0"),
        (["CLIP", "none.mp4", "--start", "2", "--end", "1s"], 2, "--end: comes after --start (2 s); got 1 s"),
        (["CLIP", "--resume"], 2, "name the outputs"),
        (["-", "--raw-size", "640"], 2, "expected WxH"),
        (["-", "--raw-size", "²x480"], 2, "expected WxH"),
        (["none.mp4"], 1, "none.mp4"),
        (["CLIP", "--start", "99"], 1, "clip.mp4"),
        (["http://127.0.0.1:9/none.mp4"], 1, "127.0.0.1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_is_reported(
    run_mien: Run, clip: Path, astronaut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    words: list[str], status: int, message: str
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    places = {"CLIP": str(clip), "PICTURE": str(astronaut)}
    done, out, err = run_mien("analyze", *(places.get(word, word) for word in words))
    assert done == status, err
    assert message in " ".join(err.replace("│", " ").split())
    assert "partial" not in err
    assert "Traceback" not in out + err


def test_a_program_can_follow_what_is_live(run_mien: Run, clip: Path) -> None:
    status, out, err = run_mien("live", clip, "--jsonl", "-")
    assert status == 0
    frames = [json.loads(line) for line in out.splitlines()]
    assert frames
    assert all({"index", "time", "faces"} <= set(frame) for frame in frames)
    assert re.search(r"frames shown: \d+, dropped: \d+; \d+ ms", err)


@pytest.mark.parametrize("words", [("--record", "x"), ("--anonymize", "blur")])
def test_lines_of_what_is_live_go_without_a_drawing(run_mien: Run, clip: Path, words: tuple[str, ...]) -> None:
    assert run_mien("live", clip, "--jsonl", "-", *words)[0] == 2


def test_a_video_plays_live_and_is_recorded(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "recorded"
    words = ["--anonymize", "blur", "--no-panels", "--no-strip"]
    status, out, err = run_mien("live", clip, "--terminal", "--record", folder, *words)
    assert status == 0, err
    assert re.search(r"frames shown: \d+, dropped: \d+; \d+ ms", out)
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
    """Fault 50."""
    video = tmp_path / "clip.mp4"
    video.write_bytes(clip.read_bytes())
    (tmp_path / "link.mp4").symlink_to(video)
    for source, place in ((video, video), (tmp_path / "link.mp4", video), (video, tmp_path / "link.mp4")):
        status, _, err = run_mien("analyze", source, "--annotate", place)
        assert status == 2
        assert "is an input" in err
    status, _, err = run_mien("analyze", video, "--annotate", tmp_path)
    assert status == 2
    assert "name another folder than the inputs'" in " ".join(err.replace("│", " ").split())
    assert video.read_bytes() == clip.read_bytes()


def test_what_was_drawn_is_not_analysed_again(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    """Fault 2."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "clip.mp4").write_bytes(clip.read_bytes())
    for _ in range(2):
        status, out, _ = run_mien("analyze", tmp_path / "in", "--annotate", tmp_path / "in" / "drawn")
        assert status == 0
        assert out.count("40 frames") == 1


def test_two_videos_of_one_name_do_not_share_a_file(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    """Fault 31."""
    videos = [tmp_path / folder / "x.mp4" for folder in "ab"]
    for video in videos:
        video.parent.mkdir()
        video.write_bytes(clip.read_bytes())
    status, *_ = run_mien("analyze", *videos, "--report", tmp_path / "out", "--csv", tmp_path / "r.csv")
    assert status == 0
    assert {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.html")} >= {
        "a/x.html", "b/x.html",
    }  # fmt: skip
    with (tmp_path / "r.csv").open(newline="") as file:
        assert {row["source"] for row in csv.DictReader(file)} == set(map(str, videos))


def test_the_second_of_two_jobs_on_one_output_says_who_holds_it(run_mien: Run, clip: Path, tmp_path: Path) -> None:
    """Fault 51."""
    table = tmp_path / "r.csv"
    words = [sys.executable, "-m", "mien", "analyze", clip, "-", "--raw-size", "64x48", "--csv", table]
    with subprocess.Popen(list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        until = time.monotonic() + 60
        while not list(tmp_path.glob(".r.csv.mien/*.jsonl")):
            assert process.poll() is None and time.monotonic() < until, "the first job has not begun"
            time.sleep(0.02)
        status, _, err = run_mien("analyze", clip, "--csv", table)
        assert process.stdin
        process.stdin.write(bytes(64 * 48 * 3))
        process.stdin.close()
    assert status == 1
    assert f"{table} is being written by another mien (process {process.pid})" in err
    assert process.returncode == 0
    with table.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 41, "the first job is not disturbed"
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


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


@pytest.mark.parametrize(
    ("size", "fits"), [((360, 640), (360, 640)), ((1080, 1920), (540, 960)), ((900, 100), (600, 67))]
)
def test_the_window_is_no_larger_than_the_screen(size: tuple[int, int], fits: tuple[int, int]) -> None:
    """Fault 25."""
    assert fitted(np.zeros((*size, 3), np.uint8), 960, 600).shape[:2] == fits


@pytest.mark.parametrize(("height", "num_lines"), [(40, 24), (24, 24), (23, 3), (3, 3), (2, 2), (1, 1)])
def test_a_small_terminal_shows_everybody_in_a_line_each(
    make_person: Callable[..., Face], height: int, num_lines: int
) -> None:
    """Fault 25: two of three people were shown."""
    people = [make_person(track_id, happy=0.7) for track_id in (3, 5, 8)]
    lines = [line.plain for line in people_lines(people, height)]
    assert len(lines) == num_lines
    named = [track_id for track_id in (3, 5, 8) if any(line.startswith(f"person {track_id}: ") for line in lines)]
    more = int(lines[-1].split()[1]) if lines[-1].startswith("and ") else 0
    assert len(named) + more == 3
    assert more == 0 or height < 3
    assert [line.plain for line in people_lines([], height)] == ["no face"]


def test_q_ends_in_a_terminal(make_frame: Callable[..., FrameResult], monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault 25."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    keyboard, terminal = pty.openpty()
    image = np.zeros((4, 4, 3), np.uint8)
    with open(terminal, closefd=False) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        before = termios.tcgetattr(terminal)
        with Terminal() as screen:
            assert screen.show(image, make_frame(0), "")
            os.write(keyboard, b"xq")
            assert not screen.show(image, make_frame(1), "")
            assert screen.show(image, make_frame(2), ""), "a key counts once"
        assert termios.tcgetattr(terminal) == before
    for file in (keyboard, terminal):
        os.close(file)
