"""Files and URLs, through both backends."""

import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.errors import InvalidInput, MissingExtra, VideoError
from mien.values import Frame, Image
from mien.video import open_video
from mien.video.decoder import Backend, Picture, StreamInfo
from mien.video.pyav import PyavDecoder
from mien.video.source import VideoSource
from mien.video.timeline import Thinning

BACKENDS: tuple[Backend, ...] = ("pyav", "opencv")
VARIABLE = [0.0, 0.04, 0.05, 0.2, 0.3, 0.31, 0.7, 1.5, 1.52]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "pyav":
        pytest.importorskip("av")
    chosen: Backend = request.param
    return chosen


def read(path: Path, **options: Any) -> list[Frame]:
    with open_video(path, **options) as video:
        frames = list(video)
        assert video.damage is None
    return frames


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mkv", "libx264"),
        ("a.ts", "libx264"),
        ("a.mov", "mpeg4"),
        ("a.avi", "mpeg4"),
        ("a.webm", "libvpx"),
        ("a.mkv", "ffv1"),
    ],
)
def test_every_frame_comes_once_in_order_at_its_time(
    film: Any, steady: Any, number: Any, backend: Backend, name: str, codec: str
) -> None:
    path = film(name, steady(30), codec=codec)
    frames = read(path, backend=backend)
    assert [number(frame.image) for frame in frames] == list(range(30))
    assert [frame.index for frame in frames] == list(range(30))
    assert [frame.time for frame in frames] == pytest.approx(steady(30), abs=1e-6)


def test_a_variable_rate_keeps_its_times(film: Any, number: Any, backend: Backend) -> None:
    frames = read(film("a.mp4", VARIABLE), backend=backend)
    assert [number(frame.image) for frame in frames] == list(range(len(VARIABLE)))
    assert [frame.time for frame in frames] == pytest.approx(VARIABLE, abs=1e-4)


def test_the_films_have_frames_out_of_order(film: Any, steady: Any) -> None:
    """Else the tests here would not see whether times are those of presentation."""
    with pytest.importorskip("av").open(str(film("a.mp4", steady(30)))) as container:
        given = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    assert given != sorted(given)


@pytest.mark.parametrize("start", [0.0, 0.5])
def test_frames_without_times_get_them_by_the_rate(film: Any, steady: Any, number: Any, start: float) -> None:
    path = film("a.h264", steady(30), container="h264")
    frames = read(path, backend="pyav", start=start)
    first = round(start * 25 + 0.49)
    assert [number(frame.image) for frame in frames] == list(range(first, 30))
    assert [frame.time for frame in frames] == pytest.approx(steady(30)[first:], abs=1e-6)


def test_what_is_known_beforehand(film: Any, steady: Any) -> None:
    path = film("a.mp4", steady(50), sound="aac")
    with open_video(path, backend="pyav") as video:
        assert (video.name, video.width, video.height) == (str(path), 160, 96)
        assert (video.codec, video.has_audio, video.num_frames) == ("h264", True, 50)
        assert video.rate == pytest.approx(25)
        assert video.duration == pytest.approx(2.0, abs=0.05)


