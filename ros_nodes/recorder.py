"""What the recorder does, without ROS: episodes begin, take what comes, and end for a reason.

Time is an argument and messages are bytes; `recorder_node` is the adapter.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

from robot_meta.errors import EpisodeError
from ros_nodes.bag_writer import Writer
from ros_nodes.contract import Contract
from ros_nodes.episode_info import EpisodeInfo
from ros_nodes.intake import Intake
from ros_nodes.recording import Arrival, Recording
from ros_nodes.store import Store


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What a recorder needs to know of its surroundings."""

    namespace: str = ""
    sim_time: bool = False
    compression: str = "zstd"
    min_free_bytes: int = 0
    ring_s: float = 0.0


class Recorder:
    """One episode at a time into a store.

    Args:
        contract: its topics, already resolved to absolute names by `resolve`.
        store: where episodes go.
        settings: fixed while it lives.
        resolve: contract's topic name -> absolute name, after namespace and remapping.
        on_end: called in a writing thread when a file was closed, well or not.
    """

    def __init__(
        self,
        contract: Contract,
        store: Store,
        settings: Settings,
        *,
        resolve: Callable[[str], str],
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.intake = Intake(settings.ring_s)
        self.last: Recording | None = None
        """The last one that ended; None after it was discarded."""
        self.lost = 0
        """Messages that the middleware lost, as the adapter counts them."""
        self._contract, self._store, self._settings = contract, store, settings
        self._topics = {t.name: resolve(t.name) for t in contract.recorded}
        self._required = {resolve(t.name) for t in contract.recorded if t.required}
        camera = contract.camera
        self._filmed = {resolve(name) for name in (camera.image_topic, camera.info_topic)}
        self._on_end = on_end
        self._limit_s = 0.0
        self._began_ns = 0
        self._lost_before = 0
        self._world: dict[str, Any] = {}

    @property
    def recording(self) -> Recording | None:
        """The episode that runs."""
        return self.intake.recording

    @property
    def wants_world(self) -> bool:
        """Whether `set_world` was not called for the present episode yet."""
        return not self._world

    def set_world(self, seed: int, scene: str) -> None:
        """What simulated world the messages are from."""
        self._world = {"seed": seed, "scene": scene}

    def take(self, arrival: Arrival) -> None:
        """Take one message; nothing is kept before the clock has begun."""
        if arrival.log_ns > 0:
            self.intake.put(arrival)

    def begin(self, kind: str, task: str, limit_s: float, now_ns: int) -> Recording:
        """Begin an episode.

        Args:
            kind: `robot` or `human`.
            task: label for people.
            limit_s: it ends by itself after so long.
            now_ns: 0 where simulated time has not begun.

        Raises:
            EpisodeError: one runs already, or its folder cannot be made.
        """
        if self.recording is not None:
            raise EpisodeError(f"{self.recording.folder.name} is being recorded; stop it first")
        recording = self._open(kind, task)
        self._world = {}
        self._limit_s, self._began_ns, self._lost_before = limit_s, now_ns, self.lost
        self.intake.begin(recording, now_ns)
        return recording

    def tick(self, now_ns: int) -> float:
        """End the episode when its time is over; for how long it runs, in s."""
        if self.recording is None:
            return 0.0
        self._began_ns = self._began_ns or now_ns
        duration_s = (now_ns - self._began_ns) / 1e9
        if duration_s >= self._limit_s:
            self.finish("timeout", f"{self._limit_s:g} s were over")
        return duration_s

    def finish(self, outcome: str, reason: str) -> None:
        """Take no more messages; the episode runs until `closed` returns it."""
        if self.recording is not None:
            lost = self.recording.dropped + self.lost - self._lost_before
            silent = tuple(
                topic
                for topic in self.silent()
                # A person can be filmed where no robot is.
                if self.recording.writer.info.kind != "human" or topic in self._filmed
            )
            facts = {"silent_topics": silent, "dropped": lost, **self._world}
            self.recording.finish(outcome, reason, **facts)

    def closed(self) -> Recording | None:
        """The episode that was just closed or failed; it does not run any more."""
        recording = self.recording
        if recording is None or not recording.ended.is_set():
            return None
        self.intake.end()
        self.last = recording
        return recording

    def save_last(self, kind: str, task: str) -> Recording:
        """Make an episode of the last seconds, while another one may run.

        Raises:
            EpisodeError: nothing is kept, or the folder cannot be made.
        """
        if not self.intake.last():
            raise EpisodeError("nothing to save; is ring_buffer_s above 0, and does the clock run?")
        recording = self._open(kind, task)
        self.intake.give_last(recording)
        recording.finish("succeeded", "save_last", **self._world)
        self.last = recording
        return recording

    def discard_last(self) -> Path:
        """Move the last episode to the trash.

        Raises:
            EpisodeError: there is none, or it cannot be moved.
        """
        if self.last is None:
            raise EpisodeError("nothing was recorded since this node started")
        try:
            moved = self._store.discard(self.last.folder)
        except OSError as error:
            raise EpisodeError(f"{self.last.folder}: cannot be moved: {error}") from error
        self.last = None
        return moved

    def silent(self) -> list[str]:
        """Topics from which nothing came: in this episode, or since the start where none runs."""
        recording = self.recording
        return self.intake.silent(self._topics.values(), recording.counts if recording else None)

    def summary(self, recording: Recording) -> tuple[str, bool]:
        """One line about an episode that ended, and whether a required topic is missing.

        Raises:
            EpisodeError: it could not be written.
        """
        info = recording.wait(0.0)
        missing = [topic for topic in info.silent_topics if topic in self._required]
        text = f"{info.outcome}: {info.messages} messages, {info.duration_s:.1f} s"
        if missing:
            text += f"; nothing came on {', '.join(missing)}"
        return text, bool(missing)

    def _open(self, kind: str, task: str) -> Recording:
        space = self._settings.namespace
        named = {n: n if n.startswith("/") else f"{space}/{n}" for n in self._topics}
        info = EpisodeInfo(
            robot=self._contract.robot,
            kind=kind,
            task=task,
            namespace=space,
            remapped={n: t for n, t in self._topics.items() if t != named[n]},
            clock="sim" if self._settings.sim_time else "system",
            contract_hash=self._contract.hash,
            created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        )
        writer = Writer(
            self._store.new_folder(task or kind),
            info,
            self._contract,
            compression=self._settings.compression,
        )
        free = self._settings.min_free_bytes
        return Recording(writer, min_free_bytes=free, on_end=self._on_end)
