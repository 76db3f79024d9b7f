"""`robot-meta run`: let a running policy node move the robot."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import tyro

from robot_meta.files import write_json


def run(
    task: Annotated[str, tyro.conf.Positional] = "",
    max_duration_s: float = 0.0,
    namespace: str = "",
    json: Path | None = None,
) -> int:
    """Let the policy move the robot until it is done, the time is up or somebody stops it.

    Ctrl-C cancels: the gate then holds the robot. Moving the robot by hand, the emergency stop and
    the gate's limits always win over the policy.

    Args:
        task: A label for the logs. The policy never sees it.
        max_duration_s: Longest run in seconds; 0 for the node's parameter.
        namespace: Namespace of the policy node.
        json: Write the answer to this file.
    """
    from robot_meta_msgs.action import RunPolicy

    from ros_nodes.commands.action import perform, topic

    result = perform(
        RunPolicy,
        topic(namespace, "policy/run_policy"),
        RunPolicy.Goal(task=task, max_duration_s=max_duration_s),
        lambda told: print(f"{told.elapsed_s:6.1f} s  {told.steps} steps", flush=True),
        hint="start a policy with `robot-meta launch deploy`",
    )
    if json is not None:
        answer = {
            "outcome": int(result.outcome),
            "termination_reason": result.termination_reason,
            "steps": int(result.steps),
        }
        write_json(json, answer)
    good = result.termination_reason in ("completed", "timeout")
    print(
        f"{result.termination_reason} after {result.steps} steps"
        + ("" if good else "; the policy node's log says why"),
        file=sys.stdout if good else sys.stderr,
    )
    return 0 if good else 1
