import numpy as np
import pytest

from robot_meta import few_shot_tasks, sinusoid_experiment
from robot_meta.few_shot import Examples
from robot_meta.learners import maml
from robot_meta.results import read_result


def test_the_curve_begins_at_theta_and_follows_the_inner_steps():
    tasks = few_shot_tasks.sinusoid(10, 10)
    learner = maml.make({**tasks.settings, "alpha": 0.01})
    drawn = tasks.draws["test"](np.random.default_rng(0), 6)
    theta = learner.init(0)
    found = sinusoid_experiment.curve(learner, theta, drawn, 3)
    assert found.shape == (6, 4)
    for k in (0, 3):
        phi = learner.adapt(theta, Examples(drawn.support.x[2], drawn.support.y[2]), k)
        error = (learner.predict(phi, drawn.query.x[2]) - drawn.query.y[2]).square().mean()
        assert found[2, k] == pytest.approx(error.item(), rel=1e-4)


def test_the_experiment_leaves_a_result_and_a_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(sinusoid_experiment, "QUICK_STEPS", 3)
    monkeypatch.setattr(sinusoid_experiment, "TESTS", 5)
    path = tmp_path / "sinusoid.json"
    sinusoid_experiment.run(quick=True, out=path)
    metrics = read_result(path)["metrics"]
    assert {"mse_maml_5_shots_10_steps", "mse_oracle_20_shots_0_steps"} <= set(metrics)
    assert path.with_suffix(".png").stat().st_size > 1000


@pytest.mark.slow
def test_maml_adapts_in_one_step_where_pre_training_does_not(tmp_path, monkeypatch):
    monkeypatch.setattr(sinusoid_experiment, "QUICK_STEPS", 6_000)
    found = sinusoid_experiment.run(quick=True, out=tmp_path / "sinusoid.json")
    one = found["mse_maml_10_shots_1_steps"].value
    assert one < 0.5 * found["mse_maml_10_shots_0_steps"].value
    assert one < 0.5 * found["mse_pretrained_10_shots_10_steps"].value
