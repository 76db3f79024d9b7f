"""The page on new tasks and learners: its code runs, learns, and is as short as it says."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

PAGE = Path(__file__).parents[1] / "docs" / "new-task.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def page():
    """What the page defines, after all of it has run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    names: dict = {}
    for block in BLOCKS:
        exec(compile(block, str(PAGE), "exec"), names)
    torch.set_num_threads(threads)
    return names


@pytest.mark.parametrize("block", BLOCKS[:2])
def test_the_task_and_the_learner_are_short(block):
    assert len([line for line in block.splitlines() if line.strip()]) <= 30


def test_training_lowers_the_error_on_new_tasks(page):
    tasks = page["lines"](np.random.default_rng(9), 100)
    learner = page["learner"]

    def error(theta):
        with torch.no_grad():
            return float(page["query_loss"](learner, theta, tasks)[0])

    assert error(page["last"].params) < 0.5 * error(learner.init(0))
    assert error(page["last"].params) < 0.02
