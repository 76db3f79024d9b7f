"""Processor settings that pay on a small machine, in one place that tells what it did.

Two processes of one thread beat one process of two threads, and glibc's habit of giving large
buffers back to the kernel costs up to half of the time of an adaptation step.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import platform
import resource
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Literal

import torch

from robot_meta.errors import ConfigError

Precision = Literal["highest", "high", "medium"]

# The parameters of mallopt(3), from glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_KEEP_BYTES = 2**31 - 1  # freed memory kept for the next step: all of it
_PAD_BYTES = 64 * 2**20


@dataclass(frozen=True)
class CpuSettings:
    """What `configure_cpu` did."""

    threads: int
    allocator: bool
    """Whether glibc now keeps large buffers. Resident memory stays at its peak."""
    precision: str

    def __str__(self) -> str:
        """One line for a log."""
        kept = "kept" if self.allocator else "as the system has it"
        return f"cpu: threads {self.threads}, freed memory {kept}, float32 matmul {self.precision}"


def configure_cpu(
    threads: int = 1, *, allocator: bool = True, precision: Precision = "highest"
) -> CpuSettings:
    """Set torch and the allocator for this process and say what was done.

    Args:
        threads: of torch's operators. More than one pays only on an idle machine.
        allocator: let glibc keep freed memory (Linux with glibc only; elsewhere nothing happens).
        precision: of float32 matrix products. `medium` is up to 2x faster for 512-wide layers, but
            on processors with AMX it means bfloat16, so the default is exact.

    Raises:
        ConfigError: threads is below 1.
    """
    if threads < 1:
        raise ConfigError(f"threads must be >= 1, got {threads}")
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)
    return CpuSettings(threads, allocator and _keep_freed_memory(), precision)


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """Give a pool of fresh (spawned) processes of one thread each.

    Raises:
        ConfigError: workers is below 1.
    """
    if workers < 1:
        raise ConfigError(f"workers must be >= 1, got {workers}")
    return ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=configure_cpu
    )


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    """The processor's name as the system tells it."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for it: else it is slower than single precision."""
    return bool({"avx512_bf16", "amx_bf16"} & set(_cpuinfo("flags").split()))


def _cpuinfo(field: str) -> str:
    """What Linux says of the first processor; empty where it says nothing."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(
                (line.split(":", 1)[1].strip() for line in file if line.startswith(field)), ""
            )
    except OSError:
        return ""


def core_hours() -> float:
    """Processor time of this process and of its ended children, in hours of one core."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used) / 3600


def _keep_freed_memory() -> bool:
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    wanted = (
        (_M_MMAP_MAX, 0),
        (_M_TRIM_THRESHOLD, _KEEP_BYTES),
        (_M_TOP_PAD, _PAD_BYTES),
    )
    return all([mallopt(parameter, value) == 1 for parameter, value in wanted])
