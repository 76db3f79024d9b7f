"""How far the arm is from the table and from itself (m), on a private model.

The fingers are left out against the table, which they are there to touch: the workspace box bounds
them.
"""

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.sawyer import MODEL_PATH, TCP_FRAME

Array = NDArray[np.float64]

RANGE_M = 0.03
"""Distances are looked for up to here."""

# The links after the head pass it at 17 mm or more whatever the angles: they cannot collide.
_HARMLESS = (("head", "right_l1"), ("head", "right_l2"))
# What stands on the table, and what works on it.
_TOUCHES_TABLE = ("base", "right_l0", "head", "l_finger", "r_finger")
_ARM, _TABLE = 1, 2
_OPEN_FINGER_M = 0.04


class Clearance:
    """Smallest distance between table and arm and between links that are not neighbours."""

    def __init__(self) -> None:
        spec = mujoco.MjSpec.from_file(str(MODEL_PATH))
        for body in spec.bodies:
            meets = _ARM if body.name in _TOUCHES_TABLE else _ARM | _TABLE
            for geom in body.geoms:
                geom.contype, geom.conaffinity, geom.margin = meets, _ARM, RANGE_M
        for one, other in _HARMLESS:
            spec.add_exclude(bodyname1=one, bodyname2=other)
        spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_PLANE,
            size=[1.0, 1.0, 0.1],
            contype=0,
            conaffinity=_TABLE,
            margin=RANGE_M,
        )
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self.data.qpos[7:9] = _OPEN_FINGER_M
        self._arm_qpos = self.data.qpos[:7]
        self._tip: Array = self.data.site(TCP_FRAME).xpos

    def at(self, q: Array) -> float:
        """Smallest distance at joint angles `q` (7,), m; `RANGE_M` when nothing is nearer."""
        self._arm_qpos[:] = q
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_collision(self.model, self.data)
        if self.data.ncon == 0:
            return RANGE_M
        return min(RANGE_M, float(self.data.contact.dist.min()))

    def tip_here(self) -> Array:
        """Tip position (3,) m at the last `at`; a view, changed by the next one."""
        return self._tip
