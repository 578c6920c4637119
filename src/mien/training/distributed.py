"""One training in many processes that `torchrun` starts, and starts again, on one machine or many."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from mien.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Worker:
    """This process among those that train together."""

    rank: int  # 0 to size - 1
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, num: int) -> slice:
        """This worker's part of `num` items; the parts of all workers differ in length by at most 1."""
        return slice(num * self.rank // self.size, num * (self.rank + 1) // self.size)

    def replicated(self, model: nn.Module) -> nn.Module:
        """The model, whose gradients from now on are the mean over all workers'."""
        if self.size == 1:
            return model
        ids = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=ids)

    def mean(self, values: Tensor) -> Tensor:
        """The mean of (M,) values over all workers, the same for each."""
        if self.size > 1:
            dist.all_reduce(values)
            values = values / self.size
        return values

    def gathered(self, part: Tensor, num: int) -> Tensor:
        """The rows of all workers, (num, K), from this worker's `share` of them."""
        if self.size == 1:
            return part
        whole = part.new_zeros(num, part.shape[1])
        whole[self.share(num)] = part
        dist.all_reduce(whole)
        return whole

    @torch.no_grad()
    def average_buffers(self, model: nn.Module) -> None:
        """Replace the model's buffers by the mean over all workers, as each has seen other faces."""
        for buffer in model.buffers():
            if buffer.is_floating_point():
                buffer.copy_(self.mean(buffer))

    def check_equal(self, number: int, what: str) -> None:
        """Check that a number is the same in all workers, once all have come here."""
        if self.size > 1:
            least = torch.tensor([number, -number], device=self.device)
            dist.all_reduce(least, dist.ReduceOp.MIN)
            if least[0] != -least[1]:
                raise TrainingError(f"the processes do not agree on {what}")

    def wait(self) -> None:
        if self.size > 1:
            dist.barrier()


def is_leader() -> bool:
    """Whether this process prints and writes: the only one, or the first of those that `torchrun` started."""
    return int(os.environ.get("RANK", "0")) == 0


def launch() -> str | None:
    """The name of the launch that this process belongs to, which stays when `torchrun` starts processes again.

    It is the launch's `--rdzv-id`, or drawn at random with `--standalone`; None without either, or without `torchrun`.
    """
    name = os.environ.get("TORCHELASTIC_RUN_ID", "none")
    return None if name == "none" else name


def end_process() -> None:
    """End this process with status 0, if `torchrun` started it with others, once all it printed is written.

    Gloo's threads outlive the process group that `DistributedDataParallel` knows of. One of them that frees a tensor
    while Python shuts down aborts the process after all its work is done (pytorch/pytorch#179291).
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def separated(store: Store) -> Store:
    """The store in which processes find each other, without what they wrote before `torchrun` started them again.

    torchrun keeps one store over all starts (torch 2.13), so that a process may read the address of one that is gone,
    and wait for it for half an hour. Its count of starts differs from machine to machine; on several, it has to be told
    to make a new store each time (`TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1`, as in recipes/cluster.sh).
    """
    if os.environ.get("GROUP_WORLD_SIZE", "1") != "1":
        return store
    return PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


@contextmanager
def joined(device: torch.device | None = None) -> Iterator[Worker]:
    """Join the other processes when `torchrun` started this one; else train alone.

    Without a device, it is the GPU of this process's number on its machine, or the CPU.

    Raises:
        TrainingError: the connection to another process broke within.
    """
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = device or (torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu"))
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Worker(0, 1, device)
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    store, rank, size = next(rendezvous("env://"))
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo", store=separated(store), rank=rank, world_size=size
    )
    try:
        yield Worker(dist.get_rank(), size, device)
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise TrainingError(
            f"process {os.environ['RANK']} of {size} lost its connection to another, which has probably ended; with "
            "torchrun's --max-restarts 3 all begin again where the last checkpoint was written"
        ) from error
    finally:
        dist.destroy_process_group()