def test_what_opencv_knows_beforehand(film: Any, steady: Any) -> None:
    with open_video(film("a.mp4", steady(50)), backend="opencv") as video:
        assert (video.width, video.height, video.num_frames, video.has_audio) == (160, 96, 50, None)
        assert (video.rate, video.duration) == pytest.approx((25, 2.0))


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotation_is_applied(film: Any, numbered: Any, backend: Backend, degrees: int) -> None:
    path = film("a.mp4", [0.0, 0.04, 0.08], before=lambda stream: stream.set_display_rotation(degrees))
    last = read(path, backend=backend)[-1].image
    upright = np.rot90(numbered(2), degrees // 90)
    assert last.shape == upright.shape
    assert last.flags.c_contiguous
    assert np.abs(last.astype(int) - upright).mean() < 10
    with open_video(path, backend=backend) as video:
        assert (video.height, video.width) == upright.shape[:2]


@pytest.mark.parametrize(
    ("rotation", "hflip", "vflip", "shown"),
    [
        (0, True, False, lambda image: image[:, ::-1]),
        (0, False, True, lambda image: image[::-1]),
        (90, True, False, lambda image: np.rot90(image)[:, ::-1]),
        (90, False, True, lambda image: np.rot90(image)[::-1]),
    ],
)
def test_mirroring_is_applied(
    film: Any, numbered: Any, rotation: int, hflip: bool, vflip: bool, shown: Callable[[Image], Image]
) -> None:
    path = film("a.mp4", [0.0, 0.04], before=lambda s: s.set_display_rotation(rotation, hflip=hflip, vflip=vflip))
    image = read(path, backend="pyav")[1].image
    assert np.abs(image.astype(int) - shown(numbered(1))).mean() < 10


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 5])
def test_colours_go_by_the_named_matrix_and_range(tmp_path: Path, matrix: int, full: bool) -> None:
    av = pytest.importorskip("av")
    colours = np.array([[250, 20, 20], [20, 250, 20], [20, 20, 250], [255, 255, 255], [0, 0, 0], [200, 150, 120]])
    image = np.repeat(np.repeat(colours[None].astype(np.uint8), 32, 1), 32, 0)
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "4"})
        stream.height, stream.width, stream.pix_fmt = *image.shape[:2], "yuv420p"
        stream.colorspace, stream.color_range = matrix, 2 if full else 1
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=matrix, src_color_range=2, dst_color_range=2 if full else 1
        )
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    decoded = read(path, backend="pyav")[0].image
    assert np.abs(decoded[16, 16::32].astype(int) - colours).max() <= 6


def test_one_frame(film: Any, backend: Backend) -> None:
    frames = read(film("a.mp4", [0.0]), backend=backend)
    assert [(frame.index, frame.time) for frame in frames] == [(0, 0.0)]


def test_frames_belong_to_the_caller(film: Any, steady: Any, number: Any, backend: Backend) -> None:
    with open_video(film("a.mp4", steady(5)), backend=backend) as video:
        kept = []
        for frame in video:
            kept.append(frame.image.copy())
            frame.image[:] = 77
    assert [number(image) for image in kept] == list(range(5))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
@pytest.mark.parametrize(("start", "end"), [(0.0, 0.5), (0.5, None), (0.52, 0.6), (1.19, 1.21), (0.39, 0.81)])
def test_start_and_end(
    film: Any, steady: Any, number: Any, backend: Backend, name: str, start: float, end: float | None
) -> None:
    times = steady(40)
    frames = read(film(name, times), start=start, end=end, backend=backend, threads=4)
    wanted = [index for index, time in enumerate(times) if time >= start - 1e-9 and (end is None or time < end - 1e-9)]
    if not wanted:
        pytest.fail("the case asks for no frame")
    assert [number(frame.image) for frame in frames] == wanted
    assert [frame.index for frame in frames] == wanted
    assert [frame.time for frame in frames] == pytest.approx([times[index] for index in wanted], abs=1e-6)


UNEVEN = list(np.cumsum(np.tile([0.04, 0.011, 0.3, 0.02, 0.13], 12)))
EVEN = [index / 25 for index in range(60)]


