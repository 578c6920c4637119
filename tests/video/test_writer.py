"""Writing, and reading what was written."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.errors import InvalidInput, MissingExtra, VideoError
from mien.images import DRAWN_COMMENT
from mien.video import VideoWriter, drawn_by_mien, open_video

VARIABLE = [0.0, 0.04, 0.0512, 0.2, 0.3, 0.31, 0.7, 1.5, 1.52]


def packets(path: Path, kind: str) -> list[tuple[float, int]]:
    """The times and sizes of a stream's packets."""
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        streams = getattr(container.streams, kind)
        if not streams:
            return []
        return [(float(each.pts * each.time_base), each.size) for each in container.demux(streams[0]) if each.size]


def sound_codec(path: Path) -> str:
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        name: str = container.streams.audio[0].codec_context.codec.canonical_name
        return name


def samples(path: Path) -> Any:
    """The decoded sound, (n,), and the time of its first sample."""
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        wave = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames])
        return wave, frames[0].time


@pytest.mark.parametrize(("suffix", "precision"), [("mp4", 2e-5), ("m4v", 2e-5), ("mov", 2e-5), ("mkv", 6e-4)])
def test_frames_and_times_come_back(tmp_path: Path, numbered: Any, number: Any, suffix: str, precision: float) -> None:
    pytest.importorskip("av")
    path = tmp_path / "new" / f"a.{suffix}"
    with VideoWriter(path, rate=25) as writer:
        for index, time in enumerate(VARIABLE):
            writer.write(numbered(index), time)
        assert not path.exists()
    assert list(path.parent.iterdir()) == [path]
    with open_video(path, backend="pyav") as video:
        frames = list(video)
        assert (video.codec, video.damage) == ("h264", None)
    assert [number(frame.image) for frame in frames] == list(range(len(VARIABLE)))
    assert [frame.time for frame in frames] == pytest.approx(VARIABLE, abs=precision)


def test_what_browsers_need(tmp_path: Path, numbered: Any) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "a.mp4"
    with VideoWriter(path, rate=25) as writer:
        for index in range(5):
            writer.write(numbered(index), index / 25)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.pix_fmt, context.colorspace, context.color_range) == ("yuv420p", 1, 1)
        assert float(container.streams.video[0].duration * container.streams.video[0].time_base) == pytest.approx(0.2)


def test_colours_come_back(tmp_path: Path) -> None:
    pytest.importorskip("av")
    colours = np.array([[250, 20, 20], [20, 250, 20], [20, 20, 250], [255, 255, 255], [0, 0, 0], [200, 150, 120]])
    image = np.repeat(np.repeat(colours[None].astype(np.uint8), 32, 1), 32, 0)
    with VideoWriter(tmp_path / "a.mp4", rate=25) as writer:
        writer.write(image, 0.0)
    (frame,) = open_video(tmp_path / "a.mp4", backend="pyav")
    assert np.abs(frame.image[16, 16::32].astype(int) - colours).max() <= 6


