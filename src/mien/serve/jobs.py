"""Videos that were uploaded: a bounded queue, one worked on at a time, results that are kept for a while."""

import asyncio
import multiprocessing
import secrets
import shutil
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final, Literal, TypeAlias

from mien.analyzer import Analyzer
from mien.jobs.settings import VideoSettings
from mien.serve.limits import Limits
from mien.serve.problems import Problem, busy
from mien.serve.service import Service
from mien.serve.video_work import LINES, TABLE, Progress, received, work_on

State: TypeAlias = Literal["queued", "running", "done", "failed"]

_DIED: Final = "the process that analysed it died, as by a lack of memory"


@dataclass(eq=False)
class Job:
    """One video."""

    analyzer: Analyzer
    name: str
    folder: Path
    settings: VideoSettings
    id: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    state: State = "queued"
    progress: Progress = field(default_factory=lambda: Progress(0, 0, 0.0))
    problem: Problem | None = None
    ended: float | None = None  # by the monotonic clock
    process: BaseProcess | None = None

    @property
    def file(self) -> Path:
        """The video."""
        return self.folder / "video"

    @property
    def unfinished(self) -> bool:
        return self.state in ("queued", "running")

    def fields(self, kept_seconds: float) -> dict[str, Any]:
        """What its client gets; docs/serve.md describes the fields."""
        return {
            "id": self.id,
            "state": self.state,
            "name": self.name,
            "frames": self.progress.frames,
            "progress": self.progress.share,
            "error": self.problem and self.problem.fields(),
            "expires_in": None if self.ended is None else max(0.0, self.ended + kept_seconds - time.monotonic()),
            "results": f"/v1/jobs/{self.id}/results" if self.state == "done" else None,
        }


class Jobs:
    """All videos of one service. Its methods are called in the event loop; one thread works on the videos."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._limits: Limits = service.limits
        self._folder = Path(mkdtemp(prefix="mien-serve-"))  # nobody else may look into it
        self._jobs: dict[str, Job] = {}
        self._uploading = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="mien-serve-videos", daemon=True)
        self._thread.start()
        service.metrics.watch("mien_jobs_unfinished", "Videos that wait or are worked on.", self._unfinished)

    async def add(self, analyzer: Analyzer, name: str, settings: VideoSettings, content: AsyncIterator[bytes]) -> Job:
        """Store a video as it comes in, and put it in the queue."""
        self._forget()
        if self._unfinished() + self._uploading >= self._limits.jobs:
            raise busy(f"{self._limits.jobs} videos wait already", 10)
        job = Job(analyzer, name, Path(mkdtemp(dir=self._folder)), settings)
        self._uploading += 1
        try:
            with await asyncio.to_thread(job.file.open, "wb") as file:
                async for piece in content:
                    await asyncio.to_thread(file.write, piece)
                if not file.tell():
                    raise Problem(422, "video", f"{name} is empty (0 bytes); expected a video")
        except BaseException:
            shutil.rmtree(job.folder, ignore_errors=True)
            raise
        finally:
            self._uploading -= 1
        with self._changed:
            self._jobs[job.id] = job
            self._changed.notify()
        return job

    def find(self, job_id: str) -> Job:
        """Raise a `Problem`, 404, where there is no such job."""
        self._forget()
        job = self._jobs.get(job_id)
        if job is None:
            raise Problem(404, "not-found", "there is no such job, or it is no longer kept")
        return job

    def results(self, job: Job, table: bool) -> Path:
        """The file of a job's results: the table, or the lines. Raises a `Problem` where it is not there."""
        if job.state != "done":
            raise Problem(409, "not-done", f"the job has no results; it is {job.state}")
        file = job.folder / (TABLE if table else LINES)
        if not file.exists():
            raise Problem(501, "missing-extra", "the service was installed without Parquet")
        return file

    def remove(self, job: Job) -> None:
        """Stop a job, and delete its files."""
        with self._changed:
            self._jobs.pop(job.id, None)
            if job.process:
                job.process.kill()
            else:
                shutil.rmtree(job.folder, ignore_errors=True)

    def close(self) -> None:
        """Stop all jobs, and delete all files."""
        with self._changed:
            self._closed = True
            for job in list(self._jobs.values()):
                self.remove(job)
            self._changed.notify()
        self._thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _unfinished(self) -> int:
        return sum(job.unfinished for job in list(self._jobs.values()))

    def _forget(self) -> None:
        """Delete what has been kept long enough, and what is one too many."""
        ended = sorted((job for job in self._jobs.values() if job.ended), key=lambda job: job.ended or 0.0)
        for place, job in enumerate(reversed(ended)):
            if place >= self._limits.jobs_kept or time.monotonic() - (job.ended or 0) > self._limits.kept_seconds:
                self.remove(job)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._next(), timeout=10)
                if self._closed:
                    return
                self._forget()
                job = self._next()
                if job is None:
                    continue
                job.state = "running"
                job.process, reports = self._started(job)
            try:
                self._follow(job, reports)
            finally:
                self._end(job)

    def _next(self) -> Job | None:
        return next((job for job in self._jobs.values() if job.state == "queued"), None)

    def _started(self, job: Job) -> tuple[BaseProcess, Connection]:
        # A fork would copy locks that other threads hold.
        spawn = multiprocessing.get_context("spawn")
        reports, end = spawn.Pipe(duplex=False)
        arguments = (end, job.analyzer, job.file, job.name, job.settings, self._limits)
        process = spawn.Process(target=work_on, args=arguments, daemon=True)
        process.start()
        end.close()
        return process, reports

    def _follow(self, job: Job, reports: Connection) -> None:
        """Take what the process reports, until it ends or has had its time."""
        until = time.monotonic() + self._limits.video_seconds
        with reports, suppress(EOFError, OSError, ValueError):
            while not job.progress.ended:
                if not reports.poll(max(0.0, until - time.monotonic())):
                    seconds = f"{self._limits.video_seconds:g} s"
                    job.problem = Problem(504, "timeout", f"the analysis took more than {seconds}")
                    return
                job.progress = received(reports)

    def _end(self, job: Job) -> None:
        assert job.process is not None
        job.process.join(5 if job.progress.ended else 0)
        job.process.kill()
        job.process.join()
        with self._changed:
            job.process = None
            if job.id not in self._jobs:
                shutil.rmtree(job.folder, ignore_errors=True)
                return
            if not job.progress.ended:
                job.problem = job.problem or Problem(500, "internal", _DIED)
            elif job.progress.error:
                job.problem = Problem(422, "video", job.progress.error)
            job.state = "done" if job.progress.ended and (job.progress.frames or not job.problem) else "failed"
            job.ended = time.monotonic()
            job.file.unlink(missing_ok=True)
        self._service.metrics.jobs.labels(job.state).inc()
        self._service.metrics.faces.inc(job.progress.faces)
