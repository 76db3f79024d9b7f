"""The gate's contract, rule by rule, on pure logic: time is a number here."""

import random

import pytest

from ros_nodes.gate import Gate, Mode, Now, Refusal, Rules
from ros_nodes.gate_rules import JOINTS, MOVE, MS, OUTPUT

T0 = 10_000 * MS
SOURCE_OF = {Mode.TELEOP: "teleop", Mode.POLICY: "policy", Mode.REPLAY: "replay"}


def at(ms):
    """`ms` after the start; the steady clock has another zero."""
    return Now(T0 + int(ms * MS), 77 * MS + int(ms * MS))


def stamp(ms):
    return T0 + int(ms * MS)


class Driver:
    """A gate with the streams that a robot has, advanced in ticks of 20 ms."""

    def __init__(self, **rules):
        self.gate = Gate(Rules(**rules))
        self.ms = 0.0
        self.tick()

    def tick(self, source="", *, joints=True, moves=True, payload="go"):
        self.ms += 20
        if joints:
            self.gate.joints(stamp(self.ms), at(self.ms))
        if source:
            self.offer(source, moves=moves, payload=payload)
        return self.gate.decide(at(self.ms))

    def offer(self, source, *, age=0.0, moves=True, payload="go"):
        return self.gate.offer(source, stamp(self.ms - age), payload, at(self.ms), moves=moves)

    def enter(self, mode):
        self.gate.policy_goal(mode is Mode.POLICY)
        self.gate.set_mode(mode, at(self.ms))
        return self

    def drive(self, mode):
        """In `mode`, with its source moving the robot."""
        self.enter(mode)
        assert self.tick(SOURCE_OF[mode]) is not None
        return self


@pytest.fixture
def robot():
    return Driver()


# --- modes ------------------------------------------------------------------------------------


def test_starts_idle_and_lets_nobody_through(robot):
    for source in ("teleop", "console", "policy", "replay"):
        assert not robot.offer(source)
        assert "IDLE" in robot.gate.refusal
    assert robot.tick() is None
    assert (robot.gate.mode, robot.gate.accepted, robot.gate.refused) == (Mode.IDLE, 0, 4)


@pytest.mark.parametrize("mode", [Mode.TELEOP, Mode.POLICY, Mode.REPLAY])
def test_each_mode_lets_its_source_through(robot, mode):
    robot.enter(mode)
    assert robot.tick() is None, "nothing has been proposed yet"
    proposal = robot.tick(SOURCE_OF[mode], payload=mode)
    assert proposal.payload is mode
    assert robot.gate.source == SOURCE_OF[mode]


@pytest.mark.parametrize("mode", [Mode.HOLD, Mode.TELEOP, Mode.REPLAY])
def test_a_policy_is_refused_in_other_modes(robot, mode):
    robot.enter(mode)
    assert not robot.offer("policy")
    assert f"the mode is {mode.name}, not POLICY" in robot.gate.refusal


def test_an_unknown_source_is_refused(robot):
    robot.enter(Mode.TELEOP)
    assert not robot.offer("stranger")
    assert "unknown source 'stranger'; there are teleop, console, policy, replay" in (
        robot.gate.refusal
    )


def test_policy_needs_a_goal_and_ends_with_it(robot):
    with pytest.raises(Refusal, match="no run_policy goal is active"):
        robot.gate.set_mode(Mode.POLICY, at(robot.ms))
    robot.drive(Mode.POLICY)
    robot.gate.policy_goal(False)
    assert robot.gate.mode is Mode.HOLD
    assert robot.tick("policy") is None
    assert "goal ended" in robot.gate.stopped_because


def test_a_goal_that_begins_resumes_nothing(robot):
    robot.drive(Mode.POLICY)
    robot.gate.policy_goal(False)
    robot.gate.policy_goal(True)
    assert robot.tick("policy") is None
    assert robot.gate.mode is Mode.HOLD


@pytest.mark.parametrize("mode", [Mode.TELEOP, Mode.POLICY, Mode.REPLAY])
def test_modes_that_move_need_fresh_joint_states(mode):
    gate = Gate()
    gate.policy_goal(True)
    with pytest.raises(Refusal, match="complete joint_states"):
        gate.set_mode(mode, at(0))
    assert gate.mode is Mode.IDLE
    gate.set_mode(Mode.HOLD, at(0))


