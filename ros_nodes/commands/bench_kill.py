"""`robot-meta bench kill`: how the arm stops when the gate or the policy is killed or frozen."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from robot_meta.results import Metric, write_result
from ros_nodes import dds

DOMAIN = "91"
"""ROS domain of the bench where the user has set none: apart from what else may run."""
BOUND_S = 0.40
SLOWING_BOUND_S = 0.25
FAULTS = {
    "gate_sigkill": ("gate", signal.SIGKILL),
    "gate_sigstop": ("gate", signal.SIGSTOP),
    "policy_sigkill": ("policy", signal.SIGKILL),
    "policy_sigstop": ("policy", signal.SIGSTOP),
}
PROTOCOL = (
    "Simulator, command gate and a source that proposes at 20 Hz as a policy does, each a process "
    "of its own, at 1x (a trial below 0.95 of real time, or with 50 ms between two joint states, "
    "is made again). The source sweeps the tip at 0.3 m/s. Once a joint is measured at 0.5 rad/s "
    "or more, one process gets the signal; joint states are watched for 1.2 s. rest_s: time from "
    "the signal until no joint is measured at 0.02 rad/s or more again (bound 0.40 s). slowing_s: "
    "until the fastest joint is for good below nine tenths of its speed at the signal (bound 0.25 "
    "s). commanded_rest_s: until the last trajectory sent has come to its end at rest. "
    "tip_travel_m: path of the tip from the signal on. Values are the worst of the trials; times "
    "by the host's monotonic clock, transport included."
)


def main(json: Path = Path("results/kill-bound.json"), trials: int = 5) -> int:
    """Kill and freeze gate and policy while the arm moves; measure how it stops.

    Args:
        json: the results file.
        trials: kills of each kind.

    Returns:
        0 if every stop keeps the bound, else 1.
    """
    os.environ.setdefault("ROS_DOMAIN_ID", DOMAIN)
    dds.ensure_profile()
    from ros_nodes.commands.kill_rig import Rig, Stop

    began = time.monotonic()
    stops: dict[str, list[Stop]] = {name: [] for name in FAULTS}
    with Rig() as rig:
        for trial in range(trials):
            for name, (process, number) in FAULTS.items():
                stops[name].append(stop := rig.kill(process, number))
                print(
                    f"{name:<15} {trial + 1}/{trials}: at rest after {stop.rest_s:.3f} s, "
                    f"the tip went {1000 * stop.tip_travel_m:.0f} mm"
                )
    metrics: dict[str, Metric] = {}
    for name, found in stops.items():
        for field, unit in (
            ("rest_s", "s"),
            ("slowing_s", "s"),
            ("commanded_rest_s", "s"),
            ("speed_at_kill_rad_s", "rad/s"),
            ("tip_travel_m", "m"),
        ):
            worst = float(np.max([getattr(stop, field) for stop in found]))
            metrics[f"{name}_{field}"] = Metric(value=worst, unit=unit, n=trials)
    config = {"trials": trials, "bound_s": BOUND_S, "slowing_bound_s": SLOWING_BOUND_S}
    write_result(
        json, "kill-bound", PROTOCOL, metrics, config=config, wall_s=time.monotonic() - began
    )
    every = [stop for found in stops.values() for stop in found]
    rest, slowing = max(s.rest_s for s in every), max(s.slowing_s for s in every)
    kept = rest <= BOUND_S and slowing <= SLOWING_BOUND_S
    print(
        f"slowing within {slowing:.3f} s, at rest within {rest:.3f} s: {'' if kept else 'NOT '}"
        f"within the bounds of {SLOWING_BOUND_S:.2f} and {BOUND_S:.2f} s; {json}"
    )
    return 0 if kept else 1
