"""Tasks and arrangements: which things lie on the table, which one is meant, where they are.

A *task* is a drawn set of things of which one is the target. An *arrangement* is where they lie in
one episode. Both come from seeds alone: `SeedSequence([split, family, seed, role])`.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from sim.attributes import SPLITS, Look, Split, distinct, draw_hue, draw_look, outline

Array = NDArray[np.float64]
Family = Literal["reach", "push", "place", "pick_place"]
FAMILIES: tuple[Family, ...] = ("reach", "push", "place", "pick_place")
SPLIT_SIZES: dict[Split, int] = {"train": 4000, "val": 200, "test": 200, "test_shapes": 200}
ROLES = ("task", "arrangement", "noise", "render", "trial", "human")
CHOICES = 3

SHARED = ("colour", "shape", "size", "free")
SHARED_ODDS = {"train": (0.45, 0.25, 0.15, 0.15), "held_out": (0.3, 0.3, 0.2, 0.2)}
"""What a further thing has in common with the first, and how often.

Training dwells on the hard case: one colour, told apart by shape and pattern alone.
"""
OBJECT_HEIGHT_M = 0.04
HELD_M = (0.019, 0.021)
"""Radius of things that the gripper holds."""
GRASPABLE = ("square", "circle", "rectangle", "half_disc", "ellipse")
"""Shapes that two parallel pads hold without turning them."""
GOAL_RADIUS_M = 0.04
DRAWS = 20_000
"""Arrangements that are tried before a task is said to be too large for the table."""


@dataclass(frozen=True)
class Task:
    """What is on the table and what is meant.

    `target` counts objects, containers, or object * 3 + container.
    """

    family: Family
    split: Split
    index: int
    objects: tuple[Look, ...]
    containers: tuple[Look, ...]
    target: int

    @property
    def label(self) -> str:
        """A name for people and files, e.g. `place/test/12`."""
        return f"{self.family}/{self.split}/{self.index}"

    @property
    def choices(self) -> int:
        """How many targets the scene offers."""
        return CHOICES**2 if self.family == "pick_place" else CHOICES

    @property
    def target_object(self) -> int:
        """Which object is to be moved or reached."""
        return {"place": 0, "pick_place": self.target // CHOICES}.get(self.family, self.target)

    @property
    def target_container(self) -> int:
        """Which container is to be filled (place, pick_place)."""
        return self.target % CHOICES

    def to_json(self) -> str:
        """Text from which `from_json` makes the same task."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """The task written by `to_json`."""
        fields: dict[str, Any] = json.loads(text)
        for things in ("objects", "containers"):
            fields[things] = tuple(Look(**look) for look in fields[things])
        return cls(**fields)


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Where things lie: rows (x m, y m, yaw rad); where to push to; where the tip starts."""

    objects: Array
    containers: Array
    goal_xy_m: Array
    start_tcp_m: Array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arrangement) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def to_json(self) -> str:
        """Text from which `from_json` makes the same arrangement."""
        return json.dumps({k: v.tolist() for k, v in self.__dict__.items()})

    @classmethod
    def from_json(cls, text: str) -> "Arrangement":
        """The arrangement written by `to_json`."""
        return cls(**{k: np.array(v, float) for k, v in json.loads(text).items()})

    def target_xy_m(self, task: Task) -> Array:
        """Positions (n, 2) of what `task` points at: n = 2 for pick_place."""
        rows: list[Array] = []
        if task.family != "place":
            rows.append(self.objects[task.target_object, :2])
        if task.family in ("place", "pick_place"):
            rows.append(self.containers[task.target_container, :2])
        return np.stack(rows)


def stream(split: Split, family: Family, seed: int, role: str, *more: int) -> Generator:
    """The random stream of one purpose; no two (split, family, seed, role) share one."""
    words = [SPLITS.index(split), FAMILIES.index(family), seed, ROLES.index(role), *more]
    return np.random.default_rng(SeedSequence(words))


def draw_task(family: Family, split: Split, index: int, target: int | None = None) -> Task:
    """Task `index` of a split; `target` overrides which thing is meant (for wrong demonstrations).

    Raises:
        ValueError: for an unknown family or split, or an index or target outside the range.
    """
    if family not in FAMILIES or split not in SPLITS:
        raise ValueError(
            f"no task family {family!r} in split {split!r}; families {FAMILIES}, splits {SPLITS}"
        )
    if not 0 <= index < SPLIT_SIZES[split]:
        raise ValueError(
            f"task index {index} is outside 0..{SPLIT_SIZES[split] - 1} of split {split!r}"
        )
    rng = stream(split, family, index, "task")
    box, thing = (0.040, 0.050), (0.026, 0.034)
    objects: tuple[Look, ...]
    containers: tuple[Look, ...]
    if family == "place":
        held = draw_look(
            "test" if split == "test_shapes" else split, rng, HELD_M, shapes=("square", "circle")
        )
        objects, containers = (held,), _choices(split, rng, box)
    elif family == "pick_place":
        objects, containers = _choices(split, rng, HELD_M, GRASPABLE), _choices(split, rng, box)
    else:
        objects, containers = _choices(split, rng, thing), ()
    task = Task(family, split, index, objects, containers, 0)
    drawn = int(rng.integers(task.choices))
    chosen = drawn if target is None else target
    if not 0 <= chosen < task.choices:
        raise ValueError(f"target {chosen} is outside 0..{task.choices - 1} of {task.label}")
    return replace(task, target=chosen)


