"""Give mien files that were made to do harm, and count what comes of it; damage at random is what fuzz.py does.

    python benchmarks/hostile.py [--inputs 1500] [--kinds bombs] [--seed 0] [--json benchmarks/results/hostile.json]

Code in a file must not run, no other file may be read through it, no connection be opened, and what is unpacked has the
bounds of fuzz.py: ten seconds, a gigabyte above what a picture may cost, a result or one of mien's errors, no word on
standard error. All options are those of fuzz.py. Linux only.
"""

import contextlib
import hashlib
import io
import json
import os
import pickle
import shutil
import socket
import struct
import threading
import warnings
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import fuzz
import numpy as np
from fuzz import Random, mutated, with_a_wild_value

from mien import Analyzer
from mien.images import animation, read_image, write_image
from mien.recognition.classifier import OnnxClassifier
from mien.values import Failure, check_image
from mien.video import open_video

RESULTS: Final = Path(__file__).parent / "results"
SECRET: Final = b"what nobody else may read. " * 4  # as many bytes as the kernel of the small model


class Trap:
    """A file that code in an input would make, and a port at which nobody should call."""

    def __init__(self, folder: Path) -> None:
        self.mark = folder / "ran"
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._calls = 0
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def command(self) -> str:
        return f"touch {self.mark}"

    def _listen(self) -> None:
        while True:
            connection, _ = self._server.accept()
            self._calls += 1
            connection.close()

    def check(self) -> None:
        """Raise `AssertionError` where one of them was used since the last time."""
        ran, self._calls, called = self.mark.exists(), 0, self._calls
        self.mark.unlink(missing_ok=True)
        if ran:
            raise AssertionError("code in the input ran")
        if called:
            raise AssertionError("a connection was opened")