@pytest.mark.parametrize("options", [{}, {"every": 7}, {"fps": 6.0}, {"every": 2, "fps": 4.0}])
@pytest.mark.parametrize(
    ("name", "codec", "times"),
    [
        ("a.mp4", "libx264", EVEN),
        ("a.mp4", "libx264", UNEVEN),
        ("a.mkv", "libx264", EVEN),
        ("a.mkv", "libx264", UNEVEN),
        ("a.ts", "libx264", EVEN),
        ("a.ts", "libx264", UNEVEN),
        ("a.avi", "mpeg4", EVEN),
        ("a.webm", "libvpx", EVEN),
    ],
)
def test_a_start_changes_neither_numbers_nor_choice(
    film: Any, number: Any, backend: Backend, name: str, codec: str, times: list[float], options: Any
) -> None:
    """What is read from the middle is what an uninterrupted read gives from there on."""
    path = film(name, times, codec=codec)
    whole = [(each.index, each.time) for each in read(path, backend=backend, **options)]
    for start in (0.02, 0.79, 0.8, 1.01, 1.9):
        frames = read(path, backend=backend, start=start, **options)
        assert [(each.index, each.time) for each in frames] == [each for each in whole if each[1] >= start]
        assert [number(frame.image) for frame in frames] == [frame.index for frame in frames]


def test_frames_that_are_never_shown_are_not_counted(film: Any, steady: Any, number: Any) -> None:
    """VP8 keeps references for later frames in packets of their own: RFC 6386, 9.1, `show_frame`."""
    av = pytest.importorskip("av")
    path = film("a.webm", steady(60), codec="libvpx")
    with av.open(str(path)) as shown, av.open(str(path.with_name("b.webm")), "w") as output:
        stream = output.add_stream_from_template(shown.streams.video[0])
        for index, packet in enumerate(each for each in shown.demux(video=0) if each.size):
            data = bytearray(bytes(packet))
            if index in (7, 25):
                data[0] &= ~0x10
            hidden = av.Packet(bytes(data))
            hidden.pts, hidden.dts, hidden.time_base = packet.pts, packet.dts, packet.time_base
            hidden.is_keyframe, hidden.stream = packet.is_keyframe, stream
            output.mux(hidden)
    whole = read(path.with_name("b.webm"), backend="pyav")
    assert len(whole) == 58
    (first, *_) = read(path.with_name("b.webm"), backend="pyav", start=1.6)
    assert (first.index, number(first.image)) == (38, 40)


