"""Shared memory of the dead is removed; that of the living stays."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from pathlib import Path

import pytest

from ros_nodes.shared_memory import FOLDER, left_behind, sweep


def segment(folder: Path, name: str, age_s: float = 60.0) -> Path:
    """A segment and its lock file, `age_s` old at time 1000."""
    path = folder / f"fastrtps_{name}"
    path.write_bytes(bytes(4096))
    lock = folder / f"fastrtps_{name}_el"
    lock.touch()
    os.utime(lock, (1000.0 - age_s, 1000.0 - age_s))
    return path


def segments() -> set[Path]:
    """Every segment there is now, those of ports aside."""
    return set(FOLDER.glob(f"fastrtps_{'[0-9a-f]' * 16}"))


def test_what_is_locked_or_young_or_of_somebody_else_stays(tmp_path: Path) -> None:
    dead = segment(tmp_path, "0123456789abcdef")
    living = segment(tmp_path, "1123456789abcdef")
    young = segment(tmp_path, "2123456789abcdef", age_s=1.0)
    other = segment(tmp_path, "port7400")
    with (tmp_path / f"{living.name}_el").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert list(left_behind(tmp_path, now_s=1000.0)) == [dead]
        assert sweep(tmp_path, now_s=1000.0) >= 4096
    assert not dead.exists()
    assert not (tmp_path / f"{dead.name}_el").exists()
    assert living.exists()
    assert young.exists()
    assert other.exists()
    assert sweep(tmp_path, now_s=1000.0) >= 4096  # the living one has let go
    assert not living.exists()


def test_a_port_that_was_never_finished_goes(tmp_path: Path) -> None:
    """Nobody who opens it would get any further."""
    stuck, begun, whole = (tmp_path / f"fastrtps_port{n}" for n in (7400, 7401, 7402))
    for port, age_s in ((stuck, 60.0), (begun, 1.0), (whole, 60.0)):
        port.write_bytes(bytes(4096 if port == whole else 0))
        os.utime(port, (1000.0 - age_s, 1000.0 - age_s))
    assert list(left_behind(tmp_path, now_s=1000.0)) == [stuck]
    assert sweep(tmp_path, now_s=1000.0) == 0
    assert not stuck.exists()
    assert begun.exists()
    assert whole.exists()


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert sweep(tmp_path / "none") == 0


@pytest.mark.ros
def test_a_killed_node_leaves_a_segment_that_the_sweep_finds(nodes) -> None:
    before = segments()
    node = nodes.node("tests.ros_nodes.toy_node")
    node.wait_for("did:start")
    mine = segments() - before
    assert mine
    later = time.time() + 60.0
    assert not mine & set(left_behind(now_s=later))
    node.send(signal.SIGKILL)
    node.wait()
    assert mine <= set(left_behind(now_s=later))
    sweep(now_s=later)
    assert not any(segment.exists() for segment in mine)
