"""The peer of `robot-meta bench adapt`: the same adaptation as anybody would write it in PyTorch.

Layers are modules, parameters are changed in place by `torch.optim.SGD`, one learning rate a
parameter. It ends at the same phi; only how it is written differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robot_meta.demo_loss import Support, support_of
from robot_meta.errors import ConfigError
from robot_meta.imitator import action_error
from robot_meta.inner import step_sizes
from robot_meta.learners.daml import Daml
from robot_meta.learners.mil import Mil
from robot_meta.nets import temporal, vision, watching
from robot_meta.types import Demo, Params


class Eyes(nn.Module):
    """The encoder and the attention of the policy."""

    def __init__(self, config: vision.VisionConfig, cells: int) -> None:
        super().__init__()
        self.config = config
        before = 3
        self.conv, self.norm = nn.ModuleDict(), nn.ModuleDict()
        sizes = zip(config.channels, config.kernels, config.strides, strict=True)
        for i, (c, k, stride) in enumerate(sizes):
            self.conv[f"{i}"] = nn.Conv2d(before, c, k, stride, k // 2, bias=False)
            for more in self._residual(i):
                self.conv[more] = nn.Conv2d(c, c, 3, padding=1, bias=False)
            for name in (f"{i}", *self._residual(i)):
                self.norm[name] = nn.GroupNorm(config.groups, c)
            before = c
        c = config.channels[-1]
        self.cells, self.shift = nn.Parameter(torch.zeros(cells, 2)), nn.Linear(c, 2, bias=False)
        self.approach = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2, bias=False))
        self.gain, self.bias = nn.Parameter(torch.zeros(c)), nn.Parameter(torch.zeros(c))
        self.embed = nn.Linear(c, config.embed)
        self.query = nn.Linear(config.embed, vision.SLOTS, bias=False)

    def features(self, rgb: NDArray[np.uint8]) -> Tensor:
        """(n, G, C) of pictures (n, H, W, 3)."""
        x = torch.from_numpy(rgb)[:, self.config.skip_rows :].permute(0, 3, 1, 2)
        x = x.to(self.gain.dtype) / 127.5 - 1.0
        for i in range(len(self.config.channels)):
            x = torch.relu(self.norm[f"{i}"](self.conv[f"{i}"](x)))
            for more in self._residual(i):
                x = torch.relu(x + self.norm[more](self.conv[more](x)))
        x = x.flatten(2).transpose(1, 2)
        return nn.functional.layer_norm(x, x.shape[-1:])

    def _residual(self, i: int) -> list[str]:
        more = self.config.residual
        return [f"{i}_{j}" for j in range(more[i])] if more else []

    def place(self, features: Tensor) -> Tensor:
        """(n, G, 2): where each cell lies, m."""
        return self.cells + 0.03 * torch.tanh(self.shift(features))

    def forward(self, features: Tensor) -> vision.Reading:
        """What is seen where."""
        modulated = features * (1.0 + self.gain) + self.bias
        attention = self.query(torch.relu(self.embed(modulated))).softmax(dim=1)
        place = self.place(features)
        sharp = attention**self.config.sharpness
        sharp = sharp / sharp.sum(dim=1, keepdim=True)
        where = sharp.transpose(1, 2) @ place
        towards = self.approach((place - where[:, 1:]) / vision.REACH_M)
        approach = place + vision.REACH_M * towards
        return vision.Reading(
            attention, place, approach, where, (sharp[..., :1] * approach).sum(dim=1)
        )


class PlainDaml(nn.Module):
    """DAML with the loss of poses."""

    def __init__(self, learner: Daml) -> None:
        super().__init__()
        net, learned = learner.settings.net, learner.settings.learned
        if learned.form != "pose":
            raise ConfigError(
                f"the plain peer is written for the form pose, not {learned.form!r}; give a "
                "checkpoint of that form"
            )
        rows, columns = net.grid
        self.eyes = Eyes(net, rows * columns)
        c = net.channels[-1]
        self.watch = nn.Linear(c, watching.HIDDEN)
        self.watched = nn.Linear(watching.HIDDEN, watching.WATCHED, bias=False)
        sizes = [watching.width(c), *learned.channels[:-1], watching.SCORES]
        layers: list[nn.Module] = []
        for i, kernel in enumerate(learned.kernels):
            layers += [nn.Conv1d(sizes[i], sizes[i + 1], kernel, padding=kernel // 2), nn.ReLU()]
        self.temporal = nn.Sequential(*layers[:-1])

    def listen(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Where the video acts, and which frames say so."""
        maps = self.watched(torch.relu(self.watch(features))).softmax(dim=1).transpose(1, 2)
        centre = features.new_tensor(vision.CENTRE_M[:2])
        where = ((maps @ self.eyes.place(features) - centre) / vision.REACH_M).flatten(1)
        seen = torch.cat([where, (maps @ features).flatten(1)], dim=1)
        at, frames = watching.gaze(self.temporal(seen.T[None])[0].T, where)
        return at, frames[: temporal.EARLY].softmax(dim=0)

    def forward(self, features: Tensor, at: Tensor, frames: Tensor) -> Tensor:
        """The learned loss on a video's features (m, G, C)."""
        reading = self.eyes(features[: temporal.EARLY])
        total = features.new_zeros(())
        for slot in range(vision.SLOTS):
            target = at[slot].expand(len(reading.place), 2)
            missed = vision.miss(
                reading.attention[..., slot], reading.place, target, temporal.SIGMA_M
            )
            total = total + (frames[:, slot] * missed).sum()
        return total


