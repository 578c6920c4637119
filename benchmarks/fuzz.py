"""Feed mien mutated inputs of every kind, and count what comes back.

    python benchmarks/fuzz.py [--inputs 100000] [--kinds pictures,csv] [--seed 0] [--json benchmarks/results/fuzz.json]

Allowed is a result or one of mien's errors, within ten seconds, a gigabyte above what a picture may cost, and without a
word on standard error. Whatever else happens is a finding: the input is kept in `--keep`, and the status is 1.

Inputs are made from the seed and their number alone, so a finding can be repeated: `--only pictures:1234` runs that one
input in this process. A worker process runs the inputs one after the other, and is replaced when it crashes or hangs.
The kinds that need torch, onnx or PyAV are left out where these are not installed. Ends in one JSON line. Linux only.
"""

import argparse
import contextlib
import dataclasses
import io
import itertools
import json
import multiprocessing
import os
import random
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from measuring import hardware, write_result
from numpy.typing import NDArray
from PIL import Image as Pillow

from mien.data.fer_csv import read_fer_csv
from mien.data.findings import listed_to_leave_out
from mien.errors import MienError
from mien.images import animation, drawn_by_mien, read_image
from mien.recognition.classifier import OnnxClassifier
from mien.recognition.model_file import EVIDENCE, INPUT, LOGITS, METADATA_KEY, ModelInfo
from mien.values import check_image
from mien.video import open_video
from mien.video.decoder import Backend

SECONDS: Final = 10.0
"""Longest processor time that an input may take."""

PATIENCE: Final = 60.0
"""Seconds after which a worker counts as hanging, on a machine that others use too."""

MEGABYTES: Final = 1000
"""Memory that an input may take above what a picture may cost."""

PICTURE_MEGABYTES: Final = 2000
"""What the largest picture may cost: 200 megapixels of 10 bytes, as docs/python.md states."""

ADDRESS_SPACE: Final = 12 * 2**30
"""Address space of a worker in bytes, which protects the machine; libraries reserve more than they use."""

FRAMES: Final = 100
"""Frames after which a video has been read far enough."""

Random = random.Random


# --- mutations ------------------------------------------------------------------------------------------------


INTERESTING: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 20)
"""Numbers at which lengths and counters overflow."""


def mutated(content: bytes, rng: Random, other: bytes = b"") -> bytes:
    """`content` after one to eight edits, most of them near its beginning, where headers are; `other` lends parts."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5, 8))):
        if not data:
            break
        at = int(len(data) * rng.random() ** rng.choice((1, 2, 4)))
        EDITS[rng.randrange(len(EDITS))](data, at, rng, other)
    return bytes(data)


def _flip(data: bytearray, at: int, rng: Random, other: bytes) -> None:
    data[at] ^= 1 << rng.randrange(8)


def _byte(data: bytearray, at: int, rng: Random, other: bytes) -> None:
    data[at] = rng.randrange(256)


def _number(data: bytearray, at: int, rng: Random, other: bytes) -> None:
    size = rng.choice((1, 2, 4, 8))
    number = rng.choice(INTERESTING) if rng.random() < 0.7 else rng.randrange(1 << 16)
    data[at : at + size] = (number % (1 << 8 * size)).to_bytes(size, "big" if rng.random() < 0.5 else "little")


def _cut(data: bytearray, at: int, rng: Random, other: bytes) -> None:
    del data[at:]


def _remove(data: bytearray, at: int, rng: Random, other: bytes) -> None:
    del data[at : at + rng.randrange(1, 40)]


def _repeat(data: bytearray, at: int, rng: Random, other: bytes) -> None:
    data[at:at] = data[at : at + rng.randrange(1, 60)] * rng.choice((1, 1, 2, 50))


def _insert(data: bytearray, at: int, rng: Random, other: bytes) -> None:
    data[at:at] = rng.randbytes(rng.randrange(1, 9))


def _splice(data: bytearray, at: int, rng: Random, other: bytes) -> None:
    start = rng.randrange(len(other) or 1)
    data[at : at + rng.randrange(200)] = other[start : start + rng.randrange(200)]


def _swap(data: bytearray, at: int, rng: Random, other: bytes) -> None:
    size, to = rng.randrange(1, 40), rng.randrange(len(data))
    data[at : at + size], data[to : to + size] = data[to : to + size], data[at : at + size]


EDITS: Final = (_flip, _byte, _number, _number, _cut, _remove, _repeat, _insert, _splice, _swap)


# --- kinds of input -------------------------------------------------------------------------------------------


class Pictures:
    """Files of every format that mien reads."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "picture"
        self._seeds = list(picture_seeds().values())

    def make(self, rng: Random) -> bytes:
        seed, other = rng.choice(self._seeds), rng.choice(self._seeds)
        content = mutated(seed, rng, other)
        return _with_checksums(content) if content.startswith(b"\x89PNG") and rng.random() < 0.7 else content

    def run(self, content: bytes, rng: Random) -> None:
        what = rng.random()
        if what < 0.4:
            self._path.write_bytes(content)
            if what < 0.1:
                for image, _ in itertools.islice(animation(self._path), FRAMES):
                    check_image(image)
            drawn_by_mien(self._path)
            check_image(read_image(self._path))
        else:
            check_image(read_image(content))


