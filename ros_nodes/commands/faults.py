"""`robot-meta faults ls`: what can be made to break, with parameters, defaults and what it does."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Literal

from sim.fault_table import Table

Which = Literal["all", "sawyer", "legs"]


@dataclasses.dataclass(frozen=True)
class Row:
    """One fault."""

    robot: str
    name: str
    parameters: str
    what: str


def rows(which: Which = "all") -> Iterator[Row]:
    """The faults of these robots."""
    from sim.faults import ARM_FAULTS
    from sim.leg_faults import LEG_FAULTS

    tables: dict[str, Table] = {"sawyer": ARM_FAULTS, "legs": LEG_FAULTS}
    for robot, table in tables.items():
        if which not in ("all", robot):
            continue
        for name, kind in table.items():
            fields = [f"{f.name}: {f.default}" for f in dataclasses.fields(kind)]
            what = (inspect.getdoc(kind) or "").splitlines()[0]
            yield Row(robot, name, ", ".join(fields), what)


def ls(robot: Which = "all") -> int:
    """List the faults; each is switched by the service `sim/set_fault` with these parameters.

    Args:
        robot: Whose.
    """
    from rich.console import Console
    from rich.table import Table as Grid

    grid = Grid("robot", "fault", "parameters: defaults", "what it does")
    for row in rows(robot):
        grid.add_row(row.robot, row.name, row.parameters, row.what)
    Console().print(grid)
    return 0


faults = {"ls": ls}
