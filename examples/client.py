"""Asks a running `mien serve` about pictures: `python client.py party.jpg`. Needs nothing but Python."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen


class Face(NamedTuple):
    """What a face shows: the likeliest expression, and the probability of each."""

    label: str
    scores: Mapping[str, float]


def faces(picture: Path, service: str = "http://127.0.0.1:8000", token: str | None = None) -> list[Face]:
    """The faces of a picture, the largest first; a `ValueError` says why there is no answer."""
    headers = {"Content-Type": "image/*"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urlopen(Request(f"{service}/v1/faces", picture.read_bytes(), headers), timeout=60) as answer:
            [result] = json.load(answer)["results"]
    except HTTPError as error:
        raise ValueError(json.load(error)["detail"]) from error
    return [Face(face["label"], face["scores"]) for face in result["faces"]]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for face in faces(Path(name)):
            print(f"{name}: {face.label} {face.scores[face.label]:.0%}")
