"""Uncompressed video out of a pipe."""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import numpy as np
import pytest

from mien.errors import MissingExtra, VideoError
from mien.values import Image
from mien.video import open_video

av = pytest.importorskip("av")

COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [200, 150, 120]], np.uint8)


def y4m(images: list[Image], format_name: str, header: bytes) -> bytes:
    """A YUV4MPEG2 file, its planes made by FFmpeg."""
    content = header
    for image in images:
        full = 2 if b"FULL" in header else 1
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
            format=format_name, dst_colorspace=5, src_color_range=2, dst_color_range=full
        )
        content += b"FRAME\n"
        for plane in frame.planes:
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            content += rows[: plane.height, : plane.width * (2 if "p10" in format_name else 1)].tobytes()
    return content


def header(size: tuple[int, int], rest: bytes) -> bytes:
    return b"YUV4MPEG2 W%d H%d %s\n" % (*size, rest)


@pytest.mark.parametrize(
    ("format_name", "rest"),
    [
        ("yuv420p", b"F25:1 Ip A1:1 C420mpeg2"),
        ("yuv420p", b"F25:1"),
        ("yuv420p", b"F25:1 C420jpeg XCOLORRANGE=FULL"),
        ("yuv422p", b"F25:1 C422 XYSCSS=422"),
        ("yuv444p", b"F25:1 C444"),
        ("yuv444p", b"F25:1 C444 XCOLORRANGE=FULL"),
    ],
)
def test_colours_of_yuv4mpeg(format_name: str, rest: bytes) -> None:
    image = np.repeat(np.repeat(COLOURS[None], 8, 1), 9, 0)
    content = y4m([image], format_name, header((48, 9), rest))
    (frame,) = open_video(io.BytesIO(content))
    assert np.abs(frame.image[4, 4::8].astype(int) - COLOURS).max() <= 4


@pytest.mark.parametrize("rest", [b"F25:1 Cmono", b"F25:1 Cmono XCOLORRANGE=FULL"])
def test_grey_yuv4mpeg_is_of_the_full_range_as_ffmpeg_writes_it(rest: bytes) -> None:
    levels = np.linspace(0, 255, 12).round().astype(np.uint8)
    content = header((4, 3), rest) + b"FRAME\n" + levels.tobytes()
    (frame,) = open_video(io.BytesIO(content))
    assert np.array_equal(frame.image, np.repeat(levels.reshape(3, 4, 1), 3, axis=2))


@pytest.mark.parametrize(("format_name", "kind"), [("yuv420p10le", b"420p10"), ("yuv411p", b"411")])
def test_other_kinds_of_yuv4mpeg(numbered: Any, number: Any, format_name: str, kind: bytes) -> None:
    content = y4m([numbered(9)], format_name, header((160, 96), b"F25:1 C" + kind))
    (frame,) = open_video(io.BytesIO(content))
    assert number(frame.image) == 9


def test_lines_before_pictures_may_say_more_and_shift_no_time() -> None:
    content = header((4, 3), b"F25:1 Cmono") + (b"FRAME Ip XABCDEFGHIJKLMNO\n" + bytes(12)) * 40
    frames = list(open_video(io.BytesIO(content)))
    assert [frame.time for frame in frames] == pytest.approx([index / 25 for index in range(40)])


@pytest.mark.parametrize(("width", "height"), [(160, 96), (161, 97)])
def test_frames_of_yuv4mpeg(numbered: Any, number: Any, width: int, height: int) -> None:
    images = [numbered(index, width, height) for index in range(7)]
    content = y4m(images, "yuv420p", header((width, height), b"F30000:1001 C420"))
    with open_video(io.BytesIO(content)) as video:
        assert (video.width, video.height) == (width, height)
        assert video.rate == pytest.approx(29.97, abs=0.001)
        assert (video.duration, video.num_frames, video.has_audio) == (None, None, False)
        frames = list(video)
    assert video.damage is None
    assert [number(frame.image) for frame in frames] == list(range(7))
    assert [frame.time for frame in frames] == pytest.approx([index * 1001 / 30000 for index in range(7)])


def test_frames_of_bare_rgb(numbered: Any, number: Any) -> None:
    content = b"".join(numbered(index, 31, 17).tobytes() for index in range(5))
    frames = list(open_video(io.BytesIO(content), raw_size=(31, 17), rate=10, start=0.1, every=2))
    assert [number(frame.image) for frame in frames] == [2, 4]
    assert [frame.index for frame in frames] == [2, 4]
    assert [frame.time for frame in frames] == pytest.approx([0.2, 0.4])
    assert np.array_equal(frames[0].image, numbered(2, 31, 17))
    frames[0].image[:] = 0  # it is the caller's own


