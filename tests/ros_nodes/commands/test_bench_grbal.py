import copy
import json

import pytest
import torch

from robot_meta import learners
from robot_meta.adaptation import Adaptation
from robot_meta.config import as_dict
from robot_meta.imagination import Folding
from ros_nodes.commands import bench_grbal
from ros_nodes.commands.plain_grbal import PlainModel, adapted, best_of
from tests.robot_meta.bodies import BODY, motion


@pytest.mark.parametrize(("adapts", "steps"), [("all", 1), ("motors", 3)])
def test_the_peer_adapts_and_chooses_as_ours_does(adapts, steps):
    learner = learners.make_motion(
        "grbal",
        {"body": as_dict(BODY), "net": {"hidden": [32, 32]}, "adapts": adapts, "steps": steps},
    )
    theta = learner.init(0)
    past = type(motion(1, 6))(*(x[0] for x in motion(1, 6)))
    model = PlainModel(learner, theta)
    before = copy.deepcopy(model.state_dict())
    bench_grbal._check(learner, theta, model, past)
    assert all(torch.equal(before[n], p) for n, p in model.state_dict().items())
    plain = adapted(model, learner, theta, past)
    state, pending = torch.randn(4), torch.zeros(2)
    candidates = 2.0 * torch.rand((50, 4, 2)) - 1.0
    chosen = best_of(plain, learner, state, pending, candidates)
    asked = (past, state, pending, candidates)
    ours = learner, Adaptation(learner, theta), Folding(learner.net)
    assert chosen == bench_grbal._ours(*ours, *asked)
    assert chosen == int(bench_grbal._exact(learner, theta, *asked).argmax())


def test_writes_what_it_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_grbal, "LARGE", (16, 16))
    bench_grbal.grbal(ticks=2, json=tmp_path / "grbal.json")
    metrics = json.loads((tmp_path / "grbal.json").read_text())["metrics"]
    assert metrics["shipped_plain_ms_p50"]["value"] > 0.0
    assert 0.0 <= metrics["large_bf16_regret"]["value"] < 0.1
