"""The arm's command gate without ROS: proposals in, one limited joint trajectory a tick out.

`Gate` says whose proposal counts, `sim.servo.Servo` turns it into joint motion within limits; here
they meet the measured joints. What is sent always ends at rest; at rest nothing is sent, so that a
world that is reset or an arm that is moved by hand is not pulled back to where it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ContractError
from ros_nodes.contract import Contract
from ros_nodes.gate import Gate, Mode, Now, Refusal, Rules
from ros_nodes.gate_rules import MOVE
from ros_nodes.joint_move import POSES, JointMove
from sim.follower import Point
from sim.sawyer import A_MAX, JOINT_NAMES
from sim.servo import TWIST_FRAMES, Servo, ServoLimits

Array = NDArray[np.float64]

TICK_NS = 20_000_000
IMAGE_NS = 100_000_000
"""Period of the images that a policy answers; in lock-step each waits for its answer."""
TELEPORT_RAD = 0.3
"""No arm gets that far from its command between two ticks: the world was changed."""
_REST = 1e-6
"""A twist with no larger component asks for rest."""
_SAME_OPENING_M = 1e-4


@dataclass(frozen=True)
class ArmCommand:
    """What one tick sends, and on whose behalf."""

    stamp_ns: int
    source: str
    proposal_ns: int
    """Stamp of the proposal followed, 0 for none."""
    twist: Array
    """(6,) after clamping, m/s and rad/s in `base`."""
    points: list[Point]
    """Of the trajectory; empty: none is sent."""
    gripper_m: float
    """Opening sent, m; NaN: none is sent."""
    flags: int
    """Bitmask of `sim.servo.Limit`."""


@dataclass(frozen=True)
class _Motion:
    frame: str
    twist: Array


def limits_of(contract: Contract, speed_scale: float = 1.0) -> ServoLimits:
    """The servo's limits as a contract states them."""
    limits = contract.limits
    return ServoLimits(
        linear_m_s=limits.linear_m_s,
        angular_rad_s=limits.angular_rad_s,
        joint_speed_scale=limits.joint_velocity_share,
        box_low_m=np.array(limits.workspace_low_m),
        box_high_m=np.array(limits.workspace_high_m),
        tick_s=TICK_NS * 1e-9,
        speed_scale=speed_scale,
    )


