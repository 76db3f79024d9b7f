"""What a legged robot's joints may be asked for: bounds of efforts, and how it is stopped."""

from __future__ import annotations

import numpy as np

from sim.effort import EffortLimits
from sim.legged import LeggedRobot, prototype

RISE_S = 0.01
"""A motor goes from none to full effort in one physics step: these robots' models have no lag."""
JOINT_SPEED = 80.0
"""rad/s: beyond what these robots reach while they run."""
DAMPING_SHARE = 0.05
"""A stop commands full effort against a joint at 1 / share rad/s."""


def joint_names(robot: LeggedRobot) -> tuple[str, ...]:
    """Joints that have a motor, in the motors' order."""
    model = prototype(robot, "flat")
    return tuple(model.joint(model.actuator_trnid[m, 0]).name for m in range(model.nu))


def limits(robot: LeggedRobot) -> EffortLimits:
    """Bounds for the joints of `joint_names`."""
    effort = np.abs(prototype(robot, "flat").actuator_gear[:, 0]).copy()
    return EffortLimits(
        effort=effort,
        rate=2.0 * effort / RISE_S,
        joint_speed=np.full(effort.size, JOINT_SPEED),
        damping=DAMPING_SHARE * effort,
        power_w=float(effort.sum() * JOINT_SPEED),
    )
