"""Joint velocities for a tip velocity: damped least squares with a posture in the null space."""

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.limits import APPROACH_PER_S, Limit
from sim.sawyer import HOME_Q, Q_HIGH, Q_LOW, Kinematics

Array = NDArray[np.float64]

JOINT_MARGIN_RAD = 0.02
MANIPULABLE = 0.01
"""Manipulability (m^3) below which damping sets in, and ..."""
DAMPING = 1e-2
"""... the damping where it is zero, a squared singular value."""
_IDENTITY = np.eye(6)
_FLOOR = 1e-6 * _IDENTITY
_LOW, _HIGH = Q_LOW + JOINT_MARGIN_RAD, Q_HIGH - JOINT_MARGIN_RAD
_LOW_LIST, _HIGH_LIST = _LOW.tolist(), _HIGH.tolist()


class InverseKinematics:
    """Solves for joint velocities where `kinematics` was last placed."""

    def __init__(self, kinematics: Kinematics, posture_gain: float) -> None:
        self._kinematics = kinematics
        self._posture_gain = posture_gain
        self._factor = np.empty((6, 6))
        self._x = np.empty(6)

    def solve(self, q: Array, twist: Array) -> tuple[Array, int]:
        """Joint velocities (7,) for a twist (6,) at `q` (7,), and which limits shaped them.

        `kinematics` must be placed at `q`. Joints near their range are held, the others make up.
        """
        jac = self._kinematics.jacobian_here()
        posture = self._posture_gain * (HOME_Q - q)
        v, singular = self._least_squares(jac, twist, posture)
        flags = Limit.SINGULARITY.value if singular else 0
        if _inside_range(q, v):
            return v, flags
        # Freeze what breaks a bound at that bound and solve again with what is free.
        jac, posture = jac.copy(), posture.copy()
        slowest = np.minimum(APPROACH_PER_S * (_LOW - q), 0.0)
        fastest = np.maximum(APPROACH_PER_S * (_HIGH - q), 0.0)
        for _ in range(3):
            inside = np.minimum(np.maximum(v, slowest), fastest)
            broken = inside != v
            if not broken.any():
                break
            twist = twist - jac[:, broken] @ inside[broken]
            jac[:, broken] = 0.0
            posture[broken] = inside[broken]
            v, _ = self._least_squares(jac, twist, posture)
        v = np.minimum(np.maximum(v, slowest), fastest)
        return v, flags | Limit.JOINT_RANGE.value

    def _least_squares(self, jac: Array, twist: Array, posture: Array) -> tuple[Array, bool]:
        """Solve v = p + J^+ (x - J p), with p the posture's velocity, damped near singularities."""
        gram = jac @ jac.T
        gram += _FLOOR
        factor = self._factor
        np.copyto(factor, gram)
        mujoco.mju_cholFactor(factor, 0.0)
        # Manipulability sqrt(det(J J^T)) is the product of the factor's diagonal. Damping grows as
        # it falls (Nakamura and Hanafusa 1986, eq. 25).
        manipulability = math.prod(factor.diagonal().tolist())
        singular = manipulability < MANIPULABLE
        if singular:
            gram += (DAMPING * (1.0 - manipulability / MANIPULABLE) ** 2) * _IDENTITY
            np.copyto(factor, gram)
            mujoco.mju_cholFactor(factor, 0.0)
        mujoco.mju_cholSolve(self._x, factor, twist - jac @ posture)
        v: Array = posture + self._x @ jac
        return v, singular


def _inside_range(q: Array, v: Array) -> bool:
    """Whether no joint nears the end of its range faster than it may."""
    for at, speed, low, high in zip(q.tolist(), v.tolist(), _LOW_LIST, _HIGH_LIST, strict=True):
        if speed > 0.0:
            if speed > APPROACH_PER_S * (high - at):
                return False
        elif speed < 0.0 and speed < APPROACH_PER_S * (low - at):
            return False
    return True
