import subprocess
import sys

import pytest
import torch

from robot_meta import cpu
from robot_meta.errors import ConfigError


def test_one_thread_and_exact_products_by_default():
    done = cpu.configure_cpu()
    assert done.threads == torch.get_num_threads() == 1
    assert torch.get_float32_matmul_precision() == done.precision == "highest"
    assert "threads 1" in str(done)


def test_freed_memory_is_kept_where_glibc_is():
    # A chain of 16 MB results, as in a training step: once warm, no new pages are touched. The
    # middle of several rounds: a kernel that reclaims idle pages makes faults of its own.
    script = """
import resource, sys, torch
from robot_meta.cpu import configure_cpu
print(configure_cpu(allocator=sys.argv[1] == "True").allocator)
def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        x = torch.ones(4_000_000)
        y = (x + x * 2).relu()
        y.sum()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults(5)
print(sorted(faults(4) for _ in range(15))[7])
"""
    told = {}
    for wanted in (True, False):
        run = [sys.executable, "-c", script, str(wanted)]
        out = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
        told[wanted] = (out[0] == "True", int(out[1]))
    assert told[False][0] is False
    if told[True][0]:  # elsewhere than on glibc nothing is promised
        assert told[True][1] < told[False][1] / 4


def test_workers_have_one_thread_each():
    with cpu.worker_pool(2) as pool:
        assert list(pool.map(abs, [-1, -2])) == [1, 2]
        assert pool.submit(torch.get_num_threads).result() == 1


@pytest.mark.parametrize("call", [lambda: cpu.configure_cpu(0), lambda: cpu.worker_pool(0)])
def test_no_threads_is_refused(call):
    with pytest.raises(ConfigError, match="must be >= 1, got 0"):
        call()


def test_the_machine_is_told():
    assert cpu.cores() >= 1
    assert cpu.cpu_name()
    assert cpu.core_hours() > 0
