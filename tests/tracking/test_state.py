import io
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from mien.errors import InvalidInput
from mien.tracking.state import State, Stateful, from_bytes, to_bytes

EXAMPLE: State = {
    "time": np.array(1.5),
    "followed": np.array(True),
    "labels": np.array(["happy", "sad"]),
    "small": np.arange(600, dtype=np.uint8).reshape(20, 30),
    "nobody": np.empty((0, 7)),
}
CONTENT = to_bytes(EXAMPLE)


def assert_same(one: State, other: State) -> None:
    assert list(one) == list(other)
    for name, value in one.items():
        assert (value.dtype, value.shape, value.tobytes()) == (
            other[name].dtype,
            other[name].shape,
            other[name].tobytes(),
        )


def test_arrays_come_back_from_bytes() -> None:
    assert_same(from_bytes(CONTENT), EXAMPLE)


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,6}[0-9]?(\.[a-z_]{1,6})?", fullmatch=True),
        arrays.arrays(
            st.sampled_from([np.dtype(name) for name in ("f8", "f4", "i8", "u1", "?", "<U5")]),
            arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        ),
        max_size=6,
    )
)
def test_any_state_comes_back_from_bytes(state: State) -> None:
    assert_same(from_bytes(to_bytes(state)), state)


class Payload:
    """A pickle of it creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def npz_of_objects(payload: Payload) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, time=np.array([payload], dtype=object))
    return buffer.getvalue()


def npz_with_a_pickle_inside(payload: Payload) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("time.npy", pickle.dumps(payload))
    return buffer.getvalue()


@pytest.mark.parametrize("make", [pickle.dumps, npz_of_objects, npz_with_a_pickle_inside])
def test_no_code_of_a_strangers_file_runs(make: Callable[[Payload], bytes], tmp_path: Path) -> None:
    content = make(Payload(tmp_path / "ran"))
    with pytest.raises(InvalidInput, match="not a saved state"):
        from_bytes(content)
    assert not (tmp_path / "ran").exists()


def single_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def compressed_zeros() -> bytes:
    """A few kilobytes that unpack to megabytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, small=np.zeros(2**20))
    return buffer.getvalue()


def compressed_and_lying() -> bytes:
    """The same, which says that it unpacks to a few bytes; Python's reader believes it too late."""
    content = bytearray(compressed_zeros())
    for signature, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = content.index(signature) + place
        content[at : at + 4] = (100).to_bytes(4, "little")
    return bytes(content)


def claims_a_huge_array() -> bytes:
    buffer, header = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2**30, 2**30)})
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("small.npy", header.getvalue())
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"rubbish", b"PK\3\4", single_array(), compressed_zeros(), compressed_and_lying(), claims_a_huge_array()],
)
def test_foreign_content_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="not a saved state"):
        from_bytes(content)


def test_what_is_compressed_is_not_unpacked() -> None:
    content = compressed_and_lying()
    tracemalloc.start()
    with pytest.raises(InvalidInput, match="it is compressed"):
        from_bytes(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22  # of the 8 MB that are in it


@given(st.integers(0, len(CONTENT) - 1))
def test_truncated_content_is_refused(length: int) -> None:
    with pytest.raises(InvalidInput, match="not a saved state"):
        from_bytes(CONTENT[:length])


@given(st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, 255)), min_size=1, max_size=5))
def test_mutated_content_is_refused_or_read(changes: list[tuple[int, int]]) -> None:
    """Only bytes that describe the file, such as its date, can change without damage."""
    content = bytearray(CONTENT)
    for at, value in changes:
        content[at] = value
    try:
        state = from_bytes(bytes(content))
    except InvalidInput:
        return
    assert {value.tobytes() for value in state.values()} <= {value.tobytes() for value in EXAMPLE.values()}


class Counter(Stateful):
    _count: int = 0
    mean: NDArray[np.float64] = np.empty(0)
    inner: "Counter | None"
    absent: None = None

    def __init__(self, inner: "Counter | None" = None) -> None:
        self.inner = inner
        self.setting = 0.5


def test_attributes_and_parts_are_remembered() -> None:
    counter = Counter(Counter())
    counter._count, counter.mean = 3, np.array([0.5, 0.25])
    assert counter.inner is not None
    counter.inner._count = 7
    state = counter.state()
    assert list(state) == ["count", "mean", "inner.count", "inner.mean"]
    other = Counter(Counter())
    other.restore(state)
    assert other.inner is not None
    assert (other._count, other.mean.tolist(), other.inner._count) == (3, [0.5, 0.25], 7)
    assert type(other._count) is int


def test_a_state_is_a_copy() -> None:
    counter = Counter()
    counter.mean = np.zeros(2)
    state = counter.state()
    counter.mean[:] = 1
    assert state["mean"].tolist() == [0, 0]
    counter.restore(state)
    counter.mean[:] = 2
    assert state["mean"].tolist() == [0, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": np.array(0.5)},
        {"count": np.array([1])},
        {"count": np.array("1")},
        {"mean": np.array([np.nan])},
        {"mean": np.array(1.0)},
        {"mean": np.array([1j])},
    ],
)
def test_wrong_entries_are_named_and_change_nothing(wrong: State) -> None:
    counter = Counter()
    with pytest.raises(InvalidInput, match=repr(next(iter(wrong)))):
        counter.restore({"count": np.array(5), "mean": np.zeros(2)} | wrong)
    assert counter._count == 0
    assert not counter.mean.size
    with pytest.raises(InvalidInput, match="'mean'"):
        counter.restore({"count": np.array(5)})


class Group(Stateful):
    members: dict[int, Counter]
    rest: list[Counter]

    def __init__(self) -> None:
        self.members, self.rest = {}, []

    def _new_part(self) -> Counter:
        return Counter()


def test_parts_are_found_by_their_whole_number() -> None:
    group, other = Group(), Group()
    group.members = {1: Counter(), 10: Counter(Counter())}
    group.rest = [Counter(), Counter()]
    group.members[10]._count, group.rest[1]._count = 10, 5
    state = group.state()
    assert [name for name in state if name.endswith("count")] == [
        "members.1.count", "members.10.count", "members.10.inner.count", "rest.0.count", "rest.1.count",
    ]  # fmt: skip
    other.restore(state | {"members.x.count": np.array(1), "membership.1.count": np.array(1)})
    assert {number: member._count for number, member in other.members.items()} == {1: 0, 10: 10}
    assert [member._count for member in other.rest] == [0, 5]


def test_a_part_without_its_memory_is_named_and_changes_nothing() -> None:
    group = Group()
    group.members = {1: Counter()}
    with pytest.raises(InvalidInput, match="'mean'"):
        group.restore({"members.2.count": np.array(5)})
    assert list(group.members) == [1]


def test_an_integer_is_read_where_a_float_was_kept() -> None:
    class Timed(Stateful):
        time: float = 0.0

    timed = Timed()
    timed.restore({"time": np.array(3)})
    assert timed.time == 3
    assert type(timed.time) is float
