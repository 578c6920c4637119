"""What a verification finds."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mien.analyzer import Analyzer
from mien.errors import InvalidInput, MissingExtra
from mien.images import write_image
from mien.jobs.batch.run import batch, read_plan
from mien.jobs.batch.shards import Places
from mien.jobs.batch.verify import verify
from mien.video import VideoWriter

pq = pytest.importorskip("pyarrow.parquet")
TABLE = Path("out/shard-0000001.parquet")
HERE = "mien_test_batch:Here"  # the detector of the fixture `analyzer`


@pytest.fixture
def done(album: Path, analyzer: Analyzer, here: Any) -> Path:
    """A batch of ten pictures in four tables."""
    batch("album", "out", analyzer, executor=here, shard=3)
    return Path("out")


def test_a_whole_batch_is_proved(done: Path) -> None:
    seen = []
    found = verify(done, detector=HERE, sample=6, watch=lambda *progress: seen.append(progress))
    assert (found.faults, found.num_sampled, found.num_exact, found.num_close) == ((), 6, 6, 0)
    assert (found.num_shards, found.num_inputs, found.num_rows) == (4, 10, 10)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def rewrite(change: Callable[[Any], Any]) -> None:
    """Change a table, and its report with it, as somebody would who covers it up."""
    from mien.jobs.batch.identity import file_sha256

    table = pq.read_table(TABLE)
    pq.write_table(change(table), TABLE)
    report = Path("out/_batch/shards/shard-0000001.json")
    record = json.loads(report.read_text())
    record["table"] = {"bytes": TABLE.stat().st_size, "sha256": file_sha256(TABLE)}
    report.write_text(json.dumps(record))


def more_happy(by: float) -> Callable[[Any], Any]:
    """A change of the score of happy."""
    pyarrow = pytest.importorskip("pyarrow")

    def changed(table: Any) -> Any:
        place = table.schema.get_field_index("happy")
        values = pyarrow.array([value + by for value in table.column(place).to_pylist()], pyarrow.float32())
        return table.set_column(place, table.schema.field(place), values)

    return changed


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (TABLE.unlink, "shard-0000001.parquet is missing"),
        (lambda: TABLE.write_bytes(TABLE.read_bytes()[:-9] + b"123456789"), "has been changed since it was written"),
        (lambda: TABLE.write_bytes(Path("out/shard-0000002.parquet").read_bytes()), "changed since|missing"),
        (lambda: rewrite(lambda table: table.slice(1)), "does not hold each of its 3 inputs once"),
        (lambda: rewrite(more_happy(0.01)), "happy is .* in the table, and .* now"),
        (lambda: rewrite(lambda table: table.replace_schema_metadata({})), "cannot be read"),
        (lambda: write_image(Path("album/4.png"), np.full((8, 8, 3), 99, np.uint8)), "its content has changed"),
        (lambda: Path("album/4.png").unlink(), "not the file any more"),
        (lambda: Path("out/_batch/inputs.jsonl").write_text(
            Path("out/_batch/inputs.jsonl").read_text().replace("album/3", "album/2")), "not the one that was frozen"),
        (lambda: Path("out/_batch/inputs.jsonl").write_text("[{"), "inputs.jsonl: .* not the one that was frozen"),
        (Path("out/_batch/inputs.npy").unlink, "inputs.npy beside it, is not the one that was frozen"),
        (lambda: Path("out/_batch/batch.json").write_text(
            Path("out/_batch/batch.json").read_text().replace('"views": 1', '"views": 2')), "batch.json .* changed"),
    ],
)  # fmt: skip
def test_what_was_changed_is_found(done: Path, spoil: Callable[[], object], message: str) -> None:
    spoil()
    found = verify(done, detector=HERE, sample=10)
    assert any(re.search(message, fault) for fault in found.faults), found.faults


def test_another_model_is_found(done: Path) -> None:
    found = verify(done, Analyzer("rep-small", "haar"))
    assert "the model's file" in found.faults[0]


def test_rounding_is_not_a_fault(done: Path) -> None:
    rewrite(more_happy(1e-5))
    found = verify(done, detector=HERE, sample=10)
    assert (found.faults, found.num_exact, found.num_close) == ((), 7, 3)


def test_a_crash_is_not_repeated(album: Path, detectors: ModuleType, analyzer: Analyzer, here: Any) -> None:
    write_image(album / "0.png", np.zeros((8, 8, 3), np.uint8))
    batch("album", "out", analyzer, executor=here)
    detectors.seen.clear()
    found = verify("out", detector=HERE, sample=10)
    assert (found.faults, found.num_sampled, found.num_crashed, found.num_exact) == ((), 10, 1, 9)
    assert 0 not in detectors.seen
    write_image(album / "0.png", np.full((8, 8, 3), 1, np.uint8))
    assert "0.png is not the file any more" in verify("out", detector=HERE, sample=10).faults[0]


def noise(path: Path) -> Path:
    """A video of forty frames; noise makes its packets large, as those of real videos are."""
    generator = np.random.default_rng(1)
    with VideoWriter(path, rate=20) as writer:
        for index in range(40):
            writer.write(generator.integers(0, 256, (64, 64, 3), np.uint8), index / 20)
    return path


@pytest.mark.parametrize("more", [-1, 0, 1], ids=["before its end", "with the damage", "whole"])
def test_a_damaged_video_is_compared_as_far_as_is_asked(
    tmp_path: Path, analyzer: Analyzer, here: Any, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    """Its last row, which says where it breaks off, has no frame."""
    pytest.importorskip("av")
    monkeypatch.chdir(tmp_path)
    whole = noise(Path("whole.mkv")).read_bytes()
    Path("cut.mkv").write_bytes(whole[: len(whole) * 3 // 4])
    batch("cut.mkv", "out", analyzer, executor=here)
    rows = pq.read_table("out/shard-0000000.parquet").to_pylist()
    assert (rows[-1]["frame"], rows[-1]["status"]) == (None, "failed")
    assert len(rows) > 5
    monkeypatch.setattr("mien.jobs.batch.verify.FRAMES", len(rows) + more)
    found = verify("out", detector=HERE)
    assert (found.faults, found.num_exact) == ((), 1)


def test_a_video_that_can_be_read_now_is_another_file(
    tmp_path: Path, analyzer: Analyzer, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has more frames than are analysed again."""
    pytest.importorskip("av")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mien.jobs.batch.verify.FRAMES", 10)
    Path("talk.mkv").write_bytes(b"no video")
    assert batch("talk.mkv", "out", analyzer, executor=here).num_failed == 1
    noise(Path("talk.mkv"))
    assert "talk.mkv is not the file any more" in verify("out", detector=HERE).faults[0]


