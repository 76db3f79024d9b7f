"""`robot-meta bench grbal`: one control tick of adaptation and planning, beside plain PyTorch."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_meta import checkpoint, learners, report
from robot_meta.adaptation import Adaptation
from robot_meta.body import Body
from robot_meta.config import as_dict
from robot_meta.cpu import configure_cpu
from robot_meta.errors import SessionError
from robot_meta.evaluate_online import path_of, training_seeds
from robot_meta.imagination import Folding, imagine
from robot_meta.learners.grbal import GrBAL
from robot_meta.locomotion import World, body_of, episodes, gaits
from robot_meta.motion import Steps
from robot_meta.results import Metric, write_result
from robot_meta.types import Params
from ros_nodes.commands.plain_grbal import PlainModel, adapted, best_of

WORLD = World(robot="half_cheetah", fault="disabled_joint")
LARGE = (512, 512, 512)
"""The paper's network."""
CANDIDATES, HORIZON = 500, 10
WARM_UP = 5
PROTOCOL = (
    "One control tick of {world}: gradient steps on the last {past} transitions, the next state "
    "from the pending action, and the best of {candidates} x {horizon} random candidates imagined "
    "from there; one robot, one thread; {ticks} ticks on windows of recorded motion after "
    "{warm_up} to warm up, variants in turn on the same windows and candidates; medians. shipped: "
    "the trained model of {units} units a layer ({trained}); large: 512 units a layer, untrained. "
    "plain: the same model, step and planner as a PyTorch module in single precision (deepcopy, "
    "backward, update in place). fp32 and bf16: ours, by the precision that layers multiply in; "
    "over_plain ratios are plain's time over ours, so above 1 is faster. regret: what the chosen "
    "candidate earns less than the best under the same adapted model in double precision, as a "
    "share of the candidates' range, the largest over all windows. Adapted parameters of ours and "
    "plain agree to {agree:.1e}."
)
AGREE = 1e-4


def grbal(ticks: int = 60, json: Path | None = None) -> int:
    """Measure a control tick that adapts and plans.

    Args:
        ticks: How many.
        json: Write the result to this file.

    Raises:
        SessionError: ours and the plain one do not adapt alike.
    """
    began = time.monotonic()
    told = configure_cpu()
    body = body_of(WORLD.make())
    shipped, trained = _shipped(body)
    large = _made(body, {"net": {"hidden": list(LARGE)}})
    windows = _windows(ticks + WARM_UP, shipped[0].config.past)
    metrics: dict[str, Metric] = {}
    for name, (learner, theta) in {"shipped": shipped, "large": large}.items():
        times, regrets = _measure(learner, theta, windows)
        for variant, values in times.items():
            kept = np.array(values[WARM_UP:])
            metrics[f"{name}_{variant}_ms_p50"] = _ms(float(np.median(kept)), len(kept))
            metrics[f"{name}_{variant}_ms_p99"] = _ms(float(np.quantile(kept, 0.99)), len(kept))
        for variant, found in regrets.items():
            plain = metrics[f"{name}_plain_ms_p50"].value
            ratio = plain / metrics[f"{name}_{variant}_ms_p50"].value
            metrics[f"{name}_{variant}_over_plain"] = Metric(value=ratio, unit="ratio", n=ticks)
            metrics[f"{name}_{variant}_regret"] = Metric(value=max(found), unit="share", n=ticks)
    print(told)
    report.show(metrics)
    if json is not None:
        units = shipped[0].config.net.hidden[0]
        write_result(
            json,
            "bench-grbal",
            PROTOCOL.format(
                world=WORLD.robot,
                past=shipped[0].config.past,
                candidates=CANDIDATES,
                horizon=HORIZON,
                ticks=ticks,
                warm_up=WARM_UP,
                units=units,
                trained=trained,
                agree=AGREE,
            ),
            metrics,
            config={"candidates": CANDIDATES, "horizon": HORIZON, "large": LARGE},
            wall_s=time.monotonic() - began,
        )
    return 0


def _ms(value: float, n: int) -> Metric:
    return Metric(value=value, unit="ms", n=n)


def _made(body: Body, settings: dict[str, Any]) -> tuple[GrBAL, Params]:
    learner: Any = learners.make_motion("grbal", {"body": as_dict(body), **settings})
    return learner, learner.init(0)


def _shipped(body: Body) -> tuple[tuple[GrBAL, Params], str]:
    seeds = training_seeds(WORLD)
    if not seeds:
        return _made(body, {}), "untrained: there are no parameters"
    found = checkpoint.load(path_of("grbal", WORLD, seeds[0]))
    learner: Any = learners.make_motion(found.learner, found.config)
    return (learner, found.params), found.sha256[:12]


