"""What Jazzy's joint_trajectory_controller accepts with its defaults, and nothing else.

Defaults: no partial joint goals, no velocity at the end, no integration of missing positions,
position commands. Two checks are stricter than the controller's own, which lets them through to do
harm: every joint exactly once, and finite numbers. No ROS here: any object with the fields will do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ros_nodes.messages import duration_ns, stamp_ns

END_VELOCITY = float(np.finfo(np.float32).eps)
"""The controller's tolerance of a velocity at the last point."""


def complaints(msg: Any, joints: Sequence[str], now_ns: int) -> list[str]:
    """Why a `trajectory_msgs/JointTrajectory` would be refused at `now_ns`; empty: it is accepted.

    Args:
        msg: the trajectory.
        joints: the controller's joints.
        now_ns: the controller's time, for trajectories that say when they start.
    """
    found = _names(list(msg.joint_names), list(joints))
    if not msg.points:
        return [*found, "it has no points"]
    before_ns: int | None = None
    for i, point in enumerate(msg.points):
        time_ns = duration_ns(point.time_from_start)
        if time_ns < 0 or (before_ns is not None and time_ns <= before_ns):
            found.append(f"point {i} at {time_ns} ns: times must rise strictly")
        before_ns = time_ns
        found += _fields(i, point, len(msg.joint_names))
    fastest = max((abs(float(v)) for v in msg.points[-1].velocities), default=0.0)
    if not fastest <= END_VELOCITY:
        found.append(f"the last point moves at {fastest} rad/s, need an end at rest")
    start_ns = stamp_ns(msg.header.stamp)
    if start_ns and start_ns + (before_ns or 0) < now_ns:
        found.append(f"it ends {(now_ns - start_ns - (before_ns or 0)) / 1e6:.0f} ms in the past")
    return found


def _names(came: list[str], joints: list[str]) -> list[str]:
    found = []
    if len(came) != len(joints):
        found.append(f"{len(came)} joint names, need the controller's {len(joints)}")
    if unknown := sorted(set(came) - set(joints)):
        found.append(f"unknown joints {unknown}")
    if missing := sorted(set(joints) - set(came)):
        found.append(f"missing joints {missing}")
    if twice := sorted(name for name, count in Counter(came).items() if count > 1):
        found.append(f"joints named twice {twice}")
    return found


def _fields(i: int, point: Any, count: int) -> list[str]:
    found = []
    for field, may_be_empty in (
        ("positions", False),
        ("velocities", True),
        ("accelerations", True),
    ):
        values = np.asarray(getattr(point, field), float)
        if values.size != count and not (may_be_empty and values.size == 0):
            found.append(f"point {i} has {values.size} {field}, need {count}")
        if not np.isfinite(values).all():
            found.append(f"point {i} has {field} that are not finite")
    if len(point.effort):
        found.append(f"point {i} has efforts, which a position controller refuses")
    return found
