"""Frames a second of a video's analysis, with and without drawing, against the plain way; and memory.

    python benchmarks/video.py MEDIA [--json benchmarks/results/video.json]

MEDIA is a folder with the videos that `TOGETHER` names, of one person each; videos of 1280x720 with one face and with
three are made of them. "Plain" is what programs in this field do: the detector and the network on every frame, one
after another, with the same settings. The two take turns; a figure is the best of the rounds. Memory is measured over
20,000 frames of the first video in a loop. Ends in one JSON line.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from following import letterboxed
from measuring import hardware, resident_megabytes, write_result

import mien
from mien import Analyzer, Frame, FrameResult, open_video
from mien.drawing import History, annotate
from mien.tracking.smoothing import Smoother
from mien.tracking.stream import Stream
from mien.video import VideoWriter

TOGETHER = {"one.mp4": ("woman.mp4",), "three.mp4": ("woman.mp4", "portrait.mp4", "single_face.mp4")}
"""Which people are next to each other in each video that is measured."""

RATE, SECONDS = 30, 15


def make(video: Path, media: Path, people: Sequence[str]) -> None:
    """Write a video of 1280x720 of these videos next to each other, each forwards and backwards until the end."""
    width = 1280 // len(people)
    columns = []
    for name in people:
        with open_video(media / name) as source:
            frames = [letterboxed(frame.image, width, 720) for frame in source]
        columns.append(cycle(chain(frames, frames[::-1])))
    with VideoWriter(video, rate=RATE) as writer:
        for index, parts in enumerate(islice(zip(*columns, strict=True), RATE * SECONDS)):
            beside = 1280 - width * len(people)
            image = np.asarray(np.pad(np.hstack(parts), ((0, 0), (0, beside), (0, 0))), np.uint8)
            writer.write(image, index / RATE)


def frames_a_second(video: Path, analyzer: Analyzer, *names: str) -> float:
    """The speed of the whole job with these outputs, as `mien analyze` does it."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = {Path(name).stem: Path(folder, name) for name in names}
        start = time.perf_counter()
        summary = mien.analyze([video], analyzer, outputs)
        return summary.num_frames / (time.perf_counter() - start)


def plain(video: Path, analyzer: Analyzer) -> float:
    """Frames a second of reading, detecting and classifying each frame in turn."""
    start, num = time.perf_counter(), 0
    capture = cv2.VideoCapture(str(video))
    while True:
        came, bgr = capture.read()
        if not came:
            return num / (time.perf_counter() - start)
        analyzer(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))  # type: ignore[arg-type] # (H, W, 3) uint8
        num += 1


def stages(video: Path, analyzer: Analyzer) -> dict[str, float]:
    """Milliseconds a frame of each stage, one after another, on one thread but for the decoder and the encoder."""
    cv2.setNumThreads(1)
    spent = dict.fromkeys(("decode", "detect", "track", "crop, classify and assess", "smooth", "draw", "encode"), 0.0)
    stream = Stream(analyzer.detector, analyzer.classifier)
    tracker, history, results = stream._tracker, History(), []
    clock = time.perf_counter
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        source = stack.enter_context(open_video(video))
        writer = stack.enter_context(VideoWriter(folder / "a.mp4", rate=source.rate or 25))
        while True:
            t0 = clock()
            frame = next(source, None)
            if frame is None:
                break
            t1 = clock()
            looks = tracker.wants_detection(frame.image, frame.time)
            t2 = clock()
            found = analyzer.detector(frame.image) if looks else None
            t3 = clock()
            tracks = tracker.update(frame.image, frame.time, found)
            t4 = clock()
            faces = stream._faces(frame, tracks)
            t5 = clock()
            image = annotate(frame.image, faces, time=frame.time, history=history)
            t6 = clock()
            writer.write(image, frame.time)
            t7 = clock()
            lengths = (t1 - t0, t3 - t2, t2 - t1 + t4 - t3, t5 - t4, 0, t6 - t5, t7 - t6)
            for name, seconds in zip(spent, lengths, strict=True):
                spent[name] += seconds
            height, width = image.shape[:2]
            results.append(FrameResult(source="", time=frame.time, width=width, height=height, faces=faces))
    start = clock()
    num = len([*Smoother()(results)])
    spent["smooth"] += clock() - start
    cv2.setNumThreads(-1)  # as many as there were
    return {name: round(seconds / num * 1e3, 2) for name, seconds in spent.items()}


def memory(video: Path, analyzer: Analyzer, num_frames: int) -> dict[str, float]:
    """Megabytes in use after a tenth of the frames and after all."""
    after: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, mien.open_output(Path(folder, "a.jsonl"), analyzer) as output:
        for num, result in enumerate(analyzer.stream(again_and_again(video, num_frames)), start=1):
            output.write(result)
            if num in (num_frames // 10, num_frames):
                after[f"after {num} frames"] = resident_megabytes()
    return after


def again_and_again(video: Path, num_frames: int) -> Iterator[Frame]:
    """The video's frames in a loop, until there are that many."""
    index, offset = 0, 0.0
    while True:
        last = 0.0
        with open_video(video) as source:
            for frame in source:
                if index == num_frames:
                    return
                yield Frame(index, offset + frame.time, frame.image)
                index, last = index + 1, frame.time
        offset += last + 0.04


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("media", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--frames", type=int, default=20_000, help="for the memory")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        videos = [Path(folder, name) for name in TOGETHER]
        for video in videos:
            make(video, options.media, TOGETHER[video.name])
        result = measured(videos, options.rounds, options.frames)
    write_result(result | hardware(), options.json)


def measured(videos: Sequence[Path], rounds: int, num_frames: int) -> dict[str, Any]:
    """The speed of each video, and the memory over the first."""
    analyzer = Analyzer()
    speed: dict[str, dict[str, Any]] = {}
    for video in videos:
        ways = {
            "analysis": partial(frames_a_second, video, analyzer, "csv.csv"),
            "analysis and annotated video": partial(frames_a_second, video, analyzer, "csv.csv", "annotate.mp4"),
            "plain": partial(plain, video, analyzer),
        }
        best = dict.fromkeys(ways, 0.0)
        for name in list(ways) * rounds:
            best[name] = max(best[name], ways[name]())
        speed[video.name] = {
            "size": "1280x720",
            "frames_a_second": {name: round(value, 1) for name, value in best.items()},
            "milliseconds_a_frame": stages(video, analyzer),
        }
        print(video.name, speed[video.name], flush=True)
    return {
        "benchmark": "video",
        "speed": speed,
        "resident_megabytes": memory(videos[0], analyzer, num_frames),
        "rounds": rounds,
    }


if __name__ == "__main__":
    main()
