import math
from pathlib import Path

import pytest

from mien.video import decoder
from mien.video.decoder import _container_share, bounded_threads, cores


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({}, math.inf),
        ({"cpu.max": "max 100000\n"}, math.inf),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        ({"cpu.max": "nonsense"}, math.inf),
        ({"cpu.max": "100 0\n"}, math.inf),
    ],
)
def test_a_containers_share_of_the_cores_is_known(files: dict[str, str], share: float, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert _container_share(tmp_path) == share


def test_there_is_a_core() -> None:
    assert cores() >= 1


@pytest.mark.parametrize(("num", "threads"), [(1, 1), (2, 1), (4, 3), (64, 4)])
def test_a_decoder_leaves_a_core_to_the_networks(num: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "cores", lambda: num)
    assert bounded_threads(None) == threads
    assert bounded_threads(7) == 7