def _choices(
    split: Split, rng: Generator, size_m: tuple[float, float], shapes: tuple[str, ...] | None = None
) -> tuple[Look, ...]:
    """Three things that a person can tell apart; most share an attribute with the first."""
    first = draw_look(split, rng, size_m, shapes=shapes)
    looks = [first]
    while len(looks) < CHOICES:
        mode = rng.choice(SHARED, p=SHARED_ODDS["train" if split == "train" else "held_out"])
        other = draw_look(split, rng, size_m, shapes=shapes)
        if mode == "colour":
            other = replace(
                other,
                hue_deg=first.hue_deg,
                saturation=first.saturation,
                value=first.value,
                ink=first.ink,
            )
        elif mode == "shape":
            other = replace(other, hue_deg=draw_hue(split, rng, away_from=first.hue_deg))
            if other.shape != first.shape:
                continue
        elif mode == "size":
            other = replace(other, size_m=first.size_m)
        if all(distinct(other, x) for x in looks):
            looks.append(other)
    order = rng.permutation(CHOICES)
    return tuple(looks[i] for i in order)


_REGIONS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    # (low xy, high xy) m of centres
    "reach": ((0.50, -0.22), (0.72, 0.22)),
    "push": ((0.47, -0.20), (0.57, 0.20)),
    "pick": ((0.46, -0.20), (0.56, 0.20)),
    "place": ((0.52, -0.22), (0.73, 0.22)),
    "fill": ((0.64, -0.22), (0.74, 0.22)),
    "goal": ((0.66, -0.14), (0.73, 0.14)),
}


def draw_arrangement(task: Task, rng: Generator, avoid: Array | None = None) -> Arrangement:
    """A free arrangement of `task`; its targets lie >= 10 cm from the rows of `avoid` (n, 2).

    Raises:
        RuntimeError: if none is found in `DRAWS` draws (the regions leave room, so this says a size
        is wrong).
    """
    for _ in range(DRAWS):
        start = np.array([0.45, 0.0, 0.22]) + rng.uniform((-0.02, -0.06, -0.03), (0.02, 0.06, 0.03))
        goal = rng.uniform(*_REGIONS["goal"])
        objects = np.zeros((0, 3))
        if task.family != "place":
            region = {"pick_place": "pick"}.get(task.family, task.family)
            objects = _scatter(task.objects, rng, region, 0.02 if region == "reach" else 0.05)
            if task.family == "pick_place":
                objects[:, 2] *= 0.05
        containers = _scatter(
            task.containers, rng, "fill" if task.family == "pick_place" else "place", 0.018
        )
        drawn = Arrangement(objects, containers, goal, start)
        if _free(task, drawn) and (avoid is None or _moved(drawn.target_xy_m(task), avoid)):
            return drawn
    raise RuntimeError(
        f"no free arrangement of {task.label} in {DRAWS} draws; its things are too large"
    )


def _scatter(looks: tuple[Look, ...], rng: Generator, region: str, gap_m: float) -> Array:
    """Poses (n, 3) in a region, apart by both radii and `gap_m`; a NaN row where none fitted."""
    low, high = _REGIONS[region]
    poses = np.zeros((len(looks), 3))
    radius = [np.linalg.norm(outline(x.shape, x.size_m), axis=1).max() for x in looks]
    for i in range(len(looks)):
        for _ in range(30):
            xy = rng.uniform(low, high)
            if all(
                np.hypot(*(xy - poses[j, :2])) > radius[i] + radius[j] + gap_m for j in range(i)
            ):
                poses[i] = [*xy, rng.uniform(-np.pi, np.pi)]
                break
        else:
            poses[i] = np.nan
            break
    return poses


def _free(task: Task, drawn: Arrangement) -> bool:
    if np.isnan(drawn.objects).any() or np.isnan(drawn.containers).any():
        return False
    if task.family != "push":
        return True
    # Any of the things may be the one to push: each has a way to the goal that is not steep and
    # meets no other.
    for i, xy in enumerate(drawn.objects[:, :2]):
        way = drawn.goal_xy_m - xy
        if abs(way[1]) > 1.1 * way[0]:
            return False
        for j, other in enumerate(drawn.objects[:, :2]):
            if j == i:
                continue
            s = np.clip((other - xy) @ way / (way @ way), -0.6, 1.2)
            if np.hypot(*(other - xy - s * way)) < 0.085:
                return False
    return True


def _moved(now: Array, before: Array) -> bool:
    return bool(
        (np.linalg.norm(now - np.asarray(before, float).reshape(now.shape), axis=1) >= 0.10).all()
    )


def as_family(name: str) -> Family:
    """`name` as a family.

    Raises:
        ValueError: naming the families that exist.
    """
    if name not in FAMILIES:
        raise ValueError(f"no task family {name!r}; there are {', '.join(FAMILIES)}")
    return name


def describe(task: Task) -> dict[str, Any]:
    """What a person would say of the task: the target's look and how many things there are."""
    look = (
        task.containers[task.target_container]
        if task.family == "place"
        else task.objects[task.target_object]
    )
    return {
        "label": task.label,
        "choices": task.choices,
        "target": f"{look.pattern} {look.shape}, hue {look.hue_deg:.0f}",
    }
