"""Outcomes as a file: a run of hours that was stopped goes on with the part that is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from robot_meta.errors import DataError
from robot_meta.files import write_json
from robot_meta.online_learning.protocol import Outcome


def kept(
    path: Path, settings: Mapping[str, Any], make: Callable[[], Sequence[Outcome]]
) -> list[Outcome]:
    """The outcomes in the file, if it was made with these settings; else made and written.

    Args:
        path: the file.
        settings: JSON values that the outcomes depend on.
        make: makes them.

    Raises:
        DataError: the file is damaged.
    """
    if path.exists():
        settings_there, there = _read(path)
        if settings_there == json.loads(json.dumps(settings)):
            return there
    made = list(make())
    write_json(path, {"settings": settings, "outcomes": [asdict(each) for each in made]})
    return made


def _read(path: Path) -> tuple[Any, list[Outcome]]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        rows = [{**row, "next_batch": tuple(row["next_batch"])} for row in held["outcomes"]]
        return held["settings"], [Outcome(**row) for row in rows]
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: not a file of outcomes: {error}; delete it") from error
