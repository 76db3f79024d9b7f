"""Train, evaluate and experiment as a user calls them, on the smallest tasks."""

import numpy as np
import pytest

from robot_meta import checkpoint, commands, few_shot_experiment, few_shot_tasks
from robot_meta.data.classes import ClassSet, Splits
from robot_meta.errors import CheckpointError, DataError
from robot_meta.few_shot_training import prepare
from robot_meta.options import EvalOptions, TrainOptions
from robot_meta.results import read_result


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_learner_is_trained_and_evaluated(elsewhere):
    options = TrainOptions(steps=4, batch=2, shot=5, query=5, settings=("alpha=0.01",))
    assert commands.train("maml", "sinusoid", options) == 0
    theta = elsewhere / "runs/few-shot/maml-sinusoid-5way-5shot-seed0/theta.safetensors"
    assert checkpoint.load(theta).notes["command"].startswith("train maml sinusoid --steps 4")
    json = elsewhere / "maml.json"
    wanted = EvalOptions(checkpoint=theta, tasks=12, shot=5, json=json)
    assert commands.evaluate("maml", "sinusoid", wanted) == 0
    assert read_result(json)["metrics"]["mse"]["n"] == 12
    assert len((elsewhere / "results/test-log.jsonl").read_text().splitlines()) == 1


def test_without_parameters_the_file_is_named():
    with pytest.raises(CheckpointError, match="maml-sinusoid"):
        commands.evaluate("maml", "sinusoid", EvalOptions())


@pytest.fixture
def tiny(monkeypatch):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60 * 20, 8, 8)).astype(np.uint8)
    data = ClassSet(images, np.repeat(np.arange(60), 20), tuple(f"c{i}" for i in range(60)))
    splits = Splits.cut(data, list(range(60)), val=20, test=20)

    def make(name, *, way, shot, query=1):
        return few_shot_tasks.pictures(name, splits, way=way, shot=shot, query=query)

    monkeypatch.setattr(few_shot_tasks, "make", make)
    return make


def test_the_experiment_shows_what_is_trained_beside_what_was_printed(tiny, elsewhere):
    run = prepare("protonet", tiny("omniglot", way=5, shot=1), {"encoder": {"widths": [4]}}, 1)
    folder = elsewhere / "checkpoints/few-shot"
    folder.mkdir(parents=True)
    config = run.learner.config
    checkpoint.save(folder / "protonet-omniglot.safetensors", run.start, config, "protonet")
    found = few_shot_experiment.run(quick=True)
    result = read_result(elsewhere / "results/few-shot-quick.json")
    assert 0.15 < found["protonet_5_way_1_shot_accuracy"].value < 0.5
    assert result["published"]["protonet_20_way_1_shot_accuracy"]["value"] == 0.96
    assert "maml_5_way_1_shot" in result["config"]["without_parameters"]
    assert (elsewhere / "results/few-shot-quick.png").stat().st_size > 1000


def test_an_experiment_without_parameters_says_how_to_get_some(elsewhere, monkeypatch):
    (elsewhere / "checkpoints/few-shot").mkdir(parents=True)
    with pytest.raises(DataError, match="robot-meta train maml omniglot"):
        few_shot_experiment.run(quick=True)


def test_a_run_starts_from_the_encoder_of_another_learner(tiny, elsewhere):
    tasks = tiny("omniglot", way=5, shot=1)
    small = {"encoder": {"widths": [4]}}
    first = prepare("protonet", tasks, small, 1, seed=3)
    path = elsewhere / "protonet.safetensors"
    checkpoint.save(path, first.start, first.learner.config, "protonet")
    run = prepare("mamlpp", tasks, small, 1, seed=0, start=path)
    fresh = prepare("mamlpp", tasks, small, 1, seed=0).start
    assert (run.start["encoder.w0"] == first.start["encoder.w0"]).all()
    assert (run.start["head.w"] == fresh["head.w"]).all()


def test_a_start_without_a_parameter_of_the_learner_is_refused(tiny, elsewhere):
    path = elsewhere / "other.safetensors"
    other = prepare("protonet", tiny("omniglot", way=5, shot=1), {"encoder": {"widths": [4]}}, 1)
    params = {f"other.{name}": p for name, p in other.start.items()}
    checkpoint.save(path, params, other.learner.config, "protonet")
    with pytest.raises(CheckpointError, match="none of the parameters"):
        prepare("maml", tiny("omniglot", way=5, shot=1), {}, 1, start=path)
