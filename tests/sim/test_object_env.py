import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from sim.object_view import View, colours, draw_view


@pytest.fixture(scope="module")
def env():
    made = gymnasium.make("sim:sim/Objects-v0", size=32).unwrapped
    yield made
    made.close()


def shown(env, **options):
    still = {"ground": -1, "light_dir": (0.0, 0.0, -1.0), "pattern": 0, "bright": 1.0, "hue": 0.0}
    return env.reset(seed=0, options={"shape": "chair-1", **still, **options})


@pytest.mark.filterwarnings("ignore:.*symmetric and normalized")
def test_the_environment_keeps_gymnasiums_contract(env):
    check_env(env, skip_render_check=True)


def test_the_same_seed_shows_the_same_and_another_does_not(env):
    first, told = env.reset(seed=3)
    again, told_again = env.reset(seed=3)
    assert (first == again).all()
    assert told == told_again
    assert (env.reset(seed=4)[0] != first).any()


def test_turning_the_thing_is_turning_the_camera_the_other_way(env):
    """Under light from above, nothing but the angle between them can be seen."""
    one, _ = shown(env, position_m=(0, 0), azimuth_rad=0.9, bearing_rad=0.2, light=0.7)
    other, _ = shown(env, position_m=(0, 0), azimuth_rad=1.9, bearing_rad=1.2, light=0.7)
    third, _ = shown(env, position_m=(0, 0), azimuth_rad=1.9, bearing_rad=0.2, light=0.7)
    assert np.abs(one.astype(int) - other).mean() < 0.5
    assert np.abs(one.astype(int) - third).mean() > 2


def test_a_thing_is_seen_where_it_stands(env):
    """To the camera at bearing 0, +y is on the right and +x is near, which is low."""
    middles = {}
    for x, y in ((0.0, 0.2), (0.0, -0.2), (0.2, 0.0), (-0.2, 0.0)):
        picture, _ = shown(env, position_m=(x, y), bearing_rad=0.0, elevation_rad=0.8)
        middles[x, y] = np.argwhere(picture.sum(2) > 30).mean(0)
    assert middles[0.0, 0.2][1] > middles[0.0, -0.2][1] + 3
    assert middles[0.2, 0.0][0] > middles[-0.2, 0.0][0] + 3


def test_nothing_of_the_last_shape_stays(env):
    before, _ = shown(env, shape="mug-1", position_m=(0, 0), azimuth_rad=0.0, bearing_rad=0.0)
    shown(env, shape="truck-1", position_m=(0, 0), azimuth_rad=0.0, bearing_rad=0.0)
    after, _ = shown(env, shape="mug-1", position_m=(0, 0), azimuth_rad=0.0, bearing_rad=0.0)
    assert (before == after).all()


def test_the_true_pose_is_the_best_guess(env):
    _, told = env.reset(seed=1)
    truth = np.array([*told["position_m"], told["azimuth_rad"]])
    assert env.step(truth)[1] == pytest.approx(0)
    _, worse, ended, _, _ = env.step(truth + np.array([0.1, 0, 0.2]))
    assert ended
    assert worse == pytest.approx(-0.1 - np.sin(0.1))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"colour": 1}, "shape, position_m"),
        ({"shape": "ship-1"}, "chair-17"),
        ({"ground": 9}, "grounds -1 to"),
        ({"elevation_rad": 0.0}, "above the ground"),
    ],
)
def test_bad_options_are_refused(env, options, told):
    with pytest.raises(ValueError, match=told):
        env.reset(options=options)


def test_bad_guesses_and_sizes_are_refused(env):
    env.reset(seed=0)
    with pytest.raises(ValueError, match="three finite numbers"):
        env.step(np.array([0.0, np.nan, 0.0]))
    with pytest.raises(ValueError, match="8 to 240"):
        gymnasium.make("sim:sim/Objects-v0", size=4)
    fresh = gymnasium.make("sim:sim/Objects-v0", size=16).unwrapped
    with pytest.raises(RuntimeError, match="reset"):
        fresh.render()
    fresh.close()


def test_a_shape_keeps_its_hues_and_the_view_moves_them():
    plain = colours("car-1", View())
    assert (plain == colours("car-1", View())).all()
    assert not np.allclose(plain, colours("car-2", View()))
    assert not np.allclose(plain, colours("car-1", View(hue=0.1)))


def test_drawn_views_are_reproducible():
    assert draw_view(np.random.default_rng(5)) == draw_view(np.random.default_rng(5))
