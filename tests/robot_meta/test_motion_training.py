import numpy as np
import pytest

from robot_meta import loops
from robot_meta.config import as_dict
from robot_meta.errors import ConfigError
from robot_meta.locomotion import World, episodes, gaits
from robot_meta.loops import TrainConfig
from robot_meta.motion_training import Start, prepare

WORLD = World(robot="half_cheetah", fault="disabled_joint")


@pytest.fixture(scope="module")
def motion():
    return episodes(WORLD, "train", gaits, 12, 0, steps=40).motion()


def test_training_lowers_the_error_on_episodes_it_has_not_seen(motion):
    run = prepare("mb", WORLD, motion, {"net": {"hidden": [32]}}, 16)
    before = run.validate(run.start)["error"]
    config = TrainConfig(steps=60, tasks=1, rate=3e-3, warmup=5)
    *_, last = loops.meta_train(run.trainable, run.start, run.sample, config)
    assert run.validate(last.averaged)["error"] < 0.8 * before


def test_the_seed_draws_the_first_parameters(motion):
    a, b = (prepare("mb", WORLD, motion, {}, 4, seed).start for seed in (0, 1))
    assert not np.array_equal(a["w0"], b["w0"])


def test_unknown_settings_are_refused(motion):
    with pytest.raises(ConfigError, match="unknown"):
        prepare("mb", WORLD, motion, {"momentum": 1}, 4)


def test_goes_on_from_a_model_that_does_not_adapt(motion):
    settings = {"net": {"hidden": [16]}}
    plain = prepare("mb", WORLD, motion, settings, 4, seed=1)
    found = Start(plain.start, as_dict(plain.learner.config.normal))
    gradient = prepare("grbal", WORLD, motion, settings, 4, seed=2, start=found)
    assert np.array_equal(gradient.start["w0"], plain.start["w0"])
    assert "alpha.gain" in gradient.start
    with pytest.raises(ConfigError, match="same net settings"):
        prepare("grbal", WORLD, motion, {"net": {"hidden": [8]}}, 4, start=found)
