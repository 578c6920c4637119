import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from mien.data import load
from mien.emotions import EMOTIONS
from mien.errors import DataError

Make: TypeAlias = Callable[..., Any]
TINY = np.full((3, 3), 9, np.uint8)


def test_splits_and_emotions_are_read(write_pictures: Make, noise: Make) -> None:
    first, second, third, fourth = noise(4)
    root = write_pictures(
        {
            "train/happy/b.png": second,
            "train/sad/a.png": first,
            "validation/fear/x.png": third,
            "test/neutral/x.png": fourth,
        }
    )

    faces = load(root)

    assert faces.name == "set"
    assert faces.classes == EMOTIONS
    np.testing.assert_array_equal(faces.faces, [first, second, third, fourth])
    assert [EMOTIONS[label] for label in faces.labels] == ["sad", "happy", "fear", "neutral"]
    assert faces.splits.tolist() == ["train", "train", "val", "test"]
    assert faces.sources == ["train/sad/a.png", "train/happy/b.png", "validation/fear/x.png", "test/neutral/x.png"]
    assert faces.votes is None


@pytest.mark.parametrize(
    ("folder", "split"),
    [("Train", "train"), ("TRAINING", "train"), ("val", "val"), ("valid", "val"), ("Validation", "val"),
     ("PublicTest", "val"), ("PrivateTest", "test"), ("testing", "test")],
)  # fmt: skip
def test_splits_go_by_many_names(write_pictures: Make, folder: str, split: str) -> None:
    assert load(write_pictures({f"{folder}/Anger/1.png": TINY})).splits.tolist() == [split]


@pytest.mark.parametrize(
    ("folder", "emotion"),
    [("Angry", "angry"), ("disgusted", "disgust"), ("FEARFUL", "fear"), ("happiness", "happy"), ("sadness", "sad"),
     ("surprised", "surprise"), ("Neutral", "neutral"), ("3", "happy")],
)  # fmt: skip
def test_emotions_go_by_many_names(write_pictures: Make, folder: str, emotion: str) -> None:
    faces = load(write_pictures({f"train/{folder}/1.png": TINY}))

    assert faces.classes[faces.labels[0]] == emotion


@pytest.mark.parametrize(("name", "split"), [("set", "train"), ("test", "test"), ("validation", "val")])
def test_emotions_without_splits(write_pictures: Make, name: str, split: str) -> None:
    faces = load(write_pictures({"happy/1.png": TINY, "sad/2.png": TINY}, name=name))

    assert faces.splits.tolist() == [split] * 2
    assert faces.sources == ["happy/1.png", "sad/2.png"]


def test_the_table_and_the_folder_of_the_same_data_agree(
    rows: Make, write_table: Make, write_pictures: Make, noise: Make
) -> None:
    table = load(write_table(rows(30)))
    folder = load(
        write_pictures(
            {
                f"{'train' if place < 29 else 'validation'}/{EMOTIONS[place % 7]}/{place:05d}.png": face
                for place, face in enumerate(noise(30))
            }
        )
    )

    np.testing.assert_array_equal(folder.faces, table.faces)
    np.testing.assert_array_equal(folder.labels, table.labels)
    assert folder.splits.tolist() == table.splits.tolist()


@pytest.mark.parametrize(
    "litter", [".DS_Store", "happy/.DS_Store", "happy/Thumbs.db", "happy/._1.png", "README.md", "desktop.ini", ".x/y"]
)
def test_litter_is_passed_over(write_pictures: Make, litter: str) -> None:
    root = write_pictures({"happy/1.png": TINY})
    (root / litter).parent.mkdir(exist_ok=True)
    (root / litter).write_text("litter")

    assert load(root).sources == ["happy/1.png"]


def test_colour_becomes_luma(write_pictures: Make) -> None:
    blue_green_red = np.zeros((48, 48, 3), np.uint8)
    blue_green_red[:, :] = 10, 200, 60
    (face,) = load(write_pictures({"happy/1.png": blue_green_red})).faces

    assert (face == round(0.114 * 10 + 0.587 * 200 + 0.299 * 60)).all()


