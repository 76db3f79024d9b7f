import json

import torch

from robot_meta import learners
from robot_meta.config import as_dict
from ros_nodes.commands import bench_grbal
from ros_nodes.commands.plain_grbal import PlainModel, adapted, best_of
from tests.robot_meta.bodies import BODY, motion


def test_the_peer_adapts_and_chooses_as_ours_does():
    learner = learners.make_motion("grbal", {"body": as_dict(BODY), "net": {"hidden": [32, 32]}})
    theta = learner.init(0)
    past = type(motion(1, 6))(*(x[0] for x in motion(1, 6)))
    model = PlainModel(learner, theta)
    phi, plain = learner.adapt(theta, past), adapted(model, past, learner.config.clip)
    for ours, theirs in zip(learner.plain(phi).values(), plain.network.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)
    before = list(model.network.parameters())
    assert all(torch.equal(theta[f"w{i}"], before[2 * i]) for i in range(3))  # a copy was changed
    state, pending = torch.randn(4), torch.zeros(2)
    candidates = 2.0 * torch.rand((50, 4, 2)) - 1.0
    chosen = best_of(plain, learner, state, pending, candidates)
    asked = (learner, theta, past, state, pending, candidates)
    assert chosen == bench_grbal._ours(*asked, torch.float32)
    assert chosen == int(bench_grbal._exact(*asked).argmax())


def test_writes_what_it_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_grbal, "LARGE", (16, 16))
    bench_grbal.grbal(ticks=2, json=tmp_path / "grbal.json")
    metrics = json.loads((tmp_path / "grbal.json").read_text())["metrics"]
    assert metrics["shipped_plain_ms_p50"]["value"] > 0.0
    assert 0.0 <= metrics["large_bf16_regret"]["value"] < 0.1
