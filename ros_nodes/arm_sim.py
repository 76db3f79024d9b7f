"""The simulated arm behind the simulator node, without ROS: an episode, its receiver, its faults.

Runs the same `sim.episode.Episode` as the Gymnasium environments, driven by trajectories as they
come in messages. Robot time counts from 1 s, never runs back over a reset, and each episode begins
at a whole tenth of a second, so that gate ticks and pictures fall on the same grid in all of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ConfigError, ObservationError
from ros_nodes.receiver import ArmReceiver
from sim.camera import Camera
from sim.episode import FOLLOW_S, PHYSICS_S, POLICY_S, SETTLE_STEPS, Episode
from sim.faults import CameraDelay, Fault
from sim.judge import Progress
from sim.sawyer import GRIPPER_JOINT_NAMES, GRIPPER_MAX_M, JOINT_NAMES
from sim.scene import CAMERA, PRESETS, Preset
from sim.tasks import Task, as_family, draw_task, stream

Array = NDArray[np.float64]

PHYSICS_NS = round(PHYSICS_S * 1e9)
BATCH_NS = round(FOLLOW_S * 1e9)
"""Simulated time of one batch of physics steps: the arm's control period."""
BATCH_STEPS = BATCH_NS // PHYSICS_NS
DECISION_NS = round(POLICY_S * 1e9)
START_NS = 1_000_000_000
"""First time of a world: a stamp of 0 means "no stamp" in ROS."""
KEYFRAMES = ("", "start")
STATE_NAMES = (*JOINT_NAMES, *GRIPPER_JOINT_NAMES)
_TASK_KEYS: dict[str, Any] = {
    "family": "place",
    "split": "test",
    "index": 0,
    "target": None,
    "avoid": None,
    "trial": 0,
}


