"""A Dask cluster as the executor of a batch."""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import cv2

from mien.errors import InvalidInput, MissingExtra

if TYPE_CHECKING:
    from distributed import Future as Remote


class Cluster:
    """An executor: the workers of a Dask cluster, which see the batch's folder and its inputs. A context manager.

        >>> with Cluster("tcp://10.0.0.1:8786") as cluster:  # doctest: +SKIP
        ...     summary = mien.batch("photos", "faces", executor=cluster)

    It uses Dask's own futures. `Client.get_executor` would not do: it cannot tell a task that ended its worker from one
    that waited there. So what has died is only said to have, and done again; the batch itself finds the input at fault.

    Args:
        address: The scheduler's address, as "tcp://10.0.0.1:8786" or "10.0.0.1:8786", or the file of
            `--scheduler-file`.
        seconds: How long the scheduler is waited for.

    Raises:
        InvalidInput: It cannot be an address, or nothing answers there, or no longer; `num` and `submit` raise it too.
        MissingExtra: Dask is not installed.
    """

    def __init__(self, address: str, *, seconds: float = 5.0) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise MissingExtra("Dask", "dask", error) from error
        where = _where(address)
        try:
            # A client that finds no scheduler may take a minute to give up, so that it is made only where one answers.
            with ThreadPoolExecutor(1) as thread:  # a notebook has an event loop of its own
                thread.submit(asyncio.run, _connect(where, seconds)).result()
            self._client = Client(where, timeout=seconds, set_as_default=False)
        except Exception as error:  # of what answers and is no scheduler, Dask raises errors of many kinds
            why = f"within {seconds:g} s" if isinstance(error, OSError) else f"({error})"  # a TimeoutError is one
            raise InvalidInput(
                f"no Dask scheduler answers at {address} {why}; start one by `dask scheduler`, and workers by `dask "
                "worker ADDRESS --nthreads 1 --nworkers auto`"
            ) from error
        self._address = address
        self._remote: dict[Future[Any], Remote] = {}  # the cluster forgets a task that nobody refers to

    @property
    def num(self) -> int:
        """Threads of all workers, so that no task waits at a worker that another one may end."""
        with self._answering():
            return sum(self._client.nthreads().values())

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """As `Executor` says."""
        future: Future[Any] = Future()
        with self._answering():
            remote = self._client.submit(_on_one_thread, function, *arguments, pure=False)
        self._remote[future] = remote
        remote.add_done_callback(partial(self._settle, future))
        return future

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # Dask raises errors of many kinds once its scheduler is gone
            raise InvalidInput(
                f"the Dask scheduler at {self._address} does not answer any more ({error}); what is done is kept, and "
                "once it answers, the same command goes on"
            ) from error

    def _settle(self, future: "Future[Any]", remote: "Remote") -> None:
        from distributed import KilledWorker

        try:
            result = remote.result()
        except KilledWorker as error:
            future.set_exception(BrokenExecutor(str(error)))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits
            lost = remote.status in ("cancelled", "lost")
            future.set_exception(BrokenExecutor(f"the cluster lost it: {error}") if lost else error)
        else:
            future.set_result(result)
        self._remote.pop(future, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(InvalidInput), self._answering():
            self._client.cancel(list(self._remote.values()))
        self._client.close()


def _where(address: str) -> str:
    """The scheduler's address, of itself or of its file; raises `InvalidInput` where it cannot be one."""
    from distributed.comm import get_address_host_port, parse_address

    try:
        is_file = Path(address).is_file()
        where = json.loads(Path(address).read_text(encoding="utf-8"))["address"] if is_file else address
        # A cluster in this very process, "inproc", has neither host nor port.
        host, port = get_address_host_port(where) if parse_address(where)[0] != "inproc" else (where, 1)
        if not host or not 0 < port < 65536:
            raise ValueError("no host, or no port")
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InvalidInput(
            f"{address!r} is not the address of a Dask scheduler; expected HOST:PORT, tcp://HOST:PORT or "
            "tls://HOST:PORT, as `dask scheduler` says it, or the file of its --scheduler-file"
        ) from error
    return where


async def _connect(address: str, seconds: float) -> None:
    """Raise where nothing answers at an address, or not within so many seconds, or it is no scheduler."""
    from distributed.comm import connect
    from distributed.security import Security

    arguments = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=seconds, **arguments), seconds)
    await comm.close()


def _on_one_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """OpenCV would take all cores of the machine for each of its workers."""
    cv2.setNumThreads(1)
    return function(*arguments)
