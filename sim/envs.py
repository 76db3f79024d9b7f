"""Gymnasium environments over an `Episode`: picture and proprioception in, tip velocity out."""

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from sim.attributes import Split
from sim.camera import POLICY_IMAGE, Camera, ImageSpec, on_plane
from sim.episode import POLICY_S, SERVO_S, Episode
from sim.film import WHOLE_PICTURE, Film, film, film_stream
from sim.manner import FilmPreset
from sim.sawyer import GRIPPER_MAX_M
from sim.scene import CAMERA, Preset
from sim.servo import Servo
from sim.tasks import SPLIT_SIZES, Arrangement, Task, as_family, draw_task, stream

Array = NDArray[np.float64]
Observation = dict[str, NDArray[Any]]

SPEED_M_S = 0.4
_TICKS = round(POLICY_S / SERVO_S)


class SawyerEnv(gymnasium.Env[Observation, Array]):
    """A Sawyer arm over a table with three things of which one is meant.

    Observation: `rgb` (80, 80, 3) uint8, or of another side `pixels`, `q_rad` (7,), `ee_pos_m`
    (3,), `gripper_m` (1,). Action (4,): tip velocity in `base`, m/s, and gripper opening, m, held
    for 0.1 s. Success is what `Episode.judge` says.

    `reset(options=...)` takes `task` (a `Task` or its index), `split`, `target` (another thing is
    meant), `trial` (which arrangement), `avoid` (positions (n, 2) that the targets stay 10 cm away
    from) or a whole `arrangement`.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 - Gymnasium's own form

    def __init__(
        self,
        family: str = "place",
        split: Split = "train",
        preset: Preset = "mild",
        max_steps: int = 80,
        image: ImageSpec | None = POLICY_IMAGE,
        pixels: int | None = None,
        render_mode: str | None = "rgb_array",
    ) -> None:
        """`image` None leaves the picture out of observations; `pixels` is another side of it."""
        self.family, self.split, self.preset = as_family(family), split, preset
        self.view = image or POLICY_IMAGE
        if pixels is not None:
            most = min(self.view.crop[2:])
            if not 1 <= pixels <= most:
                raise ValueError(f"pictures of {pixels} pixels: need 1 to {most}, as the camera's")
            self.view = replace(self.view, size=(pixels, pixels))
        self.image = None if image is None else self.view
        """What observations hold; `view` is what `film`, `picture` and `places` see."""
        self.max_steps, self.render_mode = max_steps, render_mode
        self.servo = Servo()
        self.applied_action: Array = np.zeros(4)
        """The last action (4,) after all limits, as a demonstration records it."""
        self._episode: Episode | None = None
        self._camera: Camera | None = None
        box = gymnasium.spaces.Box
        spaces: dict[str, gymnasium.Space[Any]] = {
            "q_rad": box(-np.inf, np.inf, (7,), np.float64),
            "ee_pos_m": box(-np.inf, np.inf, (3,), np.float64),
            "gripper_m": box(-np.inf, np.inf, (1,), np.float64),
        }
        if image is not None:
            spaces["rgb"] = box(0, 255, (*self.view.size, 3), np.uint8)
        self.observation_space = gymnasium.spaces.Dict(spaces)  # type: ignore[assignment]
        low, high = np.array([-SPEED_M_S] * 3 + [0.0]), np.array([SPEED_M_S] * 3 + [GRIPPER_MAX_M])
        self.action_space = box(low, high, dtype=np.float64)

    @property
    def tasks(self) -> int:
        """How many tasks the split has."""
        return SPLIT_SIZES[self.split]

    @property
    def episode(self) -> Episode:
        """The running episode.

        Raises:
            RuntimeError: before the first reset.
        """
        if self._episode is None:
            raise RuntimeError("the environment has no episode yet; call reset() first")
        return self._episode

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; see the class for `options`. Same seed and options, same episode."""
        super().reset(seed=seed)
        given = dict(options or {})
        unknown = set(given) - {"task", "split", "target", "trial", "avoid", "arrangement"}
        if unknown:
            raise ValueError(f"unknown reset options {sorted(unknown)}; see SawyerEnv's docstring")
        split = given.get("split", self.split)
        task = given.get("task", 0)
        if not isinstance(task, Task):
            task = draw_task(self.family, split, int(task), given.get("target"))
        if self._episode is None or not _same_things(self._episode.task, task):
            self._close_camera()
            self._episode = Episode(task)
        self._episode.task = task
        rng = stream(
            task.split,
            task.family,
            task.index,
            "trial",
            0 if seed is None else seed,
            given.get("trial", 0),
        )
        arrangement: Arrangement | None = given.get("arrangement")
        self._episode.reset(
            rng, avoid=given.get("avoid"), preset=self.preset, arrangement=arrangement
        )
        # Where the arm is measured to be, as the command gate does.
        self.servo.reset(self._episode.world.arm_q)
        self._steps = 0
        return self._observe(), self._info(success=False)

    def step(self, action: Array) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Hold `action` for 0.1 s. Reward is 1 on success; terminated when the outcome is decided.

        An arm that is held away from where it was sent is stopped, as the command gate would: that
        is a failure too, and `info["stopped"]` is true.

        Raises:
            ValueError: for an action of another shape or with non-finite numbers.
        """
        action = np.asarray(action, float)
        if action.shape != (4,) or not np.isfinite(action).all():
            raise ValueError(
                f"the action must be 4 finite numbers (vx vy vz opening), got {action}"
            )
        episode, twist = self.episode, np.array([*action[:3], 0.0, 0.0, 0.0])
        episode.world.set_gripper(float(action[3]))
        moved, stopped = np.zeros(3), False
        for _ in range(_TICKS):
            if stopped := self.servo.diverged(episode.world.arm_q):
                break
            self.applied = self.servo.step(twist, SERVO_S)
            moved += self.applied.twist[:3]
            episode.command(self.servo.braking_points(SERVO_S))
            episode.advance(SERVO_S)
        self.applied_action = np.array([*(moved / _TICKS), action[3]])
        progress = episode.judge()
        self._steps += 1
        info = self._info(success=progress.success and not stopped)
        info |= {
            "error_m": progress.error_m,
            "loose_success": progress.loose_success,
            "chosen": None if stopped else progress.chosen,
            "stopped": stopped,
        }
        return (
            self._observe(),
            float(info["success"]),
            progress.done or stopped,
            self._steps >= self.max_steps,
            info,
        )

    def expert(self, error_m: Array | None = None) -> Array:
        """The scripted expert's action (4,) now.

        `error_m` (2,) misleads it: it takes the thing meant to be so far from where it is.
        """
        from sim import experts

        state = self.episode.privileged_state()
        if error_m is not None:
            x, y, z = state[self._meant]
            state[self._meant] = [x + error_m[0], y + error_m[1], z]
        return experts.act(state)

    @property
    def _meant(self) -> str:
        return "container" if self.family == "place" else "object"

    def places(self, rows: int, columns: int, height_m: float = 0.02, top: int = 0) -> Array:
        """Table places xy (rows * columns, 2), m, that a grid over the policy's picture shows.

        The grid leaves out `top` rows of pixels.
        """
        spec, camera = self.view, self._view()
        step_y, step_x = (spec.size[0] - top) / rows, spec.size[1] / columns
        y, x = np.meshgrid(
            top + np.arange(rows) * step_y, np.arange(columns) * step_x, indexing="ij"
        )
        return on_plane(
            spec.source_pixels(y.ravel(), x.ravel()), camera.intrinsics(), *camera.pose(), height_m
        )

    def picture(self, state: bytes) -> NDArray[np.uint8]:
        """What a policy saw at a saved moment (`episode.world.save_state()`) of this episode."""
        world, spec = self.episode.world, self.view
        now = world.save_state()
        world.restore_state(state)
        rgb = spec.apply(self._view().render())
        world.restore_state(now)
        return rgb

    def markers(self) -> Array:
        """Where thing and destination are, xy (2, 2), m: privileged, for training losses alone."""
        state = self.episode.privileged_state()
        thing = state[self._meant]
        destination = state.get("goal", state.get("container", thing))
        return np.array([thing[:2], destination[:2]])

    def film(
        self,
        task: Task | int = 0,
        *,
        seed: int = 0,
        trial: int = 0,
        target: int | None = None,
        preset: FilmPreset = "train",
        frames: int | None = None,
        whole: bool = False,
        **more: Any,
    ) -> Film:
        """A person's demonstration of `task`, without the robot; `more` as for `sim.film.film`.

        `target` overrides which thing is meant; `whole` gives all that the camera sees, not what a
        policy would. It has nothing to do with the episode that runs.
        """
        if not isinstance(task, Task):
            task = draw_task(self.family, self.split, int(task), target)
        rng = film_stream(task, seed, trial)
        image = WHOLE_PICTURE if whole else self.view
        return film(task, rng, preset=preset, frames=frames, image=image, **more)

    def render(self) -> NDArray[np.uint8]:  # type: ignore[override]
        """The whole camera picture (240, 320, 3) uint8."""
        return self._view().render()

    def close(self) -> None:
        """Free the renderer."""
        self._close_camera()

    def _view(self) -> Camera:
        if self._camera is None:
            self._camera = Camera(self.episode.world, CAMERA)
        return self._camera

    def _close_camera(self) -> None:
        if self._camera is not None:
            self._camera.close()
        self._camera = None

    def _observe(self) -> Observation:
        world = self.episode.world
        q = world.arm_q.copy()
        observation: Observation = {
            "q_rad": q,
            "ee_pos_m": self.servo.kinematics.forward(q)[0],
            "gripper_m": np.array([world.gripper_m]),
        }
        if self.image is not None:
            observation["rgb"] = self.image.apply(self._view().render())
        return observation

    def _info(self, *, success: bool) -> dict[str, Any]:
        episode = self.episode
        return {"success": success, "task": episode.task, "arrangement": episode.arrangement}


def _same_things(a: Task, b: Task) -> bool:
    return (a.family, a.objects, a.containers) == (b.family, b.objects, b.containers)
