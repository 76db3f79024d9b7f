"""Demonstrations and trials in a Gymnasium environment, in the records that a robot would give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.types import Demo, Frame

Action = NDArray[np.float64]
Policy = Callable[[Frame], Action]
TICK_NS = 100_000_000
"""Policies decide at 10 Hz."""


@dataclass(frozen=True)
class Outcome:
    """How a trial ended."""

    success: bool
    loose_success: bool
    """Under the published, looser rule."""
    chosen: int | None
    """The target for which it would have been a success."""
    steps: int
    error_m: float
    stopped: bool = False
    """The arm was held away from where it was sent, and stopped."""


def frame_of(
    observation: dict[str, NDArray[Any]], tick: int, rgb: NDArray[np.uint8] | None = None
) -> Frame:
    """A frame from an environment's observation, stamped by the tick."""
    return Frame(
        stamp_ns=(tick + 1) * TICK_NS,
        rgb=observation["rgb"] if rgb is None else rgb,
        q_rad=observation["q_rad"],
        ee_pos_m=observation["ee_pos_m"],
        # The servo holds the hand pointing down; nothing here turns it.
        ee_quat_wxyz=np.array([0.0, np.sqrt(0.5), np.sqrt(0.5), 0.0]),
        gripper_m=float(observation["gripper_m"][0]),
    )


def demonstrate(env: Any, *, seed: int, options: dict[str, Any]) -> tuple[Demo, Any]:
    """One scripted demonstration and the arrangement it was given in.

    Raises:
        RuntimeError: if the expert fails 20 arrangements in a row.
    """
    for attempt in range(20):
        trial = options.get("trial", 0) + 1000 * attempt
        observation, info = env.reset(seed=seed, options={**options, "trial": trial})
        frames, actions = [], []
        for tick in range(env.max_steps):
            frames.append(frame_of(observation, tick))
            observation, _, terminated, truncated, info = env.step(env.expert())
            actions.append(env.applied_action)  # after all limits: what a robot's recorder hears
            if terminated or truncated:
                break
        if info["success"]:
            actions_ = np.array(actions, np.float32)
            return Demo(
                frames=tuple(frames), actions=actions_, kind="robot", task=info["task"].label
            ), info["arrangement"]
    raise RuntimeError(f"the expert failed 20 arrangements of {info['task'].label}")


FILMS = 20
"""Arrangements that are tried until a person can do a task."""
PHONE = "phone"
"""A preset of films besides those of the environment: `train`, seen through a phone."""


def film(
    env: Any, *, seed: int, options: dict[str, Any], preset: str = "train"
) -> tuple[Demo, Any]:
    """A person's demonstration, pictures alone, and the arrangement it was given in.

    Raises:
        RuntimeError: if nobody can do the task in 20 arrangements in a row.
    """
    task, trial = options["task"], options.get("trial", 0)
    for attempt in range(FILMS):
        try:
            shown = env.film(
                task,
                seed=seed,
                trial=trial + 1000 * attempt,
                target=options.get("target"),
                preset="train" if preset == PHONE else preset,
                whole=preset == PHONE,
            )
            break
        except RuntimeError:  # nobody could do it with the things where they lay
            if attempt == FILMS - 1:
                raise
    rgb = shown.rgb
    if preset == PHONE:
        from robot_meta.data import phone

        words = [seed, shown.task.index, trial]
        rgb = phone.filmed(rgb, env.observation_space["rgb"].shape[0], np.random.default_rng(words))
    return video(rgb, shown.task.label), shown.arrangement


def video(rgb: NDArray[np.uint8], task: str = "") -> Demo:
    """Pictures (T, H, W, 3) at 10 Hz as a demonstration that knows of no robot: NaN for the arm."""
    frames = tuple(
        Frame(
            stamp_ns=(tick + 1) * TICK_NS,
            rgb=picture,
            q_rad=np.full(7, np.nan),
            ee_pos_m=np.full(3, np.nan),
            ee_quat_wxyz=np.full(4, np.nan),
            gripper_m=np.nan,
        )
        for tick, picture in enumerate(rgb)
    )
    return Demo(frames=frames, actions=None, kind="human", task=task)


def without_actions(demo: Demo) -> Demo:
    """A robot's demonstration of which the actions were not recorded: pictures and states."""
    # Of kind `human` since a robot's recording without actions is refused as a broken one.
    return Demo(frames=demo.frames, actions=None, kind="human", task=demo.task)


def run(env: Any, policy: Policy, *, seed: int, options: dict[str, Any]) -> Outcome:
    """One trial of `policy` from a reset with `seed` and `options`."""
    observation, info = env.reset(seed=seed, options=options)
    for tick in range(env.max_steps):
        # What is too much is for the servo and the gripper to limit, as on a robot.
        action = policy(frame_of(observation, tick))
        observation, _, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            break
    return Outcome(
        info["success"],
        info["loose_success"],
        info["chosen"],
        tick + 1,
        info["error_m"],
        info.get("stopped", False),
    )


def replay(demo: Demo) -> Policy:
    """The demo's actions open loop, then its last one."""
    actions = demo.actions
    assert actions is not None
    ticks = iter(range(10**6))
    return lambda _frame: actions[min(next(ticks), len(actions) - 1)].astype(np.float64)


def copy_final_pose(demo: Demo) -> Policy:
    """Go to where the demo first came down, then to where it ended, with its gripper commands.

    Blind to pictures.
    """
    from robot_meta.data.demo_set import touch_down

    assert demo.actions is not None
    tip, opening = demo.ee_pos_m, demo.actions[:, 3].astype(np.float64)
    down = touch_down(tip)
    way = [tip[down] + [0.0, 0.0, 0.10], tip[down], tip[-1]]
    widths = [opening[0], opening[min(down + 1, len(tip) - 1)], opening[-1]]
    state = {"leg": 0, "left": 8}

    def policy(frame: Frame) -> Action:
        leg = state["leg"]
        error = way[leg] - frame.ee_pos_m
        if float(np.linalg.norm(error)) < 0.012 and leg < 2:
            # Time for the gripper to do its part before moving on.
            state["left"] -= 1
            if leg == 0 or state["left"] <= 0:
                state["leg"] = leg = leg + 1
        velocity = 4.0 * (way[leg] - frame.ee_pos_m)
        speed = float(np.linalg.norm(velocity))
        held = float(np.linalg.norm(way[1] - frame.ee_pos_m)) < 0.012
        width = widths[leg] if leg != 1 else (widths[2] if held else widths[0])
        return np.array([*(velocity * min(1.0, 0.25 / max(speed, 1e-9))), width])

    return policy
