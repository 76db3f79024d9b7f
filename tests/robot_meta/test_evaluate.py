"""The evaluation: which tasks, which conditions, and figures from constructed outcomes."""

from collections import Counter
from concurrent.futures import Executor, Future
from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from robot_meta import evaluate, report
from robot_meta.errors import ConfigError
from robot_meta.evaluate import CONTROLS, DEMO_TRIAL, Case, EvalConfig, chosen_tasks, metrics
from robot_meta.rollout import Outcome
from robot_meta.session import Session
from sim.camera import POLICY_IMAGE
from tests import linear

# --- which tasks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trials", "a_task", "tasks"),
    [(300, 3, 100), (444, 6, 74), (50, 3, 17), (1, 3, 1), (360, 6, 60)],
)
def test_trials_are_spread_over_tasks(trials, a_task, tasks):
    config = EvalConfig(trials=trials)
    assert (config.a_task, config.tasks) == (a_task, tasks)
    assert config.tasks * config.a_task >= trials


def test_a_full_run_has_sixty_tasks():
    for trials in (180, 300, 360, 444, 600):
        assert EvalConfig(trials=trials).tasks >= 60


def test_tasks_are_drawn_by_the_seed_without_repeats():
    chosen = [chosen_tasks(EvalConfig(trials=300, seed=seed), 200) for seed in range(3)]
    assert chosen[0] == chosen_tasks(EvalConfig(trials=300, seed=0), 200)
    assert chosen[0] != chosen[1] != chosen[2]
    for tasks in chosen:
        assert len(set(tasks)) == 100
        assert set(tasks) <= set(range(200))
    more = Counter(chosen_tasks(EvalConfig(trials=1500), 200))
    assert set(more) == set(range(200)), "all before any comes again"
    assert set(more.values()) == {1, 2}


def test_trials_and_demonstrations_never_share_an_arrangement():
    assert EvalConfig(trials=444).a_task < DEMO_TRIAL


def test_films_are_named_and_of_people():
    assert EvalConfig(evidence="human", film="phone").film == "phone"
    with pytest.raises(ConfigError, match=r"no films 'cinema'; there are train, .*phone"):
        EvalConfig(evidence="human", film="cinema")
    with pytest.raises(ConfigError, match="the evidence is 'robot'; choose the evidence human"):
        EvalConfig(film="phone")


# --- figures ----------------------------------------------------------------------------------


def ended(success, chosen=None, steps=20, loose=None):
    return Outcome(success, success if loose is None else loose, chosen, steps, 0.01)


@pytest.fixture
def cases():
    """Two tasks: the first solved 3 of 3, the second 1 of 3; the wrong demo misleads 4 of 6."""
    wrong = [[ended(False, 2), ended(False, 2), ended(True, 0)]] * 2
    return [
        Case(
            task=task,
            outcomes={
                "success": [ended(k < solved, steps=20 + k, loose=True) for k in range(3)],
                "success_wrong_demo": wrong[task],
            },
            shown={"success_wrong_demo": 2},
            adapt_ms=[100.0 + task, 900.0],
            policy_ms=[1.0] * 99 + [50.0],
        )
        for task, solved in ((1, 1), (0, 3))
    ]


def test_figures_of_an_evaluation(cases):
    figures = metrics(cases, EvalConfig(family="push", seed=4))
    assert figures["success"].value == pytest.approx(4 / 6)
    assert figures["success"].n == 6
    assert figures["success"].seeds == (4,) or figures["success"].seeds == [4]
    low, high = figures["success"].ci95
    assert low == pytest.approx(1 / 3), "over tasks, of which there are two"
    assert high == pytest.approx(1.0)
    assert figures["success_wrong_demo"].value == pytest.approx(1 / 3)
    assert figures["wrong_demo_followed"].value == pytest.approx(2 / 3)
    assert figures["success_published_threshold"].value == 1.0
    assert figures["chance"].value == pytest.approx(1 / 3)
    assert figures["adapt_ms_p50"].value == pytest.approx(100.5), "of one-shot adaptation alone"
    assert figures["policy_ms_p50"].value == 1.0
    assert figures["policy_ms_p99"].value == pytest.approx(
        np.quantile([1.0] * 99 + [50.0], 0.99), rel=0.5
    )
    assert figures["steps_to_success"].value == pytest.approx((20 + 20 + 21 + 22) / 4)


def test_the_order_of_cases_does_not_matter(cases):
    config = EvalConfig(family="push")
    assert metrics(cases, config) == metrics(cases[::-1], config)


def test_the_published_threshold_is_for_push_and_reach(cases):
    assert "success_published_threshold" not in metrics(cases, EvalConfig(family="place"))
    assert metrics(cases, EvalConfig(family="pick_place"))["chance"].value == pytest.approx(1 / 9)


