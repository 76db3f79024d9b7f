"""Films outside training: the bounds, and that every preset exists."""

import gymnasium
import numpy as np
import pytest

from robot_meta import films, rollout
from robot_meta.results import Metric


def figures(**kept):
    given = dict.fromkeys(films.KEPT, 0.96) | kept
    return {f"kept_{k}": Metric(value=v, unit="ratio", n=300) for k, v in given.items()}


def test_the_phone_may_cost_little_and_the_others_more():
    assert all(check.kept for check in films.checks(figures(azimuth=0.75, small_hand=0.80)))
    broken = [
        c.text.split()[0] for c in films.checks(figures(phone=0.94, azimuth=0.74)) if not c.kept
    ]
    assert broken == ["kept_azimuth", "kept_phone"]


@pytest.mark.parametrize("preset", films.PRESETS)
def test_every_preset_can_be_filmed(preset):
    env = gymnasium.make("sim:sim/SawyerPlace-v0", split="test").unwrapped
    demo, arrangement = rollout.film(env, seed=0, options={"task": 1, "trial": 500}, preset=preset)
    assert demo.rgb.shape[1:] == (80, 80, 3)
    usual, same = rollout.film(env, seed=0, options={"task": 1, "trial": 500})
    assert arrangement == same
    assert (demo.rgb.shape != usual.rgb.shape or (demo.rgb != usual.rgb).any()) == (
        preset != "train"
    )
    env.close()


def test_an_unknown_preset_is_named_with_those_there_are():
    env = gymnasium.make("sim:sim/SawyerPlace-v0").unwrapped
    with pytest.raises(ValueError, match="no film preset 'dusk'; there are train"):
        rollout.film(env, seed=0, options={"task": 0}, preset="dusk")


def test_a_film_that_nobody_could_make_is_drawn_anew():
    made = gymnasium.make("sim:sim/SawyerPlace-v0", split="val", image=None).unwrapped
    real, asked = made.film, []

    def film(task, *, trial, **more):
        asked.append(trial)
        if len(asked) < 3:
            raise RuntimeError("no person could do it")
        return real(task, trial=trial, **more)

    made.film = film
    shown, _ = rollout.film(made, seed=0, options={"task": 1, "trial": 500})
    assert asked == [500, 1500, 2500]
    made.film = real
    again, _ = rollout.film(made, seed=0, options={"task": 1, "trial": 2500})
    assert np.array_equal(shown.rgb, again.rgb)

    def never(*_, **__):
        raise RuntimeError("no person could do it")

    made.film = never
    with pytest.raises(RuntimeError, match="no person"):
        rollout.film(made, seed=0, options={"task": 1})
    made.close()
