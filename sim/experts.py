"""Scripted experts: functions of the present state alone.

So they also say what to do from where they never go.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CARRY_M = 0.16
SPEED_M_S = 0.30
DROP_TIP_M = 0.052
"""Tip height at which a held thing (4 cm) is let go, just above a container's floor."""
PUSH_TIP_M = 0.024
PUSH_SPEED_M_S = 0.12
PUSH_OPENING_M = 0.035
PUSH_CLEAR_M = 0.03
"""Room between thing and pads where the tip comes down: more than eyes err."""
PAD_M = 0.011
"""Half depth of the pads along the push."""


def act(state: dict[str, Any]) -> Array:
    """The expert's action (4,), m/s and opening m, from `Episode.privileged_state()`.

    Raises:
        KeyError: for a state of an unknown family.
    """
    return _EXPERTS[state["family"]](state)


def _towards(tip: Array, goal: Array, *, speed: float = SPEED_M_S) -> Array:
    """A velocity towards `goal`: proportional near it, at most `speed`."""
    velocity = 4.0 * (goal - tip)
    size = float(np.linalg.norm(velocity))
    return velocity * min(1.0, speed / max(size, 1e-9))


def _funnel(
    distance: float, low: float, high: float, inner: float = 0.012, outer: float = 0.06
) -> float:
    """Height to fly at: `low` within `inner` of the goal, `high` beyond `outer`, smooth between."""
    s = float(np.clip((distance - inner) / (outer - inner), 0.0, 1.0))
    return low + (high - low) * s * s * (3 - 2 * s)


def _lower_onto(tip: Array, xy: Array, low: float) -> Array:
    distance = float(np.hypot(*(xy - tip[:2])))
    return _towards(tip, np.array([*xy, _funnel(distance, low, CARRY_M)]))


def _reach(state: dict[str, Any]) -> Array:
    tip, target = np.array(state["tip"]), np.array(state["object"])
    return np.array([*_lower_onto(tip, target[:2], 0.065), 0.02])


def _deliver(tip: Array, state: dict[str, Any]) -> Array:
    """Carry what is held to the container, lower it, let go."""
    xy = np.array(state["container"])[:2]
    near = float(np.hypot(*(xy - tip[:2]))) < 0.015 and tip[2] < DROP_TIP_M + 0.012
    velocity = _lower_onto(tip, xy, DROP_TIP_M)
    return np.array([*velocity, state["width"] + 0.03 if near else 0.0])


def _retreat(tip: Array, opening: float) -> Array:
    return np.array([*_towards(tip, np.array([*tip[:2], CARRY_M + 0.02])), opening])


def _place(state: dict[str, Any]) -> Array:
    tip = np.array(state["tip"])
    if state["opening"] > state["width"] + 0.006:
        return _retreat(tip, state["width"] + 0.03)
    return _deliver(tip, state)


def _pick_place(state: dict[str, Any]) -> Array:
    tip, thing = np.array(state["tip"]), np.array(state["object"])
    wide = 0.07
    if state["contained"] and state["opening"] > state["width"] + 0.006:
        return _retreat(tip, wide)
    grasped = (
        float(np.linalg.norm(thing - tip)) < 0.025 and state["opening"] < state["width"] + 0.004
    )
    if grasped:
        xy = np.array(state["container"])[:2]
        if tip[2] < 0.10 and float(np.hypot(*(xy - tip[:2]))) > 0.06 and thing[2] < 0.10:
            return np.array([*_towards(tip, np.array([*tip[:2], CARRY_M])), 0.0])
        action = _deliver(tip, state)
        action[3] = wide if action[3] else 0.0
        return action
    grasp_m = 0.022
    at = float(np.hypot(*(thing - tip)[:2])) < 0.008 and tip[2] < grasp_m + 0.008
    if at:
        return np.array([0.0, 0.0, 0.0, 0.0])
    distance = float(np.hypot(*(thing - tip)[:2]))
    height = _funnel(distance, grasp_m, 0.12, 0.006, 0.04)
    return np.array([*_towards(tip, np.array([*thing[:2], height])), wide])


def _push(state: dict[str, Any]) -> Array:
    tip, thing, goal = np.array(state["tip"]), np.array(state["object"]), np.array(state["goal"])
    way = goal - thing[:2]
    left = float(np.hypot(*way))
    along = way / max(left, 1e-9)
    across = np.array([-along[1], along[0]])
    relative = tip[:2] - thing[:2]
    back, side = float(-relative @ along), float(relative @ across)
    pushing = back > 0.008 and abs(side) < 0.025 and tip[2] < PUSH_TIP_M + 0.015
    if left < 0.012 or (left < 0.04 and not pushing):
        # There: back off while low, then rise out of the camera's way.
        low = (
            tip[2] < PUSH_TIP_M + 0.015
            and float(np.hypot(*relative)) < state["radius"] + PAD_M + 0.01
        )
        away = relative / max(float(np.hypot(*relative)), 1e-9)
        goal_m = np.array([*(tip[:2] + 0.05 * away * low), 0.14])
        return np.array([*_towards(tip, goal_m), PUSH_OPENING_M])
    if pushing:
        # Behind and low: push, steering so that the thing stays in front of the pads.
        speed = min(PUSH_SPEED_M_S, 0.03 + 1.5 * left)
        velocity = speed * along - 4.0 * side * across
        return np.array([*velocity, 4.0 * (PUSH_TIP_M - tip[2]), PUSH_OPENING_M])
    start = thing[:2] - along * (state["radius"] + PAD_M + PUSH_CLEAR_M)
    height = _funnel(float(np.hypot(*(start - tip[:2]))), PUSH_TIP_M, 0.11, 0.012, 0.045)
    velocity = _towards(tip, np.array([*start, height]))
    # Too low to fly over things: rise first.
    velocity[:2] *= float(np.clip(1.0 - (height - tip[2] - 0.02) / 0.03, 0.0, 1.0))
    return np.array([*velocity, PUSH_OPENING_M])


_EXPERTS = {"reach": _reach, "push": _push, "place": _place, "pick_place": _pick_place}
