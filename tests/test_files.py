import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mien.errors import InvalidInput
from mien.files import (
    STANDARD_OUTPUT,
    FileSet,
    begins_with,
    cache_folder,
    check_output,
    check_outputs,
    described,
    remove_abandoned,
    remove_abandoned_in,
    replacing,
)


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as partial:
        partial.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as partial:
        partial.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_and_what_is_being_written_stays(tmp_path: Path) -> None:
    """Fault 26: such files stayed for ever."""
    name = "Talk [1].mp4"
    code = "import sys, time; from pathlib import Path; from mien.files import replacing\n"
    code += "with replacing(Path(sys.argv[1])): print('writing', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / name], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        remove_abandoned([tmp_path / name])
        assert len(list(tmp_path.iterdir())) == 1, "its process is alive"
        process.kill()
    (tmp_path / ".other.mp4.0123abcd.partial").touch()
    (tmp_path / f".{name}.backup.partial").touch()
    remove_abandoned([tmp_path / name, tmp_path / "missing" / "a.csv"])
    assert {path.name for path in tmp_path.iterdir()} == {".other.mp4.0123abcd.partial", f".{name}.backup.partial"}
    remove_abandoned_in(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f".{name}.backup.partial"}


def test_it_may_be_read_by_whom_an_ordinary_file_may(tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    with replacing(tmp_path / "replaced"):
        pass
    assert (tmp_path / "replaced").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "c"))
    assert cache_folder() == tmp_path / "c"
    assert not cache_folder().exists()
    monkeypatch.delenv("MIEN_CACHE")
    assert cache_folder().name == "mien"


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with replacing(tmp_path / "link") as partial:
        partial.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_permissions_stay(tmp_path: Path) -> None:
    (tmp_path / "secret").touch(mode=0o600)
    with replacing(tmp_path / "secret") as partial:
        partial.write_text("new")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with replacing(tmp_path / "pipe") as target:
            target.write_text("through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), replacing(tmp_path):
        pass


def test_a_link_to_itself_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match=r"link to itself: .*loop'$"), replacing(tmp_path / "loop"):
        pass
    assert (tmp_path / "loop").is_symlink()


@pytest.mark.parametrize("name", ["写" * 80 + ".csv", "é" * 120, "x" * 79 + "写写", "a" * 255])
def test_long_names_in_any_script(tmp_path: Path, name: str) -> None:
    with replacing(tmp_path / name) as partial:
        partial.write_text("whole")
        assert len(os.fsencode(partial.name)) < 120
    assert (tmp_path / name).read_text() == "whole"


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("result.csv")
    with pytest.raises(OSError, match=r"result\.csv'$") as raised, replacing(path) as partial:
        partial.unlink()
        partial.open("rb")
    assert raised.value.filename == "result.csv"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody may write")
def test_so_it_does_where_the_folder_cannot_be_written() -> None:
    with pytest.raises(OSError, match=r"'/proc/result\.csv'$"), replacing(Path("/proc/result.csv")):
        pass


# --- what may be written --------------------------------------------------------------------------------------


def test_an_input_is_known_by_all_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"pixels")
    (tmp_path / "link.jpg").symlink_to(photo)
    (tmp_path / "hard.jpg").hardlink_to(photo)
    (tmp_path / "folder").symlink_to(tmp_path)
    for output in ("photo.jpg", "./photo.jpg", "link.jpg", "hard.jpg", "folder/photo.jpg", tmp_path / "photo.jpg"):
        for known in ("photo.jpg", "link.jpg", "hard.jpg"):
            with pytest.raises(InvalidInput, match=re.escape(f"{Path(output)} is an input, and would be overwritten")):
                check_output(Path(output), inputs=[Path(known)])
    check_output(Path("other.jpg"), inputs=[photo])


