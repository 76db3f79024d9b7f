"""`robot-meta bench adapt`: from a demonstration in memory to adapted parameters."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from robot_meta.errors import SessionError
from robot_meta.results import Metric, write_result

SECONDS = 10
PROTOCOL = (
    "From a demonstration in memory (pictures as policies see them, {image} pixels, at 10 Hz) to "
    "adapted parameters, one thread, {repeats} times after a warm-up, ours and the plain one in "
    "turn in one process. human_video: DAML on a rendered person's film of {human} frames; "
    "robot_demo: MIL on the scripted expert's of {robot} frames. plain: the same layers as PyTorch "
    "modules, changed in place by torch.optim.SGD, encoder included; both end at the same "
    "parameters (largest difference {difference:.1e} of the largest value). over_plain: ours in "
    "terms of it, so below 1 is faster."
)


def adapt(
    repeats: int = 40,
    json: Path | None = None,
    daml: Path | None = None,
    mil: Path | None = None,
) -> int:
    """Measure how long adaptation to one demonstration takes, beside plain PyTorch.

    Args:
        repeats: How often each is measured.
        json: Write the result to this file.
        daml: Checkpoint of DAML; the shipped one for `place` if not given.
        mil: Checkpoint of MIL; likewise.
    """
    import gymnasium

    from robot_meta import report, rollout
    from robot_meta.cpu import configure_cpu
    from robot_meta.evaluate import DEMO_TRIAL, ENVIRONMENTS
    from robot_meta.session import Session
    from ros_nodes.commands.plain_adapt import PlainDaml, PlainMil

    began = time.monotonic()
    told = configure_cpu()
    print(told)
    env: Any = gymnasium.make(ENVIRONMENTS["place"], split="test").unwrapped
    options = {"task": 0, "split": "test", "trial": DEMO_TRIAL}
    film, _ = rollout.film(env, seed=0, options=options, preset="half_speed")
    frames = 10 * SECONDS
    # A person who takes ten seconds: the slow film, the last picture held until then.
    held = film.rgb[np.minimum(np.arange(frames), len(film) - 1)]
    human = rollout.video(held)
    robot, _ = rollout.demonstrate(env, seed=0, options=options)
    env.close()
    sessions = {
        "human_video": Session.load(daml or report.shipped("daml", "place")),
        "robot_demo": Session.load(mil or report.shipped("mil", "place")),
    }
    plain: dict[str, Callable[[Any], Any]] = {"human_video": PlainDaml, "robot_demo": PlainMil}
    demos = {"human_video": human, "robot_demo": robot}
    metrics: dict[str, Metric] = {}
    worst = 0.0
    for key, session in sessions.items():
        ours, theirs, difference = _race(session, plain[key], demos[key], repeats)
        worst = max(worst, difference)
        metrics |= _quantiles(f"adapt_{key}", ours) | _quantiles(f"adapt_{key}_plain", theirs)
        ratio = float(np.median(ours) / np.median(theirs))
        metrics[f"adapt_{key}_over_plain"] = Metric(value=ratio, unit="ratio", n=repeats)
    report.show(metrics)
    if json is not None:
        write_result(
            json,
            "bench-adapt",
            PROTOCOL.format(
                image="x".join(map(str, held.shape[1:3])),
                repeats=repeats,
                human=len(human),
                robot=len(robot),
                difference=worst,
            ),
            metrics,
            config={
                "repeats": repeats,
                "cpu": str(told),
                "checkpoints": {key: session.source for key, session in sessions.items()},
            },
            wall_s=time.monotonic() - began,
        )
    return 0


def _race(
    session: Any, plain: Callable[[Any], Any], demo: Any, repeats: int
) -> tuple[list[float], list[float], float]:
    """Times of ours and of the plain one, ms, and how far they end apart."""
    from ros_nodes.commands import plain_adapt

    ours, theirs, difference = [], [], 0.0
    for k in range(repeats + 3):
        start = time.perf_counter()
        done = session.adapt([demo])
        middle = time.perf_counter()
        module = plain(session.learner)
        plain_adapt.load(module, session.theta)
        begun = time.perf_counter()
        plain_adapt.adapt(module, session.learner, session.theta, [demo])
        end = time.perf_counter()
        if k == 0:
            other = plain_adapt.adapted(module, session.theta)
            difference = max(
                float((done.phi[n] - other[n]).abs().max() / (1e-9 + done.phi[n].abs().max()))
                for n in other
            )
            if difference > 1e-2:
                raise SessionError(
                    f"bench adapt: the plain adaptation ends {difference:.1e} away from ours; it "
                    "no longer is the same step"
                )
        if k >= 3:
            ours.append(1e3 * (middle - start))
            theirs.append(1e3 * (end - begun))
    return ours, theirs, difference


def _quantiles(name: str, samples: list[float]) -> dict[str, Metric]:
    p50, p99 = np.quantile(samples, [0.5, 0.99])
    return {
        f"{name}_ms_p50": Metric(value=float(p50), unit="ms", n=len(samples)),
        f"{name}_ms_p99": Metric(value=float(p99), unit="ms", n=len(samples)),
    }
