"""`episode.json`: what an episode is, beside the messages. Imports no ROS."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robot_meta.errors import DemoFormatError, EpisodeError
from robot_meta.files import write_atomic
from robot_meta.types import KINDS

FORMAT = 1
FILE = "episode.json"
OUTCOMES = ("recording", "succeeded", "cancelled", "timeout", "error", "stopped", "recovered")


@dataclass(frozen=True, kw_only=True)
class EpisodeInfo:
    """Facts about one recording; those below `outcome` are known at its end."""

    robot: str
    kind: str
    """`robot` or `human`."""
    task: str = ""
    """A label for people."""
    seed: int | None = None
    """Of the simulated world, where there is one."""
    scene: str = ""
    """JSON of the simulated task, where there is one."""
    namespace: str = ""
    """Under which the relative topics of the contract were, such as `/left`."""
    remapped: Mapping[str, str] = field(default_factory=dict)
    """Topics of the contract that were recorded under another name: contract's -> the bag's."""
    clock: str = "system"
    """`sim` or `system`: what the receive stamps count."""
    contract_hash: str = ""
    created: str = ""
    """UTC, ISO 8601."""
    outcome: str = "recording"
    """How it ended; `recording` is one whose recorder was killed, or still runs."""
    termination_reason: str = ""
    duration_s: float = 0.0
    messages: int = 0
    dropped: int = 0
    silent_topics: tuple[str, ...] = ()
    """Topics of the contract from which nothing came."""
    sha256: str = ""
    """Of the MCAP file."""
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Refuse another format, kind or outcome."""
        if self.format != FORMAT:
            raise DemoFormatError(
                f"{FILE}: format {self.format!r}, this version reads {FORMAT}; re-record"
            )
        if self.kind not in KINDS:
            raise DemoFormatError(f"{FILE}: kind {self.kind!r}, need one of {KINDS}")
        if self.outcome not in OUTCOMES:
            raise DemoFormatError(f"{FILE}: outcome {self.outcome!r}, need one of {OUTCOMES}")

    def to_json(self) -> str:
        """JSON text, one key a line."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @staticmethod
    def from_dict(table: Any) -> EpisodeInfo:
        """From plain data. Keys of newer versions are left out.

        Raises:
            DemoFormatError: not a mapping, keys missing, or another format.
        """
        if not isinstance(table, Mapping):
            raise DemoFormatError(f"{FILE}: need a mapping, got {type(table).__name__}")
        fields = {f.name: f for f in dataclasses.fields(EpisodeInfo)}
        missing = {"robot", "kind", "format"} - set(table)
        if missing:
            raise DemoFormatError(f"{FILE}: {sorted(missing)} missing; is this an episode?")
        known = {key: value for key, value in table.items() if key in fields}
        known["silent_topics"] = tuple(known.get("silent_topics", ()))
        return EpisodeInfo(**known)


def read_info(folder: Path) -> EpisodeInfo | None:
    """The `episode.json` of an episode; None where there is none (a foreign bag).

    Raises:
        DemoFormatError: it is there but cannot be read.
    """
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DemoFormatError(f"{path}: cannot be read: {error}") from error
    try:
        return EpisodeInfo.from_dict(json.loads(text))
    except json.JSONDecodeError as error:
        raise DemoFormatError(f"{path}: not JSON: {error}") from error
    except DemoFormatError as error:
        raise DemoFormatError(f"{folder}: {error}") from error


def write_info(folder: Path, info: EpisodeInfo) -> None:
    """Write `episode.json`, whole or not at all."""
    replace_text(folder / FILE, info.to_json())


def replace_text(path: Path, text: str) -> None:
    """Put a text file in place so that a crash leaves the old one or the new one.

    Raises:
        EpisodeError: the disk is full or not writable.
    """
    try:
        write_atomic(path, text.encode())
    except OSError as error:
        raise EpisodeError(f"{path}: cannot be written: {error}") from error