def test_a_face_keeps_its_proportions(write_pictures: Make) -> None:
    wide = np.zeros((24, 96), np.uint8)
    wide[:12] = 200
    (face,) = load(write_pictures({"happy/1.png": wide})).faces

    assert face.shape == (48, 48)
    assert (face[:24] == 200).all()
    assert (face[24:] == 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (48, 48), (47, 48), (1, 3000), (2000, 3)])
@pytest.mark.parametrize("size", [1, 44, 48, 96])
def test_any_shape_fits(write_pictures: Make, shape: tuple[int, int], size: int) -> None:
    (face,) = load(write_pictures({"happy/1.png": np.full(shape, 77, np.uint8)}), size=size).faces

    assert face.shape == (size, size)
    assert (face == 77).all()


def test_what_is_turned_or_transparent_is_read_as_it_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "happy"
    folder.mkdir(parents=True)
    grey = np.zeros((48, 48), np.uint8)
    grey[:, 24:] = 250
    exif = Pillow.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    Pillow.fromarray(grey).save(folder / "1.png", exif=exif)
    Pillow.fromarray(np.dstack([grey, np.zeros_like(grey)]), "LA").save(folder / "2.png")

    turned, transparent = load(tmp_path / "set").faces

    np.testing.assert_array_equal(turned, np.rot90(grey, -1))
    assert (transparent == 255).all()


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        ({"angy/1.png": TINY}, r"angy: is not the name of an emotion; did you mean angry\? Expected folders of"),
        ({"train/joyful/1.png": TINY}, r"joyful: is not the name of an emotion\. Expected folders of emotions"),
        ({"cats/1.png": TINY}, r"cats: is not the name of an emotion\. Expected folders of splits .* or folders of"),
        ({"train/happy/1.png": TINY, "sad/1.png": TINY}, "sad: is not the name of a split"),
        ({"train/happy/more/1.png": TINY}, "more: is a folder; expected pictures only"),
        ({"train/1.png": TINY, "train/sad/1.png": TINY}, r"1\.png: lies in no emotion's folder"),
        ({"1.png": TINY, "sad/1.png": TINY}, r"1\.png: lies in no emotion's folder"),
    ],
)
def test_a_layout_that_is_unknown_is_refused(write_pictures: Make, pictures: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(write_pictures(pictures))


def test_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no faces; expected folders of splits"):
        load(tmp_path)
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="train: holds no folders; expected folders of emotions"):
        load(tmp_path)
    (tmp_path / "train" / "happy").mkdir()
    with pytest.raises(DataError, match="happy: is empty; expected pictures of faces"):
        load(tmp_path)


def test_the_table_is_pointed_at_when_its_folder_is_passed(rows: Make, write_table: Make) -> None:
    table = write_table(rows(1))

    with pytest.raises(DataError, match=r"It holds fer2013\.csv: pass that file"):
        load(table.parent)


def empty(content: bytes) -> bytes:
    return b""


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    return content[:-40] + bytes([content[-40] ^ 255]) + content[-39:]


def notes(content: bytes) -> bytes:
    return b"notes"