@cache
def picture_seeds() -> dict[str, bytes]:
    """A small picture in every format, of every depth and with every extra that decoders treat apart, by name."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 31, 3), np.uint8)
    noise[:, ::3] = 90
    picture = Pillow.fromarray(noise)
    clear = picture.convert("RGBA")
    clear.putalpha(picture.convert("L"))
    exif = Pillow.Exif()
    exif[0x0112], exif[0x010E], exif[0x0132] = 6, "a description", "2026:01:01 00:00:00"
    deep = Pillow.fromarray((noise[:, :, 0].astype(np.uint16) << 8) | 7)
    grey, few = picture.convert("L"), picture.quantize(16)
    cmyk, bits, whole = picture.convert("CMYK"), picture.convert("1"), picture.convert("I")
    real = Pillow.fromarray(noise[:, :, 0].astype(np.float32) / 255)
    pages: dict[str, Any] = {"save_all": True, "append_images": [picture.quantize(4), picture.rotate(9).quantize(8)]}
    wanted: dict[str, tuple[Pillow.Image, str, dict[str, Any]]] = {
        "JPEG": (picture, "JPEG", {"exif": exif, "comment": "a comment"}),
        "progressive JPEG": (picture, "JPEG", {"progressive": True, "subsampling": 0}),
        "grey JPEG": (grey, "JPEG", {"restart_marker_blocks": 1}),
        "CMYK JPEG": (cmyk, "JPEG", {}),
        "MPO": (picture, "MPO", {"save_all": True, "append_images": [picture]}),
        "PNG": (picture, "PNG", {"exif": exif}),
        "RGBA PNG": (clear, "PNG", {}),
        "palette PNG": (few, "PNG", {"transparency": 3}),
        "bit PNG": (bits, "PNG", {}),
        "16-bit PNG": (deep, "PNG", {}),
        "APNG": (picture, "PNG", {"save_all": True, "append_images": [picture.rotate(9)], "default_image": True}),
        "WebP": (picture, "WEBP", {"exif": exif}),
        "lossless WebP": (clear, "WEBP", {"lossless": True}),
        "animated WebP": (clear, "WEBP", {"save_all": True, "append_images": [clear.rotate(9)]}),
        "GIF": (few, "GIF", pages | {"disposal": 2, "loop": 0}),
        "clear GIF": (few, "GIF", {"transparency": 1, "interlace": 1}),
        "BMP": (picture, "BMP", {}),
        "palette BMP": (few, "BMP", {}),
        "bit BMP": (bits, "BMP", {}),
        "TIFF": (picture, "TIFF", {"exif": exif}),
        "LZW TIFF": (picture, "TIFF", {"compression": "tiff_lzw"}),
        "JPEG TIFF": (picture, "TIFF", {"compression": "jpeg"}),
        "deflate TIFF": (clear, "TIFF", {"compression": "tiff_adobe_deflate"}),
        "fax TIFF": (bits, "TIFF", {"compression": "group4"}),
        "packed TIFF": (few, "TIFF", {"compression": "packbits"}),
        "16-bit TIFF": (deep, "TIFF", {}),
        "32-bit TIFF": (whole, "TIFF", {}),
        "float TIFF": (real, "TIFF", {}),
        "LAB TIFF": (Pillow.merge("LAB", picture.split()), "TIFF", {}),
        "big TIFF": (picture, "TIFF", {"big_tiff": True}),
        "PPM": (picture, "PPM", {}),
        "PGM": (grey, "PPM", {}),
        "16-bit PGM": (whole, "PPM", {}),
        "PBM": (bits, "PPM", {}),
        "AVIF": (picture, "AVIF", {"exif": exif}),
        "clear AVIF": (clear, "AVIF", {}),
    }
    seeds = {name: _encoded(image, kind, options) for name, (image, kind, options) in wanted.items()}
    seeds["text PPM"] = b"P3\n# made by hand\n4 3\n255\n" + b"1 2 3 250 " * 4
    seeds["text PBM"] = b"P1\n4 3\n" + b"1 0 1 0 " * 3
    # Run-length coded, with an escape that moves the position.
    pixels = bytes((4, 1, 0, 0, 2, 3, 0, 2, 1, 0, 3, 2, 0, 1))
    head = struct.pack("<IiiHHIIIIII", 40, 8, 3, 1, 8, 1, len(pixels), 0, 0, 4, 0)
    seeds["run-length BMP"] = b"BM" + struct.pack("<IHHI", 70 + len(pixels), 0, 0, 70) + head + bytes(16) + pixels
    return seeds


def _encoded(picture: Pillow.Image, kind: str, options: Mapping[str, Any]) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def _with_checksums(content: bytes) -> bytes:
    """A PNG whose chunks' checksums are right again, so that damage is found later than there."""
    data, at = bytearray(content), 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        end = at + 8 + length
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(data)


