"""Pictures in and out of files. The only place that meets a file's own colours, rotation and bit depth."""

import stat
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from mien.errors import PictureError
from mien.files import described, replacing
from mien.values import Image, check_image

MAX_PIXELS: Final = 200_000_000
"""The largest picture that is read, by width × height: what the largest sensors of telephones give."""

MAX_BYTES: Final = 2_000_000_000
"""The most that is read from a pipe, whose end nobody knows beforehand."""

PICTURE_SUFFIXES: Final = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
     ".pnm", ".avif")
)  # fmt: skip
"""The endings of names, in lower case, by which pictures are found in a folder."""


class _Format(NamedTuple):
    name: str
    begins: Callable[[bytes], bool]
    opener: Callable[[BinaryIO], ImageFile]


# Opened by their own classes and not by Pillow.Image.open, which would try forty formats more (one of them runs
# Ghostscript), and which warns on standard error of every picture above 89 megapixels.
_FORMATS: Final = (
    _Format("JPEG", lambda head: head.startswith(b"\xff\xd8\xff"), JpegImageFile),
    _Format("PNG", lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), PngImageFile),
    _Format("WebP", lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", WebPImageFile),
    _Format("GIF", lambda head: head.startswith((b"GIF87a", b"GIF89a")), GifImageFile),
    _Format("BMP", lambda head: head.startswith(b"BM"), BmpImageFile),
    _Format("TIFF", lambda head: head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")), TiffImageFile),
    _Format("AVIF", lambda head: head[4:8] == b"ftyp" and b"avif" in head[8:], AvifImageFile),
    _Format("PPM", lambda head: head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace(), PpmImageFile),
)
_KNOWN: Final = ", ".join(each.name for each in _FORMATS)
_HEAD: Final = 32  # bytes that tell a format

# What people take for a picture, and what to tell them.
_STRANGERS: Final[tuple[tuple[Callable[[bytes], bool], str], ...]] = (
    (lambda head: head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"hevc"), "a HEIC picture"),
    (lambda head: head[4:8] == b"ftyp" or head.startswith(b"\x1aE\xdf\xa3") or head[8:12] == b"AVI ", "a video"),
    (lambda head: head.startswith(b"%PDF"), "a PDF"),
    (lambda head: head.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6")), "PostScript"),
    (lambda head: head.lstrip()[:5].lower() in (b"<svg ", b"<?xml", b"<html", b"<!doc"), "SVG, XML or HTML"),
    (lambda head: head.startswith(b"version https://git-lfs"), "a Git LFS pointer and not the file itself"),
)

# What Pillow raises on damaged files: the first two lines were seen in a million mutated ones, the third is what
# its own sources expect of decoders. Warning: of damaged metadata, where the caller's filters make it an error.
_DECODER_ERRORS: Final = (
    OSError, SyntaxError, ValueError, TypeError, RuntimeError,
    Pillow.DecompressionBombError, Warning,
    EOFError, KeyError, IndexError, OverflowError, ZeroDivisionError, struct.error, zlib.error,
)  # fmt: skip

_ORIENTATION_TAG: Final = 0x0112
_BITS_TAG: Final = 0x0102  # of a TIFF's numbers
_TURNS: Final = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}


def is_picture_name(path: str | Path) -> bool:
    """Whether the name ends like a picture's, in any case; the file itself is not looked at."""
    return Path(path).suffix.lower() in PICTURE_SUFFIXES


def read_image(source: str | Path | bytes, *, name: str | None = None, max_pixels: int = MAX_PIXELS) -> Image:
    """A picture as a person would see it: upright, in colour, eight bits.

    Reads JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and PPM (with PGM and PBM), whatever the name ends in; of an
    animation, or of several pages, the first. EXIF rotation is applied. What is transparent shows white, as on
    a page, because the colours stored under full transparency are junk. Sixteen bits are scaled by their range,
    not clipped. Floats within 0 to 1, and whole numbers within 0 to 255 or 0 to 65,535, are scaled by that
    range; other numbers of 32 bits have no agreed range and are stretched from their least to their greatest.
    Colour profiles are not applied.

    Args:
        source: a file, or the bytes of one.
        name: what error messages call the picture; the file's path when left out.
        max_pixels: the largest width × height accepted. It is compared with the file's header before any pixel
            is decoded.

    Returns:
        (H, W, 3) uint8, RGB; the caller's own to change.

    Raises:
        PictureError: the file is missing, a folder, empty, unreadable, no picture, of an unsupported kind,
            truncated, damaged or too large.
    """
    if isinstance(source, bytes):
        return _decode(BytesIO(source), name or "the picture", max_pixels)
    path = Path(source)
    name = name or str(path)
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise PictureError(f"{name} is a folder; expected a picture")
        if not stat.S_ISREG(kind) and not stat.S_ISFIFO(kind):
            raise PictureError(f"{name} is a device or a socket; expected a picture")
        with path.open("rb") as file:
            if stat.S_ISREG(kind):
                return _decode(file, name, max_pixels)
            return _decode(BytesIO(read_pipe(file, name)), name, max_pixels)
    except FileNotFoundError as error:
        what = "a link to a file that is not there" if path.is_symlink() else "not there"
        raise PictureError(f"{name} is {what}; expected a picture") from error
    except OSError as error:
        raise PictureError(f"{name} cannot be opened: {error.strerror or error}") from error
    except ValueError as error:
        if isinstance(error, PictureError):
            raise
        raise PictureError(f"{name!r} is no file name: {error}") from error


