"""The closed-form rival: only the last layer adapts, by regularised least squares on the past.

With features F (M, U) of the past and residuals R (M, S) of the prior, the last layer moves by
R^T (F F^T + lambda I)^-1 F: what recursive least squares comes to after the same M steps from the
prior with covariance I / lambda. Trained like GrBAL, through the solution, with lambda learned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from robot_meta.config import from_dict
from robot_meta.errors import ConfigError
from robot_meta.motion import Chunk, MotionConfig, Steps, future_error
from robot_meta.nets.dynamics import Dynamics
from robot_meta.types import Params

RIDGE = "ridge"
"""Name of the learned log lambda."""


@dataclass(frozen=True, kw_only=True)
class RLSConfig(MotionConfig):
    """Settings."""

    ridge: float = 10.0
    """First lambda."""

    def __post_init__(self) -> None:
        """Refuse a solution that need not exist."""
        super().__post_init__()
        if not self.ridge > 0.0:
            raise ConfigError(f"rls: need ridge > 0, got {self.ridge}")


class RLS:
    """The learner."""

    name = "rls"

    def __init__(self, config: RLSConfig) -> None:
        self.config = config
        self.net = Dynamics(config.net, config.body, config.normal)

    def init(self, seed: int) -> Params:
        """Fresh parameters and lambda."""
        theta = self.net.init(torch.Generator().manual_seed(seed))
        return {**theta, RIDGE: torch.tensor(math.log(self.config.ridge))}

    def adapt(self, theta: Params, past: Steps) -> Params:
        """The last layer's weight and bias after the past (M, ...)."""
        weight, bias = self.net.last
        features = self.net.features(theta, self.net.inputs(past.state, past.action))
        residual = self.net.target(past.state, past.after) - linear(
            features, theta[weight], theta[bias]
        )
        ones = torch.ones_like(features[:, :1])
        dw, db = ridge_step(torch.cat([features, ones], 1), residual, torch.exp(theta[RIDGE]))
        return {**theta, weight: theta[weight] + dw, bias: theta[bias] + db}

    def predict(self, phi: Params, state: Tensor, action: Tensor) -> Tensor:
        """Changes (N, S) of states (N, S) under actions (N, A)."""
        return self.net.delta(phi, self.net.inputs(state, action))

    def plain(self, phi: Params) -> Params:
        """The network as it is."""
        return self.net.folded(phi)

    def task_loss(
        self, params: Params, task: Chunk, step: int
    ) -> tuple[Tensor, Mapping[str, float]]:
        """The loss of the next K steps after the solution on the last M."""
        loss = future_error(self, params, task).mean()
        return loss, {"ridge": float(torch.exp(params[RIDGE].detach()))}


def ridge_step(features: Tensor, residual: Tensor, ridge: Tensor) -> tuple[Tensor, Tensor]:
    """What weights (S, U) and biases (S,) move by, for features (M, U + 1) and residuals (M, S)."""
    gram = features @ features.T + ridge * torch.eye(len(features), dtype=features.dtype)
    move = (torch.linalg.solve(gram, features).T @ residual).T
    return move[:, :-1], move[:, -1]


def make(config: Mapping[str, Any]) -> RLS:
    """The learner from its config as JSON values."""
    return RLS(from_dict(RLSConfig, config))
