import numpy as np
import pytest
import torch

from robot_meta import loops
from robot_meta.data.views import ViewSet, ViewTasks
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Examples
from robot_meta.learners import views
from robot_meta.loops import TrainConfig

NET = {"encoder": {"kind": "plain", "inputs": [1, 8, 8], "widths": [6]}, "psi": 6, "hidden": 24}


def tasks(shapes=5, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (shapes, 6, 8, 8)).astype(np.uint8)
    data = ViewSet(images, tuple(str(i) for i in range(shapes)))
    return ViewTasks(data, shot=3, query=3).of(np.arange(shapes), 3, rng)


def one(part, i=0):
    return Examples(part.x[i], part.y[i])


def test_pictures_are_pictures_and_the_order_of_views_is_no_matter():
    learner, drawn = views.make(NET), tasks()
    theta, seen = learner.init(0), one(drawn.support)
    found = learner.predict(learner.adapt(theta, seen), drawn.query.x[0])
    assert found.shape == (3, 64)
    assert found.min() >= 0
    assert found.max() <= 1
    flipped = Examples(seen.x.flip(0), seen.y.flip(0))
    other = learner.predict(learner.adapt(theta, flipped), drawn.query.x[0])
    assert torch.allclose(found, other, atol=1e-6)


def test_versa_is_judged_by_views_it_has_not_seen_and_the_autoencoder_by_the_one_it_has():
    drawn = tasks()
    changed = drawn._replace(query=Examples(drawn.query.x, 1 - drawn.query.y))
    for objective, differs in (("versa", True), ("cvae", False)):
        learner = views.make({**NET, "objective": objective})
        theta = learner.init(0)
        losses = [learner.task_loss(theta, each, 0)[0].item() for each in (drawn, changed)]
        assert (losses[0] != losses[1]) == differs


def test_only_the_autoencoder_pays_for_information():
    drawn = tasks()
    for objective, beta, paid in (("versa", 1.0, False), ("cvae", 1.0, True), ("cvae", 0.0, False)):
        learner = views.make({**NET, "objective": objective, "beta": beta})
        loss, told = learner.task_loss(learner.init(0), drawn, 0)
        assert (loss.item() > told["mse"] + 0.1) == paid


def test_psi_is_drawn_anew_each_step_and_alike_at_the_same():
    learner, drawn = views.make(NET), tasks()
    theta = learner.init(0)
    losses = [learner.task_loss(theta, drawn, step)[0].item() for step in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_training_pictures_can_be_learned():
    learner, drawn = views.make(NET), tasks()
    config = TrainConfig(steps=80, tasks=1, rate=0.01, warmup=1)
    steps = list(loops.meta_train(learner, learner.init(0), lambda rng: drawn, config))
    assert steps[-1].loss < 0.7 * steps[0].loss


@pytest.mark.parametrize("settings", [{"objective": "gan"}, {"psi": 0}, {"beta": -1.0}])
def test_nonsense_is_refused(settings):
    with pytest.raises(ConfigError, match="views"):
        views.make({**NET, **settings})
