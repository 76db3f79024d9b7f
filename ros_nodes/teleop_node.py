"""A person's hand on the robot: keyboard, gamepad, or a scripted expert that stands for one.

Publishes `teleop/twist`, `teleop/gripper` and `teleop/deadman` while the hand is there, and only
the dead man's switch, let go, while it is not. The gate decides whether any of it moves the robot.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from geometry_msgs.msg import TwistStamped
from rclpy.callback_groups import ReentrantCallbackGroup
from robot_meta_msgs.msg import GateStatus, Gripper, SimState
from robot_meta_msgs.srv import SetMode
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from robot_meta.errors import ObservationError
from ros_nodes import qos
from ros_nodes.awaiting import call
from ros_nodes.contract import Contract
from ros_nodes.gamepad import Gamepad, PadLayout
from ros_nodes.hand import HandCommand, Pressed
from ros_nodes.keyboard import HELP, KeyPad, Terminal
from ros_nodes.messages import fill_twist, set_stamp, stamp_ns
from ros_nodes.node import ERROR, OK, WARN, RobotNode, run
from ros_nodes.params import param
from ros_nodes.scripted import ScriptedHand

FRESH_NS = 180_000_000
"""A scripted command is repeated for so long: the gate refuses older ones from 0.2 s on."""
GATE_ANSWER_S = 2.0
SETTLED_NS = 300_000_000
"""What the gate said of its mode so soon after it was changed may be from before."""


@dataclass(frozen=True, kw_only=True)
class TeleopParams:
    """Parameters of teleoperation."""

    robot: str = param("sawyer", "Which robot's contract.", read_only=True)
    device: str = param(
        "keyboard", "What the hand is on.", choices=("keyboard", "joy", "scripted"), read_only=True
    )
    rate_hz: float = param(20.0, "Commands a second.", low=10.0, high=100.0, read_only=True)
    linear_m_s: float = param(0.2, "Speed of a full stick or key.", low=0.01, high=0.4)
    angular_rad_s: float = param(0.6, "Turn of a full stick or key.", low=0.01, high=0.8)
    tty: str = param(
        "", "Terminal that the keyboard is read from; empty: this one.", read_only=True
    )
    axis_x: int = param(PadLayout.axis_x, "Pad axis forward.", low=0, read_only=True)
    axis_y: int = param(PadLayout.axis_y, "Pad axis to the left.", low=0, read_only=True)
    axis_z: int = param(PadLayout.axis_z, "Pad axis up.", low=0, read_only=True)
    axis_yaw: int = param(PadLayout.axis_yaw, "Pad axis of the hand's turn.", low=0, read_only=True)
    button_deadman: int = param(PadLayout.button_deadman, "Held to move.", low=0, read_only=True)
    button_open: int = param(PadLayout.button_open, "Opens the gripper.", low=0, read_only=True)
    button_close: int = param(PadLayout.button_close, "Closes it.", low=0, read_only=True)
    button_estop: int = param(PadLayout.button_estop, "Emergency stop.", low=0, read_only=True)
    button_take: int = param(PadLayout.button_take, "Takes the robot.", low=0, read_only=True)
    dead_zone: float = param(
        PadLayout.dead_zone, "Stick travel without effect.", low=0.0, high=0.9, read_only=True
    )

    def layout(self) -> PadLayout:
        """The pad's layout.

        Raises:
            ConfigError: one that no pad can have.
        """
        return PadLayout(**{f.name: getattr(self, f.name) for f in fields(PadLayout)})


class TeleopNode(RobotNode):
    """Node `teleop`."""

    def __init__(self) -> None:
        super().__init__("teleop", TeleopParams())
        self._beat: Any = None
        self._terminal: Terminal | None = None
        self._hand: KeyPad | Gamepad | ScriptedHand | None = None
        self._began_ns = 0
        self._was_active = False
        self._undo: list[Callable[[], object]] = []

    # --- lifecycle ----------------------------------------------------------------------------

    def setup(self) -> None:
        """The device, and what it speaks through."""
        contract = Contract.load(self.p.robot)
        self._base = contract.frames.base
        full = self.p.linear_m_s, self.p.angular_rad_s, contract.arm.gripper_max_m
        if self.p.device == "keyboard":
            self._terminal = Terminal(self.p.tty)
            self._hand = KeyPad(*full)
            self.get_logger().info("keys:\n" + HELP)
        elif self.p.device == "joy":
            self._hand = Gamepad(self.p.layout(), *full)
            self._listen(Joy, "joy", self._on_joy, qos.SENSOR_SUB)
        else:
            self._hand = ScriptedHand()
            self._listen(SimState, "sim/state", self._on_state, qos.STATUS)
        self._twist_pub = self._out(TwistStamped, "teleop/twist")
        self._gripper_pub = self._out(Gripper, "teleop/gripper")
        self._deadman_pub = self._out(Bool, "teleop/deadman")
        self._listen(GateStatus, "command_gate/status", self._on_gate, qos.STATUS)
        self._set_mode = self._client(SetMode, "command_gate/set_mode")
        self._estop = self._client(Trigger, "command_gate/estop")
        # Its answer waits for the gate's: not in the group of the other callbacks.
        aside = ReentrantCallbackGroup()
        start = self.create_service(Trigger, "~/start", self._start, callback_group=aside)
        stop = self.create_service(Trigger, "~/stop", self._stop)
        self._undo += [lambda: self.destroy_service(start), lambda: self.destroy_service(stop)]
        self.publish_contract(contract.hash)

    def start(self) -> None:
        """Begin to publish."""
        self._beat = self.steady_timer(1.0 / self.p.rate_hz, self._tick)

    def stop(self) -> None:
        """Let go of the robot."""
        if self._beat is not None:
            self.destroy_timer(self._beat)
            self._beat = None
            self._let_go("the node was deactivated")

    def teardown(self) -> None:
        """Give back the terminal, and what else `setup` made."""
        self._leave_terminal()
        while self._undo:
            self._undo.pop()()

    def _leave_terminal(self) -> None:
        if self._terminal is not None:
            self._terminal.close()
            self._terminal = None

    # --- the hand -----------------------------------------------------------------------------

    def _tick(self) -> None:
        """Steady timer: what the hand asks for now."""
        steady_ns = time.monotonic_ns()
        hand, now_s = self._hand, steady_ns * 1e-9
        if isinstance(hand, ScriptedHand):
            fresh = hand.command(self.now_ns(), FRESH_NS)
            self._publish(*(fresh or (0, HandCommand(active=hand.waiting))))
            return
        if isinstance(hand, KeyPad) and self._terminal is not None:
            data = self._terminal.read()
            if data is None:
                hand.stop()
                self._leave_terminal()
                self.diagnose("device", ERROR, "the terminal is gone: the robot was let go")
            elif data:
                self._pressed(hand.feed(data, now_s))
        if hand is not None:
            self._publish(self.now_ns(), hand.command(now_s))

    def _on_joy(self, msg: Joy) -> None:
        assert isinstance(self._hand, Gamepad)
        try:
            pressed = self._hand.push(msg, time.monotonic_ns() * 1e-9)
        except ObservationError as error:
            self.diagnose("device", ERROR, str(error))
            return
        self.diagnose("device", OK, "the pad is heard")
        self._pressed(pressed)

    def _on_state(self, msg: SimState) -> None:
        hand = self._hand
        assert isinstance(hand, ScriptedHand)
        if self._beat is None or not hand.running:
            return
        try:
            if hand.see(stamp_ns(msg.header.stamp), msg.episode, msg.info_json):
                self.diagnose("device", OK, "the script acts")
                self._tick()
                return
        except ObservationError as error:
            self.diagnose("device", ERROR, str(error))
        self._let_go(hand.why)

    def _on_gate(self, msg: GateStatus) -> None:
        """A script does not fight: when the gate has gone to another mode, it lets go."""
        hand = self._hand
        if not isinstance(hand, ScriptedHand) or not hand.running or not self._began_ns:
            return
        settled = time.monotonic_ns() - self._began_ns > SETTLED_NS
        if settled and msg.mode != GateStatus.TELEOP:
            self._let_go(f"the gate went to {msg.mode_name}")

    def _pressed(self, pressed: Pressed) -> None:
        if pressed.estop:
            if self._estop.service_is_ready():
                self._estop.call_async(Trigger.Request())
                self.diagnose("device", WARN, "emergency stop pressed")
            else:
                self.diagnose("device", ERROR, "emergency stop pressed, but there is no gate")
        elif pressed.take:
            if self._set_mode.service_is_ready():
                answer = self._set_mode.call_async(SetMode.Request(mode=SetMode.Request.TELEOP))
                answer.add_done_callback(self._taken)
            else:
                self.diagnose("gate", ERROR, "there is no command_gate to ask for the robot")

    def _taken(self, answer: Any) -> None:
        result = answer.result()
        level = OK if result.success else ERROR
        self.diagnose("gate", level, result.message or "the robot is yours")

    def _let_go(self, why: str) -> None:
        if isinstance(self._hand, ScriptedHand):
            self._hand.end(why)
        elif isinstance(self._hand, KeyPad):
            self._hand.stop()
        self._began_ns, self._was_active = 0, False
        self._deadman_pub.publish(Bool(data=False))
        self.diagnose("device", OK, why)

    def _publish(self, at_ns: int, command: HandCommand) -> None:
        """The dead man's switch always, and first; motion and gripper only while it is pressed."""
        was_active, self._was_active = self._was_active, command.active
        self._deadman_pub.publish(Bool(data=command.active))
        # Topics are not ordered: what comes with the first press could overtake it.
        if not (was_active and command.active):
            return
        if at_ns <= 0:  # a script that has seen nothing yet, or no clock
            if isinstance(self._hand, ScriptedHand):
                return
            self.diagnose("time", WARN, "no /clock yet, so no command can be stamped")
            return
        self.diagnose("time", OK, "running")
        twist = TwistStamped()
        set_stamp(twist.header.stamp, at_ns)
        twist.header.frame_id = self._base
        fill_twist(twist, command.twist)
        if command.opening_m is not None:
            gripper = Gripper(header=twist.header, opening_m=command.opening_m)
            self._gripper_pub.publish(gripper)
        self._twist_pub.publish(twist)

    # --- services -----------------------------------------------------------------------------

    async def _start(self, _: Any, response: Any) -> Any:
        """Take the robot; a script begins to act."""
        response.success = False
        if self._beat is None:
            response.message = "teleop is not active; activate it first"
            return response
        request = SetMode.Request(mode=SetMode.Request.TELEOP)
        answer, failure = await call(self._set_mode, request, GATE_ANSWER_S)
        if failure or not answer.success:
            response.message = failure or f"the gate refused: {answer.message}"
            return response
        self._began_ns = time.monotonic_ns()
        if isinstance(self._hand, ScriptedHand):
            self._hand.begin()
            self._tick()
        response.success, response.message = True, f"{self.p.device} has the robot"
        return response

    def _stop(self, _: Any, response: Any) -> Any:
        """Let go of the robot."""
        if self._beat is None:
            response.success, response.message = False, "teleop is not active; activate it first"
            return response
        self._let_go("stopped by ~/stop")
        response.success, response.message = True, "let go"
        return response

    # --- small help ---------------------------------------------------------------------------

    def _out(self, kind: Any, topic: str) -> Any:
        watch = qos.watch_publisher(self, topic)
        made = self.create_lifecycle_publisher(kind, topic, qos.COMMAND, event_callbacks=watch)
        self._undo.append(lambda: self.destroy_lifecycle_publisher(made))
        return made

    def _listen(self, kind: Any, topic: str, callback: Any, profile: Any) -> None:
        watch = qos.watch_subscription(self, topic)
        made = self.create_subscription(kind, topic, callback, profile, event_callbacks=watch)
        self._undo.append(lambda: self.destroy_subscription(made))

    def _client(self, kind: Any, name: str) -> Any:
        made = self.create_client(kind, name)
        self._undo.append(lambda: self.destroy_client(made))
        return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the node."""
    return run(TeleopNode, argv)


if __name__ == "__main__":
    raise SystemExit(main())
