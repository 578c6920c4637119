"""Pictures of every kind come in upright, in colour and in eight bits; everything else is a PictureError."""

import io
import os
import re
import resource
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pillow

from mien.errors import InvalidInput, PictureError
from mien.images import (
    DRAWN_COMMENT,
    MAX_BYTES,
    MAX_PIXELS,
    PICTURE_SUFFIXES,
    WRITTEN_SUFFIXES,
    animation,
    drawn_by_mien,
    is_animated,
    is_picture_name,
    read_image,
    write_image,
)
from mien.values import Image

RED, GREEN, BLUE, YELLOW = (220, 30, 20), (20, 180, 40), (30, 50, 210), (230, 220, 40)


def quadrants(height: int = 24, width: int = 32) -> Image:
    """Red and green above blue and yellow: a picture whose orientation shows."""
    image = np.empty((height, width, 3), np.uint8)
    image[: height // 2, : width // 2], image[: height // 2, width // 2 :] = RED, GREEN
    image[height // 2 :, : width // 2], image[height // 2 :, width // 2 :] = BLUE, YELLOW
    return image


# A pixel inside each quadrant, where lossy formats do not smear the edges.
INSIDE = np.s_[4::16, 4::24]


def encoded(picture: Pillow.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def close(image: Image, expected: Image, tolerance: int = 0) -> bool:
    return image.shape == expected.shape and int(np.abs(image.astype(int) - expected).max()) <= tolerance


# --- what is read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "jpeg"}, 12),
        ("PPM", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 12),
        ("JPEG", {"quality": 95, "subsampling": 0}, 12),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 12),
        ("AVIF", {"quality": 95, "subsampling": "4:4:4"}, 12),
    ],
)
def test_reads_colours_in_every_format(tmp_path: Path, kind: str, options: dict[str, Any], tolerance: int) -> None:
    content = encoded(Pillow.fromarray(quadrants()), kind, **options)
    file = tmp_path / "picture.of-any-name"
    file.write_bytes(content)

    for source in (content, file, str(file)):
        image = read_image(source)
        assert image.dtype == np.uint8
        assert image.shape == (24, 32, 3)
        part = INSIDE if tolerance else ...
        assert close(image[part], quadrants()[part], tolerance)
    image[0, 0] = 0  # the caller's own to change


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_undone(kind: str, orientation: int) -> None:
    upright = Pillow.fromarray(quadrants())
    stored = {
        1: upright,
        2: upright.transpose(Pillow.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Pillow.Transpose.ROTATE_180),
        4: upright.transpose(Pillow.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Pillow.Transpose.TRANSPOSE),
        6: upright.transpose(Pillow.Transpose.ROTATE_90),
        7: upright.transpose(Pillow.Transpose.TRANSVERSE),
        8: upright.transpose(Pillow.Transpose.ROTATE_270),
    }[orientation]
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}

    image = read_image(encoded(stored, kind, exif=exif, **options))

    assert close(image, quadrants(), 12)


def test_an_orientation_out_of_range_is_ignored() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 42
    assert close(read_image(encoded(Pillow.fromarray(quadrants()), "PNG", exif=exif)), quadrants())


