from types import SimpleNamespace as Record

import numpy as np
import pytest

from robot_meta.errors import ConfigError
from ros_nodes.interventions import place_bodies, push
from sim.episode import Episode
from sim.tasks import draw_task


def vector(x=0.0, y=0.0, z=0.0):
    return Record(x=x, y=y, z=z)


def pose(x, y, z, quat=(0.0, 0.0, 0.0, 1.0)):
    return Record(
        position=vector(x, y, z), orientation=Record(**dict(zip("xyzw", quat, strict=True)))
    )


def wrench(**force):
    return Record(force=vector(**force), torque=vector())


@pytest.fixture
def world():
    episode = Episode(draw_task("reach", "test", 0))
    episode.reset(np.random.default_rng(0))
    return episode.world


def test_bodies_are_put_where_they_should_be_and_move_as_told(world):
    half = np.sqrt(0.5)
    spin = Record(linear=vector(y=0.1), angular=vector(x=2.0))
    place_bodies(world, ["object1"], [pose(0.5, 0.1, 0.3, (0.0, 0.0, half, half))], [spin])
    pos, quat = world.body_pose("object1")
    np.testing.assert_allclose(pos, [0.5, 0.1, 0.3])
    np.testing.assert_allclose(quat, [half, 0, 0, half], atol=1e-12)
    world.step(50)
    moved, turned = world.body_pose("object1")
    assert moved[1] - pos[1] == pytest.approx(0.01, rel=0.05)
    assert moved[2] < pos[2]  # it falls
    # Turned by 0.2 rad about the world's x axis, on top of a quarter turn about z.
    assert 2 * np.arccos(abs(turned @ quat)) == pytest.approx(0.2, rel=0.05)
    assert turned[1] == pytest.approx(np.sin(0.1) * half, rel=0.05)


@pytest.mark.parametrize(
    ("names", "poses", "says"),
    [
        (
            ["object0", "cup"],
            [pose(0, 0, 1), pose(0, 0, 1)],
            "no free body 'cup'; there are object0",
        ),
        (["object0", "right_j0"], [pose(0, 0, 1), pose(0, 0, 1)], "no free body 'right_j0'"),
        (["object0"], [], "1 names, 0 poses"),
        (["object0", "object0"], [pose(0, 0, 1), pose(0, 0, 2)], "named twice"),
        (["object0", "object1"], [pose(0, 0, 1), pose(0, np.nan, 1)], "object1: position"),
        (["object0", "object1"], [pose(0, 0, 1), pose(0, 0, 1, (0, 0, 0, 0))], "make no pose"),
    ],
)
def test_all_or_none(world, names, poses, says):
    before = world.save_state()
    with pytest.raises(ConfigError, match=says):
        place_bodies(world, names, poses, [])
    assert world.save_state() == before


def test_a_push_moves_a_body_and_ends(world):
    before = world.body_pose("object0")[0]
    push(world, "object0", wrench(x=2.0), vector(z=0.02), 0.1)
    world.step(50)
    assert world.body_pose("object0")[0][0] > before[0] + 1e-3
    world.step(500)
    assert world.body_speed("object0") < 1e-3


@pytest.mark.parametrize(
    ("body", "force", "duration_s", "says"),
    [
        ("cup", {"x": 1.0}, 0.1, "no body 'cup'; there are base"),
        ("object0", {"x": float("inf")}, 0.1, "need real numbers"),
        ("object0", {"x": 1e4}, 0.1, "force <= 500"),
        ("object0", {"x": 1.0}, 0.0, r"need it in \(0, 60.0\]"),
        ("object0", {"x": 1.0}, float("nan"), r"need it in \(0, 60.0\]"),
    ],
)
def test_pushes_that_are_refused(world, body, force, duration_s, says):
    with pytest.raises(ConfigError, match=says):
        push(world, body, wrench(**force), vector(), duration_s)
