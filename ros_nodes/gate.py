"""Who may move the robot now: authority, stamps, refusals, watchdog, emergency stop. No ROS here.

One contract for arm and legs: a proposal's payload is opaque (`arm_gate`, `leg_gate` look inside).
Time is an argument; nothing here asks a clock. A gate starts IDLE, a person's input takes over at
once, and after any stop it holds: nothing moves again before somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ros_nodes.gate_inputs import Input, age_ns
from ros_nodes.gate_rules import (
    ARM_SOURCES,
    JOINTS,
    MOVE,
    MOVING,
    MS,
    OUTPUT,
    Mode,
    Now,
    Proposal,
    Refusal,
    Rules,
)

__all__ = ["Gate", "Mode", "Now", "Proposal", "Refusal", "Rules"]


@dataclass
class Gate:
    """Decides whose proposal, if any, moves the robot."""

    rules: Rules = field(default_factory=Rules)
    sources: Mapping[str, Mode] = field(default_factory=lambda: ARM_SOURCES)

    def __post_init__(self) -> None:
        """Start IDLE."""
        self.mode = Mode.IDLE
        self.source = ""
        """Who moves the robot now; "" for nobody."""
        self.estopped = False
        self.accepted = 0
        self.refused = 0
        self.refusal = ""
        """Why the last command was refused, or why what moved was stopped."""
        self.stopped_because = "just started"
        """Why nothing moves: the last reason to hold."""
        self.goal_active = False
        """Whether a `run_policy` goal is active, as far as is known."""
        self._inputs = {name: Input(name, self.rules) for name in self.sources}
        self._blocked: dict[str, str] = {}
        self._joints_stamp_ns = 0
        self._joints_heard_ns: int | None = None
        self._entered_ns = 0
        self._estop_ns = 0
        self._ros_ns = 0

    # --- what comes in ------------------------------------------------------------------------

    def offer(
        self, source: str, stamp_ns: int, payload: Any, now: Now, *, moves: bool = True
    ) -> bool:
        """Take a motion proposed by `source`, its form already checked; `moves`: it is not rest.

        Returns:
            Whether it is accepted; if not, `refusal` says why. A person who rests while somebody
            else moves the robot is neither accepted nor refused.
        """
        if not self._admit(source, stamp_ns, now, moves, "motion"):
            return False
        self._inputs[source].proposal = Proposal(source, stamp_ns, payload)
        self._inputs[source].heard_ns = self._watch_ns(now)
        return True

    def offer_gripper(self, source: str, stamp_ns: int, now: Now, *, moves: bool = True) -> bool:
        """As `offer`, for the gripper beside the motion: the same authority, but no watchdog."""
        return self._admit(source, stamp_ns, now, moves, "gripper")

    def _admit(self, source: str, stamp_ns: int, now: Now, moves: bool, channel: str) -> bool:
        self._notice_time(now)
        try:
            if source not in self.sources:
                raise Refusal(f"unknown source {source!r}; there are {', '.join(self.sources)}")
            self._inputs[source].check(channel, stamp_ns, now, self._watch_ns(now))
            self._check_blocked(source)
            if not self._has_authority(source, moves, now):
                return False
        except Refusal as refusal:
            self.refuse(str(refusal))
            return False
        known = self._inputs[source]
        known.last_ns[channel] = stamp_ns
        if self.source != source:
            self.source, known.heard_ns = source, self._watch_ns(now)
        self.accepted += 1
        return True

    def refuse(self, reason: str) -> None:
        """Count a command that is not let through."""
        self.refused += 1
        self.refusal = reason

    def joints(self, stamp_ns: int, now: Now) -> bool:
        """Complete joint states of this stamp have come.

        Returns:
            Whether the stream begins anew (the first ones, or after a gap): what was assumed of
            the robot is void.

        Raises:
            Refusal: their stamp is zero, old or in the future.
        """
        self._notice_time(now)
        age_ns("joint_states", stamp_ns, self.rules.joints_age_ns, now, self.rules)
        anew = not self.joints_fresh(now)
        if anew and self.moving:
            self.hold("joint_states had a gap")
        self._joints_stamp_ns, self._joints_heard_ns = stamp_ns, self._watch_ns(now)
        return anew

    def joints_fresh(self, now: Now) -> bool:
        """Whether joint states are young enough to act on, on both clocks."""
        if self._joints_heard_ns is None or JOINTS in self._blocked:
            return False
        young = now.ros_ns - self._joints_stamp_ns <= self.rules.joints_age_ns
        return young and self._watch_ns(now) - self._joints_heard_ns <= self.rules.watchdog_ns

    def deadman(self, source: str, pressed: bool, now: Now) -> None:
        """A person's dead man's switch; once heard of, that person moves nothing without it."""
        self._inputs[source].press(pressed, self._watch_ns(now))
        if not pressed and self.source == source:
            self.hold(f"the dead man's switch of {source} was let go")

    def policy_goal(self, active: bool) -> None:
        """Whether a `run_policy` goal is active; without one there is no mode POLICY."""
        ended = self.goal_active and not active
        self.goal_active = active
        if ended and self.mode is Mode.POLICY:
            self.hold("the run_policy goal ended")

    def block(self, what: str, reason: str) -> None:
        """Refuse a source, the joint states or all motion (`OUTPUT`) until `unblock`."""
        if what in self._blocked:
            return
        self._blocked[what] = reason
        if self.moving and what in (OUTPUT, JOINTS, *self._movers()):
            self.hold(reason)

    def unblock(self, what: str) -> None:
        """Take back `block`; what it stopped stays stopped."""
        self._blocked.pop(what, None)

    @property
    def blocked(self) -> Mapping[str, str]:
        """What is refused altogether, and why."""
        return dict(self._blocked)

    def last_stamp_ns(self, source: str) -> int:
        """Stamp of the last motion of `source` that was accepted, 0 for none."""
        return self._inputs[source].last_ns.get("motion", 0)

    @property
    def expected(self) -> str:
        """Who moves the robot or is about to: the policy in its mode, a person who presses."""
        if self.source:
            return self.source
        for name, wants in self.sources.items():
            pressing = wants is Mode.TELEOP and self._inputs[name].pressed
            if wants is self.mode and (pressing or wants is Mode.POLICY):
                return name
        return ""

    @property
    def moving(self) -> bool:
        """Whether somebody may move the robot now."""
        return self.mode in MOVING or self.source == MOVE

    # --- requests -----------------------------------------------------------------------------

    def set_mode(self, mode: Mode, now: Now) -> None:
        """Change the mode.

        Raises:
            Refusal: it cannot be entered now; the mode is unchanged.
        """
        self._notice_time(now)
        if mode is not Mode.IDLE:
            self._check_ready(f"mode {mode.name}", now, moves=mode in MOVING)
        if mode is Mode.POLICY and not self.goal_active:
            raise Refusal("mode POLICY: no run_policy goal is active; start one, which asks for it")
        if mode in (Mode.POLICY, Mode.REPLAY):
            if self.source and self.mode is not mode:
                raise Refusal(f"mode {mode.name}: {self.source} has the robot; set_mode HOLD first")
            for source, wants in self.sources.items():
                if wants is mode and source in self._blocked:
                    raise Refusal(f"mode {mode.name}: {self._blocked[source]}")
        if mode is not self.mode or self.source == MOVE:
            self._enter(mode, now)
            self.stopped_because = "" if mode in MOVING else f"mode {mode.name} was asked for"

    def begin_move(self, now: Now) -> None:
        """Let the gate's own motion begin, in mode HOLD, until `end_move` or anything that stops.

        Raises:
            Refusal: somebody else moves the robot, or it may not move now.
        """
        self._notice_time(now)
        if self.moving and (self.source or self.mode is not Mode.TELEOP):
            who = self.source or self.mode.name
            raise Refusal(f"move_to: {who} has the robot; set_mode HOLD first")
        self._check_ready("move_to", now, moves=True)
        self._enter(Mode.HOLD, now)
        self.source, self.stopped_because = MOVE, ""

    def end_move(self, reason: str) -> None:
        """The gate's own motion is over."""
        if self.source == MOVE:
            self._enter(Mode.HOLD, None)
            self.stopped_because = reason

    def hold(self, reason: str) -> None:
        """Stop whatever moves and stay; IDLE stays IDLE."""
        if self.moving:
            self.refusal = reason
        if self.mode is not Mode.IDLE:
            self._enter(Mode.HOLD, None)
            self.stopped_because = reason

    def estop(self, reason: str, now: Now) -> None:
        """Stop, and refuse everything until `reset_estop`."""
        self._enter(Mode.IDLE, now)
        self.stopped_because = self.refusal = reason
        self.estopped = True
        self._estop_ns = now.steady_ns

    def reset_estop(self, now: Now) -> None:
        """Release the emergency stop; the gate is IDLE then.

        Raises:
            Refusal: too soon after it.
        """
        left_ns = self._estop_ns + self.rules.cooldown_ns - now.steady_ns
        if self.estopped and left_ns > 0:
            raise Refusal(f"reset_estop: too soon, wait {left_ns / MS:.0f} ms more")
        self.estopped = False

    # --- what goes out ------------------------------------------------------------------------

    def decide(self, now: Now) -> Proposal | None:
        """The proposal in force at this tick; None: brake, then rest."""
        self._notice_time(now)
        if not self.moving:
            return None
        if not self.joints_fresh(now):
            self.hold("joint_states are missing or old")
            return None
        if self.source == MOVE:
            return None
        watch_ns = self._watch_ns(now)
        if not self.source:
            if self.mode is not Mode.TELEOP and watch_ns - self._entered_ns > self.rules.first_ns:
                self.hold(f"no command came within {self.rules.first_ns / 1e9:.0f} s")
            return None
        known = self._inputs[self.source]
        silent_ns = watch_ns - known.heard_ns
        if silent_ns + self.rules.tick_ns > self.rules.watchdog_ns:
            self.hold(f"{self.source} was silent for {silent_ns / MS:.0f} ms")
            return None
        if wrong := known.switch_fault(watch_ns):
            self.hold(f"{self.source}: {wrong}")
            return None
        return known.proposal

    def overdue(self, decided: Now, now: Now) -> bool:
        """Whether what was decided is too old to be sent, and hold if so.

        A process can be stopped between deciding and sending, and go on much later.
        """
        late_ns = self._watch_ns(now) - self._watch_ns(decided)
        if late_ns <= self.rules.watchdog_ns:
            return False
        self.hold(f"the gate itself was {late_ns / MS:.0f} ms late")
        return True

    # --- rules --------------------------------------------------------------------------------

    def _check_ready(self, what: str, now: Now, *, moves: bool) -> None:
        if self.estopped:
            raise Refusal(f"{what}: the emergency stop is on; call reset_estop first")
        if OUTPUT in self._blocked:
            raise Refusal(f"{what}: {self._blocked[OUTPUT]}")
        if moves and not self.joints_fresh(now):
            why = self._blocked.get(JOINTS, "need complete joint_states of the last 0.1 s")
            raise Refusal(f"{what}: {why}")

    def _check_blocked(self, source: str) -> None:
        if self.estopped:
            raise Refusal(f"{source}: the emergency stop is on; call reset_estop")
        for what in (OUTPUT, source):
            if what in self._blocked:
                raise Refusal(f"{source}: {self._blocked[what]}")

    def _has_authority(self, source: str, moves: bool, now: Now) -> bool:
        wants = self.sources[source]
        if self.mode is Mode.IDLE:
            raise Refusal(f"{source}: the gate is IDLE; call set_mode first")
        if wants is not Mode.TELEOP:
            if self.mode is not wants:
                raise Refusal(f"{source}: the mode is {self.mode.name}, not {wants.name}")
            return True
        if not self.joints_fresh(now):
            raise Refusal(f"{source}: need complete joint_states of the last 0.1 s")
        if self.mode is Mode.TELEOP:
            if self.source not in ("", source):
                raise Refusal(f"{source}: {self.source} has the robot")
            return bool(self.source) or moves
        if moves:
            self._enter(Mode.TELEOP, now)
        return moves

    def _movers(self) -> tuple[str, ...]:
        """The sources whose loss ends the present mode: of TELEOP, the person who has the robot."""
        if self.mode is Mode.TELEOP:
            return (self.source,)
        return tuple(source for source, wants in self.sources.items() if wants is self.mode)

    def _enter(self, mode: Mode, now: Now | None) -> None:
        """Change the mode; nothing proposed before counts."""
        self.mode, self.source = mode, ""
        self._entered_ns = 0 if now is None else self._watch_ns(now)
        for known in self._inputs.values():
            known.proposal = None

    def _watch_ns(self, now: Now) -> int:
        return now.ros_ns if self.rules.lockstep else now.steady_ns

    def _notice_time(self, now: Now) -> None:
        """A clock that went back belongs to a simulator that started anew: nothing known holds."""
        if now.ros_ns < self._ros_ns - self.rules.max_age_ns:
            self.hold("time went back")
            self._joints_heard_ns = None
            for known in self._inputs.values():
                known.last_ns.clear()
        self._ros_ns = now.ros_ns
