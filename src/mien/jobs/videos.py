"""One video from its first frame to its last: decode, analyse, write; and go on after a crash."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import mien
from mien.analyzer import Analyzer, video_info
from mien.errors import InvalidInput, MienError
from mien.jobs.hiding import Hiding
from mien.jobs.journal import Journal, Mark
from mien.jobs.pictures import fault_of, give
from mien.jobs.settings import VideoSettings
from mien.jobs.sources import Source
from mien.records.sink import Sink
from mien.tracking.state import from_bytes, to_bytes
from mien.tracking.stream import Followed, Stream
from mien.values import Failure, Frame, FrameResult
from mien.video import open_video
from mien.video.background import in_background

SECONDS_A_MARK: Final = 5.0  # seconds of work that a crash loses at most


def analyze_video(
    source: Source,
    analyzer: Analyzer,
    settings: VideoSettings,
    *,
    sinks: Sequence[Sink] = (),
    hide: Hiding | None = None,
    journal: Path | None = None,
    resume: bool = False,
) -> Generator[FrameResult | Failure]:
    """The faces of a video, frame by frame; never raises for the video itself.

    Decoding, following and classifying run in threads of their own, a few frames ahead; the sinks in this one.

    The sinks, which are open, are given every result with its image, in which faces are hidden as asked. Results are
    kept in the journal for a resumption, which goes on from its last mark: frames before it are decoded again, but not
    analysed; a video that was done is not even decoded, unless a sink wants images.

    Yields:
        A result for every frame, without its image; at last a failure, if the video broke off or cannot be read.
    """
    if source.error:
        yield Failure(source.name, source.error)
        return
    with ExitStack() as stack:
        journaled = stack.enter_context(Journal(journal, _about(source, analyzer, settings))) if journal else None
        mark = journaled.begin(resume=resume) if journaled else Mark()
        images = any(sink.wants_images for sink in sinks)
        writing = list(sinks)
        faults = []
        try:
            if journaled and mark.ended and not images:
                failures = [Failure(source.name, mark.error)] if mark.error else []
                results: Iterator[FrameResult | Failure] = chain(journaled.results(), failures)
            else:
                results = stack.enter_context(closing(_analyzed(source, analyzer, settings, journaled, mark, images)))
            # Here, as the journal holds what each frame shows by itself.
            finished = settings.finished(results, analyzer.abstention)
            for result in hide.video(finished) if hide and images else finished:
                faults += [give(writing, result)]
                yield replace(result, image=None) if isinstance(result, FrameResult) else result
        except OSError:  # of the journal or of a full disk: the job ends, and can be resumed
            raise
        except Exception as error:  # noqa: BLE001 - a detector or classifier of somebody else's may raise anything
            about = "" if isinstance(error, MienError) else "it cannot be analysed: "
            failure = Failure(source.name, about + fault_of(error))
            give(writing, failure)
            yield failure
        yield from (Failure(source.name, fault) for fault in faults if fault)


def _analyzed(
    source: Source, analyzer: Analyzer, settings: VideoSettings, journal: Journal | None, mark: Mark, images: bool
) -> Generator[FrameResult | Failure]:
    """Analyse the video from the mark on, keep the journal, and give what the journal holds for the frames before."""
    old = journal.results() if journal and mark.index >= 0 else iter(())
    with ExitStack() as stack:
        video = stack.enter_context(open_video(source.path or source.address or source.name, **settings.reading))
        info = video_info(video, source.path)
        stream = Stream(
            analyzer.detector, analyzer.classifier,
            every_frame=settings.every_frame, explain=analyzer.explain, source=source.name, video=info, images=images,
        )  # fmt: skip
        if mark.state:
            stream.restore(from_bytes(mark.state))
        frames = stack.enter_context(closing(in_background(video)))
        followed = stack.enter_context(closing(in_background(_followed(frames, stream, mark), ahead=4)))
        read = in_background(_read(followed, stream, images), ahead=4)
        index = -1
        for frame_result, state in stack.enter_context(closing(read)):
            index = frame_result.index
            if index <= mark.index:
                kept = next(old, None)
                if kept is None:
                    raise InvalidInput("its journal has fewer frames than its mark says; begin anew without --resume")
                earlier = replace(kept, image=frame_result.image, video=info)
                yield _explained(earlier, analyzer) if analyzer.explain else earlier
                continue
            if journal:
                journal.append(frame_result)
                if state:
                    journal.mark(Mark(index, state))
            yield frame_result
        error = f"{video.damage}; everything up to there is kept" if video.damage else None
        if journal and not mark.ended:
            journal.mark(Mark(index, to_bytes(stream.state()), ended=True, error=error))
    if error:
        yield Failure(source.name, error)


def _explained(result: FrameResult, analyzer: Analyzer) -> FrameResult:
    """The result with the explanations of its faces, which a journal does not hold."""
    if result.image is None:
        return result
    return replace(result, faces=tuple(analyzer.explained(result.image, result.faces)))


def _followed(frames: Iterator[Frame], stream: Stream, mark: Mark) -> Generator[tuple[Frame | Followed, bytes | None]]:
    """Each frame, followed from the mark on; and now and then all that the stream remembers."""
    marked = time.monotonic()
    for frame in frames:
        if frame.index <= mark.index:
            yield frame, None
            continue
        followed = stream.follow(frame)
        state = None
        if time.monotonic() - marked > SECONDS_A_MARK:
            # Taken here, where the memory is that of this very frame; the thread runs ahead of the journal.
            state, marked = to_bytes(stream.state()), time.monotonic()
        yield followed, state


def _read(
    followed: Iterator[tuple[Frame | Followed, bytes | None]], stream: Stream, images: bool
) -> Generator[tuple[FrameResult, bytes | None]]:
    """Each frame's result, without faces where it was not followed."""
    for each, state in followed:
        if isinstance(each, Followed):
            yield stream.read(each), state
        else:
            image = each.image if images else None
            yield FrameResult(source="", index=each.index, width=0, height=0, image=image), state


def _about(source: Source, analyzer: Analyzer, settings: VideoSettings) -> dict[str, Any]:
    """What decides a video's results; a journal of anything else is not gone on from."""
    files = [source.path, analyzer.model, *analyzer.detector_options.values()]
    return {
        "source": source.name,
        "model": str(analyzer.model),
        "reading": [analyzer.reading, analyzer.prior, analyzer.max_error, analyzer.sets, analyzer.views],
        "detector": analyzer.detector_name,
        "options": {name: str(value) for name, value in analyzer.detector_options.items()},
        # Not those of merging and smoothing, which come after the journal.
        "settings": {**settings.reading, "every_frame": settings.every_frame},
        "files": [_identity(file) for file in files if isinstance(file, str | Path)],
        "mien": mien.__version__,
    }


def _identity(path: str | Path) -> dict[str, Any]:
    """What tells a file from another one under the same name."""
    try:
        status = Path(path).stat()
    except OSError:
        return {"path": str(path)}
    return {"path": str(Path(path).absolute()), "size": status.st_size, "mtime_ns": status.st_mtime_ns}
