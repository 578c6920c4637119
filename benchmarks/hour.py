"""Analyse an hour of video without a break, and again with `kill -9` and `--resume`, and compare the rows.

    python benchmarks/hour.py VIDEO [--json benchmarks/results/hour.json]

The hour is VIDEO in a loop at 30 frames a second, encoded once and 320 pixels wide, so that the analysis takes
minutes. Memory is read once a second. Ends in one JSON line.
"""

import argparse
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from measuring import hardware, resident_megabytes, write_result

from mien.video import VideoWriter, open_video

WIDTH = 320
RATE = 30


def shrunk(video: Path, path: Path) -> int:
    """Write the video at 30 frames a second and 320 pixels wide; return its number of frames."""
    num = 0
    with open_video(video) as source, VideoWriter(path, rate=RATE) as writer:
        height = round(source.height * WIDTH / source.width / 2) * 2
        for frame in source:
            writer.write(np.asarray(cv2.resize(frame.image, (WIDTH, height)), np.uint8), num / RATE)
            num += 1
    return num


def looped(clip: Path, num_clip: int, path: Path, num_frames: int) -> None:
    """Write the clip's packets in a loop, until there are that many frames; nothing is encoded anew."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.pts is not None]
        base = packets[0].time_base
        length = round(num_clip / RATE / base)
        for loop in range(-(-num_frames // num_clip)):
            source.seek(0)
            for packet in source.demux(video=0):
                if packet.pts is None or packet.dts is None:
                    continue
                packet.pts, packet.dts = packet.pts + loop * length, packet.dts + loop * length
                packet.time_base = Fraction(base)
                packet.stream = stream
                target.mux(packet)


def start(video: Path, lines: Path, *more: str) -> "subprocess.Popen[bytes]":
    """Start `mien analyze --jsonl`."""
    words = ["-m", "mien", "analyze", str(video), "--jsonl", str(lines), *more]
    return subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def memory_until_done(process: "subprocess.Popen[bytes]") -> list[float]:
    """Megabytes in use, once a second."""
    megabytes = []
    while process.poll() is None:
        time.sleep(1)
        megabytes.append(resident_megabytes(process.pid))
    return [each for each in megabytes if math.isfinite(each)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    num_frames = round(options.minutes * 60 * RATE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        num_clip = shrunk(options.video, folder / "clip.mp4")
        looped(folder / "clip.mp4", num_clip, folder / "hour.mp4", num_frames)
        begun = time.perf_counter()
        process = start(folder / "hour.mp4", folder / "whole.jsonl")
        megabytes = memory_until_done(process)
        seconds = time.perf_counter() - begun
        if process.returncode:
            raise SystemExit(f"the uninterrupted run ended with status {process.returncode}")

        random_generator, kills = random.Random(0), 0
        while True:
            process = start(folder / "hour.mp4", folder / "killed.jsonl", "--resume")
            if kills < options.kills:
                time.sleep(seconds * random_generator.uniform(0.15, 0.3))
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                    kills += 1
                    process.wait()
                    continue
            process.wait()
            break
        whole, killed = (folder / "whole.jsonl").read_bytes(), (folder / "killed.jsonl").read_bytes()
        tenth = max(1, len(megabytes) // 10)
        result = {
            "benchmark": "hour",
            "minutes": options.minutes,
            "num_frames": whole.count(b"\n"),
            "frames_a_second": round(whole.count(b"\n") / seconds, 1),
            "kills": kills,
            "identical_rows": whole == killed,
            "megabytes_in_the_first_fifth": round(max(megabytes[: 2 * tenth]), 1),
            "megabytes_at_the_end": round(max(megabytes[-tenth:]), 1),
        }
    write_result(result | hardware(), options.json)
    sys.exit(0 if result["identical_rows"] else os.EX_SOFTWARE)


if __name__ == "__main__":
    main()
