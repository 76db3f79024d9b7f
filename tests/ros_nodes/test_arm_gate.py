"""The arm's gate against an arm that does what it is told: whole motions, on pure logic."""

from types import SimpleNamespace

import numpy as np
import pytest

from robot_meta.errors import ContractError
from ros_nodes.arm_gate import IMAGE_NS, TICK_NS, ArmGate, limits_of
from ros_nodes.contract import Contract
from ros_nodes.gate import Mode, Now, Refusal
from ros_nodes.gate_rules import MOVE, MS
from ros_nodes.jtc_conformance import complaints
from sim.follower import TrajectoryFollower
from sim.sawyer import A_MAX, HOME_Q, JOINT_NAMES, START_Q, V_MAX, Kinematics
from sim.servo import Limit, Servo, ServoLimits

CONTRACT = Contract.load("sawyer")
T0 = 5_000 * MS
ACROSS = np.array([0.0, 0.25, 0.0, 0.0, 0.0, 0.0])


class Arm:
    """An arm that follows, and the gate that it follows; time runs in ticks of 20 ms."""

    def __init__(self, q=START_Q, **options):
        self.gate = ArmGate(CONTRACT, **options)
        self.follower = TrajectoryFollower(q)
        self.ms = 0
        self.deaf = False
        self.sent = []
        self.follower.reset(q, self.now.ros_ns * 1e-9)
        self.tick()

    @property
    def now(self):
        return Now(T0 + self.ms * MS, 3 * MS + self.ms * MS)

    def measured(self):
        return self.follower.sample(self.now.ros_ns * 1e-9)

    def tick(self, twist=None, *, source="teleop", gripper=None, joints=True, frame="base"):
        self.ms += 20
        stamp = self.now.ros_ns
        if joints:
            self.gate.on_joints(stamp, self.measured()[0], self.now)
        if gripper is not None:
            self.gate.on_gripper(source, stamp, gripper, self.now)
        if twist is not None:
            self.gate.on_twist(source, frame, stamp, np.asarray(twist, float), self.now)
        command = self.gate.tick(self.now)
        self.sent.append(command)
        if command.points and not self.deaf:
            self.follower.set(command.points, stamp * 1e-9)
        return command

    def enter(self, mode=Mode.TELEOP):
        self.gate.gate.policy_goal(mode is Mode.POLICY)
        self.gate.gate.set_mode(mode, self.now)
        return self

    def rest(self, limit=200):
        """Tick until nothing is sent any more and the arm is at rest."""
        for _ in range(limit):
            if not self.tick().points and not self.measured()[1].any():
                return
        raise AssertionError("it never rests")


@pytest.fixture
def arm():
    return Arm()


@pytest.fixture(scope="module")
def kin():
    return Kinematics()


