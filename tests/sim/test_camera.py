"""Pictures and their calibration: what is where in the world is where in the picture."""

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
import pytest

from sim.camera import POLICY_IMAGE, Camera, ImageSpec, on_plane
from sim.episode import Episode
from sim.scene import Scene, bare_arm
from sim.tasks import draw_task
from sim.world import World

PLACES = [(0.50, -0.20, 0.03), (0.50, 0.20, 0.03), (0.70, -0.20, 0.02), (0.70, 0.15, 0.02)]


@pytest.fixture(scope="module")
def lamp():
    """A bare arm's world with a small shining ball to be put anywhere, and its camera."""
    root = ET.fromstring(bare_arm().xml)
    asset, world = ET.SubElement(root, "asset"), root.find("worldbody")
    ET.SubElement(asset, "material", name="glow", rgba="0 1 0 1", emission="1")
    body = ET.SubElement(world, "body", name="lamp", mocap="true")
    ET.SubElement(body, "geom", type="sphere", size="0.01", material="glow", contype="0")
    made = World(Scene(ET.tostring(root, encoding="unicode"), {}))
    # The arm turned to its back: nothing hides the lamp.
    made.place_arm(np.array([3.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0]), 0.0)
    with Camera(made) as camera:
        yield made, camera


def shine(world, camera, place):
    """Middle (x, y) and number of the pixels that show the lamp."""
    world.data.mocap_pos[0] = place
    mujoco.mj_forward(world.model, world.data)
    rgb = camera.render().astype(float)
    weight = np.clip(rgb[..., 1] - rgb[..., ::2].max(-1) - 60, 0, None)
    y, x = np.indices(weight.shape)
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum(), (weight > 0).sum()


def project(camera, place):
    position, rotation = camera.pose()
    x, y, z = rotation.T @ (np.array(place) - position)
    return (camera.intrinsics() @ [x / z, y / z, 1.0])[:2], z


@pytest.mark.parametrize("place", PLACES)
def test_a_shining_ball_is_on_the_pixel_where_the_calibration_puts_it(lamp, place):
    world, camera = lamp
    found, pixels = shine(world, camera, place)
    expected, depth = project(camera, place)
    assert found == pytest.approx(expected, abs=0.25)
    focal = camera.intrinsics()[0, 0]
    assert pixels == pytest.approx(np.pi * (0.01 * focal / depth) ** 2, rel=0.25)


def test_the_optical_frame_looks_along_its_z(lamp):
    world, camera = lamp
    position, rotation = camera.pose()
    assert rotation.T @ rotation == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    ahead = position + rotation @ [0.0, 0.0, 0.3]
    middle, _ = shine(world, camera, ahead)
    assert middle == pytest.approx([159.5, 119.5], abs=0.3)
    right, _ = shine(world, camera, ahead + rotation @ [0.02, 0.0, 0.0])
    below, _ = shine(world, camera, ahead + rotation @ [0.0, 0.02, 0.0])
    assert right[0] > middle[0] + 10
    assert below[1] > middle[1] + 10


def test_pixels_on_a_plane_invert_the_projection(lamp, rng):
    _, camera = lamp
    points = np.c_[rng.uniform(0.4, 0.8, 20), rng.uniform(-0.3, 0.3, 20), np.full(20, 0.02)]
    pixels = np.array([project(camera, p)[0] for p in points])
    found = on_plane(pixels, camera.intrinsics(), *camera.pose(), 0.02)
    assert found == pytest.approx(points[:, :2], abs=1e-12)


def test_the_same_scene_gives_the_same_picture():
    pictures = []
    for _ in range(2):
        episode = Episode(draw_task("push", "val", 0))
        episode.reset(np.random.default_rng(3))
        with Camera(episode.world) as camera:
            pictures.append(camera.render())
            pictures.append(camera.render())
    first = pictures[0]
    assert (first.shape, first.dtype) == ((240, 320, 3), np.uint8)
    assert all((picture == first).all() for picture in pictures)
    pictures[1][:] = 0
    assert pictures[0].any(), "each picture is the caller's own"


# --- what a policy sees -----------------------------------------------------------------------


def test_a_policys_picture_is_the_mean_of_its_pixels(rng):
    rgb = rng.integers(0, 256, (240, 320, 3), np.uint8)
    seen = POLICY_IMAGE.apply(rgb)
    assert (seen.shape, seen.dtype) == ((80, 80, 3), np.uint8)
    blocks = rgb[:, 40:280].reshape(80, 3, 80, 3, 3).mean((1, 3))
    assert np.abs(seen - blocks).max() <= 0.5 + 1e-6


def test_source_pixels_are_the_middles_of_those_blocks():
    x, y = POLICY_IMAGE.source_pixels(np.array([0.0, 79.0]), np.array([0.0, 10.0])).T
    assert x.tolist() == [41.0, 71.0]
    assert y.tolist() == [1.0, 238.0]
    spec = ImageSpec(source=(100, 200), crop=(10, 20, 40, 80), size=(10, 40))
    assert spec.source_pixels(np.array([0.0]), np.array([0.0])).tolist() == [[20.5, 11.5]]


def test_a_bright_spot_keeps_its_place():
    rgb = np.zeros((240, 320, 3), np.uint8)
    rgb[120:123, 100:103] = 255
    seen = POLICY_IMAGE.apply(rgb)
    row, column = np.argwhere(seen[..., 0] > 128)[0]
    spot = POLICY_IMAGE.source_pixels(np.array([row * 1.0]), np.array([column * 1.0]))[0]
    assert spot.tolist() == [101.0, 121.0]


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((120, 160, 3), np.uint8), np.zeros((240, 320, 3)), np.zeros((240, 320), np.uint8)],
)
def test_another_camera_is_refused(wrong):
    with pytest.raises(ValueError, match=r"expected \(240, 320, 3\) uint8"):
        POLICY_IMAGE.apply(wrong)
