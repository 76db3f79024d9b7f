import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from robot_meta import checkpoint, rollout, training
from robot_meta.config import as_dict, from_dict
from robot_meta.data.demo_set import DemoSet
from robot_meta.data.video_set import VideoSet
from robot_meta.errors import CheckpointError, ConfigError, DataError
from robot_meta.loops import TrainConfig
from robot_meta.nets import finer
from robot_meta.nets.vision import VisionConfig
from robot_meta.session import Session
from tests import linear
from tests.robot_meta.test_loops import sample

CONFIG = TrainConfig(steps=6, tasks=1, warmup=2, average=0.9)
NET = {
    "image": [16, 16],
    "skip_rows": 0,
    "channels": [4, 4],
    "kernels": [3, 3],
    "strides": [2, 2],
    "groups": 2,
    "embed": 8,
    "hidden": 8,
}


def linear_run():
    learner = linear.LinearLearner()
    return training.Run(learner, learner, sample, lambda params: {"size": float(len(params))})


def saving(folder, **changes):
    return training.Saving(**{"out": folder, "save_every": 4, "validate_every": 3, **changes})


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path):
    whole = list(training.train(linear_run(), CONFIG, saving(tmp_path / "whole")))
    steps = training.train(linear_run(), CONFIG, saving(tmp_path / "parts"))
    first = list(itertools.islice(steps, 3))
    steps.close()  # as Ctrl-C does: the state is saved though 3 is no step to save at
    rest = list(training.train(linear_run(), CONFIG, saving(tmp_path / "parts")))
    assert [s.number for s in first + rest] == [1, 2, 3, 4, 5, 6]
    one, two = (checkpoint.load(tmp_path / part / training.THETA) for part in ("whole", "parts"))
    assert one.sha256 == two.sha256
    assert torch.equal(whole[-1].params["weight"], rest[-1].params["weight"])
    assert one.notes["steps"] == 6


def test_what_is_shipped_is_the_average_and_loads_as_a_session(tmp_path):
    linear.register()
    *_, last = training.train(linear_run(), CONFIG, saving(tmp_path))
    session = Session.load(tmp_path / training.THETA)
    assert torch.equal(session.theta["weight"], last.averaged["weight"])
    assert not torch.equal(session.theta["weight"], last.params["weight"])


def test_a_folder_of_another_run_is_refused(tmp_path):
    list(training.train(linear_run(), CONFIG, saving(tmp_path)))
    with pytest.raises(CheckpointError, match="another run: rate was"):
        list(training.train(linear_run(), replace(CONFIG, rate=0.5), saving(tmp_path)))


def tiny_set(rng, tasks=3, demos=3, frames=12):
    size = (tasks, demos, frames)
    return DemoSet(
        rgb=rng.integers(0, 256, (*size, 16, 16, 3), np.uint8),
        state=rng.uniform(0, 0.5, (*size, 4)).astype(np.float32),
        action=rng.uniform(-0.1, 0.1, (*size, 4)).astype(np.float32),
        before=np.broadcast_to(np.arange(frames) < 7, size).copy(),
        keypose=rng.uniform(0.4, 0.6, (tasks, demos, 2, 3)).astype(np.float32),
        marker=rng.uniform(0.4, 0.6, (*size, 2, 2)).astype(np.float32),
    )


def sources(train, validation=None, videos=None):
    return training.Sources(family="place", train=train, validation=validation, videos=videos)


def cells():
    return [[0.4 + 0.05 * r, -0.1 + 0.05 * c] for r in range(4) for c in range(4)]


def test_mil_trains_from_a_folder_of_shards_and_its_checkpoint_acts(tmp_path, rng):
    tiny_set(rng).save(tmp_path / "shard-000000.npz")
    settings = {"net": NET, "cells": cells(), "steps": 1, "query_frames": 4}
    run = training.prepare_mil(sources(tmp_path, tmp_path), settings, 2)
    *_, last = training.train(run, CONFIG, saving(tmp_path / "run"))
    assert np.isfinite(last.loss)
    assert run.validate is not None
    assert np.isfinite(run.validate(last.averaged)["loss"])
    session = Session.load(tmp_path / "run" / training.THETA)
    found = session.adapt([linear.demo(length=12, size=16)])
    session.apply(found)
    assert session.act(linear.frame(rng, size=16)).shape == (4,)


