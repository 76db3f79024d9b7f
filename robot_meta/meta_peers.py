"""Other libraries' MAML step on the same problem, for the bench. Each is imported when it is asked.

They work on a torch module with the parameters of theta in their order; JAX on its own functions.
A peer that is not installed raises ImportError.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from robot_meta.few_shot import loss_of
from robot_meta.meta_step import Gradient, Path, Problem


def module(problem: Problem) -> nn.Module:
    """The problem's network as torch modules, holding theta."""
    config = problem.learner.config.encoder
    layers: list[nn.Module] = []
    before = config.inputs[0]
    for width in config.widths:
        if config.kind == "conv":
            layers.append(nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False))
            layers.append(nn.BatchNorm2d(width, track_running_stats=False))
        else:
            layers.append(nn.Linear(before, width))
        layers.append(nn.ReLU())
        before = width
    head = problem.theta["head.w"]
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(head.shape[1], head.shape[0]))
    net.to(head.dtype)
    with torch.no_grad():
        for p, value in zip(net.parameters(), problem.theta.values(), strict=True):
            p.copy_(value)
    return net


def _looped(
    problem: Problem, net: nn.Module, adapted_loss: Callable[..., torch.Tensor]
) -> Callable[[], Gradient]:
    """Mean over tasks of the gradients of `adapted_loss(sx, sy, qx, qy)`."""
    leaves = list(net.parameters())
    count = len(problem.tasks.support.y)

    def gradient() -> Gradient:
        total = [torch.zeros_like(p) for p in leaves]
        for each in zip(*problem.tasks.support, *problem.tasks.query, strict=True):
            found = torch.autograd.grad(adapted_loss(*each), leaves)
            total = [t + g / count for t, g in zip(total, found, strict=True)]
        return tuple(total)

    return gradient


def learn2learn(problem: Problem) -> Callable[[], Gradient]:
    """learn2learn's `MAML`, loaded without the rest of the package, which needs much else."""
    maml: Any = _learn2learn_maml()
    net = module(problem)
    meta = maml(net, lr=problem.alpha, first_order=False)

    def adapted_loss(sx: Any, sy: Any, qx: Any, qy: Any) -> torch.Tensor:
        learner = meta.clone()
        learner.adapt(loss_of(learner(sx), sy))
        return loss_of(learner(qx), qy)

    return _looped(problem, net, adapted_loss)


def _learn2learn_maml() -> Any:
    name = "learn2learn.algorithms.maml"
    if name in sys.modules:
        return sys.modules[name].MAML
    spec = importlib.util.find_spec("learn2learn")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "learn2learn is not installed: its build needs longintrepr.h of Python 3.10"
        )
    (folder, *_) = spec.submodule_search_locations
    for bare, inside in (
        ("learn2learn", folder),
        ("learn2learn.algorithms", f"{folder}/algorithms"),
    ):
        package = types.ModuleType(bare)  # its own __init__ imports gym and torchvision
        package.__path__ = [inside]
        sys.modules[bare] = package
    return importlib.import_module(name).MAML


def higher(problem: Problem) -> Callable[[], Gradient]:
    """Higher's `innerloop_ctx`."""
    library: Any = importlib.import_module("higher")
    net = module(problem)
    inner = torch.optim.SGD(net.parameters(), lr=problem.alpha)

    def adapted_loss(sx: Any, sy: Any, qx: Any, qy: Any) -> torch.Tensor:
        with library.innerloop_ctx(net, inner, copy_initial_weights=False) as (learner, steps):
            steps.step(loss_of(learner(sx), sy))
            found: torch.Tensor = loss_of(learner(qx), qy)
        return found

    return _looped(problem, net, adapted_loss)


def torchopt(problem: Problem) -> Callable[[], Gradient]:
    """Torchopt's `MetaSGD`."""
    library: Any = importlib.import_module("torchopt")
    net = module(problem)
    inner = library.MetaSGD(net, lr=problem.alpha)
    start = [library.extract_state_dict(each, by="reference") for each in (net, inner)]

    def adapted_loss(sx: Any, sy: Any, qx: Any, qy: Any) -> torch.Tensor:
        for each, state in zip((net, inner), start, strict=True):
            library.recover_state_dict(each, state)
        inner.step(loss_of(net(sx), sy))
        return loss_of(net(qx), qy)

    return _looped(problem, net, adapted_loss)


def jax(problem: Problem) -> Callable[[], Gradient]:
    """JAX: `jit` of `grad` of the mean of `vmap` over tasks."""
    library: Any = importlib.import_module("jax")
    jnp = library.numpy
    double = problem.theta["head.w"].dtype == torch.float64
    library.config.update("jax_enable_x64", double)
    config = problem.learner.config.encoder

    def net(p: Any, x: Any) -> Any:
        for i in range(len(config.widths)):
            w = p[f"encoder.w{i}"]
            if config.kind == "conv":
                x = library.lax.conv_general_dilated(x, w, (2, 2), ((1, 1), (1, 1)))
                mean, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
                x = (x - mean) / jnp.sqrt(var + 1e-5)
                x = x * p[f"encoder.gain{i}"][:, None, None] + p[f"encoder.b{i}"][:, None, None]
            else:
                x = x @ w.T + p[f"encoder.b{i}"]
            x = library.nn.relu(x)
        return x.reshape(len(x), -1) @ p["head.w"].T + p["head.b"]

    def loss(p: Any, x: Any, y: Any) -> Any:
        out = net(p, x)
        if jnp.issubdtype(y.dtype, jnp.floating):
            return ((out - y) ** 2).mean()
        return -jnp.take_along_axis(library.nn.log_softmax(out), y[:, None], 1).mean()

    def one(p: Any, sx: Any, sy: Any, qx: Any, qy: Any) -> Any:
        g = library.grad(loss)(p, sx, sy)
        return loss({n: p[n] - problem.alpha * g[n] for n in p}, qx, qy)

    def mean(p: Any, *tasks: Any) -> Any:
        return library.vmap(one, (None, 0, 0, 0, 0))(p, *tasks).mean()

    step = library.jit(library.grad(mean))
    p = {n: jnp.asarray(v.detach().numpy()) for n, v in problem.theta.items()}
    tasks = [jnp.asarray(v.numpy()) for part in problem.tasks for v in part]

    def gradient() -> Gradient:
        found = step(p, *tasks)
        arrays = {
            n: library.device_get(found[n]) for n in p
        }  # JAX sorts keys: ours is theta's order
        return tuple(torch.from_numpy(arrays[n].copy()) for n in p)

    return gradient


PEERS: dict[str, Path] = {
    "learn2learn": learn2learn,
    "higher": higher,
    "torchopt": torchopt,
    "jax": jax,
}
TORCH_PEERS = ("learn2learn", "higher", "torchopt")
