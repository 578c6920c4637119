"""A Dask cluster as the executor of a batch."""

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
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
        address: The scheduler's address, as "tcp://10.0.0.1:8786", or the file of `--scheduler-file`.
        seconds: How long the scheduler is waited for.

    Raises:
        InvalidInput: Nothing answers there, or no longer; `num` and `submit` raise it too.
        MissingExtra: Dask is not installed.
    """

    def __init__(self, address: str, *, seconds: float = 10.0) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise MissingExtra("Dask", "dask", error) from error
        where: dict[str, Any] = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
        try:
            self._client = Client(**where, timeout=seconds, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise InvalidInput(
                f"no Dask scheduler answers at {address}: {error}; start one by `dask scheduler`, and workers by `dask "
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


def _on_one_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """OpenCV would take all cores of the machine for each of its workers."""
    cv2.setNumThreads(1)
    return function(*arguments)
