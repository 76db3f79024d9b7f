"""`robot-meta bench adapt`: from a demonstration in memory to adapted parameters."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from robot_meta.errors import ConfigError, SessionError
from robot_meta.results import Metric, write_result

SECONDS = 10
WARM_UP = 3
AGREE = 1e-5
"""How far apart ours and the plain one may end, relative to the largest value of a parameter."""
PROTOCOL = (
    "From a demonstration in memory (pictures as policies see them, {image} pixels, at 10 Hz) to "
    "adapted parameters, {repeats} times after a warm-up of {warm_up}, ours and the plain one in "
    "turn in one process of one thread ({cpu}). human_video: DAML on a rendered person's film of "
    "{human} frames: a slow person (preset half_speed, {filmed} frames), cut there or the last "
    "picture held until then; of these frames the {used} that the learner picks, evenly spread, go "
    "through the encoder. robot_demo: MIL on the scripted expert's of {robot} frames, of which it "
    "picks {used_robot}. Ours is Session.adapt: checks, each step's loss and the last one's, and "
    "the hash of what came out included. "
    "plain: the same layers as PyTorch modules that hold the parameters already, the same frames "
    "through the same encoder, changed in place by backward and torch.optim.SGD with a learning "
    "rate a parameter. Both end at the same parameters (largest difference {difference:.1e} of the "
    "largest value; more than {agree:.0e} is an error). over_plain: ours in terms of it, so below "
    "1 is faster. {policies}"
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
        daml: Checkpoint of DAML; the shipped one for `place` if not given, or, where there is
            none, an untrained one of the same size.
        mil: Checkpoint of MIL; likewise.

    Raises:
        ConfigError: nothing is to be measured, or DAML's loss is of a form the peer lacks.
        CheckpointError: no good checkpoint.
        SessionError: ours and the plain one do not end at the same parameters.
    """
    from robot_meta import report, rollout
    from robot_meta.cpu import configure_cpu
    from robot_meta.evaluate import DEMO_TRIAL
    from ros_nodes.commands.plain_adapt import PlainDaml, PlainMil

    if repeats < 1:
        raise ConfigError(f"--repeats {repeats}: need at least 1")
    began = time.monotonic()
    told = configure_cpu()
    loaded = {
        "human_video": session_of("daml", daml or report.shipped("daml", "place"), daml is None),
        "robot_demo": session_of("mil", mil or report.shipped("mil", "place"), mil is None),
    }
    sessions = {key: session for key, (session, _) in loaded.items()}
    plain: dict[str, Callable[[Any], Any]] = {"human_video": PlainDaml, "robot_demo": PlainMil}
    for key, session in sessions.items():
        plain[key](session.learner)  # refuses what it cannot do before anything is rendered
    print(told)
    options = {"task": 0, "split": "test", "trial": DEMO_TRIAL}
    with closing(_environment(sessions["human_video"])) as env:
        film, _ = rollout.film(env, seed=0, options=options, preset="half_speed")
    frames = 10 * SECONDS
    # A person who takes ten seconds: the slow film, the last picture held until then.
    held = film.rgb[np.minimum(np.arange(frames), len(film) - 1)]
    human = rollout.video(held)
    with closing(_environment(sessions["robot_demo"])) as env:
        robot, _ = rollout.demonstrate(env, seed=0, options=options)
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
                warm_up=WARM_UP,
                cpu=told,
                filmed=len(film),
                used=sessions["human_video"].learner.settings.video_frames,
                used_robot=sum(sessions["robot_demo"].learner.settings.support_frames),
                agree=AGREE,
                policies=" ".join(which for _, which in loaded.values()),
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


def _environment(session: Any) -> Any:
    """Placing, seen as a session's policy sees."""
    import gymnasium

    from robot_meta.evaluate import ENVIRONMENTS

    pixels = session.learner.image_shape[0]
    return gymnasium.make(ENVIRONMENTS["place"], split="test", pixels=pixels).unwrapped


def session_of(name: str, path: Path, may_lack: bool) -> tuple[Any, str]:
    """A session of a learner, and words on whose parameters it has.

    Raises:
        CheckpointError: no good checkpoint, unless `may_lack` and there is no file.
    """
    from robot_meta import learners
    from robot_meta.session import Session

    if path.exists() or not may_lack:
        return Session.load(path), f"{name} is {path.name}."
    learner = learners.make(name, {"learned": {"form": "pose"}} if name == "daml" else {})
    return Session(learner, learner.init(0)), f"{name} is untrained, of the default size."


def _race(
    session: Any, plain: Callable[[Any], Any], demo: Any, repeats: int
) -> tuple[list[float], list[float], float]:
    """Times of ours and of the plain one, ms, and how far they end apart.

    Raises:
        SessionError: further than `AGREE`.
    """
    from ros_nodes.commands import plain_adapt

    ours, theirs, difference = [], [], 0.0
    for k in range(WARM_UP + repeats):
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
            if not difference <= AGREE:
                raise SessionError(
                    f"bench adapt: the plain {session.learner.name} ends {difference:.1e} away "
                    f"from ours, expected at most {AGREE:.0e}: it no longer is the same step; "
                    "mend ros_nodes/commands/plain_adapt.py"
                )
        if k >= WARM_UP:
            ours.append(1e3 * (middle - start))
            theirs.append(1e3 * (end - begun))
    return ours, theirs, difference


def _quantiles(name: str, samples: list[float]) -> dict[str, Metric]:
    p50, p99 = np.quantile(samples, [0.5, 0.99])
    return {
        f"{name}_ms_p50": Metric(value=float(p50), unit="ms", n=len(samples)),
        f"{name}_ms_p99": Metric(value=float(p99), unit="ms", n=len(samples)),
    }