class ArmSim:
    """A world that commands, services and a clock act on. Create and use it in one thread.

    Args:
        task: JSON as in `ResetWorld.task`; "" for the first test task of `place`.
        seed: of the arrangement.
        preset: appearance randomisation, see `sim.scene.PRESETS`.
        image_size: width and height of the camera's picture; None to render nothing.
        start_ns: robot time to begin at, or just after.

    Raises:
        ConfigError: a task or preset that does not exist.
    """

    def __init__(
        self,
        task: str = "",
        seed: int = 0,
        *,
        preset: str = "mild",
        image_size: tuple[int, int] | None = (320, 240),
        start_ns: int = START_NS,
    ) -> None:
        if preset not in PRESETS:
            raise ConfigError(f"no appearance preset {preset!r}; there are {', '.join(PRESETS)}")
        self._preset: Preset = preset
        self._image_size = image_size
        self._start_ns = start_ns
        self._episode: Episode | None = None
        self._camera: Camera | None = None
        self._fault: Fault | None = None
        self._undo: Callable[[], None] = lambda: None
        self._request = dict(_TASK_KEYS)
        self.episode_number = 0
        self.seed = seed
        self.reset(task=task, seed=seed)

    def reset(self, *, task: str = "", seed: int = 0, keyframe: str = "") -> None:
        """A new episode: lay the task out by `seed`, the arm at its start, nothing commanded.

        Raises:
            ConfigError: an unknown keyframe, a task that is not JSON or does not exist; the world
                is as before.
        """
        if keyframe not in KEYFRAMES:
            raise ConfigError(f"no keyframe {keyframe!r}; there are {', '.join(KEYFRAMES[1:])}")
        request = parse_task(task) if task else self._request
        drawn = draw(request)
        avoid = _avoid(drawn, request["avoid"])
        episode = self._fitting(drawn)
        episode.task = drawn
        words = ("trial", seed, int(request["trial"]))
        episode.reset(
            stream(drawn.split, drawn.family, drawn.index, *words), avoid=avoid, preset=self._preset
        )
        self._undo = self._fault.apply(episode.world) if self._fault else lambda: None
        self._request, self.seed = request, seed
        stopped = self.episode_number > 0 and self.receiver.stopped
        self.episode_number += 1
        self.receiver: ArmReceiver = ArmReceiver(episode.follower)
        self.receiver.stopped = stopped
        self._batches, self._now_s = 0, 0.0
        self._progress, self._judged = Progress(False, False, float("nan"), False), False

    @property
    def episode(self) -> Episode:
        """What is being simulated."""
        assert self._episode is not None
        return self._episode

    @property
    def time_ns(self) -> int:
        """Robot time, ns."""
        return self.episode.world.time_ns

    @property
    def now_s(self) -> float:
        """Robot time since the start of the episode, s: what trajectories count from."""
        return self._now_s

    @property
    def batches(self) -> int:
        """Batches since the start of the episode."""
        return self._batches

    def step(self) -> None:
        """Advance one batch (10 ms), following what was commanded."""
        self.episode.advance(FOLLOW_S)
        self._now_s += FOLLOW_S
        self._batches += 1
        if self._batches * BATCH_NS % DECISION_NS == 0 and not self._progress.done:
            self._progress, self._judged = self.episode.judge(), True

    @property
    def diverged(self) -> bool:
        """Whether the physics has left the finite; only a reset brings it back."""
        return not self.episode.world.finite

    def joint_state(self) -> tuple[Array, Array, Array]:
        """Measured positions, velocities and efforts (9,) in the order of `STATE_NAMES`."""
        data = self.episode.world.data
        return data.qpos[self._qpos], data.qvel[self._dof], data.qfrc_actuator[self._dof]

    @property
    def camera(self) -> Camera:
        """The camera, for its calibration.

        Raises:
            ConfigError: when rendering is off.
        """
        if self._image_size is None:
            raise ConfigError("this simulator was made without a camera (image_size None)")
        if self._camera is None:
            self._camera = Camera(self.episode.world, CAMERA, *self._image_size)
        return self._camera

    def set_gripper(self, values: Sequence[float]) -> None:
        """Command the opening, m, as it comes in a Float64MultiArray.

        Raises:
            ObservationError: not one finite number within the gripper's travel, or the emergency
                stop is on.
        """
        if self.receiver.stopped:
            raise ObservationError("gripper: the emergency stop is on; reset it first")
        if len(values) != 1 or not 0.0 <= values[0] <= GRIPPER_MAX_M + 1e-9:
            raise ObservationError(
                f"gripper: {list(values)[:4]}; need one opening in [0, {GRIPPER_MAX_M}] m"
            )
        self.episode.world.set_gripper(float(values[0]))

    def set_fault(self, fault: Fault | None) -> None:
        """Put a fault in force instead of the one before; None takes it away."""
        self._undo()
        self._fault = fault
        self._undo = fault.apply(self.episode.world) if fault else lambda: None

    @property
    def camera_delay_ns(self) -> int:
        """How late pictures are to be sent."""
        late = self._fault.delay_s if isinstance(self._fault, CameraDelay) else 0.0
        return round(late * 1e9)

    def state_hash(self) -> str:
        """SHA-256 of everything the next step depends on, robot time apart."""
        return hashlib.sha256(self.episode.world.save_state()[8:]).hexdigest()

    def task_json(self) -> str:
        """The task as `reset` takes it."""
        return json.dumps(self._request)

    def info(self) -> dict[str, Any]:
        """Outcome, arrangement and what a person beside the robot sees; no policy's input."""
        task, arrangement = self.episode.task, self.episode.arrangement
        return {
            "success": bool(self._progress.success),
            "done": bool(self._progress.done),
            "loose_success": bool(self._progress.loose_success),
            "error_m": float(self._progress.error_m) if self._judged else None,
            "family": task.family,
            "label": task.label,
            "target": task.target,
            "arrangement": np.concatenate([arrangement.objects, arrangement.containers]).tolist(),
            "target_xy_m": arrangement.target_xy_m(task).tolist(),
            "expert": self.episode.privileged_state(),
        }

    def close(self) -> None:
        """Free the renderer."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _fitting(self, task: Task) -> Episode:
        """An episode whose world holds the things of `task`, its clock on the grid."""
        before = self._episode
        settle_ns = SETTLE_STEPS * PHYSICS_NS
        if before is not None and _same_things(before.task, task) and not self.diverged:
            off = -(before.world.time_ns + settle_ns) % DECISION_NS
            before.world.step(off // PHYSICS_NS)
            self._undo()
            return before
        begin = self._start_ns if before is None else before.world.time_ns + DECISION_NS
        begin += -begin % DECISION_NS
        episode = Episode(task, begin - settle_ns)
        joints = [episode.world.model.joint(name) for name in STATE_NAMES]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._dof = np.array([joint.dofadr[0] for joint in joints])
        self.close()
        self._episode = episode
        return episode


def parse_task(text: str) -> dict[str, Any]:
    """The fields of `ResetWorld.task`, defaults filled in.

    Raises:
        ConfigError: not a JSON object, or a key that does not exist.
    """
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"task is not JSON ({error}): {text[:80]!r}") from error
    if not isinstance(given, dict) or set(given) - set(_TASK_KEYS):
        raise ConfigError(
            f"task must be a JSON object with keys among {', '.join(_TASK_KEYS)}; got {text[:80]!r}"
        )
    return _TASK_KEYS | given


def draw(request: dict[str, Any]) -> Task:
    """The task that a request names.

    Raises:
        ConfigError: no such family, split, index or target.
    """
    try:
        target = request["target"]
        return draw_task(
            as_family(request["family"]),
            request["split"],
            int(request["index"]),
            None if target is None else int(target),
        )
    except (ValueError, TypeError) as error:
        raise ConfigError(f"task: {error}") from error


def _avoid(task: Task, rows: Any) -> Array | None:
    if rows is None:
        return None
    count = 2 if task.family == "pick_place" else 1
    try:
        avoid = np.asarray(rows, float)
    except (ValueError, TypeError):
        avoid = np.full(0, np.nan)
    if avoid.shape != (count, 2) or not np.isfinite(avoid).all():
        raise ConfigError(f"task: avoid must be {count} finite [x, y] rows, got {rows!r}")
    return avoid


def _same_things(a: Task, b: Task) -> bool:
    return (a.family, a.objects, a.containers) == (b.family, b.objects, b.containers)
