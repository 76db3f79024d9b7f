"""Experiments of the learners by name: each is a module that trains or loads all that it compares.

`run(*, quick, out, watch)` writes the results file (results/NAME.json, or NAME-quick.json, if `out`
is None), a picture beside it, prints its figures and returns them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from robot_meta.errors import ConfigError

Watch = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""Passes things through while showing progress (things, what, total)."""
MODULES = {
    "cactus": "robot_meta.cactus_experiment",
    "sinusoid": "robot_meta.sinusoid_experiment",
    "few-shot": "robot_meta.few_shot_experiment",
    "ftml": "robot_meta.ftml_experiment",
    "ftml-fashion": "robot_meta.ftml_fashion_experiment",
    "place-sequence": "robot_meta.place_sequence_experiment",
    "domains": "robot_meta.domains_experiment",
    "pose": "robot_meta.pose_experiment",
    "segmentation": "robot_meta.segmentation_experiment",
    "incremental": "robot_meta.incremental_experiment",
    "views": "robot_meta.views_experiment",
    "language": "robot_meta.language_experiment",
    "following": "robot_meta.following_experiment",
    "online-film": "robot_meta.online_film",
    "online-sweep": "robot_meta.online_sweep_experiment",
}


def run(name: str, *, quick: bool, out: Path | None, watch: Watch) -> None:
    """Run one.

    Raises:
        ConfigError: no such experiment.
    """
    if name not in MODULES:
        raise ConfigError(f"experiment {name!r} is unknown; known are {', '.join(MODULES)}")
    importlib.import_module(MODULES[name]).run(quick=quick, out=out, watch=watch)
