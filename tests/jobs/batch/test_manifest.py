"""The frozen list of inputs on disk."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.errors import InvalidInput
from mien.jobs.batch.inputs import Input
from mien.jobs.batch.manifest import Manifest, check_same, freeze
from mien.jobs.settings import VideoSettings
from mien.jobs.sources import Source


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg", "talk.mp4", "z\udcff.jpg"):
        (folder / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return folder


def test_every_shard_is_found_in_it(album: Path) -> None:
    manifest, num_twice = freeze(["album"], Path("inputs.jsonl"), size=3, settings=VideoSettings())
    shards = [[each.source.name for each in manifest.shard(number)] for number in range(manifest.num_shards)]
    assert shards == [["album/a.jpg", "album/b.jpg", "album/c.jpg"], ["album/talk.mp4"], ["album/z\udcff.jpg"]]
    assert [each.number for each in manifest.shard(0)] == [0, 1, 2]
    assert [each.number for each in manifest.shard(2)] == [4]
    assert (manifest.num_inputs, num_twice) == (5, 0)
    assert not Path("inputs.spool").exists()


def test_what_is_named_twice_is_an_input_once(album: Path) -> None:
    manifest, num_twice = freeze(
        ["album/c.jpg", "album", "./album/c.jpg", str(album / "a.jpg")], Path("inputs.jsonl"), settings=VideoSettings()
    )
    assert (manifest.num_inputs, num_twice) == (5, 3)
    assert json.loads(Path("inputs.jsonl").read_text().splitlines()[1]) == "album/c.jpg", "where it is named first"


def test_links_to_one_file_are_inputs_of_their_own(album: Path) -> None:
    (album / "link.jpg").symlink_to("a.jpg")
    (album / "hard.jpg").hardlink_to(album / "a.jpg")
    manifest, num_twice = freeze(["album", "album/*.jpg"], Path("inputs.jsonl"), settings=VideoSettings())
    assert (manifest.num_inputs, num_twice) == (7, 6)


@pytest.mark.parametrize(("num", "size"), [(5, 16), (640, 20), pytest.param(100_000, 1000, marks=pytest.mark.slow)])
def test_shards_of_few_pictures_are_smaller(tmp_path: Path, num: int, size: int) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{number}.jpg\n" for number in range(num)))
    manifest, _ = freeze([listed], tmp_path / "inputs.jsonl", settings=VideoSettings())
    assert (manifest.size, manifest.num_inputs) == (size, num)


@pytest.mark.parametrize("name", ["inputs.jsonl", "inputs.npy"])
@pytest.mark.parametrize("change", [lambda content: content[:-9], lambda content: content[:-3] + b"123", None])
def test_a_list_that_was_changed_is_refused(album: Path, name: str, change: Callable[[bytes], bytes] | None) -> None:
    manifest, _ = freeze(["album"], Path("inputs.jsonl"), settings=VideoSettings())
    manifest.check()
    if change:
        Path(name).write_bytes(change(Path(name).read_bytes()))
    else:
        Path(name).unlink()
    with pytest.raises(InvalidInput, match="is not the one that was frozen; restore both"):
        manifest.check()


def test_names_from_the_root_mean_the_same_in_every_folder(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, _ = freeze([album], album.parent / "inputs.jsonl", settings=VideoSettings())
    monkeypatch.chdir(album)
    now, _ = freeze([album], album.parent / "now.jsonl", settings=VideoSettings())
    check_same(before, now)


def test_the_same_names_in_another_folder_are_others(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, _ = freeze(["album"], album.parent / "inputs.jsonl", settings=VideoSettings())
    elsewhere = album.parent / "elsewhere"
    (elsewhere / "album").mkdir(parents=True)
    for path in album.iterdir():
        (elsewhere / "album" / path.name).write_bytes(b"")
    monkeypatch.chdir(elsewhere)
    now, _ = freeze(["album"], elsewhere / "inputs.jsonl", settings=VideoSettings())
    with pytest.raises(InvalidInput, match="the same names in another folder"):
        check_same(before, now)


def test_nothing_is_no_batch(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\n\n")
    with pytest.raises(InvalidInput, match=r"list\.txt names no file"):
        freeze([tmp_path / "list.txt"], tmp_path / "inputs.jsonl", settings=VideoSettings())
    with pytest.raises(InvalidInput, match="nothing is named"):
        freeze([], tmp_path / "inputs.jsonl", settings=VideoSettings())


def test_a_video_of_another_length_is_another_input(tmp_path: Path) -> None:
    """It has the same name, but other parts."""
    manifests = []
    for number, num in enumerate((2, 3)):
        video = Source("talk.mp4", Path("talk.mp4"), Path(), is_video=True)
        lines = "".join(json.dumps(Input(0, video, place, place + 1).to_record()) + "\n" for place in range(num))
        path = tmp_path / f"{number}.jsonl"
        path.write_text(lines)
        manifests.append(Manifest(path, "", num, num, 1, 1.0, str(number)))
    with pytest.raises(InvalidInput, match=r"input 2 was nothing, and is .*talk.mp4.*'start': 2, 'end': 3"):
        check_same(*manifests)