@pytest.mark.parametrize("backend", ["pyav", "opencv"])
@pytest.mark.parametrize("size", [(161, 96), (160, 97), (163, 99)])
def test_odd_sides_are_extended(
    tmp_path: Path, numbered: Any, number: Any, backend: Any, size: tuple[int, int]
) -> None:
    if backend == "pyav":
        pytest.importorskip("av")
    path = tmp_path / "a.mp4"
    with VideoWriter(path, rate=25, backend=backend) as writer:
        for index in range(3):
            writer.write(numbered(index, *size), index / 25)
    with open_video(path, backend="opencv") as video:
        assert (video.width, video.height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
        assert [number(frame.image) for frame in video] == [0, 1, 2]


@pytest.mark.parametrize(
    ("times", "numbers"),
    [
        ([0.0, 0.1, 0.2, 0.3], [0, 1, 2, 3]),
        ([0.0, 0.1, 0.4, 0.5], [0, 1, 1, 1, 2, 3]),  # a camera that stalls
        ([0.0, 0.04, 0.1, 0.14, 0.2], [1, 3, 4]),  # one that is twice as fast
        ([0.3, 0.4], [0, 0, 0, 0, 1]),
        ([0.0, 3600.0], [0] * 100 + [1]),  # a clock that jumps
    ],
)
def test_opencv_keeps_the_times_at_a_constant_rate(
    tmp_path: Path, numbered: Any, number: Any, times: list[float], numbers: list[int]
) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, rate=10, backend="opencv") as writer:
        for index, time in enumerate(times):
            writer.write(numbered(index), time)
    assert list(tmp_path.iterdir()) == [path]
    frames = list(open_video(path, backend="opencv"))
    assert [number(frame.image) for frame in frames] == numbers
    assert [frame.time for frame in frames] == pytest.approx([index / 10 for index in range(len(numbers))])


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mp4", "aac", 44_100),
        ("a.ts", "aac", 44_100),
        ("a.mp4", "mp3", 44_100),
        ("a.mkv", "ac3", 48_000),
        ("a.mkv", "libopus", 48_000),
    ],
)
def test_sound_is_copied_packet_by_packet(
    tmp_path: Path, film: Any, steady: Any, name: str, codec: str, rate: int
) -> None:
    source = film(name, steady(50), sound=codec, audio_rate=rate)
    path = tmp_path / "new.mp4"
    rewrite(source, path)
    before, after = packets(source, "audio"), packets(path, "audio")
    assert len(after) == len(before) > 50
    with pytest.importorskip("av").open(str(source)) as container:
        zero = float(container.streams.video[0].start_time * container.streams.video[0].time_base)
    offsets = [new - (old - zero) for (old, _), (new, _) in zip(before, after, strict=True)]
    assert np.abs(offsets).max() < 0.002
    if name != "a.ts":  # MPEG-TS has a header in every packet
        assert [size for _, size in after] == [size for _, size in before]
    assert sound_codec(path) == sound_codec(source)


def rewrite(source: Path, path: Path, **options: Any) -> None:
    """Read all frames, write them, take the sound over."""
    with (
        open_video(source, start=options.get("start", 0.0), end=options.get("end")) as video,
        VideoWriter(path, rate=25, audio_from=source, **options) as writer,
    ):
        for frame in video:
            writer.write(frame.image, frame.time)
    assert writer.damage is None


@pytest.mark.parametrize(("name", "codec", "rate"), [("a.mkv", "flac", 96_000), ("a.avi", "pcm_s16le", 22_050)])
def test_other_sound_is_encoded_again(tmp_path: Path, film: Any, steady: Any, name: str, codec: str, rate: int) -> None:
    source = film(name, steady(50), codec="mpeg4", sound=codec, audio_rate=rate)
    path = tmp_path / "new.mp4"
    rewrite(source, path)
    assert sound_codec(path) == "aac"
    (before, _), (after, begin) = samples(source), samples(path)
    assert begin == pytest.approx(0, abs=0.03)
    assert len(after) == pytest.approx(len(before), abs=3000)
    assert np.abs(after).mean() / np.abs(before / np.abs(before).max() / 2).mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "flac")])
def test_sound_between_start_and_end(tmp_path: Path, film: Any, steady: Any, name: str, codec: str) -> None:
    source = film(name, steady(75), sound=codec)
    path = tmp_path / "new.mp4"
    rewrite(source, path, start=1.0, end=2.0)
    times = [time for time, _ in packets(path, "audio")]
    assert times[0] == pytest.approx(0, abs=0.12)
    assert times[-1] == pytest.approx(1, abs=0.12)
    with open_video(path) as video:
        assert [frame.time for frame in video] == pytest.approx(steady(25), abs=1e-4)


def test_a_video_without_sound_gives_none(tmp_path: Path, film: Any, steady: Any) -> None:
    source = film("a.mp4", steady(5))
    rewrite(source, tmp_path / "new.mp4")
    assert packets(tmp_path / "new.mp4", "audio") == []


def test_a_video_may_replace_the_one_it_is_made_of(film: Any, steady: Any) -> None:
    source = film("a.mp4", steady(20), sound="aac")
    before = packets(source, "audio")
    rewrite(source, source)
    assert packets(source, "audio") == before


def test_opencv_writes_no_thousand_frames_a_second(tmp_path: Path, numbered: Any) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, rate=1000, backend="opencv") as writer:
        for index in range(25):
            writer.write(numbered(index), index / 25)
    assert len(list(open_video(path, backend="opencv"))) == pytest.approx(24 / 25 * 120, abs=2)


