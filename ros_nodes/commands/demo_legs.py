"""`robot-meta demo --robot ant`: a leg breaks in mid-walk, without adaptation and with it.

Over ROS, for each seed the same walk twice, in real time: half of it whole, half of it broken.
This process only asks for things and watches; distances are what the simulator tells people.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robot_meta.errors import ConfigError, SessionError
from ros_nodes.graph import DEPLOY
from ros_nodes.running import RunningGraph

if TYPE_CHECKING:
    from ros_nodes.client_node import RobotClient

FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "half_cheetah": ("disabled_joint", {"joint": 0}),
    "ant": ("crippled_leg", {"leg": 3}),
    "go1": ("crippled_leg", {"leg": 3}),
}
"""What breaks: of the kind that training had, but never this one."""
DURATIONS_S = {"go1": (4.0, 6.0)}
"""Seconds whole and broken, where they are not `BEFORE_S` and `AFTER_S`: strides are slow steps."""
BEFORE_S, AFTER_S = 3.0, 5.0
LEARNERS = {"go1": "history"}
"""Whose parameters are shipped, where they are not GrBAL's."""
VELOCITIES = {"go1": (0.4, 0.0)}
"""What robots that take `cmd_vel` are told: m/s forward, rad/s to the left."""
RESULTS = Path("results")
PROTOCOL = (
    "{robot} walks over ROS in real time, simulator, gate and policy as separate processes; after "
    "{before:.0f} s {fault} is switched on, of a kind that training had but of another part, and "
    "it goes on for {after:.0f} s. {count} paired seeds with the model's adaptation off and on, "
    "the same parameters and planner; distances along x from the simulator's account. gain_share: "
    "the median gain over the median distance before the fault; kept_share: the median distance "
    "before the fault, when nothing is broken, with adaptation over that without it."
)


@dataclass(frozen=True)
class Walk:
    """One walk."""

    before_m: float
    """Way made until the fault."""
    after_m: float
    """Way made with it."""
    ended: str
    """Why the run ended."""


def demo(
    robot: str, seeds: int, seed: int, checkpoint: Path, json: Path | None, domain_id: int | None
) -> int:
    """Walk, break, walk on; print both distances and write the result.

    Raises:
        ConfigError: no checkpoint, or no such robot.
        SessionError: no walk began.
    """
    from rich.console import Console

    if robot not in FAULTS:
        raise ConfigError(f"no robot {robot!r} breaks here; there are {', '.join(FAULTS)}")
    if not checkpoint.is_file():
        fault = FAULTS[robot][0]
        raise ConfigError(
            f"{checkpoint}: no such checkpoint; give one with --checkpoint, or train it with "
            f"`robot-meta train grbal {robot} --fault {fault}`"
        )
    began, console = time.monotonic(), Console(highlight=False)
    walks: dict[str, list[Walk]] = {}
    for online in ("off", "step"):
        console.print(f"[bold]{robot}[/], adaptation {'on' if online == 'step' else 'off'}")
        news = _walks(robot, online, range(seed, seed + seeds), checkpoint, domain_id)
        walks[online] = []
        for walk in news:
            walks[online].append(walk)
            told = f"  {walk.before_m:6.2f} m whole, {walk.after_m:6.2f} m broken"
            console.print(told + (f" ({walk.ended})" if walk.ended != "timeout" else ""))
    return _report(console, robot, walks, checkpoint, json, time.monotonic() - began)


def _walks(
    robot: str, online: str, seeds: Sequence[int], checkpoint: Path, domain_id: int | None
) -> Iterator[Walk]:
    from ros_nodes.client_node import RobotClient
    from ros_nodes.greeting import WALKING

    given = {"robot": robot, "checkpoint": str(checkpoint.resolve()), "online": online}
    with (
        RunningGraph(DEPLOY, given, domain_id) as graph,
        RobotClient(check=graph.check) as client,
    ):
        ready = lambda: all(  # noqa: E731
            (client.states, client.gate, client.applied_ns, client.policy_version)
        )
        client.until(ready, 120.0, "simulator, gate and policy did not speak")
        client.meet(*WALKING)
        client.velocity = VELOCITIES.get(robot)
        for seed in seeds:
            yield walk(client, robot, seed)