def test_without_a_success_there_are_no_steps_to_it(cases):
    failed = [replace(c, outcomes={"success": [ended(False)] * 3}) for c in cases]
    figures = metrics(failed, EvalConfig())
    assert figures["success"].value == 0.0
    assert "steps_to_success" not in figures
    assert "wrong_demo_followed" not in figures


def test_the_trials_of_a_task_can_be_chosen():
    config = EvalConfig(trials=90, trials_a_task=1)
    assert (config.a_task, config.tasks) == (1, 90)


def test_a_coarser_policy_sees_what_the_camera_would_give_it(rng):
    whole = rng.integers(0, 256, (240, 320, 3), np.uint8)
    coarse = POLICY_IMAGE.apply(whole)
    fine = replace(POLICY_IMAGE, size=(160, 160)).apply(whole)
    seen = evaluate.coarser(replace(linear.frame(rng), rgb=fine), session())
    assert np.abs(seen.rgb.astype(int) - coarse).max() <= 1
    same = replace(linear.frame(rng), rgb=coarse)
    assert evaluate.coarser(same, session()) is same
    with pytest.raises(ConfigError, match="100 pixels cannot be averaged to 80"):
        evaluate.coarser(replace(linear.frame(rng), rgb=fine[:100, :100]), session())


# --- a whole case -----------------------------------------------------------------------------

CONFIG = EvalConfig(family="reach", split="val", trials=3, shots=(1, 2), max_steps=24)


@pytest.fixture(scope="module")
def env():
    made = gymnasium.make("sim:sim/SawyerReach-v0", split="val", max_steps=24).unwrapped
    yield made
    made.close()


def session(seed=0):
    learner = linear.LinearLearner(linear.LinearConfig(image=(80, 80), alpha=0.002))
    return Session(learner, learner.init(seed))


@pytest.fixture(scope="module")
def case(env):
    return evaluate.run_case(env, session(), session(1), CONFIG, task=5, other=9)


def test_every_condition_is_tried_as_often_as_the_config_says(case):
    expected = {"success", "success_2_shots", *(f"success_{name}" for name in CONTROLS)}
    expected.remove("success_told")  # not of this learner, which has no eyes of its own
    assert set(case.outcomes) == expected
    tried = {name: len(outcomes) for name, outcomes in case.outcomes.items()}
    assert tried.pop("success") == CONFIG.a_task
    assert set(tried.values()) == {CONFIG.control_trials}
    assert len(case.adapt_ms) == 4, "one shot, two shots, the wrong demo, the unrelated one"
    told = metrics([case], CONFIG)
    assert expected | {"wrong_demo_followed", "chance", "adapt_ms_p50", "policy_ms_p99"} <= set(
        told
    )


def test_the_wrong_demo_shows_something_else(case, env):
    env.reset(seed=0, options={"task": 5, "split": "val"})
    assert case.shown["success_wrong_demo"] != env.episode.task.target
    assert 0 <= case.shown["success_wrong_demo"] < 3


def test_a_case_can_be_repeated_and_gives_the_session_back(case, env):
    held = session()
    before = held.version
    again = evaluate.run_case(env, held, None, replace(CONFIG, shots=(1,), controls=()), 5, 9)
    assert set(again.outcomes) == {"success"}
    assert again.outcomes["success"] == case.outcomes["success"]
    assert held.version == before


class Here(Executor):
    """Runs everything at once, in this process."""

    def submit(self, fn, /, *args):
        done = Future()
        done.set_result(fn(*args))
        return done


def test_policies_compared_on_one_demonstration_do_as_they_do_alone():
    config = EvalConfig(
        family="place", split="val", trials=1, trials_a_task=1, shots=(1,), controls=()
    )
    paths = [str(report.shipped(name, "place")) for name in ("mil-blind", "mil")]
    (together,) = evaluate.compare(paths, config, pool=Here())
    alone = [next(evaluate.evaluate(path, None, config, pool=Here())) for path in paths]
    assert [case.outcomes for case in together] == [case.outcomes for case in alone]
    assert together[0].outcomes != together[1].outcomes


def test_policies_for_pictures_of_several_sizes_are_not_compared():
    config = EvalConfig(family="place", split="val", trials=1, trials_a_task=1, controls=())
    paths = [str(report.shipped(name, "place")) for name in ("mil", "daml")]
    with pytest.raises(ConfigError, match=r"\[80, 160\] pixels are shown nothing alike"):
        next(evaluate.compare(paths, config, pool=Here()))


def test_a_hand_that_is_told_where_things_are_needs_no_eyes():
    config = EvalConfig(family="place", split="val", trials=3, shots=(1,), controls=("told",))
    place = evaluate.environment(config, 80)
    held = Session.load(report.shipped("mil", "place"))
    blinded = {n: p.zero_() if n.startswith("conv") else p for n, p in held.theta.items()}
    unseeing = Session(held.learner, blinded)
    done = evaluate.run_case(place, unseeing, None, config, task=1, other=2)
    assert [o.success for o in done.outcomes["success_told"]] == [True]
    assert not any(o.success for o in done.outcomes["success"])
