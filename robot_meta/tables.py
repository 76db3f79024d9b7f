"""README tables from results files, between markers, so that no figure is typed by hand.

    <!-- table:mil-place keys=success,success_blind -->
    | ... |
    <!-- /table -->

Without `keys` every metric of `results/mil-place.json` is a row. The column of published figures
is there only if one of the rows has one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from robot_meta.errors import DataError
from robot_meta.files import write_atomic
from robot_meta.results import read_result

_START = re.compile(r"^<!-- table:(?P<name>[a-z0-9._-]+)(?: keys=(?P<keys>[\w,.-]+))? -->$")
_END = "<!-- /table -->"


def update(document: str | os.PathLike[str], results: str | os.PathLike[str]) -> bool:
    """Rewrite every table of a Markdown file from the results in a folder.

    Returns:
        Whether the file changed.

    Raises:
        DataError: no such file, an open marker, an unknown result, or a key it does not have.
    """
    path = Path(document)
    try:
        before = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    after = rendered(before, Path(results), str(path))
    if after != before:
        write_atomic(path, after.encode())
    return after != before


def rendered(text: str, results: Path, where: str = "text") -> str:
    """The text with its tables made anew; errors as `update`."""
    out: list[str] = []
    lines = iter(enumerate(text.split("\n"), 1))
    for number, line in lines:
        out.append(line)
        found = _START.match(line.strip())
        if not found:
            continue
        for _, inner in lines:
            if inner.strip() == _END:
                break
            if _START.match(inner.strip()):
                raise DataError(f"{where}:{number}: a table within a table; expected {_END} first")
        else:
            raise DataError(f"{where}:{number}: table without an end; expected {_END}")
        content = read_result(results / f"{found['name']}.json")
        keys = found["keys"].split(",") if found["keys"] else None
        out += [*table(content, keys), _END]
    return "\n".join(out)


def table(content: Mapping[str, Any], keys: Sequence[str] | None = None) -> list[str]:
    """Markdown lines of one result.

    Raises:
        DataError: a key that the result does not have.
    """
    metrics, published = content["metrics"], content["published"]
    chosen = list(metrics) if keys is None else list(keys)
    if unknown := [key for key in chosen if key not in metrics]:
        raise DataError(f"{content['name']}: no metric {unknown}; it has {sorted(metrics)}")
    heads = ["figure", "value", "95 % interval", "n"]
    compared = any(key in published for key in chosen)
    if compared:
        heads += ["published", "how it differs"]
    rows = [heads, ["---"] * len(heads)]
    for key in chosen:
        metric = metrics[key]
        low_high = metric["ci95"]
        between = " to ".join(_number(v, metric["unit"]) for v in low_high) if low_high else ""
        row = [f"`{key}`", _with_unit(metric), between, str(metric["n"])]
        if compared:
            other = published.get(key)
            row += (
                [f"{_number(other['value'], metric['unit'])} ({other['source']})", other["differs"]]
                if other
                else ["", ""]
            )
        rows.append(row)
    return ["| " + " | ".join(row) + " |" for row in rows]


def _with_unit(metric: Mapping[str, Any]) -> str:
    text = _number(metric["value"], metric["unit"])
    return text if metric["unit"] in ("rate", "ratio", "1", "") else f"{text} {metric['unit']}"


def _number(value: float, unit: str) -> str:
    """Three digits that matter; rates with three decimals."""
    if unit == "rate":
        return f"{value:.3f}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
