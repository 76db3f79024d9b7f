"""Faults: changes to a world that a robot is not told of. One at a time, over resets too.

A fault is a frozen record; `apply` changes a world and gives back the way to undo it.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sim.fault_table import Table, named
from sim.sawyer import JOINT_NAMES
from sim.world import World

Undo = Callable[[], None]
MAX_DELAY_S = 1.0
MAX_FRICTION_NM = 80.0


class Fault(Protocol):
    """What every fault can do."""

    def apply(self, world: World) -> Undo:
        """Bring the fault about in `world`; the returned call takes it away again."""


@dataclasses.dataclass(frozen=True)
class CameraDelay:
    """Pictures arrive late, stamped when they were taken. Whoever sends them reads `delay_s`."""

    delay_s: float = 0.2

    def __post_init__(self) -> None:
        """Refuse delays that are none or no fault any more."""
        if not 0.0 < self.delay_s <= MAX_DELAY_S:
            raise ValueError(f"delay_s must be in (0, {MAX_DELAY_S}], got {self.delay_s}")

    def apply(self, world: World) -> Undo:
        """Nothing in the physics changes."""
        return lambda: None


@dataclasses.dataclass(frozen=True)
class JointFriction:
    """A joint rubs: Coulomb friction of `friction_nm` instead of its own."""

    joint: str = "right_j1"
    friction_nm: float = 60.0

    def __post_init__(self) -> None:
        """Refuse joints that the arm lacks and frictions out of range."""
        if self.joint not in JOINT_NAMES:
            raise ValueError(f"no joint {self.joint!r}; there are {', '.join(JOINT_NAMES)}")
        if not 0.0 < self.friction_nm <= MAX_FRICTION_NM:
            raise ValueError(
                f"friction_nm must be in (0, {MAX_FRICTION_NM}], got {self.friction_nm}"
            )

    def apply(self, world: World) -> Undo:
        """Write the friction into the model."""
        dof = world.model.joint(self.joint).dofadr[0]
        before = float(world.model.dof_frictionloss[dof])
        world.model.dof_frictionloss[dof] = self.friction_nm

        def undo() -> None:
            world.model.dof_frictionloss[dof] = before

        return undo


ARM_FAULTS: Table = {"camera_delay": CameraDelay, "joint_friction": JointFriction}


def arm_fault(name: str, parameters: Mapping[str, Any]) -> Fault | None:
    """The named fault of an arm, None for "" and "none".

    Raises:
        ValueError: an unknown fault or parameter (the message lists what exists), or a value out
            of range.
    """
    fault: Fault | None = named(ARM_FAULTS, name, parameters)
    return fault
