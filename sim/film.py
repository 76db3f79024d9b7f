"""Films of a person who does a task: what a camera sees, and for training where things were."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sim.camera import POLICY_IMAGE, Camera, ImageSpec, intrinsics_of, on_plane, to_pixels
from sim.hand import Hand, HandLook
from sim.hand_path import plan
from sim.hand_world import TICKS_A_FRAME, HandWorld
from sim.manner import FilmPreset, FilmRange, Manner, draw_look, draw_manner, film_range, for_blade
from sim.onlooker import View, develop, draw_view
from sim.scene import CAMERA, CAMERA_FOVY_DEG, camera_pose, object_name
from sim.tasks import OBJECT_HEIGHT_M, Arrangement, Task, draw_arrangement, stream

Array = NDArray[np.float64]

WHOLE_PICTURE = ImageSpec(crop=(0, 0, 240, 320), size=(240, 320))
"""For people and video files: all that the camera sees."""
TAKES = 8
"""How often a person tries before a task is said to be beyond them."""


@dataclass(frozen=True, eq=False)
class Film:
    """A person's demonstration of `task`, `length` frames at 10 Hz of which F are in hand.

    `rgb` is all that a learner may see; `marker` and `contact` are privileged.
    """

    task: Task
    arrangement: Arrangement
    rgb: NDArray[np.uint8]
    """(F, h, w, 3)"""
    moments: NDArray[np.int64]
    """(F,): numbers of these frames, rising."""
    length: int
    marker: Array
    """(F, 2, 2): xy of the thing meant and of its destination, as `SawyerEnv.markers`; m."""
    seen: Array
    """(F, 2, 2): where they would be if the film were taken by the robot's own camera; m.

    What a policy that knows the robot's camera alone takes them to be.
    """
    contact: int
    """Number of the frame at which what is meant is first touched.

    Where a thing is in hand from the start, that is its container.
    """
    look: HandLook
    manner: Manner
    view: View


def film_stream(task: Task, seed: int, trial: int) -> Generator:
    """The random stream of one film."""
    return stream(task.split, task.family, task.index, "human", seed, trial)


def film(
    task: Task,
    rng: Generator,
    *,
    preset: FilmPreset = "train",
    arrangement: Arrangement | None = None,
    avoid: Array | None = None,
    frames: int | None = None,
    jitter: bool = False,
    image: ImageSpec = POLICY_IMAGE,
) -> Film:
    """A film of a person doing `task`; same task and state of `rng`, same film.

    The arrangement is drawn unless given, its targets 10 cm away from the rows of `avoid` (n, 2).
    `frames` picks so many, spread evenly, the first and last among them; with `jitter`, one drawn
    from each of so many equal stretches. Pictures that are not asked for are not rendered.

    Raises:
        ValueError: for an unknown preset, or fewer than two frames.
        RuntimeError: if the person fails `TAKES` times.
    """
    given = film_range(preset)
    if frames is not None and frames < 2:
        raise ValueError(f"a film has at least 2 frames, got {frames=}")
    drawn = arrangement or draw_arrangement(task, rng, avoid)
    take = _act(task, drawn, given, rng)
    # Noise of its own: a frame looks the same whichever others are asked for.
    grain = int(rng.integers(2**63))
    moments = _moments(len(take.states), frames, jitter, rng)
    pictures, marker, seen = [], [], []
    with Camera(take.world, CAMERA) as camera:
        for moment in moments.tolist():
            take.world.show(moment, take.states[moment])
            noise = np.random.default_rng([grain, moment])
            pictures.append(image.apply(develop(camera.render(), take.view, noise)))
            marker.append(_marker(task, drawn, take.world))
            seen.append(_as_by_robot(marker[-1], camera))
    return Film(
        task=task,
        arrangement=drawn,
        rgb=np.stack(pictures),
        moments=moments,
        length=len(take.states),
        marker=np.array(marker),
        seen=np.array(seen),
        contact=min(round(take.world.path.contact / TICKS_A_FRAME), len(take.states) - 1),
        look=take.look,
        manner=take.manner,
        view=take.view,
    )


@dataclass(frozen=True, eq=False)
class _Take:
    look: HandLook
    manner: Manner
    view: View
    world: HandWorld
    states: list[Array]


def _act(task: Task, drawn: Arrangement, given: FilmRange, rng: Generator) -> _Take:
    """Somebody doing `task`, tried until it is done."""
    for _ in range(TAKES):
        look, manner, view = draw_look(given, rng), draw_manner(given, rng), draw_view(given, rng)
        gesture = manner.gesture(task)
        if gesture == "blade":
            look = for_blade(look, manner)
        hand = Hand(look, gesture, np.array(manner.elbow_m))
        world = HandWorld(task, drawn, hand, plan(task, drawn, hand, manner, rng), view)
        states, progress = world.play()
        if progress.success:
            return _Take(look, manner, view, world, states)
    raise RuntimeError(f"no person could do {task.label} in {TAKES} takes: {progress}")


def _moments(length: int, frames: int | None, jitter: bool, rng: Generator) -> NDArray[np.int64]:
    if frames is None:
        return np.arange(length, dtype=np.int64)
    if not jitter:
        even: NDArray[np.int64] = np.linspace(0, length - 1, frames).round().astype(np.int64)
        return even
    edges = np.linspace(0, length, frames + 1).astype(np.int64)
    return rng.integers(edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)).astype(np.int64)


def _as_by_robot(xy_m: Array, camera: Camera) -> Array:
    """Places (n, 2) that the robot's camera has where this one has points `xy_m` of the table."""
    points = np.c_[xy_m, np.full(len(xy_m), 0.5 * OBJECT_HEIGHT_M)]
    pixels = to_pixels(points, camera.intrinsics(), *camera.pose())
    own = intrinsics_of(CAMERA_FOVY_DEG, (camera.height, camera.width))
    return on_plane(pixels, own, *camera_pose(), 0.5 * OBJECT_HEIGHT_M)


def _marker(task: Task, arrangement: Arrangement, world: HandWorld) -> Array:
    container = arrangement.containers[task.target_container, :2] if task.containers else None
    if task.family == "place":
        return np.stack([container, container])  # type: ignore[list-item]
    thing = world.body_pose(object_name(task.target_object))[0][:2]
    if task.family == "push":
        return np.stack([thing, arrangement.goal_xy_m])
    return np.stack([thing, thing if container is None else container])
