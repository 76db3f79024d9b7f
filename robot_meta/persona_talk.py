"""Dialog with a persona that is known from a few dialogs alone: PAML beside joint training.

Madotto et al. 2019, on generated personas: no learner is given a persona's facts, only its replies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta import few_shot_tasks, sequence_training
from robot_meta.data import personas
from robot_meta.data.personas import Persona
from robot_meta.data.vocabulary import Pair, stacked
from robot_meta.few_shot import Episodes, Examples
from robot_meta.few_shot_tasks import Split
from robot_meta.fine_tuning import Tuning, chosen, last, losses, spoken
from robot_meta.learners.sequences import Sequences
from robot_meta.sequence_training import Method, halved
from robot_meta.trained import Watch
from robot_meta.types import Params

DIALOGS, TURNS = (1, 3, 10), 3
"""Numbers of dialogs to adapt on, and turns of each."""
JUDGED = 30
"""Turns that a persona is judged by."""
VALIDATION, TEST = 24, 60
"""Personas."""
SEED = 1
"""Of held-out personas and their dialogs; trial runs were judged on those of 0."""
STEPS, MARKS = 10, (1, 3)
"""The most steps of fine-tuning, as in the paper, and earlier ends."""
TUNINGS = (
    *(Tuning(rate=rate, steps=STEPS, kind="descent") for rate in (0.1, 0.3, 1.0)),
    *(Tuning(rate=rate, steps=STEPS, kind="adam") for rate in (3e-3, 1e-2)),
)
"""What fine-tuning may be, chosen on validation personas."""


METHODS = {
    "paml": Method(title="PAML (first-order MAML)", inner_steps=3, alpha=0.3),
    "joint_tuned": Method(title="joint training, fine-tuned"),
    "joint": Method(title="joint training, not adapted", adapts=False),
}


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much of everything."""

    steps: int = 400
    tasks: int = 4
    """Personas a step."""
    dialogs: int = 5
    """Of each, to adapt on, and as many to be judged by."""
    test: int = TEST


@dataclass(frozen=True, eq=False)
class Scores:
    """Of one method and number of dialogs, by persona."""

    loss: NDArray[np.float64]
    """Nats a token of the persona's own replies."""
    consistency: NDArray[np.float64]
    """C: mean over turns of 1, 0 or -1."""
    right: NDArray[np.float64]
    """Share of the questions for a fact whose reply gives the persona's."""
    tuning: Tuning


def people(split: Split, count: int) -> list[Persona]:
    """The first personas of a split, the same ones each time."""
    rng = few_shot_tasks.stream(split, "personas", SEED)
    return [personas.persona(rng, split) for _ in range(count)]


def talk(people: list[Persona], turns: int, rng: np.random.Generator) -> list[list[Pair]]:
    """So many turns with each."""
    return [[personas.turn(person, rng) for _ in range(turns)] for person in people]


def encoded(talks: list[list[Pair]]) -> Examples:
    """(B, n, .)."""
    return stacked([personas.codec().encode(pairs) for pairs in talks])


def draw(rng: np.random.Generator, effort: Effort) -> Episodes:
    """A meta-batch of new personas."""
    drawn = [personas.persona(rng, "train") for _ in range(effort.tasks)]
    return halved(encoded(talk(drawn, 2 * effort.dialogs * TURNS, rng)))


def train(name: str, effort: Effort, folder: Path | None, watch: Watch) -> tuple[Sequences, Params]:
    """The learner of a method and where its fine-tuning begins."""
    return sequence_training.train(
        METHODS[name],
        personas.codec(),
        lambda rng: draw(rng, effort),
        effort.steps,
        folder,
        watch,
    )


def held_out(split: Split, count: int, dialogs: int) -> tuple[list[Persona], Episodes]:
    """Personas, dialogs to adapt on (fewer are the first of more) and turns to be judged by."""
    found = people(split, count)
    known = encoded(
        talk(found, max(DIALOGS) * TURNS, few_shot_tasks.stream(split, "talk", 2 * SEED))
    )
    asked = encoded(talk(found, JUDGED, few_shot_tasks.stream(split, "talk", 2 * SEED + 1)))
    n = dialogs * TURNS
    return found, Episodes(Examples(known.x[:, :n], known.y[:, :n]), asked)


def evaluate(name: str, learner: Sequences, theta: Params, dialogs: int, effort: Effort) -> Scores:
    """Choose the fine-tuning on validation personas, then talk as test personas."""
    tuning = Tuning(rate=1.0, steps=0)
    if METHODS[name].adapts:
        tasks = held_out("val", VALIDATION, dialogs)[1]
        tuning = chosen(learner, theta, tasks, TUNINGS, MARKS)
    found, tasks = held_out("test", effort.test, dialogs)
    phi = last(learner, theta, tasks.support, tuning)
    said = spoken(learner, phi, tasks.query)
    judged = [
        judge(person, ours, truth)
        for person, ours, truth in zip(found, said, tasks.query.y, strict=True)
    ]
    consistent, right = np.array(judged).T
    return Scores(losses(learner, phi, tasks.query).double().numpy(), consistent, right, tuning)


def judge(person: Persona, said: torch.Tensor, truth: torch.Tensor) -> tuple[float, float]:
    """C of the replies (n, T), and the share of the facts asked for that they give."""
    codec = personas.codec()
    ours, theirs = codec.decode(said), codec.decode(truth)
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if personas.claims(b)]
    right = [personas.claims(a) == personas.claims(b) for a, b in pairs]
    return float(np.mean([personas.consistency(person, a) for a in ours])), float(np.mean(right))


Table = Mapping[str, Mapping[int, Scores]]
"""Scores by method and number of dialogs."""