class Hostile:
    """A kind whose inputs are made from random numbers while they are run; the trap is looked at after each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trap = Trap(folder)

    def make(self, rng: Random) -> bytes:
        return rng.randbytes(16)

    def run(self, content: bytes, rng: Random) -> None:
        try:
            self.attack(Random(content))
        finally:
            self.trap.check()

    def attack(self, rng: Random) -> None:
        """Make one input, and give it to mien."""
        raise NotImplementedError


class Evil:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._called = function, arguments

    def __reduce__(self) -> Any:
        return self._called


class Pickles(Hostile):
    """Checkpoints and arrays with code in them, in every wrapping that torch and numpy read."""

    def __init__(self, folder: Path) -> None:
        import torch

        from mien.training.checkpoint import load
        from mien.training.initial import load_initial
        from mien.training.trained import load_trained

        super().__init__(folder)
        self._torch, self._load = torch, (load, load_trained, lambda path: load_initial(str(path)))
        self._good = fuzz.Checkpoints(folder).whole

    def attack(self, rng: Random) -> None:
        path = self.folder / "model.pt"
        evil = self._evil(rng)
        protocol = rng.randrange(6)
        content: Any = rng.choice((evil, {"tensors": evil, "about": "{}"}, {"tensors": {}, "about": evil}))
        what = rng.randrange(5)
        if what == 0:
            path.write_bytes(pickle.dumps(content, protocol))
        elif what == 1:
            protocol = max(2, protocol)
            self._torch.save(content, path, pickle_protocol=protocol, _use_new_zipfile_serialization=rng.random() < 0.5)
        else:
            path.write_bytes(self._archive(pickle.dumps(content, max(2, protocol)), rng))
        if rng.random() < 0.1:
            path.write_bytes(mutated(path.read_bytes(), rng))
        self._load[rng.randrange(3)](path)

    def _evil(self, rng: Random) -> Any:
        command = self.trap.command
        mark = str(self.trap.mark)
        return rng.choice((
            lambda: Evil(os.system, command),
            lambda: Evil(exec, f"open({mark!r}, 'w').close()"),
            lambda: Evil(eval, f"open({mark!r}, 'w')"),
            lambda: Evil(open, mark, "w"),
            lambda: Evil(Path.touch, self.trap.mark),
            lambda: Evil(getattr, Evil(__import__, "os"), "system"),
            lambda: Evil(self._torch.load, mark),
            lambda: Evil(np.memmap, mark, "uint8", "w+", 0, (9,)),
            lambda: Evil(shutil.copy, __file__, mark),
        ))()  # fmt: skip

    def _archive(self, pickled: bytes, rng: Random) -> bytes:
        """A checkpoint in which the description is another one: instead of it, before it, after it, or compressed."""
        target = io.BytesIO()
        how = rng.choice(("instead", "before", "after", "compressed"))
        with zipfile.ZipFile(io.BytesIO(self._good)) as source, zipfile.ZipFile(target, "w") as changed:
            for name in source.namelist():
                content = source.read(name)
                if not name.endswith("data.pkl"):
                    changed.writestr(name, content)
                    continue
                order = {"before": (pickled, content), "after": (content, pickled)}.get(how, (pickled,))
                for each in order:
                    with warnings.catch_warnings(action="ignore"):  # that there are two of a name
                        changed.writestr(name, each, zipfile.ZIP_DEFLATED if how == "compressed" else None)
        return target.getvalue()


class Outside(Hostile):
    """ONNX files that take weights from other files."""

    def __init__(self, folder: Path) -> None:
        import onnx

        from mien.training.initial import load_initial

        super().__init__(folder)
        self._onnx, self._initial = onnx, load_initial
        self._models = folder / "models"
        self._models.mkdir()
        (folder / "secret").write_bytes(SECRET)
        (self._models / "beside").write_bytes(SECRET)
        (self._models / "link").symlink_to(folder / "secret")

    def attack(self, rng: Random) -> None:
        model = fuzz.small_model()
        names = ("beside", "link", "../secret", str(self.folder / "secret"), "/dev/zero", "/proc/self/environ",
                 "./../models/../secret", "..\\secret", "nowhere", "*/_ORT_MEM_ADDR_/*", "")  # fmt: skip
        tensor = self._tensor(rng.choice(names), rng)
        where = rng.randrange(4)
        if where == 0:
            for each in model.graph.initializer:
                if each.name == "kernel":
                    each.CopyFrom(tensor)
        elif where == 1:  # used by nobody
            tensor.name = "network.more"
            model.graph.initializer.append(tensor)
        elif where == 2:
            model.graph.initializer.remove(next(each for each in model.graph.initializer if each.name == "kernel"))
            model.graph.node.insert(0, self._onnx.helper.make_node("Constant", [], ["kernel"], value=tensor))
        else:
            model.graph.node.append(self._onnx.helper.make_node("Constant", [], ["unused"], value=tensor))
        path = self._models / "model.onnx"
        path.write_bytes(model.SerializeToString())
        if rng.random() < 0.5:
            classifier = OnnxClassifier(path)
            seen = classifier.logits(np.ones((1, 16, 16), np.uint8)).tobytes()
        else:
            seen = b"".join(each.numpy().tobytes() for each in self._initial(str(path)).weights.values())
        if SECRET[:16] in seen or self._like_the_secret(seen):
            raise AssertionError("another file was read")

    def _tensor(self, location: str, rng: Random) -> Any:
        tensor = self._onnx.TensorProto(name="kernel", data_type=1, dims=[3, 1, 3, 3], data_location="EXTERNAL")
        entries = {"location": location}
        if rng.random() < 0.5:
            entries |= {"offset": str(rng.choice((0, 4, 1 << 40, -4))), "length": str(rng.choice((108, 0, 1 << 40)))}
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=value)
        if rng.random() < 0.1:
            tensor.dims[0] = rng.choice((1 << 20, 1 << 31))
        return tensor

    @staticmethod
    def _like_the_secret(seen: bytes) -> bool:
        """Whether numbers are as large as those that four letters make, or logits of such a kernel."""
        values = np.frombuffer(seen[: len(seen) // 4 * 4], np.float32)
        return bool((np.abs(values) > 1e15).any())


class Playlists(Hostile):
    """Text files that name other videos, on this machine and elsewhere, under the name of a video."""

    def attack(self, rng: Random) -> None:
        away = rng.choice((
            f"http://127.0.0.1:{self.trap.port}/a.ts", f"tcp://127.0.0.1:{self.trap.port}",
            f"rtsp://127.0.0.1:{self.trap.port}/a", f"https://127.0.0.1:{self.trap.port}/a.mp4",
            f"rtmp://127.0.0.1:{self.trap.port}/a/b", f"hls+http://127.0.0.1:{self.trap.port}/a.m3u8",
            f"crypto+http://127.0.0.1:{self.trap.port}/a", f"concat:http://127.0.0.1:{self.trap.port}/a",
            f"subfile,,start,0,end,9,,:http://127.0.0.1:{self.trap.port}/a", f"ftp://127.0.0.1:{self.trap.port}/a.mp4",
        ))  # fmt: skip
        text = rng.choice((
            f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{away}\n#EXT-X-ENDLIST\n",
            f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{away}\n",
            f'#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXT-X-KEY:METHOD=AES-128,URI="{away}"\n#EXTINF:9,\na.ts\n#EXT-X-ENDLIST\n',
            f'#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXT-X-MAP:URI="{away}"\n#EXTINF:9,\na.ts\n#EXT-X-ENDLIST\n',
            f"ffconcat version 1.0\nfile '{away}'\n",
            f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {self.trap.port} RTP/AVP 96\n",
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" minBufferTime="PT1S">'
            f'<Period><AdaptationSet mimeType="video/mp4"><Representation id="1"><BaseURL>{away}</BaseURL>'
            "</Representation></AdaptationSet></Period></MPD>",
            f"[playlist]\nFile1={away}\nNumberOfEntries=1\n",
            f'<smil><body><video src="{away}"/></body></smil>',
        ))  # fmt: skip
        path = self.folder / f"video.{rng.choice(('mp4', 'm3u8', 'mkv', 'ts', 'avi', 'mpd', 'sdp', 'concat', 'txt'))}"
        path.write_text(text, encoding="utf-8")
        backend: Any = rng.choice(("pyav", "opencv"))
        with contextlib.closing(open_video(path, backend=backend, threads=1)) as video:
            for _, frame in zip(range(3), video, strict=False):
                check_image(frame.image)


class Bombs:
    """Small files that unpack to gigabytes, or say so: archives, chunks of pictures, canvases, metadata."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        packer = zlib.compressobj(6)
        self._zeros = b"".join(packer.compress(bytes(1 << 24)) for _ in range(96)) + packer.flush()  # of 1.5 GB
        self._load = fuzz.Checkpoints(folder).load
        self._makers = (self._archive, self._chunks, self._canvas, self._metadata)

    def make(self, rng: Random) -> bytes:
        number = rng.randrange(len(self._makers))
        return bytes([number]) + self._makers[number](rng)

    def run(self, content: bytes, rng: Random) -> None:
        from mien.tracking.state import from_bytes

        number, path = content[0], self._folder / "input.onnx"
        path.write_bytes(memoryview(content)[1:])
        if number == 0 and rng.random() < 0.5:
            from_bytes(content[1:])
        elif number == 0:
            self._load(path)
        elif number == 3:
            OnnxClassifier(path)
        elif rng.random() < 0.5:
            check_image(read_image(path))
        else:
            for _, (image, _) in zip(range(5), animation(path), strict=False):
                check_image(image)

    def _archive(self, rng: Random) -> bytes:
        """A checkpoint or a saved state of zeros, compressed; it may lie about its size."""
        return _zipped({"archive/data.pkl": self._zeros, "archive/version": self._zeros}, rng)

    def _chunks(self, rng: Random) -> bytes:
        """A PNG whose texts, profile or pixels unpack to more than it shows."""
        kind = rng.choice((b"zTXt", b"iTXt", b"iCCP", b"IDAT", b"eXIf"))
        head = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}.get(kind, b"")
        chunks = [_chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0))]
        chunks += [_chunk(kind, head + self._zeros)] * rng.choice((1, 1, 3))
        chunks += [_chunk(b"IDAT", zlib.compress(bytes(16 * 49))), _chunk(b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)

    def _canvas(self, rng: Random) -> bytes:
        """A picture or an animation that says it is very large."""
        sides = [rng.choice((1, 100, 20_000, 65_535)) for _ in range(2)]
        if rng.random() < 0.5:
            frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
            return b"GIF89a" + struct.pack("<HHBBB", *sides, 0x80, 0, 0) + bytes(6) + frame * 20 + b";"
        header = _chunk(b"IHDR", struct.pack(">IIBBBBB", *sides, 1, 0, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", self._zeros) + _chunk(b"IEND", b"")

    def _metadata(self, rng: Random) -> bytes:
        """A model file whose description is deep, wide or made of very many labels."""
        model = fuzz.small_model()
        entry = model.metadata_props[0]
        num = rng.choice((1_000, 100_000, 4_000_000, 30_000_000))
        text = rng.choice(("[],", "[", '"":0,', "x", "9", '"\\u0000",'))
        begin, end = rng.choice((("[", "0]"), ('"', '"'), ("{", '"":0}'), ("", "]" * num)))
        wide = begin + text * num + end
        if rng.random() < 0.5:
            entry.value = wide
        else:
            field = rng.choice(("labels", "profile", "readings", "recipe", "unlike", "name"))
            entry.value = entry.value.replace("{", f'{{"{field}": {wide}, ', 1)
        content: bytes = model.SerializeToString()
        return content


class Frames:
    """Videos of frames as large as FFmpeg takes, which may say that they are small."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "video.mov"

    def make(self, rng: Random) -> bytes:
        import av

        side = rng.choice((2_000, 8_000, 16_000))
        header = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
        pixels = zlib.compress(bytes(side * (side // 8 + 1)), 1)
        picture = b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
        with av.open(str(self._path), "w") as file:
            stream: Any = file.add_stream("png", rate=10)
            stream.width = stream.height = rng.choice((16, side))
            stream.pix_fmt = "monob"
            packet = av.Packet(picture)
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, 0, 0, True
            file.mux(packet)
        return self._path.read_bytes()

    def run(self, content: bytes, rng: Random) -> None:
        self._path.write_bytes(content)
        backend: Any = rng.choice(("pyav", "opencv"))
        with open_video(self._path, backend=backend, threads=1) as video:
            for frame in video:
                check_image(frame.image)


def _chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def _zipped(members: dict[str, bytes], rng: Random) -> bytes:
    """An archive of members that are compressed already (zlib); their true sizes may be left unsaid."""
    said = rng.choice((96 << 24, 1000, 1000, 0, 0xFFFFFFFE))
    parts, directory = b"", b""
    for name, packed in members.items():
        raw, key = packed[2:-4], name.encode()
        fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 0, len(raw), said, len(key), 0)
        directory += b"PK\1\2" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(parts)) + key
        parts += b"PK\3\4" + fields + key + raw
    num = len(members)
    return parts + directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, num, num, len(directory), len(parts), 0)


class Journals(Hostile):
    """The journal of an interrupted video, edited by somebody who knows how its checksum is made."""

    def __init__(self, folder: Path) -> None:
        from mien.jobs.journal import read_mark
        from mien.jobs.settings import VideoSettings
        from mien.jobs.sources import Source
        from mien.jobs.videos import analyze_video

        super().__init__(folder)
        video = folder / "talk.mp4"
        video.write_bytes(next(fuzz.clips(folder)))
        self._journal = folder / "talk.jsonl"
        self._mark = self._journal.with_suffix(".mark")
        analyzer, source = Analyzer("mini-xception", _everywhere), Source("talk.mp4", video, Path("talk.mp4"), True)

        def analyze(*, resume: bool) -> list[Any]:
            return list(analyze_video(source, analyzer, VideoSettings(), journal=self._journal, resume=resume))

        self._analyze = analyze
        analyze(resume=False)
        self._lines = self._journal.read_bytes().splitlines(keepends=True)
        found = read_mark(self._mark)
        assert found is not None
        self._head, self._state = found

    def attack(self, rng: Random) -> None:
        lines, head, state = list(self._lines), dict(self._head), self._state
        at = rng.randrange(len(lines))
        what = rng.randrange(5)
        if what == 0:
            lines[at] = json.dumps(with_a_wild_value(json.loads(lines[at]), rng)).encode() + b"\n"
        elif what == 1:
            lines[at] = mutated(lines[at], rng, lines[0])
        elif what == 2:
            lines[at] = (
                rng.choice((b"[" * 100_000, b"[]\n", b"null\n", b"9" * 5000, b"\xff\n", b'{"a":' * 5000)) + b"\n"
            )
        if rng.random() < 0.6:  # as if it had not ended
            head |= {"ended": False, "index": rng.randrange(len(lines)), "length": sum(map(len, lines))}
        if what == 3:
            state = mutated(state, rng, state) if rng.random() < 0.5 else _other_arrays(state, rng)
        elif what == 4:
            head = with_a_wild_value(head, rng)
        self._journal.write_bytes(b"".join(lines))
        content = json.dumps(head).encode() + b"\n" + state
        self._mark.write_bytes(hashlib.sha256(content).hexdigest().encode() + content)
        for each in self._analyze(resume=True):
            if isinstance(each, Failure) and "cannot be analysed" in each.error:
                raise AssertionError(each.error)


def _everywhere(image: Any) -> list[Any]:
    """A detector that takes every picture for a face."""
    from mien.values import Box, Detection

    return [Detection(Box(0.0, 0.0, float(image.shape[1]), float(image.shape[0])), 1.0)]


def _other_arrays(state: bytes, rng: Random) -> bytes:
    """A saved state, one array of which has other values, another type or another shape."""
    from mien.tracking.state import from_bytes, to_bytes

    arrays = from_bytes(state)
    name = rng.choice(list(arrays))
    value = arrays[name]
    arrays[name] = rng.choice((
        lambda: np.full_like(value, 127) if value.dtype.kind in "iufb" else value,
        lambda: np.full(value.shape, np.inf),
        lambda: -np.ones((3, 3, 3)),
        lambda: np.array("text"),
        lambda: np.zeros((0,)),
        lambda: np.array([1 << 62]),
    ))()  # fmt: skip
    if rng.random() < 0.3:
        arrays[name.replace("0", "99999999999")] = arrays.pop(name)
    return to_bytes(arrays)


class Batches(Hostile):
    """The folder of a batch that somebody else hands over to be verified."""

    def __init__(self, folder: Path) -> None:
        from mien.jobs.batch.run import batch

        super().__init__(folder)
        for number in range(6):
            write_image(folder / "album" / f"{number}.png", np.full((16, 16, 3), 40 * number, np.uint8))
        self._whole, self._out = folder / "whole", folder / "out"
        analyzer = Analyzer("mini-xception", "haar")
        batch([folder / "album"], self._whole, analyzer, shard=3, executor=_Here())

    def attack(self, rng: Random) -> None:
        from mien.jobs.batch.verify import verify

        shutil.rmtree(self._out, ignore_errors=True)
        shutil.copytree(self._whole, self._out)
        records = self._out / "_batch"
        rng.choice((self._code, self._json, self._json, self._list, self._index, self._table))(records, rng)
        verify(self._out, sample=2, seed=0)

    def _code(self, records: Path, rng: Random) -> None:
        plan = json.loads((records / "batch.json").read_text(encoding="utf-8"))
        command, mark = self.trap.command, str(self.trap.mark)
        name, options = rng.choice((
            ("os:system", {"command": command}),
            ("subprocess:getoutput", {"cmd": command}),
            ("subprocess:run", {"args": ["touch", mark]}),
            ("builtins:exec", {"source": f"open({mark!r}, 'w')"}),
            ("shutil:copy", {"src": __file__, "dst": mark}),
            ("pathlib:Path.touch", {"self": mark}),
        ))  # fmt: skip
        plan["arguments"][1:3] = [name, plan["arguments"][2] | options]
        (records / "batch.json").write_text(json.dumps(plan), encoding="utf-8")

    def _json(self, records: Path, rng: Random) -> None:
        path = rng.choice([records / "batch.json", *sorted((records / "shards").glob("*.json"))])
        value = with_a_wild_value(json.loads(path.read_text(encoding="utf-8")), rng)
        content = json.dumps(value).encode() if rng.random() < 0.8 else mutated(path.read_bytes(), rng)
        path.write_bytes(rng.choice((content, content, content, b"[" * 100_000)))

    def _list(self, records: Path, rng: Random) -> None:
        path = records / "inputs.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        at = rng.randrange(len(lines))
        wild = {
            "source": rng.choice(fuzz.WILD),
            rng.choice(("video", "error", "url", "nowhere", "start")): rng.choice(fuzz.WILD),
        }
        lines[at] = rng.choice((mutated(lines[at], rng), json.dumps(wild).encode() + b"\n", b"[" * 100_000 + b"\n"))
        path.write_bytes(b"".join(lines))
        index = np.load(path.with_suffix(".npy"))
        if rng.random() < 0.7:  # the places of the lines are right again
            ends = np.cumsum([0, *map(len, lines)])
            index[:, 0] = [ends[min(first, len(ends) - 1)] for first in index[:, 1]]
            np.save(path.with_suffix(".npy"), index)

    def _index(self, records: Path, rng: Random) -> None:
        path = records / "inputs.npy"
        other = io.BytesIO()
        wild = rng.choice((np.array([[Evil(os.system, self.trap.command)] * 2] * 3, object), np.zeros(3), np.array("a"),
                           np.full((9, 2), 1 << 62), np.zeros((3, 2, 2), "i8"), -np.ones((3, 2), "i8")))  # fmt: skip
        np.save(other, wild, allow_pickle=True)
        path.write_bytes(rng.choice((other.getvalue(), mutated(path.read_bytes(), rng))))

    def _table(self, records: Path, rng: Random) -> None:
        table = self._out / "shard-0000000.parquet"
        table.write_bytes(mutated(table.read_bytes(), rng))
        path = records / "shards" / "shard-0000000.json"
        report = json.loads(path.read_text(encoding="utf-8"))
        digest = hashlib.sha256(table.read_bytes()).hexdigest()
        report["table"] = {"bytes": table.stat().st_size, "sha256": digest}
        path.write_text(json.dumps(report), encoding="utf-8")


class _Here:
    """An executor that does everything at once in this process."""

    num = 1

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(function(*arguments))
        return future


class Runs(Hostile):
    """The folder of a training that somebody else hands over."""

    def __init__(self, folder: Path) -> None:
        from mien.training.run import Run, summary

        super().__init__(folder)
        self._run, self._summary = Run(folder / "run"), summary
        self._run.folder.mkdir()
        self._seeds = sorted((RESULTS / "runs").glob("*/run.json"))

    def attack(self, rng: Random) -> None:
        seed = rng.choice(self._seeds)
        about = json.loads(seed.read_text(encoding="utf-8"))
        lines = seed.with_name("metrics.jsonl").read_text(encoding="utf-8").splitlines()[:3]
        if rng.random() < 0.5:
            about = with_a_wild_value(about, rng)
        else:
            at = rng.randrange(len(lines))
            wild = json.dumps(with_a_wild_value(json.loads(lines[at]), rng))
            lines[at] = rng.choice((wild, wild, "[" * 100_000, "null", "9" * 5000))
        self._run.about.write_text(json.dumps(about), encoding="utf-8")
        self._run.metrics.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._summary(self._run)


KINDS: Final[fuzz.Kinds] = {
    "pickles": (Pickles, 0.2, ("torch", "pydantic")),
    "outside": (Outside, 0.15, ("onnx", "torch", "pydantic")),
    "playlists": (Playlists, 0.1, ("av",)),
    "bombs": (Bombs, 0.04, ("torch", "onnx", "pydantic")),
    "frames": (Frames, 0.01, ("av",)),
    "journals": (Journals, 0.2, ("av",)),
    "batches": (Batches, 0.2, ("pyarrow",)),
    "runs": (Runs, 0.1, ("torch", "pydantic")),
}

if __name__ == "__main__":
    fuzz.main("hostile", KINDS, 1_500)
