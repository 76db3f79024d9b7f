"""A graph as a `launch.LaunchDescription`, for the files in `launch/`. Needs `launch_ros`."""

from __future__ import annotations

import sys

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    LogInfo,
    OpaqueFunction,
    SetEnvironmentVariable,
    Shutdown,
)
from launch.launch_description_entity import LaunchDescriptionEntity
from launch_ros.actions import Node

from ros_nodes import dds
from ros_nodes.graph import Graph, Process, resolve


def description(graph: Graph) -> LaunchDescription:
    """Arguments, environment and nodes of a graph."""
    variables = [SetEnvironmentVariable(k, v) for k, v in dds.environment().items()]
    arguments = [
        DeclareLaunchArgument(
            argument.name,
            default_value=argument.default_text,
            description=argument.description,
            choices=list(argument.choices) or None,
        )
        for argument in graph.arguments
    ]
    return LaunchDescription(
        [*variables, *arguments, OpaqueFunction(function=_nodes, args=[graph])]
    )


def _nodes(context: LaunchContext, graph: Graph) -> list[LaunchDescriptionEntity]:
    known = [argument.name for argument in graph.arguments]
    given = {name: context.launch_configurations[name] for name in known}
    for name, value in _typed(context, graph).items():
        given.setdefault(name, value)  # an unknown one is for `resolve` to refuse
    return [_action(process) for process in resolve(graph, given)]


def _typed(context: LaunchContext, graph: Graph) -> dict[str, str]:
    """The `name:=value` words of this very launch file; ROS itself lets unknown ones pass."""
    if not any(word.endswith(f"{graph.name}.launch.py") for word in sys.argv):
        return {}  # included by another file, whose words are not ours to judge
    return dict(word.split(":=", 1) for word in context.argv if ":=" in word)


def _action(process: Process) -> Node:
    name = process.executable
    ending = [LogInfo(msg=f"{name} is required: everything ends"), Shutdown(reason=f"{name} ended")]
    return Node(
        package="robot_meta",
        executable=name,
        name=name,
        namespace=process.namespace,
        arguments=["--ros-args", *process.ros_args],
        output="screen",
        emulate_tty=True,
        on_exit=ending if process.required else None,
    )
