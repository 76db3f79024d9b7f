"""What a policy was shown and did: a line of JSON each, in the folder of the episodes. No ROS.

    {"shown": ["20261123-174503-cup"], "version": "3f0c5a91be77"}
    {"ran": "cup", "ended": "completed", "steps": 41, "version": "3f0c5a91be77"}

What was shown before a run is of the run's task: so episodes get one that nobody labelled.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from robot_meta.errors import EpisodeError

FILE = "tasks.jsonl"


def note(store: Path, **facts: Any) -> None:
    """Add a line.

    Raises:
        EpisodeError: it cannot be written.
    """
    try:
        store.mkdir(parents=True, exist_ok=True)
        with (store / FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")
    except OSError as error:
        raise EpisodeError(f"{store / FILE}: cannot be written: {error}") from error


def tasks_of_episodes(store: Path) -> dict[str, str]:
    """Name of an episode -> the task of the first run after it was shown.

    Raises:
        EpisodeError: a line that is no JSON object; the message says which.
    """
    path = store / FILE
    out: dict[str, str] = {}
    shown: list[str] = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            facts = dict(json.loads(line))
        except (ValueError, TypeError) as error:
            raise EpisodeError(f"{path}: line {number} is no JSON object: {error}") from error
        shown = facts.get("shown", shown)
        if facts.get("ran"):
            out = {**dict.fromkeys(shown, str(facts["ran"])), **out}
    return out