def test_transparency_shows_white_and_not_the_junk_below_it() -> None:
    pixels = np.full((2, 3, 4), 77, np.uint8)
    pixels[0, :, 3] = 0, 128, 255
    pixels[1, :, 3] = 255

    image = read_image(encoded(Pillow.fromarray(pixels, "RGBA"), "PNG"))

    assert image[0, 0].tolist() == [255, 255, 255]
    assert abs(int(image[0, 1, 0]) - (77 + 255) // 2) <= 1
    assert image[0, 2].tolist() == [77, 77, 77]


def _palette(transparency: int | bytes | None, kind: str) -> bytes:
    picture = Pillow.new("P", (2, 1))
    picture.putpalette([*RED, *BLUE])
    picture.putpixel((1, 0), 1)
    return encoded(picture, kind, **({} if transparency is None else {"transparency": transparency}))


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
@pytest.mark.parametrize(("transparency", "second"), [(None, BLUE), (1, (255, 255, 255))])
def test_palettes(kind: str, transparency: int | None, second: tuple[int, ...]) -> None:
    assert read_image(_palette(transparency, kind))[0].tolist() == [list(RED), list(second)]


def test_a_palette_with_an_opacity_for_each_colour() -> None:
    first, second = read_image(_palette(b"\x00\xff", "PNG"))[0].tolist()
    assert (first, second) == ([255, 255, 255], list(BLUE))


@pytest.mark.parametrize(("mode", "key"), [("L", 9), ("RGB", (9, 9, 9))])
def test_a_colour_that_stands_for_transparency(mode: str, key: int | tuple[int, ...]) -> None:
    picture = Pillow.new(mode, (2, 1), key)
    picture.putpixel((1, 0), 100 if mode == "L" else (100, 100, 100))
    assert read_image(encoded(picture, "PNG", transparency=key))[0, :, 0].tolist() == [255, 100]


def test_grey_with_alpha_and_one_bit() -> None:
    assert read_image(encoded(Pillow.new("LA", (1, 1), (50, 0)), "PNG")).tolist() == [[[255] * 3]]
    assert read_image(encoded(Pillow.new("1", (1, 1), 1), "PNG")).tolist() == [[[255] * 3]]
    assert read_image(b"P1 2 1\n1 0\n")[0, :, 0].tolist() == [0, 255]


# A PNG by hand: Pillow cannot write sixteen bits of colour.
def _png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    ("colour", "values", "expected"),
    [
        (0, [0, 0x7FFF, 0xFFFF], [[0] * 3, [127] * 3, [255] * 3]),
        (2, [0, 0x7FFF, 0xFFFF, 0xFFFF, 0, 0x0100, 0x8000, 0x0101, 0xFE00],
         [[0, 127, 255], [255, 0, 1], [128, 1, 254]]),
    ],
)  # fmt: skip
def test_sixteen_bits_are_scaled_and_not_clipped(colour: int, values: list[int], expected: list[list[int]]) -> None:
    row = b"\0" + np.array(values, ">u2").tobytes()
    image = read_image(_png(3, 1, 16, colour, row))
    assert close(image, np.array([expected], np.uint8), 1)


def _tiff(values: NDArray[Any], bits: int | None = None) -> bytes:
    """One row of grey, uncompressed, little-endian."""
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    data = values.tobytes()
    tags = {
        256: len(values), 257: 1, 258: bits or values.dtype.itemsize * 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1,
        279: len(data), 339: kind,
    }  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 32767, 65535], np.uint16), [0, 127, 255]),
        (np.array([0, 0.5, 1], np.float32), [0, 128, 255]),
        (np.array([0, 100, 255], np.float32), [0, 100, 255]),
        (np.array([0, 32767, 65535], np.float32), [0, 127, 255]),
        (np.array([-1, 0, 1], np.float32), [0, 128, 255]),
        (np.array([np.nan, -np.inf, 1], np.float32), [0, 0, 255]),
        (np.array([5e5, 5e5, 5e5], np.float32), [0, 0, 0]),
        (np.array([0, 100, 255], np.int32), [0, 100, 255]),
        (np.array([0, 32767, 65535], np.int32), [0, 127, 255]),
        (np.array([-1000, 0, 1000], np.int16), [0, 128, 255]),
    ],
)
def test_deep_tiffs(values: NDArray[Any], expected: list[int]) -> None:
    image = read_image(_tiff(values))
    assert image.shape == (1, 3, 3)
    assert close(image[:, :, 0], np.array([expected], np.uint8), 1)


def test_twelve_bits_are_scaled_by_their_own_range() -> None:
    packed = np.frombuffer(bytes([0x00, 0x07, 0xFF, 0xFF, 0xF0, 0x00]), np.uint8)  # 0, 0x7FF, 0xFFF, 0
    content = _tiff(packed, bits=12).replace(struct.pack("<HHII", 256, 4, 1, 6), struct.pack("<HHII", 256, 4, 1, 4))
    assert close(read_image(content)[:, :, 0], np.array([[0, 127, 255, 0]], np.uint8), 1)