def walk(client: RobotClient, robot: str, seed: int) -> Walk:
    """One walk: whole, then broken, then mended for the next."""
    fault, parameters = FAULTS[robot]
    before_s, after_s = durations_s(robot)
    client.set_fault("none")
    start = client.reset_world({}, seed)
    goal = client.run_policy(robot, before_s + after_s)
    breaks_ns = start.stamp_ns + round(before_s * 1e9)
    late = lambda: client.states[-1].stamp_ns >= breaks_ns or goal.done  # noqa: E731
    client.until(late, 20.0 * before_s, "simulated time did not pass")
    before_m = float(client.states[-1].info["distance_m"])
    client.set_fault(fault, **parameters)
    ended = goal.result(20.0 * after_s).termination_reason
    after_m = float(client.states[-1].info["distance_m"]) - before_m
    return Walk(before_m, after_m, str(ended))


def durations_s(robot: str) -> tuple[float, float]:
    """Seconds of a walk before the fault and after it."""
    return DURATIONS_S.get(robot, (BEFORE_S, AFTER_S))


def _report(
    console: Any,
    robot: str,
    walks: dict[str, list[Walk]],
    checkpoint: Path,
    json: Path | None,
    wall_s: float,
) -> int:
    import numpy as np

    from robot_meta import checkpoint as files
    from robot_meta.results import Metric, write_result

    for key, told in walks.items():
        if all(walk.ended == "error" for walk in told):
            raise SessionError(
                f"{robot}: no walk with online={key} began; `robot-meta launch deploy "
                f"robot:={robot} online:={key} checkpoint:={checkpoint}` shows what its nodes say"
            )
    count = len(walks["off"])
    whole_off, whole = (np.array([w.before_m for w in walks[key]]) for key in ("off", "step"))
    off, on = (np.array([w.after_m for w in walks[key]]) for key in ("off", "step"))
    gain = float(np.median(on - off))
    figures = {
        "distance_before_m": float(np.median(whole)),
        "distance_off_m": float(np.median(off)),
        "distance_on_m": float(np.median(on)),
        "gain_m": gain,
    }
    shares = {
        "gain_share": gain / figures["distance_before_m"],
        "kept_share": figures["distance_before_m"] / float(np.median(whole_off)),
    }
    console.print(
        f"after the fault, median of {count}: [bold]{figures['distance_off_m']:.2f} m[/] without "
        f"adaptation, [bold]{figures['distance_on_m']:.2f} m[/] with it "
        f"(gain {gain:+.2f} m; before the fault {figures['distance_before_m']:.2f} m, "
        f"{shares['kept_share']:.2f} times as far as without adaptation)"
    )
    fault, parameters = FAULTS[robot]
    path = json or RESULTS / f"demo-{robot.replace('_', '-')}.json"
    write_result(
        path,
        f"demo-{robot.replace('_', '-')}",
        PROTOCOL.format(
            robot=robot,
            before=durations_s(robot)[0],
            after=durations_s(robot)[1],
            fault=f"{fault} {parameters}",
            count=count,
        ),
        {
            **{key: Metric(value=value, unit="m", n=count) for key, value in figures.items()},
            **{key: Metric(value=value, unit="ratio", n=count) for key, value in shares.items()},
        },
        config={
            "checkpoint": files.load(checkpoint).sha256,
            "walks": {k: [vars(w) for w in each] for k, each in walks.items()},
        },
        wall_s=wall_s,
    )
    console.print(f"[dim]{path}[/]")
    stopped = [w.ended for each in walks.values() for w in each if w.ended != "timeout"]
    return int(bool(stopped))
