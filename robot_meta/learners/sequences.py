"""MAML for sequence models: Meta-NMT's tasks are languages, PAML's are personas.

Gu et al. 2018, eq. 3 and Madotto et al. 2019, eq. 2. Both take the inner gradient as a constant or
not; with 0 steps this is plain training on all tasks at once, which is then fine-tuned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from robot_meta import inner
from robot_meta.config import from_dict
from robot_meta.data.vocabulary import PAD
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples
from robot_meta.nets.seq2seq import Seq2Seq, Seq2SeqConfig
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class SequencesConfig:
    """Settings."""

    net: Seq2SeqConfig
    alpha: float = 0.1
    """Inner step size, for the mean loss of a token."""
    steps: int = 1
    """Inner steps in training."""
    second_order: bool = False

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not (self.alpha > 0 and self.steps >= 0):
            raise ConfigError(
                f"sequences: need alpha > 0 and steps >= 0, got {self.alpha} and {self.steps}"
            )


class Sequences:
    """The learner."""

    name = "sequences"

    def __init__(self, config: SequencesConfig) -> None:
        self.config = config
        self.net = Seq2Seq(config.net)

    def init(self, seed: int) -> Params:
        """Fresh parameters."""
        return self.net.init(torch.Generator().manual_seed(seed))

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """Logits (n, T, V) of the next token, the ones before it given."""
        return self.net(phi, x)

    def loss(self, phi: Params, examples: Examples) -> Tensor:
        """L(phi): of a set of pairs."""
        return token_loss(self.predict(phi, examples.x), examples.y)

    def adapt(self, theta: Params, support: Examples, steps: int | None = None) -> Params:
        """Phi = theta - alpha * grad L(theta, support), so many times; as trained if not given."""
        return inner.adapt(
            theta,
            lambda p: self.loss(p, support),
            dict.fromkeys(theta, self.config.alpha),
            self.config.steps if steps is None else steps,
            second_order=self.config.second_order,
        )

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """The mean over tasks of L(phi, query)."""

        def one(support: Examples, query: Examples) -> Tensor:
            return self.loss(self.adapt(params, support), query)

        each: Tensor = vmap(one)(task.support, task.query)
        return each.mean(), {}


def token_loss(logits: Tensor, y: Tensor) -> Tensor:
    """- sum log p(y_t) / tokens, of logits (..., T, V) and y (..., T), PAD left out."""
    told = logits.log_softmax(-1).gather(-1, y[..., None])[..., 0]
    counted = (y != PAD).to(told.dtype)
    return -(told * counted).sum() / counted.sum()


def make(config: Mapping[str, Any]) -> Sequences:
    """The learner from its config as JSON values."""
    return Sequences(from_dict(SequencesConfig, config))
