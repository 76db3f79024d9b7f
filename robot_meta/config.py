"""Frozen dataclasses to JSON and back, refusing what the class does not know."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from robot_meta.errors import ConfigError

C = TypeVar("C")


def as_dict(config: Any) -> dict[str, Any]:
    """Give a config dataclass, or a mapping, as plain JSON values (tuples become lists)."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        config = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    if not isinstance(config, Mapping):
        raise ConfigError(
            f"config: {type(config).__name__} came, expected a dataclass or a mapping"
        )
    return {str(key): _plain(value) for key, value in config.items()}


def from_dict(kind: type[C], values: Mapping[str, Any]) -> C:
    """Build the dataclass `kind` from JSON values.

    Lists become tuples where the field is one, mappings become nested dataclasses; what such a
    mapping leaves out is as in the field's default, which need not be the nested class's own.

    Raises:
        ConfigError: a key is unknown or missing, or a value is refused by the class.
    """
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(fields)):
        raise ConfigError(f"{kind.__name__}: unknown {unknown}; it knows {sorted(fields)}")
    hints = typing.get_type_hints(kind)
    given = {
        name: _typed(hints[name], _completed(fields[name], value)) for name, value in values.items()
    }
    try:
        return kind(**given)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{kind.__name__}: {error}") from error


def _completed(field: dataclasses.Field[Any], value: Any) -> Any:
    """A mapping for a nested dataclass, with what the field's default says of the rest."""
    factory, default = field.default_factory, field.default
    if factory is not dataclasses.MISSING:
        default = factory()
    if isinstance(value, Mapping) and dataclasses.is_dataclass(default):
        return {**{f.name: getattr(default, f.name) for f in dataclasses.fields(default)}, **value}
    return value


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) or isinstance(value, Mapping):
        return as_dict(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _typed(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        return _typed(options[0], value) if len(options) == 1 else value
    if origin is tuple and isinstance(value, list):
        items = typing.get_args(hint)
        inner = [items[0]] * len(value) if items[-1:] == (Ellipsis,) else list(items)
        if len(inner) != len(value):
            raise ConfigError(f"config: {len(value)} values {value} for {hint}")
        return tuple(_typed(h, v) for h, v in zip(inner, value, strict=True))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return from_dict(hint, value)
    return value
