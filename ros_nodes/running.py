"""A graph of node processes that a script runs: started, watched, ended. Imports no ROS."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from robot_meta.errors import RobotMetaError
from ros_nodes import dds, domain, launcher, process
from ros_nodes.graph import Graph, resolve

LAST_LINES = 15
"""So much of a node's log is shown when it ends unasked."""
DOMAIN_VARIABLE = "ROS_DOMAIN_ID"


class NodeEndedError(RobotMetaError):
    """A node ended although nobody asked it to; the message holds the end of its log."""


class RunningGraph:
    """The nodes of a graph in a ROS domain of their own. Use as a context manager.

    Inside, this process's environment names the domain, so that a client made there meets the
    nodes. Leaving ends every node, however one leaves; logs stay only after an error.

    Args:
        graph: what to start.
        arguments: of the graph, as typed.
        domain_id: None for one that nobody uses.

    Raises:
        ConfigError: an argument that the graph does not have, or a domain in use.
    """

    def __init__(
        self, graph: Graph, arguments: Mapping[str, str], domain_id: int | None = None
    ) -> None:
        self._nodes = resolve(graph, arguments)
        self._claim = domain.claim(None if domain_id is None else [domain_id])
        self._running: list[launcher.Running] = []
        self._environment: dict[str, str | None] = {}
        self._stop: threading.Event | None = None
        self.logs = Path()
        """Folder of what the nodes print."""

    @property
    def domain_id(self) -> int:
        """The ROS domain of the nodes."""
        return self._claim.number

    @property
    def names(self) -> list[str]:
        """The nodes, in the order they are started."""
        return [node.executable for node in self._nodes]

    def __enter__(self) -> RunningGraph:
        self._stop = process.install_stop_handlers()
        self.logs = Path(tempfile.mkdtemp(prefix="robot-meta-"))
        wanted = {**dds.environment(), DOMAIN_VARIABLE: str(self.domain_id)}
        self._environment = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            self._running = launcher.start(self._nodes, self.logs)
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            launcher.end(self._running)
        finally:
            self._leave()
            if error is None or isinstance(error, KeyboardInterrupt):
                shutil.rmtree(self.logs, ignore_errors=True)

    def check(self) -> None:
        """Look at the nodes; call it often while waiting for them.

        Raises:
            NodeEndedError: one has ended.
            KeyboardInterrupt: Ctrl-C or SIGTERM came.
        """
        if self._stop is not None and self._stop.is_set():
            raise KeyboardInterrupt
        for one in self._running:
            if one.ended:
                raise NodeEndedError(self._obituary(one))

    def _obituary(self, one: launcher.Running) -> str:
        name = one.node.executable
        lines = (self.logs / f"{name}.log").read_text(errors="replace").splitlines()
        said = "\n".join(f"  {line}" for line in lines[-LAST_LINES:]) or "  (nothing)"
        return (
            f"node {name} ended with {launcher.how_it_ended(one.popen.returncode)}; "
            f"the last it said:\n{said}\nall logs: {self.logs}"
        )

    def _leave(self) -> None:
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._claim.release()