def as_message(points):
    def point(time_s, q, qd):
        ns = round(time_s * 1e9)
        return SimpleNamespace(
            time_from_start=SimpleNamespace(sec=ns // 10**9, nanosec=ns % 10**9),
            positions=q,
            velocities=qd,
            accelerations=[],
            effort=[],
        )

    stamp = SimpleNamespace(sec=0, nanosec=0)
    return SimpleNamespace(
        header=SimpleNamespace(stamp=stamp),
        joint_names=list(JOINT_NAMES),
        points=[point(*p) for p in points],
    )


# --- motion -----------------------------------------------------------------------------------


def test_limits_are_those_of_the_environments():
    """Labels and limits are the same in training and deployment."""
    ours, theirs = limits_of(CONTRACT), ServoLimits()
    for name in ServoLimits.__dataclass_fields__:
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name


def test_a_twist_moves_the_tip_and_its_end_stops_it(arm, kin):
    arm.enter()
    before = kin.forward(arm.measured()[0])[0]
    for _ in range(40):
        arm.tick(ACROSS)
    arm.rest()
    moved = kin.forward(arm.measured()[0])[0] - before
    assert moved == pytest.approx([0.0, 0.23, 0.0], abs=0.02), "0.2 s of silence included"
    assert (arm.measured()[1] == 0.0).all()
    assert arm.gate.gate.mode is Mode.HOLD


def test_everything_sent_conforms_and_ends_at_rest_in_time(arm):
    rng = np.random.default_rng(1)
    for _ in range(60):
        if arm.gate.gate.mode is not Mode.TELEOP:
            arm.enter()
        twist = rng.uniform(-1.0, 1.0, 6) * [0.5, 0.5, 0.5, 1.0, 1.0, 1.0]
        for _ in range(int(rng.integers(1, 30))):
            arm.tick(twist)
        for _ in range(int(rng.integers(0, 16))):
            arm.tick()
    trajectories = [c.points for c in arm.sent if c.points]
    assert len(trajectories) > 500
    for points in trajectories:
        assert complaints(as_message(points), JOINT_NAMES, T0) == []
        assert points[-1][0] <= 0.1 + 1e-9


@pytest.mark.parametrize("heard", [1, 7, 25])
def test_an_arm_that_hears_no_more_rests_within_a_tenth_of_a_second(arm, heard):
    arm.enter()
    for _ in range(heard):
        arm.tick(ACROSS)
    arm.deaf = True
    for _ in range(5):
        arm.tick(ACROSS)
    assert (arm.measured()[1] == 0.0).all()


def test_silence_stops_within_the_watchdog_and_the_brake(arm):
    arm.enter()
    for _ in range(25):
        arm.tick(ACROSS)
    for _ in range(15):
        arm.tick()
    assert (arm.measured()[1] == 0.0).all(), "0.2 s of silence and 0.1 s of braking"


def test_nothing_is_sent_at_rest(arm):
    for mode in (Mode.IDLE, Mode.HOLD, Mode.TELEOP, Mode.REPLAY):
        arm.enter(mode)
        command = arm.tick()
        assert not command.points
        assert np.isnan(command.gripper_m)
    arm.enter(Mode.TELEOP)
    assert arm.tick(ACROSS).points
    assert arm.tick(np.zeros(6)).points, "a person who rests is still heard"


def test_the_same_actions_give_the_same_joints_as_in_the_environments():
    """Bit for bit: a policy meets the arm that it was trained on."""
    arm, servo, rng = Arm(lockstep=True), Servo(), np.random.default_rng(4)
    servo.reset(START_Q)
    arm.enter(Mode.POLICY)
    while (arm.now.ros_ns + TICK_NS) % IMAGE_NS:
        arm.tick()
    for _ in range(30):
        twist = np.array([*rng.uniform(-0.3, 0.3, 3), 0.0, 0.0, 0.0])
        for k in range(5):
            step = servo.step(twist, 0.02)
            proposal = {"twist": twist, "source": "policy", "gripper": 0.02} if k == 0 else {}
            command = arm.tick(**proposal)
            assert (command.points[0][1] == step.q).all()
            assert (command.points[0][2] == step.qd).all()
            assert (command.twist == step.twist).all()
            assert command.flags == step.flags


def test_twists_in_the_hand_frame(arm, kin):
    arm.enter()
    before = kin.forward(arm.measured()[0])[0]
    for _ in range(25):
        arm.tick([0.0, 0.0, -0.1, 0.0, 0.0, 0.0], frame="right_hand")
    arm.rest()
    moved = kin.forward(arm.measured()[0])[0] - before
    assert moved == pytest.approx([0.0, 0.0, 0.055], abs=0.02), "the hand looks down"


def test_speed_scale_slows(kin):
    tips = []
    for scale in (1.0, 0.3):
        arm = Arm(speed_scale=scale).enter()
        start = kin.forward(START_Q)[0]
        for _ in range(30):
            command = arm.tick(ACROSS)
        assert bool(command.flags & Limit.SPEED_SCALE) is (scale < 1.0)
        tips.append(np.linalg.norm(kin.forward(arm.measured()[0])[0] - start))
    assert tips[1] == pytest.approx(0.3 * tips[0], rel=0.1)


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("twist", "frame", "why"),
    [
        ([np.nan, 0, 0, 0, 0, 0], "base", "6 finite"),
        ([0, np.inf, 0, 0, 0, 0], "base", "6 finite"),
        ([0, 0, 0, 0, 0], "base", "6 finite"),
        (ACROSS, "world", "frame 'world', need one of base, right_hand"),
        (ACROSS, "", "frame ''"),
    ],
)
def test_twists_of_another_form_are_refused(arm, twist, frame, why):
    arm.enter()
    assert not arm.tick(twist, frame=frame).points
    assert why in arm.gate.gate.refusal
    assert arm.gate.gate.refused == 1


