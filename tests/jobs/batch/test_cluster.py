"""Batches on a Dask cluster of two local workers, which die."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mien.analyzer import Analyzer
from mien.errors import InvalidInput
from mien.images import write_image
from mien.jobs.batch.cluster import Cluster
from mien.jobs.batch.run import Progress, batch

pytest.importorskip("pyarrow")
distributed = pytest.importorskip("distributed", reason="needs the extra dask")


def tables(folder: Path | str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.parquet"))}


@pytest.fixture
def local(detectors: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two workers of one thread each, which can import the detectors."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        local_directory=str(tmp_path_factory.mktemp("dask")), silence_logs=50,
    ) as cluster:  # fmt: skip
        yield cluster


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_workers_that_die_change_no_byte(album: Path, local: Any, detectors: ModuleType, here: Any) -> None:
    """One of the pictures ends its worker whenever it is analysed, and a worker is killed besides."""
    for number in range(10, 40):
        write_image(album / f"{number}.png", np.full((8, 8, 3), number * 6, np.uint8))
    write_image(album / "17.png", np.zeros((8, 8, 3), np.uint8))
    analyzer = Analyzer("mini-xception", f"{detectors.__name__}:Deadly")
    alone = batch("album", "alone", Analyzer("mini-xception", f"{detectors.__name__}:Here"), executor=here, shard=4)
    killed = threading.Event()

    def kill_one(progress: Progress) -> None:
        if not progress.num_done:
            return
        while not killed.is_set():  # a worker that the picture has just ended has no process
            for process in filter(None, [worker.pid for worker in local.workers.values()]):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                    killed.set()
                    break
            time.sleep(0.05)

    with Cluster(local.scheduler_address) as cluster:
        assert cluster.num == 2
        summary = batch("album", "out", analyzer, executor=cluster, shard=4, watch=kill_one)
        assert killed.is_set()
        assert summary.statuses == alone.statuses == {"ok": 39, "crashed": 1}
        again = batch("album", "again", analyzer.changed(), executor=cluster, shard=4)
    rows_but_identity = [read_rows(folder) for folder in ("alone", "out", "again")]
    assert rows_but_identity[0] == rows_but_identity[1] == rows_but_identity[2]
    assert tables("out") == tables("again")
    assert again.statuses == alone.statuses


def read_rows(folder: str) -> list[Any]:
    """The rows of all tables; those of two detectors' batches differ in their metadata."""
    import pyarrow.parquet as pq

    return [row for path in sorted(Path(folder).glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_workers_with_another_model_stop_the_batch(album: Path, local: Any, tmp_path: Path) -> None:
    """As where an older file lies on one of the machines: the file is replaced after the batch began."""
    from mien.recognition import shipped_models

    model = tmp_path / "model.onnx"
    model.write_bytes(shipped_models()["mini-xception"].read_bytes())
    analyzer = Analyzer(model)

    def replace_model(progress: Progress) -> None:
        model.write_bytes(shipped_models()["rep-small"].read_bytes())

    with Cluster(local.scheduler_address) as cluster, pytest.raises(InvalidInput, match="the model's file"):
        batch("album", "out", analyzer, executor=cluster, shard=1, watch=replace_model)


@pytest.mark.parametrize(
    "address",
    ["foo", "", "http://localhost:8786", "tcp://localhost", "tcp://:8786", "localhost:x", "localhost:99999", "::1:8786",
     "nowhere.json"],
)  # fmt: skip
def test_what_cannot_be_an_address_is_refused_before_anything_is_asked(address: str) -> None:
    with pytest.raises(InvalidInput, match=r"is not the address of a Dask scheduler; expected HOST:PORT"):
        Cluster(address)


@pytest.mark.parametrize("content", ["", "no JSON", "[]", '{"id": "Scheduler"}', '{"address": null}'])
def test_a_file_that_is_not_a_schedulers_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "scheduler.json").write_text(content)
    with pytest.raises(InvalidInput, match=r"scheduler.json' is not the address of a Dask scheduler"):
        Cluster(str(tmp_path / "scheduler.json"))


def test_a_server_that_is_no_scheduler_is_not_waited_for_long(capfd: pytest.CaptureFixture[str]) -> None:
    """As where the dashboard's port is named: distributed's own client hangs there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(InvalidInput, match=rf"no Dask scheduler answers at {address} within 0.5 s; start one"):
            Cluster(address, seconds=0.5)
    assert capfd.readouterr().err == ""


@pytest.mark.filterwarnings("default")
def test_a_scheduler_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"no Dask scheduler answers at tcp://127.0.0.1:9 within 0.5 s; start"):
        Cluster("tcp://127.0.0.1:9", seconds=0.5)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_scheduler_that_dies_ends_the_batch_with_what_to_do(album: Path, analyzer: Analyzer, tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    with subprocess.Popen([*command, "--scheduler-file", str(file)], stderr=subprocess.DEVNULL) as scheduler:
        while scheduler.poll() is None and not (file.is_file() and file.stat().st_size):
            time.sleep(0.05)

        def kill(_: Progress) -> None:
            scheduler.kill()
            scheduler.wait()

        with (
            pytest.raises(InvalidInput, match=r"does not answer any more .* the same command goes on"),
            Cluster(str(file)) as cluster,
        ):
            batch("album", "out", analyzer, executor=cluster, watch=kill)
