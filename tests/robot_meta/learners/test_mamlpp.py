import pytest
import torch

from robot_meta import learners
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Examples
from robot_meta.nets.encoder import linear_head

SMALL = {"encoder": {"kind": "mlp", "inputs": [6], "widths": [16]}, "outputs": 3, "steps": 1}


def test_renaming_classes_renames_answers():
    """The head begins as zero, so no class comes before another."""
    learner = learners.make_few_shot("mamlpp", SMALL)
    theta, generator = learner.init(0), torch.Generator().manual_seed(1)
    x, asked = torch.randn((6, 6), generator=generator), torch.randn((4, 6), generator=generator)
    y, names = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([2, 0, 1])
    first = learner.predict(learner.adapt(theta, Examples(x, y)), asked)
    renamed = learner.predict(learner.adapt(theta, Examples(x, names[y])), asked)
    assert torch.allclose(renamed[:, names], first, atol=1e-6)
    head = linear_head(16, 3, generator)
    drawn = {**theta, **head}
    first = learner.predict(learner.adapt(drawn, Examples(x, y)), asked)
    renamed = learner.predict(learner.adapt(drawn, Examples(x, names[y])), asked)
    assert not torch.allclose(renamed[:, names], first, atol=1e-3)


def test_the_encoder_can_begin_with_smaller_steps():
    learner = learners.make_few_shot("mamlpp", {**SMALL, "alpha": 0.5, "alpha_encoder": 1e-9})
    theta = learner.init(0)
    x, y = torch.randn(6, 6), torch.tensor([0, 1, 2, 0, 1, 2])
    phi = learner.adapt(theta, Examples(x, y))
    moved = {n for n, p in phi.items() if (p - theta[n]).abs().max() > 1e-6}
    assert moved
    assert all(name.startswith("head.") for name in moved)
    with pytest.raises(ConfigError, match="steps > 0"):
        learners.make_few_shot("mamlpp", {**SMALL, "alpha_encoder": 0.0})