# A flipped bit in a JPEG is another picture and not a fault.
@pytest.mark.parametrize(
    ("name", "damage"),
    [("bad.png", empty), ("bad.png", half), ("bad.png", flipped), ("bad.png", notes), ("bad.jpg", empty),
     ("bad.jpg", half), ("bad.jpg", notes), ("bad.txt", notes), ("bad", empty)],
)  # fmt: skip
def test_a_bad_file_is_named(
    write_pictures: Make, noise: Make, name: str, damage: Callable[[bytes], bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    root = write_pictures({"sad/good.png": TINY})
    bad = root / "sad" / name
    suffix = ".jpg" if name.endswith("jpg") else ".png"
    bad.write_bytes(damage(cv2.imencode(suffix, noise(1)[0])[1].tobytes()))

    with pytest.raises(DataError, match=re.escape(str(bad))):
        load(root)

    assert capfd.readouterr() == ("", "")


def test_all_bad_files_are_counted_and_ten_are_named(write_pictures: Make) -> None:
    root = write_pictures({f"train/happy/{place:03d}.png": TINY for place in range(30)})
    for path in sorted((root / "train" / "happy").iterdir())[3:]:
        path.write_text("no picture")

    with pytest.raises(DataError) as caught:
        load(root)

    lines = str(caught.value).splitlines()
    assert lines[0].endswith("set: 27 files cannot be used:")
    assert [Path(line.split(" is no picture")[0]).name for line in lines[1:11]] == [
        f"{n:03d}.png" for n in range(3, 13)
    ]
    assert lines[11:] == ["  … and 17 more"]


@pytest.mark.parametrize(("size", "says"), [(2**41, "at most 2,000,000,000 are read"), (2**30, "has no PNG header")])
def test_huge_files_are_named(tmp_path: Path, size: int, says: str) -> None:
    """Fault 58: a MemoryError ended the command."""
    (tmp_path / "happy").mkdir()
    with (tmp_path / "happy" / "huge.png").open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.truncate(size)
    with pytest.raises(DataError, match=rf"huge\.png has .*{says.removeprefix('has ')}"):
        load(tmp_path)


def test_broken_links_are_named(write_pictures: Make) -> None:
    root = write_pictures({"happy/1.png": TINY})
    (root / "happy" / "2.png").symlink_to("nowhere.png")

    with pytest.raises(DataError, match=r"2\.png: cannot be read: No such file"):
        load(root)


def test_what_is_neither_file_nor_folder_is_passed_over_and_reported(write_pictures: Make) -> None:
    root = write_pictures({"happy/1.png": TINY})
    (root / "happy" / "2.png").symlink_to("2.png")
    (root / "sad").symlink_to("sad")
    (root / "x.jpg").symlink_to("x.jpg")
    os.mkfifo(root / "happy" / "3.png")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(root / "happy" / "4.png"))
        faces = load(root)

    assert faces.sources == ["happy/1.png"]
    assert [Path(path).relative_to(root).as_posix() for path in faces.passed_over] == [
        "sad", "x.jpg", "happy/2.png", "happy/3.png", "happy/4.png",
    ]  # fmt: skip


def test_a_palette_without_colours_is_named(write_pictures: Make) -> None:
    root = write_pictures({"happy/1.png": TINY})
    (root / "happy" / "2.png").write_bytes(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d49484452000000040000000408030000009e2f6e4c0000000b49444154789c6360c00400001400017d"
            "fe1eee0000000049454e44ae426082"
        )
    )

    with pytest.raises(DataError, match=r"2\.png is a damaged PNG"):
        load(root)


def test_links_are_followed(write_pictures: Make) -> None:
    root = write_pictures({"happy/1.png": TINY})
    (root / "happy" / "2.png").symlink_to(root / "happy" / "1.png")

    assert load(root).sources == ["happy/1.png", "happy/2.png"]


def test_a_folder_is_read_again_when_a_file_changes(write_pictures: Make) -> None:
    root = write_pictures({"happy/1.png": TINY})
    assert (load(root).faces == 9).all()
    write_pictures({"happy/1.png": TINY + 1})
    before = (root / "happy" / "1.png").stat().st_mtime_ns
    os.utime(root / "happy" / "1.png", ns=(before + 1, before + 1))

    assert (load(root).faces == 10).all()


def test_each_size_is_kept_on_its_own(write_pictures: Make, noise: Make) -> None:
    root = write_pictures({"happy/1.png": noise(1, 96)[0]})

    shapes = [load(root, size=size).faces.shape for size in (48, 44, 48, 44)]

    assert shapes == [(1, 48, 48), (1, 44, 44)] * 2
