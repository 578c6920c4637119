"""mien batch."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.images import DRAWN_COMMENT, write_image

pytest.importorskip("pyarrow")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three small grey pictures and a broken one; the working folder is above them."""
    for number in range(3):
        write_image(tmp_path / "album" / f"{number}.png", np.full((40, 40, 3), 60 * number, np.uint8))
    (tmp_path / "album" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    monkeypatch.chdir(tmp_path)
    return Path("album")


def test_a_batch_from_its_beginning_to_its_proof(run_mien: Run, album: Path, astronaut: Path) -> None:
    words = ["batch", album, astronaut, "--out", "out", "-j", "1", "--model", "mini-xception"]
    status, out, err = run_mien(*words)
    assert status == 1
    assert "1 of 5 inputs failed; their rows say why" in err
    assert "album/broken.jpg" in err
    assert "5 inputs, 4 pictures and frames, 1 face: happy 100%" in out
    assert "1 table, 5 rows" in out
    write_image(Path("good.jpg"), np.full((40, 40, 3), 9, np.uint8))
    Path("good.jpg").replace(album / "broken.jpg")
    status, out, err = run_mien("batch", "--out", "out", "-j", "1", "--model", "mini-xception", "--retry", "failed")
    assert (status, err) == (0, "")
    assert "1 input in" in out
    assert "done before: 4" in out
    status, out, err = run_mien("batch", "--verify", "out")
    assert (status, err) == (0, "")
    assert "analysed 5 again: 5 equal to the last bit" in out
    assert json.loads(Path("out/_batch/summary.json").read_text())["statuses"] == {"ok": 5}
    (album / "1.png").unlink()
    status, _, err = run_mien("batch", "--verify", "out")
    assert status == 1
    assert "album/1.png is not the file any more" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name the folder for the tables"),
        (("album", "--out", "out", "--retry", "all"), "expected failed; got all"),
        (("album", "--out", "out", "--dask", "tcp://x:1", "--jobs", "2"), "leave out --jobs"),
        (("album", "--verify", "out"), "leave out SOURCE"),
        (
            ("--verify", "out", "--retry", "nonsense", "--jobs", "3", "--min-face", "9", "--sample", "9", "-q"),
            "leave out --jobs, --min-face, --retry",
        ),
        (("album", "--out", "out", "--sample", "5"), "goes with --verify"),
        (("album", "--out", "out", "--shard", "0"), "--shard"),
        (("album", "--out", "out", "--part", "0"), "expected a number above 0"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(run_mien: Run, album: Path, words: tuple[str, ...], message: str) -> None:
    status, _, err = run_mien("batch", *words)
    assert status == 2
    assert message in " ".join(err.replace("│", " ").split())
    assert not Path("out").exists()


def test_a_batch_says_what_it_passed_over_and_that_all_was_done_before(run_mien: Run, album: Path) -> None:
    """The second time it said that it wrote the tables, at 0.0 inputs a second."""
    (album / "broken.jpg").unlink()
    write_image(album / "drawn.jpg", np.full((40, 40, 3), 9, np.uint8), comment=DRAWN_COMMENT)
    for said in ("4 inputs in 0:0", "out: 1 table, 4 rows; everything was done before"):
        status, out, err = run_mien("batch", album, "--out", "out", "-j", "1")
        assert (status, err) == (0, "passed over: 1 input; their rows say why\n")
        assert "4 inputs, 3 pictures and frames, 0 faces" in out
        assert said in out
    assert "wrote" not in out
    assert "a second" not in out


def test_quiet_prints_nothing_of_what_went_well(run_mien: Run, album: Path) -> None:
    (album / "broken.jpg").unlink()
    assert run_mien("batch", album, "--out", "out", "-j", "1", "-q") == (0, "", "")
    assert run_mien("batch", "--verify", "out", "-q", "--sample", "1") == (0, "", "")


HANGING = """
import time
from mien.values import Box, Detection

class Hanging:
    '''A picture is one face; a bright one never ends.'''
    def __call__(self, image):
        while image.min() > 100:
            time.sleep(0.1)
        return [Detection(Box(0, 0, image.shape[1], image.shape[0]), 1.0)]
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals work differently there")
def test_ctrl_c_keeps_what_is_done(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third picture holds the second table until then."""
    Path("hanging.py").write_text(HANGING)
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()), prepend=os.pathsep)
    (album / "broken.jpg").unlink()
    words = [sys.executable, "-m", "mien", "batch", str(album), "--out", "out", "-j", "1", "--shard", "2"]
    words += ["--detector", "hanging:Hanging"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        while run.poll() is None and not [*Path("out").glob("*.parquet")]:
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate()
    assert (run.returncode, err) == (130, "error: interrupted; what was done is kept, and the same command goes on\n")
    assert [path.name for path in Path("out").glob("*.parquet")] == ["shard-0000000.parquet"]


def test_without_pyarrow_it_says_what_to_install(album: Path) -> None:
    code = (
        "import importlib.util as u, sys\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'pyarrow' else find(name, *rest)\n"
        "sys.argv = ['mien', 'batch', 'album', '--out', 'out']\nfrom mien.cli import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "A batch needs an optional dependency" in done.stderr
    assert not Path("out").exists()


def test_a_full_disk_is_said_with_its_folder(run_mien: Run, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("mien.jobs.batch.run.batch", full)
    status, _, err = run_mien("batch", album, "--out", "out")
    assert status == 1
    assert "out: No space left on device; what was done is kept, and the same command goes on" in err
