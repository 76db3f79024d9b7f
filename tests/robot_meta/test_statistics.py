import numpy as np
import pytest

from robot_meta import statistics
from robot_meta.errors import DataError


def test_the_mean_is_over_trials():
    found = statistics.bootstrap_ci([1, 1, 1, 0], ["a", "a", "a", "b"])
    assert found.value == 0.75
    assert (found.trials, found.tasks) == (4, 2)
    assert found.ci95[0] <= found.value <= found.ci95[1]


def test_equal_tasks_leave_no_doubt():
    assert statistics.bootstrap_ci([1, 0] * 60, list(range(60)) * 2).ci95[1] > 0.5
    found = statistics.bootstrap_ci([1, 0] * 60, [i // 2 for i in range(120)])
    assert found.ci95 == (0.5, 0.5)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    # Tasks differ (beta-drawn rates) and have 5 trials each: resampling trials would be too sure.
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        rates = rng.beta(2, 1, 60)
        values = (rng.random((60, 5)) < rates[:, None]).astype(float).ravel()
        low, high = statistics.bootstrap_ci(
            values, np.repeat(np.arange(60), 5).tolist(), resamples=400
        ).ci95
        covered += low <= 2 / 3 <= high
    assert covered / 200 == pytest.approx(0.95, abs=0.045)


def test_the_interval_is_a_function_of_the_data():
    data = ([1, 0, 1, 1, 0, 1], list("aabbcc"))
    assert statistics.bootstrap_ci(*data) == statistics.bootstrap_ci(*data)


def test_pairing_finds_what_separate_intervals_hide():
    rng = np.random.default_rng(1)
    tasks = np.repeat(np.arange(80), 2).tolist()
    hard = np.repeat(rng.random(80), 2)
    a = {seed: hard + 0.02 + 0.01 * rng.standard_normal(160) for seed in range(3)}
    b = {seed: hard + 0.01 * rng.standard_normal(160) for seed in range(3)}
    found = statistics.paired_difference(a, b, tasks)
    assert found.value == pytest.approx(0.02, abs=0.003)
    assert found.excludes_zero
    assert statistics.beats(found, training_seeds=3)
    assert not statistics.beats(found, training_seeds=2)
    assert not statistics.beats(statistics.paired_difference(b, a, tasks), 3)
    separate = statistics.bootstrap_ci(a[0], tasks), statistics.bootstrap_ci(b[0], tasks)
    assert separate[0].ci95[0] < separate[1].ci95[1]


@pytest.mark.parametrize(
    ("figures", "passed"),
    [
        ([0.95, 0.95, 0.95, 0.95, 0.95], True),
        ([0.91, 0.96, 0.96, 0.96, 0.96], True),
        ([0.90, 0.99, 0.99, 0.99, 0.99], False),
        ([0.94, 0.95, 0.95, 0.95, 0.95], False),
    ],
)
def test_the_pass_rule(figures, passed):
    verdict = statistics.judge(figures, 0.95)
    assert verdict.passed is passed
    assert verdict.worst == min(figures)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: statistics.bootstrap_ci([], []), "for 0 task labels"),
        (lambda: statistics.bootstrap_ci([1, 0], ["a"]), r"\(2,\) for 1"),
        (lambda: statistics.bootstrap_ci([1, np.nan], [0, 1]), "1 of 2 values not finite"),
        (lambda: statistics.paired_difference({0: [1]}, {1: [1]}, [0]), r"seeds \[0\] against"),
        (lambda: statistics.paired_difference({0: [1]}, {0: [1, 0]}, [0]), "seed 0"),
        (lambda: statistics.judge([], 0.9), "no figures"),
    ],
)
def test_data_that_allow_no_figure_are_refused(call, words):
    with pytest.raises(DataError, match=words):
        call()