def test_a_start_behind_the_damage_gives_the_rest_under_its_own_numbers(film: Any, steady: Any, number: Any) -> None:
    path = film("a.mp4", steady(50), noisy=True)
    with pytest.importorskip("av").open(str(path)) as container:
        packet = list(container.demux(video=0))[15]
    content = bytearray(path.read_bytes())
    content[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    path.write_bytes(content)
    frames = read(path, backend="pyav", start=1.2)
    assert [(frame.index, number(frame.image)) for frame in frames] == [(index, index) for index in range(30, 50)]


def test_no_frame_between_start_and_end(film: Any, steady: Any, backend: Backend) -> None:
    with (
        open_video(film("a.mp4", steady(10)), start=5.0, backend=backend) as video,
        pytest.raises(VideoError, match=r"no frame from 5 s to its end; it lasts 0\.40 s"),
    ):
        list(video)


def test_times_count_from_the_start_of_the_stream(film: Any, steady: Any, backend: Backend) -> None:
    path = film("a.mkv", [time + 3 for time in steady(10)])
    assert [frame.time for frame in read(path, backend=backend)] == pytest.approx(steady(10), abs=1e-6)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"every": 7}, [0, 7, 14, 21, 28]),
        ({"fps": 5.0}, [0, 5, 10, 15, 20, 25]),
        ({"fps": 5.0, "every": 2}, [0, 6, 10, 16, 20, 26]),
    ],
)
def test_thinned_out_frames_keep_their_index_and_time(
    film: Any, steady: Any, number: Any, backend: Backend, options: dict[str, Any], wanted: list[int]
) -> None:
    frames = read(film("a.mp4", steady(30)), backend=backend, **options)
    assert [number(frame.image) for frame in frames] == wanted
    assert [frame.index for frame in frames] == wanted
    assert [frame.time for frame in frames] == pytest.approx([index / 25 for index in wanted])


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.avi"])
def test_a_file_that_is_cut_off(film: Any, steady: Any, number: Any, backend: Backend, name: str) -> None:
    codec = {"a.webm": "libvpx", "a.avi": "mpeg4"}.get(name, "libx264")
    path = film(name, steady(50), codec=codec, noisy=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with open_video(path, backend=backend, threads=4) as video:
        numbers = [number(frame.image) for frame in video]
    assert 10 <= len(numbers) < 45
    # OpenCV gives the picture that was cut through, too.
    whole = numbers[:-1] if backend == "opencv" else numbers
    assert whole == list(range(len(whole)))
    assert video.damage is not None
    assert f"after frame {len(numbers) - 1} at {(len(numbers) - 1) / 25:.2f} s" in video.damage


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_garbage_in_the_middle(film: Any, steady: Any, number: Any, name: str, threads: int) -> None:
    """Fault 6: the video ended here. It goes on with the next key frame, and what is missing is named there."""
    path = film(name, steady(50), noisy=True)
    with pytest.importorskip("av").open(str(path)) as container:
        packet = list(container.demux(video=0))[25]
    content = bytearray(path.read_bytes())
    middle, length = packet.pos + packet.size // 3, packet.size // 3
    content[middle : middle + length] = np.random.default_rng(0).bytes(length)
    path.write_bytes(content)
    for _ in range(threads):  # FFmpeg's threads lose the mark of a damaged picture once in some hundred readings
        with open_video(path, backend="pyav", threads=threads) as video:
            frames = list(video)
        if any(frame.gap for frame in frames):
            break
    (after,) = [at for at, frame in enumerate(frames) if frame.gap]
    indices = [frame.index for frame in frames]
    assert indices == [number(frame.image) for frame in frames]
    assert indices == [*range(after), *range(30, 50)]
    assert 20 <= after <= 25
    assert [frame.time for frame in frames] == pytest.approx([index / 25 for index in indices])
    assert f"frames {after} to 29 between {(after - 1) / 25:.2f} and 1.20 s cannot be decoded" in str(frames[after].gap)
    assert video.damage is None


class Torn:
    """A fake decoder of frames at 10 a second, of which some cannot be decoded."""

    info = StreamInfo("torn", 4, 4, 10.0, None, None, has_audio=False, codec="fake")

    def __init__(self, missing: Sequence[int], num: int) -> None:
        self._missing, self._num = missing, num

    def pictures(self, start: float) -> Iterator[Picture]:
        fault = None
        for index in range(self._num):
            fault = "torn" if index in self._missing else fault
            good = index not in self._missing
            yield Picture(index / 10, (lambda: np.zeros((4, 4, 3), np.uint8)) if good else None, fault)
            fault = None if good else fault

    def close(self) -> None:
        pass


def test_gaps_that_no_kept_frame_follows_at_once_are_told_by_the_next_or_at_the_end() -> None:
    with VideoSource(Torn([2, 5, 13], 15), start=0, end=math.inf, thinning=Thinning(10, None)) as video:
        gaps = {frame.index: frame.gap for frame in video}
    assert gaps == {
        0: None,
        10: "frame 2 between 0.10 and 0.30 s cannot be decoded: torn; "
        "frame 5 between 0.40 and 0.60 s cannot be decoded: torn",
    }
    assert video.damage == "frame 13 between 1.20 and 1.40 s cannot be decoded: torn"


def test_a_container_that_breaks_while_a_key_frame_is_awaited_ends_the_file(
    film: Any, steady: Any, number: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    av = pytest.importorskip("av")
    path = film("a.mp4", steady(50), noisy=True)
    with av.open(str(path)) as container:
        packet = list(container.demux(video=0))[25]
    content = bytearray(path.read_bytes())
    middle, length = packet.pos + packet.size // 3, packet.size // 3
    content[middle : middle + length] = np.random.default_rng(0).bytes(length)
    path.write_bytes(content)

    def broken(self: PyavDecoder, packets: object) -> object:
        raise av.InvalidDataError(1, "broken", "a.mp4")

    monkeypatch.setattr(PyavDecoder, "_from_key_frame", broken)
    with open_video(path, backend="pyav", threads=1) as video:
        numbers = [number(frame.image) for frame in video]
    assert numbers == list(range(len(numbers)))
    assert video.damage is not None
    assert "decoding broke after frame" in video.damage


@pytest.mark.parametrize(("damaged", "indices"), [((0,), range(10, 50)), ((15, 20), [*range(15), *range(30, 50)])])
def test_nothing_is_made_of_a_damaged_key_frame(
    film: Any, steady: Any, number: Any, damaged: Sequence[int], indices: Sequence[int]
) -> None:
    """Not at the beginning, and not where it ends a gap: FFmpeg would go on with smeared pictures."""
    path = film("a.mp4", steady(50), noisy=True)
    with pytest.importorskip("av").open(str(path)) as container:
        packets = {
            round(packet.pts * packet.time_base * 25): packet for packet in container.demux(video=0) if packet.size
        }
    content = bytearray(path.read_bytes())
    for index in damaged:
        middle, length = packets[index].pos + packets[index].size // 3, packets[index].size // 3
        content[middle : middle + length] = np.random.default_rng(0).bytes(length)
    path.write_bytes(content)
    with open_video(path, backend="pyav", threads=1) as video:
        frames = list(video)
    found = [frame.index for frame in frames]
    assert found == [number(frame.image) for frame in frames]
    assert set(found) <= set(indices)
    assert len(found) >= len(indices) - 3  # a damaged frame may take its neighbours with it
    assert [frame.gap is not None for frame in frames] == [index > 0 and index - 1 not in found for index in found]


def test_a_recording_that_begins_between_key_frames(film: Any, steady: Any, number: Any) -> None:
    path = film("a.ts", steady(50))
    content = path.read_bytes()
    path.write_bytes(content[len(content) // 3 // 188 * 188 :])
    frames = read(path, backend="pyav")
    numbers = [number(frame.image) for frame in frames]
    assert numbers == list(range(numbers[0], 50))
    assert len(numbers) > 20


def _without_index(film: Any) -> Path:
    path: Path = film("a.mp4", [0.0, 0.04])
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"moov") - 4])
    return path


def _renamed_text(film: Any) -> Path:
    path: Path = film("a.mp4", [0.0]).with_name("b.mp4")
    path.write_text("no video at all\n" * 100)
    return path


def _unknown_codec(film: Any) -> Path:
    path: Path = film("a.mkv", [0.0, 0.04])
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4", b"V_MPEG9"))
    return path


def _empty(film: Any) -> Path:
    path: Path = film("a.mp4", [0.0]).with_name("b.mp4")
    path.touch()
    return path


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda film: film("a.mp4", [0.0]).with_name("other.mp4"), "is not there"),
        (lambda film: film("a.mp4", [0.0]).parent, "folder without numbered pictures"),
        (_empty, r"is empty \(0 bytes\)"),
        (_renamed_text, "video that can be read|no video that OpenCV"),
        (_unknown_codec, "codec that FFmpeg cannot decode|no video that OpenCV"),
        (_without_index, "without its index|no video that OpenCV"),
        (lambda film: film("a.m4a", [], sound="aac"), "holds no video"),
    ],
)
def test_what_is_no_video_is_named(
    film: Any, backend: Backend, make: Callable[[Any], Path], complaint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = make(film)
    with pytest.raises(VideoError, match=complaint) as raised:
        open_video(path, backend=backend)
    assert str(path) in str(raised.value)


def test_the_cover_of_a_song_is_no_video(film: Any, tmp_path: Path, numbered: Any) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as output:
        sound = output.add_stream("mp3", rate=44_100)
        cover = output.add_stream("png")
        cover.width, cover.height, cover.pix_fmt = 160, 96, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        output.mux(cover.encode(av.VideoFrame.from_ndarray(numbered(1), format="rgb24")))
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), format="fltp", layout="mono")
        tone.rate = 44_100
        output.mux(sound.encode(tone))
        output.mux(sound.encode(None))
    with pytest.raises(VideoError, match=r"holds no video.*audio only"):
        open_video(path, backend="pyav")


