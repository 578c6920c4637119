"""Downloading a model that is not shipped: once, when its user asks for it, with a check of its content."""

import hashlib
import http.client
import os
import queue
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from mien.errors import DownloadError
from mien.files import cache_folder, replacing

TIMEOUT = 30
"""Longest time that a server may stay silent, in seconds."""

LONGEST = 300
"""Longest time that a download may take, in seconds."""

LARGEST = 16 * 2**20
"""Size at which a download stops, in bytes; no file fetched here is that large."""


@dataclass(frozen=True, slots=True)
class Source:
    """The address of a file, and how to verify it.

    Attributes:
        name: The file's name in the cache.
        url: The address.
        sha256: The SHA-256 of its content, in hexadecimal.
        variable: The environment variable that may name another address of the same content (a mirror).
    """

    name: str
    url: str
    sha256: str
    variable: str


YUNET = Source(
    name="face_detection_yunet_2023mar.onnx",
    url="https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx",
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    variable="MIEN_YUNET_URL",
)


def fetched(source: Source) -> Path:
    """The path of a file in the cache, fetched already or not."""
    return cache_folder() / "models" / source.name


def fetch(source: Source) -> Path:
    """The file in the cache, fetched now unless it is there already.

    Raises:
        DownloadError: The server does not answer, or sends something else; nothing is left behind.
        OSError: The cache cannot be written.
    """
    path = fetched(source)
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == source.sha256:
        return path
    url = os.environ.get(source.variable) or source.url
    by_hand = f"Download it by hand, and name the file with --detector-model FILE: {source.url}"
    try:
        content = _downloaded(url)
    except (OSError, ValueError, http.client.HTTPException) as error:  # ValueError: it is no address
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise DownloadError(f"{source.name} could not be fetched from {url}: {reason}. {by_hand}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != source.sha256:
        raise DownloadError(
            f"what {url} sent is not {source.name}: its SHA-256 is {digest}, expected {source.sha256}. {by_hand}"
        )
    with replacing(path) as partial:
        partial.write_bytes(content)
    return path


def _downloaded(url: str) -> bytes:
    # In a thread, as a server may also send its headers a byte at a time.
    answers: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()

    def download() -> None:
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
                answers.put(answer.read(LARGEST + 1))
        except (OSError, ValueError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            answers.put(error)

    threading.Thread(target=download, daemon=True).start()
    try:
        answer = answers.get(timeout=LONGEST)
    except queue.Empty:
        raise TimeoutError(f"it took longer than {LONGEST} seconds") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def fetch_yunet() -> Path:
    """YuNet's model (233 KB, MIT), fetched from OpenCV Zoo unless it is in the cache.

    Raises:
        DownloadError: It could not be fetched, or the server sent another file.
    """
    return fetch(YUNET)