class PlainMil(nn.Module):
    """MIL."""

    def __init__(self, learner: Mil) -> None:
        super().__init__()
        net = learner.settings.net
        self.settings = learner.settings
        rows, columns = net.grid
        self.eyes = Eyes(net, rows * columns)
        self.bias_transform = nn.Parameter(torch.zeros(net.bias_transform))
        width = 22 + net.bias_transform
        self.fc = nn.Sequential(
            nn.Linear(width, net.hidden), nn.ReLU(), nn.Linear(net.hidden, net.hidden), nn.ReLU()
        )
        self.head = nn.Linear(net.hidden, 3 + vision.OPENING_BINS)

    def forward(self, support: Support) -> Tensor:
        """Behaviour cloning on the demonstration, and where it acted."""
        reading, settings = self.eyes(support.features), self.settings
        first, last = (
            vision.miss(reading.attention[..., slot], where, support.key[:, slot], settings.sigma_m)
            for slot, where in ((0, reading.approach), (1, reading.place))
        )
        poses = (support.before * (first + last)).sum() / support.before.sum().clamp(min=1.0)
        told = vision.sense({"bias_transform": self.bias_transform}, reading, support.state)
        out = self.head(self.fc(told))
        command = vision.Command(vision.SPEED_M_S * out[:, :3], out[:, 3:].log_softmax(1))
        error = action_error(command, support.action, support.state)
        return poses + settings.action_weight * support.acted * error


_EYES = {
    "place.cells": "eyes.cells",
    "place.shift": "eyes.shift.weight",
    "place.approach0": "eyes.approach.0.weight",
    "place.approach0b": "eyes.approach.0.bias",
    "place.approach1": "eyes.approach.2.weight",
    "film.gain": "eyes.gain",
    "film.bias": "eyes.bias",
    "embed.weight": "eyes.embed.weight",
    "embed.bias": "eyes.embed.bias",
    "query.weight": "eyes.query.weight",
    "watch.weight": "watch.weight",
    "watch.bias": "watch.bias",
    "watch.query": "watched.weight",
    "bias_transform": "bias_transform",
    "fc0.weight": "fc.0.weight",
    "fc0.bias": "fc.0.bias",
    "fc1.weight": "fc.2.weight",
    "fc1.bias": "fc.2.bias",
    "inner_head.weight": "head.weight",
    "inner_head.bias": "head.bias",
}


def name_in(module: nn.Module, name: str) -> str:
    """What a parameter of ours is called in the module; empty where it has no such one."""
    prefix, _, leaf = name.partition(".")
    if prefix.startswith("conv"):
        name = f"eyes.conv.{prefix[4:]}.{leaf}"
    elif prefix.startswith("norm"):
        name = f"eyes.norm.{prefix[4:]}.{leaf}"
    elif name.startswith(temporal.form_prefix("pose")):
        layer, _, leaf = name.removeprefix(temporal.form_prefix("pose")).partition(".")
        name = f"temporal.{2 * int(layer)}.{leaf}"
    else:
        name = _EYES.get(name, "")
    return name if name in dict(module.named_parameters()) else ""


def load(module: nn.Module, theta: Params) -> None:
    """Our parameters into a module: a linear layer of PyTorch has its weight transposed."""
    own = dict(module.named_parameters())
    with torch.no_grad():
        for name, value in theta.items():
            if there := name_in(module, name):
                turned = value.shape != own[there].shape or _is_linear(module, there)
                own[there].copy_(value.T if turned else value)


def adapted(module: nn.Module, theta: Params) -> Params:
    """The module's parameters under our names; those that it lacks are theta's."""
    own = dict(module.named_parameters())
    out = dict(theta)
    for name in theta:
        if there := name_in(module, name):
            value = own[there].detach()
            out[name] = value.T if _is_linear(module, there) else value
    return out


def _is_linear(module: nn.Module, name: str) -> bool:
    owner, _, leaf = name.rpartition(".")
    return leaf == "weight" and isinstance(module.get_submodule(owner), nn.Linear)


def adapt(module: Any, learner: Daml | Mil, theta: Params, demos: Sequence[Demo]) -> None:
    """Adapt `module`, which holds theta, to demonstrations in place."""
    with torch.no_grad():
        if isinstance(learner, Daml):
            frames = temporal_frames(learner, demos[0])
            features = module.eyes.features(frames)
            given: tuple[Any, ...] = (features, *module.listen(features))
        else:
            counts = learner.settings.support_frames
            given = (support_of(demos, counts, module.eyes.features),)
    own = dict(module.named_parameters())
    sizes = [step_sizes(theta, k) for k in range(learner.settings.steps)]
    names = [name for name in sizes[0] if name_in(module, name)]
    moved = [own[name_in(module, name)] for name in names]
    for parameter in own.values():
        parameter.requires_grad_(False)
    for parameter in moved:
        parameter.requires_grad_(True)
    optimizer = torch.optim.SGD([{"params": [p], "lr": 0.0} for p in moved])
    for at in sizes:
        for name, group in zip(names, optimizer.param_groups, strict=True):
            group["lr"] = float(at[name])
        optimizer.zero_grad()
        module(*given).backward()
        nn.utils.clip_grad_value_(moved, learner.settings.clip)
        optimizer.step()


def temporal_frames(learner: Daml, demo: Demo) -> NDArray[np.uint8]:
    """The frames of a video that are adapted on."""
    from robot_meta.data.demo_set import spread

    return np.stack([demo.frames[i].rgb for i in spread(len(demo), learner.settings.video_frames)])