class Arrays:
    """Arrays of any type, shape and order, straight into the analysis."""

    def __init__(self, folder: Path) -> None:
        from mien import Analyzer

        self._analyzers = [Analyzer("mini-xception", detector) for detector in ("yunet", "haar")]
        with Pillow.open(Path(__file__).parents[1] / "docs/pictures/astronaut.jpg") as picture:
            self._face = np.asarray(picture.convert("RGB").resize((64, 64)))

    def make(self, rng: Random) -> bytes:
        return rng.randbytes(16)  # the array is made of these, as one of objects has no bytes

    def run(self, content: bytes, rng: Random) -> None:
        rng = Random(content)
        array = self._array(rng)
        what = rng.randrange(3)
        if what == 0:
            self._analyzers[rng.randrange(2)].analyze([array])
        elif what == 1:
            self._analyzers[rng.randrange(2)](array)
        else:
            check_image(read_image(array))

    def _array(self, rng: Random) -> Any:
        if rng.random() < 0.3:
            array: Any = self._face
            for _ in range(rng.randrange(4)):
                with np.errstate(all="ignore"):
                    array = ARRAY_EDITS[rng.randrange(len(ARRAY_EDITS))](np.asanyarray(array), rng)
            return array
        if rng.random() < 0.01:
            return np.zeros(_thin(rng), np.uint8)
        sides = (0, 1, 2, 3, 4, 7, 16, 33, 64)
        shape = tuple(rng.choice(sides) for _ in range(rng.choice((0, 1, 2, 2, 3, 3, 3, 4, 5))))
        if len(shape) > 3:
            shape = tuple(min(side, 7) for side in shape)
        if len(shape) == 3 and rng.random() < 0.7:
            shape = (*shape[:2], rng.choice((1, 3, 3, 3, 4)))
        dtype = rng.choice(("u1", "u1", "u1", "i1", "u2", "i8", "f2", "f4", "f8", "c16", "?", "O", "S3", "U2", "M8[s]"))
        values = np.frombuffer(rng.randbytes(max(1, int(np.prod(shape)))), np.uint8)[: int(np.prod(shape))]
        return values.astype(dtype).reshape(shape)


def _thin(rng: Random) -> tuple[int, ...]:
    """The shape of a picture that is next to a line, lying or standing."""
    sides = rng.choice((1, 2, 7)), 20_000
    return (*sides[:: rng.choice((1, -1))], 3)


def _not_a_number(array: NDArray[Any], rng: Random) -> Any:
    odd = np.asarray(array).astype(np.float32)
    odd[rng.randrange(2) :: rng.randrange(1, 9)] = rng.choice((np.nan, np.inf, -np.inf, 1e38, -1))
    return odd


ARRAY_EDITS: Final[Sequence[Callable[[Any, Random], Any]]] = (
    lambda array, rng: array[:: rng.choice((-3, -1, 2)), ...] if array.ndim else array,
    lambda array, rng: array[..., ::-1] if array.ndim else array,
    lambda array, rng: array.T,
    lambda array, rng: np.asfortranarray(array),
    lambda array, rng: array[: rng.randrange(64)] if array.ndim else array,
    lambda array, rng: np.lib.stride_tricks.as_strided(np.arange(99).astype("u1"), (9, 9, 3), (0, rng.randrange(9), 1)),
    lambda array, rng: np.nan_to_num(np.asarray(array)).astype(rng.choice((">u2", "f4", "i8", "?", "O"))),
    lambda array, rng: np.ma.array(array, mask=bool(rng.randrange(2))),
    lambda array, rng: array[None],
    lambda array, rng: array.tolist(),
    lambda array, rng: array.view(np.int8) if array.dtype == np.uint8 else array,
    lambda array, rng: np.broadcast_to(array, (2, *array.shape)),
    _not_a_number,
)  # fmt: skip
"""What may be done to a picture's array; it may become a list, and is an array again before the next edit."""


class Tables:
    """FER2013's table, FER+'s votes beside it, and an audit's list."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        pixels = [" ".join(map(str, rng.integers(0, 256, 2304))) for _ in range(3)]
        rows = [f"{n},{text},{usage}" for n, text, usage in zip((0, 3, 6), pixels, USAGES, strict=True)]
        self._table = "\n".join(["emotion,pixels,Usage", *rows, ""]).encode()
        votes = [f"{usage},fer000{n}.png,4,0,0,1,3,2,0,0,0,0" for n, usage in enumerate(USAGES)]
        self._votes = "\n".join([VOTES_HEADER, *votes, ""]).encode()
        self._folder = folder / "tables"
        self._folder.mkdir(exist_ok=True)
        self._path = self._folder / "fer2013.csv"
        self._path.write_bytes(self._table)
        self._faces = read_fer_csv(self._path)
        self._audit = (
            b"source,split,label,kind,group,partner,partner_split,partner_label,leave_out\n"
            b"fer2013.csv:2,train,angry,duplicate,1,fer2013.csv:3,val,happy,yes\n"
        )

    def make(self, rng: Random) -> bytes:
        seed = rng.choice((self._table, self._table, self._votes, self._audit))
        return mutated(seed, rng, rng.choice((self._votes, self._audit, b'"""\n\n,,,\r\r\0\xff')))

    def run(self, content: bytes, rng: Random) -> None:
        votes = self._folder / "fer2013new.csv"
        if content[:9] == b"Usage,Ima":
            self._path.write_bytes(self._table)
            votes.write_bytes(content)
        elif content[:6] == b"source":
            self._path.with_name("audit.csv").write_bytes(content)
            listed_to_leave_out(self._path.with_name("audit.csv"), self._faces)
            return
        else:
            self._path.write_bytes(content)
            votes.unlink(missing_ok=True)
        faces = read_fer_csv(self._path)
        if not (len(faces.faces) == len(faces.labels) == len(faces.splits) > 0):
            raise AssertionError("a table of faces whose columns differ in length")


