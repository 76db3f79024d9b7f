"""A meta-training run of a few-shot learner, and its figures on validation tasks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from robot_meta import learners
from robot_meta.few_shot import FewShotLearner, query_loss
from robot_meta.few_shot_tasks import Tasks, stream
from robot_meta.traced import Traced, replayable
from robot_meta.training import Run, continued
from robot_meta.types import Params

VALIDATED, TOGETHER = 120, 20
"""Validation tasks, and how many of them at a time."""


def prepare(
    name: str,
    tasks: Tasks,
    settings: Mapping[str, Any],
    batch: int,
    seed: int = 0,
    start: Path | None = None,
) -> Run:
    """A run of the learner `name`.

    Args:
        name: of a few-shot learner.
        tasks: what it is trained on.
        settings: of the learner, JSON values, besides those that the tasks bring.
        batch: tasks a meta-step.
        seed: of fresh parameters.
        start: a checkpoint to start from instead, of this learner or of another one whose encoder
            it has; what that lacks is fresh.

    Raises:
        ConfigError: an unknown learner or setting.
        CheckpointError: no good checkpoint, or parameters of other shapes.
    """
    learner = learners.make_few_shot(name, merged(tasks.settings, settings))
    draw = tasks.draws["train"]
    return Run(
        learner=learner,  # type: ignore[arg-type]
        trainable=Traced(learner) if replayable(learner) else learner,
        sample=lambda rng: draw(rng, batch),
        validate=lambda params: validation(learner, params, tasks),
        start=learner.init(seed) if start is None else continued(learner.init(seed), start),
    )


def validation(learner: FewShotLearner, params: Params, tasks: Tasks) -> dict[str, float]:
    """Loss and accuracy on the same validation tasks each time."""
    rng = stream("val", tasks.name, 0)
    out: dict[str, float] = {}
    parts = VALIDATED // TOGETHER
    with torch.no_grad():
        for _ in range(parts):
            loss, told = query_loss(learner, params, tasks.draws["val"](rng, TOGETHER))
            for key, value in {"loss": loss.item(), **told}.items():
                out[key] = out.get(key, 0.0) + float(value) / parts
    return out


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, mapping within mapping."""
    out = dict(base)
    for key, value in over.items():
        inside = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = merged(out[key], value) if inside else value
    return out
