"""`mien serve` under load, overload, slow clients and damaged bodies, on the loopback interface.

    python benchmarks/serve.py --json benchmarks/results/serve.json
    python benchmarks/serve.py --beside "uvicorn=…/uvicorn --app-dir benchmarks echo_app:app --port {port}"

A picture of 640×480 with one face is sent by 1, 8 and 64 callers, who ask again as soon as they are answered, with
batches of several sizes; then at four times the rate that can be served at that time; then while 1,000 slow and broken
clients are at work, beside other servers that run an application that does nothing; then 10,000 damaged bodies. The
callers run on the same machine, so the figures are below what the service could do alone. Beside it: a process of `mien
analyze` for each picture. Ends in one JSON line.
"""

import argparse
import asyncio
import contextlib
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
from measuring import hardware, resident_megabytes, write_result
from slow_clients import Client, closed_loop, in_turn, paced, post, under_slow_clients

from mien.images import encode_image, read_image

ROOT = Path(__file__).parents[1]
CALLERS = (1, 8, 64)
BATCHES = (1, 4, 8)
KINDS = ("image/jpeg", "image/png", "application/octet-stream", "multipart/form-data; boundary=b", "text/html",
         "multipart/form-data", "image/svg+xml", "")  # fmt: skip
PATHS = ("/v1/faces", "/v1/faces", "/v1/faces?anonymize=blur", "/v1/faces?name=%00%ff..%2f", "/v1/faces?panels=2")