USAGES: Final = ("Training", "PublicTest", "PrivateTest")
VOTES_HEADER: Final = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


class Models:
    """ONNX files: their bytes, their graphs and their metadata."""

    def __init__(self, folder: Path) -> None:
        import onnx

        self._onnx = onnx
        self._path = folder / "model.onnx"
        self._model = small_model()
        self._seed = self._model.SerializeToString()
        self._faces = np.zeros((2, 16, 16), np.uint8)

    def make(self, rng: Random) -> bytes:
        if rng.random() < 0.4:
            return mutated(self._seed, rng, self._seed)
        model = self._onnx.ModelProto()
        model.CopyFrom(self._model)
        for _ in range(rng.choice((1, 1, 2, 3))):
            GRAPH_EDITS[rng.randrange(len(GRAPH_EDITS))](model, rng)
        content: bytes = model.SerializeToString()
        return _with_a_longer_key(content, rng) if rng.random() < 0.2 else content

    def run(self, content: bytes, rng: Random) -> None:
        self._path.write_bytes(content)
        classifier = OnnxClassifier(self._path)
        size = classifier.input_size
        faces = np.zeros((2, size, size), np.uint8)
        if classifier(faces).shape != (2, len(classifier.labels)):
            raise AssertionError("scores of another shape")
        classifier.evidence(faces)
        if classifier.info.vote_labels:
            classifier.votes(faces)


def _with_a_longer_key(content: bytes, rng: Random) -> bytes:
    """The same message with a one-byte key, of its graph if it can be found, in two to six bytes."""
    at = content.find(b"\x3a")
    bits = rng.choice((0, 0, 1, 2, 4))
    return content[:at] + bytes((0xBA, *(0x80,) * rng.choice((0, 1, 2, 3, 3, 3, 4)), bits << 4)) + content[at + 1 :]


