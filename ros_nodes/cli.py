"""The `robot-meta` command: a table of names, each imported only when it is used.

So `robot-meta train` needs no ROS, and `robot-meta --help` imports nothing heavy.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from robot_meta.errors import RobotMetaError


@dataclass(frozen=True)
class Command:
    """One command: where its function is, and one line for `--help`.

    The target is `module:name`: a function whose arguments tyro turns into options, or a dict of
    such functions (then the command has subcommands). It returns an exit code or None.
    """

    target: str
    summary: str
    raw: bool = False
    """The function takes the words as they are."""

    @property
    def module(self) -> str:
        """The module to import."""
        return self.target.partition(":")[0]

    @property
    def name(self) -> str:
        """The function or dict in it."""
        return self.target.partition(":")[2]

    def exists(self) -> bool:
        """Whether the target is there, found without importing it."""
        try:
            spec = importlib.util.find_spec(self.module)
        except ModuleNotFoundError:
            return False
        if spec is None or spec.origin is None:
            return False
        defined = rf"^(?:def {self.name}\(|{self.name}\b.*=)"
        return re.search(defined, Path(spec.origin).read_text(), re.MULTILINE) is not None


GROUPS: dict[str, dict[str, Command]] = {
    "Start here": {
        "doctor": Command(
            "ros_nodes.doctor:doctor",
            "check ROS, rendering, torch, cameras and ports; say how to mend what is missing",
        ),
        "demo": Command(
            "ros_nodes.commands.demo:demo",
            "show the robot tasks once each over real ROS, and watch it do them",
        ),
    },
    "A running robot": {
        "launch": Command(
            "ros_nodes.launcher:main", "start the nodes: sim, record, deploy or camera", raw=True
        ),
        "record": Command("ros_nodes.commands.record:record", "record an episode"),
        "adapt": Command("ros_nodes.commands.adapt:adapt", "adapt the policy to episodes"),
        "run": Command("ros_nodes.commands.run:run", "let the adapted policy act"),
        "replay": Command("ros_nodes.commands.replay:replay", "play an episode open loop"),
    },
    "Demonstrations": {
        "collect": Command(
            "robot_meta.commands:collect", "scripted demonstrations in bulk, resumable"
        ),
        "demos": Command(
            "ros_nodes.commands.demos:demos", "the episode store: ls, show, import, recover, lint"
        ),
        "faults": Command("ros_nodes.commands.faults:faults", "the faults a robot can be given"),
    },
    "Learning": {
        "train": Command(
            "ros_nodes.commands.train:train",
            "meta-train a learner on a task family, or go on from stored episodes",
        ),
        "eval": Command(
            "ros_nodes.commands.evaluate:evaluate",
            "success on held-out tasks with confidence interval and controls",
        ),
        "experiment": Command(
            "ros_nodes.commands.experiment:experiment",
            "one experiment: all its methods, table and figure",
        ),
        "segment": Command(
            "robot_meta.segment_command:segment", "click a thing in a picture, mark it in others"
        ),
        "bench": Command(
            "ros_nodes.commands.bench:bench", "speed, memory and latency against peers"
        ),
        "tables": Command(
            "robot_meta.commands:tables", "rewrite the README's tables and figures from results/"
        ),
    },
}


def commands() -> dict[str, Command]:
    """The commands that are installed."""
    every = {name: command for group in GROUPS.values() for name, command in group.items()}
    return {name: command for name, command in every.items() if command.exists()}


def help_text() -> str:
    """What `robot-meta --help` prints."""
    there = commands()
    lines = ["usage: robot-meta COMMAND [...]", "", "Show a robot a task once, and it does it.", ""]
    for title, group in GROUPS.items():
        rows = [f"  {n:<12}{c.summary}" for n, c in group.items() if n in there]
        lines += [f"{title}:", *rows, ""] if rows else []
    return "\n".join([*lines, "robot-meta COMMAND --help tells more about one."])


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; 1 after an error that names what was wrong."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(help_text())
        return 0 if words else 2
    if words[0] == "--version":
        print(metadata.version("robot-meta"))
        return 0
    there = commands()
    if words[0] not in there:
        close = difflib.get_close_matches(words[0], there, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        print(
            f"robot-meta: no command {words[0]!r}{hint} There are {', '.join(there)}",
            file=sys.stderr,
        )
        return 2
    try:
        return _call(words[0], there[words[0]], words[1:])
    except RobotMetaError as error:
        print(f"robot-meta {words[0]}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _call(name: str, command: Command, words: Sequence[str]) -> int:
    target = getattr(importlib.import_module(command.module), command.name)
    if command.raw:
        return int(target(words))
    import tyro

    prog = f"robot-meta {name}"
    if isinstance(target, dict):
        code = tyro.extras.subcommand_cli_from_dict(target, prog=prog, args=words)
    else:
        code = tyro.cli(target, prog=prog, args=words)
    return int(code or 0)


if __name__ == "__main__":
    sys.exit(main())
