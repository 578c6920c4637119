import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from mien.data import load
from mien.data.cache import _VERSION, Arrays, cached
from mien.emotions import FER_PLUS_VOTES

Make: TypeAlias = Callable[..., Any]


class Builder:
    """Makes arrays and counts how often it is asked to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Arrays:
        self.calls += 1
        return {
            "faces": np.arange(24, dtype=np.uint8).reshape(2, 3, 4)[:, ::-1],
            "labels": np.array([3, -4]),
            "none": np.empty((0, 10), np.uint8),
        }


@pytest.fixture
def build() -> Builder:
    return Builder()


def kept(cache: Path) -> Path:
    (path,) = (cache / "data").iterdir()
    return path


def test_what_was_built_is_kept(tmp_path: Path, build: Builder) -> None:
    for _ in range(3):
        arrays = cached(tmp_path, "kind", "stamp", build)

    assert build.calls == 1
    assert list(arrays) == ["faces", "labels", "none"]
    for name, array in build().items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype
        assert arrays[name].flags.writeable


def test_another_stamp_kind_or_source_is_built_anew(tmp_path: Path, build: Builder) -> None:
    cached(tmp_path, "kind", "stamp", build)
    cached(tmp_path, "kind", "other", build)
    cached(tmp_path, "other", "other", build)
    cached(tmp_path / "other", "kind", "other", build)

    assert build.calls == 4


def test_a_new_stamp_takes_the_place_of_the_old(tmp_path: Path, cache: Path, build: Builder) -> None:
    for stamp in "abc":
        cached(tmp_path, "kind", stamp, build)

    assert kept(cache).is_file()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"\n",
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"|u1", b"|u9"),
        lambda content: content.replace(b"|u1", b"|O8"),
        lambda content: content.replace(b"(2, 3, 4)", b"(9, 9, 9)"),
        lambda content: b"\xff" * 5000,
        lambda content: b"\x93NUMPY\x01\x00" + content,
        lambda content: archive(stamp=np.array([f"{_VERSION} stamp", "faces"])),
        lambda content: archive(faces=np.zeros((1, 2, 2), np.uint8)),
    ],
)
def test_a_damaged_cache_is_rebuilt(
    tmp_path: Path, cache: Path, build: Builder, damage: Callable[[bytes], bytes]
) -> None:
    cached(tmp_path, "kind", "stamp", build)
    whole = kept(cache).read_bytes()
    kept(cache).write_bytes(damage(whole))

    arrays = cached(tmp_path, "kind", "stamp", build)

    assert build.calls == 2
    assert arrays["labels"].tolist() == [3, -4]
    assert kept(cache).read_bytes() == whole


def archive(**arrays: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def test_a_changed_byte_anywhere_changes_no_array(tmp_path: Path, cache: Path, build: Builder) -> None:
    cached(tmp_path, "kind", "stamp", build)
    path = kept(cache)
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytes([whole[place] ^ 1 << place % 8])
        for content in (whole[:place] + changed + whole[place + 1 :], whole[:place] + b"\xff\0" + whole[place:]):
            path.write_bytes(content)
            arrays = cached(tmp_path, "kind", "stamp", build)
            assert list(arrays) == ["faces", "labels", "none"]
            for name, array in build().items():
                np.testing.assert_array_equal(arrays[name], array, strict=True)


def test_objects_in_a_cache_are_not_unpickled(tmp_path: Path, cache: Path, build: Builder) -> None:
    cached(tmp_path, "kind", "stamp", build)
    stamp = np.array([f"{_VERSION} stamp", "faces"])
    kept(cache).write_bytes(archive(stamp=stamp, faces=np.array([{"an": "object"}], dtype=object)))

    assert cached(tmp_path, "kind", "stamp", build)["labels"].tolist() == [3, -4]


def test_a_cache_that_cannot_be_written_costs_only_speed(
    tmp_path: Path, build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    monkeypatch.setenv("MIEN_CACHE", str(blocker))

    assert cached(tmp_path, "kind", "stamp", build)["labels"].tolist() == [3, -4]


def test_what_building_raises_passes_and_nothing_is_kept(tmp_path: Path, cache: Path) -> None:
    def fail() -> Arrays:
        raise LookupError("no arrays")

    with pytest.raises(LookupError, match="no arrays"):
        cached(tmp_path, "kind", "stamp", fail)

    assert not (cache / "data").exists()


def test_a_table_is_read_again_when_it_changes(rows: Make, write_table: Make) -> None:
    path = write_table(rows(3))
    assert len(load(path)) == 3
    write_table(rows(4))

    assert len(load(path)) == 4


def test_a_table_of_the_same_size_is_read_again_when_its_time_changes(rows: Make, write_table: Make) -> None:
    path = write_table(rows(2))
    assert load(path).labels.tolist() == [0, 1]
    before = path.stat().st_mtime_ns
    path.write_text(path.read_text().replace("\n0,", "\n5,"))
    os.utime(path, ns=(before + 1, before + 1))

    assert load(path).labels.tolist() == [5, 1]


def test_a_table_is_read_again_when_its_votes_come(rows: Make, write_table: Make) -> None:
    path = write_table(rows(1))
    assert load(path).votes is None
    path.with_name("fer2013new.csv").write_text(
        f"Usage,Image name,{','.join(FER_PLUS_VOTES)}\nPublicTest,,{','.join('1' * 10)}\n"
    )

    votes = load(path).votes

    assert votes is not None
    assert votes.tolist() == [[1] * 10]


def test_the_second_reading_gives_the_same(rows: Make, write_table: Make, cache: Path) -> None:
    path = write_table(rows(5))
    first, second = load(path), load(path)

    assert kept(cache).is_file()
    np.testing.assert_array_equal(first.faces, second.faces)
    np.testing.assert_array_equal(first.labels, second.labels)
    assert first.splits.tolist() == second.splits.tolist()
    assert list(first.sources) == list(second.sources)
