"""mien analyze on pictures, and on whatever is given."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.drift import Reference
from mien.images import read_image, write_image
from mien.recognition import load_classifier, shipped_models

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three small grey pictures; the working folder is above it."""
    for number in range(3):
        write_image(tmp_path / "album" / f"{number}.png", np.full((40, 40, 3), 60 * number, np.uint8))
    monkeypatch.chdir(tmp_path)
    return Path("album")


def plain(text: str) -> str:
    """A message of a wrong command, without the box around it."""
    return " ".join(text.replace("│", " ").split())


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_astronaut_for_people(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "out" / "astronaut.jpg"
    status, out, err = run_mien("analyze", astronaut, "--annotate", drawn.parent)
    assert (status, err) == (0, "")
    assert "512×512, 1 face" in out
    assert "happy" in out
    assert f"drawn in {drawn}" in out
    assert "inputs" not in out, "one input needs no summary"
    original, annotated = read_image(astronaut), read_image(drawn)
    assert annotated.shape == original.shape
    assert 0.01 < (np.abs(annotated.astype(int) - original).max(axis=2) > 60).mean() < 0.3


def test_the_astronaut_for_machines(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    json_file, csv_file = tmp_path / "r.json", tmp_path / "r.csv"
    status, out, _ = run_mien("analyze", astronaut, "--json", json_file, "--csv", csv_file)
    assert status == 0
    assert f"wrote {json_file}" in out
    (record,) = json.loads(json_file.read_text())["results"]
    (row,) = rows(csv_file)
    (face,) = record["faces"]
    assert face["label"] == row["label"] == "happy"
    assert float(row["happy"]) == face["scores"]["happy"]
    assert sum(face["scores"].values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("option", ["--json", "--csv", "--jsonl"])
def test_standard_output_holds_nothing_but_the_results(astronaut: Path, tmp_path: Path, option: str) -> None:
    words = [sys.executable, "-m", "mien", "analyze", "-", option, "-"]
    words += ["--annotate", str(tmp_path / "drawn.png")]
    done = subprocess.run(words, input=astronaut.read_bytes(), capture_output=True, check=True)
    if option == "--csv":
        assert [row["label"] for row in csv.DictReader(io.StringIO(done.stdout.decode()))] == ["happy"]
    else:
        document = json.loads(done.stdout)
        assert (document["results"][0] if option == "--json" else document)["source"] == "-"
    assert done.stderr == b""


@pytest.mark.parametrize("kind", ["picture", "video"])
def test_one_input_is_drawn_into_a_file_and_several_into_a_folder(
    run_mien: Run, astronaut: Path, clip: Path, tmp_path: Path, kind: str
) -> None:
    """Fault 30: `--annotate result.jpg` made a folder of that name."""
    source, suffix = (astronaut, ".jpg") if kind == "picture" else (clip, ".mp4")
    place = tmp_path / f"result{suffix}"
    status, out, _ = run_mien("analyze", source, "--annotate", place)
    assert (status, place.is_file()) == (0, True)
    assert kind == "video" or f"drawn in {place}" in out
    status, _, err = run_mien("analyze", astronaut, clip, "--annotate", place)
    assert status == 2
    assert "several inputs need a folder" in plain(err)
    status, *_ = run_mien("analyze", astronaut, clip, "--annotate", tmp_path / "both", "-q")
    assert status == 0
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == ["astronaut.jpg", "clip.mp4"]


def test_drawings_are_neither_read_again_nor_drawn_among_the_inputs(run_mien: Run, album: Path) -> None:
    """Faults 2 and 49: a picture became 2, 4 and 8 inputs."""
    before = {path: path.read_bytes() for path in album.iterdir()}
    for times in range(3):
        status, out, err = run_mien("analyze", album, "--annotate", album / "drawn")
        assert status == 0, err
        assert "3 inputs; no face" in out or "3 inputs; 0 faces" in out
        assert ("passed over 3 files: mien drew them" in err) == (times > 0)
    status, _, err = run_mien("analyze", album, "--annotate", album)
    assert status == 2
    assert "name another folder than the inputs'" in plain(err)
    for place in ("album/1.png", "album/0.png"):
        status, _, err = run_mien("analyze", album / "0.png", "--annotate", place)
        assert status == 2, "one is another picture, and one the input"
    assert {path: path.read_bytes() for path in album.iterdir() if path.is_file()} == before


def test_equal_names_keep_their_folders_and_a_column_says_which_is_whose(
    run_mien: Run, astronaut: Path, tmp_path: Path
) -> None:
    """Fault 31."""
    pictures = [tmp_path / folder / "same.jpg" for folder in "ab"]
    for picture in pictures:
        picture.parent.mkdir()
        shutil.copy(astronaut, picture)
    table = tmp_path / "r.csv"
    status, *_ = run_mien("analyze", *pictures, "--annotate", tmp_path / "out", "--csv", table)
    assert status == 0
    drawings = [str(tmp_path / "out" / folder / "same.jpg") for folder in "ab"]
    assert [(row["source"], row["drawing"]) for row in rows(table)] == list(
        zip(map(str, pictures), drawings, strict=True)
    )
    assert all(Path(drawing).is_file() for drawing in drawings)


def test_a_folders_own_folders_are_kept(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    shutil.copy(astronaut, tmp_path / "in" / "deep" / "ü 空.jpg")
    status, _, err = run_mien("analyze", tmp_path / "in", "--annotate", tmp_path / "out")
    assert status == 0, err
    assert (tmp_path / "out" / "deep" / "ü 空.jpg").exists()


def test_hidden_files_are_left_out(run_mien: Run, album: Path) -> None:
    """Fault 32: a Mac's `._x.jpg` failed, and the whole job with it."""
    for name in ("._0.png", ".hidden.jpg", ".git/x.png"):
        (album / name).parent.mkdir(exist_ok=True)
        (album / name).write_bytes(b"no picture")
    status, out, err = run_mien("analyze", album)
    assert (status, err) == (0, "")
    assert "3 inputs" in out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_links_to_themselves_and_pipes_do_not_stop_the_others(run_mien: Run, album: Path) -> None:
    """Fault 48."""
    (album / "self.jpg").symlink_to("self.jpg")
    os.mkfifo(album / "p.jpg")
    status, out, err = run_mien("analyze", album)
    assert status == 1
    assert "4 inputs, 1 failed" in out
    assert "self.jpg cannot be opened: Too many levels of symbolic links" in err
    assert "passed over 1 file: album/p.jpg is a named pipe" in err
    status, _, err = run_mien("analyze", album / "p.jpg")
    assert status == 1
    assert "a named pipe" in err


def test_pictures_on_the_network_are_not_fetched(run_mien: Run) -> None:
    """Fault 33."""
    status, _, err = run_mien("analyze", "https://example.org/a.jpg")
    assert status == 1
    assert "https://example.org/a.jpg: pictures are not fetched from the network; download it" in err


def test_a_failure_ends_in_1_and_the_others_are_done(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    words = ("analyze", tmp_path / "broken.jpg", astronaut, "none*.png", "", "--json", tmp_path / "r.json")
    status, out, err = run_mien(*words)
    assert status == 1
    assert "1 face" in out
    assert "4 inputs, 3 failed; 1 face: happy 100%" in out
    assert "broken.jpg is no picture that can be read" in err
    assert err.count("broken.jpg") == 1, "it is named once"
    assert "none*.png: no file matches this pattern" in err
    assert "the name is empty" in err
    assert "3 of 4 inputs failed" in err
    assert "Traceback" not in err
    assert len(json.loads((tmp_path / "r.json").read_text())["results"]) == 4


def test_many_inputs_are_a_summary_and_few_are_shown_one_by_one(run_mien: Run, tmp_path: Path) -> None:
    """Fault 34: 200 pictures were 1,401 lines."""
    for number in range(20):
        write_image(tmp_path / f"{number:02}.png", np.full((30, 30, 3), 90, np.uint8))
    status, out, err = run_mien("analyze", tmp_path)
    assert (status, out, err) == (0, "20 inputs; 0 faces\n", "")
    status, out, _ = run_mien("analyze", tmp_path / "00.png", tmp_path / "01.png")
    assert out.splitlines()[-1] == "2 inputs; 0 faces"
    assert "00.png  30×30, no face" in out


def test_quiet_prints_errors_only(run_mien: Run, album: Path, astronaut: Path) -> None:
    """Fault 34."""
    shutil.copy(astronaut, album / "a.jpg")
    assert run_mien("analyze", album, "--quiet", "--csv", "r.csv", "--annotate", album / "drawn") == (0, "", "")
    assert run_mien("analyze", album, "-q") == (0, "", "")
    assert len(rows(Path("r.csv"))) == 4
    (album / "broken.png").write_bytes(b"")
    status, out, err = run_mien("analyze", album, "-q")
    assert (status, out) == (1, "")
    assert err.splitlines() == ["error: album/broken.png is empty (0 bytes); expected a picture",
                                "error: 1 of 5 inputs failed"]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "for SOURCE: name the pictures and videos to analyse"),
        (["--json", "x.jpg"], "--json took x.jpg as the file to write"),
        (["x.jpg", "--unheard-of"], "No such option"),
        (["x.jpg", "--model", "unheard-of"], "for --model: unknown model"),
        (["x.jpg", "--detector", "harr"], "did you mean haar"),
        (["x.jpg", "--min-face", "-3"], "for --min-face: min_face is"),
        (["x.jpg", "--detector", "haar", "--detector-model", "y.onnx"], "has no option model"),
        (["x.jpg", "--detector", "haar", "--turned"], "has no option turned"),
        (["x.jpg", "--detector-model", "none.onnx"], "mien models fetch yunet"),
        (["x.jpg", "--json", "x.jpg"], "for --json: "),
        (["x.jpg", "--json", "x.json"], "x.json is an input"),
        (["x.jpg", "--json", "folder.json"], "for --json: folder.json is a folder"),
        (["x.jpg", "--json", "same.json", "--events", "x.csv"], "for --events: needs a video"),
        (["x.jpg", "--csv", "x.xlsx"], "for --csv: expected a file that ends in .csv, .txt; got x.xlsx"),
        (["x.jpg", "--annotate", "x.txt"], "for --annotate: expected a folder, or a file that ends in .png"),
        (["x.jpg", "--annotate", "-"], "for --annotate: cannot go to standard output"),
        (["x.jpg", "--json", "-", "--csv", "-"], "goes to standard output already"),
        (["x.jpg", "--anonymize", "blur"], "for --anonymize: hides faces in what is drawn"),
        (["x.jpg", "--evidence"], "for --evidence: changes what is drawn; name --annotate or --report"),
        (["x.jpg", "--explain", "-"], "for --explain: cannot go to standard output"),
        (["x.jpg", "--explain", "why.txt"], "for --explain: expected a folder, or a file that ends in .png"),
        (["x.jpg", "--jobs", "-2"], "'--jobs'"),
        (["x.jpg", "--start", "9"], "for --start: applies to videos, and there is none"),
        (["x.jpg", "--every", "2"], "for --every: applies to videos"),
        (["x.jpg", "--fps", "2"], "for --fps: applies to videos"),
        (["x.jpg", "--smoothing", "off"], "for --smoothing: applies to videos"),
        (["x.jpg", "--baseline", "2"], "for --baseline: applies to videos"),
        (["x.mp4", "--raw-size", "64x48"], "for --raw-size: applies to standard input"),
        (["x.mp4", "--rate", "10"], "for --rate: applies to folders of numbered pictures"),
        (["x.jpg", "--resume", "--csv", "x.csv"], "for --resume: applies to videos"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_commands_end_in_2_and_name_the_option(
    run_mien: Run, astronaut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    """Faults 5, 30, 35 and 50; nothing is written."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(astronaut, "x.jpg")
    Path("x.json").symlink_to("x.jpg")
    Path("folder.json").mkdir()
    before = sorted(tmp_path.rglob("*"))
    status, out, err = run_mien("analyze", *words)
    assert status == 2, err
    assert message in plain(err)
    assert "Traceback" not in out + err
    assert sorted(tmp_path.rglob("*")) == before
    assert Path("x.jpg").read_bytes() == astronaut.read_bytes()


def test_the_model_is_not_overwritten(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    """Fault 50."""
    from mien.recognition import shipped_models

    model = tmp_path / "m.json"
    shutil.copy(shipped_models()["rep-small"], model)
    status, _, err = run_mien("analyze", astronaut, "--model", model, "--json", model)
    assert status == 2
    assert "is an input" in plain(err)
    assert model.read_bytes() == shipped_models()["rep-small"].read_bytes()


def test_an_old_result_survives_a_wrong_command(run_mien: Run, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("old")
    run_mien("analyze", "x.jpg", "--model", "unheard-of", "--json", tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text() == "old"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody may write")
@pytest.mark.parametrize("words", [["--csv", "/proc/r.csv"], ["--annotate", "/proc"]])
def test_what_cannot_be_written_is_called_as_the_user_called_it(
    run_mien: Run, astronaut: Path, words: list[str]
) -> None:
    status, out, err = run_mien("analyze", astronaut, *words)
    assert status in (1, 2)
    assert words[1] in err
    assert ".partial" not in err
    assert "Errno" not in err
    assert "Traceback" not in out + err


def started(*words: object) -> "subprocess.Popen[bytes]":
    """`mien …` in a process of its own, which Ctrl-C can reach."""
    command = [sys.executable, "-u", "-m", "mien", *map(str, words)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, start_new_session=True, stdin=pipe, stdout=pipe, stderr=pipe)


def test_interrupted_it_keeps_what_was_done(astronaut: Path, tmp_path: Path) -> None:
    """The second picture comes from standard input, where nobody writes: it waits there until it is interrupted."""
    (tmp_path / "old.csv").write_text("source,frame,time,width,height,face,old,error\n")
    words = ["analyze", astronaut, "-", "--json", tmp_path / "r.json", "--csv", tmp_path / "old.csv"]
    with started(*words) as process:
        assert process.stdout
        process.stdout.readline()  # the first picture is shown
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.decode().splitlines() == ["error: interrupted; what was done is kept"]
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["complete"] is False
    assert [row["source"] for row in result["results"]] == [str(astronaut)]
    assert (tmp_path / "old.csv").read_text().endswith("error\n"), "the whole older table keeps its name"
    assert len(rows(tmp_path / "old.incomplete.csv")) == 1


def is_running(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


HELD = """
import time

class Held:
    num = 0

    def __call__(self, image):
        self.num += 1
        while self.num > 3:
            time.sleep(0.01)
        return []
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs groups of processes")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_however_it_ends(
    astronaut: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    """Ctrl-C reaches every process of the terminal; the other signals the first alone. Its detector never comes back
    from a process's fourth picture, so that the job cannot be done before it is ended.
    """
    (tmp_path / "held.py").write_text(HELD)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(40):
        shutil.copy(astronaut, folder / f"{number:02}.jpg")
    shutil.copy(clip, folder / "clip.mp4")
    words = ["--detector", "held:Held", "--jobs", 2, "--csv", folder / "r.csv", "--jsonl", "-"]
    with started("analyze", folder, *words) as process:
        assert process.stdout
        process.stdout.readline()  # the first picture is done
        if end == signal.SIGINT:
            os.killpg(process.pid, end)
        else:
            process.send_signal(end)
        _, err = process.communicate(timeout=60)
        until = time.monotonic() + 60
        while is_running(process.pid) and time.monotonic() < until:
            time.sleep(0.05)
        assert not is_running(process.pid)
    assert b"Traceback" not in err
    if end == signal.SIGKILL:
        return
    assert process.returncode == 130
    assert b"interrupted; what was done is kept" in err
    assert 1 <= len(rows(folder / "r.csv")) <= 6
    left = [path for path in folder.iterdir() if path.suffix not in {".jpg", ".mp4", ".csv"}]
    assert [path.name for path in left] == [".r.csv.mien"]


def test_standard_input_is_read_by_several_jobs_too(astronaut: Path) -> None:
    words = [sys.executable, "-m", "mien", "analyze", "-", str(astronaut), "--jobs", "0", "--csv", "-"]
    done = subprocess.run(words, input=astronaut.read_bytes(), capture_output=True, check=True)
    assert [row["label"] for row in csv.DictReader(io.StringIO(done.stdout.decode()))] == ["happy"] * 2


def test_a_piped_video_is_told_how_to_be_piped(clip: Path) -> None:
    words = [sys.executable, "-m", "mien", "analyze", "-"]
    done = subprocess.run(words, input=clip.read_bytes(), capture_output=True, check=False)
    assert done.returncode == 1
    assert b"seems to be a video" in done.stderr
    assert b"piped as Y4M with --as-video" in b" ".join(done.stderr.split())


@pytest.mark.parametrize(("words", "status"), [(["--csv", "-"], 1), (["--jsonl", "-"], 1), ([], 0)])
def test_a_closed_pipe_is_no_traceback(astronaut: Path, words: list[str], status: int) -> None:
    """Whose results go there cannot go on; where they were only shown, the job goes on in silence."""
    with started("analyze", astronaut, "-", *words) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdout.read(1)
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.write(astronaut.read_bytes())
            process.stdin.close()
        err = process.stderr.read()
        assert process.wait(timeout=60) == status
    assert b"Traceback" not in err
    assert b"Exception" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["--csv", "/dev/full"], ["--json", "/dev/full", "-q"]])
def test_a_full_disk_is_an_error_that_names_the_file(run_mien: Run, astronaut: Path, words: list[str]) -> None:
    status, out, err = run_mien("analyze", astronaut, *words)
    assert status == 1
    assert err == "error: /dev/full: No space left on device\n"
    assert "wrote" not in out


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on files")
def test_a_disk_that_fills_up_keeps_the_older_results(astronaut: Path, clip: Path, tmp_path: Path) -> None:
    """Fault 1. It is the journal that grows too large; the table's rows until then are kept beside the older one."""
    import resource

    (tmp_path / "r.csv").write_text("source,frame,time,width,height,face,old,error\n")
    words = [sys.executable, "-m", "mien", "analyze", str(clip), "--csv", str(tmp_path / "r.csv"), "-q"]
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))  # noqa: E731
    done = subprocess.run(words, capture_output=True, preexec_fn=limit, text=True, check=False)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "r.csv").read_text().endswith("error\n")
    assert subprocess.run([*words, "--resume"], check=False).returncode == 0
    assert len(rows(tmp_path / "r.csv")) == 40
    assert 0 < len(rows(tmp_path / "r.incomplete.csv")) < 40
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv", "r.incomplete.csv"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("redirection", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_traceback(astronaut: Path, tmp_path: Path, redirection: str) -> None:
    """Fault 63."""
    table = tmp_path / "r.csv"
    command = f"'{sys.executable}' -m mien analyze - '{astronaut}' --csv '{table}' --json - {redirection}"
    done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    if redirection in (">&-", "<&- >&- 2>&-"):
        assert done.returncode == 2
        assert not table.exists(), "refused before the work begins, as the JSON would be lost"
        assert "standard output is closed" in done.stderr or "2>&-" in redirection
    else:
        assert done.returncode == 1, "standard input is empty"
        assert [row["label"] for row in rows(table)] == ["", "happy"]


def test_explanations_are_written_beside_what_else_is_asked_for(
    run_mien: Run, astronaut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--explain", "why", "--annotate", "drawn.png", "--evidence", "--csv", "faces.csv", "--anonymize", "blur"]
    status, out, err = run_mien("analyze", astronaut, *words)
    assert status == 0, err
    assert "wrote why" in out
    sheet = Path("why", "astronaut-000.png")
    assert read_image(sheet).shape[2] == 3
    assert [row["explanation"] for row in rows(Path("faces.csv"))] == [str(sheet)]
    status, _, err = run_mien("analyze", "why", "--csv", "again.csv")
    assert status == 1
    assert "mien drew them" in err


def test_faces_unlike_the_models_own_are_a_warning_for_each_kind_of_drift(
    run_mien: Run, astronaut: Path, tmp_path: Path, reference: Reference
) -> None:
    """Thirty pictures of one bright and happy face; quiet, and with fewer of them, nothing is said."""
    convert = pytest.importorskip("mien.shipping.convert")
    model, folder = tmp_path / "even.onnx", tmp_path / "happy"
    info = replace(load_classifier("mini-xception").info, name="even", profile=reference.profile.to_dict())
    convert.describe(shipped_models()["mini-xception"], info, model)
    for number in range(30):
        write_image(folder / f"{number}.png", read_image(astronaut)[20:220, 120:320])
    status, out, err = run_mien("analyze", folder, "--model", model, "--report", tmp_path / "page.html")
    assert err == run_mien("analyze", folder, "--model", model, "--jobs", 2)[2]
    image, classes = err.splitlines()[-2:]
    assert (status, "30 inputs" in out) == (0, True)
    assert image.startswith("warning: image drift: compared with the 1,000 faces that even was measured on, these are")
    assert "brighter (brightness above 0.6 in 100% of them, there in 40%)" in image
    assert "happy leads in 100% of the faces instead of 14%" in classes
    assert classes.startswith("warning: class drift: ")
    assert "Compared with the reference" in (tmp_path / "page.html").read_text()
    assert run_mien("analyze", folder, "--model", model, "--quiet") == (0, "", "")
    (folder / "0.png").unlink()
    assert run_mien("analyze", folder, "--model", model)[2] == ""


def test_sheets_beside_a_name_of_ones_own_are_named(run_mien: Run, album: Path, portrait: np.ndarray) -> None:
    write_image(album / "eileen.png", portrait)
    status, out, err = run_mien("analyze", album / "eileen.png", "--explain", "why.png")
    assert status == 0, err
    assert "wrote why-000.png" in out.splitlines()