def _windows(count: int, past: int) -> list[tuple[Steps, Tensor, Tensor]]:
    """The past (M, ...), the state seen (S,) and the action pending (A,) at ticks of motion."""
    log = episodes(WORLD, "test", gaits, 8, seed=0, steps=100).motion()
    chunk = log.draw(past, 1, count, np.random.default_rng(0))
    return [
        (
            Steps(*(x[i] for x in chunk.past)),
            chunk.future.state[i, 0],
            chunk.future.action[i, 0].clamp(-1.0, 1.0),
        )
        for i in range(count)
    ]


def _measure(
    learner: GrBAL, theta: Params, windows: list[tuple[Steps, Tensor, Tensor]]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Times in ms of each variant, and regrets of ours."""
    model, generator = PlainModel(learner, theta), torch.Generator().manual_seed(0)
    adapt = Adaptation(learner, theta)
    ours = {
        name: partial(_ours, learner, adapt, Folding(learner.net, dtype))
        for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16))
    }
    times: dict[str, list[float]] = {"plain": [], "fp32": [], "bf16": []}
    regrets: dict[str, list[float]] = {"fp32": [], "bf16": []}
    for past, state, pending in windows:
        shape = (CANDIDATES, HORIZON, learner.config.body.action)
        candidates = 2.0 * torch.rand(shape, generator=generator) - 1.0
        asked = (past, state, pending, candidates)
        variants: dict[str, Callable[[], int]] = {
            "plain": partial(_plain, model, learner, theta, *asked),
            **{name: partial(tick, *asked) for name, tick in ours.items()},
        }
        chosen = {}
        for name, tick in variants.items():
            start = time.perf_counter()
            chosen[name] = tick()
            times[name].append(1e3 * (time.perf_counter() - start))
        exact = _exact(learner, theta, *asked)
        for name, found in regrets.items():
            lost = exact.max() - exact[chosen[name]]
            found.append(float(lost / (exact.max() - exact.min())))
    _check(learner, theta, model, windows[0][0])
    return times, regrets


def _plain(
    model: PlainModel,
    learner: GrBAL,
    theta: Params,
    past: Steps,
    state: Tensor,
    pending: Tensor,
    candidates: Tensor,
) -> int:
    """The peer's choice."""
    phi = adapted(model, learner, theta, past)
    return best_of(phi, learner, state, pending, candidates)


@torch.no_grad()
def _ours(
    learner: GrBAL,
    adapt: Adaptation,
    folding: Folding,
    past: Steps,
    state: Tensor,
    pending: Tensor,
    candidates: Tensor,
) -> int:
    """Ours."""
    phi = adapt(Steps(*(x[None] for x in past)))
    alone = {n: p[0] for n, p in phi.items()}
    start = state + learner.predict(alone, state[None], pending[None])[0]
    layers = {n: p[None] for n, p in learner.plain(alone).items()}
    rewards = folding(layers)(start[None], candidates[None])
    return int(rewards.sum(-1).argmax())


@torch.no_grad()
def _exact(
    learner: GrBAL, theta: Params, past: Steps, state: Tensor, pending: Tensor, candidates: Tensor
) -> Tensor:
    """Returns (C,) of all candidates in double precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # the normaliser's figures are made in it
    try:
        double: Any = learners.make_motion("grbal", as_dict(learner.config))
    finally:
        torch.set_default_dtype(before)
    phi = double.adapt(
        {n: p.double() for n, p in theta.items()}, Steps(*(x.double() for x in past))
    )
    start = state.double() + double.predict(phi, state[None].double(), pending[None].double())

    def predict(states: Tensor, actions: Tensor) -> Tensor:
        return double.predict(phi, states[0], actions[0])[None]

    rewards = imagine(learner.config.body.reward, predict, start, candidates[None].double())
    return rewards.sum(-1)[0]


def _check(learner: GrBAL, theta: Params, model: PlainModel, past: Steps) -> None:
    ours = learner.plain(learner.adapt(theta, past))
    phi = adapted(model, learner, theta, past)
    theirs: dict[str, Tensor] = {**phi.layers()}
    theirs["w0"] = theirs["w0"] * torch.cat([torch.ones(phi.others), phi.gain])
    for name, b in theirs.items():
        a = ours[name]
        if (a - b).abs().max() > AGREE * max(float(b.detach().abs().max()), 1.0):
            raise SessionError(f"bench grbal: ours and the plain one differ in {name} after a step")
