"""Results files: one JSON a figure, with everything that says how it was earned.

`validate` is the schema. Files are written only if they pass it, and read only if they do.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from robot_meta.config import as_dict
from robot_meta.cpu import core_hours, cores, cpu_name
from robot_meta.errors import DataError
from robot_meta.files import write_json
from robot_meta.statistics import Interval

TEST_LOG = "test-log.jsonl"
_PACKAGES = ("robot-meta", "torch", "numpy", "mujoco", "gymnasium", "safetensors", "rclpy")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure."""

    value: float
    unit: str
    """`rate`, `ms`, `1/s`, `m`, ... in words that a table can show."""
    n: int
    """Trials, or samples, behind it."""
    ci95: tuple[float, float] | None = None
    seeds: tuple[int, ...] = ()
    """Evaluation seeds."""

    @classmethod
    def rate(cls, interval: Interval, seeds: Sequence[int]) -> Metric:
        """A success rate with its interval over tasks."""
        return cls(
            value=interval.value,
            unit="rate",
            n=interval.trials,
            ci95=interval.ci95,
            seeds=tuple(seeds),
        )


@dataclass(frozen=True, kw_only=True)
class Published:
    """A figure that others printed, to stand beside ours."""

    value: float
    source: str
    differs: str
    """How their protocol differs from ours."""


def write_result(
    path: str | os.PathLike[str],
    name: str,
    protocol: str,
    metrics: Mapping[str, Metric],
    *,
    published: Mapping[str, Published] | None = None,
    config: Any = None,
    wall_s: float,
    hours: float | None = None,
) -> dict[str, Any]:
    """Write one results file and return what was written.

    Args:
        path: the file.
        name: of the result; lower case, as in `results/<name>.json`.
        protocol: one paragraph: split, seeds, success, trials, what was hidden, steps.
        metrics: at least one figure.
        published: others' figures under the same keys.
        config: all settings, a dataclass or a mapping of JSON values.
        wall_s: how long it took.
        hours: core-hours it took; None for those of this process and its ended children.

    Raises:
        DataError: the content does not match the schema; nothing is written.
    """
    content = {
        "name": name,
        "protocol": protocol,
        "metrics": {key: as_dict(metric) for key, metric in metrics.items()},
        "published": {key: as_dict(each) for key, each in (published or {}).items()},
        "config": as_dict(config if config is not None else {}),
        "versions": versions(),
        "machine": machine(),
        "wall_s": wall_s,
        "core_hours": core_hours() if hours is None else hours,
        "git": git_revision(),
        "created": _now(),
    }
    validate(content, str(path))
    write_json(path, content)
    return content


def read_result(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read one results file.

    Raises:
        DataError: no such file, not JSON, or not of the schema.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable results file: {error}") from error
    validate(content, str(path))
    assert isinstance(content, dict)
    return content


def append_test_log(
    folder: str | os.PathLike[str], command: str, checkpoint: str, summary: Mapping[str, Any]
) -> None:
    """Add one line to the log of everything that was ever evaluated on test tasks.

    Args:
        folder: where the results are.
        command: what was run.
        checkpoint: its SHA-256.
        summary: figures and settings, JSON values.
    """
    line = {
        "created": _now(),
        "git": git_revision(),
        "command": command,
        "checkpoint": checkpoint,
        **summary,
    }
    path = Path(folder) / TEST_LOG
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:  # one write: parallel runs do not interleave
        file.write(json.dumps(line, allow_nan=False) + "\n")


def validate(content: Any, where: str = "result") -> None:
    """Refuse content that does not match the schema (DataError naming every problem)."""
    problems: list[str] = []

    def check(
        holder: Any, key: str, good: Callable[[Any], bool], expected: str, at: str = ""
    ) -> Any:
        if not isinstance(holder, Mapping) or key not in holder:
            problems.append(f"{at}{key} is missing, expected {expected}")
            return None
        if not good(holder[key]):
            problems.append(f"{at}{key} is {str(holder[key])[:60]!r}, expected {expected}")
            return None
        return holder[key]

    check(content, "name", lambda v: _text(v) and bool(_NAME.fullmatch(v)), "a lower-case name")
    check(content, "protocol", lambda v: _text(v) and len(v) >= 20, "a paragraph")
    metrics = check(content, "metrics", lambda v: _mapping(v) and len(v) > 0, "at least one metric")
    for key, metric in (metrics or {}).items():
        at = f"metrics.{key}."
        check(metric, "value", _number, "a finite number", at)
        check(metric, "unit", _text, "a word", at)
        check(metric, "n", lambda v: _whole(v) and v > 0, "a count", at)
        check(metric, "ci95", _interval, "[low, high] or null", at)
        check(metric, "seeds", lambda v: _list(v) and all(map(_whole, v)), "a list of seeds", at)
    published = check(content, "published", _mapping, "a mapping (may be empty)")
    for key, each in (published or {}).items():
        at = f"published.{key}."
        check(each, "value", _number, "a finite number", at)
        check(each, "source", _text, "where it was printed", at)
        check(each, "differs", _text, "how the protocol differs", at)
    check(content, "config", _mapping, "a mapping")
    check(content, "versions", lambda v: _mapping(v) and all(map(_text, v.values())), "names")
    told = check(content, "machine", _mapping, "a mapping")
    check(told or {}, "cpu", _text, "a name", "machine.")
    check(told or {}, "cores", lambda v: _whole(v) and v > 0, "a count", "machine.")
    check(told or {}, "gpu", lambda v: v is None or _text(v), "a name or null", "machine.")
    for key in ("wall_s", "core_hours"):
        check(content, key, lambda v: _number(v) and v >= 0, "a time")
    check(content, "git", lambda v: v is None or _text(v), "a revision or null")
    check(content, "created", _date, "an ISO 8601 time")
    if problems:
        raise DataError(f"{where}: {'; '.join(problems)}")


def versions() -> dict[str, str]:
    """Versions of Python and of what is installed of the packages that shape a figure."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """The processor, the cores this process may use, and the GPU's name or None."""
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {"cpu": cpu_name(), "cores": cores(), "gpu": gpu}


def git_revision(folder: str | os.PathLike[str] | None = None) -> str | None:
    """Commit of the source, with `+changes` if tracked files differ; None outside a checkout."""
    where = Path(folder) if folder is not None else Path(__file__).parent

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=where, capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout.strip()

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+changes" if changed else "")


def _now() -> str:
    return datetime.fromtimestamp(time.time(), timezone.utc).isoformat(timespec="seconds")


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _list(value: Any) -> bool:
    return isinstance(value, list)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _interval(value: Any) -> bool:
    if value is None:
        return True
    pair = _list(value) and len(value) == 2 and all(map(_number, value))
    return pair and bool(value[0] <= value[1])


def _date(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False
