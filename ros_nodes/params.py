"""ROS parameters from a frozen dataclass: one field is one parameter, with range and description.

    @dataclass(frozen=True, kw_only=True)
    class GateParams:
        rate_hz: float = param(50.0, "Ticks a second.", low=1.0, high=500.0, read_only=True)

`TypedParams(node, GateParams()).value` is the values in force (file and command line included); a
`ValueError` from `__post_init__` refuses a change with its text as the reason.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from robot_meta.errors import ConfigError

T = TypeVar("T")
_TYPES = {
    bool: Parameter.Type.BOOL,
    int: Parameter.Type.INTEGER,
    float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING,
}
_ARRAYS = {
    bool: Parameter.Type.BOOL_ARRAY,
    int: Parameter.Type.INTEGER_ARRAY,
    float: Parameter.Type.DOUBLE_ARRAY,
    str: Parameter.Type.STRING_ARRAY,
}


def param(
    default: Any,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] | None = None,
    read_only: bool = False,
) -> Any:
    """A dataclass field that is a ROS parameter.

    Args:
        default: bool, int, float, str or a tuple of one of these (annotate it `tuple[float, ...]`).
        description: what it does, with the unit.
        low: smallest value allowed, with `high` (numbers only).
        high: largest value allowed.
        choices: the values allowed (strings only).
        read_only: fixed once the node has started.
    """
    meta = {
        "description": description,
        "low": low,
        "high": high,
        "choices": tuple(choices) if choices is not None else None,
        "read_only": read_only,
    }
    return dataclasses.field(default=default, metadata={"ros": meta})


class TypedParams:
    """The declared parameters of a node as a dataclass that is replaced, never changed."""

    def __init__(self, node: Node, default: Any) -> None:
        self._node = node
        self._kind = type(default)
        self._hints = typing.get_type_hints(self._kind)
        self._fields = {f.name: f for f in dataclasses.fields(default) if "ros" in f.metadata}
        given = {name: self._declare(name, getattr(default, name)) for name in self._fields}
        self.value: Any = self._build(default, given)
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._accept)
        self.on_change: Callable[[Any], None] | None = None

    def _declare(self, name: str, default: Any) -> Any:
        meta = self._fields[name].metadata["ros"]
        kind = _ros_type(self._hints[name], name)
        descriptor = ParameterDescriptor(
            name=name,
            type=kind.value,
            description=_describe(meta),
            read_only=meta["read_only"],
        )
        if meta["low"] is not None or meta["high"] is not None:
            _set_range(descriptor, kind, meta["low"], meta["high"])
        value = list(default) if isinstance(default, tuple) else default
        try:
            return self._node.declare_parameter(name, value, descriptor).value
        except InvalidParameterTypeException as error:
            hint = "; write a decimal point, as in 10.0" if kind is Parameter.Type.DOUBLE else ""
            wanted = kind.name.lower()
            raise ConfigError(f"{self._where(name)}: {error}; expected {wanted}{hint}") from None
        except InvalidParameterValueException as error:
            raise ConfigError(f"{self._where(name)}: {error}") from None

    def _where(self, name: str) -> str:
        return f"parameter {name} of {self._node.get_name()}"

    def _build(self, base: Any, changes: dict[str, Any]) -> Any:
        for name, value in changes.items():
            choices = self._fields[name].metadata["ros"]["choices"]
            if choices is not None and value not in choices:
                raise ConfigError(f"parameter {name} is {value!r}; use one of {', '.join(choices)}")
            if typing.get_origin(self._hints[name]) is tuple:
                changes[name] = tuple(value)
        try:
            return dataclasses.replace(base, **changes)
        except ValueError as error:
            raise ConfigError(f"parameters of {self._node.get_name()}: {error}") from error

    def _mine(self, parameters: Sequence[Parameter]) -> dict[str, Any]:
        return {p.name: p.value for p in parameters if p.name in self._fields}

    def _check(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        try:
            self._build(self.value, self._mine(parameters))
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _accept(self, parameters: Sequence[Parameter]) -> None:
        mine = self._mine(parameters)
        if mine:
            self.value = self._build(self.value, mine)
            if self.on_change is not None:
                self.on_change(self.value)


def undeclared(node: Node) -> list[str]:
    """Parameters given on the command line or in a file that the node does not have."""
    given = getattr(node, "_parameter_overrides", {})
    return sorted(name for name in given if not node.has_parameter(name))


def _ros_type(hint: Any, name: str) -> Parameter.Type:
    if typing.get_origin(hint) is tuple:
        element = typing.get_args(hint)[0]
        if element in _ARRAYS:
            return _ARRAYS[element]
    if hint in _TYPES:
        return _TYPES[hint]
    raise TypeError(f"parameter {name}: {hint} is not bool, int, float, str or a tuple of these")


def _describe(meta: dict[str, Any]) -> str:
    text = str(meta["description"])
    return text + (f" One of: {', '.join(meta['choices'])}." if meta["choices"] else "")


def _set_range(
    descriptor: ParameterDescriptor, kind: Parameter.Type, low: float | None, high: float | None
) -> None:
    if kind in (Parameter.Type.INTEGER, Parameter.Type.INTEGER_ARRAY):
        span = IntegerRange(
            from_value=int(low or 0), to_value=int(2**62 if high is None else high), step=1
        )
        descriptor.integer_range = [span]
    else:
        span = FloatingPointRange(
            from_value=float("-inf") if low is None else float(low),
            to_value=float("inf") if high is None else float(high),
        )
        descriptor.floating_point_range = [span]
