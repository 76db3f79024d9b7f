"""Labelled pictures: they repeat, their labels are true, and no split shows another's things."""

import gymnasium
import numpy as np
import pytest

from sim.attributes import HUE_BAND_DEG, HUE_BANDS, split_pairs
from sim.table_domains import DOMAINS, RANGES, DomainRange, draw_domain_view
from sim.table_pictures import SHELF


@pytest.fixture(autouse=True)
def short_shelves(monkeypatch):
    monkeypatch.setattr("sim.table_pictures.SHELF", 2)


def made(**kwargs):
    return gymnasium.make("sim:sim/TablePictures-v0", disable_env_checker=True, **kwargs).unwrapped


def test_the_same_picture_for_seed_and_options_and_another_for_each_trial():
    env, again = made(), made()
    first, info = env.reset(seed=1, options={"task": 3, "trial": 1})
    env.reset(seed=1, options={"task": 0})
    back, told = env.reset(seed=1, options={"task": 3, "trial": 1})
    assert np.array_equal(first["rgb"], back["rgb"])
    assert np.array_equal(info["things"], told["things"])
    other, _ = again.reset(seed=1, options={"task": 3, "trial": 0})
    assert not np.array_equal(first["rgb"], other["rgb"])
    following, *_ = again.step(0)
    assert np.array_equal(first["rgb"], following["rgb"]), "the next trial"
    assert env.observation_space.contains(first)
    env.close()
    again.close()


@pytest.mark.parametrize("family", ["reach", "place"])
def test_labels_lie_where_the_things_are_seen(family):
    env = made(family=family, preset="none")
    for task in range(2):
        shown, info = env.reset(options={"task": task})
        things, rgb = info["things"], shown["rgb"].astype(int)
        assert set(np.unique(things)) == {0, 1, 2, 3}
        table = np.median(rgb[40:][things[40:] == 0], axis=0)
        for number in (1, 2, 3):
            rows, columns = np.nonzero(things == number)
            assert 20 < len(rows) < 400
            assert max(np.ptp(rows), np.ptp(columns)) < 30, "in one piece"
            away = np.abs(rgb[things == number] - table).max(1)
            assert (away > 15).mean() > 0.6, "it is not the table that is labelled"
    env.close()


def test_splits_show_looks_of_their_own():
    seen = {}
    for split in ("train", "val", "test"):
        env = made(split=split)
        looks = [look for i in (0, 1) for look in env.reset(options={"task": i})[1]["looks"]]
        env.close()
        assert {(x.shape, x.pattern) for x in looks} <= set(split_pairs(split))
        assert {int(x.hue_deg // HUE_BAND_DEG) for x in looks} <= set(HUE_BANDS[split])
        seen[split] = {x.texture_seed for x in looks}
    assert not seen["train"] & seen["test"]


def test_each_domain_leaves_the_robots_camera_in_its_own_way():
    rng = np.random.default_rng(0)
    assert set(RANGES) == set(DOMAINS)
    usual = DomainRange()
    fields = {
        name: {f for f, v in vars(given).items() if v != getattr(usual, f)}
        for name, given in RANGES.items()
    }
    for name in DOMAINS:
        for other in DOMAINS:
            assert name == other or not fields[name] & fields[other] - {"table"}
    assert all(abs(draw_domain_view("angle", rng).azimuth_deg) >= 35 for _ in range(5))
    balance = np.array([draw_domain_view("cast", rng).balance for _ in range(5)])
    assert (balance.max(1) / balance.min(1) > 1.8).all()


def test_a_cast_is_seen_in_the_picture():
    env = made(domain="cast")
    mean = [env.reset(options={"trial": i})[0]["rgb"].reshape(-1, 3).mean(0) for i in range(3)]
    env.close()
    assert all(m.max() / m.min() > 1.3 for m in mean)


def test_what_is_not_there_is_refused_by_name():
    assert SHELF > 1
    with pytest.raises(ValueError, match="angle, surface, light, cast"):
        made(domain="fog")
    with pytest.raises(ValueError, match="reach and place"):
        made(family="push")
    env = made()
    with pytest.raises(RuntimeError, match="reset"):
        env.step(0)
    with pytest.raises(ValueError, match="colour"):
        env.reset(options={"colour": 1})
