import errno
import io
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from mien.jobs.kinds import KINDS
from mien.records import FileSink, Header, Kind
from mien.values import Failure, FrameResult

BYTES = [kind for kind in KINDS if kind.name not in ("annotate", "explain", "report")]
TEXT = [kind for kind in BYTES if kind.name != "parquet"]


class Names(FileSink):
    """A line a source between a head and a foot."""

    def begin(self) -> None:
        self.stream.write(b"head\n")

    def write(self, result: FrameResult | Failure) -> None:
        self.stream.write(result.source.encode() + b"\n")

    def end(self, *, complete: bool) -> None:
        self.stream.write(b"whole\n" if complete else b"broken\n")


@pytest.mark.parametrize("earlier", [None, "earlier"])
def test_a_file_takes_its_name_when_the_block_ends(tmp_path: Path, header: Header, earlier: str | None) -> None:
    path = tmp_path / "new" / "names.txt"
    if earlier:
        path.parent.mkdir()
        path.write_text(earlier)
    with Names(path, header) as sink:
        sink.write(Failure("a", "x"))
        assert (path.read_text() if path.exists() else None) == earlier
    assert path.read_text() == "head\na\nwhole\n"
    assert sink.path == path
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_was_done_is_kept_whatever_ends_the_block(
    tmp_path: Path, header: Header, error: type[BaseException]
) -> None:
    path = tmp_path / "names.txt"
    with pytest.raises(error), Names(path, header) as sink:
        sink.write(Failure("a", "x"))
        raise error
    assert path.read_text() == "head\na\nbroken\n"
    assert sink.path == path


def test_an_earlier_file_outlives_an_interruption(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "names.txt"
    path.write_text("earlier")
    with pytest.raises(KeyboardInterrupt), Names(path, header) as sink:
        sink.write(Failure("a", "x"))
        raise KeyboardInterrupt
    assert path.read_text() == "earlier"
    assert sink.path == tmp_path / "names.incomplete.txt"
    assert sink.path.read_text() == "head\na\nbroken\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_leaves_an_earlier_file_as_it_was(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "names.txt"
    path.write_text("earlier")

    class Full(Names):
        def end(self, *, complete: bool) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    for error in (KeyboardInterrupt, None):
        with pytest.raises(OSError, match="No space"), Full(path, header):
            if error:
                raise error
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("earlier", [None, "earlier"])
def test_the_full_disk_of_another_output_costs_nothing(tmp_path: Path, header: Header, earlier: str | None) -> None:
    path = tmp_path / "names.txt"
    if earlier:
        path.write_text(earlier)
    with pytest.raises(OSError, match="other"), Names(path, header) as sink:
        sink.write(Failure("a", "x"))
        raise OSError(errno.ENOSPC, "No space left on device", "other.json")
    assert sink.path == tmp_path / ("names.incomplete.txt" if earlier else "names.txt")
    assert sink.path.read_text() == "head\na\nbroken\n"
    assert len(list(tmp_path.iterdir())) == (2 if earlier else 1)


def test_a_file_with_a_gap_is_not_kept_even_if_there_is_space_again(tmp_path: Path, header: Header) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "names.txt"
    path.write_text("earlier")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(OSError, match="File too large"), Names(path, header) as sink:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        try:
            for _ in range(100):
                sink.write(Failure("a" * 5000, "x"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def interrupt(sink: Any) -> Path | None:
    """Write one line, and interrupt; returns where it is."""
    with pytest.raises(KeyboardInterrupt), sink:
        sink.write(Failure("a", "x"))
        raise KeyboardInterrupt
    return Path(sink.path)


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs a second file system")
def test_behind_a_link_to_another_file_system_the_rest_is_kept_beside_the_file(tmp_path: Path, header: Header) -> None:
    with TemporaryDirectory(dir="/dev/shm") as other:
        target = Path(other) / "target.txt"
        target.write_text("earlier")
        (tmp_path / "names.txt").symlink_to(target)
        kept = interrupt(Names(tmp_path / "names.txt", header))
        assert kept == Path(other) / "target.incomplete.txt"
        assert kept.read_text() == "head\na\nbroken\n"
        assert target.read_text() == "earlier"
        assert len(list(tmp_path.iterdir())) == 1


def test_an_incomplete_file_replaces_only_an_incomplete_one(tmp_path: Path, header: Header) -> None:
    class Ours(Names):
        signature = b"head"

    path = tmp_path / "names.txt"
    path.write_text("earlier")
    path.chmod(0o640)
    (tmp_path / "names.incomplete.txt").write_text("my own notes")
    (tmp_path / "names.incomplete-2.txt").mkdir()
    for _ in range(2):
        assert interrupt(Ours(path, header)) == tmp_path / "names.incomplete-3.txt"
    assert (tmp_path / "names.incomplete.txt").read_text() == "my own notes"
    assert (tmp_path / "names.incomplete-3.txt").stat().st_mode & 0o777 == 0o640
    assert len(list(tmp_path.iterdir())) == 4


def test_a_long_name_has_room_for_incomplete(tmp_path: Path, header: Header) -> None:
    path = tmp_path / ("é" * 124 + ".txt")
    path.write_text("earlier")
    kept = interrupt(Names(path, header))
    assert kept
    assert kept.read_text() == "head\na\nbroken\n"


def test_standard_output_is_written_and_stays_open(capfdbinary: Any, header: Header) -> None:
    for _ in range(2):
        with Names(Path("-"), header) as sink:
            sink.write(Failure("a", "x"))
    assert sink.path is None
    assert capfdbinary.readouterr().out == b"head\na\nwhole\n" * 2


@pytest.mark.parametrize("kind", BYTES, ids=lambda kind: kind.name)
def test_every_kind_replaces_what_it_wrote(tmp_path: Path, header: Header, results: list[Any], kind: Kind) -> None:
    if kind.name == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"output{kind.suffixes[0]}"
    for _ in range(2):
        with kind.load()(path, header) as sink:
            for each in results:
                sink.write(each)
        assert kind.load().replaces(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", TEXT, ids=lambda kind: kind.name)
def test_a_result_that_cannot_be_written_leaves_text_well_formed(
    header: Header, results: list[Any], kind: Kind, make_frame: Any
) -> None:
    stream, whole = io.BytesIO(), io.BytesIO()
    with pytest.raises(AttributeError), kind.load()(stream, header) as sink:
        for each in results[:4]:
            sink.write(each)
        sink.write(make_frame(99, None, time=9999.0))
    with pytest.raises(KeyboardInterrupt), kind.load()(whole, header) as sink:
        for each in results[:4]:
            sink.write(each)
        raise KeyboardInterrupt
    assert stream.getvalue() == whole.getvalue()
