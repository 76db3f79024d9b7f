import numpy as np
import pytest
import torch

from robot_meta.errors import DataError
from robot_meta.learners import mil
from robot_meta.loops import TrainConfig
from robot_meta.online_learning import store_round
from tests.robot_meta.data.test_shown import shown
from tests.robot_meta.test_training import NET, tiny_set

LEARNER = mil.make({"net": NET, "steps": 1, "query_frames": 4})


def test_the_last_demo_of_a_task_with_three_is_not_trained_on():
    demos = [shown(seed) for seed in range(5)]
    buffer = store_round.dealt([demos[:3], demos[3:]])
    assert buffer.train.rgb.shape[:2] == (2, 2)
    assert buffer.held.rgb.shape[:2] == (1, 2)
    kept_back = buffer.held.rgb[0, 1]
    assert not (buffer.train.rgb == kept_back).all((2, 3, 4, 5)).any()
    assert np.array_equal(buffer.held.rgb[0, 0], buffer.train.rgb[0, 0])  # what is adapted on


@pytest.mark.parametrize("sizes", [(), (2, 2), (3, 1)])
def test_too_few_demonstrations_are_told(sizes):
    with pytest.raises(DataError, match="task buffer"):
        store_round.dealt([[shown(i) for i in range(n)] for n in sizes])


def test_a_round_lowers_the_loss_after_adaptation_and_is_repeatable():
    data = tiny_set(np.random.default_rng(0), tasks=2)
    theta = LEARNER.init(0)
    config = TrainConfig(steps=6, tasks=1, rate=1e-2, warmup=1, average=0.8)
    one, two = (
        list(store_round.meta_update(LEARNER, theta, data, config, 2))[-1].averaged
        for _ in range(2)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)

    def loss(params):
        return store_round.held_out_loss(LEARNER, params, data, 4)

    assert loss(one) < loss(theta)
    assert loss(theta) == loss(theta)  # the same draws for every theta
