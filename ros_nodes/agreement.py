"""The same evaluation twice: over the node graph in lock-step, and in process. Imports no ROS.

Both draw the same tasks, demonstrations and arrangements from the same seeds; over ROS each
demonstration is teleoperated, recorded and read back from its bag, and the policy node adapts to
that. In lock-step all of it is deterministic, so what differs is a fault in one of the two ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from robot_meta import rollout
from robot_meta.evaluate import DEMO_TRIAL, Case, EvalConfig, chosen_tasks, environment
from robot_meta.results import Metric
from robot_meta.rollout import Outcome
from robot_meta.statistics import bootstrap_ci
from robot_meta.types import Demo
from ros_nodes.bag import read_demo
from ros_nodes.contract import Contract

if TYPE_CHECKING:
    from ros_nodes.client_node import RobotClient
    from ros_nodes.showing import Director, Take

TEST_TASKS = 200
"""Tasks of a held-out set, as `robot_meta.evaluate` takes them."""


@dataclass
class RosCase:
    """One task over the node graph."""

    task: int
    trials: list[Take] = field(default_factory=list)
    adapt_s: float = 0.0
    demo_differs: str = ""
    """How the bag's demo differs from the one in process; "" when every bit is the same."""


def run_cases(
    client: RobotClient, director: Director, config: EvalConfig, robot: str = "sawyer"
) -> Iterator[RosCase]:
    """The cases of an evaluation over a running graph, in the order in which they are drawn."""
    contract, left = Contract.load(robot), config.trials
    env: Any = environment(config, contract.camera.size[0])
    for task in chosen_tasks(config, TEST_TASKS):
        request = {"family": config.family, "split": config.split, "index": task}
        label = f"{config.family}/{config.split}/{task}"
        shown = director.demonstrate({**request, "trial": DEMO_TRIAL}, config.seed, label)
        case = RosCase(task, adapt_s=client.adapt(shown.episode).wall_s)
        for trial in range(min(config.a_task, left)):
            place = {**request, "trial": trial, "avoid": shown.target_xy_m}
            case.trials.append(director.attempt(place, config.seed, f"{label} trial {trial}"))
        left -= len(case.trials)
        client.rollback()
        options = {"task": task, "split": config.split, "trial": DEMO_TRIAL}
        inside, _ = rollout.demonstrate(env, seed=config.seed, options=options)
        case.demo_differs = difference(read_demo(shown.episode, contract), inside)
        yield case
    env.close()


def difference(one: Demo, other: Demo) -> str:
    """How two demonstrations differ first, stamps and orientation apart; "" if to the bit alike."""
    if len(one) != len(other):
        return f"{len(one)} frames, not {len(other)}"
    for name in ("rgb", "q_rad", "ee_pos_m", "gripper_m", "actions"):
        for tick, (a, b) in enumerate(zip(getattr(one, name), getattr(other, name), strict=True)):
            if not np.array_equal(a, b):
                return f"{name} of frame {tick} by {np.abs(np.subtract(a, b, dtype=float)).max():g}"
    return ""


def metrics(
    over_ros: Sequence[RosCase], inside: Sequence[Case], config: EvalConfig
) -> dict[str, Metric]:
    """`success` over ROS, `agreement` and what else tells whether both ways are one."""
    outcomes = {case.task: case.outcomes["success"] for case in inside}
    pairs = [
        (case.task, take, other)
        for case in over_ros
        for take, other in zip(case.trials, outcomes[case.task], strict=False)
    ]

    def rate(values: Sequence[bool], tasks: Sequence[int]) -> Metric:
        return Metric.rate(bootstrap_ci(np.array(values, float), tasks), [config.seed])

    tasks = [task for task, _, _ in pairs]
    cases = [case.task for case in over_ros]
    adapt_s = [case.adapt_s for case in over_ros]
    return {
        "success": rate([take.success for _, take, _ in pairs], tasks),
        "success_in_process": rate([other.success for _, _, other in pairs], tasks),
        "agreement": rate([take.success == other.success for _, take, other in pairs], tasks),
        "identical": rate([identical(take, other) for _, take, other in pairs], tasks),
        "demos_identical": rate([not case.demo_differs for case in over_ros], cases),
        "adapt_s_p50": Metric(value=float(np.median(adapt_s)), unit="s", n=len(adapt_s)),
    }


def identical(take: Take, outcome: Outcome) -> bool:
    """Whether both ended alike, after the same number of steps and at the same place to the bit.

    Of two that were stopped, the one over ROS coasts on for a moment: their ends are not compared.
    """
    if take.stopped or outcome.stopped:
        return bool(take.stopped) and outcome.stopped
    return (take.success, take.loose_success, take.steps, take.error_m) == (
        outcome.success,
        outcome.loose_success,
        outcome.steps,
        outcome.error_m,
    )
