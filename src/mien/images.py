"""Pictures of any kind in, picture files out. The only place that meets a picture's own colours, rotation and depth."""

import ctypes
import logging
import os
import re
import stat
import struct
import warnings
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO, TextIOBase
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageSequence, _imaging
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile, PngInfo
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from mien.errors import InvalidInput, PictureError
from mien.files import described, opening_errors, replacing
from mien.values import Image, check_image

Picture: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | Pillow.Image | NDArray[np.uint8]
"""What `read_image` takes: a file's path, its content, a file opened in binary mode, a Pillow image, or an array."""

MAX_PIXELS: Final = 200_000_000  # the largest width × height that is decoded: that of the largest telephone sensors
_HEADER_BYTES: Final = {"JPEG": 2**24, "PNG": 2**24, "GIF": 2**24, "PPM": 2**16}  # the longest header that is searched
_TEXT_BYTES: Final = 2**24  # the largest PPM in text that is read, in bytes
MAX_BYTES: Final = 2_000_000_000  # the largest file that is read, in bytes
DRAWN_COMMENT: Final = "drawn by mien"  # the comment that marks a drawing, which is not to be analysed again

PICTURE_SUFFIXES: Final = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
     ".pnm", ".avif")
)  # fmt: skip
"""File name suffixes, in lower case, by which pictures are found in a folder."""


_ANIMATED_SUFFIXES: Final = frozenset((".gif", ".webp", ".png", ".avif"))

# By name: how files of a format begin, and what opens them. Opened by their own classes and not by Pillow.Image.open,
# which would try forty formats more (one of them runs Ghostscript), and which warns on standard error of every picture
# above 89 megapixels.
_FORMATS: Final[dict[str, tuple[bytes, Callable[[BinaryIO], ImageFile]]]] = {
    "JPEG": (rb"\xff\xd8\xff", JpegImageFile),
    "PNG": (rb"\x89PNG\r\n\x1a\n", PngImageFile),
    "WebP": (rb"RIFF.{4}WEBP", WebPImageFile),
    "GIF": (rb"GIF8[79]a", GifImageFile),
    "BMP": (rb"BM", BmpImageFile),
    "TIFF": (rb"II[*+]\x00|MM\x00[*+]", TiffImageFile),
    "AVIF": (rb".{4}ftyp.*avif", AvifImageFile),
    "PPM": (rb"P[1-6]\s", PpmImageFile),
}
# Pillow logs what is wrong with a damaged file, and libtiff writes it to standard error; Pillow raises it, too.
logging.getLogger("PIL").addHandler(logging.NullHandler())
with suppress(OSError, AttributeError):  # where it is a part of Pillow's own library, as on Windows
    _libtiff = ctypes.CDLL(_imaging.__file__)
    _libtiff.TIFFSetErrorHandler(None)
    _libtiff.TIFFSetWarningHandler(None)

_HEAD: Final = 32  # bytes, enough to recognise a format

# How files begin that are often taken for pictures, and what messages call them.
_STRANGERS: Final = {
    rb".{4}ftyp(heic|heix|mif1|hevc)": "a HEIC picture",
    rb".{4}ftyp(M4A|M4B|F4A)": "sound without pictures",
    rb".{4}ftyp|\x1aE\xdf\xa3|.{8}AVI ": "a video",
    rb"%PDF": "a PDF",
    rb"%!PS|\xc5\xd0\xd3\xc6": "PostScript",
    rb"(?i)\s*<(svg |\?xml|html|!doc)": "SVG, XML or HTML",
    rb"version https://git-lfs": "a Git LFS pointer and not the file itself",
}

# What Pillow raises on damaged files. The first two lines were seen in a million mutated files; the third is what its
# sources expect of decoders. AttributeError is what its assertions become under `python -O`.
_DECODER_ERRORS: Final = (
    OSError, SyntaxError, ValueError, TypeError, RuntimeError, AssertionError, AttributeError, OverflowError,
    IndexError, Pillow.DecompressionBombError,
    EOFError, KeyError, ZeroDivisionError, struct.error, zlib.error,
)  # fmt: skip