@pytest.mark.parametrize("opening", [np.nan, np.inf, -np.inf])
def test_openings_that_are_not_finite_are_refused(arm, opening):
    arm.enter()
    assert not arm.gate.on_gripper("teleop", arm.now.ros_ns, opening, arm.now)
    assert "finite" in arm.gate.gate.refusal
    assert np.isnan(arm.tick(ACROSS).gripper_m)


def test_a_contract_of_another_arm_is_refused():
    table = CONTRACT.to_dict()
    table["arm"]["joints"] = ["a", "b"]
    with pytest.raises(ContractError, match=r"\['a', 'b'\]"):
        ArmGate(Contract.from_dict(table))


# --- gripper ----------------------------------------------------------------------------------


def test_the_gripper_is_clamped_and_held_on_stop(arm):
    arm.enter()
    assert arm.tick(ACROSS, gripper=0.5).gripper_m == 0.08
    assert arm.tick(ACROSS, gripper=-0.5).gripper_m == 0.0
    assert arm.tick(ACROSS).gripper_m == 0.0
    arm.rest()
    assert np.isnan(arm.sent[-1].gripper_m), "the controller holds what it was sent last"
    assert arm.gate.gripper_m == 0.0


def test_a_person_who_repeats_an_opening_takes_nothing_over(arm):
    arm.enter()
    arm.tick(ACROSS, gripper=0.08)
    arm.rest()
    arm.enter(Mode.POLICY)
    arm.tick(ACROSS, source="policy", gripper=0.02)
    assert not arm.gate.on_gripper("teleop", arm.now.ros_ns, 0.08, arm.now)
    assert arm.gate.gate.mode is Mode.POLICY
    assert arm.gate.on_gripper("teleop", arm.now.ros_ns, 0.07, arm.now)
    assert arm.gate.gate.mode is Mode.TELEOP


# --- resync -----------------------------------------------------------------------------------


def moved_by_hand(arm, offset):
    """The arm is somewhere else now, and the controller knows it."""
    q = arm.measured()[0].copy()
    q[3] += offset
    arm.follower.reset(q, arm.now.ros_ns * 1e-9)
    return q


def test_activation_takes_the_arm_as_it_is():
    arm = Arm(HOME_Q)
    assert (arm.gate.servo.q == HOME_Q).all()


def test_a_world_that_is_reset_stops_and_forgets(arm):
    arm.gate.on_world(1, arm.now.ros_ns)
    arm.enter()
    for _ in range(10):
        arm.tick(ACROSS, gripper=0.05)
    moved_by_hand(arm, 0.05)
    arm.gate.on_world(2, arm.now.ros_ns + 10 * MS)
    assert arm.gate.gate.mode is Mode.HOLD
    command = arm.tick()
    assert not command.points, "nothing pulls the arm back"
    assert (arm.gate.servo.q == arm.measured()[0]).all()
    assert np.isnan(arm.gate.gripper_m)


def test_joint_states_from_before_the_reset_do_not_count(arm):
    arm.gate.on_world(1, arm.now.ros_ns)
    old = arm.measured()[0]
    arm.gate.on_world(2, arm.now.ros_ns + 15 * MS)
    arm.gate.on_joints(arm.now.ros_ns + 10 * MS, old, arm.now)
    assert not arm.gate.synced
    arm.tick()
    assert arm.gate.synced


def test_after_a_gap_the_arm_is_taken_as_it_is(arm):
    arm.ms += 3000
    q = moved_by_hand(arm, 0.05)
    arm.tick()
    arm.tick()
    assert (arm.gate.servo.q == q).all()


