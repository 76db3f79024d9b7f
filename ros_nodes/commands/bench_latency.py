"""`robot-meta bench latency`: from an image to the command that answers it, through the nodes."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from robot_meta import checkpoint as files
from robot_meta import learners, report
from robot_meta.errors import SessionError
from robot_meta.results import Metric, write_result
from ros_nodes import dds
from ros_nodes.contract import Contract

DOMAIN = "90"
"""ROS domain of the bench where the user has set none: apart from what else may run."""
PROTOCOL = (
    "The graph of `robot-meta launch deploy` (simulator, command gate, idle recorder, policy), a "
    "process a node, at 1x; 10 images a second of {width} x {height} rgb8. "
    "obs_to_command_ms: from just before the image is published to the publishing of the first "
    "`command_gate/applied` whose proposal_stamp is the image's, both read by the monotonic clock "
    "in the messages (the gate ticks at 50 Hz, so up to 20 ms of it are the wait for its tick). "
    "policy_ms: the policy's own account of one decision. unanswered: images of a run without such "
    "an `applied`. echo_ms: in the same command, before the graph starts, two bare nodes: an image "
    "of the same size to another process and the same image back. {policy}"
)


def latency(
    seconds: float = 60.0,
    checkpoint: Path | None = None,
    learner: str = "mil",
    json: Path | None = None,
) -> int:
    """Measure the time from an image to its command through the node graph, and a bare echo.

    Args:
        seconds: How long the policy runs.
        checkpoint: The policy; the shipped one of the learner for `place`, or, where there is
            none, an untrained one of the same size.
        learner: Which learner.
        json: Write the result to this file.
    """
    began = time.monotonic()
    os.environ.setdefault("ROS_DOMAIN_ID", DOMAIN)
    dds.ensure_profile()
    from ros_nodes.commands.latency_rig import Rig

    camera = Contract.load("sawyer").camera
    path = checkpoint or report.shipped(learner, "place")
    with tempfile.TemporaryDirectory() as folder, Rig() as rig:
        which = f"The policy is {path.name}."
        if checkpoint is None and not path.exists():
            path = Path(folder) / "untrained.safetensors"
            made = learners.make(learner)
            files.save(path, made.init(0), made.config, learner)
            which = "The policy is untrained, of the default size."
        sha = files.load(path).sha256
        print("two bare nodes ...", flush=True)
        echo = rig.echo(camera.width, camera.height, max(50, int(5 * seconds)))
        print("the node graph ...", flush=True)
        commands, inference, unanswered = rig.policy(path, seconds)
    metrics = {
        **_quantiles("obs_to_command_ms", commands),
        **_quantiles("policy_ms", inference),
        **_quantiles("echo_ms", echo),
        "unanswered": Metric(value=float(unanswered), unit="images", n=len(commands) + unanswered),
    }
    report.show(metrics)
    if json is not None:
        write_result(
            json,
            "bench-latency",
            PROTOCOL.format(width=camera.width, height=camera.height, policy=which),
            metrics,
            config={"seconds": seconds, "learner": learner, "checkpoint": sha},
            wall_s=time.monotonic() - began,
        )
    return 0


def _quantiles(name: str, samples: list[float]) -> dict[str, Metric]:
    if not samples:
        raise SessionError(f"{name}: nothing was measured; see what the nodes printed above")
    p50, p99 = np.quantile(samples, [0.5, 0.99])
    return {
        f"{name}_p50": Metric(value=float(p50), unit="ms", n=len(samples)),
        f"{name}_p99": Metric(value=float(p99), unit="ms", n=len(samples)),
    }