_BITS_TAG: Final = 0x0102  # EXIF and TIFF: bits per sample
_DESCRIPTION_TAG: Final = 0x010E
_ORIENTATION_TAG: Final = 0x0112
# By EXIF orientation: the view of an upright image in which the pixels lie as they are stored. Pillow's exif_transpose
# takes the memory of a second picture, and writes the EXIF data anew, which damaged data does not survive.
_STORED: Final[dict[int, Callable[[Image], Image]]] = {
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: upright[:, ::-1].swapaxes(0, 1),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: upright[::-1].swapaxes(0, 1),
}
_ON_SIDE: Final = (5, 6, 7, 8)  # orientations in which rows are stored as columns
_STRIP_PIXELS: Final = 2**19  # pixels that are converted at a time


def is_picture_name(path: str | Path) -> bool:
    """Whether the name has a picture's suffix, in upper or lower case; the file itself is not opened."""
    return Path(path).suffix.lower() in PICTURE_SUFFIXES


def read_image(source: Picture, *, name: str | None = None, max_pixels: int = MAX_PIXELS) -> Image:
    """A picture as a person would see it: upright, in colour, eight bits.

        >>> read_image("party.jpg").shape
        (512, 512, 3)

    Reads JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and PPM (with PGM and PBM), whatever the file's name; of an animation,
    or of several pages, the first. EXIF rotation is applied. What is transparent shows white, as on a page, because the
    colours stored under full transparency are junk. Sixteen bits are scaled by their range, not clipped. Floats within
    0 to 1, and whole numbers within 0 to 255 or 0 to 65,535, are scaled by that range; other numbers of 32 bits have no
    agreed range and are stretched from their least to their greatest. Colour profiles are not applied.

    Args:
        source: A file's path; its content; a file opened in binary mode, read from its beginning if it can seek; a
            Pillow image of any mode, treated as a file is; or a uint8 array: grey (H, W) or (H, W, 1), RGB (H, W, 3) or
            RGBA (H, W, 4). Whether an array is RGB cannot be checked; `image[:, :, ::-1]` turns OpenCV's BGR into it.
        name: The picture's name in error messages; by default the file's path.
        max_pixels: The largest width × height that is decoded; of WebP and AVIF, which take twice the memory, half of
            it, and of TIFF at most the 179 million that Pillow allows. It is compared with the file's header before any
            pixel is decoded.

    Returns:
        (H, W, 3) uint8, RGB; the caller's own to change, except that an array that is such an image is returned itself.

    Raises:
        PictureError: The file is missing, a folder, empty, unreadable, no picture, of an unsupported kind, truncated,
            damaged or too large.
        InvalidInput: The array has another shape or type, or the source is none of these; the message shows how to
            convert it.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, str | os.PathLike):
        return _from_path(Path(source), name or str(source), max_pixels)
    if isinstance(source, Pillow.Image):
        name = name or str(getattr(source, "filename", "")) or "the picture"
        with _picture_errors(name, source.format or "Pillow image"):
            return _pixels(source, name, max_pixels)
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(BytesIO(source), name or "the picture", max_pixels)
    if hasattr(source, "read"):
        name = name or str(getattr(source, "name", "the picture"))
        return _decode(_content(source, name), name, max_pixels)
    raise InvalidInput(_not_an_image(source))


def is_animated(path: Path) -> bool:
    """Whether a file is a picture of several frames that are shown one after another: a GIF, WebP, PNG or AVIF.

    Only the beginning is read, of a WebP or an AVIF the whole file. False for a file that cannot be read.
    """
    try:
        if path.suffix.lower() not in _ANIMATED_SUFFIXES or not path.is_file():
            return False
        with path.open("rb") as file, _opened(file, str(path)) as picture:
            return bool(getattr(picture, "is_animated", False)) and not isinstance(picture, TiffImageFile)
    except (OSError, ValueError):  # a PictureError is a ValueError
        return False


def animation(path: Path, *, max_pixels: int = MAX_PIXELS) -> Generator[tuple[Image, float]]:
    """The frames of an animated picture, one by one: (H, W, 3) uint8, RGB, and the seconds for which each is shown.

    Raises:
        PictureError: As `read_image` does; for damage, after the frames before it.
    """
    name = str(path)
    with opening_errors(path, name, "a picture", PictureError), path.open("rb") as file, _opened(file, name) as picture:
        frames = ImageSequence.Iterator(picture)
        if getattr(picture, "default_image", False):  # a PNG's for readers that know no animation
            next(frames)
        while True:
            with _warnings_ignored():
                frame = next(frames, None)
            if frame is None:
                return
            yield _pixels(frame, name, max_pixels), float(frame.info.get("duration") or 0) / 1000


def write_image(path: Path, image: Image, *, comment: str | None = None) -> None:
    """Write a picture in the format that the name's suffix stands for; an older file is replaced at once or not at all.

    Args:
        path: Ends in .jpg, .png, .webp, .bmp or .tiff (or another spelling of these). Missing parent folders are made.
        image: (H, W, 3) uint8, RGB.
        comment: Stored beside the pixels: in a PNG as the text chunk "Comment", in a JPEG as its comment, in WebP and
            TIFF as the EXIF description. BMP has no place for one, and it is left out.

    Raises:
        PictureError: The suffix is another one, or the picture is too large for the format.
        InvalidInput: `image` is not an image.
        OSError: The folder cannot be written, or the disk is full; an older file of that name is as it was.
    """
    check_image(image)
    kind = _BY_SUFFIX.get(path.suffix.lower())
    if kind is None:
        raise PictureError(f"{path}: pictures are written as {', '.join(_BY_SUFFIX)}; got {path.suffix or 'no suffix'}")
    with replacing(path) as partial:
        _save(image, kind, partial, str(path), comment)


def encode_image(image: Image, kind: str, *, comment: str | None = None) -> bytes:
    """A picture as the content of a file.

        >>> encode_image(image, "PNG")[:4]
        b'\\x89PNG'

    Args:
        image: (H, W, 3) uint8, RGB.
        kind: "PNG", "JPEG", "WEBP", "BMP" or "TIFF".
        comment: As for `write_image`.

    Raises:
        PictureError: The picture is too large for the format.
        InvalidInput: `image` is not an image.
    """
    content = BytesIO()
    _save(check_image(image), kind, content, "the picture", comment)
    return content.getvalue()


def _save(image: Image, kind: str, target: Path | BytesIO, name: str, comment: str | None) -> None:
    _, longest, options = _WRITTEN[kind]
    if max(image.shape) > longest:
        height, width = image.shape[:2]
        raise PictureError(
            f"{name}: a {kind} is at most {longest:,} pixels a side; got {width:,} × {height:,}. Write a .png"
        )
    Pillow.fromarray(image).save(target, format=kind, **options, **(_comment(kind, comment) if comment else {}))


def _comment(kind: str, comment: str) -> dict[str, Any]:
    """Pillow's options that store a comment in a file of this format."""
    if kind == "JPEG":
        return {"comment": comment}
    if kind == "PNG":
        chunks = PngInfo()
        chunks.add_text("Comment", comment)
        return {"pnginfo": chunks}
    exif = Pillow.Exif()
    exif[_DESCRIPTION_TAG] = comment
    return {"exif": exif}


