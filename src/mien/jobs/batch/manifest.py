"""The frozen list of a batch's inputs, on disk; each shard is found in it without reading the others."""

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final

import numpy as np

from mien.errors import InvalidInput
from mien.files import replacing
from mien.jobs.batch.identity import file_sha256
from mien.jobs.batch.inputs import Input, arranged, cutting, named_sources
from mien.jobs.settings import VideoSettings

MOST_PICTURES: Final = 1000
"""Pictures of a shard, at most, where nobody says how many."""

FEWEST_SHARDS: Final = 32
"""Shards of pictures are made smaller so that there are so many, and all cores have something to do until the end."""

FEWEST_PICTURES: Final = 16
"""Pictures of a shard, at least, however few there are."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The inputs of a batch.

    Attributes:
        path: A line of JSON for each input; beside it `NAME.npy`, where the lines of each shard are.
        folder: The working folder when it was frozen, to which names are relative; empty where none is.
        num_inputs: How many inputs.
        num_shards: How many shards.
        size: Pictures in a shard.
        part: Seconds of a video in a shard; None for all of it.
        digest: SHA-256 of the list, of how it is cut into shards, and of the folder.
    """

    path: Path
    folder: str
    num_inputs: int
    num_shards: int
    size: int
    part: float | None
    digest: str

    def shard(self, number: int) -> list[Input]:
        """The inputs of one shard; raises `InvalidInput` where the list is damaged."""
        try:
            index = np.load(self.path.with_suffix(".npy"), mmap_mode="r")
            (begin, first), (end, _) = index[number : number + 2].tolist()
            with self.path.open("rb") as file:
                file.seek(begin)
                lines = file.read(end - begin).splitlines()
            return [Input.from_record(first + place, json.loads(line), self.folder) for place, line in enumerate(lines)]
        except FileNotFoundError:
            raise
        except Exception as error:  # of damaged files numpy and json raise a dozen kinds
            raise InvalidInput(f"{self.path} is damaged, at shard {number}: {error}") from error

    def check_cut(self, size: int | None, part: float | None) -> None:
        """Raise `InvalidInput` where it is cut into other shards than these say; None says nothing."""
        for option, then, given in (("--shard", self.size, size), ("--part", self.part, part)):
            if given not in (None, then):
                begun = "without it" if then is None else f"with {then:g}"
                hint = "leave it out, or name another --out"
                raise InvalidInput(f"{option}: the batch was begun {begun}, and not with {given:g}; {hint}")

    def check(self) -> None:
        """Raise `InvalidInput` where the list on the disk is not the one that was frozen."""
        with suppress(Exception):  # of a damaged file numpy raises a dozen kinds
            if _digest(self.path, self.folder) == self.digest:
                return
        raise InvalidInput(
            f"{self.path}: the list of inputs, or {self.path.with_suffix('.npy').name} beside it, is not the one that "
            "was frozen; restore both, or name another --out"
        )


def freeze(
    words: Iterable[str | Path], path: Path, *, column: str | None = None, size: int | None = None,
    part: float | None = None, settings: VideoSettings,
) -> tuple[Manifest, int]:  # fmt: skip
    """Write the list of inputs to `path`, and say how many were left out as they were named twice.

    What an input needs in memory meanwhile is 17 bytes.

    Args:
        words, column: As `named_sources` takes them.
        path: The file; one that is there is replaced.
        size: Pictures in a shard; None for 1,000, or fewer of few.
        part: Seconds of a video in a shard; None for all of it.
        settings: Of videos.

    Raises:
        InvalidInput: A list cannot be read, or nothing is named at all.
    """
    spool = path.with_suffix(".spool")
    keys = array("q")
    num_pictures = 0
    try:
        with spool.open("w", encoding="utf-8") as file, cutting(part, settings) as cut:
            for source in named_sources(words, column):
                for start, end in cut(source):
                    each = Input(0, source, start, end)
                    file.write(json.dumps(each.to_record()) + "\n")
                    keys.append(hash((each.key, start)))
                    num_pictures += not source.is_video
        if not keys:
            raise InvalidInput("nothing is named; name folders, files, patterns, or lists of files")
        size = size or min(MOST_PICTURES, max(FEWEST_PICTURES, -(-num_pictures // FEWEST_SHARDS)))
        manifest = _written(_once(spool, str(Path.cwd()), keys), path, size, part)
    finally:
        spool.unlink(missing_ok=True)
    return manifest, len(keys) - manifest.num_inputs


def _once(spool: Path, folder: str, keys: "array[int]") -> Iterator[Input]:
    """The inputs, each but once; only those whose hash occurs more than once are remembered."""
    hashes = np.sort(np.frombuffer(keys, np.int64))
    doubtful = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    del hashes
    seen = set()
    with spool.open(encoding="utf-8") as file:
        for line, key in zip(file, keys, strict=True):
            each = Input.from_record(0, json.loads(line), folder)
            if key in doubtful:
                if (each.key, each.start) in seen:
                    continue
                seen.add((each.key, each.start))
            yield each


def _written(inputs: Iterable[Input], path: Path, size: int, part: float | None) -> Manifest:
    index, end, num, folder = array("q", (0, 0)), 0, 0, ""
    with replacing(path) as partial, partial.open("wb") as file:
        for shard in arranged(inputs, size):
            lines = "".join(json.dumps(each.to_record()) + "\n" for each in shard).encode()
            file.write(lines)
            end, num = end + len(lines), num + len(shard)
            index.extend((end, num))
            if not folder and any(each.source.path and not Path(each.source.name).is_absolute() for each in shard):
                folder = str(Path.cwd())
    with replacing(path.with_suffix(".npy")) as partial, partial.open("wb") as file:
        np.save(file, np.frombuffer(index, np.int64).reshape(-1, 2))
    return Manifest(path, folder, num, len(index) // 2 - 1, size, part, _digest(path, folder))


def _digest(path: Path, folder: str) -> str:
    index = np.load(path.with_suffix(".npy"), mmap_mode="r").tobytes()
    parts = [folder, file_sha256(path), hashlib.sha256(index).hexdigest()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def check_same(frozen: Manifest, now: Manifest) -> None:
    """Raise `InvalidInput`, with the first difference, where a list is not the one that was frozen."""
    if now.digest == frozen.digest:
        return
    with frozen.path.open(encoding="utf-8") as before, now.path.open(encoding="utf-8") as after:
        pairs = enumerate(zip_longest(before, after))
        place, (old, new) = next(((place, pair) for place, pair in pairs if pair[0] != pair[1]), (0, (None, None)))
    if old is None and new is None:
        difference = f"the same names in another folder: {frozen.folder} then, {now.folder} now"
    else:
        was, is_now = ("nothing" if line is None else json.loads(line) for line in (old, new))
        difference = f"input {place} was {was}, and is {is_now}"
    raise InvalidInput(
        f"the inputs are not those that this batch was begun with ({frozen.num_inputs:,} then, {now.num_inputs:,} now; "
        f"{difference}); go on with its own list by naming no input at all; or name another --out, or delete this one"
    )