def small_model() -> Any:
    """A model file of one convolution, as `mien export` writes them."""
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.random.default_rng(0).standard_normal((3, 1, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", [INPUT], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["float", "axes"], ["image"]),
        helper.make_node("Conv", ["image", "kernel"], [EVIDENCE], strides=[4, 4], pads=[1, 1, 1, 1]),
        helper.make_node("ReduceMean", [EVIDENCE], [LOGITS], axes=[2, 3], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", 16, 16])],
        [
            helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["N", 3]),
            helper.make_tensor_value_info(EVIDENCE, TensorProto.FLOAT, ["N", 3, 4, 4]),
        ],
        [numpy_helper.from_array(np.array([1], np.int64), "axes"), numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    info = ModelInfo(
        name="small", architecture="none", labels=("a", "b", "c"), input_size=16, num_parameters=27, size_class="nano"
    )
    helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    return model


WILD: Final[Sequence[Any]] = (
    None, True, -1, 0, 1, 1.5, 10**400, -(10**30), 2**31, 2**63, 20_000, 1e308, "", "\x1b[2J", "é" * 5000, [], ["a"],
    [[]], ["a", "a", "b"], ["a", 1], {}, {"a": {"b": []}},
)  # fmt: skip
"""Values where others are expected."""


def _model_metadata(model: Any, rng: Random) -> None:
    entry = model.metadata_props[0]
    if rng.random() < 0.2:
        entry.value = mutated(entry.value.encode(), rng).decode(errors="replace")
        return
    with contextlib.suppress(ValueError, RecursionError):
        values = json.loads(entry.value)
        entry.value = json.dumps(with_a_wild_value(values, rng))


def with_a_wild_value(values: Any, rng: Random) -> Any:
    """Nested plain values with one of them, anywhere, replaced, removed or added."""
    if not isinstance(values, dict | list) or not values or rng.random() < 0.1:
        return rng.choice(WILD)
    if isinstance(values, list):
        place = rng.randrange(len(values))
        return [*values[:place], with_a_wild_value(values[place], rng), *values[place + 1 :]]
    key = rng.choice(list(values))
    what = rng.random()
    if what < 0.15:
        return {name: value for name, value in values.items() if name != key}
    if what < 0.25:
        return values | {rng.choice(("x", "", "temperature", "0", "votes.weight")): rng.choice(WILD)}
    return values | {key: with_a_wild_value(values[key], rng)}


def _model_operator(model: Any, rng: Random) -> None:
    rng.choice(model.graph.node).op_type = rng.choice(OPERATORS)


OPERATORS: Final = (
    "Add", "Concat", "Conv", "ConvTranspose", "DepthToSpace", "Div", "Dropout", "Einsum", "Expand", "Flatten", "Gather",
    "GlobalAveragePool", "Identity", "If", "LSTM", "Loop", "MatMul", "MaxPool", "Mod", "NonZero", "OneHot", "Pad",
    "Range", "Reshape", "Resize", "Scan", "ScatterND", "Shape", "Size", "Slice", "Softmax", "SpaceToDepth", "Split",
    "Squeeze", "Tile", "TopK", "Transpose", "Unique", "Unsqueeze", "Where", "NoSuch",
)  # fmt: skip


def _model_attribute(model: Any, rng: Random) -> None:
    attributes = [each for node in model.graph.node for each in node.attribute]
    if attributes:
        attribute = rng.choice(attributes)
        attribute.i = rng.choice((0, -1, 1 << 31, (1 << 63) - 1, 99))
        if attribute.ints:
            attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice((0, -1, 1 << 31, 1 << 62, 1000))


def _model_shape(model: Any, rng: Random) -> None:
    value = rng.choice([*model.graph.input, *model.graph.output])
    dimensions = value.type.tensor_type.shape.dim
    if dimensions:
        rng.choice(dimensions).dim_value = rng.choice((0, -1, 1, 2, 3, 16, 20_000, 1 << 31, 1 << 62))


def _model_weights(model: Any, rng: Random) -> None:
    if model.graph.initializer:
        tensor = rng.choice(model.graph.initializer)
        what = rng.randrange(4)
        if what == 0 and tensor.dims:
            tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice((0, -1, 2, 1 << 20, 1 << 40))
        elif what == 1:
            tensor.data_type = rng.randrange(24)
        elif what == 2:
            tensor.raw_data = mutated(tensor.raw_data, rng)
        else:
            numbers = rng.choice((np.nan, np.inf, -np.inf, 1e38))
            tensor.raw_data = np.full(max(1, len(tensor.raw_data) // 4), numbers, np.float32).tobytes()


def _model_name(model: Any, rng: Random) -> None:
    node = rng.choice(model.graph.node)
    names = rng.choice((node.input, node.output))
    if names:
        names[rng.randrange(len(names))] = rng.choice((INPUT, LOGITS, EVIDENCE, "kernel", "float", "", "\x1b[2J"))


def _model_node(model: Any, rng: Random) -> None:
    nodes = model.graph.node
    place = rng.randrange(len(nodes))
    if rng.random() < 0.5 and len(nodes) > 1:
        del nodes[place]
    else:
        nodes.add().CopyFrom(nodes[place])


def _model_version(model: Any, rng: Random) -> None:
    if rng.random() < 0.5:
        model.ir_version = rng.choice((0, 1, 3, 99, 1 << 40))
    else:
        model.opset_import[0].version = rng.choice((0, 1, 5, 13, 26, 99, 1 << 40))


GRAPH_EDITS: Final[Sequence[Callable[[Any, Random], None]]] = (
    _model_metadata, _model_metadata, _model_metadata, _model_operator, _model_attribute, _model_shape, _model_weights,
    _model_name, _model_node, _model_version,
)  # fmt: skip


class Checkpoints:
    """What trainings keep: zip files of tensors and plain values."""

    def __init__(self, folder: Path) -> None:
        import torch

        from mien.training import Recipe
        from mien.training.checkpoint import save
        from mien.training.trained import Trainee, fresh_network, load_trained

        torch.set_num_threads(1)
        self._path, self.load = folder / "model.pt", load_trained
        recipe = dataclasses.asdict(Recipe(architecture="rep-nano", image_size=16, epochs=2))
        about = {
            "recipe": recipe,
            "classes": ["a", "b"],
            "data": {"name": "none", "faces": {"train": 4, "val": 2}},
            "code": {"commit": None, "versions": {}},
            "epoch": {"epoch": 1, "val_accuracy": 0.5, "val_loss": 0.7},
            "resumed_with": [{"commit": None}],
        }
        trainee = Trainee(fresh_network("rep-nano", 2, 16), votes=True)
        save(self._path, trainee.state_dict(), about)
        self.whole = self._path.read_bytes()

    def make(self, rng: Random) -> bytes:
        if rng.random() < 0.4:
            return mutated(self.whole, rng, self.whole[-2000:])
        # Parts of the archive are changed, and its checksums are right again.
        target = io.BytesIO()
        packing = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
        with zipfile.ZipFile(io.BytesIO(self.whole)) as source, zipfile.ZipFile(target, "w", packing) as changed:
            names = source.namelist()
            victim = next(name for name in names if name.endswith("data.pkl"))
            if rng.random() < 0.15:
                victim = rng.choice(names)
            for name in names:
                content = source.read(name)
                if name == victim:
                    described = name.endswith("data.pkl") and rng.random() < 0.6
                    content = _with_other_description(content, rng) if described else mutated(content, rng)
                if name != victim or rng.random() < 0.95:
                    changed.writestr(name, content)
        return target.getvalue()

    def run(self, content: bytes, rng: Random) -> None:
        self._path.write_bytes(content)
        self.load(self._path)


def _with_other_description(pickled: bytes, rng: Random) -> bytes:
    """The pickle with another value in the JSON that is its last text."""
    start = pickled.rfind(b'{"recipe"')
    length = int.from_bytes(pickled[start - 4 : start], "little")
    about = json.loads(pickled[start : start + length])
    text = json.dumps(with_a_wild_value(about, rng)).encode()
    return pickled[: start - 4] + len(text).to_bytes(4, "little") + text + pickled[start + length :]


class Recipes:
    """TOML files of settings, and settings of the command line."""

    def __init__(self, folder: Path) -> None:
        from mien.training import shipped_recipes
        from mien.training.recipe import overridden, read_recipe

        self._path, self._read, self._overridden = folder / "recipe.toml", read_recipe, overridden
        self._seeds = [path.read_bytes() for path in shipped_recipes().values()]

    def make(self, rng: Random) -> bytes:
        seed = rng.choice(self._seeds)
        if rng.random() < 0.5:
            return mutated(seed, rng, rng.choice(self._seeds))
        lines = seed.decode().splitlines()
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(len(lines))
            key = lines[place].partition("=")[0]
            lines[place] = f"{key}= {rng.choice(TOML_VALUES)}" if rng.random() < 0.8 else rng.choice(TOML_LINES)
        return "\n".join(lines).encode("utf-8", "surrogatepass")

    def run(self, content: bytes, rng: Random) -> None:
        self._path.write_bytes(content)
        recipe = self._read(self._path)
        if rng.random() < 0.5:
            lines = content.decode("utf-8", "replace").splitlines()
            self._overridden(recipe, [rng.choice(lines).replace(" ", ""), f"epochs={rng.choice(TOML_VALUES)}"])


TOML_VALUES: Final = (
    "1", "-1", "0", "1.5", "nan", "-inf", "1e400", "true", '""', '"adamw"', "'''\n'''", "[]", "[[[]]]", "{}",
    "{ a.b.c = 1 }", "1979-05-27", "9" * 30, "9" * 5000, "0x" + "f" * 5000, "[" * 100_000, "[" * 300, "{a=" * 300,
    '"' + "x" * 100_000 + '"', "0b1", "07", '"\\u0000"', '"\x1b[2J"',
)  # fmt: skip
TOML_LINES: Final = (
    "a" + ".a" * 100_000 + " = 1", "[" + "a." * 50_000 + "a]", "[augmentation]", "[[augmentation]]", "[a.b]", "#" * 999,
    "epochs = 1", "augmentation.rotate = 3", "\x1b[2J = 1", "= 1", '"" = 1',
)  # fmt: skip


class Videos:
    """Clips in every container, by both ways of reading."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "video"
        self._seeds = list(clips(folder))
        self._backends: tuple[Backend, ...] = ("pyav", "opencv")

    def make(self, rng: Random) -> bytes:
        return mutated(rng.choice(self._seeds), rng, rng.choice(self._seeds))

    def run(self, content: bytes, rng: Random) -> None:
        self._path.write_bytes(content)
        start = rng.choice((0.0, 0.0, 0.1))
        with open_video(self._path, backend=rng.choice(self._backends), threads=1, start=start) as video:
            for _, frame in zip(range(FRAMES), video, strict=False):
                check_image(frame.image)


def clips(folder: Path) -> Iterator[bytes]:
    import av

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 32, 32, 3), np.uint8)
    for container, codec in CLIPS:
        path = folder / f"clip.{container}"
        with av.open(str(path), "w", format=FORMATS.get(container)) as file:
            stream: Any = file.add_stream(codec, rate=10)
            stream.width = stream.height = 32
            stream.pix_fmt = PIXELS.get(codec, "yuv420p")
            for image in images:
                file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            file.mux(stream.encode(None))
        yield path.read_bytes()


CLIPS: Final = (
    ("mp4", "libx264"), ("mov", "mjpeg"), ("mp4", "mpeg4"), ("mkv", "libx264"), ("mkv", "libx265"), ("webm", "libvpx"),
    ("webm", "libvpx-vp9"), ("avi", "mpeg4"), ("avi", "rawvideo"), ("ts", "libx264"), ("ts", "mpeg2video"),
    ("flv", "flv"), ("wmv", "wmv2"), ("gif", "gif"), ("y4m", "rawvideo"), ("nut", "ffv1"), ("avi", "huffyuv"),
)  # fmt: skip
FORMATS: Final = {"y4m": "yuv4mpegpipe", "mkv": "matroska", "ts": "mpegts", "wmv": "asf"}
PIXELS: Final = {"gif": "rgb8", "mjpeg": "yuvj420p", "huffyuv": "yuv422p"}


Kinds: TypeAlias = Mapping[str, tuple[type[Any], float, tuple[str, ...]]]
"""By name: the kind, its share of all inputs, and the packages that it needs."""

KINDS: Final[Kinds] = {
    "pictures": (Pictures, 0.40, ()),
    "arrays": (Arrays, 0.10, ()),
    "tables": (Tables, 0.10, ()),
    "models": (Models, 0.12, ("onnx",)),
    "checkpoints": (Checkpoints, 0.06, ("torch", "pydantic")),
    "recipes": (Recipes, 0.10, ("torch", "pydantic")),
    "videos": (Videos, 0.12, ("av",)),
}


# --- the worker -----------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Outcome:
    """What one input led to: "result", an error of mien's, or a fault (`bad`) with its words."""

    name: str
    bad: bool = False
    detail: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0


def generator(seed: int, kind: str, number: int) -> Random:
    """The random generator of one input."""
    return Random(f"{seed} {kind} {number}")


def run_one(kind: Any, content: bytes, rng: Random) -> Outcome:
    """Run one input in this process."""
    before = _peak_megabytes(reset=True)
    noise = os.fstat(2).st_size
    start = time.process_time()
    try:
        kind.run(content, rng)
        outcome = Outcome("result")
    except MienError as error:
        outcome = Outcome(type(error).__name__)
        if not str(error).strip() or len(str(error)) > 20_000:
            outcome = Outcome("a message without words or without end", bad=True, detail=str(error)[:500])
    except BaseException as error:  # noqa: BLE001 - that is what is searched for
        place = traceback.extract_tb(error.__traceback__)[-1]
        name = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        outcome = Outcome(name, bad=True, detail=traceback.format_exc(limit=-12)[-3000:])
    outcome.seconds = time.process_time() - start
    outcome.megabytes = max(0.0, _peak_megabytes() - before)
    if not outcome.bad and os.fstat(2).st_size > noise:
        size = os.fstat(2).st_size
        words = os.pread(2, min(500, size - noise), noise).decode(errors="replace")
        outcome = dataclasses.replace(outcome, name="words on standard error", bad=True, detail=words)
    return outcome


def _peak_megabytes(*, reset: bool = False) -> float:
    """The peak of this process's memory since it was last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_bytes()
    found = re.search(rb"VmHWM:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


def work(make: type[Any], name: str, seed: int, folder: Path, pipe: Connection) -> None:
    """Run the inputs whose numbers come through the pipe, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    errors = os.open(folder / "stderr", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    os.dup2(errors, 2)
    warnings.simplefilter("always")
    cv2.setNumThreads(1)
    os.environ["MIEN_CACHE"] = str(folder / "cache")
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    kind = make(folder)
    pipe.send("ready")
    with contextlib.suppress(EOFError):
        while True:
            rng = generator(seed, name, pipe.recv())
            pipe.send(run_one(kind, kind.make(rng), rng))


class Worker:
    """A process that runs inputs of one kind."""

    def __init__(self, make: type[Any], name: str, seed: int, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(make, name, seed, folder, theirs))
        self._process.start()
        theirs.close()
        if not self._pipe.poll(120) or self._pipe.recv() != "ready":
            raise RuntimeError(f"the worker for {name} did not start")

    def run(self, number: int) -> Outcome:
        """Run one input; the worker has ended afterwards if the outcome is a crash or a hang."""
        self._pipe.send(number)
        if not self._pipe.poll(PATIENCE):
            self.close()
            return Outcome("hang", bad=True, seconds=PATIENCE)
        try:
            outcome: Outcome = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode or 0
            return Outcome(f"crash: {signal.Signals(-code).name if code < 0 else code}", bad=True)
        return outcome

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def close(self) -> None:
        self._pipe.close()
        self._process.join(0.5)
        self._process.kill()
        self._process.join()


def fuzz(kind: str, numbers: range, seed: int, keep: Path | None = None, kinds: Kinds = KINDS) -> dict[str, Any]:
    """Run these inputs of a kind; returns counts of the outcomes, the worst time and memory, and the findings."""
    outcomes: Counter[str] = Counter()
    findings: list[dict[str, Any]] = []
    slowest = largest = 0.0, 0
    allowed = MEGABYTES + (PICTURE_MEGABYTES if kind in ("pictures", "frames") else 0)
    with tempfile.TemporaryDirectory() as name:
        folder, worker = Path(name), None
        begun = time.perf_counter()
        for number in numbers:
            if worker is None or not worker.alive:
                worker = Worker(kinds[kind][0], kind, seed, folder)
            outcome = worker.run(number)
            if not outcome.bad and (outcome.megabytes > allowed or outcome.seconds > SECONDS):
                cost = f"{outcome.megabytes:,.0f} MB, {outcome.seconds:.0f} s"
                outcome = dataclasses.replace(outcome, name=cost, bad=True)
            outcomes[outcome.name] += 1
            slowest, largest = max(slowest, (outcome.seconds, number)), max(largest, (outcome.megabytes, number))
            if outcome.bad:
                findings.append({"number": number, "outcome": outcome.name, "detail": outcome.detail})
                print(f"{kind}:{number}: {outcome.name} {outcome.detail}", file=sys.stderr, flush=True)
                if keep:
                    _keep(keep, kinds[kind][0], kind, number, seed, outcome)
        seconds = time.perf_counter() - begun
        if worker:
            worker.close()
    return {
        "inputs": len(numbers),
        "outcomes": dict(outcomes.most_common()),
        "findings": len(findings),
        "slowest": {"number": slowest[1], "seconds": round(slowest[0], 2)},
        "largest": {"number": largest[1], "megabytes": round(largest[0])},
        "inputs_a_second": round(len(numbers) / seconds, 1),
    }


def _keep(keep: Path, make: type[Any], kind: str, number: int, seed: int, outcome: Outcome) -> None:
    """Write the input of a finding, and what it led to, into a folder."""
    keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        content = make(Path(name)).make(generator(seed, kind, number))
    (keep / f"{kind}-{number}").write_bytes(content)
    (keep / f"{kind}-{number}.txt").write_text(f"{outcome.name}\n{outcome.detail}\n", encoding="utf-8")


def bytes_a_pixel() -> dict[str, float]:
    """What pictures of the formats cost: the most memory that reading nine megapixels takes, the image included."""
    shade = np.add.outer(np.arange(3000), np.arange(3000))
    picture = Pillow.fromarray(np.stack([shade // 24, shade // 30, 255 - shade // 24], axis=2).astype(np.uint8))
    grey = Pillow.fromarray((10 * shade).astype(np.uint16))
    made: dict[str, tuple[Pillow.Image, str, dict[str, Any]]] = {
        "JPEG": (picture, "JPEG", {}),
        "progressive JPEG without subsampling": (picture, "JPEG", {"progressive": True, "subsampling": 0}),
        "CMYK JPEG": (picture.convert("CMYK"), "JPEG", {}),
        "PNG": (picture, "PNG", {"compress_level": 1}),
        "RGBA PNG": (picture.convert("RGBA"), "PNG", {"compress_level": 1}),
        "16-bit PNG": (grey, "PNG", {"compress_level": 1}),
        "GIF": (picture.quantize(16), "GIF", {}),
        "BMP": (picture, "BMP", {}),
        "TIFF": (picture, "TIFF", {}),
        "TIFF of one deflated strip": (picture, "TIFF", {"compression": "tiff_adobe_deflate", "strip_size": 2**30}),
        "float TIFF": (picture.convert("F"), "TIFF", {}),
        "PPM": (picture, "PPM", {}),
        "WebP": (picture.convert("RGBA"), "WEBP", {"method": 0}),
        "AVIF": (picture.convert("RGBA"), "AVIF", {"speed": 10}),
    }
    contents = [_encoded(image, kind, options) for image, kind, options in made.values()]
    # A process for each, as memory that was freed is used again and does not show.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        return dict(zip(made, pool.map(_cost, contents), strict=True))


def _cost(content: bytes) -> float:
    before = _peak_megabytes(reset=True)
    num_pixels = read_image(content).size / 3
    return round((_peak_megabytes() - before) * 2**20 / num_pixels, 1)


def available_kinds(kinds: Kinds = KINDS) -> list[str]:
    """The kinds whose packages are installed."""
    return [name for name, (_, _, needs) in kinds.items() if all(map(find_spec, needs))]


def main(name: str = "fuzz", known: Kinds = KINDS, num: int = 100_000) -> None:
    """Read the command line, and run so many inputs of all known kinds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inputs", type=int, default=num, help="of all kinds together")
    parser.add_argument("--kinds", default=",".join(available_kinds(known)))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the inputs that led to findings")
    parser.add_argument("--only", metavar="KIND:NUMBER", help="run one input in this process")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.only:
        kind, number = options.only.split(":")
        rng = generator(options.seed, kind, int(number))
        with tempfile.TemporaryDirectory() as folder:
            instance = known[kind][0](Path(folder))
            content = instance.make(rng)
            print(len(content), content[:200])
            instance.run(content, rng)
        return
    kinds = options.kinds.split(",")
    shares = sum(known[kind][1] for kind in kinds)
    rows = {}
    for kind in kinds:
        numbers = range(round(options.inputs * known[kind][1] / shares))
        rows[kind] = fuzz(kind, numbers, options.seed, options.keep, known)
        print(kind, json.dumps(rows[kind]), file=sys.stderr, flush=True)
    findings = sum(row["findings"] for row in rows.values())
    result = {"benchmark": name, "seed": options.seed, "inputs": sum(row["inputs"] for row in rows.values())}
    result |= {"findings": findings, "kinds": rows}
    if name == "fuzz":
        result["bytes_a_pixel"] = bytes_a_pixel()
    write_result(result | hardware(), options.json)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
