"""The peer of `robot-meta bench grbal`: the same tick as anybody would write it in PyTorch.

The model is a module, the gradient step is `backward` and an update in place of a copy, a plan is
the best of candidates rolled out one step at a time, all in single precision.
"""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn

from robot_meta.inner import step_sizes
from robot_meta.learners.grbal import GrBAL
from robot_meta.motion import Steps
from robot_meta.nets.dynamics import GAIN, OFFSET
from robot_meta.types import Params


class PlainModel(nn.Module):
    """Changes of a state, with the normaliser in buffers."""

    seen: Tensor
    turning: Tensor
    mean: Tensor
    std: Tensor
    delta_mean: Tensor
    delta_std: Tensor

    def __init__(self, learner: GrBAL, theta: Params) -> None:
        super().__init__()
        net = learner.net
        self.register_buffer("seen", torch.tensor(learner.config.body.seen))
        self.register_buffer("turning", torch.tensor(learner.config.body.turning, dtype=torch.long))
        self.register_buffer("mean", net.input_mean)
        self.register_buffer("std", net.input_std)
        self.register_buffer("delta_mean", net.delta_mean)
        self.register_buffer("delta_std", net.delta_std)
        body = learner.config.body
        sizes = [net.width, *learner.config.net.hidden, body.state]
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(pairwise(sizes)):
            layer = nn.Linear(before, after)
            layer.load_state_dict({"weight": theta[f"w{i}"], "bias": theta[f"b{i}"]})
            layers += [layer, nn.SiLU()]
        self.network = nn.Sequential(*layers[:-1])
        self.gain = nn.Parameter(theta[GAIN].clone())
        none = torch.zeros(len(body.seen))
        self.offset = nn.Parameter(theta.get(OFFSET, none).clone())
        self.others, self.state = net.width - body.action, body.state

    def normalised(self, state: Tensor, action: Tensor) -> Tensor:
        """The network's output."""
        x = ((torch.cat([state, action], -1) - self.mean) / self.std).clamp(-10.0, 10.0)
        angle, motors = state[..., self.turning], x[..., self.state :] * self.gain
        seen = [x[..., self.seen] + self.offset, torch.sin(angle), torch.cos(angle)]
        out: Tensor = self.network(torch.cat([*seen, motors], -1))
        return out

    def layers(self) -> dict[str, nn.Parameter]:
        """Weights and biases by the learner's names."""
        parameters = list(self.network.parameters())
        kinds = enumerate(zip(parameters[::2], parameters[1::2], strict=True))
        return {f"{kind}{i}": p for i, pair in kinds for kind, p in zip("wb", pair, strict=True)}

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        """The change of the state."""
        return self.delta_mean + self.delta_std * self.normalised(state, action)


def adapted(model: PlainModel, learner: GrBAL, theta: Params, past: Steps) -> PlainModel:
    """A copy of the model after the gradient steps on the past (M, ...)."""
    model, config = copy.deepcopy(model), learner.config
    target = (past.after - past.state - model.delta_mean) / model.delta_std
    named = {GAIN: model.gain, OFFSET: model.offset, **model.layers()}
    for k in range(config.steps):
        sizes = step_sizes(theta, k)
        loss = nn.functional.mse_loss(model.normalised(past.state, past.action), target)
        model.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for name, size in sizes.items():
                gradient = named[name].grad
                if gradient is not None:
                    named[name].sub_(size * gradient.clamp(-config.clip, config.clip))
    return model


@torch.no_grad()
def best_of(
    model: PlainModel, learner: GrBAL, state: Tensor, pending: Tensor, candidates: Tensor
) -> int:
    """Which of the candidates (C, H, A) earns most, from where `pending` (A,) leads to."""
    state = state + model(state, pending)
    states = state.expand(len(candidates), -1)
    rewards = torch.zeros(len(candidates))
    for t in range(candidates.shape[1]):
        action = candidates[:, t]
        delta = model(states, action)
        states = states + delta
        rewards = rewards + learner.config.body.reward(states, delta, action)
    return int(rewards.argmax())
