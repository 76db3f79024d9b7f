import pytest

from robot_meta import experiments
from robot_meta.errors import ConfigError
from robot_meta.evaluate import Case, EvalConfig
from robot_meta.results import Metric
from robot_meta.rollout import Outcome


def outcome(success, chosen=0):
    return Outcome(success=success, loose_success=success, chosen=chosen, steps=30, error_m=0.01)


def case(task, successes, follows):
    made = Case(task, adapt_ms=[50.0], policy_ms=[1.0, 2.0])
    made.outcomes["success"] = [outcome(s) for s in successes]
    made.outcomes["success_wrong_demo"] = [outcome(False, chosen=1 if follows else 2)]
    made.shown["success_wrong_demo"] = 1
    return made


def rate(value):
    return Metric(value=value, unit="rate", n=100)


def test_seeds_are_pooled_over_tasks_with_the_worst_beside_the_mean():
    cases = [case(0, [1, 1], True), case(1, [1, 0], True), case(0, [1, 1], False)]
    pooled = experiments.pool(cases, {0: 0.75, 1: 1.0}, EvalConfig())
    assert pooled["success"].value == pytest.approx(5 / 6)
    assert pooled["success"].n == 6
    assert pooled["success"].seeds == (0, 1)
    assert pooled["success_worst"].value == 0.75
    assert pooled["success_mean"].value == 0.875
    assert pooled["wrong_demo_followed"].value == pytest.approx(2 / 3)


GOOD = {
    "success": rate(0.96),
    "chance": rate(1 / 3),
    "success_blind": rate(0.35),
    "success_wrong_demo": rate(0.04),
    "success_replay": rate(0.02),
    "success_final_pose": rate(0.30),
    "wrong_demo_followed": rate(0.90),
}


def test_every_bound_of_the_contract_is_checked(capsys):
    found = experiments.checks(GOOD, [0.95, 0.97], 0.95)
    assert all(check.kept for check in found)
    assert len(found) == 6
    assert experiments.tell(found) == 0
    assert capsys.readouterr().out.count("kept") == 6


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"success_blind": rate(0.45)}, "success_blind"),
        ({"success_wrong_demo": rate(0.11)}, "success_wrong_demo"),
        ({"success_replay": rate(0.5)}, "success_replay"),
        ({"wrong_demo_followed": rate(0.85)}, "wrong_demo_followed"),
    ],
)
def test_a_broken_bound_is_named_and_fails(change, word, capsys):
    found = experiments.checks({**GOOD, **change}, [0.95, 0.97], 0.95)
    assert [check.text.split()[0] for check in found if not check.kept] == [word]
    assert experiments.tell(found) == 1
    assert f"BROKEN  {word}" in capsys.readouterr().out


def test_one_weak_seed_breaks_the_pass_rule():
    (first, *_) = experiments.checks(GOOD, [0.90, 1.0, 1.0], 0.95)
    assert not first.kept


def test_an_unknown_experiment_is_named_with_the_known_ones():
    with pytest.raises(ConfigError, match="'mil-fly' is unknown; there are mil-place"):
        experiments.run("mil-fly")


def test_published_figures_stand_beside_what_was_measured_by_their_protocol_alone():
    config = EvalConfig(family="push", evidence="human")
    assert experiments.published("daml", config)["success"].value == 0.889
    for other in (
        EvalConfig(family="push"),
        EvalConfig(family="push", evidence="human", split="val"),
        EvalConfig(family="push", evidence="human", film="phone"),
    ):
        assert not experiments.published("daml", other)