class ArmGate:
    """The gate of one arm.

    Args:
        contract: the robot's; its joints must be those of the servo's model.
        speed_scale: share of every speed that is let through.
        lockstep: simulated time waits for this gate.

    Raises:
        ContractError: a contract of another arm.
    """

    def __init__(
        self, contract: Contract, *, speed_scale: float = 1.0, lockstep: bool = False
    ) -> None:
        if contract.arm.joints != JOINT_NAMES:
            raise ContractError(
                f"the servo's arm has joints {list(JOINT_NAMES)}, "
                f"the contract of {contract.robot} has {list(contract.arm.joints)}"
            )
        self.contract = contract
        self.gate = Gate(Rules(lockstep=lockstep))
        self.servo = Servo(limits_of(contract, speed_scale))
        self.move: JointMove | None = None
        self.measured_q: Array | None = None
        self.synced = False
        """Whether the servo's angles are those of the arm."""
        self.gripper_m = math.nan
        """Opening held, m; NaN before any command."""
        self._dt = TICK_NS * 1e-9
        self._sync_from_ns = 0
        self._ticked_ns = 0
        self._unwind_until_ns = 0
        self._episode: int | None = None
        self._gripper_said: dict[str, float] = {}
        self._gripper_ns: dict[str, int] = {}
        self._missed_ns: dict[str, int] = {}
        """Stamp of the last twist that was not accepted: nobody will send it again."""

    # --- what comes in ------------------------------------------------------------------------

    def on_joints(self, stamp_ns: int, q: Array, now: Now) -> None:
        """Measured joint angles (7,), rad, in model order.

        Raises:
            Refusal: their stamp is zero, old or in the future.
        """
        if self.gate.joints(stamp_ns, now):
            self.resync(stamp_ns)
        self.measured_q = q
        if not self.synced and stamp_ns >= self._sync_from_ns:
            self._unwind_until_ns = 0
            self.servo.reset(q)
            self.synced = True

    def on_twist(self, source: str, frame: str, stamp_ns: int, twist: Array, now: Now) -> bool:
        """A twist (6,) proposed by `source`; returns whether it counts."""
        frames = self.contract.topic(f"{source}/twist").frame_ids or TWIST_FRAMES
        if frame not in frames or frame not in TWIST_FRAMES:
            self.gate.refuse(f"{source}: twist in frame {frame!r}, need one of {', '.join(frames)}")
            return False
        if twist.shape != (6,) or not np.isfinite(twist).all():
            self.gate.refuse(f"{source}: twist {twist.tolist()}, need 6 finite numbers")
            return False
        moves = bool(np.abs(twist).max() > _REST)
        if self.gate.offer(source, stamp_ns, _Motion(frame, twist), now, moves=moves):
            return True
        self._missed_ns[source] = stamp_ns
        return False

    def on_gripper(self, source: str, stamp_ns: int, opening_m: float, now: Now) -> bool:
        """An opening proposed by `source`, m, clamped to the gripper's; whether it counts."""
        if not math.isfinite(opening_m):
            self.gate.refuse(
                f"{source}: gripper opening {opening_m}, need a finite number of metres"
            )
            return False
        opening_m = min(max(opening_m, 0.0), self.contract.arm.gripper_max_m)
        # A person who repeats an old opening asks for nothing.
        before = self._gripper_said.get(source, self.gripper_m)
        moves = not abs(opening_m - before) <= _SAME_OPENING_M
        if not self.gate.offer_gripper(source, stamp_ns, now, moves=moves):
            return False
        self._gripper_said[source], self._gripper_ns[source] = opening_m, stamp_ns
        self.gripper_m = opening_m
        return True

    def on_world(self, episode: int, stamp_ns: int) -> None:
        """The simulator's count of resets: a new one voids what was commanded and measured."""
        if self._episode is not None and episode != self._episode:
            self.gate.hold("the world was reset")
            self.resync(stamp_ns)
            self.gripper_m = math.nan
            self._gripper_said.clear()
        self._episode = episode

    def resync(self, from_ns: int) -> None:
        """Take the arm to be where the next joint states from `from_ns` on say, at rest."""
        self.synced = False
        self._sync_from_ns = from_ns

    # --- requests -----------------------------------------------------------------------------

    def set_mode(self, mode: Mode, now: Now) -> None:
        """Change the mode.

        Raises:
            Refusal: it cannot be entered now.
        """
        self.gate.set_mode(mode, now)

    def reset_estop(self, now: Now) -> None:
        """Release the emergency stop and take the arm to be where it is.

        Raises:
            Refusal: too soon.
        """
        self.gate.reset_estop(now)
        self.resync(now.ros_ns)

    def move_to(self, pose: str, q: Array, speed_scale: float, now: Now) -> JointMove:
        """Begin a motion to a named pose or, where `pose` is "", to joint angles `q` (7,), rad.

        Raises:
            Refusal: an unknown pose, angles out of range, or the arm may not move now.
        """
        if pose and pose not in POSES:
            raise Refusal(f"move_to: no pose {pose!r}; there are {', '.join(POSES)}")
        if not 0.0 < speed_scale <= 1.0:
            raise Refusal(f"move_to: speed_scale {speed_scale}, need it in (0, 1]")
        try:
            move = JointMove(POSES.get(pose, q), speed_scale * self.servo.limits.joint_speed)
        except ValueError as error:
            raise Refusal(f"move_to: {error}") from None
        if not self.synced:
            raise Refusal("move_to: need complete joint_states first")
        self.gate.begin_move(now)
        self.move = move
        return move

    # --- what goes out ------------------------------------------------------------------------

    def awaits(self, stamp_ns: int) -> bool:
        """In lock-step: whether the tick `stamp_ns` must first hear the answer to its image."""
        gate = self.gate
        if not gate.rules.lockstep or stamp_ns % IMAGE_NS or gate.mode in (Mode.IDLE, Mode.HOLD):
            return False
        source = gate.expected
        if source and self._missed_ns.get(source, 0) >= stamp_ns:
            return False
        last_ns = gate.last_stamp_ns(source) if source else 0
        if gate.mode is not Mode.POLICY and (not source or last_ns % IMAGE_NS):
            return False  # a person who does not answer images is not waited for
        gripper_ns = self._gripper_ns.get(source, 0)
        paired = gate.mode is Mode.POLICY or gripper_ns >= stamp_ns - IMAGE_NS
        return last_ns != stamp_ns or (paired and gripper_ns != stamp_ns)

    def tick(self, now: Now) -> ArmCommand:
        """One step of 20 ms."""
        proposal = self.gate.decide(now)
        asleep_ns = now.steady_ns - self._ticked_ns
        self._ticked_ns = now.steady_ns
        if asleep_ns > self.servo.limits.stop_s * 1e9 and not self.gate.rules.lockstep:
            self.resync(now.ros_ns)  # what was sent last has come to its end meanwhile
        if self.move is not None and self.gate.source != MOVE:
            self.move.finish(False, self.gate.stopped_because or "somebody else took the robot")
            self.move = None
        source = self.gate.source
        measured = self.measured_q
        if measured is None or not self.synced or now.ros_ns < self._unwind_until_ns:
            return self._nothing(now)
        if self.servo.diverged(measured):
            return self._unwind(measured, now)
        servo, dt = self.servo, self._dt
        if proposal is not None:
            motion: _Motion = proposal.payload
            step = servo.step(servo.to_base(motion.twist, motion.frame), dt)
        elif self.move is not None:
            step = servo.step_joints(self.move.velocity(servo.q, servo.qd, measured, dt), dt)
            if self.move.done:
                self.gate.end_move(self.move.message)
                self.move = None
        else:
            # What was sent last goes on to its end at rest, as the servo does here; to say so again
            # would only reach a world that has been reset meanwhile.
            servo.brake(dt)
            return self._nothing(now)
        return ArmCommand(
            stamp_ns=now.ros_ns,
            source=source,
            proposal_ns=proposal.stamp_ns if proposal is not None else 0,
            twist=step.twist,
            points=servo.braking_points(dt),
            gripper_m=self.gripper_m if self.gate.moving else math.nan,
            flags=step.flags,
        )

    def _nothing(self, now: Now) -> ArmCommand:
        gripper_m = self.gripper_m if self.gate.moving and self.gate.source else math.nan
        return ArmCommand(now.ros_ns, self.gate.source, 0, np.zeros(6), [], gripper_m, 0)

    def _unwind(self, measured: Array, now: Now) -> ArmCommand:
        """The arm is not where it was sent: hold, and let the command go back to where it is."""
        away = measured - self.servo.q
        joint = int(np.abs(away).argmax())
        self.gate.hold(f"{JOINT_NAMES[joint]} is {away[joint]:+.2f} rad from where it was sent")
        if self.move is not None:
            self.move.finish(False, self.gate.stopped_because)
            self.move = None
        if abs(away[joint]) > TELEPORT_RAD:
            self.servo.reset(measured)
            return self._nothing(now)
        speed = np.abs(self.servo.qd)
        # Slow enough that the cubic from the present motion stays within the acceleration limits.
        root = np.sqrt(16.0 * speed**2 + 24.0 * A_MAX * np.abs(away))
        time_s = max(0.1, float(((4.0 * speed + root) / (2.0 * A_MAX)).max()))
        self.servo.reset(measured)
        self._unwind_until_ns = now.ros_ns + math.ceil(time_s * 1e9)
        points = [(time_s, self.servo.q, np.zeros(7))]
        return ArmCommand(now.ros_ns, "", 0, np.zeros(6), points, math.nan, 0)
