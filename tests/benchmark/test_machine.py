"""What a machine says of itself."""

from pathlib import Path

from mien.benchmark.machine import _board, _processor, peak_megabytes, this_machine


def test_a_board_names_itself(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    assert _board(file) == "Raspberry Pi 4 Model B Rev 1.4"
    assert _board(tmp_path / "none") == ""


def test_a_processor_has_a_name_or_at_least_an_architecture(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n")
    assert _processor(file) == "Some CPU @ 2 GHz"
    file.write_text("processor\t: 0\nCPU part\t: 0xd08\n")  # as on ARM
    assert _processor(file)


def test_this_machine() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.name
    assert set(machine.versions) == {"python", "numpy", "opencv-python-headless", "onnxruntime"}


def test_memory_at_its_most_includes_the_libraries() -> None:
    peak = peak_megabytes()
    assert peak is None or 20 < peak < 100_000
