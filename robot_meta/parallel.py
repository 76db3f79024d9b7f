"""Several single-thread processes that share one training step, under `torchrun`.

Without `WORLD_SIZE` in the environment there is one process and nothing is imported or opened.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from robot_meta.errors import ConfigError


@dataclass(frozen=True)
class World:
    """This process's place among all."""

    rank: int = 0
    size: int = 1

    @property
    def main(self) -> bool:
        """Whether this process logs and saves."""
        return self.rank == 0

    def mean(self, flat: torch.Tensor) -> torch.Tensor:
        """The mean of a vector over all processes: the same bits in each."""
        if self.size == 1:
            return flat
        import torch.distributed as dist

        total = flat.clone()
        dist.all_reduce(total)
        return total / self.size


@contextmanager
def join_world() -> Iterator[World]:
    """Join the processes that `torchrun` started, for the length of a `with` block.

    Raises:
        ConfigError: the environment is only half set.
    """
    size = os.environ.get("WORLD_SIZE")
    if size is None or int(size) == 1:
        yield World()
        return
    missing = [k for k in ("RANK", "MASTER_ADDR", "MASTER_PORT") if k not in os.environ]
    if missing:
        raise ConfigError(f"WORLD_SIZE is {size} but {missing} are not set; start with torchrun")
    import torch.distributed as dist

    if os.environ["MASTER_ADDR"] in ("localhost", "127.0.0.1"):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("gloo")
    try:
        yield World(dist.get_rank(), dist.get_world_size())
        dist.barrier()  # who leaves while another still speaks may abort as it ends
    finally:
        dist.destroy_process_group()


def run_workers(workers: int, module: str, arguments: Sequence[str]) -> int:
    """Run `python -m module arguments` in `workers` processes of one thread; give the exit code."""
    launcher = ("torch.distributed.run", "--standalone", f"--nproc-per-node={workers}")
    # After "--" no option of ours is taken for a short form of one of the launcher's.
    return subprocess.run(
        [sys.executable, "-m", *launcher, "-m", "--", module, *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        check=False,
    ).returncode
