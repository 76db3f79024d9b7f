"""What training and tests draw of each kind of fault: sets that have nothing in common."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sim.ground_faults import Friction, HeightField, Pier, Slope
from sim.leg_faults import (
    LEG_FAULTS,
    CrippledLeg,
    DisabledJoint,
    LegFault,
    LockedJoint,
    MotorDelay,
    ObservationDelay,
    Payload,
    WeakMotor,
)
from sim.legged import LeggedRobot

Split = Literal["train", "test"]


def draw(
    robot: LeggedRobot, motors: int, name: str, split: Split, rng: np.random.Generator
) -> LegFault:
    """A fault of the kind `name` from the training or the test set, which have none in common.

    The sets of disabled joints, crippled legs and height fields are the paper's (Nagabandi et al.
    2019): joint 0, the last leg and four named profiles are for tests alone.

    Raises:
        ValueError: an unknown kind.
    """
    train = split == "train"
    last = len(robot.legs) - 1
    joint = int(rng.integers(1, motors)) if train else 0
    if name == "disabled_joint":
        return DisabledJoint(joint=joint)
    if name == "weak_motor":
        return WeakMotor(joint=joint, strength=float(rng.uniform(0.1, 0.9)))
    if name == "locked_joint":
        return LockedJoint(joint=joint)
    if name == "crippled_leg":
        return CrippledLeg(leg=int(rng.integers(0, last)) if train else last)
    if name == "payload":
        low, high = (0.0, 0.5) if train else (0.6, 0.8)
        return Payload(share=float(rng.uniform(low, high)))
    if name == "slope":
        low, high = (-10.0, 10.0) if train else (12.0, 16.0)
        return Slope(degrees=float(rng.uniform(low, high)))
    if name == "friction":
        low, high = (0.4, 1.5) if train else (0.25, 0.35)
        return Friction(scale=float(rng.uniform(low, high)))
    if name == "hfield":
        test = str(rng.choice(["hill", "basin", "gentle", "steep"]))
        return HeightField(profile="random" if train else test)
    if name == "pier":
        return Pier(low=2.0, high=8.0) if train else Pier(low=0.0, high=2.0)
    if name == "motor_delay":
        return MotorDelay(steps=1 if train else 2)
    if name == "observation_delay":
        return ObservationDelay(steps=1 if train else 2)
    raise ValueError(f"unknown fault {name!r}; there are {', '.join(LEG_FAULTS)}")