def test_a_gate_that_was_stopped_itself_does_not_go_on_where_it_was(arm):
    """SIGSTOP and SIGCONT: the arm has come to rest at the end of what it was sent last."""
    arm.enter()
    for _ in range(15):
        arm.tick(ACROSS)
    arm.ms += 150
    rest = arm.measured()[0].copy()
    assert not arm.tick(joints=False).points
    command = arm.tick(ACROSS)
    assert command.points[0][1] == pytest.approx(rest, abs=2e-3)


def test_so_it_is_after_the_emergency_stop(arm):
    arm.enter()
    for _ in range(10):
        arm.tick(ACROSS)
    arm.gate.gate.estop("pressed", arm.now)
    for _ in range(50):
        assert not arm.tick(ACROSS).points, "receivers stop by themselves"
    q = moved_by_hand(arm, 0.05)
    arm.gate.reset_estop(arm.now)
    arm.tick()
    assert (arm.gate.servo.q == q).all()
    assert arm.gate.gate.mode is Mode.IDLE


def test_an_arm_that_is_held_back_ends_in_hold_and_gives_way(arm):
    """A wall at the arm: the command goes on, the arm does not."""
    arm.enter()
    held = arm.measured()[0].copy()
    while arm.gate.gate.mode is Mode.TELEOP:
        arm.ms += 20
        stamp = arm.now.ros_ns
        arm.gate.on_joints(stamp, held, arm.now)
        arm.gate.on_twist("teleop", "base", stamp, ACROSS, arm.now)
        command = arm.gate.tick(arm.now)
        arm.follower.set(command.points, stamp * 1e-9)
        assert np.abs(arm.gate.servo.q - held).max() < 0.15
    assert "from where it was sent" in arm.gate.gate.refusal
    ((time_s, q, qd),) = command.points
    assert (q == held).all()
    assert (qd == 0.0).all()
    assert complaints(as_message(command.points), JOINT_NAMES, T0) == []
    start = arm.now.ros_ns * 1e-9
    path = [arm.follower.sample(start + t)[1] for t in np.arange(0.0, time_s, 1e-3)]
    assert (np.abs(np.diff(path, axis=0)) <= 1.01e-3 * A_MAX).all()
    assert (np.abs(path) <= V_MAX).all()
    for _ in range(int(time_s / 0.02)):
        assert not arm.tick().points, "until it is there"


def test_an_arm_that_is_elsewhere_is_not_pulled_back(arm):
    arm.enter()
    arm.tick(ACROSS)
    moved_by_hand(arm, 1.0)
    assert not arm.tick(ACROSS).points
    assert arm.gate.gate.mode is Mode.HOLD
    assert (arm.gate.servo.q == arm.measured()[0]).all()


# --- move_to ----------------------------------------------------------------------------------


def test_move_to_arrives_by_name_and_by_angles(arm):
    for pose, q, goal in [("home", np.zeros(7), HOME_Q), ("", START_Q + 0.1, START_Q + 0.1)]:
        move = arm.gate.move_to(pose, q, 1.0, arm.now)
        assert arm.gate.gate.source == MOVE
        while not move.done:
            command = arm.tick()
            assert complaints(as_message(command.points), JOINT_NAMES, T0) == []
        assert (move.success, move.message) == (True, "arrived")
        arm.rest()
        assert arm.measured()[0] == pytest.approx(goal, abs=1e-3)
        assert (arm.gate.gate.mode, arm.gate.gate.source) == (Mode.HOLD, "")


@pytest.mark.parametrize(
    ("pose", "q", "scale", "why"),
    [
        ("sofa", START_Q, 1.0, "no pose 'sofa'; there are home, start, ready"),
        ("", np.zeros(3), 1.0, "7 finite"),
        ("", np.full(7, np.nan), 1.0, "7 finite"),
        ("", np.full(7, 4.0), 1.0, "out of its range"),
        ("home", START_Q, 1.5, "speed_scale 1.5"),
        ("home", START_Q, np.nan, "speed_scale nan"),
    ],
)
def test_move_to_refuses(arm, pose, q, scale, why):
    with pytest.raises(Refusal, match=why):
        arm.gate.move_to(pose, q, scale, arm.now)
    assert not arm.tick().points


