"""mien benchmark."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rich.console import Console

from mien.benchmark import Agreement, Row, Stages, Timing
from mien.cli.benchmark import _heading, _table

Run = Callable[..., Any]


@pytest.fixture
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """40 faces of noise, half of them labelled happy; no network is right about more than half of them by chance."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / "faces" / "val" / ("happy", "sad")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), random.integers(0, 256, (48, 48), np.uint8))
    return tmp_path / "faces"


def test_a_table_for_people_and_figures_for_programs(run_mien: Run, tmp_path: Path) -> None:
    words = ["benchmark", "--model", "mini-xception", "--seconds", "0", "--json", tmp_path / "figures.json"]
    done = run_mien(*words)
    assert done.status == 0, done.err
    for word in ("portrait.jpg, 640×480, faces: 1 by yunet", "mini-xception with yunet: first picture", "67.6%",
                 "as each model file notes it", "pictures a second", "--data measures it"):  # fmt: skip
        assert word in done.out
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["rows"][0]["stages"]["1"]["whole"]["num"] == figures["rounds"] >= 40
    assert run_mien(*words).status == 0, "it replaces its own figures"


def test_eighty_columns_hold_all(capsys: pytest.CaptureFixture[str]) -> None:
    """As wide is a pipe, and many a terminal: models and times stay whole, however long."""
    slow = Timing(p50=1234.5, p95=12345.6, num=40)
    stages = dict.fromkeys((1, 4), Stages(read=slow, detector=slow, network=slow, whole=slow))
    for row in (
        Row(
            model=f"models/a-rather-long-name-of-{number}.onnx as onnx-int8", detector="my_package.detectors:Middle",
            kilobytes=1e5, num_parameters=10**6, stages=stages, first_picture_seconds=12.3, peak_megabytes=1234.5,
            accuracy=None, agreement=Agreement(value=0.98084, num_faces=3589, data="fer2013.csv"),
        )
        for number in (1, 2)
    ):  # fmt: skip
        console = Console(width=80)
        console.print(_heading(row))
        console.print(_table(row))
        out = capsys.readouterr().out
        assert row.model in " ".join(out.split())
        assert "agreement 98.08%" in " ".join(out.split())
        assert out.count("1234 / 12346") == 8
        assert all(name in out for name in ("threads", "read", "detector", "network", "whole"))
        assert max(map(len, out.splitlines())) <= 80


@pytest.mark.slow
def test_the_gate(run_mien: Run, faces: Path) -> None:
    words = ["--model", "mini-xception", "--seconds", "0", "--data", faces, "--split", "val", "--json", "-"]
    done = run_mien("benchmark", *words, "--model", "rep-small", "--at-least", "99%")
    assert done.status == 1
    assert "neither has the accuracy of 99.00% that was asked for" in json.loads(done.out)["advice"][-1]
    assert "mini-xception is right about" in done.err
    assert "fewer than --at-least 99.00%" in done.err
    accuracy = json.loads(done.out)["rows"][0]["accuracy"]
    assert accuracy["measured_here"]
    passed = run_mien("benchmark", *words, "--at-least", str(max(accuracy["value"], 0.001)))
    assert passed.status == (0 if accuracy["value"] else 1)


def test_a_gate_needs_data(run_mien: Run) -> None:
    done = run_mien("benchmark", "--at-least", "70%")
    assert done.status == 2
    assert "--data" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "no-such"], "unknown model 'no-such'"),
        (["--detector", "no-such"], "unknown detector 'no-such'"),
        (["--picture", "none.jpg"], "none.jpg"),
        (["--seconds", "soon"], "expected a time"),
        (["--provider", "gpu"], "--provider: provider is one of cpu, cuda"),
        (["--provider", "cpu", "--format", "openvino"], "the format openvino has a runtime of its own"),
    ],
)
def test_wrong_words_end_in_one_line(run_mien: Run, words: list[str], message: str) -> None:
    done = run_mien("benchmark", *words)
    assert done.status in (1, 2)
    assert message in " ".join(done.err.split())
    assert "Traceback" not in done.err