def test_asking_for_the_mode_one_is_in_changes_nothing(robot):
    robot.drive(Mode.TELEOP)
    robot.gate.set_mode(Mode.TELEOP, at(robot.ms))
    assert robot.tick() is not None


# --- people first -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.POLICY, Mode.REPLAY])
@pytest.mark.parametrize("person", ["teleop", "console"])
def test_a_person_takes_over_at_once(robot, mode, person):
    robot.drive(mode)
    assert robot.offer(person, payload="mine")
    assert robot.gate.mode is Mode.TELEOP
    assert robot.gate.decide(at(robot.ms)).payload == "mine"
    assert not robot.offer(SOURCE_OF[mode])


def test_a_person_who_rests_takes_nothing_over(robot):
    robot.drive(Mode.POLICY)
    refused = robot.gate.refused
    assert not robot.offer("teleop", moves=False)
    assert robot.gate.mode is Mode.POLICY
    assert robot.gate.refused == refused, "and is not refused either"


def test_a_person_who_has_the_robot_may_rest(robot):
    robot.drive(Mode.TELEOP)
    assert robot.offer("teleop", moves=False, payload="rest")
    assert robot.gate.decide(at(robot.ms)).payload == "rest"


def test_the_first_of_two_people_keeps_the_robot_until_silent(robot):
    robot.drive(Mode.TELEOP)
    assert not robot.offer("console")
    assert "teleop has the robot" in robot.gate.refusal
    for _ in range(12):
        robot.tick()
    assert robot.gate.mode is Mode.HOLD
    assert robot.tick("console") is not None
    assert robot.gate.source == "console"


def test_from_hold_a_person_may_move_but_a_policy_may_not(robot):
    robot.enter(Mode.HOLD)
    assert not robot.offer("policy")
    assert robot.offer("teleop")
    assert robot.gate.mode is Mode.TELEOP


@pytest.mark.parametrize("mode", [Mode.POLICY, Mode.REPLAY])
def test_nobody_is_put_in_place_of_a_person(robot, mode):
    robot.drive(Mode.TELEOP)
    robot.gate.policy_goal(True)
    with pytest.raises(Refusal, match="teleop has the robot"):
        robot.gate.set_mode(mode, at(robot.ms))
    assert robot.tick("teleop") is not None


def test_the_gripper_has_the_same_authority(robot):
    now = at(robot.ms)
    assert not robot.gate.offer_gripper("teleop", stamp(robot.ms), now)
    robot.drive(Mode.POLICY)
    now = at(robot.ms)
    assert robot.gate.offer_gripper("policy", stamp(robot.ms), now)
    assert not robot.gate.offer_gripper("teleop", stamp(robot.ms), now, moves=False)
    assert robot.gate.offer_gripper("teleop", stamp(robot.ms), now)
    assert robot.gate.mode is Mode.TELEOP
    assert robot.gate.decide(now) is None, "a hand on the gripper is no motion"


# --- stamps -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age_ms", "fits"),
    [(0, True), (199.9, True), (200.1, False), (-49.9, True), (-50.1, False), (5000, False)],
)
def test_stamps_are_neither_old_nor_of_the_future(robot, age_ms, fits):
    robot.enter(Mode.TELEOP)
    assert robot.offer("teleop", age=age_ms) is fits
    assert ("old" in robot.gate.refusal or "future" in robot.gate.refusal) is not fits


def test_a_stamp_of_zero_is_refused(robot):
    robot.enter(Mode.TELEOP)
    assert not robot.gate.offer("teleop", 0, "go", at(robot.ms))
    assert "stamp 0" in robot.gate.refusal


def test_nothing_counts_before_there_is_a_clock():
    gate = Gate()
    with pytest.raises(Refusal, match="/clock"):
        gate.joints(5 * MS, Now(0, 100 * MS))
    assert not gate.offer("teleop", 5 * MS, "go", Now(0, 100 * MS))


def test_the_order_of_one_source_is_kept(robot):
    robot.drive(Mode.TELEOP)
    assert robot.offer("teleop", age=0.0)
    assert robot.offer("teleop", age=0.0), "the same stamp again is a repetition"
    assert not robot.offer("teleop", age=30.0)
    assert "older than the one before" in robot.gate.refusal


