"""Gate or policy killed or frozen while the arm moves: real processes, and a stated bound."""

from __future__ import annotations

import json
import signal

import pytest

pytest.importorskip("rclpy")

from ros_nodes.commands import bench_kill
from ros_nodes.commands.kill_rig import Rig, last_over

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def bounds():
    return bench_kill.BOUND_S, bench_kill.SLOWING_BOUND_S


@pytest.mark.parametrize("victim", ["gate", "policy"])
def test_the_arm_rests_in_time_whatever_is_lost(ros_domain, bounds, victim):
    """Killed or frozen: slower by 0.25 s, below 0.02 rad/s by 0.40 s."""
    with Rig() as rig:
        for number in (signal.SIGKILL, signal.SIGSTOP):
            stop = rig.kill(victim, number)
            assert stop.speed_at_kill_rad_s >= 0.5
            assert stop.slowing_s <= bounds[1], stop
            assert stop.rest_s <= bounds[0], stop
            assert stop.tip_travel_m <= 0.4 * bounds[0], stop


def test_the_bench_writes_what_it_measured(ros_domain, tmp_path, capsys):
    path = tmp_path / "kill-bound.json"
    assert bench_kill.main(path, trials=1) == 0
    assert "within the bounds of 0.25 and 0.40 s" in capsys.readouterr().out
    metrics = json.loads(path.read_text())["metrics"]
    assert {f"{fault}_rest_s" for fault in bench_kill.FAULTS} <= set(metrics)


def test_last_over_is_where_the_last_excursion_ends():
    times, values = [0.0, 0.1, 0.2, 0.3, 0.4], [1.0, 0.0, 0.5, 0.0, 0.0]
    import numpy as np

    assert last_over(np.array(times), np.array(values), 0.1) == pytest.approx(0.3)
    assert last_over(np.array(times), np.zeros(5), 0.1) == 0.0
