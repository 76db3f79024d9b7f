"""Faults underfoot: slopes, slippery ground, hills, floating blocks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sim import terrain
from sim.legged import LeggedWorld
from sim.terrain import field_x
from sim.undo import Undo, within, write

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slope:
    """The ground rises by `degrees` along x."""

    degrees: float = 10.0

    def __post_init__(self) -> None:
        """Refuse walls."""
        within("degrees", self.degrees, -40.0, 40.0)

    def apply(self, world: LeggedWorld) -> Undo:
        """Tilt gravity instead of the ground."""
        gravity, angle = world.model.opt.gravity, np.deg2rad(self.degrees)
        before = gravity.copy()
        size = float(np.linalg.norm(before))
        gravity[:] = [-size * np.sin(angle), 0.0, -size * np.cos(angle)]
        return lambda: gravity.__setitem__(slice(None), before)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Friction:
    """The ground is slippery or sticky: friction times `scale`."""

    scale: float = 0.3

    def __post_init__(self) -> None:
        """Refuse what is no friction."""
        within("scale", self.scale, 0.0, 5.0)

    def apply(self, world: LeggedWorld) -> Undo:
        """Scale every shape's sliding friction."""
        friction = world.model.geom_friction
        return write(friction, slice(None), friction * [self.scale, 1.0, 1.0])


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeightField:
    """Hills underfoot."""

    profile: str = "hill"
    """hill, basin, gentle, steep, or random: segments of slopes drawn anew in each episode."""
    seed: int = 0
    """Of a random profile switched on in the middle of an episode."""

    def __post_init__(self) -> None:
        """Refuse unknown profiles."""
        if self.profile not in PROFILES:
            raise ValueError(f"no profile {self.profile!r}; there are {', '.join(PROFILES)}")

    def apply(self, world: LeggedWorld) -> Undo:
        """Shape the field, now and at every reset."""

        def shape(rng: np.random.Generator) -> None:
            terrain.shape_field(world.model, PROFILES[self.profile](field_x(), rng))

        shape(np.random.default_rng(self.seed))
        world.on_reset.append(shape)

        def undo() -> None:
            world.on_reset.remove(shape)
            terrain.flatten(world.model)

        return undo


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pier:
    """Floating blocks underfoot, each with a damping drawn from [`low`, `high`], N s / m.

    The world must have been made with the terrain `pier`.
    """

    low: float = 0.0
    high: float = 10.0
    seed: int = 0
    """Of the dampings when switched on in the middle of an episode."""

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if not 0.0 <= self.low < self.high <= 100.0:
            raise ValueError(f"need 0 <= low < high <= 100, got {self.low}, {self.high}")

    def apply(self, world: LeggedWorld) -> Undo:
        """Draw the blocks' damping, now and at every reset."""
        model = world.model
        blocks = [j for j in range(model.njnt) if model.joint(j).name.startswith(terrain.BLOCK)]
        if not blocks:
            raise ValueError("fault pier needs a world with blocks; start it with terrain:=pier")
        dofs = model.jnt_dofadr[blocks]
        before = model.dof_damping[dofs].copy()

        def shape(rng: np.random.Generator) -> None:
            model.dof_damping[dofs] = rng.uniform(self.low, self.high, len(dofs))

        shape(np.random.default_rng(self.seed))
        world.on_reset.append(shape)

        def undo() -> None:
            world.on_reset.remove(shape)
            model.dof_damping[dofs] = before

        return undo


# --- profiles of height fields, each (x, rng) -> heights --------------------------------------


def _pieces(slopes: Sequence[float], length_m: float) -> Callable[[Array], Array]:
    """A profile of pieces of `length_m`, one slope each, from 1 m before the start on."""

    def heights(x: Array) -> Array:
        knots = 1.0 + length_m * np.arange(len(slopes) + 1)
        at = np.concatenate([[0.0], np.cumsum(np.array(slopes) * length_m)])
        out: Array = np.interp(x, knots, at)
        return out

    return heights


def _random(x: Array, rng: np.random.Generator) -> Array:
    return _pieces(rng.uniform(-0.3, 0.3, 6).tolist() * 2, 4.0)(x)


PROFILES: dict[str, Callable[[Array, np.random.Generator], Array]] = {
    "random": _random,
    "hill": lambda x, _: _pieces([0.25, 0.25, -0.25, -0.25] * 3, 4.0)(x),
    "basin": lambda x, _: _pieces([-0.25, -0.25, 0.25, 0.25] * 3, 4.0)(x),
    "gentle": lambda x, _: _pieces([0.12], 54.0)(x),
    "steep": lambda x, _: _pieces([0.4], 54.0)(x),
}