def test_sixteen_bit_pgm_is_scaled_even_when_it_is_dark() -> None:
    row = np.array([0, 200, 65535 // 2], ">u2").tobytes()
    assert read_image(b"P5 3 1 65535\n" + row)[0, :, 0].tolist() == [0, 1, 127]


def test_cmyk_of_adobe_is_not_shown_inverted() -> None:
    # Pillow writes CMYK as Adobe's programs do: inverted, and marked so.
    content = encoded(Pillow.fromarray(quadrants()).convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in content
    assert close(read_image(content)[2:8, 2:12], quadrants()[2:8, 2:12], 20)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_an_animation_the_first_picture(kind: str) -> None:
    first, second = Pillow.new("RGB", (16, 16), RED), Pillow.new("RGB", (16, 16), BLUE)
    content = encoded(first, kind, save_all=True, append_images=[second])
    assert close(read_image(content), np.full((16, 16, 3), RED, np.uint8), 12)


@pytest.mark.parametrize("name", ["größe.png", "写真.png", "a b%20'\".png", "-.png"])
def test_any_file_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(encoded(Pillow.fromarray(quadrants()), "PNG"))
    assert close(read_image(tmp_path / name), quadrants())


def test_links_and_pipes(tmp_path: Path) -> None:
    content = encoded(Pillow.fromarray(quadrants()), "PNG")
    (tmp_path / "a.png").write_bytes(content)
    (tmp_path / "link.png").symlink_to("a.png")
    assert close(read_image(tmp_path / "link.png"), quadrants())

    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen([sys.executable, "-c", f"open({str(tmp_path / 'pipe')!r}, 'wb').write({content!r})"]):
        assert close(read_image(tmp_path / "pipe"), quadrants())


# --- other sources than files ---------------------------------------------------------------------------------


def test_open_files_are_read_from_their_beginning(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Pillow.fromarray(quadrants()).save(buffer, "PNG")  # leaves it at its end
    assert close(read_image(buffer), quadrants())
    assert not buffer.closed
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    with (tmp_path / "a.png").open("rb") as file:
        assert close(read_image(file), quadrants())
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe:  # noqa: PTH123 - it has no path, and cannot seek
        with open(writing, "wb") as sender:  # noqa: PTH123
            sender.write(buffer.getvalue())
        assert close(read_image(pipe), quadrants())


def test_an_open_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("hello")
    with (tmp_path / "a.png").open("rb") as file, pytest.raises(PictureError, match=r'a\.png .* the text "hello"'):
        read_image(file)
    with pytest.raises(PictureError, match="closed file"):
        read_image(file)
    with (tmp_path / "a.png").open() as text, pytest.raises(InvalidInput, match=r'a\.png is open as text; .*"rb"'):
        read_image(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV", "LA", "RGBA", "PA"])
def test_pillow_images_of_every_mode_look_as_their_files_would(mode: str) -> None:
    picture = Pillow.fromarray(quadrants()).convert("RGBA" if mode == "PA" else mode)
    picture = picture.convert(mode) if mode != "PA" else picture.convert("P").convert("PA")
    expected = picture.convert("RGB")
    assert close(read_image(picture), np.asarray(expected))


@pytest.mark.parametrize(("mode", "white"), [("I;16", 65_535), ("I;16B", 65_535), ("I", 65_535), ("I", 255), ("F", 1)])
def test_deep_pillow_images_are_scaled_by_their_range(mode: str, white: int) -> None:
    picture = Pillow.new(mode, (2, 1), white)
    picture.putpixel((1, 0), 0)
    assert read_image(picture)[0, :, 0].tolist() == [255, 0]


def test_pillow_images_are_upright_and_on_white_and_stay_as_they_are() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    turned = Pillow.fromarray(quadrants()).transpose(Pillow.Transpose.ROTATE_90)
    with Pillow.open(io.BytesIO(encoded(turned, "PNG", exif=exif))) as opened:
        assert close(read_image(opened), quadrants())
        assert opened.size == turned.size
    glass = Pillow.new("RGBA", (2, 2), (10, 20, 30, 0))
    assert (read_image(glass) == 255).all()
    assert glass.getpixel((0, 0)) == (10, 20, 30, 0)


def test_broken_pillow_images_are_picture_errors() -> None:
    with pytest.raises(PictureError, match="has no pixels: it is 0 × 5"):
        read_image(Pillow.new("RGB", (0, 5)))
    with pytest.raises(PictureError, match="ends too early"), Pillow.open(io.BytesIO(PNG[: len(PNG) // 2])) as opened:
        read_image(opened)
    with pytest.raises(PictureError, match=r"64 × 64 is .* megapixels"):
        read_image(Pillow.new("RGB", (64, 64)), max_pixels=64 * 63)


def test_arrays_of_every_shape_of_a_picture() -> None:
    image = quadrants()
    assert read_image(image) is image
    grey = image[:, :, 0]
    for array in (grey, grey[:, :, np.newaxis], grey[:, ::-1][:, ::-1]):
        assert close(read_image(array), np.dstack([grey] * 3))
    alpha = np.full_like(grey, 255)
    alpha[0, 0] = 0
    see_through = read_image(np.dstack([image, alpha]))
    assert see_through[0, 0].tolist() == [255] * 3
    assert close(see_through[1:], image[1:])


_UNIT = np.linspace(0, 1, 24 * 32 * 3, dtype=np.float32).reshape(24, 32, 3)


@pytest.mark.parametrize(
    ("given", "conversion"),
    [
        (_UNIT, '(image * 255).astype("uint8")'),
        (_UNIT * 2 - 1, '((image + 1) * 127.5).astype("uint8")'),
        (_UNIT * 255, 'image.astype("uint8")'),
        (quadrants().transpose(2, 0, 1), "image.transpose(1, 2, 0)"),
        (_UNIT.transpose(2, 0, 1), '(image.transpose(1, 2, 0) * 255).astype("uint8")'),
        (quadrants()[np.newaxis], "image[0]"),
        (quadrants().astype(np.int64), 'image.astype("uint8")'),
        (quadrants().astype(np.uint16) * 257, '(image // 257).astype("uint8")'),
        (quadrants() > 99, 'image.astype("uint8") * 255'),
        (quadrants().tolist(), 'numpy.asarray(image).astype("uint8")'),
    ],
)
def test_other_arrays_are_refused_with_the_line_that_converts_them(given: Any, conversion: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_image(given)
    assert str(caught.value).endswith(f". Convert it with: {conversion}")
    read_image(eval(conversion, {"image": given, "numpy": np}))


def test_several_pictures_are_told_where_to_go() -> None:
    with pytest.raises(InvalidInput, match=r"list \(2, 24, 32, 3\) uint8; several pictures go to Analyzer\.analyze\."):
        read_image([quadrants()] * 2)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"\(1, 24, 32, 3\) uint8\. Convert"):
        read_image(quadrants()[np.newaxis])


def test_tensors_are_refused_with_the_line_that_converts_them() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.rand(3, 24, 32)
    with pytest.raises(InvalidInput, match=r"got Tensor \(3, 24, 32\) float32\. Convert it with: ") as caught:
        read_image(tensor)
    conversion = str(caught.value).partition("Convert it with: ")[2]
    assert read_image(eval(conversion, {"image": tensor})).shape == (24, 32, 3)
    with pytest.raises(InvalidInput, match=r"Convert it with: image\.numpy\(force=True\)$"):
        read_image(tensor.requires_grad_())


@pytest.mark.parametrize(
    ("given", "got"),
    [
        (None, "got None, as cv2.imread returns"),
        (5, "got int$"),
        ([[1, 2], [3]], "got list$"),
        ({"image": 1}, "got dict$"),
        (np.zeros((5, 4, 2), np.uint8), r"got ndarray \(5, 4, 2\) uint8$"),
        (np.zeros((0, 4, 3), np.uint8), r"got ndarray \(0, 4, 3\) uint8$"),
        (np.full((4, 4), np.nan), r"got ndarray \(4, 4\) float64$"),
        (np.full((4, 4), "red"), r"got ndarray \(4, 4\) <U3$"),
        (np.full((4, 4), -7), r"got ndarray \(4, 4\) int64$"),
    ],
)
def test_what_nothing_converts_is_refused_too(given: Any, got: str) -> None:
    with pytest.raises(InvalidInput, match=got):
        read_image(given)


# --- what is refused ------------------------------------------------------------------------------------------

PNG = encoded(Pillow.fromarray(quadrants()), "PNG")

PALETTE_WITHOUT_COLOURS = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000040000000408030000009e2f6e4c0000000b49444154789c6360c00400001400017dfe1eee"
    "0000000049454e44ae426082"
)
"""A PNG that says it has a palette and has none: an AssertionError in Pillow, an AttributeError under `python -O`."""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"hello, world\nand more", 'it begins with the text "hello, world"; expected'),
        ("Grüße, viele schöne Grüße an euch".encode()[:22], "begins with the text"),
        (b"\x00\x01\x02\xff", "begins with the bytes 00 01 02 ff"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp42", "a video"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0mp42", "sound without pictures"),
        (b"version https://git-lfs.github.com/spec/v1\n", "LFS"),
        (PNG[: len(PNG) // 2], "ends too early"),
        (encoded(Pillow.effect_noise((64, 64), 90), "JPEG")[:900], "ends too early"),
        (PNG[:40] + b"\0\0\0\0" + PNG[44:], "damaged PNG"),
        (PNG[:8], "ends too early"),
        (PALETTE_WITHOUT_COLOURS, "damaged PNG"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "holiday.jpg"
    file.write_bytes(content)
    with pytest.raises(PictureError, match=says) as caught:
        read_image(file)
    assert str(file) in str(caught.value)
    with pytest.raises(PictureError, match="standard input"):
        read_image(content, name="standard input")


def test_missing_folder_link_and_device(tmp_path: Path) -> None:
    (tmp_path / "link.jpg").symlink_to("gone.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "file.jpg").write_bytes(PNG)
    for path, says in {
        tmp_path / "gone.jpg": "not there",
        tmp_path: "a folder",
        tmp_path / "link.jpg": "a link to a file that is not there",
        tmp_path / "loop.jpg": "cannot be opened",
        tmp_path / "file.jpg" / "x.jpg": "cannot be opened",
        tmp_path / ("x" * 300): "cannot be opened",
        Path(os.devnull): "a device",
    }.items():
        with pytest.raises(PictureError, match=says) as caught:
            read_image(path)
        assert str(path) in str(caught.value)
    with pytest.raises(PictureError, match="no file name"):
        read_image("a\0b")


def test_a_file_beyond_every_picture_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "sparse.jpg").open("wb") as file:
        file.write(b"\xff\xd8\xff")
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(PictureError, match=r"sparse\.jpg has 2,000,000,001 bytes; at most 2,000,000,000 are read"):
        read_image(tmp_path / "sparse.jpg")


def test_nor_when_sources_are_searched_for_animations_and_drawings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = tmp_path / "drawn.webp"
    pages = [Pillow.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    exif = Pillow.Exif()
    exif[0x010E] = DRAWN_COMMENT
    pages[0].save(drawn, save_all=True, append_images=pages[1:], exif=exif)
    assert is_animated(drawn)
    assert drawn_by_mien(drawn)
    assert len(list(animation(drawn))) == 2
    monkeypatch.setattr("mien.images.MAX_BYTES", drawn.stat().st_size - 1)
    assert not is_animated(drawn)
    assert not drawn_by_mien(drawn)
    with pytest.raises(PictureError, match=r"drawn\.webp has .* bytes; at most"):
        next(animation(drawn))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "secret.png"
    file.write_bytes(PNG)
    file.chmod(0)
    with pytest.raises(PictureError, match="cannot be opened: Permission denied"):
        read_image(file)


def test_the_limit_is_the_callers(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    assert read_image(PNG, max_pixels=24 * 32).shape == (24, 32, 3)
    with pytest.raises(PictureError, match=r"32 × 24 is 0\.0 megapixels"):
        read_image(tmp_path / "a.png", max_pixels=24 * 32 - 1)


def _gif_bomb() -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 9, 9, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + b"," + struct.pack(
        "<HHHHB", 0, 0, 65535, 65535, 0
    ) + b"\x02\x02\x4c\x01\x00;"  # fmt: skip


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(_png(20_000, 20_000, 8, 2, b"\0" * 99), id="PNG"),
        pytest.param(_png(100_000, 100_000, 1, 0, b"\0" * 99), id="PNG of one bit"),
        pytest.param(b"P6 20000 20000 255\n", id="PPM"),
        pytest.param(_gif_bomb(), id="GIF whose frame is larger than its canvas"),
        pytest.param(b"BM" + struct.pack("<IIIIiiHHIIIIII", 99, 0, 54, 40, 20_000, 20_000, 1, 24, 0, 0, 0, 0, 0, 0),
                     id="BMP"),
        pytest.param(b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2 + b"\0" * 40, id="WebP"),
    ],
)  # fmt: skip
def test_bombs_are_refused_before_they_eat_memory(bomb: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PictureError):
        read_image(bomb)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


def test_a_picture_beyond_pillows_own_limit_is_no_reason_to_warn() -> None:
    side = 9_500
    assert 89_478_485 < side * side < MAX_PIXELS
    with warnings.catch_warnings(record=True) as caught, pytest.raises(PictureError, match="ends too early"):
        warnings.simplefilter("always")
        read_image(b"P4 %d %d\n" % (side, side))
    assert not caught


def _peak_bytes() -> int:
    """The peak of this process's memory since the last call."""
    found = re.search(rb"VmHWM:\s+(\d+)", Path("/proc/self/status").read_bytes())
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    assert found
    return int(found[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of the memory")
@pytest.mark.parametrize(
    ("mode", "kind", "options", "limit"),
    [
        ("RGB", "JPEG", {"orientation": 6}, 10),
        ("RGBA", "PNG", {}, 10),
        ("I;16", "PNG", {}, 10),
        ("F", "TIFF", {}, 10),
        ("P", "GIF", {"transparency": 0}, 10),
        ("RGBA", "WEBP", {}, 18),
    ],
)
def test_a_picture_takes_a_few_bytes_a_pixel(mode: str, kind: str, options: dict[str, int], limit: int) -> None:
    """Fault 56: 16 bits took 20 bytes a pixel and RGBA 18, as each step of the conversion took a whole picture."""
    exif = Pillow.Exif()
    exif[0x0112] = options.pop("orientation", 1)
    content = encoded(Pillow.new(mode, (3000, 2000)), kind, **options, exif=exif)
    read_image(PNG)
    _peak_bytes()
    before = _peak_bytes()
    image = read_image(content)
    assert image.size == 3 * 3000 * 2000
    assert _peak_bytes() - before < limit * 3000 * 2000 + 10_000_000


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "I;16", "I", "F", "1", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 5, 6])
def test_strips_make_the_same_picture(monkeypatch: pytest.MonkeyPatch, mode: str, orientation: int) -> None:
    grey = Pillow.fromarray(np.arange(24 * 32, dtype=np.uint16).reshape(24, 32) * 80)
    picture = grey if mode == "I;16" else grey.point(lambda value: value / 256).convert("L").convert(mode)
    picture.getexif()[0x0112] = orientation
    whole = read_image(picture)
    monkeypatch.setattr("mien.images._STRIP_PIXELS", 100)
    assert np.array_equal(read_image(picture), whole)


@pytest.mark.parametrize("content", [b"\xff\xd8\xff" + bytes(2**25), b"P6 #" + b"x" * 2**23, b"P6 " + b" " * 2**23])
def test_a_header_is_searched_at_the_beginning_only(content: bytes) -> None:
    """Fault 58: Pillow searched all of the file, byte by byte."""
    with pytest.raises(PictureError, match=r"has no (JPEG|PPM) header in its first [\d,]+ bytes"):
        read_image(content)


def test_a_large_file_with_a_header_is_read() -> None:
    assert close(read_image(encoded(Pillow.fromarray(quadrants()), "PPM") + bytes(2**17)), quadrants())


def test_a_text_full_of_comments_takes_no_longer_than_one_without() -> None:
    """Fault 58: 8 MB of them took a minute."""
    assert read_image(b"P3 2 1 255\n# a\n1 2 3 #b\r4 5 6" + b"#\n" * 2**20).tolist() == [[[1, 2, 3], [4, 5, 6]]]
    with pytest.raises(PictureError, match="PPM in text of more than"):
        read_image(b"P3 2 1 255 1 2 3 4 5 6" + b" " * 2**24)


def test_damage_is_no_reason_to_warn() -> None:
    """Fault 61: Pillow warned on standard error of damaged metadata, and of every TIFF above 89 megapixels."""
    exif = Pillow.Exif()
    exif[0x010E] = "a description of some length"
    damaged = encoded(Pillow.fromarray(quadrants()), "JPEG", exif=exif).replace(b"Exif\0\0MM\0*", b"Exif\0\0II*\0")
    large = Pillow.new("1", (9_500, 9_500))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_image(damaged)
        assert read_image(encoded(large, "TIFF", compression="group4")).shape == (9_500, 9_500, 3)
    assert not caught


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_formats_that_take_twice_the_memory_have_half_the_limit(kind: str) -> None:
    """Fault 61: 200 megapixels were promised, and WebP above 179 refused."""
    content = encoded(Pillow.fromarray(quadrants()), kind)
    assert read_image(content, max_pixels=2 * 24 * 32).shape == (24, 32, 3)
    with pytest.raises(PictureError, match=f"at most 0.0 are read of a {kind}"):
        read_image(content, max_pixels=2 * 24 * 32 - 1)


def test_a_tiff_that_pillow_would_refuse_is_refused_with_the_limit() -> None:
    """Fault 61: 200 megapixels were promised, and a TIFF above 179 refused in Pillow's words."""
    content = encoded(Pillow.new("1", (14_000, 13_000)), "TIFF", compression="group4")
    with pytest.raises(PictureError, match=r"14,000 × 13,000 is 182\.0 megapixels, at most 179\.0 are read of a TIFF"):
        read_image(content)


# --- fuzzing --------------------------------------------------------------------------------------------------

_NOISE = Pillow.fromarray(np.random.default_rng(0).integers(0, 256, (17, 23, 3), dtype=np.uint8))
_EXIF = Pillow.Exif()
_EXIF[0x0112] = 6
_EXIF[0x010E] = "a description"
SEEDS = {
    "JPEG": encoded(_NOISE, "JPEG", exif=_EXIF),
    "progressive JPEG": encoded(_NOISE, "JPEG", progressive=True),
    "PNG": encoded(_NOISE, "PNG", exif=_EXIF),
    "PNG with a palette": encoded(_NOISE.quantize(16), "PNG", transparency=3),
    "WebP": encoded(_NOISE, "WEBP", exif=_EXIF),
    "lossless WebP": encoded(_NOISE.convert("RGBA"), "WEBP", lossless=True),
    "GIF": encoded(_NOISE.quantize(8), "GIF", save_all=True, append_images=[_NOISE.quantize(4)], disposal=2),
    "TIFF": encoded(_NOISE, "TIFF", exif=_EXIF),
    "TIFF in LZW": encoded(_NOISE, "TIFF", compression="tiff_lzw"),
    "TIFF of floats": encoded(Pillow.fromarray(np.ones((9, 9), np.float32)), "TIFF"),
    "BMP": encoded(_NOISE.quantize(9), "BMP"),
    "PGM": b"P5 3 2 65535\n" + bytes(range(12)),
    "PPM in text": b"P3\n# made by hand\n2 2\n255\n" + b"1 2 3 " * 4,
    "AVIF": encoded(_NOISE, "AVIF"),
}

# An edit: at a place (a share of the file's length; half of them in its first bytes), cut, change or insert.
_places = st.one_of(st.floats(0, 1), st.floats(0, 0.1))
_edits = st.lists(
    st.tuples(_places, st.sampled_from(("cut", "remove", "set", "insert")), st.binary(min_size=1, max_size=6)),
    min_size=1,
    max_size=8,
)


def _edited(content: bytes, edits: list[tuple[float, str, bytes]]) -> bytes:
    for place, what, data in edits:
        at = int(place * len(content))
        rest = {"cut": b"", "remove": content[at + len(data) :], "set": data + content[at + len(data) :]}
        content = content[:at] + rest.get(what, data + content[at:])
    return content


@pytest.mark.parametrize("kind", SEEDS)
@settings(max_examples=100)
@given(edits=_edits)
def test_damaged_files_give_an_image_or_a_picture_error(kind: str, edits: list[tuple[float, str, bytes]]) -> None:
    _image_or_picture_error(_edited(SEEDS[kind], edits))


@pytest.mark.parametrize("kind", SEEDS)
def test_files_cut_anywhere(kind: str) -> None:
    content = SEEDS[kind]
    for end in range(0, len(content), max(1, len(content) // 100)):
        _image_or_picture_error(content[:end])


_chunks = st.lists(
    st.tuples(
        st.sampled_from((b"PLTE", b"tRNS", b"eXIf", b"tEXt", b"iCCP", b"acTL", b"fcTL", b"IDAT", b"fdAT", b"IEND")),
        st.one_of(st.binary(max_size=30), st.just(zlib.compress(bytes(99)))),
    ),
    max_size=6,
)


@settings(max_examples=300)
@given(st.sampled_from((1, 2, 4, 8, 16)), st.sampled_from((0, 2, 3, 4, 6)), _chunks)
def test_chunks_of_a_png_in_any_order(depth: int, colour: int, chunks: list[tuple[bytes, bytes]]) -> None:
    header = b"IHDR", struct.pack(">IIBBBBB", 4, 4, depth, colour, 0, 0, 0)
    _image_or_picture_error(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in (header, *chunks)))


@settings(max_examples=200)
@given(st.binary(max_size=64))
def test_wild_bytes(content: bytes) -> None:
    _image_or_picture_error(content)


def _image_or_picture_error(content: bytes) -> None:
    try:
        image = read_image(content, max_pixels=1_000_000)
    except PictureError:
        return
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert image.size > 0


# --- writing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", sorted(WRITTEN_SUFFIXES | {".PNG"}))
def test_what_is_written_is_read_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"picture{suffix}"
    write_image(path, quadrants())
    lossy = suffix in (".jpg", ".jpeg", ".webp")
    part = INSIDE if lossy else ...
    assert close(read_image(path)[part], quadrants()[part], 12 if lossy else 0)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", sorted(WRITTEN_SUFFIXES))
def test_a_drawing_is_known_by_its_comment(tmp_path: Path, suffix: str) -> None:
    drawn, other, plain = (tmp_path / f"{name}{suffix}" for name in ("drawn", "other", "plain"))
    write_image(drawn, quadrants(), comment=DRAWN_COMMENT)
    write_image(other, quadrants(), comment="größer")
    write_image(plain, quadrants())
    assert drawn_by_mien(drawn) == (suffix != ".bmp")
    assert not drawn_by_mien(other)
    assert not drawn_by_mien(plain)
    assert close(read_image(drawn), read_image(plain))


def test_what_cannot_be_read_was_not_drawn_by_mien(tmp_path: Path) -> None:
    write_image(tmp_path / "drawn.png", quadrants(), comment=DRAWN_COMMENT)
    content = (tmp_path / "drawn.png").read_bytes()
    for name, part in {"head.png": content[:30], "text.png": b"drawn by mien", "empty.png": b""}.items():
        (tmp_path / name).write_bytes(part)
        assert not drawn_by_mien(tmp_path / name)
    (tmp_path / "loop.png").symlink_to("loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("missing.png", "loop.png", "pipe.png", ""):
        assert not drawn_by_mien(tmp_path / name)


def test_a_view_is_written_as_it_looks(tmp_path: Path) -> None:
    view = quadrants()[::2, ::-1]
    write_image(tmp_path / "a.png", view)
    assert close(read_image(tmp_path / "a.png"), view)


@pytest.mark.parametrize(
    ("name", "image", "error", "says"),
    [
        ("a.docx", quadrants(), PictureError, r"written as .*\.jpg.*; got \.docx"),
        ("a", quadrants(), PictureError, "no suffix"),
        ("a.webp", np.zeros((1, 16_384, 3), np.uint8), PictureError, r"at most 16,383"),
        ("a.jpg", np.zeros((65_501, 1, 3), np.uint8), PictureError, r"Write a \.png"),
        ("a.png", np.zeros((2, 2), np.uint8), InvalidInput, "uint8, RGB"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, name: str, image: Image, error: type[InvalidInput], says: str) -> None:
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(error, match=says):
        write_image(tmp_path / name, image)
    assert (tmp_path / name).read_bytes() == b"old"


# --- names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_picture_names(change: Callable[[str], str]) -> None:
    assert all(is_picture_name(f"folder.d/a{change(suffix)}") for suffix in PICTURE_SUFFIXES)


@pytest.mark.parametrize("name", ["", "jpg", ".jpg", "a.jpg.txt", "a.mp4", "a.jpg/b", "a.eps", "a.svg"])
def test_names_of_other_things(name: str) -> None:
    assert not is_picture_name(name)


def test_a_header_that_is_cut_off_is_said_in_plain_words() -> None:
    with pytest.raises(PictureError, match="is a GIF that ends too early") as caught:
        read_image(b"GIF89a")
    assert "buffer" not in str(caught.value)
