import numpy as np
import pytest
import torch

from robot_meta import incremental_experiment as experiment
from robot_meta import report
from robot_meta.data.class_sequence import sequence
from robot_meta.data.classes import ClassSet
from robot_meta.few_shot import Examples
from robot_meta.results import read_result


def coloured(classes=15, each=11):
    """Classes of one colour each, in noise."""
    rng = np.random.default_rng(0)
    colour = rng.integers(40, 215, (classes, 1, 1, 1, 3))
    images = np.clip(colour + rng.normal(0, 25, (classes, each, 8, 8, 3)), 0, 255)
    labels = np.repeat(np.arange(classes), each)
    names = tuple(str(i) for i in range(classes))
    return ClassSet(images.reshape(-1, 8, 8, 3).astype(np.uint8), labels, names)


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setattr(experiment, "class_set", lambda *_: coloured())
    monkeypatch.setattr(experiment, "QUICK_CLASSES", 15)
    monkeypatch.setattr(experiment, "STREAMED", 8)
    monkeypatch.setattr(experiment, "KEPT", 3)
    monkeypatch.setattr(experiment, "STAGES", (20, 40))
    monkeypatch.setattr(experiment, "ROUND", 2)
    monkeypatch.setattr(experiment, "ALONE", 2)
    net = {"kind": "conv", "inputs": [3, 8, 8], "widths": [6]}
    monkeypatch.setattr(experiment, "NET", net)
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    return tmp_path


class Told:
    """A learner that notes what it is shown and answers with the label it is told to."""

    def __init__(self, outputs):
        self.seen, self.outputs = [], outputs

    def see(self, batch, rng, *, begin):
        self.seen.append((batch, begin))

    def learn(self, rng):
        pass

    def answers(self):
        return {"row": {}}

    def predict(self, phi, x):
        return self.outputs.expand(len(x), -1)


def test_the_task_at_hand_grows_from_stage_to_stage(small):
    arrivals = sequence(coloured(), 5, 3, np.random.default_rng(0))
    learner = Told(torch.eye(5)[2])
    judged = list(experiment.follow(learner, arrivals, np.random.default_rng(0), joint=False))
    assert [(one.task, one.stage) for one in judged] == [(t, s) for t in range(3) for s in (20, 40)]
    assert [begin for _, begin in learner.seen] == [True, False] * 3
    assert all(one.rows["row"] == pytest.approx(0.2) for one in judged)
    batch = learner.seen[1][0]
    assert isinstance(batch, Examples)
    assert torch.equal(batch.x, arrivals[0].stream.x[20:40])


def test_with_an_output_a_class_one_is_chosen_among_the_tasks_own(small):
    arrivals = sequence(coloured(), 5, 3, np.random.default_rng(0))
    first = arrivals[0].classes
    outputs = torch.ones(15)
    outputs[list(first)] = torch.tensor([0.0, 0.9, 0.0, 0.0, 0.0])  # below all other classes
    learner = Told(outputs)
    judged = next(experiment.follow(learner, arrivals, np.random.default_rng(0), joint=True))
    assert judged.rows["row"] == pytest.approx(0.2)
    labels = learner.seen[0][0].y
    assert [first[i % 5] for i in range(20)] == labels.tolist()


def test_the_experiment_leaves_a_result_a_picture_and_a_line_in_the_log(small):
    path = small / "incremental.json"
    experiment.run(quick=True, out=path)
    metrics = read_result(path)["metrics"]
    assert {f"accuracy_{row}_40_images" for row in experiment.TITLES} <= set(metrics)
    assert metrics["more_than_scratch_ftml_20_images"]["n"] == 1
    assert path.with_suffix(".png").stat().st_size > 1000
    assert len((small / "test-log.jsonl").read_text().splitlines()) == 4