def test_daml_trains_on_films_beside_demonstrations_and_adapts_on_pictures(tmp_path, rng):
    robots = tiny_set(rng)
    for name in ("place-train", "place-val"):
        (tmp_path / name).mkdir()
        robots.save(tmp_path / name / "shard-000000.npz")
    for name in ("place-human-train", "place-human-val"):
        (tmp_path / name).mkdir()
        VideoSet(robots.rgb, robots.marker).save(tmp_path / name / "shard-000000.npz")
    settings = {"net": NET, "cells": cells(), "steps": 1, "query_frames": 4, "video_frames": 6}
    given = sources(
        tmp_path / "place-train", tmp_path / "place-val", tmp_path / "place-human-train"
    )
    run = training.prepare_daml(given, settings, 2)
    *_, last = training.train(run, CONFIG, saving(tmp_path / "run"))
    assert np.isfinite(last.loss)
    assert run.validate is not None
    assert np.isfinite(run.validate(last.averaged)["loss"])
    session = Session.load(tmp_path / "run" / training.THETA)
    shown = rollout.video(rng.integers(0, 256, (9, 16, 16, 3), np.uint8))
    session.apply(session.adapt([shown]))
    assert session.adapted


def test_a_finer_policy_goes_on_from_a_coarse_one(tmp_path, rng):
    tiny_set(rng).save(tmp_path / "shard-000000.npz")
    coarse = {"net": NET, "cells": cells(), "steps": 1, "query_frames": 4}
    run = training.prepare_mil(sources(tmp_path), coarse, 2)
    list(training.train(run, CONFIG, saving(tmp_path / "run")))
    theta = tmp_path / "run" / training.THETA
    sizes = as_dict(finer.config(from_dict(VisionConfig, NET)))
    robots = tiny_set(rng)
    (tmp_path / "fine").mkdir()
    replace(robots, rgb=robots.rgb.repeat(2, -2).repeat(2, -3)).save(
        tmp_path / "fine" / "shard-000000.npz"
    )
    given = replace(sources(tmp_path / "fine"), start=theta)
    started = training.prepare_mil(given, {**coarse, "net": sizes}, 2)
    assert started.learner.image_shape == (32, 32, 3)
    old = Session.load(theta)
    picture = rng.integers(0, 256, (1, 16, 16, 3), np.uint8)
    seen = started.learner.see(started.start, picture.repeat(2, 1).repeat(2, 2))
    assert torch.allclose(seen, old.learner.see(old.theta, picture), atol=1e-4)


def test_pictures_are_averaged_to_the_size_that_a_policy_takes(tmp_path, rng):
    robots = tiny_set(rng)
    fine = replace(robots, rgb=robots.rgb.repeat(2, -2).repeat(2, -3))
    fine.save(tmp_path / "shard-000000.npz")
    run = training.prepare_mil(sources(tmp_path), {"net": NET, "cells": cells(), "steps": 1}, 2)
    assert run.sample(rng).rgb.shape[2:] == (16, 16, 3)
    assert np.array_equal(DemoSet.load(tmp_path, side=16).rgb, robots.rgb)
    with pytest.raises(ConfigError, match="32 pixels cannot be averaged to 20"):
        DemoSet.load(tmp_path, side=20)


def test_shards_of_other_sizes_are_not_joined(tmp_path, rng):
    robots = tiny_set(rng)
    robots.save(tmp_path / "shard-000000.npz")
    wide = replace(robots, rgb=robots.rgb.repeat(2, -2))
    wide.save(tmp_path / "shard-000003.npz")
    with pytest.raises(DataError, match="collect them with the same options"):
        DemoSet.load(tmp_path)
    assert len(DemoSet.load(tmp_path, limit=2)) == 2


def test_a_robots_demonstrations_serve_as_films(tmp_path, rng):
    robots = tiny_set(rng)
    robots.save(tmp_path / "shard-000000.npz")
    films = VideoSet.load(tmp_path)
    assert np.array_equal(films.rgb, robots.rgb)


def test_films_do_not_serve_as_a_robots_demonstrations(tmp_path, rng):
    robots = tiny_set(rng)
    VideoSet(robots.rgb, robots.marker).save(tmp_path / "shard-000000.npz")
    with pytest.raises(DataError, match=r"no arrays \['action', 'before'"):
        DemoSet.load(tmp_path)


def test_no_data_says_how_to_get_them(tmp_path):
    with pytest.raises(DataError, match="robot-meta collect"):
        training.prepare_mil(sources(tmp_path), {"cells": [[0.5, 0.0]]}, 2)


def test_an_unknown_setting_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"unknown \['speed'\]"):
        training.prepare_mil(sources(tmp_path), {"cells": [], "speed": 1}, 2)


def test_settings_are_read_as_json_with_dots_for_nesting():
    words = ("steps=2", "net.embed=64", "net.image=[96,96]", "name=plain")
    assert training.parse_settings(words) == {
        "steps": 2,
        "net": {"embed": 64, "image": [96, 96]},
        "name": "plain",
    }
    with pytest.raises(ConfigError, match="'steps': write name=value"):
        training.parse_settings(("steps",))
