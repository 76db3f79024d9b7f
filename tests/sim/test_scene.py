"""The model of a task: shapes as drawn, things where the arrangement says, looks within presets."""

import numpy as np
import pytest

from sim.attributes import outline
from sim.scene import (
    CAMERA_POS_M,
    FLOOR_M,
    PRESETS,
    WALL_HEIGHT_M,
    Appearance,
    build,
    container_name,
    draw_appearance,
    lay_out,
    object_name,
)
from sim.tasks import FAMILIES, OBJECT_HEIGHT_M, draw_arrangement, draw_task, stream
from sim.world import World


@pytest.fixture(scope="module")
def laid_out():
    """One laid-out world a family."""
    out = {}
    for family in FAMILIES:
        task = draw_task(family, "test", 2)
        world = World(build(task))
        drawn = draw_arrangement(task, stream("test", family, 2, "trial", 0))
        lay_out(world.model, world.data, task, drawn, Appearance())
        out[family] = (task, drawn, world)
    return out


def corners(world, body):
    """Vertices (n, 3) of a body's mesh in the world."""
    geom = next(g for g in range(world.model.ngeom) if world.model.geom_bodyid[g] == body.id)
    mesh = world.model.geom_dataid[geom]
    first, count = world.model.mesh_vertadr[mesh], world.model.mesh_vertnum[mesh]
    local = world.model.mesh_vert[first : first + count]
    return local @ world.data.geom_xmat[geom].reshape(3, 3).T + world.data.geom_xpos[geom]


def plan(look, row):
    """Outline (n, 2) of a thing lying at row (x, y, yaw)."""
    x, y, yaw = row
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    return outline(look.shape, look.size_m) @ turn.T + [x, y]


def same_points(found, expected):
    gap = np.linalg.norm(found[:, None] - expected[None], axis=2)
    return gap.min(1).max() < 1e-5 and gap.min(0).max() < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_things_have_their_outline_where_the_arrangement_says(laid_out, family):
    task, drawn, world = laid_out[family]
    cases = [
        (container_name(i), x, drawn.containers[i], 0.0) for i, x in enumerate(task.containers)
    ]
    if family != "place":
        cases += [(object_name(i), x, drawn.objects[i], 5e-4) for i, x in enumerate(task.objects)]
    assert cases
    for name, look, row, above in cases:
        points = corners(world, world.model.body(name))
        assert same_points(points[:, :2], plan(look, row)), name
        height = OBJECT_HEIGHT_M if name.startswith("object") else FLOOR_M
        assert points[:, 2].min() == pytest.approx(above, abs=1e-5)
        assert points[:, 2].max() == pytest.approx(above + height, abs=1e-5)


@pytest.mark.parametrize("family", ["place", "pick_place"])
def test_walls_stand_round_the_outline_and_not_inside(laid_out, family):
    task, drawn, world = laid_out[family]
    for i, look in enumerate(task.containers):
        body = world.model.body(container_name(i))
        walls = [
            g
            for g in range(world.model.ngeom)
            if world.model.geom_bodyid[g] == body.id and world.model.geom_size[g][2] > 0.005
        ][1:]
        polygon = plan(look, drawn.containers[i])
        assert len(walls) == len(polygon)
        for geom, a, b in zip(walls, polygon, np.roll(polygon, -1, 0), strict=True):
            half = world.model.geom_size[geom]
            axes = world.data.geom_xmat[geom].reshape(3, 3)
            top = world.data.geom_xpos[geom][2] + half[2]
            assert top == pytest.approx(WALL_HEIGHT_M, abs=1e-6)
            # The wall's inner face is the edge's line.
            inner = world.data.geom_xpos[geom][:2] - polygon.mean(0)
            outwards = axes[:2, 1] * np.sign(axes[:2, 1] @ inner)
            face = world.data.geom_xpos[geom][:2] - half[1] * outwards
            edge = (b - a) / np.linalg.norm(b - a)
            off = face - a
            assert edge[0] * off[1] - edge[1] * off[0] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_things_stay_where_they_were_put(laid_out, family):
    task, drawn, world = laid_out[family]
    if family == "place":
        return
    world.place_arm(np.zeros(7), 0.03)
    world.step(250)
    for i in range(len(task.objects)):
        pos, quat = world.body_pose(object_name(i))
        assert pos == pytest.approx([*drawn.objects[i, :2], 0.0], abs=1.5e-3)
        assert abs(quat[0]) == pytest.approx(abs(np.cos(drawn.objects[i, 2] / 2)), abs=5e-3)


def test_the_goal_is_drawn_where_the_push_ends(laid_out):
    _, drawn, world = laid_out["push"]
    assert world.body_pose("goal")[0][:2] == pytest.approx(drawn.goal_xy_m)
    goal = world.model.body("goal").id
    for geom in np.flatnonzero(world.model.geom_bodyid == goal):
        assert world.model.geom_contype[geom] == world.model.geom_conaffinity[geom] == 0


# --- appearance -------------------------------------------------------------------------------


def test_no_preset_changes_nothing(rng):
    drawn = draw_appearance("none", rng)
    for name, value in Appearance().__dict__.items():
        assert getattr(drawn, name) == pytest.approx(value)


@pytest.mark.parametrize("preset", PRESETS)
def test_appearance_stays_within_its_preset(preset, rng):
    width, base = PRESETS[preset], Appearance()
    for _ in range(200):
        drawn = draw_appearance(preset, rng)
        assert np.abs(drawn.camera_shift_m).max() <= width["shift"]
        assert np.abs(drawn.camera_turn_rad).max() <= width["turn"]
        assert abs(drawn.light - base.light) <= width["light"]
        assert np.abs(np.subtract(drawn.table_rgb, base.table_rgb)).max() <= 1.31 * width["table"]
        assert min(drawn.table_rgb) >= 0.0
        assert max(drawn.table_rgb) <= 1.0


def test_every_preset_draws_as_much(rng):
    """So that the streams behind appearance are the same whatever the preset."""
    ends = set()
    for preset in PRESETS:
        own = np.random.default_rng(5)
        draw_appearance(preset, own)
        ends.add(own.integers(2**62))
    assert len(ends) == 1


def test_an_unknown_preset_names_those_there_are(rng):
    with pytest.raises(ValueError, match="'wild'; there are none, mild, strong"):
        draw_appearance("wild", rng)


def test_appearance_reaches_the_model(laid_out):
    task, drawn, world = laid_out["reach"]
    look = Appearance(
        camera_shift_m=(0.01, 0.02, -0.01),
        camera_turn_rad=(0.0, 0.0, 0.1),
        light=0.7,
        light_dir=(1.0, 0.0, -1.0),
        table_rgb=(0.1, 0.2, 0.3),
    )
    before = world.data.camera("front").xmat.reshape(3, 3).copy()
    lay_out(world.model, world.data, task, drawn, look)
    camera = world.data.camera("front")
    assert camera.xpos == pytest.approx(np.add(CAMERA_POS_M, look.camera_shift_m))
    turned = before.T @ camera.xmat.reshape(3, 3)
    assert np.arccos((np.trace(turned) - 1) / 2) == pytest.approx(0.1)
    assert world.model.geom("table").rgba[:3] == pytest.approx(look.table_rgb)
    assert np.linalg.norm(world.model.light_dir[0]) == pytest.approx(1.0)
    assert world.model.light_diffuse[0] == pytest.approx(0.7)
    lay_out(world.model, world.data, task, drawn, Appearance())
    assert world.data.camera("front").xmat.reshape(3, 3) == pytest.approx(before)
