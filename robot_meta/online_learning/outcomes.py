"""Outcomes as a file: a run of hours that was stopped goes on with the part that is missing."""

from __future__ import annotations

import json
import time
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
    began = time.process_time()
    made = list(make())
    rows = [asdict(each) for each in made]
    cpu_s = time.process_time() - began
    write_json(path, {"settings": settings, "cpu_s": cpu_s, "outcomes": rows})
    return made


def cpu_hours(folder: Path) -> float:
    """Core-hours that all outcomes in the folder took."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return float(sum(file["cpu_s"] for file in files) / 3600)


def _read(path: Path) -> tuple[Any, list[Outcome]]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        rows = [{**row, "next_batch": tuple(row["next_batch"])} for row in held["outcomes"]]
        return held["settings"], [Outcome(**row) for row in rows]
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: not a file of outcomes: {error}; delete it") from error
