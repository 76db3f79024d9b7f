"""`robot-meta record`: episodes by a running recorder node."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

from robot_meta.errors import SessionError
from robot_meta.files import write_json
from ros_nodes import dds, process
from ros_nodes.commands.action import topic
from ros_nodes.commands.showing_film import ShowingFilm
from ros_nodes.keyboard import Terminal

SERVER_S = 10.0  # a node is found within 0.3 s once it is up; it takes seconds to start
CLOSE_S = 30.0  # a slow disk may take some seconds over the last of an episode
KEYS = {b"\n": "keep", b"\r": "keep", b"n": "keep", b"r": "redo", b"q": "quit", b"\x1b": "quit"}
HELP = "Enter or n: done, keep it    r: discard it and record again    q: done, and no more"


def record(
    task: str = "",
    kind: Literal["robot", "human"] = "robot",
    episodes: int = 1,
    max_duration_s: float = 0.0,
    play: bool = False,
    namespace: str = "",
    json: Path | None = None,
) -> int:
    """Record episodes by the recorder that `robot-meta launch record` (or `camera`) started.

    In a terminal, Enter ends an episode, r discards it and records it again, q ends it and the
    session. Ctrl-C ends and keeps the episode too.

    Args:
        task: Label of the episodes, for people.
        kind: What they show: a driven robot, or a person.
        episodes: How many to record.
        max_duration_s: Longest episode in seconds; 0 for the recorder's own limit.
        play: Let the camera node play its video file from the beginning, and end with it.
        namespace: Namespace of the recorder and the camera.
        json: Write what was recorded to this file.
    """
    stop = process.install_stop_handlers()
    dds.ensure_profile()
    done: list[dict[str, Any]] = []
    interactive = sys.stdin.isatty()
    with (
        Client(namespace, stop.is_set, play=play) as client,
        Terminal() if interactive else nullcontext() as t,
    ):
        if interactive:
            print(HELP)
        key = ""
        while len(done) < episodes and key != "quit" and not stop.is_set():
            label = task or ("episode" if episodes == 1 else f"episode {len(done) + 1}")
            facts, key = client.episode(task, kind, max_duration_s, label, t)
            if key == "redo":
                print(f"{label}: {client.trigger('discard_last')}")
                continue
            done.append(facts)
            print(f"{facts['uri']}: {facts['messages']} messages, {facts['termination_reason']}")
            if facts["dropped"]:
                print(f"  {facts['dropped']} messages were dropped", file=sys.stderr)
            if not facts["good"]:
                break
    if json is not None:
        write_json(json, done)
    return 0 if done and all(facts["good"] for facts in done) else 1


class Client:
    """Talks to one recorder, and with `play` to a camera node that plays a file.

    Args:
        namespace: of both.
        stopped: whether the episode that runs is to end.
        check: called again and again while waiting; raises when waiting is in vain.
        patience_s: how long to wait for nodes that have yet to start.
        play: let the camera play its file, and end with it.
        quiet: print nothing.
    """

    def __init__(
        self,
        namespace: str,
        stopped: Callable[[], bool] = lambda: False,
        *,
        check: Callable[[], None] = lambda: None,
        patience_s: float = SERVER_S,
        play: bool = False,
        quiet: bool = False,
    ) -> None:
        import rclpy
        from rclpy.action import ActionClient
        from rclpy.context import Context
        from rclpy.executors import SingleThreadedExecutor
        from robot_meta_msgs.action import RecordEpisode
        from std_srvs.srv import Trigger

        self._namespace, self._stopped, self._quiet = namespace, stopped, quiet
        self._check, self._patience_s = check, patience_s
        self._goal, self._request = RecordEpisode.Goal, Trigger.Request
        self._result = RecordEpisode.Result
        self._context = Context()
        rclpy.init(context=self._context, args=[])
        self._node = rclpy.create_node("robot_meta_record", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        name = topic(namespace, "recorder/record_episode")
        self._action = ActionClient(self._node, RecordEpisode, name)
        self._services = {
            name: self._node.create_client(Trigger, topic(namespace, f"recorder/{name}"))
            for name in ("stop", "discard_last")
        }
        self._film = ShowingFilm(self._node, namespace) if play else None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        import rclpy

        self._action.destroy()
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)

    def episode(
        self, task: str, kind: str, limit_s: float, label: str, terminal: Terminal | None
    ) -> tuple[dict[str, Any], str]:
        """Record one episode; what is known of it, and the key that ended it.

        Raises:
            SessionError: no recorder, or it refuses or does not answer.
        """
        self._until(
            self._action.server_is_ready,
            self._patience_s,
            "no recorder; start one with `robot-meta launch record`, or for a person "
            "`robot-meta launch camera`",
        )
        if self._film is not None:
            self._cue(self._film)
        goal = self._goal(task=task, kind=self._kind(kind), max_duration_s=limit_s)
        sent = self._action.send_goal_async(
            goal, feedback_callback=None if self._quiet else _show(label)
        )
        self._until(sent.done, SERVER_S, "the recorder did not answer; is it alive?")
        handle = sent.result()
        if not handle.accepted:
            raise SessionError(
                "the recorder refused: it is not active, or records already; its log says which"
            )
        result, key = handle.get_result_async(), ""
        if self._film is not None:
            self._begin(self._film)
        while not (result.done() or key or self._stopped() or (self._film and self._film.ended)):
            self._check()
            self._executor.spin_once(timeout_sec=0.05)
            key = KEYS.get((terminal.read() or b"")[:1], "") if terminal is not None else ""
        if not self._quiet:
            print(flush=True)
        if not result.done():
            self.trigger("stop")
        self._until(result.done, CLOSE_S, "the recorder does not end the episode")
        return self._facts(result.result().result), key

    def trigger(self, name: str) -> str:
        """Call a service of the recorder; its message.

        Raises:
            SessionError: it does not answer.
        """
        answer = self._call(self._services[name], f"recorder/{name}", self._request())
        return str(answer.message)

    def _cue(self, film: ShowingFilm) -> None:
        """Connect camera and recorder by a picture that nobody needs, then stop the camera."""

        def heard() -> bool:
            film.show_again()
            return film.recorder_hears

        self._until(
            heard,
            self._patience_s,
            "the recorder hears no camera; start both with `robot-meta launch camera source:=FILE`",
        )
        self._call(film.change, "camera/change_state", film.stop)  # refused where it stands already

    def _begin(self, film: ShowingFilm) -> None:
        """Let the file begin."""
        if not self._call(film.change, "camera/change_state", film.begin).success:
            raise SessionError("the camera does not begin its file; its log says why")
        film.begun()

    def _call(self, client: Any, name: str, request: Any) -> Any:
        self._until(client.service_is_ready, SERVER_S, f"no service {name}; is that node running?")
        future = client.call_async(request)
        self._until(future.done, CLOSE_S, f"{name} did not answer")
        return future.result()

    def _kind(self, kind: str) -> int:
        return int(self._goal.HUMAN if kind == "human" else self._goal.ROBOT)

    def _facts(self, result: Any) -> dict[str, Any]:
        good = result.outcome in (self._result.SUCCEEDED, self._result.TIMEOUT)
        return {
            "uri": result.uri,
            "sha256": result.sha256,
            "messages": int(result.messages),
            "dropped": int(result.dropped),
            "termination_reason": result.termination_reason,
            "good": bool(good),
        }

    def _until(self, condition: Callable[[], Any], limit_s: float, what: str) -> None:
        end = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > end:
                raise SessionError(what)
            self._check()
            self._executor.spin_once(timeout_sec=0.05)


def _show(label: str) -> Callable[[Any], None]:
    def show(message: Any) -> None:
        told = message.feedback
        line = f"{label}: {told.duration_s:5.1f} s  {told.messages} messages"
        print(f"\r{line}", end="" if sys.stdout.isatty() else "\n", flush=True)

    return show