def write_image(path: Path, image: Image) -> None:
    """Write a picture in the format that the name ends in; a file of that name is replaced at once or not at all.

    Args:
        path: ends in .jpg, .png, .webp, .bmp or .tiff (or another spelling of these). Missing parent folders
            are made.
        image: (H, W, 3) uint8, RGB.

    Raises:
        PictureError: the name ends in something else, or the picture is too large for the format.
        InvalidInput: `image` is not an image.
        OSError: the folder cannot be written, or the disk is full; a file of that name is as it was.
    """
    check_image(image)
    written = _WRITTEN.get(path.suffix.lower())
    if written is None:
        raise PictureError(f"{path}: pictures are written as {', '.join(_WRITTEN)}; got {path.suffix or 'no suffix'}")
    if max(image.shape) > written.max_side:
        height, width = image.shape[:2]
        raise PictureError(
            f"{path}: a {written.format} is at most {written.max_side:,} pixels a side; got {width:,} × {height:,}. "
            "Write a .png"
        )
    with replacing(path) as partial:
        Pillow.fromarray(image).save(partial, format=written.format, **written.options)


class _Written(NamedTuple):
    format: str
    max_side: int
    options: dict[str, int]


_JPEG: Final = _Written("JPEG", 65_500, {"quality": 92, "subsampling": 0})  # 4:4:4 keeps coloured type sharp
_TIFF: Final = _Written("TIFF", 2**31 - 1, {})
_WRITTEN: Final = {
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".png": _Written("PNG", 2**31 - 1, {"compress_level": 3}),
    ".webp": _Written("WEBP", 16_383, {"quality": 92}),
    ".bmp": _Written("BMP", 2**31 - 1, {}),
    ".tif": _TIFF,
    ".tiff": _TIFF,
}

WRITTEN_SUFFIXES: Final = frozenset(_WRITTEN)
"""The endings of names, in lower case, that `write_image` knows."""


def read_pipe(file: BinaryIO, name: str) -> bytes:
    """All that a pipe sends, up to `MAX_BYTES`.

    Args:
        file: open for reading.
        name: what an error calls it.

    Raises:
        PictureError: it sends more.
    """
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise PictureError(f"{name} sends more than {MAX_BYTES:,} bytes; expected one picture")
    return content


def _decode(file: BinaryIO, name: str, max_pixels: int) -> Image:
    head = file.read(_HEAD)
    format_name, opener = _recognise(head, name)
    file.seek(0)
    try:
        with opener(file) as picture:
            _check_size(picture.size, name, max_pixels)
            picture.load()
            return _to_array(_upright(picture), _white(picture))
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError(f"{name} does not fit into memory; shrink it first") from error
    except _DECODER_ERRORS as error:
        raise PictureError(_complaint(error, name, format_name)) from error


def _recognise(head: bytes, name: str) -> tuple[str, Callable[[BinaryIO], ImageFile]]:
    if not head:
        raise PictureError(f"{name} is empty (0 bytes); expected a picture")
    for each in _FORMATS:
        if each.begins(head):
            return each.name, each.opener
    seems = next(
        (f"seems to be {what}" for begins, what in _STRANGERS if begins(head)), f"begins with {described(head)}"
    )
    raise PictureError(f"{name} is no picture that can be read: it {seems}; expected one of {_KNOWN}")


def _check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise PictureError(
            f"{name} is too large: {width:,} × {height:,} is {width * height / 1e6:,.1f} megapixels, at most "
            f"{max_pixels / 1e6:,.1f} are read; shrink it first"
        )


def _complaint(error: BaseException, name: str, format_name: str) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name} cannot be read: {error.strerror or reason}"
    if isinstance(error, Pillow.DecompressionBombError | Pillow.DecompressionBombWarning):
        return f"{name} is too large ({reason}); shrink it first"
    if isinstance(error, EOFError) or "truncated" in reason.lower():
        return f"{name} is a {format_name} that ends too early ({reason}); copy or fetch it again"
    return f"{name} is a damaged {format_name}, or of a rare kind ({reason}); open and save it anew elsewhere"


def _upright(picture: ImageFile) -> Pillow.Image:
    turn = _TURNS.get(picture.getexif().get(_ORIENTATION_TAG, 1))
    return picture if turn is None else picture.transpose(turn)


def _to_array(picture: Pillow.Image, white: int | None) -> Image:
    """Whatever colours, depth and transparency a file has → (H, W, 3) uint8, RGB."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        grey = _to_bytes(np.asarray(picture), white)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.has_transparency_data:
        with_alpha = (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")
        page = Pillow.new("RGB", picture.size, (255, 255, 255))
        page.paste(with_alpha, mask=with_alpha)
        return np.array(page)
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _white(picture: ImageFile) -> int | None:
    """The number that means white in a grey picture of more than eight bits; None where nothing says so."""
    if not isinstance(picture, TiffImageFile):
        return 65_535
    return 2 ** picture.tag_v2[_BITS_TAG][0] - 1 if picture.mode.startswith("I;16") else None


def _to_bytes(values: NDArray[np.generic], white: int | None) -> NDArray[np.uint8]:
    """Numbers of more than eight bits → 0 to 255."""
    numbers = np.where(np.isfinite(values), values, 0).astype(np.float32)
    least, greatest = float(numbers.min()), float(numbers.max())
    if white is None:
        ranges = (1, 255, 65_535) if values.dtype.kind == "f" else (255, 65_535)
        white = next((each for each in ranges if least >= 0 and greatest <= each), None)
    low, high = (0.0, float(white)) if white else (least, greatest)
    scaled = (numbers - low) * (255 / (high - low)) if high > low else np.zeros_like(numbers)
    return np.asarray(np.clip(scaled + 0.5, 0, 255), dtype=np.uint8)
