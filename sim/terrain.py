"""What legged robots walk on: a plane, a height field or a pier, each built into a model once.

A height field lies under every model, switched off; faults shape it and switch it on while the
world runs, without compiling anything. A pier has bodies of its own, so it is chosen when a world
is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import mujoco
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Terrain = Literal["flat", "pier"]

FIELD, FLOOR, BLOCK = "field", "floor", "block"
COLUMNS, ROWS = 241, 2
LENGTH_M, BEHIND_M, WIDTH_M = 60.0, 5.0, 20.0
"""The field goes from `BEHIND_M` behind the start to `LENGTH_M - BEHIND_M` before it."""
RISE_M = 24.0
"""Highest minus lowest point that a field can have."""
BLOCKS, BLOCK_M, PIER_DEPTH_M = 12, 2.5, 2.0
BLOCK_STIFFNESS, BLOCK_DAMPING, BLOCK_KG = 150.0, 5.0, 15.0


def field_x() -> Array:
    """Where along x the columns of a height field are (COLUMNS,), m."""
    return np.linspace(-BEHIND_M, LENGTH_M - BEHIND_M, COLUMNS)


def shape_field(model: mujoco.MjModel, heights: Array) -> None:
    """Give the field these heights (COLUMNS,), m, and switch it on in place of the floor.

    Raises:
        ValueError: they are not finite or rise by more than `RISE_M`.
    """
    low = float(heights.min())
    if heights.shape != (COLUMNS,) or not np.isfinite(heights).all():
        raise ValueError(f"need {COLUMNS} finite heights, got {heights.shape}")
    if heights.max() - low > RISE_M:
        raise ValueError(f"heights rise by {heights.max() - low:.1f} m, at most {RISE_M} m can be")
    model.hfield_data[:] = np.tile((heights - low) / RISE_M, ROWS)
    model.geom(FIELD).pos[2] = low
    _switch(model, field=True)


def flatten(model: mujoco.MjModel) -> None:
    """The floor again, the field off."""
    _switch(model, field=False)


def _switch(model: mujoco.MjModel, *, field: bool) -> None:
    for name, on in ((FIELD, field), (FLOOR, not field)):
        geom = model.geom(name)
        geom.conaffinity[0] = int(on)
        geom.rgba[3] = float(on)


def _with_field(spec: mujoco.MjSpec) -> None:
    floor = next(geom for geom in spec.worldbody.geoms if geom.name == FLOOR)
    flat = np.zeros(ROWS * COLUMNS).tolist()
    spec.add_hfield(
        name=FIELD,
        nrow=ROWS,
        ncol=COLUMNS,
        size=[LENGTH_M / 2, WIDTH_M, RISE_M, 1.0],
        userdata=flat,
    )
    spec.worldbody.add_geom(
        name=FIELD,
        type=mujoco.mjtGeom.mjGEOM_HFIELD,
        hfieldname=FIELD,
        pos=[LENGTH_M / 2 - BEHIND_M, 0.0, 0.0],
        contype=0,
        conaffinity=1,  # what never collides is left out of the tree that collisions are found by
        condim=3,
        friction=floor.friction,
        rgba=[0.6, 0.7, 0.5, 0.0],
    )


def _with_pier(spec: mujoco.MjSpec) -> None:
    """Floating blocks along x after a fixed start, water (the floor) far below."""
    _with_field(spec)
    floor = next(geom for geom in spec.worldbody.geoms if geom.name == FLOOR)
    floor.pos = [0.0, 0.0, -PIER_DEPTH_M]
    box = {"type": mujoco.mjtGeom.mjGEOM_BOX, "contype": 0, "conaffinity": 1, "condim": 3}
    wide, thick = 4.0, 0.2
    spec.worldbody.add_geom(
        name="quay",
        size=[3.5, wide, thick],
        pos=[-2.5, 0.0, -thick],
        rgba=[0.5, 0.5, 0.5, 1],
        **box,
    )
    for i in range(BLOCKS):
        body = spec.worldbody.add_body(
            name=f"{BLOCK}_{i}", pos=[1.0 + BLOCK_M * (i + 0.5), 0.0, -thick]
        )
        body.gravcomp = 1.0  # it floats level with the quay
        joint = body.add_joint(
            name=f"{BLOCK}_{i}",
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=[0, 0, 1],
            limited=mujoco.mjtLimited.mjLIMITED_FALSE,
            armature=0.0,
        )
        # Newer MuJoCo takes polynomials.
        several = bool(np.ndim(joint.stiffness))
        joint.stiffness = [BLOCK_STIFFNESS, 0.0, 0.0] if several else BLOCK_STIFFNESS
        joint.damping = [BLOCK_DAMPING, 0.0, 0.0] if several else BLOCK_DAMPING
        body.add_geom(
            name=f"{BLOCK}_{i}",
            size=[0.495 * BLOCK_M, wide, thick],
            mass=BLOCK_KG,
            rgba=[0.55, 0.4, 0.25, 1],
            **box,
        )


BUILDERS: dict[Terrain, Callable[[mujoco.MjSpec], None]] = {
    "flat": _with_field,
    "pier": _with_pier,
}
"""How each terrain is built into a model."""
