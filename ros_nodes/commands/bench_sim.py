"""`robot-meta bench sim`: the Sawyer environment beside a bare physics loop and Gymnasium's own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import sim  # noqa: F401 - chooses the renderer before mujoco is imported
from robot_meta import report
from robot_meta.cpu import configure_cpu
from robot_meta.results import Metric, write_result
from sim.camera import Camera
from sim.envs import SawyerEnv
from sim.episode import Episode
from sim.scene import CAMERA, lay_out

SIZE = 84
PROTOCOL = (
    "One process, one thread. A scripted place demonstration (task {task} of the test split, about "
    "{seconds:.0f} s of motion with contacts) is recorded once and then repeated in {rounds} "
    "rounds; in each round every variant runs once, and the figure is the best round (whatever "
    "else runs on the machine only ever slows one down). "
    "sawyer_env: SawyerEnv.step with state observation, servo and trajectory follower. bare: the "
    "same controls fed to mj_step one step a call on the same model from the same state. "
    "gymnasium_env: Gymnasium's MujocoEnv on the same XML, the controls at the end of each 0.1 s. "
    "Steps are physics steps of 2 ms; resets are not timed. render_fps_84: Camera.render of 84x84 "
    "pictures along the demonstration; gymnasium_render_fps_84: MujocoEnv.render of the same."
)


@dataclass(frozen=True)
class Recording:
    """A demonstration as actions of the environment and as controls of the physics."""

    seed: int
    options: dict[str, Any]
    actions: list[NDArray[np.float64]]
    controls: NDArray[np.float64]
    """(N, nu), each held for `hold` physics steps."""
    hold: int
    start: bytes
    """State of the physics before the first action."""
    states: list[bytes]
    """State after each action."""

    @property
    def steps(self) -> int:
        """Physics steps in all."""
        return self.hold * len(self.controls)


def sim_bench(
    world: Literal["sawyer", "half_cheetah", "ant"] = "sawyer",
    rounds: int = 7,
    task: int = 0,
    count: int = 64,
    threads: int = 2,
    json: Path | None = None,
) -> int:
    """Measure physics steps and pictures a second, beside a bare loop and Gymnasium's MujocoEnv.

    Args:
        world: Whose: the arm's environment, or many legged robots stepped together.
        rounds: Repetitions; each figure is the best.
        task: Number of the arm's task that is repeated.
        count: Legged robots.
        threads: That they share.
        json: Write the result to this file.
    """
    if world != "sawyer":
        from ros_nodes.commands import bench_legs

        return bench_legs.bench(world, rounds, count, threads, json)
    began = time.monotonic()
    configure_cpu()
    env = SawyerEnv("place", split="test", image=None, max_steps=200)
    tape = record(env, task)
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        other = gymnasium_env(env.episode, Path(folder), tape)
        camera = Camera(env.episode.world, CAMERA, SIZE, SIZE)
        variants: dict[str, Callable[[], float]] = {
            "sawyer_env_steps_per_s": lambda: env_rate(env, tape),
            "bare_mj_step_per_s": lambda: bare_rate(env, tape),
            "gymnasium_env_steps_per_s": lambda: gymnasium_rate(other, tape),
            "render_fps_84": lambda: render_rate(env, camera, tape),
            "gymnasium_render_fps_84": lambda: gymnasium_render_rate(other, tape),
        }
        for _ in range(rounds):
            for key, measure in variants.items():
                figures.setdefault(key, []).append(measure())
        camera.close()
        other.close()
    env.close()
    units = {key: "frames/s" if "render" in key else "steps/s" for key in figures}
    metrics = {
        key: Metric(value=max(values), unit=units[key], n=rounds) for key, values in figures.items()
    }
    bare = metrics["bare_mj_step_per_s"].value
    for key in ("sawyer_env", "gymnasium_env"):
        ratio = metrics[f"{key}_steps_per_s"].value / bare
        name = f"{key.removeprefix('sawyer_')}_over_bare_ratio"
        metrics[name] = Metric(value=ratio, unit="ratio", n=rounds)
    report.show(metrics)
    if json is not None:
        seconds = tape.steps * env.episode.world.model.opt.timestep
        write_result(
            json,
            "bench-sim",
            PROTOCOL.format(task=task, seconds=seconds, rounds=rounds),
            metrics,
            config={"rounds": rounds, "task": task, "all": figures},
            wall_s=time.monotonic() - began,
        )
    return 0


def record(env: SawyerEnv, task: int, seed: int = 0) -> Recording:
    """Let the expert do a task once, noting actions, controls and states."""
    options = {"task": task, "trial": 0}
    env.reset(seed=seed, options=options)
    world = env.episode.world
    start = world.save_state()
    actions, controls, states, holds = [], [], [], set()
    step = world.step

    def noting(n: int = 1) -> None:
        controls.append(world.data.ctrl.copy())
        holds.add(n)
        step(n)

    world.step = noting  # type: ignore[method-assign]
    try:
        ended = False
        while not ended:
            actions.append(env.expert())
            *_, terminated, truncated, _ = env.step(actions[-1])
            states.append(world.save_state())
            ended = terminated or truncated
    finally:
        world.step = step  # type: ignore[method-assign]
    (hold,) = holds
    return Recording(seed, options, actions, np.array(controls), hold, start, states)


def env_rate(env: SawyerEnv, tape: Recording) -> float:
    """Physics steps a second through `SawyerEnv.step`."""
    env.reset(seed=tape.seed, options=tape.options)
    began = time.perf_counter()
    for action in tape.actions:
        env.step(action)
    return tape.steps / (time.perf_counter() - began)


def bare_rate(env: SawyerEnv, tape: Recording) -> float:
    """Physics steps a second of the same motion in a plain loop."""
    import mujoco

    world = env.episode.world
    world.restore_state(tape.start)
    model, data, step = world.model, world.data, mujoco.mj_step
    began = time.perf_counter()
    for control in tape.controls:
        data.ctrl[:] = control
        for _ in range(tape.hold):
            step(model, data)
    return tape.steps / (time.perf_counter() - began)


def render_rate(env: SawyerEnv, camera: Camera, tape: Recording) -> float:
    """Pictures a second along the demonstration; only drawing is timed."""
    world, spent = env.episode.world, 0.0
    for state in tape.states:
        world.restore_state(state)
        began = time.perf_counter()
        camera.render()
        spent += time.perf_counter() - began
    return len(tape.states) / spent


def gymnasium_env(episode: Episode, folder: Path, tape: Recording) -> Any:
    """Gymnasium's MujocoEnv on the episode's scene, with qpos and qvel as observation."""
    from gymnasium.envs.mujoco import MujocoEnv
    from gymnasium.spaces import Box

    scene = episode.world.scene
    for name, content in scene.assets.items():
        (folder / name).write_bytes(content)
    path = folder / "scene.xml"
    path.write_text(scene.xml)
    per_action = tape.steps // len(tape.actions)

    class Plain(MujocoEnv):
        metadata = {  # noqa: RUF012 - Gymnasium's own form
            "render_modes": ["human", "rgb_array", "depth_array", "rgbd_tuple"],
            "render_fps": 10,
        }

        def __init__(self) -> None:
            size = episode.world.model.nq + episode.world.model.nv
            super().__init__(
                str(path),
                per_action,
                Box(-np.inf, np.inf, (size,), np.float64),
                render_mode="rgb_array",
                width=SIZE,
                height=SIZE,
                camera_name=CAMERA,
            )

        def step(self, control: Any) -> Any:
            self.do_simulation(control, self.frame_skip)
            return self._state(), 0.0, False, False, {}

        def reset_model(self) -> NDArray[np.float64]:
            return self._state()

        def _state(self) -> NDArray[np.float64]:
            return np.concatenate([self.data.qpos.flat, self.data.qvel.flat])

    env = Plain()
    lay_out(env.model, env.data, episode.task, episode.arrangement, episode.appearance)
    return env


def gymnasium_rate(env: Any, tape: Recording) -> float:
    """Physics steps a second through `MujocoEnv.step`."""
    _restore(env, tape.start)
    every = len(tape.controls) // len(tape.actions)
    last = tape.controls[every - 1 :: every]
    began = time.perf_counter()
    for control in last:
        env.step(control)
    return len(last) * env.frame_skip / (time.perf_counter() - began)


def gymnasium_render_rate(env: Any, tape: Recording) -> float:
    """Pictures a second of `MujocoEnv.render` along the demonstration."""
    spent = 0.0
    for state in tape.states:
        _restore(env, state)
        began = time.perf_counter()
        env.render()
        spent += time.perf_counter() - began
    return len(tape.states) / spent


def _restore(env: Any, state: bytes) -> None:
    import mujoco

    kind = mujoco.mjtState.mjSTATE_INTEGRATION
    # A count of steps comes first, and pushes that go on last; there are none.
    values = np.frombuffer(state[8:], np.float64)[: mujoco.mj_stateSize(env.model, kind)]
    mujoco.mj_setState(env.model, env.data, values, kind)
    mujoco.mj_forward(env.model, env.data)
