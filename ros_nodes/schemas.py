"""Message definitions and their hashes, from the `.msg` files that are installed. Imports no ROS.

A bag carries the text of every type it holds, so that it can be read where the type is unknown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from robot_meta.errors import EpisodeError

ENCODING = "ros2msg"
_OWN = Path(__file__).parent / "robot_meta_msgs" / "msg"


class Definition(NamedTuple):
    """What a bag says about a type."""

    text: str
    """The definition and those of all types inside it, in `ros2msg` form."""
    hash: str
    """The type hash that ROS exchanges at discovery: RIHS01_ and a SHA-256."""


@cache
def definition(name: str) -> Definition:
    """The definition of a type such as `sensor_msgs/msg/Image`.

    Raises:
        EpisodeError: no definition of it, or of a type inside it, is installed.
    """
    store = get_typestore(Stores.EMPTY)
    _register(store, name)
    text, _ = store.generate_msgdef(name, ros_version=2)
    return Definition(text, store.hash_rihs01(name))


def typestore(definitions: Mapping[str, str]) -> Typestore:
    """A store that decodes these types: name -> definition text, as bags carry it.

    Raises:
        EpisodeError: a text that is no message definition, or two that contradict each other.
    """
    store = get_typestore(Stores.EMPTY)
    for name, text in definitions.items():
        try:
            store.register(get_types_from_msg(text, name))
        except (TypesysError, ValueError, SyntaxError) as error:
            raise EpisodeError(f"definition of {name} cannot be read: {error}") from error
    return store


def _register(store: Typestore, name: str) -> None:
    """Put a type and all types inside it into the store."""
    if name in store.fielddefs:
        return
    types = _parse(name)
    for inner in sorted(set(_inner_types(types[name])) - set(types) - set(store.fielddefs)):
        _register(store, inner)
    store.register(types)


def _parse(name: str) -> dict[str, Any]:
    package, _, base = name.partition("/msg/")
    for folder in _folders(package):
        file = folder / f"{base}.msg"
        if file.is_file():
            return dict(get_types_from_msg(file.read_text(encoding="utf-8"), name))
    known = _jazzy().fielddefs
    if name not in known:
        raise EpisodeError(
            f"type {name}: no {base}.msg is installed; install the ROS package {package}"
        )
    return {name: known[name]}


def _folders(package: str) -> Iterator[Path]:
    """Where a package's `.msg` files may lie, the nearest first."""
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    for prefix in [*prefixes, sys.prefix]:
        yield Path(prefix) / "share" / package / "msg"
    if package == "robot_meta_msgs":
        yield _OWN  # a source tree in which it is not built


@cache
def _jazzy() -> Typestore:
    return get_typestore(Stores.ROS2_JAZZY)


def _inner_types(entry: Any) -> Iterator[str]:
    """Names of the message types among the fields of a parsed definition."""
    for _, description in entry[1]:
        kind, value = description
        while kind.name in ("ARRAY", "SEQUENCE"):
            kind, value = value[0]
        if kind.name == "NAME":
            yield value