@pytest.mark.parametrize("backend", ["pyav", "opencv"])
def test_a_full_disk_is_reported_and_leaves_the_old_file(tmp_path: Path, backend: Any) -> None:
    """OpenCV itself does not report it."""
    if backend == "pyav":
        pytest.importorskip("av")
    resource = pytest.importorskip("resource")
    path = tmp_path / "a.mp4"
    path.write_text("old")
    generator = np.random.default_rng(0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with (
            pytest.raises((VideoError, OSError), match=r"could not be written whole|File too large"),
            VideoWriter(path, rate=25, backend=backend, comment=DRAWN_COMMENT) as writer,
        ):
            for index in range(50):
                writer.write(generator.integers(0, 256, (96, 160, 3), dtype=np.uint8), index / 25)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_video_with_a_gap_is_not_kept_even_if_there_is_space_again(tmp_path: Path) -> None:
    pytest.importorskip("av")
    resource = pytest.importorskip("resource")
    generator = np.random.default_rng(0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(OSError, match="File too large"), VideoWriter(tmp_path / "a.mp4", rate=25) as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        try:
            for index in range(500):
                writer.write(generator.integers(0, 256, (96, 160, 3), dtype=np.uint8), index / 25)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", ["auto", "opencv"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit, ZeroDivisionError, OSError])
def test_an_error_leaves_the_old_file_and_keeps_the_new_one_beside_it(
    tmp_path: Path, numbered: Any, number: Any, backend: Any, error: type[BaseException]
) -> None:
    path, kept, mine = tmp_path / "a.mp4", tmp_path / "a.incomplete-2.mp4", tmp_path / "a.incomplete.mp4"
    path.write_text("old")
    mine.write_text("mine")
    for count in (1, 2):
        with pytest.raises(error), VideoWriter(path, rate=25, backend=backend, comment=DRAWN_COMMENT) as writer:
            for index in range(count):
                writer.write(numbered(index), index / 25)
            raise error
        assert [number(frame.image) for frame in open_video(kept)] == list(range(count))
    assert (path.read_text(), mine.read_text()) == ("old", "mine")
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, VideoError])
@pytest.mark.parametrize("backend", ["pyav", "opencv"])
def test_an_error_finishes_the_file(
    tmp_path: Path, film: Any, steady: Any, numbered: Any, backend: Any, error: type[BaseException]
) -> None:
    source = film("source.mp4", steady(100), sound="aac") if backend == "pyav" else None
    path = tmp_path / "new.mp4"
    with (
        pytest.raises(error),
        VideoWriter(path, rate=25, audio_from=source, backend=backend) as writer,
    ):
        for index in range(25):
            writer.write(numbered(index), index / 25)
        raise error
    assert len(list(open_video(path, backend=backend))) == 25
    if source:
        assert packets(path, "audio")[-1][0] == pytest.approx(1.0, abs=0.05)


def test_an_interrupt_before_the_first_frame_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "a.mp4", rate=25):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_no_frame_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(VideoError, match=r"a\.mp4 was not written: no frame came"),
        VideoWriter(tmp_path / "a.mp4", rate=25),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.avi", "a.webm", "a.gif", "a"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(VideoError, match=r"written as \.mp4, \.m4v, \.mov, \.mkv; got"):
        VideoWriter(tmp_path / name, rate=25)


def test_a_folder_of_that_name_is_refused_before_the_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.mkdir()
    with pytest.raises(IsADirectoryError, match=r"a\.mp4"), VideoWriter(path, rate=25):
        pytest.fail("the block was entered")