def test_a_person_ends_a_move_at_once(arm):
    move = arm.gate.move_to("home", START_Q, 1.0, arm.now)
    for _ in range(10):
        arm.tick()
    arm.tick(ACROSS)
    assert (move.done, move.success) == (True, False)
    assert arm.gate.gate.mode is Mode.TELEOP


def test_an_emergency_stop_ends_a_move(arm):
    move = arm.gate.move_to("home", START_Q, 1.0, arm.now)
    arm.tick()
    arm.gate.gate.estop("pressed", arm.now)
    arm.tick()
    assert (move.done, move.message) == (True, "pressed")


# --- lock-step --------------------------------------------------------------------------------


@pytest.fixture
def stepped():
    """In lock-step, in mode POLICY, at the tick before an image."""
    arm = Arm(lockstep=True).enter(Mode.POLICY)
    while (arm.now.ros_ns + TICK_NS) % IMAGE_NS:
        arm.tick()
    arm.ms += 20
    arm.gate.on_joints(arm.now.ros_ns, arm.measured()[0], arm.now)
    return arm


def test_a_tick_waits_for_the_answer_to_its_image(stepped):
    gate, now = stepped.gate, stepped.now
    assert gate.awaits(now.ros_ns)
    assert not gate.awaits(now.ros_ns + TICK_NS), "only ticks with an image"
    gate.on_gripper("policy", now.ros_ns, 0.02, now)
    assert gate.awaits(now.ros_ns), "the gripper is half of it"
    gate.on_twist("policy", "base", now.ros_ns, ACROSS, now)
    assert not gate.awaits(now.ros_ns)
    assert gate.tick(now).proposal_ns == now.ros_ns


def test_an_answer_given_before_the_policy_was_let_in_is_not_waited_for():
    arm = Arm(lockstep=True)
    while arm.now.ros_ns % IMAGE_NS:
        arm.tick()
    now = arm.now
    assert not arm.gate.on_twist("policy", "base", now.ros_ns, ACROSS, now)
    arm.enter(Mode.POLICY)
    assert not arm.gate.awaits(now.ros_ns)
    assert arm.gate.awaits(now.ros_ns + IMAGE_NS)


def test_people_are_waited_for_only_when_they_answer_images():
    arm = Arm(lockstep=True).enter(Mode.TELEOP)
    while (arm.now.ros_ns + TICK_NS) % IMAGE_NS:
        arm.tick()
    image = arm.now.ros_ns + TICK_NS
    assert not arm.gate.awaits(image), "nobody has the robot"
    arm.tick(ACROSS)
    assert arm.gate.awaits(image + IMAGE_NS), "the last command answered an image"
    arm.tick(ACROSS)
    assert not arm.gate.awaits(image + IMAGE_NS), "this one did not"


def test_a_person_who_presses_the_switch_is_waited_for_before_their_first_command():
    arm = Arm(lockstep=True).enter(Mode.TELEOP)
    while (arm.now.ros_ns + TICK_NS) % IMAGE_NS:
        arm.tick()
    image = arm.now.ros_ns + TICK_NS
    arm.gate.gate.deadman("teleop", True, arm.now)
    assert arm.gate.awaits(image)
    arm.tick(ACROSS)
    assert not arm.gate.awaits(image)
    arm.gate.gate.deadman("teleop", False, arm.now)
    assert not arm.gate.awaits(image + IMAGE_NS), "the switch was let go"


@pytest.mark.parametrize("mode", [Mode.IDLE, Mode.HOLD])
def test_nobody_is_waited_for_at_rest(stepped, mode):
    stepped.gate.gate.set_mode(mode, stepped.now)
    assert not stepped.gate.awaits(stepped.now.ros_ns)


def test_outside_lockstep_nothing_waits(arm):
    arm.enter(Mode.POLICY)
    assert not any(arm.gate.awaits(arm.now.ros_ns + k * TICK_NS) for k in range(10))