# --- silence ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.TELEOP, Mode.POLICY, Mode.REPLAY])
def test_the_watchdog_stops_after_200_ms_and_nothing_resumes_by_itself(robot, mode):
    robot.drive(mode)
    for _ in range(9):
        assert robot.tick() is not None
    assert robot.tick() is None
    assert robot.gate.mode is Mode.HOLD
    assert "silent" in robot.gate.stopped_because
    if mode is not Mode.TELEOP:
        assert robot.tick(SOURCE_OF[mode]) is None


def test_the_watchdog_is_on_the_steady_clock(robot):
    """Simulated time may stand still or run fast: silence is counted in real time."""
    robot.drive(Mode.TELEOP)
    here = at(robot.ms)
    later = Now(here.ros_ns, here.steady_ns + 181 * MS)
    assert robot.gate.decide(later) is None
    assert robot.gate.mode is Mode.HOLD


def test_what_a_stopped_gate_had_decided_is_not_sent_when_it_goes_on(robot):
    robot.drive(Mode.POLICY)
    here = at(robot.ms)
    assert not robot.gate.overdue(here, at(robot.ms + 19))
    assert robot.gate.mode is Mode.POLICY
    assert robot.gate.overdue(here, at(robot.ms + 500))
    assert robot.gate.mode is Mode.HOLD
    assert "the gate itself was 500 ms late" in robot.gate.refusal


def test_in_lockstep_it_is_on_robot_time():
    robot = Driver(lockstep=True).drive(Mode.TELEOP)
    here = at(robot.ms)
    assert robot.gate.decide(Now(here.ros_ns, here.steady_ns + 5000 * MS)) is not None
    for _ in range(11):
        robot.tick()
    assert robot.gate.mode is Mode.HOLD


def test_a_policy_that_never_speaks_is_not_waited_for(robot):
    robot.enter(Mode.POLICY)
    for _ in range(100):
        robot.tick()
        assert robot.gate.mode is Mode.POLICY
    robot.tick()
    assert robot.gate.mode is Mode.HOLD
    assert "no command came within 2 s" in robot.gate.stopped_because


def test_a_hung_policy_that_repeats_itself_goes_stale(robot):
    robot.drive(Mode.POLICY)
    born = robot.ms
    while robot.gate.mode is Mode.POLICY:
        robot.ms += 20
        robot.gate.joints(stamp(robot.ms), at(robot.ms))
        robot.gate.offer("policy", stamp(born), "go", at(robot.ms))
        robot.gate.decide(at(robot.ms))
        assert robot.ms - born <= 420
    assert robot.ms - born > 200


# --- joint states -----------------------------------------------------------------------------


def test_joint_states_that_stop_stop_the_robot(robot):
    robot.drive(Mode.TELEOP)
    while robot.tick("teleop", joints=False) is not None:
        pass
    assert robot.gate.mode is Mode.HOLD
    assert "joint_states" in robot.gate.stopped_because
    assert not robot.offer("teleop")
    assert "joint_states" in robot.gate.refusal


@pytest.mark.parametrize(("stamp_ms", "why"), [(-101, "101 ms old"), (51, "51 ms in the future")])
def test_joint_states_with_a_bad_stamp_are_refused(robot, stamp_ms, why):
    with pytest.raises(Refusal, match=why):
        robot.gate.joints(stamp(robot.ms + stamp_ms), at(robot.ms))
    with pytest.raises(Refusal, match="stamp 0"):
        robot.gate.joints(0, at(robot.ms))


def test_a_gap_in_joint_states_makes_them_new(robot):
    assert not robot.gate.joints(stamp(robot.ms + 10), at(robot.ms + 10))
    assert robot.gate.joints(stamp(robot.ms + 400), at(robot.ms + 400))


def test_a_pause_makes_them_new_too(robot):
    """Robot time stood still, so by stamps nothing was missed."""
    now = at(robot.ms)
    paused = Now(now.ros_ns + 10 * MS, now.steady_ns + 3000 * MS)
    assert robot.gate.joints(paused.ros_ns, paused)


# --- dead man's switch ------------------------------------------------------------------------


