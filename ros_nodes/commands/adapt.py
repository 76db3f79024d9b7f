"""`robot-meta adapt`: let a running policy node adapt to recorded episodes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import tyro

from robot_meta.files import write_json


def adapt(
    episodes: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    steps: int = 0,
    seed: int = 0,
    namespace: str = "",
    json: Path | None = None,
) -> int:
    """Let a running policy adapt to one or more episodes of one task.

    The node reads the episodes itself, so they must lie on its machine. If they cannot be learned
    from, the policy stays as it is.

    Args:
        episodes: Folders or .mcap files of recorded episodes.
        steps: Gradient steps; 0 for the policy's own number.
        seed: Of what the policy draws while adapting.
        namespace: Namespace of the policy node.
        json: Write the answer to this file.
    """
    from robot_meta_msgs.action import Adapt

    from ros_nodes.commands.action import perform, topic

    uris = [str(path.expanduser().resolve()) for path in episodes]
    result = perform(
        Adapt,
        topic(namespace, "policy/adapt"),
        Adapt.Goal(episode_uris=uris, steps=steps, seed=seed),
        lambda told: print(f"step {told.step}  loss {told.loss:.5f}", flush=True),
        hint="start a policy with `robot-meta launch deploy`",
    )
    if json is not None:
        answer = {
            "accepted": bool(result.accepted),
            "version": result.version,
            "loss_before": result.loss_before,
            "loss_after": result.loss_after,
            "message": result.message,
            "episodes": uris,
        }
        write_json(json, answer)
    print(result.message, file=sys.stdout if result.accepted else sys.stderr)
    return 0 if result.accepted else 1
