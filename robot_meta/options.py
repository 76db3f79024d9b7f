"""Options of the long commands: each field is one, its docstring the help."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

Family = Literal["reach", "push", "place", "pick_place"]
Robot = Literal["half_cheetah", "ant", "go1"]
"""Legged robots: what they learn is to live with a kind of fault."""
Few = Literal["sinusoid", "omniglot", "objects", "pictures"]
"""Few-shot tasks."""
TasksFrom = Literal["labels", "clusters", "augmented"]
"""Labels, or clusters of codes (CACTUs), or warps of single pictures (UMTRA)."""
Split = Literal["train", "val", "test"]
Film = Literal[
    "train",
    "background",
    "azimuth",
    "half_speed",
    "double_speed",
    "small_hand",
    "large_hand",
    "phone",
]
"""How people and their cameras are drawn: `train` is what training saw."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Options of `train`."""

    steps: int = 10_000
    """Meta-steps of the whole run."""
    batch: int = 8
    """Tasks a meta-step, over all processes."""
    shares: int = 2
    """Equal parts that a batch is drawn in; any number of processes that divides it draws alike."""
    rate: float = 1e-3
    """Adam's step size."""
    average: float = 0.995
    """Memory of the moving average of the parameters."""
    seed: int = 0
    """Of the first parameters and of every draw."""
    data: Path | None = None
    """Collected demonstrations; data/TASK-train if not given."""
    validation: Path | None = None
    """Demonstrations to validate on; data/TASK-val if that is there."""
    videos: Path | None = None
    """Films to adapt on, for learners that take them; data/TASK-human-train if not given."""
    fault: str = "disabled_joint"
    """Kind of fault that a legged robot learns to live with."""
    windows: int = 64
    """Windows of motion a meta-step, for learners of motion."""
    way: int = 5
    """Classes of a few-shot task."""
    shot: int = 1
    """Examples of each class, or points, that a few-shot learner adapts on."""
    query: int = 1
    """Likewise that it is judged by."""
    warp: float = 0.0
    """Size of random warps of the pictures that a few-shot learner trains on; 1 bends strongly."""
    tasks_from: TasksFrom = "labels"
    """What makes the classes of few-shot tasks to train on; the last two use no label."""
    clusters: int = 500
    """Clusters of a partition, with --tasks-from clusters."""
    partitions: int = 10
    """Partitions, likewise."""
    embedding: Path | None = None
    """Checkpoint of `train acai` or `train deepcluster` that they are made with, or that a round of
    deepcluster begins with; the shipped one of acai if not given."""
    limit: int | None = None
    """Use so many training tasks."""
    settings: tuple[str, ...] = ()
    """Settings of the learner as name=value, such as steps=2 net.embed=64."""
    start: Path | None = None
    """Checkpoint to start from, such as that of another family."""
    members: tuple[Path, ...] = ()
    """Checkpoints of single models of motion that are the members of an ensemble from here on."""
    hands: tuple[str, ...] = ()
    """Checkpoints whose controllers to start with, as TASK=PATH, such as those of MIL."""
    also: tuple[Family, ...] = ()
    """Families that are trained together with the first: one pair of eyes, hands of their own."""
    out: Path | None = None
    """Folder of the run; runs/LEARNER-TASK if not given."""
    save_every: int = 200
    """Save the state each so many steps."""
    validate_every: int = 500
    """Validate each so many steps."""
    workers: int = 1
    """Processes of one thread on this machine."""

    def words(self) -> list[str]:
        """These options as words of a command line, but for `workers`."""
        out: list[str] = []
        for option in fields(self):
            value = getattr(self, option.name)
            if value is None or value == () or option.name == "workers":
                continue
            values = value if isinstance(value, tuple) else (value,)
            out += ["--" + option.name.replace("_", "-"), *map(str, values)]
        return out


@dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """Options of `eval`."""

    split: Split = "test"
    """Which set the tasks are from."""
    trials: int = 300
    """Trials of each figure."""
    seed: int = 0
    """Draws tasks, demonstrations and arrangements."""
    fault: str = "disabled_joint"
    """Kind of fault of a legged robot."""
    shots: tuple[int, ...] = (1, 5)
    """Numbers of demonstrations to adapt on."""
    way: int = 5
    """Classes of a few-shot task."""
    shot: int = 1
    """Examples of each class, or points, that a few-shot learner adapts on."""
    tasks: int = 600
    """Few-shot tasks."""
    data: Path | None = None
    """Where pictures of few-shot tasks are; found by themselves if not given."""
    evidence: Literal["robot", "state", "video", "human"] = "robot"
    """What shows the task: a robot's demo; its pictures and states; its pictures; a person's."""
    film: Film = "train"
    """How people and their cameras are drawn, with --evidence human."""
    checkpoint: Path | None = None
    """Trained parameters, of a manipulation task also a folder of versions;
    checkpoints/LEARNER-TASK.safetensors if not given."""
    embedding: Path | None = None
    """Checkpoint of `train acai` or `train deepcluster`, for baselines beside cactus; the shipped
    one of acai if not given."""
    blind: Path | None = None
    """The same network trained without demonstrations, for the control."""
    controls: bool = True
    """Measure the controls too."""
    json: Path | None = None
    """Write the result to this file."""
    workers: int = 2
    """Processes of one thread."""


@dataclass(frozen=True, kw_only=True)
class ExperimentOptions:
    """Options of `experiment`."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Evaluation seeds."""
    trials: int | None = None
    """Trials of each seed; the experiment's own number if not given."""
    checkpoint: Path | None = None
    """Trained parameters, or a folder of versions; the shipped ones if not given."""
    blind: Path | None = None
    """Those of the blind control."""
    json: Path | None = None
    """Results file; results/NAME.json if not given."""
    quick: bool = False
    """Few trials, in minutes: does it run, and roughly what comes out?"""
    workers: int = 2
    """Processes of one thread."""