def picture() -> bytes:
    """A JPEG of 640×480 with one face."""
    portrait = cv2.resize(read_image(ROOT / "docs" / "pictures" / "astronaut.jpg"), (480, 480))
    image = np.full((480, 640, 3), 90, np.uint8)
    image[:, 80:560] = portrait
    return encode_image(image, "JPEG")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def answers(port: int) -> bool:
    """Whether a server takes requests."""
    client = Client(port)
    status, _ = await client.ask(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await client.close()
    return status == 200


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[tuple[int, int]]:
    """A server's port and its process, once it answers; `{port}` in the command is where it listens."""
    port = free_port()
    process = subprocess.Popen([word.format(port=port) for word in command], cwd=ROOT)
    try:
        for _ in range(200):
            time.sleep(0.1)
            with contextlib.suppress(OSError):
                if asyncio.run(answers(port)):
                    break
        else:
            raise SystemExit(f"{command[0]} does not answer")
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(60)


def mien_serve(*options: object) -> list[str]:
    return [sys.executable, "-m", "mien", "serve", "--port", "{port}", *map(str, options)]


def load(request: bytes, seconds: float) -> dict[str, Any]:
    """Throughput and latency by the size of batches and the number of callers."""
    figures: dict[str, Any] = {}
    for batch in BATCHES:
        with running(mien_serve("--batch", batch)) as (port, pid):
            asyncio.run(closed_loop(port, request, 2, 1.0))
            rows = {}
            for callers in CALLERS:
                before = cpu_seconds(pid)
                row = asyncio.run(closed_loop(port, request, callers, seconds))
                used = cpu_seconds(pid) - before
                rows[str(callers)] = row | {"cpu_ms_a_picture": round(1000 * used / sum(row["statuses"].values()), 2)}
            figures[str(batch)] = rows
    return figures


def cpu_seconds(pid: int) -> float:
    """The processor's time that a process has used; other programs disturb it less than the time of day."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def a_process_each(content: bytes, num: int) -> dict[str, Any]:
    """The seconds of a process of the command line for each picture, one after another."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "picture.jpg")
        file.write_bytes(content)
        begun = time.perf_counter()
        for _ in range(num):
            command = [sys.executable, "-m", "mien", "analyze", str(file), "--json", "-"]
            subprocess.run(command, check=True, capture_output=True)
    return {"a_second": round(num / (time.perf_counter() - begun), 2)}


def overload(request: bytes, seconds: float, times: float = 4.0) -> dict[str, Any]:
    """So many times as much as can be served at that very time, twice."""
    with running(mien_serve()) as (port, pid):
        memory = {}
        for turn in ("first", "second"):
            served = asyncio.run(closed_loop(port, request, 32, seconds / 2))["a_second"]
            figures = asyncio.run(paced(port, request, 256, times * served, seconds))
            memory[turn] = resident_megabytes(pid)
        after = asyncio.run(closed_loop(port, request, 1, 2.0))
    return figures | {
        "served_a_second": served, "seconds": seconds, "megabytes_after_each_turn": memory,
        "one_caller_afterwards": after,
    }  # fmt: skip


def slow(request: bytes, commands: dict[str, list[str]], num: int, seconds: float) -> dict[str, Any]:
    """Each server under slow clients."""
    figures = {}
    for name, command in commands.items():
        with running(command) as (port, pid):
            figures[name] = asyncio.run(
                under_slow_clients(port, request, num, seconds, lambda pid=pid: resident_megabytes(pid))  # type: ignore[misc]
            )
    return figures


def damaged(seeds: list[bytes], random: Random) -> bytes:
    """A request whose body, type or address is not as it should be."""
    body = bytearray(random.choice(seeds))
    for _ in range(random.choice((0, 1, 3, 30))):
        body[random.randrange(len(body))] = random.randrange(256)
    if random.random() < 0.3:
        del body[random.randrange(len(body)) :]
    kind = random.choice(KINDS)
    if kind.startswith("multipart") and random.random() < 0.7:
        name = bytes(random.choice(b'a/\\."\x00%\xff\r\n;=') for _ in range(random.randrange(12)))
        part = b'--b\r\nContent-Disposition: form-data; name="a"; filename="' + name + b'"\r\n\r\n' + body + b"\r\n"
        body = bytearray(part * random.randrange(1, 4) + (b"--b--\r\n" if random.random() < 0.8 else b"--b"))
    return post(bytes(body), kind, random.choice(PATHS))


def fuzz(content: bytes, num: int) -> dict[str, Any]:
    """Damaged bodies, and how they were answered."""
    image = read_image(content)[100:260, 240:400]
    seeds = [encode_image(image, kind) for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF")]
    seeds += [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"GIF89a", b"\x89PNG\r\n\x1a\n"]
    statuses: Counter[str] = Counter()
    slowest = 0.0
    with running(mien_serve()) as (port, pid):
        before = resident_megabytes(pid)

        async def one(number: int) -> None:
            nonlocal slowest
            client = Client(port)
            begun = time.monotonic()
            try:
                status, _ = await client.ask(damaged(seeds, Random(number)))
                statuses[str(status)] += 1
            except OSError:
                statuses["no answer"] += 1
            slowest = max(slowest, time.monotonic() - begun)
            await client.close()

        asyncio.run(in_turn([lambda number=number: one(number) for number in range(num)], 4))  # type: ignore[misc]
        after = resident_megabytes(pid)
    return {"bodies": num, "statuses": dict(sorted(statuses.items())), "slowest_s": round(slowest, 2),
            "megabytes": {"before": before, "after": after}}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", action="append", default=[], metavar="NAME=COMMAND", help="another server")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement of load")
    parser.add_argument("--slow", type=int, default=1000, help="slow clients")
    parser.add_argument("--slow-seconds", type=float, default=45.0)
    parser.add_argument("--bodies", type=int, default=10_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    content = picture()
    request = post(content)
    others = {name: shlex.split(command) for name, _, command in (each.partition("=") for each in options.beside)}
    result = {
        "benchmark": "serve",
        "load": load(request, options.seconds),
        "a_process_each": a_process_each(content, 5),
        "overload": overload(request, 2 * options.seconds),
        "slow_clients": slow(request, {"mien serve": mien_serve()} | others, options.slow, options.slow_seconds),
        "fuzz": fuzz(content, options.bodies),
    }
    write_result(result | hardware(), options.json)


if __name__ == "__main__":
    main()