def test_a_file_for_a_folder_is_refused_before_the_first_frame(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(OSError, match="notes"), VideoWriter(tmp_path / "notes" / "a.mp4", rate=25):
        pytest.fail("the block was entered")
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_refused_before_the_first_frame(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match=r"a\.mp4"), VideoWriter(tmp_path / "a.mp4", rate=25):
        pytest.fail("the block was entered")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_before_it_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(VideoError, match=r"a\.mp4 is a pipe or a device"):
        VideoWriter(tmp_path / "a.mp4", rate=25)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_rates_that_are_none(tmp_path: Path, rate: float) -> None:
    with pytest.raises(InvalidInput, match="rate is a number"):
        VideoWriter(tmp_path / "a.mp4", rate=rate)


@pytest.mark.parametrize(
    ("second", "time", "complaint"),
    [
        (np.zeros((96, 160, 3), np.uint8), 0.0, "times of frames increase"),
        (np.zeros((96, 160, 3), np.uint8), -1.0, "times of frames increase"),
        (np.zeros((98, 160, 3), np.uint8), 0.1, r"of one size, \(160, 96\); got \(160, 98\)"),
        (np.zeros((96, 160), np.uint8), 0.1, r"an image is \(H, W, 3\)"),
    ],
)
def test_frames_that_do_not_fit(tmp_path: Path, numbered: Any, second: Any, time: float, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint), VideoWriter(tmp_path / "a.mp4", rate=25) as writer:
        writer.write(numbered(0), 0.0)
        writer.write(second, time)
    assert len(list(open_video(tmp_path / "a.mp4"))) == 1


def test_writing_outside_of_the_block(tmp_path: Path, numbered: Any) -> None:
    with pytest.raises(InvalidInput, match="inside of"):
        VideoWriter(tmp_path / "a.mp4", rate=25).write(numbered(0), 0.0)


def test_sound_of_a_file_that_is_none(tmp_path: Path) -> None:
    pytest.importorskip("av")
    other = tmp_path / "a.txt"
    other.write_text("words")
    with pytest.raises(VideoError, match=r"a\.txt \(for its sound\) is no video that can be read"):
        VideoWriter(tmp_path / "a.mp4", rate=25, audio_from=other)


def test_sound_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("av")
    with pytest.raises(VideoError, match=r"b\.mp4 \(for its sound\) .*No such file"):
        VideoWriter(tmp_path / "a.mp4", rate=25, audio_from=tmp_path / "b.mp4")


def test_opencv_writes_no_sound(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="OpenCV writes no sound"):
        VideoWriter(tmp_path / "a.mp4", rate=25, audio_from=tmp_path / "b.mp4", backend="opencv")


def test_a_size_that_no_encoder_takes(tmp_path: Path) -> None:
    pytest.importorskip("av")
    with (
        pytest.raises(VideoError, match=r"H\.264 does not take pictures of 20,000 × 2"),
        VideoWriter(tmp_path / "a.mp4", rate=25) as writer,
    ):
        writer.write(np.zeros((2, 20_000, 3), np.uint8), 0.0)
    assert list(tmp_path.iterdir()) == []


def test_without_pyav(tmp_path: Path, numbered: Any, number: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / "a.mp4"
    with VideoWriter(path, rate=25) as writer:
        writer.write(numbered(5), 0.0)
    assert [number(frame.image) for frame in open_video(path)] == [5]
    with pytest.raises(MissingExtra, match="sound"):
        VideoWriter(path, rate=25, audio_from=path)
    with pytest.raises(MissingExtra, match="Writing videos"):
        VideoWriter(path, rate=25, backend="pyav")


def write(path: Path, backend: Any, comment: str | None, num_frames: int = 3) -> None:
    with VideoWriter(path, rate=25, backend=backend, comment=comment) as writer:
        for index in range(num_frames):
            writer.write(np.full((16, 16, 3), index % 200, np.uint8), index / 25)


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv"])
@pytest.mark.parametrize("backend", ["pyav", "opencv"])
def test_a_drawing_is_recognised_and_plays_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: Any, suffix: str
) -> None:
    if backend == "pyav":
        pytest.importorskip("av")
    write(tmp_path / f"drawn{suffix}", backend, DRAWN_COMMENT)
    write(tmp_path / f"other{suffix}", backend, None)
    for reader in ("auto", "opencv"):
        with open_video(tmp_path / f"drawn{suffix}", backend=reader) as video:
            assert [frame.index for frame in video] == [0, 1, 2]
        assert video.damage is None
    monkeypatch.setitem(sys.modules, "av", None)
    assert drawn_by_mien(tmp_path / f"drawn{suffix}")
    assert not drawn_by_mien(tmp_path / f"other{suffix}")


def test_a_long_drawing_is_recognised(tmp_path: Path) -> None:
    """Its index is longer than what is searched of the file, and its comment stands behind the index."""
    pytest.importorskip("av")
    path = tmp_path / "a.mp4"
    write(path, "pyav", DRAWN_COMMENT, 6_000)
    assert path.read_bytes().index(DRAWN_COMMENT.encode()) > 20_000
    assert drawn_by_mien(path)


def test_other_programs_see_the_comment(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    write(tmp_path / "a.mp4", "pyav", DRAWN_COMMENT)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.metadata["comment"] == "drawn by mien"


@pytest.mark.parametrize("content", [b"", b"drawn by somebody else", None])
def test_what_is_no_drawing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    assert not drawn_by_mien(path)
    assert not drawn_by_mien(tmp_path)
    assert not drawn_by_mien("a\0b.mp4")