def drawn_by_mien(path: Path) -> bool:
    """Whether a picture file carries `DRAWN_COMMENT`; False for a file that cannot be read.

    Only the header is read, of a WebP the whole file; no pixel is decoded.
    """
    try:
        if not path.is_file():  # opening a pipe would wait for its sender
            return False
        with path.open("rb") as file, _opened(file, str(path)) as picture:
            if isinstance(picture, TiffImageFile | WebPImageFile):
                with _warnings_ignored():
                    comment = picture.getexif().get(_DESCRIPTION_TAG)
            else:
                comment = picture.info.get("Comment") or picture.info.get("comment")
            return comment in (DRAWN_COMMENT, DRAWN_COMMENT.encode())
    except (OSError, ValueError):  # a PictureError is a ValueError
        return False


# By format: its suffixes, the most pixels that a side may have, and Pillow's options.
_WRITTEN: Final[dict[str, tuple[tuple[str, ...], int, dict[str, Any]]]] = {
    "JPEG": ((".jpg", ".jpeg"), 65_500, {"quality": 92, "subsampling": 0}),  # 4:4:4 keeps coloured type sharp
    "PNG": ((".png",), 2**31 - 1, {"compress_level": 3}),
    "WEBP": ((".webp",), 16_383, {"quality": 92}),
    "BMP": ((".bmp",), 2**31 - 1, {}),
    "TIFF": ((".tif", ".tiff"), 2**31 - 1, {}),
}
_BY_SUFFIX: Final = {suffix: kind for kind, (suffixes, *_) in _WRITTEN.items() for suffix in suffixes}
WRITTEN_SUFFIXES: Final = frozenset(_BY_SUFFIX)  # file name suffixes, in lower case, that `write_image` knows


