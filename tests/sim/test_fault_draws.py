import numpy as np
import pytest

from sim.fault_draws import draw
from sim.leg_faults import LEG_FAULTS
from sim.legged import ANT, HALF_CHEETAH


@pytest.mark.parametrize("name", list(LEG_FAULTS))
def test_training_and_test_draw_nothing_in_common(name):
    rng = np.random.default_rng(0)
    drawn = {
        split: {repr(draw(ANT, 8, name, split, rng)) for _ in range(200)}
        for split in ("train", "test")
    }
    assert not drawn["train"] & drawn["test"]


def test_the_papers_splits():
    rng = np.random.default_rng(0)
    joints = {draw(HALF_CHEETAH, 6, "disabled_joint", "train", rng).joint for _ in range(200)}
    legs = {draw(ANT, 8, "crippled_leg", "train", rng).leg for _ in range(200)}
    assert joints == {1, 2, 3, 4, 5}
    assert legs == {0, 1, 2}
    assert draw(HALF_CHEETAH, 6, "disabled_joint", "test", rng).joint == 0
    assert draw(ANT, 8, "crippled_leg", "test", rng).leg == 3