def test_an_analyzer_of_objects_has_to_be_given(album: Path, detectors: ModuleType, here: Any) -> None:
    analyzer = Analyzer("mini-xception", detectors.find)
    batch("album", "out", analyzer, executor=here)
    with pytest.raises(InvalidInput, match="give it"):
        verify("out")
    assert verify("out", analyzer, sample=2).faults == ()


def test_a_folder_does_not_choose_code_that_is_run(done: Path, tmp_path: Path) -> None:
    """As it did once: a batch of somebody else's could name any function, and its arguments."""
    path, ran = done / "_batch" / "batch.json", tmp_path / "ran"
    plan = json.loads(path.read_text())
    plan["arguments"][1:3] = ["os:system", plan["arguments"][2] | {"command": f"touch {ran}"}]
    path.write_text(json.dumps(plan))
    with pytest.raises(InvalidInput, match=r"os:system, which is none of mien's.*name it too"):
        verify(done)
    assert not ran.exists()


@pytest.mark.parametrize(
    "plan",
    ["[" * 100_000, "[]", '{"identity": 1}', '{"inputs": {"num": "1", "shards": 1, "size": 1}}', '{"arguments": [1]}',
     '{"arguments": ["mini-xception", "haar", [], {}]}', '{"analysis": {"settings": []}}'],
)  # fmt: skip
def test_a_plan_that_somebody_edited_is_damaged(done: Path, plan: str) -> None:
    path = done / "_batch" / "batch.json"
    if plan.startswith("{"):
        plan = json.dumps(json.loads(path.read_text()) | json.loads(plan))
    path.write_text(plan)
    with pytest.raises(InvalidInput, match=r"batch\.json is (damaged|of another version)"):
        verify(done)


def spoilt_index(array: Any) -> Callable[[], None]:
    """Puts another array in the place of the list's index."""
    return lambda: np.save("out/_batch/inputs.npy", array, allow_pickle=True)


@pytest.mark.parametrize(
    "spoil",
    [
        spoilt_index(np.array([[{}] * 2] * 5, object)),
        spoilt_index(np.zeros(3)),
        spoilt_index(np.full((5, 2), 2**62)),
        lambda: Path("out/_batch/inputs.npy").write_bytes(b"\x93NUMPY\1\0\x20\0{'descr': (" + b" " * 20),
        lambda: Path("out/_batch/inputs.jsonl").write_text("[" * 100_000 + "\n"),
        lambda: Path("out/_batch/inputs.jsonl").write_text('{"source": 1}\n' * 10),
    ],
)
def test_a_list_that_somebody_edited_is_damaged(done: Path, spoil: Callable[[], object]) -> None:
    spoil()
    assert "is not the one that was frozen" in verify(done, detector=HERE).faults[-1]
    plan = read_plan(Places(done.absolute()))
    assert plan
    with pytest.raises(InvalidInput, match=r"inputs\.jsonl is damaged, at shard 0"):
        plan.manifest.shard(0)


def test_a_folder_without_a_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no batch"):
        verify(tmp_path)


def test_without_pyarrow_there_is_an_install_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.jobs.batch.verify.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"pip install .*\[parquet\]"):
        verify(tmp_path)
