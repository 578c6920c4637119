"""Pictures of every kind come in upright, in colour and in eight bits; everything else is a PictureError."""

import io
import os
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
from mien.images import MAX_PIXELS, PICTURE_SUFFIXES, WRITTEN_SUFFIXES, is_picture_name, read_image, write_image
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
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


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


# --- what is refused ------------------------------------------------------------------------------------------

PNG = encoded(Pillow.fromarray(quadrants()), "PNG")


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
        (b"version https://git-lfs.github.com/spec/v1\n", "LFS"),
        (PNG[: len(PNG) // 2], "ends too early"),
        (encoded(Pillow.effect_noise((64, 64), 90), "JPEG")[:900], "ends too early"),
        (PNG[:40] + b"\0\0\0\0" + PNG[44:], "damaged PNG"),
        (PNG[:8], "damaged PNG"),
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
@settings(max_examples=100, deadline=None)
@given(edits=_edits)
def test_damaged_files_give_an_image_or_a_picture_error(kind: str, edits: list[tuple[float, str, bytes]]) -> None:
    _image_or_picture_error(_edited(SEEDS[kind], edits))


@pytest.mark.parametrize("kind", SEEDS)
def test_files_cut_anywhere(kind: str) -> None:
    content = SEEDS[kind]
    for end in range(0, len(content), max(1, len(content) // 100)):
        _image_or_picture_error(content[:end])


@settings(max_examples=200, deadline=None)
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
