"""Meta-regularised MAML: what can be memorised is made to cost (Yin et al. 2020).

Where one function could answer all training tasks without their examples, MAML learns that function
and does not adapt to new tasks. An information bottleneck on the way from x to the answer that
does not pass through the examples takes the advantage away: on the weights that do not adapt
(MR-MAML(W)), or on the activations that they give (MR-MAML(A)). The head adapts, as in ANIL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap

from robot_meta import inner
from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Episodes, Examples, loss_of
from robot_meta.information import nats
from robot_meta.nets import encoder, sequence
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.types import Params

SPREAD, HEAD = "spread.", "head."
"""Prefixes of the logarithms of sigma of the weights, and of what adapts."""


@dataclass(frozen=True, kw_only=True)
class MrMamlConfig:
    """Settings."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    outputs: int = 5
    """N classes, or the size of y."""
    bottleneck: Literal["weights", "activations", "none"] = "weights"
    """`none` is ANIL: the same learner with nothing done against memorising."""
    beta: float = 1e-5
    """Weight of the information, in nats, against a mean loss."""
    code: int = 32
    """Size of the activations z, a linear map of the features, that the head sees."""
    alpha: float = 0.05
    """Inner step size."""
    steps: int = 5
    """Inner steps in training."""
    test_steps: int = 5
    """Inner steps in tests."""
    spread: float = 0.02
    """Sigma at the start."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if self.bottleneck not in ("weights", "activations", "none"):
            raise ConfigError(
                f"mrmaml: bottleneck {self.bottleneck!r}; there are weights, activations and none"
            )
        positive = min(self.alpha, self.outputs, self.code, self.spread) > 0
        if not (positive and self.beta >= 0 and min(self.steps, self.test_steps) >= 0):
            raise ConfigError(
                f"mrmaml: need alpha, outputs, code, spread > 0 and beta, steps >= 0, got {self}"
            )


class MrMaml:
    """The learner."""

    name = "mrmaml"

    def __init__(self, config: MrMamlConfig) -> None:
        self.config = config
        self._net = encoder.make(config.encoder)
        self._coded = config.bottleneck == "activations"

    def init(self, seed: int) -> Params:
        """Fresh means and spreads of what does not adapt, and a head."""
        rng = torch.Generator().manual_seed(seed)
        body, size = self._net.init(rng), self._net.size
        body |= sequence.init_linear("code", size, self.config.code, rng)
        head = encoder.linear_head(self.config.code, self.config.outputs, rng)
        start = float(np.log(self.config.spread))
        if self.config.bottleneck == "weights":
            spreads = {SPREAD + name: torch.full_like(p, start) for name, p in body.items()}
            return {**body, **head, **spreads}
        if not self._coded:
            return {**body, **head}
        same = {
            "spread.w": torch.zeros(self.config.code, size),
            "spread.b": torch.full((self.config.code,), start),
        }
        return {**body, **head, **same}

    def predict(self, phi: Params, x: Tensor) -> Tensor:
        """Outputs (n, O) with means in place of samples."""
        return encoder.head(phi, self.code(phi, x))

    def code(self, theta: Params, x: Tensor) -> Tensor:
        """What the head sees of x, whatever the task: z (n, D), or its mean."""
        return sequence.apply_linear(theta, "code", self._net(theta, x))

    def path(self, theta: Params, support: Examples) -> Iterator[Params]:
        """The head by gradient steps on the support set; yields phi_0 = theta, phi_1, ..."""
        return self._descent(theta, self.code(theta, support.x), support.y)

    def _descent(self, theta: Params, z: Tensor, y: Tensor) -> Iterator[Params]:
        alpha = {name: self.config.alpha for name in theta if name.startswith(HEAD)}
        phi = theta
        while True:
            yield phi
            _, phi = inner.step(phi, lambda p: loss_of(encoder.head(p, z), y), alpha)

    def adapt(self, theta: Params, support: Examples, steps: int | None = None) -> Params:
        """Phi after `steps` steps; those of tests if not given."""
        wanted = self.config.test_steps if steps is None else steps
        return next(phi for k, phi in enumerate(self.path(theta, support)) if k == wanted)

    def task_loss(
        self, params: Params, task: Episodes, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Eq. 5 (weights) or 4 (activations): the loss of the queries + beta * information."""
        noise = self._noise(params, task, np.random.default_rng([step, 1]))

        def one(
            support: Examples, query: Examples, drawn: dict[str, Tensor]
        ) -> tuple[Tensor, Tensor]:
            x = torch.cat([support.x, query.x])
            z, information = self._sampled(params, x, drawn)
            count = len(support.x)
            path = self._descent(params, z[:count], support.y)
            phi = next(p for k, p in enumerate(path) if k == self.config.steps)
            return loss_of(encoder.head(phi, z[count:]), query.y), information

        losses, information = vmap(one)(task.support, task.query, noise)
        total = losses.mean() + self.config.beta * information.mean()
        return total, {"query": losses.mean().item(), "nats": information.mean().item()}

    def _noise(self, theta: Params, task: Episodes, rng: np.random.Generator) -> Params:
        """N(0, 1) for each task (B, ...): of each weight, or of each z."""
        tasks = len(task.support.x)
        shapes = {n: theta[n].shape for n in theta if SPREAD + n in theta}
        if self._coded:
            examples = task.support.x.shape[1] + task.query.x.shape[1]
            shapes = {"z": torch.Size([examples, self.config.code])}
        like = next(iter(theta.values())).dtype
        return {
            n: torch.from_numpy(rng.standard_normal((tasks, *shape), np.float32)).to(like)
            for n, shape in shapes.items()
        }

    def _sampled(self, theta: Params, x: Tensor, noise: Params) -> tuple[Tensor, Tensor]:
        """A sample of z (n, D), and the nats that it may carry."""
        if self._coded:
            features = self._net(theta, x)
            mu, s = (sequence.apply_linear(theta, name, features) for name in ("code", "spread"))
            return mu + s.exp() * noise["z"], nats(mu, s) / len(x)
        drawn = {n: theta[n] + theta[SPREAD + n].exp() * e for n, e in noise.items()}
        known = [nats(theta[n], theta[SPREAD + n]) for n in noise]
        return self.code({**theta, **drawn}, x), torch.stack([*known, torch.zeros(())]).sum()


def make(config: Mapping[str, Any]) -> MrMaml:
    """The learner from its config as JSON values."""
    return MrMaml(from_dict(MrMamlConfig, config))
