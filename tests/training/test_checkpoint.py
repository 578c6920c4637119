import os
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import torch

from mien.errors import ModelError
from mien.training import checkpoint


def test_a_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "c.pt"
    checkpoint.save(path, {"w": torch.arange(3.0)}, {"epoch": 2})
    tensors, about = checkpoint.load(path)
    assert about == {"epoch": 2}
    torch.testing.assert_close(tensors["w"], torch.arange(3.0))


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    checkpoint.save(path, {"w": torch.ones(2)}, {"epoch": 1})
    before = path.read_bytes()
    with pytest.raises(TypeError):
        checkpoint.save(path, {"w": torch.ones(2)}, {"epoch": object()})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/mien-was-here",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("evil", "holds more than tensors and plain values"),
        ("text", "not a checkpoint of mien's; expected a .pt file that `mien train` wrote"),
        ("empty", "not a checkpoint of mien's"),
        ("cut", "is damaged: its end is missing"),
        ("compressed", "is damaged or compressed"),
        ("foreign", "torch's, but not a checkpoint of mien's"),
        ("tensor", "torch's, but not a checkpoint of mien's"),
        ("folder", "cannot be read: Is a directory"),
        ("missing", "there is no such file"),
    ],
)
def test_strange_files_are_refused_and_run_nothing(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "strange.pt"
    if content == "evil":
        torch.save({"tensors": Evil(), "about": "{}"}, path)
    elif content == "text":
        path.write_text("hello")
    elif content == "empty":
        path.write_bytes(b"")
    elif content == "folder":
        path.mkdir()
    elif content == "cut":
        checkpoint.save(path, {"w": torch.ones(100)}, {})
        path.write_bytes(path.read_bytes()[:-200])
    elif content == "compressed":
        checkpoint.save(tmp_path / "whole.pt", {"w": torch.zeros(2**20)}, {})
        with ZipFile(tmp_path / "whole.pt") as whole, ZipFile(path, "w", ZIP_DEFLATED) as archive:
            for name in whole.namelist():
                archive.writestr(name, whole.read(name))
    elif content == "foreign":
        torch.save({"weights": torch.ones(2)}, path)
    elif content == "tensor":
        torch.save(torch.ones(2), path)
    with pytest.raises(ModelError, match=rf"strange\.pt:? .*{reason}"):
        checkpoint.load(path)
    assert not Path("/tmp/mien-was-here").exists()
