"""Versions of a theta, beside each other in one folder, and which of them is in use.

<folder>/theta-0001.safetensors    never changed, never deleted
<folder>/current.json              {"in_use": [1, 3]}: those that were put in use, the last one is
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robot_meta import checkpoint
from robot_meta.errors import CheckpointError
from robot_meta.files import write_json
from robot_meta.types import Params

CURRENT = "current.json"


class Versions:
    """A folder of versions; made when the first is added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def in_use(self) -> list[int]:
        """Numbers of the versions that were put in use and not taken back, the present one last.

        Raises:
            CheckpointError: none was, or the file that says so is damaged.
        """
        path = self.folder / CURRENT
        try:
            found = json.loads(path.read_text(encoding="utf-8"))["in_use"]
        except FileNotFoundError:
            raise CheckpointError(f"{self.folder}: no version is in use; add one first") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{path}: cannot be read: {error!r}") from error
        if not (isinstance(found, list) and found and all(isinstance(n, int) for n in found)):
            raise CheckpointError(f"{path}: in_use is {found!r}, expected a list of numbers")
        return found

    @property
    def numbers(self) -> list[int]:
        """Of all versions, rising."""
        return sorted(int(path.stem[6:]) for path in self.folder.glob("theta-[0-9]*.safetensors"))

    def path(self, number: int | None = None) -> Path:
        """Of a version; without a number, of the one in use."""
        return self.folder / f"theta-{number or self.in_use[-1]:04d}.safetensors"

    def add(
        self,
        params: Params,
        config: Any,
        learner: str,
        *,
        parent: str = "",
        notes: Mapping[str, Any] | None = None,
    ) -> int:
        """Write the next version and return its number; it is not in use yet. `parent`: its SHA."""
        number = max(self.numbers, default=0) + 1
        parents = [parent] if parent else []
        checkpoint.save(self.path(number), params, config, learner, parents=parents, notes=notes)
        return number

    def use(self, number: int) -> None:
        """Put a version in use.

        Raises:
            CheckpointError: there is no such version.
        """
        if number not in self.numbers:
            raise CheckpointError(f"{self.folder}: no version {number}; there are {self.numbers}")
        before = self.in_use if (self.folder / CURRENT).exists() else []
        write_json(self.folder / CURRENT, {"in_use": [*before, number]})

    def roll_back(self) -> int:
        """Put the version in use again that was before the present one; return its number.

        Raises:
            CheckpointError: the present one is the first.
        """
        *before, last = self.in_use
        if not before:
            raise CheckpointError(f"{self.folder}: version {last} is the first; nothing before it")
        write_json(self.folder / CURRENT, {"in_use": before})
        return before[-1]


def meant(path: Path) -> Path:
    """The checkpoint that a path means: of a folder of versions, the one in use.

    Raises:
        CheckpointError: a folder without one.
    """
    return Versions(path).path() if path.is_dir() else path
