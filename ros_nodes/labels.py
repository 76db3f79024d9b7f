"""What was commanded after each image: the actions of a demonstration. Imports no ROS.

The gate reports every tick what it sent after all limits, with the stamp of the observation that
the command came from (`proposal_stamp`). `action[t]` is what was applied *because of* what was seen
from image t on and before image t + 1:

    twist    the mean of the applied linear velocities whose proposal stamp is in
             [stamp of image t, stamp of image t + 1)
    gripper  the last opening sent up to the end of that span; before the first, the measured one

Where nothing has a proposal stamp in that span (a proposal was lost, the source does not stamp
observations, or the gate held the robot for a moment) the ticks of the span itself count: what the
robot was really told, be it to stand still. The delay between seeing and doing thus drops out:
the labels of a demo recorded at 1x, in lock-step and in process mean the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import DemoFormatError, ObservationError
from robot_meta.types import ACTION_SIZE
from ros_nodes.messages import stamp_ns

TOPIC = "command_gate/applied"
IMAGE_PERIOD_NS = 100_000_000
"""Length of the span after the last image, where there is no other image to tell it."""


class Applied(NamedTuple):
    """One tick of the gate."""

    stamp_ns: int
    proposal_ns: int
    """0: nobody commanded."""
    action: NDArray[np.float64]
    """(4,) vx, vy, vz in m/s, gripper opening in m; NaN where no opening was sent."""


def read_applied(msg: Any) -> Applied:
    """Decode a `robot_meta_msgs/Applied`.

    Raises:
        ObservationError: values that are not finite, or no six of them.
    """
    twist = np.asarray(msg.twist, np.float64)
    action = np.array([*twist[:3], float(msg.gripper_m)], np.float64)
    if twist.shape != (6,) or not np.isfinite(twist).all() or np.isinf(action[3]):
        raise ObservationError(
            f"{TOPIC}: twist {twist.tolist()}, gripper {msg.gripper_m} m; "
            "need six finite values, and a finite opening or NaN"
        )
    return Applied(stamp_ns(msg.header.stamp), stamp_ns(msg.proposal_stamp), action)


def label(
    image_ns: Sequence[int], opening_m: Sequence[float], applied: Sequence[Applied]
) -> tuple[slice, NDArray[np.float32]]:
    """The images that have an action, and their actions.

    Images before the first command and after the last are left out: nobody was driving yet.

    Args:
        image_ns: stamps of the images, rising.
        opening_m: of the gripper, as measured at each image.
        applied: the gate's ticks, in any order; of those with one stamp the last counts.

    Returns:
        The span of images that are kept, and (kept, 4) float32 actions.

    Raises:
        DemoFormatError: nothing was commanded, or the gate fell silent in the middle.
    """
    # In lock-step a tick may be told more than once: the last account of it is what was done.
    told = {tick.stamp_ns: tick for tick in applied}
    ticks = sorted(told.values(), key=lambda tick: tick.stamp_ns)
    driven = [tick for tick in ticks if tick.proposal_ns > 0]
    if not driven:
        raise DemoFormatError(
            f"{len(applied)} messages on {TOPIC} and none of them from a command; "
            "drive the robot while recording, or record with kind `human`"
        )
    by_proposal = _spans(image_ns, [tick.proposal_ns for tick in driven], driven)
    by_tick = _spans(image_ns, [tick.stamp_ns for tick in ticks], ticks)
    moved = [
        i
        for i, (proposed, ticked) in enumerate(zip(by_proposal, by_tick, strict=True))
        if proposed or any(tick.proposal_ns > 0 for tick in ticked)
    ]
    if not moved:
        raise DemoFormatError(
            f"none of {len(image_ns)} images is followed by a command; "
            "were camera and gate on the same clock?"
        )
    kept = slice(moved[0], moved[-1] + 1)
    chosen = [p or t for p, t in zip(by_proposal[kept], by_tick[kept], strict=True)]
    holes = [ns for ns, span in zip(image_ns[kept], chosen, strict=True) if not span]
    if holes:
        raise DemoFormatError(
            f"the gate sent nothing after {len(holes)} images in the middle of the demo, "
            f"the first at {holes[0] / 1e9:.3f} s; did it stop? Record it again"
        )
    actions = np.empty((len(chosen), ACTION_SIZE), np.float32)
    sent = np.nan
    for row, span, measured in zip(actions, chosen, opening_m[kept], strict=True):
        values = np.array([tick.action for tick in span])
        row[:3] = values[:, :3].mean(axis=0)
        openings = values[np.isfinite(values[:, 3]), 3]
        sent = openings[-1] if len(openings) else sent
        row[3] = measured if np.isnan(sent) else sent
    return kept, actions


def _spans(
    image_ns: Sequence[int], stamps: Sequence[int], ticks: Sequence[Applied]
) -> list[list[Applied]]:
    """For each image the ticks whose stamp is from it on and before the next."""
    edges = np.asarray([*image_ns, image_ns[-1] + _period(image_ns)], np.int64)
    place = np.searchsorted(edges, np.asarray(stamps, np.int64), side="right") - 1
    out: list[list[Applied]] = [[] for _ in image_ns]
    for tick, at in zip(ticks, place, strict=True):
        if 0 <= at < len(out):
            out[at].append(tick)
    return out


def _period(image_ns: Sequence[int]) -> int:
    gaps = np.diff(np.asarray(image_ns, np.int64))
    return int(np.median(gaps)) if len(gaps) else IMAGE_PERIOD_NS