def test_an_input_that_is_not_there_is_known_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is an input"):
        check_output(tmp_path / "later.csv", inputs=[tmp_path / "folder" / ".." / "later.csv"])
    files = FileSet([tmp_path / "later.csv"])
    (tmp_path / "later.csv").touch()
    assert tmp_path / "later.csv" in files
    assert tmp_path / "other.csv" not in files


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "socket"))
    for path, says in {
        tmp_path: "is a folder; name a file in it",
        tmp_path / "file" / "x.csv": "file is a file and no folder",
        tmp_path / "file" / "new" / "x.csv": "file is a file and no folder",
        tmp_path / "loop": "cannot be written: Too many levels",
        tmp_path / "loop" / "x.csv": "cannot be written: Too many levels",
        tmp_path / ("x" * 300): "File name too long; name another file",
        tmp_path / "socket": "is a socket",
    }.items():
        with pytest.raises(InvalidInput, match=says) as caught:
            check_output(path)
        assert str(path) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InvalidInput, match="nothing may be written to"):
        check_output(tmp_path / "new" / "x.csv")


def test_what_can_be_written_passes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("elsewhere.csv")
    for path in (STANDARD_OUTPUT, Path(os.devnull), tmp_path / "pipe", tmp_path / "dangling", tmp_path / "a" / "b.csv"):
        check_output(path, inputs=[tmp_path / "photo.jpg", path] if path == Path(os.devnull) else [], may_replace=bool)
    assert not (tmp_path / "a").exists()


def test_only_what_mien_wrote_is_replaced(tmp_path: Path) -> None:
    ours, theirs, empty = tmp_path / "ours.csv", tmp_path / "theirs.csv", tmp_path / "empty.csv"
    ours.write_text("frame,label\n")
    theirs.write_text("my notes")
    empty.touch()

    def is_table(path: Path) -> bool:
        return begins_with(path, b"frame,", b"source,")

    check_output(ours, may_replace=is_table)
    check_output(empty, may_replace=is_table)
    check_output(theirs)
    with pytest.raises(InvalidInput, match=r"theirs\.csv is there already and was not written by mien; name another"):
        check_output(theirs, may_replace=is_table)
    assert not begins_with(tmp_path / "missing", b"frame,")


def test_of_several_outputs_none_is_another(tmp_path: Path) -> None:
    path, other = tmp_path / "a.csv", tmp_path / "b.json"
    (tmp_path / "link").symlink_to(path)
    check_outputs({"--csv": path, "--json": other, "--events": None, "--jsonl": STANDARD_OUTPUT})
    check_outputs({"--csv": Path(os.devnull), "--json": Path(os.devnull)})
    for same in (path, tmp_path / "." / "a.csv", tmp_path / "link"):
        with pytest.raises(InvalidInput, match=r"^--json: --csv writes to .* too; name another file$"):
            check_outputs({"--csv": path, "--json": same})
    with pytest.raises(InvalidInput, match=r"^--json: --csv writes to standard output too"):
        check_outputs({"--csv": STANDARD_OUTPUT, "--json": STANDARD_OUTPUT})


def test_an_output_that_is_refused_is_named_by_its_option(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("my notes")
    with pytest.raises(InvalidInput, match=r"^--json: .*a\.jpg is an input"):
        check_outputs({"--csv": tmp_path / "b.csv", "--json": tmp_path / "a.jpg"}, inputs=[tmp_path / "a.jpg"])
    with pytest.raises(InvalidInput, match=r"^--csv: .*notes\.csv is there already"):
        check_outputs({"--csv": tmp_path / "notes.csv"}, may_replace={"--csv": lambda path: False})
    check_outputs({"--csv": tmp_path / "notes.csv"}, may_replace={"--json": lambda path: False})


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"hello\n", 'the text "hello"'),
        ("Grüße".encode()[:5], 'the text "Grü"'),
        (b"\xef\xbb\xbfa,b\r\n1,2", 'the text "a,b"'),
        (b"\x89abc", "the bytes 89 61 62 63"),
        (b"\0" * 20, "the bytes 00 00 00 00 00 00 00 00"),
        (b"\x1b[31m", "the bytes 1b 5b 33 31 6d"),
        (b" \n", "the bytes 20 0a"),
    ],
)
def test_first_bytes_are_described_for_people(head: bytes, what: str) -> None:
    assert described(head) == what
