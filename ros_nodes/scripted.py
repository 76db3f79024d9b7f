"""The scripted expert as a person: sees the whole scene, acts at 10 Hz, stops when it is done.

It reads what `sim/state` tells a person beside the robot. A policy never does.
"""

from __future__ import annotations

import json

import numpy as np

from robot_meta.errors import ObservationError
from ros_nodes.hand import HandCommand
from sim import experts


class ScriptedHand:
    """One run of the expert at a time; `begin` starts one, `end` or the episode's end stops it."""

    def __init__(self) -> None:
        self.running = False
        self.why = "not started"
        """Why it does not run."""
        self._command = HandCommand()
        self._stamp_ns = 0
        self._episode: int | None = None

    def begin(self) -> None:
        """Act from the next state on."""
        self.running, self.why = True, ""
        self._command, self._stamp_ns, self._episode = HandCommand(), 0, None

    def end(self, why: str) -> None:
        """Let go."""
        if self.running:
            self.running, self.why = False, why
        self._command = HandCommand()

    def see(self, stamp_ns: int, episode: int, info_json: str) -> bool:
        """Take a state of the world. Returns whether there is a new command.

        Raises:
            ObservationError: a state that no expert can act on; the run has ended then.
        """
        if not self.running:
            return False
        if self._episode is not None and episode != self._episode:
            self.end("a new episode has begun")
            return False
        self._episode = episode
        try:
            info = json.loads(info_json)
            done = bool(info["done"])
            action = np.asarray(experts.act(info["expert"]), float)
            if action.shape != (4,) or not np.isfinite(action).all():
                raise ValueError(f"the expert's action is {action}")
        except (ValueError, KeyError, TypeError) as error:
            self.end("sim/state cannot be acted on")
            raise ObservationError(
                f"sim/state: info_json has no state for an expert ({error!r}); "
                "is this simulator of the same version?"
            ) from error
        if done:
            self.end("the episode is done")
            return False
        vx, vy, vz, opening = (float(x) for x in action)
        self._command = HandCommand(
            twist=(vx, vy, vz, 0.0, 0.0, 0.0), opening_m=opening, active=True
        )
        self._stamp_ns = stamp_ns
        return True

    @property
    def waiting(self) -> bool:
        """Begun, but nothing of the world has been seen yet."""
        return self.running and self._stamp_ns == 0

    def command(self, now_ns: int, fresh_ns: int) -> tuple[int, HandCommand] | None:
        """The last command and its stamp while that is younger than `fresh_ns`, else None.

        By robot time: where that stands, as in lock-step, nothing grows old.
        """
        if not self._command.active or now_ns - self._stamp_ns > fresh_ns:
            return None
        return self._stamp_ns, self._command