def test_letting_go_of_the_switch_stops(robot):
    robot.enter(Mode.TELEOP)
    robot.gate.deadman("teleop", True, at(robot.ms))
    assert robot.tick("teleop") is not None
    robot.gate.deadman("teleop", False, at(robot.ms))
    assert robot.gate.mode is Mode.HOLD
    assert not robot.offer("teleop")
    assert "switch is let go" in robot.gate.refusal


def test_a_silent_switch_stops(robot):
    robot.enter(Mode.TELEOP)
    robot.gate.deadman("teleop", True, at(robot.ms))
    while robot.tick("teleop") is not None:
        pass
    assert robot.gate.mode is Mode.HOLD
    assert "switch is silent" in robot.gate.stopped_because


# --- emergency stop ---------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.TELEOP, Mode.POLICY, Mode.REPLAY])
def test_the_emergency_stop_latches_over_everything(robot, mode):
    robot.drive(mode)
    robot.gate.estop("pressed", at(robot.ms))
    assert robot.tick() is None
    assert robot.gate.mode is Mode.IDLE
    for source in ("teleop", "console", "policy", "replay"):
        assert not robot.offer(source)
        assert "emergency stop" in robot.gate.refusal
    for wanted in (Mode.HOLD, Mode.TELEOP, Mode.POLICY, Mode.REPLAY):
        robot.gate.policy_goal(True)
        with pytest.raises(Refusal, match="emergency stop is on"):
            robot.gate.set_mode(wanted, at(robot.ms))
    with pytest.raises(Refusal, match="emergency stop is on"):
        robot.gate.begin_move(at(robot.ms))


def test_it_is_reset_after_a_second_and_the_gate_is_idle_then(robot):
    robot.drive(Mode.TELEOP)
    pressed = robot.ms
    robot.gate.estop("pressed", at(pressed))
    for early in (0, 500, 999):
        with pytest.raises(Refusal, match=f"wait {1000 - early} ms more"):
            robot.gate.reset_estop(at(pressed + early))
    robot.gate.reset_estop(at(pressed + 1000))
    assert (robot.gate.estopped, robot.gate.mode) == (False, Mode.IDLE)
    robot.ms += 1000
    assert robot.tick("teleop") is None


def test_resetting_what_is_not_on_is_no_error(robot):
    robot.gate.reset_estop(at(robot.ms))


# --- second publishers ------------------------------------------------------------------------


def test_a_blocked_source_is_refused_until_unblocked(robot):
    robot.drive(Mode.POLICY)
    robot.gate.block("policy", "two publishers of policy/twist: /policy, /intruder")
    assert robot.gate.mode is Mode.HOLD
    with pytest.raises(Refusal, match="/intruder"):
        robot.gate.set_mode(Mode.POLICY, at(robot.ms))
    robot.gate.unblock("policy")
    assert robot.tick("policy") is None, "nothing resumes by itself"
    robot.gate.set_mode(Mode.POLICY, at(robot.ms))
    assert robot.tick("policy") is not None


def test_a_crowd_on_another_input_disturbs_nobody(robot):
    robot.drive(Mode.POLICY)
    robot.gate.block("teleop", "two publishers")
    assert robot.tick("policy") is not None
    assert not robot.offer("teleop")


@pytest.mark.parametrize("what", [OUTPUT, JOINTS])
@pytest.mark.parametrize("mode", [Mode.TELEOP, Mode.POLICY, Mode.REPLAY])
def test_a_crowd_on_outputs_or_joints_stops_everything(robot, what, mode):
    robot.drive(mode)
    robot.gate.block(what, "two publishers of it: /a, /b")
    assert robot.gate.mode is Mode.HOLD
    for wanted in (Mode.TELEOP, Mode.POLICY, Mode.REPLAY):
        with pytest.raises(Refusal, match="/a, /b"):
            robot.gate.set_mode(wanted, at(robot.ms))
    with pytest.raises(Refusal, match="/a, /b"):
        robot.gate.begin_move(at(robot.ms))
    assert not robot.offer("teleop")


# --- the gate's own motion --------------------------------------------------------------------


def test_a_move_from_idle_holds_and_ends_in_hold(robot):
    robot.gate.begin_move(at(robot.ms))
    assert (robot.gate.mode, robot.gate.source) == (Mode.HOLD, MOVE)
    assert robot.tick() is None
    assert robot.gate.source == MOVE
    robot.gate.end_move("arrived")
    assert (robot.gate.mode, robot.gate.source) == (Mode.HOLD, "")


