"""The camera before a person: where it may be, that all is in the picture, what it does to it."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from sim.camera import POLICY_IMAGE, Camera
from sim.manner import FILM_PRESETS
from sim.onlooker import cover, develop, draw_view, set_up, surface
from sim.scene import CAMERA, furnish, unattended
from sim.tasks import draw_task

TRAIN = FILM_PRESETS["train"]


class Table:
    """A table that nobody sits at, before a camera."""

    def __init__(self, view):
        root = unattended()
        files = cover(root, view)
        scene = furnish(root, draw_task("reach", "train", 0))
        self.model = replace(scene, assets={**scene.assets, **files}).compile()
        self.data = mujoco.MjData(self.model)
        set_up(self.model, view)
        mujoco.mj_forward(self.model, self.data)


@pytest.fixture(scope="module")
def view():
    return draw_view(TRAIN, np.random.default_rng(5))


@pytest.fixture(scope="module")
def table(view):
    return Table(view)


@pytest.mark.parametrize("preset", ["train", "azimuth"])
def test_the_whole_working_area_is_in_the_picture(table, preset, rng):
    corners = np.array([[x, y, 0.04] for x in (0.45, 0.76) for y in (-0.24, 0.24)])
    with Camera(table, CAMERA) as camera:
        for _ in range(50):
            drawn = draw_view(FILM_PRESETS[preset], rng)
            low, high = FILM_PRESETS[preset].azimuth_deg
            assert low <= abs(drawn.azimuth_deg) <= high
            set_up(table.model, drawn)
            mujoco.mj_forward(table.model, table.data)
            position, rotation = camera.pose()
            assert np.rad2deg(np.arctan2(position[1], position[0] - 0.6)) == pytest.approx(
                drawn.azimuth_deg, abs=2.0
            )
            seen = (corners - position) @ rotation @ camera.intrinsics().T
            x, y = (seen[:, :2] / seen[:, 2:]).T
            top, left, h, w = POLICY_IMAGE.crop
            assert (x > left).all()
            assert (x < left + w).all()
            assert (y > top).all()
            assert (y < top + h).all()
    set_up(table.model, draw_view(TRAIN, np.random.default_rng(5)))


def test_both_sides_occur(rng):
    turned = [draw_view(TRAIN, rng).azimuth_deg for _ in range(40)]
    assert min(turned) < -3
    assert max(turned) > 3


def test_surfaces_differ_and_are_those_of_their_seed(view):
    names = [s for given in (TRAIN, FILM_PRESETS["background"]) for s in given.surfaces]
    drawn = {name: surface(replace(view, table_surface=name)) for name in names}
    for name, picture in drawn.items():
        assert np.array_equal(picture, surface(replace(view, table_surface=name)))
        assert picture.mean() > 100, "the table's colour stays what it is"
        assert not any(np.array_equal(picture, drawn[other]) for other in names if other != name)
    with pytest.raises(ValueError, match=r"'lawn'.*plain, grain"):
        surface(replace(view, table_surface="lawn"))


def test_developing_repeats_with_its_noise(view):
    rgb = np.full((240, 320, 3), 120, np.uint8)
    one, two = (develop(rgb, view, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, develop(rgb, view, np.random.default_rng(2)))
    assert one.dtype == np.uint8


def test_developing_obeys_each_setting(view):
    rgb = np.full((240, 320, 3), 100, np.uint8)
    rgb[:, 160:] = 140
    plain = replace(
        view, exposure=1.0, balance=(1.0, 1.0, 1.0), gamma=1.0, noise=0.0, blur_px=0.0, vignette=0.0
    )

    def made(**changes):
        rng = np.random.default_rng(0)
        return develop(rgb, replace(plain, **changes), rng).astype(int)

    assert np.array_equal(made(), rgb), "nothing is done by itself"
    assert made(exposure=1.2).mean() == pytest.approx(1.2 * 120, abs=1)
    assert made(balance=(1.1, 1.0, 0.9))[0, 0].tolist() == [110, 100, 90]
    assert made(gamma=1.2).mean() < 115
    assert made(noise=6.0)[:, :100].std() == pytest.approx(6.0, rel=0.1)
    assert made(blur_px=0.8)[120, 159, 0] > 100, "the edge is soft"
    dark = made(vignette=0.2)
    assert dark[0, 0, 0] == 80
    assert dark[120, 150, 0] == pytest.approx(100, abs=1)
