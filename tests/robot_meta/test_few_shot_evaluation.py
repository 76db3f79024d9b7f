"""Trained, evaluated and told: few-shot learning from end to end on tiny tasks."""

import numpy as np
import pytest

from robot_meta import checkpoint, few_shot_evaluation, few_shot_tasks, training
from robot_meta.data.classes import ClassSet, Splits
from robot_meta.errors import CheckpointError, ConfigError
from robot_meta.few_shot_published import published
from robot_meta.few_shot_training import merged, prepare
from robot_meta.loops import TrainConfig

NET = {"encoder": {"widths": [8, 8]}}


@pytest.fixture(scope="module")
def tasks():
    """Classes are random pictures, their examples those with noise."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(40, 216, (30, 1, 8, 8))
    images = np.clip(kinds + rng.integers(-40, 40, (30, 20, 8, 8)), 0, 255).astype(np.uint8)
    names = tuple(f"c{i}" for i in range(30))
    data = ClassSet(images.reshape(-1, 8, 8), np.repeat(np.arange(30), 20), names)
    splits = Splits.cut(data, list(range(30)), val=5, test=5)
    return few_shot_tasks.pictures("tiny", splits, way=3, shot=2, query=3)


def test_a_run_learns_goes_on_and_is_evaluated(tasks, tmp_path):
    def steps(count):
        run = prepare("protonet", tasks, NET, 4)
        config = TrainConfig(steps=count, tasks=1, rate=1e-2, warmup=5, average=0.9)
        saving = training.Saving(out=tmp_path, save_every=10, validate_every=20)
        return [step.number for step in training.train(run, config, saving)]

    assert steps(20)[-1] == 20
    assert steps(40) == list(range(21, 41))
    learner, theta, _ = few_shot_evaluation.load(tmp_path / training.THETA, 3)
    parts = list(few_shot_evaluation.evaluate(learner, theta, tasks, "test", 25, 0))
    metrics = few_shot_evaluation.metrics(parts, (0,))
    assert metrics["accuracy"].n == 25
    assert metrics["accuracy"].value > 0.8
    assert metrics["accuracy_non_transductive"].value > 0.8
    again = list(few_shot_evaluation.evaluate(learner, theta, tasks, "test", 25, 0))
    assert (again[0]["accuracy"] == parts[0]["accuracy"]).all()


def test_of_a_part_of_the_tasks_a_part_of_the_queries_is_judged_alone(tasks):
    run = prepare("protonet", tasks, NET, 4)
    whole, some = (
        list(few_shot_evaluation.evaluate(run.learner, run.start, tasks, "test", 20, 0, *part))
        for part in ((), (10, 5))
    )
    judged = few_shot_tasks.TEST_QUERIES
    for parts, count in ((whole, judged * 3), (some, judged // 5 * 3)):
        hits = parts[0]["accuracy_non_transductive"] * count
        assert (abs(hits - hits.round()) < 1e-4).all()
    assert (some[0]["accuracy"] == whole[0]["accuracy"]).all()
    assert "accuracy_non_transductive" not in some[1]


def test_numbers_are_judged_by_their_squared_error():
    tasks = few_shot_tasks.make("sinusoid", way=1, shot=5)
    run = prepare("maml", tasks, {"alpha": 0.01}, 2)
    learner = run.learner
    (part,) = few_shot_evaluation.evaluate(learner, run.start, tasks, "test", 7, 0)
    metric = few_shot_evaluation.metrics([part], (0,))["mse"]
    assert metric.n == 7
    assert metric.value > 0.1


def test_a_head_of_another_width_is_refused(tasks, tmp_path):
    run = prepare("maml", tasks, NET, 2)
    path = tmp_path / "maml.safetensors"
    checkpoint.save(path, run.start, run.learner.config, "maml")
    with pytest.raises(CheckpointError, match=r"head\.w"):
        few_shot_evaluation.load(path, 5)


def test_streams_of_splits_and_seeds_do_not_meet():
    drawn = {
        (split, seed): few_shot_tasks.stream(split, "omniglot", seed).random()
        for split in few_shot_tasks.SPLITS
        for seed in range(100)
    }
    training_draws = {
        np.random.default_rng([s, n, 0]).random() for s in range(9) for n in range(99)
    }
    assert len(set(drawn.values())) == len(drawn)
    assert not training_draws & set(drawn.values())


def test_unknown_settings_are_refused(tasks):
    with pytest.raises(ConfigError, match="unknown"):
        prepare("maml", tasks, {"momentum": 1}, 2)


def test_settings_are_merged_deeply():
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}, "d": 4}) == {
        "a": {"b": 1, "c": 3},
        "d": 4,
    }


def test_published_figures_are_found():
    found = published("maml", 5, 1)
    assert found is not None
    assert found.value == 0.987
    assert published("maml", 7, 1) is None
    assert published("lstm", 20, 1) is None