def _from_path(path: Path, name: str, max_pixels: int) -> Image:
    if "://" in name:
        raise PictureError(f"{name}: pictures are not fetched from the network; download it first")
    with opening_errors(path, name, "a picture", PictureError):
        status = path.stat()
        regular = stat.S_ISREG(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            raise PictureError(f"{name or 'the empty name'} is a folder; expected a picture")
        if not regular and not stat.S_ISFIFO(status.st_mode):
            raise PictureError(f"{name} is a device or a socket; expected a picture")
        with path.open("rb") as file:
            return _decode(file if regular else _content(file, name), name, max_pixels)


def _content(file: BinaryIO, name: str) -> BinaryIO:
    """All that an open file holds, or that a pipe sends, up to `MAX_BYTES`."""
    if isinstance(file, TextIOBase):
        raise InvalidInput(f'{name} is open as text; open a picture with open(path, "rb")')
    try:
        if file.seekable():
            file.seek(0)
        content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: it is closed
        raise PictureError(f"{name} cannot be read: {error}") from error
    if len(content) > MAX_BYTES:
        raise PictureError(f"{name} sends more than {MAX_BYTES:,} bytes; expected one picture")
    return BytesIO(content)


def _from_array(array: NDArray[Any]) -> Image:
    if not _is_image(array.shape) or array.dtype != np.uint8:
        raise InvalidInput(_not_an_image(array))
    array = np.asarray(array)  # without the arithmetic of np.matrix or a masked array
    if array.shape[2:] == (3,):
        return array
    return _to_array(Pillow.fromarray(array[:, :, 0] if array.shape[2:] == (1,) else array), None)


_EXPECTED: Final = "a path, bytes, a binary file, a Pillow image, or a uint8 array (H, W, 3) RGB, (H, W) or (H, W, 4)"
_CHANNELS: Final = (1, 3, 4)


def _is_image(shape: tuple[int, ...]) -> bool:
    """Whether an array of this shape can be a picture: (H, W), or (H, W, 1), (H, W, 3) or (H, W, 4)."""
    return 0 not in shape and (len(shape) == 2 or (len(shape) == 3 and shape[2] in _CHANNELS))


def _not_an_image(source: object) -> str:
    """The message about anything else, with the expression that converts it where there is one."""
    is_tensor = type(source).__module__ == "torch"
    expression = "image.numpy(force=True)" if is_tensor else "numpy.asarray(image)"
    what = "None, as cv2.imread returns for a file that it cannot read" if source is None else type(source).__name__
    try:
        array = np.asarray(source)
    except (TypeError, ValueError, RuntimeError):  # a tensor on a GPU or with a gradient; a ragged list
        conversion = expression if is_tensor else ""
    else:
        what += f" {array.shape} {array.dtype}" if array.ndim else ""
        if array.ndim == 4 and len(array) > 1:
            what += "; several pictures go to Analyzer.analyze"
        conversion = _conversion(array, "image" if isinstance(source, np.ndarray) else expression)
    return f"a picture is {_EXPECTED}; got {what}{conversion and f'. Convert it with: {conversion}'}"


# Kinds of numbers, their range, and what brings them to 0 to 255.
_SCALINGS: Final = (
    ("b", 0, 1, '{}.astype("uint8") * 255'),
    ("f", 0, 1, '({} * 255).astype("uint8")'),
    ("uif", 0, 255, '{}.astype("uint8")'),
    ("f", -1, 1, '(({} + 1) * 127.5).astype("uint8")'),
    ("ui", 0, 65_535, '({} // 257).astype("uint8")'),
)


def _conversion(array: NDArray[Any], expression: str) -> str:
    """The Python expression that makes a picture of an array, by its shape and numbers; "" where they show none."""
    if array.ndim == 4 and len(array):
        array, expression = array[0], f"{expression}[0]"
    if array.ndim == 3 and array.shape[0] in _CHANNELS and array.shape[2] not in _CHANNELS:
        array, expression = array.transpose(1, 2, 0), f"{expression}.transpose(1, 2, 0)"
    if not _is_image(array.shape) or array.dtype == np.uint8:
        return expression if _is_image(array.shape) else ""
    for kinds, low, high, template in _SCALINGS:
        if array.dtype.kind in kinds and low <= array.min() and array.max() <= high:
            return template.format(expression)
    return ""


def _decode(file: BinaryIO, name: str, max_pixels: int) -> Image:
    with _opened(file, name) as picture:
        return _pixels(picture, name, max_pixels)


@contextmanager
def _opened(file: BinaryIO, name: str) -> Iterator[ImageFile]:
    """The picture in a file, of which the header is read; whatever is wrong, then or later, is a `PictureError`."""
    size = file.seek(0, os.SEEK_END)
    if size > MAX_BYTES:
        raise PictureError(f"{name} has {size:,} bytes; at most {MAX_BYTES:,} are read")
    file.seek(0)
    head = file.read(_HEAD)
    format_name, opener = _recognise(head, name)
    with _picture_errors(name, format_name):
        if head[:2] in (b"P1", b"P2", b"P3"):
            file = _without_comments(file, name)
        elif format_name in _HEADER_BYTES:
            _check_header(file, name, format_name, opener)
        file.seek(0)
        with _warnings_ignored():
            picture = opener(file)
        with picture:
            yield picture


def _check_header(file: BinaryIO, name: str, format_name: str, opener: Callable[[BinaryIO], ImageFile]) -> None:
    """Check that a large file has a header near its beginning; Pillow would search gigabytes, byte by byte."""
    limit = _HEADER_BYTES[format_name]
    if file.seek(0, os.SEEK_END) > limit:
        file.seek(0)
        try:
            opener(BytesIO(file.read(limit)))
        except _DECODER_ERRORS as error:
            raise PictureError(f"{name} has no {format_name} header in its first {limit:,} bytes: {error}") from error


def _without_comments(file: BinaryIO, name: str) -> BinaryIO:
    """A PPM whose numbers are text. Pillow takes a time for its comments that grows with their number squared."""
    file.seek(0)
    content = file.read(_TEXT_BYTES + 1)
    if len(content) > _TEXT_BYTES:
        raise PictureError(f"{name} is a PPM in text of more than {_TEXT_BYTES:,} bytes; save it as a binary one")
    return BytesIO(re.sub(rb"#[^\r\n]*", b"", content))


def _pixels(picture: Pillow.Image, name: str, max_pixels: int) -> Image:
    width, height = picture.size
    if not width * height:
        raise PictureError(f"{name} has no pixels: it is {width:,} × {height:,}; expected a picture")
    if isinstance(picture, WebPImageFile | AvifImageFile):  # their decoders take twice the memory of the others
        max_pixels //= 2
    if isinstance(picture, TiffImageFile) and Pillow.MAX_IMAGE_PIXELS:  # Pillow itself reads none above twice that
        max_pixels = min(max_pixels, 2 * Pillow.MAX_IMAGE_PIXELS)
    if width * height > max_pixels:
        raise PictureError(
            f"{name} is too large: {width:,} × {height:,} is {width * height / 1e6:,.1f} megapixels, at most "
            f"{max_pixels / 1e6:,.1f} are read of a {picture.format}; shrink it first"
        )
    with _warnings_ignored():
        picture.load()
        orientation = picture.getexif().get(_ORIENTATION_TAG, 1)
        return _to_array(picture, _white(picture), orientation if orientation in _STORED else 1)


@contextmanager
def _picture_errors(name: str, format_name: str) -> Iterator[None]:
    """Turns what decoding raises into a `PictureError`."""
    try:
        yield
    except PictureError:
        raise
    except (MemoryError, *_DECODER_ERRORS) as error:
        raise PictureError(f"{name} {_complaint(error, format_name)}") from error


@contextmanager
def _warnings_ignored() -> Iterator[None]:
    """Ignores Pillow's warnings, of damaged metadata and of large TIFFs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _complaint(error: BaseException, format_name: str) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MemoryError):
        return "does not fit into memory; shrink it first"
    if isinstance(error, OSError) and error.errno is not None:
        return f"cannot be read: {error.strerror or reason}"
    if isinstance(error, Pillow.DecompressionBombError):
        return f"is too large ({reason}); shrink it first"
    cut_off = re.match(r"unpack\w* requires", reason)  # a `struct.error`, which Pillow wraps
    if cut_off:
        reason = "a number in it is cut off"
    if cut_off or isinstance(error, EOFError) or "truncated" in reason.lower():
        return f"is a {format_name} that ends too early ({reason}); copy or fetch it again"
    return f"is a damaged {format_name}, or of a rare kind ({reason}); open and save it anew elsewhere"


def _recognise(head: bytes, name: str) -> tuple[str, Callable[[BinaryIO], ImageFile]]:
    if not head:
        raise PictureError(f"{name} is empty (0 bytes); expected a picture")
    for format_name, (pattern, opener) in _FORMATS.items():
        if re.match(pattern, head, re.DOTALL):
            return format_name, opener
    seems = [f"seems to be {what}" for pattern, what in _STRANGERS.items() if re.match(pattern, head, re.DOTALL)]
    raise PictureError(
        f"{name} is no picture that can be read: it {[*seems, f'begins with {described(head)}'][0]}; "
        f"expected one of {', '.join(_FORMATS)}"
    )


def _to_array(picture: Pillow.Image, white: int | None, orientation: int = 1) -> Image:
    """A picture of any colours, depth and transparency → (H, W, 3) uint8, RGB, upright; for `white` see `_white`.

    It is converted in strips: as a whole, every step on the way would take the memory of a picture.
    """
    width, height = picture.size
    image = np.empty((width, height, 3) if orientation in _ON_SIDE else (height, width, 3), np.uint8)
    stored = _STORED.get(orientation, np.asarray)(image)
    rows = max(1, _STRIP_PIXELS // width)
    tops = range(0, height, rows)

    def strip(top: int) -> Pillow.Image:
        return picture if len(tops) == 1 else picture.crop((0, top, width, min(height, top + rows)))

    if picture.mode == "F" or picture.mode.startswith("I"):
        low, high = _grey_range((_numbers(strip(top)) for top in tops), picture.mode == "F", white)
        for top in tops:
            scaled = (_numbers(strip(top)) - low) * (255 / (high - low) if high > low else 0)
            stored[top : top + rows] = np.clip(scaled + 0.5, 0, 255).astype(np.uint8)[:, :, None]
    else:
        for top in tops:
            stored[top : top + rows] = _rgb(strip(top))
    return image


def _rgb(picture: Pillow.Image) -> Image:
    """A picture of eight bits a channel, on white where it is transparent."""
    if not picture.has_transparency_data:
        return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
    with_alpha = (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")
    page = Pillow.new("RGB", picture.size, (255, 255, 255))
    page.paste(with_alpha, mask=with_alpha)
    return np.asarray(page)


def _numbers(picture: Pillow.Image) -> NDArray[np.float32]:
    values = np.asarray(picture)
    return np.where(np.isfinite(values), values, 0).astype(np.float32)


def _white(picture: Pillow.Image) -> int | None:
    """The value of white in a grey picture of more than eight bits; None where nothing says so."""
    if isinstance(picture, TiffImageFile) and picture.mode.startswith("I;16"):
        return int(2 ** picture.tag_v2[_BITS_TAG][0] - 1)
    known = isinstance(picture, PngImageFile | PpmImageFile) or picture.mode.startswith("I;16")
    return 65_535 if known else None


def _grey_range(parts: Iterable[NDArray[np.float32]], is_float: bool, white: int | None) -> tuple[float, float]:
    """The values that become 0 and 255."""
    if white is None:
        extremes = [(float(part.min()), float(part.max())) for part in parts]
        least, greatest = min(low for low, _ in extremes), max(high for _, high in extremes)
        ranges = (1, 255, 65_535) if is_float else (255, 65_535)
        white = next((each for each in ranges if least >= 0 and greatest <= each), None)
        if white is None:
            return least, greatest
    return 0.0, float(white)
