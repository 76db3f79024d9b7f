from types import SimpleNamespace as S

import numpy as np
import pytest

from robot_meta.errors import ObservationError
from ros_nodes.leg_state import LegState
from sim.legged import ROBOTS, LeggedWorld


def odometry():
    def xyz():
        return S(x=0.0, y=0.0, z=0.0)

    pose = S(pose=S(position=xyz(), orientation=S(w=1.0, x=0.0, y=0.0, z=0.0)))
    header = S(stamp=S(sec=1, nanosec=0))
    return S(header=header, pose=pose, twist=S(twist=S(linear=xyz(), angular=xyz())))


def joints(codec, state, order=slice(None)):
    q, qd = codec.joints(state)
    names = list(codec.names)
    return S(
        header=S(stamp=S(sec=1, nanosec=0)),
        name=names[order],
        position=q[order],
        velocity=qd[order],
    )


@pytest.fixture(params=list(ROBOTS.values()), ids=list(ROBOTS))
def walked(request):
    """A codec and states along a wild walk."""
    world = LeggedWorld(request.param)
    rng = np.random.default_rng(0)
    world.reset(rng)
    return LegState(request.param), [
        world.step(rng.uniform(-1, 1, world.model.nu)) for _ in range(40)
    ]


def test_what_is_written_is_read_again(walked):
    codec, states = walked
    for state in states:
        msg = odometry()
        codec.fill_odom(msg, state)
        again = codec.read(joints(codec, state, slice(None, None, -1)), msg)
        assert np.allclose(again, state, atol=1e-9)


def test_the_twist_is_in_the_bases_own_frame():
    codec = LegState(ROBOTS["ant"])
    state = np.zeros(29)
    state[3:7] = [np.sqrt(0.5), 0, 0, np.sqrt(0.5)]  # turned left by a quarter
    state[15:18] = [0.0, 2.0, 0.0]  # moving along the world's y
    msg = odometry()
    codec.fill_odom(msg, state)
    assert msg.twist.twist.linear.x == pytest.approx(2.0)  # which is straight ahead


def test_a_somersault_is_not_unwound():
    codec = LegState(ROBOTS["half_cheetah"])
    state = np.zeros(18)
    for pitch in np.linspace(0.0, 7.0, 40):
        state[2] = pitch
        msg = odometry()
        codec.fill_odom(msg, state)
        assert codec.read(joints(codec, state), msg)[2] == pytest.approx(pitch)


def test_messages_that_cannot_be_a_state_are_refused():
    codec = LegState(ROBOTS["ant"])
    state = np.zeros(29)
    state[3] = 1.0
    late, blind, torn = odometry(), odometry(), odometry()
    late.header.stamp.nanosec = 10_000_000
    blind.pose.pose.position.x = float("nan")
    torn.pose.pose.orientation.w = 0.0
    for msg, told in ((late, "need one time"), (blind, "finite"), (torn, "unit quaternion")):
        with pytest.raises(ObservationError, match=told):
            codec.read(joints(codec, state), msg)
    with pytest.raises(ObservationError, match="missing"):
        codec.read(joints(codec, state, slice(0, 5)), odometry())