def test_a_pipe_that_sends_in_small_pieces(numbered: Any) -> None:
    reading, writing = os.pipe()
    content = b"".join(numbered(index).tobytes() for index in range(3))

    def send() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for begin in range(0, len(content), 9_999):
                pipe.write(content[begin : begin + 9_999])

    sender = threading.Thread(target=send)
    sender.start()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        frames = list(open_video(pipe, raw_size=(160, 96)))
    sender.join()
    assert b"".join(frame.image.tobytes() for frame in frames) == content


def test_standard_input(numbered: Any) -> None:
    content = b"".join(numbered(index).tobytes() for index in range(3))
    code = "from mien.video import open_video; print([f.index for f in open_video('-', raw_size=(160, 96))])"
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)
    assert done.stdout.strip() == b"[0, 1, 2]"


def _raw(content: bytes) -> tuple[BinaryIO, dict[str, Any]]:
    return io.BytesIO(content), {"raw_size": (4, 3)}


def _y4m(content: bytes) -> tuple[BinaryIO, dict[str, Any]]:
    return io.BytesIO(header((4, 3), b"F25:1 Cmono") + content), {}


PICTURE = bytes(12)


@pytest.mark.parametrize(
    ("given", "number_of_frames", "reason"),
    [
        (lambda: _raw(bytes(36 * 2 + 5)), 2, "ended inside a picture"),
        (lambda: _y4m(b"FRAME\n" + PICTURE + b"FRAME Ip\n" + PICTURE[:5]), 1, "ended inside a picture"),
        (lambda: _y4m(b"FRAME\n" + PICTURE + b"FRAME\n"), 1, "ended inside a picture"),
        (lambda: _y4m(b"FRAME\n" + PICTURE + b"FRA\n"), 1, "what follows is no picture"),
    ],
)
def test_a_broken_pipe_gives_what_came_before(
    given: Callable[[], tuple[BinaryIO, dict[str, Any]]], number_of_frames: int, reason: str
) -> None:
    pipe, options = given()
    video = open_video(pipe, **options)
    assert len(list(video)) == number_of_frames
    assert video.damage is not None
    assert reason in video.damage
    assert f"after frame {number_of_frames - 1}" in video.damage


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty; expected YUV4MPEG2"),
        (b"\x1aE\xdf\xa3" * 9, "expected YUV4MPEG2 .*or bare RGB"),
        (b"YUV4MPEG2 W4 Hx F25:1\n", "header that is damaged.*W4 Hx"),
        (b"YUV4MPEG2 W4 F25:1\n", "header that is damaged"),
        (b"YUV4MPEG2 W4 H0 F25:1\n", "header that is damaged.*H0"),
        (b"YUV4MPEG2 W400000 H400000 F25:1\n", "too large pictures: .*W400000"),
        (b"YUV4MPEG2 W20000 H12000 F25:1\nFRAME\n", "at most|pixels; got 20,000 × 12,000"),
        (b"YUV4MPEG2 W4 H3 F25:1 Cfoo\n", "of a kind that is not read.*-pix_fmt yuv420p"),
        (b"YUV4MPEG2 W4 H3 " + b"X" * 1_000_000, "header that is damaged"),
        (b"YUV4MPEG2 W4 H3 F25:1 Cmono\n", "ends before its first"),
        (b"YUV4MPEG2 W4 H3 F25:1 Cmono\nFRAME\n1234", "ends before its first"),
    ],
)
def test_what_is_no_yuv4mpeg(content: bytes, complaint: str) -> None:
    with pytest.raises(VideoError, match=complaint):
        open_video(io.BytesIO(content))


def test_pictures_of_bare_rgb_that_are_too_large() -> None:
    with pytest.raises(VideoError, match="pixels; got 200,000 × 100,000"):
        open_video(io.BytesIO(bytes(100)), raw_size=(200_000, 100_000))


def test_an_endless_header_is_not_read_to_its_end() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            assert self.given < 1_000_000, "it reads on and on"
            self.given += size
            return (b"YUV4MPEG2 W4 H3 " if self.given == size else b"").ljust(size, b"X")

    with pytest.raises(VideoError, match="header that is damaged"):
        open_video(cast("BinaryIO", Endless()))


def test_a_frame_comes_when_it_was_sent(numbered: Any) -> None:
    """A program that sends one frame a minute must not be waited for longer than for that frame."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as sender, os.fdopen(reading, "rb") as pipe:
        sender.write(header((160, 96), b"F25:1 Cmono") + b"FRAME\n" + numbered(0)[:, :, 0].tobytes())
        video = open_video(pipe)
        assert next(video).index == 0
        sender.write(b"FRAME\n" + numbered(1)[:, :, 0].tobytes())
        assert next(video).index == 1
        sender.close()
        assert next(video, None) is None
    assert video.damage is None


def test_a_pipe_without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match=r"Reading videos from pipes needs .*pip install .*\[video\]"):
        open_video(io.BytesIO(bytes(36)), raw_size=(4, 3))


def test_no_whole_picture_of_bare_rgb() -> None:
    with pytest.raises(VideoError, match="ends before its first whole picture"):
        open_video(io.BytesIO(bytes(100)), raw_size=(160, 96))
