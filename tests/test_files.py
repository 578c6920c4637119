import os
from pathlib import Path

import pytest

from mien.files import cache_folder, described, replacing


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
