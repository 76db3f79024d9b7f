"""Other libraries' MAML step on the same problem, for the bench. Each is imported when it is asked.

They work on a torch module of the parameters that adapt and the losses of the problem; JAX on
functions of its own. A peer that is not installed raises ImportError.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from robot_meta.meta_step import Gradient, Path, Problem, TaskLoss, looped


class Fast(nn.Module):
    """The parameters that adapt, as these libraries want them; a call is the loss of one task."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        theta = {name: p.detach().clone().requires_grad_() for name, p in problem.theta.items()}
        for name in problem.fast:
            self.register_parameter(_registered(name), nn.Parameter(theta[name]))
        own = dict(self.named_parameters())
        self.slow = {name: p for name, p in theta.items() if name not in problem.fast}
        self.names = tuple(problem.fast)
        self.leaves = [own.get(_registered(name), p) for name, p in theta.items()]
        """Both, in the order of theta."""

    def forward(self, loss: TaskLoss, task: Sequence[Tensor]) -> Tensor:
        """`loss` of a task under the present parameters."""
        own = {name: getattr(self, _registered(name)) for name in self.names}
        return loss({**self.slow, **own}, *task)


def _registered(name: str) -> str:
    return name.replace(".", "_")  # torch allows no dots


def learn2learn(problem: Problem) -> Callable[[], Gradient]:
    """learn2learn's `MAML`, loaded without the rest of the package, which needs much else."""
    maml: Any = _learn2learn_maml()
    net = Fast(problem)
    meta = maml(net, lr=problem.alpha, first_order=False)

    def adapted_loss(support: Sequence[Tensor], query: Sequence[Tensor]) -> Tensor:
        learner = meta.clone()
        learner.adapt(learner(problem.inner, support))
        found: Tensor = learner(problem.outer, query)
        return found

    return looped(problem, net.leaves, adapted_loss)


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
    net = Fast(problem)
    inner = torch.optim.SGD(net.parameters(), lr=problem.alpha)

    def adapted_loss(support: Sequence[Tensor], query: Sequence[Tensor]) -> Tensor:
        with library.innerloop_ctx(net, inner, copy_initial_weights=False) as (learner, steps):
            steps.step(learner(problem.inner, support))
            found: Tensor = learner(problem.outer, query)
        return found

    return looped(problem, net.leaves, adapted_loss)


def torchopt(problem: Problem) -> Callable[[], Gradient]:
    """Torchopt's `MetaSGD`."""
    library: Any = importlib.import_module("torchopt")
    net = Fast(problem)
    inner = library.MetaSGD(net, lr=problem.alpha)
    start = [library.extract_state_dict(each, by="reference") for each in (net, inner)]

    def adapted_loss(support: Sequence[Tensor], query: Sequence[Tensor]) -> Tensor:
        for each, state in zip((net, inner), start, strict=True):
            library.recover_state_dict(each, state)
        inner.step(net(problem.inner, support))
        found: Tensor = net(problem.outer, query)
        return found

    return looped(problem, net.leaves, adapted_loss)


def jax(problem: Problem) -> Callable[[], Gradient]:
    """JAX: `jit` of `grad` of the mean of `vmap` over tasks."""
    library: Any = importlib.import_module("jax")
    jnp = library.numpy
    config = problem.encoder
    assert config is not None
    double = problem.theta["head.w"].dtype == torch.float64
    library.config.update("jax_enable_x64", double)

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


TORCH_PEERS: dict[str, Path] = {
    "learn2learn": learn2learn,
    "higher": higher,
    "torchopt": torchopt,
}


def peers(problem: Problem) -> dict[str, Path]:
    """Those that can run a problem: JAX knows encoders with a linear head alone."""
    return TORCH_PEERS if problem.encoder is None else {**TORCH_PEERS, "jax": jax}