@pytest.mark.parametrize("mode", [Mode.TELEOP, Mode.POLICY, Mode.REPLAY])
def test_a_move_takes_the_robot_from_nobody(robot, mode):
    robot.drive(mode)
    with pytest.raises(Refusal, match="has the robot; set_mode HOLD first"):
        robot.gate.begin_move(at(robot.ms))


@pytest.mark.parametrize(
    "stop",
    [
        lambda r: r.offer("teleop"),
        lambda r: r.gate.estop("pressed", at(r.ms)),
        lambda r: r.gate.set_mode(Mode.HOLD, at(r.ms)),
        lambda r: r.gate.set_mode(Mode.IDLE, at(r.ms)),
        lambda r: r.gate.block(OUTPUT, "crowd"),
        lambda r: r.gate.hold("the world was reset"),
        lambda r: [r.tick(joints=False) for _ in range(8)],
    ],
)
def test_a_move_ends_with_whatever_stops(robot, stop):
    robot.gate.begin_move(at(robot.ms))
    stop(robot)
    assert robot.gate.source != MOVE
    assert robot.gate.stopped_because or robot.gate.mode is Mode.TELEOP


def test_a_policy_waits_for_a_move(robot):
    robot.gate.begin_move(at(robot.ms))
    robot.gate.policy_goal(True)
    with pytest.raises(Refusal, match="move_to has the robot"):
        robot.gate.set_mode(Mode.POLICY, at(robot.ms))


# --- time -------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_voids_what_was_known(robot):
    robot.drive(Mode.TELEOP)
    early = Now(1000 * MS, at(robot.ms).steady_ns)
    assert robot.gate.decide(early) is None
    assert robot.gate.mode is Mode.HOLD
    assert robot.gate.joints(early.ros_ns, early), "joint states begin anew"
    assert robot.gate.offer("teleop", early.ros_ns, "go", early), "old stamps are forgotten"


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_motion_needs_a_reason(seed):
    """Random histories: what moves was let in, is fresh, and nothing moves after a stop."""
    rng = random.Random(seed)
    robot = Driver()
    gate = robot.gate
    stopped = True  # since the last stop nobody has asked for motion
    for _ in range(3000):
        event = rng.randrange(12)
        if event < 4:
            source = rng.choice(["teleop", "console", "policy", "replay"])
            was = gate.mode
            taken = robot.offer(source, age=rng.choice([0, 50, 190, 210, -40, -60]))
            if taken and source in ("teleop", "console"):
                stopped = False
            assert not (taken and was is Mode.IDLE)
            assert not (taken and gate.estopped)
        elif event == 4:
            mode = rng.choice(list(Mode))
            before = gate.mode, gate.source
            try:
                gate.set_mode(mode, at(robot.ms))
            except Refusal:
                assert (gate.mode, gate.source) == before
            else:
                stopped = mode in (Mode.IDLE, Mode.HOLD)
        elif event == 5:
            gate.policy_goal(rng.random() < 0.7)
        elif event == 6 and rng.random() < 0.2:
            gate.estop("pressed", at(robot.ms))
        elif event == 7 and gate.estopped:
            robot.ms += 1000
            gate.reset_estop(at(robot.ms))
        elif event == 8 and rng.random() < 0.3:
            what = rng.choice([OUTPUT, JOINTS, "policy", "teleop"])
            gate.block(what, "crowd")
        elif event == 9:
            for what in gate.blocked:
                gate.unblock(what)
        for _ in range(rng.choice([1, 1, 1, 12])):
            proposal = robot.tick(joints=rng.random() < 0.95)
            stopped = stopped or gate.mode in (Mode.IDLE, Mode.HOLD)
            if proposal is not None:
                assert not stopped
                assert not gate.estopped
                assert OUTPUT not in gate.blocked
                assert proposal.source not in gate.blocked
                assert gate.sources[proposal.source] is gate.mode
                assert gate.mode is not Mode.POLICY or gate.goal_active
                assert proposal.source == gate.source
                assert stamp(robot.ms) - proposal.stamp_ns <= 420 * MS
