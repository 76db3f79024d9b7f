"""`robot-meta launch GRAPH name:=value ...`: the launch files' graphs without ROS's `launch`.

Ctrl-C, SIGTERM or the end of a required node ends every node: SIGINT first, SIGTERM after 5 s,
SIGKILL after 5 s more.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from robot_meta.errors import ConfigError
from ros_nodes import dds, process, shared_memory
from ros_nodes.graph import GRAPHS, Graph, Process, resolve

ESCALATION = ((signal.SIGINT, 5.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
"""What is sent to a node that should end, and how long it then has, in s."""
_PR_SET_PDEATHSIG = 1


@dataclass
class Running:
    """A node and its process."""

    node: Process
    popen: subprocess.Popen[bytes]

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self.popen.poll() is not None


def main(argv: Sequence[str]) -> int:
    """Run `robot-meta launch *argv`; the exit code is 0 after a stop that was asked for."""
    if not argv or argv[0] in ("-h", "--help"):
        print(_usage())
        return 0 if argv else 2
    try:
        graph = GRAPHS[argv[0]]
    except KeyError:
        print(f"unknown graph {argv[0]!r}; there are {', '.join(GRAPHS)}", file=sys.stderr)
        return 2
    if any(word in ("-s", "--show-args", "-h", "--help") for word in argv[1:]):
        print(show_arguments(graph))
        return 0
    try:
        nodes = resolve(graph, parse_arguments(argv[1:]))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    return run(nodes)


def parse_arguments(words: Sequence[str]) -> dict[str, str]:
    """`["seed:=3"]` to `{"seed": "3"}`.

    Raises:
        ConfigError: a word that is not `name:=value`.
    """
    values: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition(":=")
        if not separator or not name:
            raise ConfigError(f"{word!r} is not an argument; write name:=value, as in seed:=3")
        if name in values:
            raise ConfigError(f"{name} is given twice: {values[name]} and {value}")
        values[name] = value
    if (path := values.get("params_file")) and not Path(path).is_file():
        raise ConfigError(f"params_file:={path}; no such file")
    return values


def show_arguments(graph: Graph) -> str:
    """The arguments of a graph, with defaults, choices and descriptions."""
    lines = [f"{graph.name}: {graph.description}.", "Arguments (name:=value):"]
    for argument in graph.arguments:
        choices = f" One of: {', '.join(argument.choices)}." if argument.choices else ""
        lines.append(f"  {argument.name}  (default: {argument.default_text!r})")
        lines.append(f"      {argument.description}{choices}")
    return "\n".join(lines)


def run(nodes: Sequence[Process]) -> int:
    """Start the nodes and wait until they should end.

    Returns:
        0 after Ctrl-C or SIGTERM; 1 when a node ended badly, a required one ended, or one had to be
        killed.
    """
    stop = process.install_stop_handlers()
    running = start(nodes)
    waiting = list(running)
    code = 0
    try:
        while waiting and not stop.wait(0.1):
            for one in [one for one in waiting if one.ended]:
                waiting.remove(one)
                code = max(code, _report(one))
                if one.node.required:
                    print(f"[{one.node.executable}] is required: everything ends", file=sys.stderr)
                    return 1
    finally:
        code = max(code, end(waiting))
    return code


def start(nodes: Sequence[Process], logs: Path | None = None) -> list[Running]:
    """Start every node; give the result to `end`, or they run until this process is gone.

    Args:
        nodes: as `resolve` gives them.
        logs: folder for what they print, `<executable>.log` each; None: to this terminal.
    """
    shared_memory.sweep()
    return [_start(node, logs) for node in nodes]


def _start(node: Process, logs: Path | None) -> Running:
    command = [sys.executable, "-m", "ros_nodes.process", node.module, *node.arguments]
    if logs is None:
        popen = subprocess.Popen(command, env=_environment(), preexec_fn=_die_with_parent)
        print(f"[{node.executable}] started, process {popen.pid}", flush=True)
        return Running(node, popen)
    with (logs / f"{node.executable}.log").open("wb") as log:
        popen = subprocess.Popen(
            command,
            env=_environment(),
            preexec_fn=_die_with_parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return Running(node, popen)


def _environment() -> dict[str, str]:
    return {**os.environ, **dds.environment()}


def _die_with_parent() -> None:
    """In the child: ask the kernel for a SIGINT when the launcher is gone, however it went."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _report(one: Running) -> int:
    """Say how a process ended; 1 if badly."""
    code = one.popen.returncode
    stream = sys.stderr if code else sys.stdout
    print(f"[{one.node.executable}] ended with {how_it_ended(code)}", file=stream, flush=True)
    return int(code != 0)


def how_it_ended(code: int) -> str:
    """A process's return code in words."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def end(running: Sequence[Running]) -> int:
    """End what still runs; 1 if something ended badly, by other signals than the polite ones."""
    for number, patience_s in ESCALATION:
        for one in running:
            if not one.ended:
                with suppress(ProcessLookupError):
                    one.popen.send_signal(number)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and not all(one.ended for one in running):
            time.sleep(0.02)
    polite = (0, -signal.SIGINT, -signal.SIGTERM)
    return max([_report(one) for one in running if one.popen.returncode not in polite], default=0)


def _usage() -> str:
    rows = [f"  {graph.name:<8} {graph.description}." for graph in GRAPHS.values()]
    head = "usage: robot-meta launch GRAPH [name:=value ...] [--show-args]"
    return "\n".join([head, "", "Start a graph of ROS nodes and run it until Ctrl-C.", "", *rows])
