"""Faults by name: what a service or a command line says, checked against the faults' own fields."""

import dataclasses
from collections.abc import Mapping
from typing import Any

Table = dict[str, type[Any]]
"""Names of faults and the frozen dataclass of each; every field has a default."""


def named(table: Table, name: str, parameters: Mapping[str, Any]) -> Any:
    """The named fault with these parameters, None for "" and "none".

    Raises:
        ValueError: an unknown fault or parameter (the message lists what exists), or a value of
            another type or out of range.
    """
    if name in ("", "none"):
        return None
    if name not in table:
        raise ValueError(f"unknown fault {name!r}; there are none, {', '.join(table)}")
    kind = table[name]
    fields = {f.name: f for f in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    for key, value in parameters.items():
        if key not in fields:
            raise ValueError(f"fault {name} has no parameter {key!r}; it has {', '.join(fields)}")
        wanted = type(fields[key].default)
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, wanted):
            raise ValueError(f"fault {name}: {key} must be a {wanted.__name__}, got {value!r}")
        values[key] = value
    return kind(**values)