def test_a_picture_is_no_video(astronaut: Path) -> None:
    pytest.importorskip("av")
    with pytest.raises(VideoError, match="is a picture"):
        open_video(astronaut, backend="pyav")


def test_a_video_without_one_decodable_frame(film: Any, steady: Any) -> None:
    path = film("a.mp4", steady(3), codec="mpeg4")
    content = bytearray(path.read_bytes())
    begin = content.index(b"mdat") + 4
    content[begin:] = bytes(len(content) - begin)
    path.write_bytes(content)
    with pytest.raises(VideoError, match="not one picture can be decoded"):
        open_video(path, backend="pyav")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(film: Any, backend: Backend) -> None:
    path = film("a.mp4", [0.0])
    path.chmod(0)
    with pytest.raises(VideoError, match="cannot be opened: Permission denied"):
        open_video(path, backend=backend)


@pytest.mark.parametrize("scheme", ["rtsp", "http", "https"])
def test_a_server_that_does_not_answer_is_reported_without_the_password(
    backend: Backend, scheme: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(VideoError, match=f"{scheme}://me@127.0.0.1:{port}/a") as raised:
        open_video(f"{scheme}://me:secret@127.0.0.1:{port}/a", backend=backend)
    assert "secret" not in str(raised.value)


def test_an_unknown_scheme() -> None:
    with pytest.raises(VideoError, match=r"ipfs:// is not known; expected http://"):
        open_video("ipfs://a/b.mp4")


def test_a_name_that_looks_like_a_protocol_is_a_file(film: Any, steady: Any) -> None:
    path = film("concat:a.mp4", steady(3))
    assert len(read(path, backend="pyav")) == 3


def test_a_playlist_does_not_reach_the_network(tmp_path: Path) -> None:
    pytest.importorskip("av")
    path = tmp_path / "a.m3u8"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{address}\n#EXT-X-ENDLIST\n")
        with pytest.raises(VideoError):
            open_video(path, backend="pyav")
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    "options",
    [
        {"start": -1.0},
        {"start": float("nan")},
        {"start": 2.0, "end": 1.0},
        {"every": 0},
        {"fps": 0.0},
        {"rate": -1.0},
        {"threads": 0},
    ],
)
def test_arguments_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"{next(reversed(options))} "):
        open_video("a.mp4", **options)


def test_opencv_is_silent_about_damage(film: Any, steady: Any) -> None:
    """Fault 61: FFmpeg within OpenCV wrote to standard error. It reads the switch once a process."""
    path = film("a.mp4", steady(30))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :: 7] = bytes(len(content[len(content) // 2 :: 7]))
    path.write_bytes(content)
    code = (
        "import sys, mien\n"
        "try: print(len(list(mien.open_video(sys.argv[1], backend='opencv'))))\n"
        "except mien.MienError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout
    assert not done.stderr


def test_reading_after_closing(film: Any, steady: Any, backend: Backend) -> None:
    video = open_video(film("a.mp4", steady(3)), backend=backend)
    next(video)
    video.close()
    video.close()
    with pytest.raises(VideoError, match="has been closed"):
        next(video)


def test_without_pyav(film: Any, steady: Any, number: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film("a.mp4", steady(3))
    monkeypatch.setitem(sys.modules, "av", None)
    assert [number(frame.image) for frame in read(path)] == [0, 1, 2]
    with pytest.raises(MissingExtra, match=r"\[video\]\'"):
        open_video(path, backend="pyav")
