"""Every path to the meta-gradient against a plain loop in float64."""

import pytest
import torch

from robot_meta import meta_peers, meta_step
from robot_meta.meta_peers import PEERS


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


PROBLEMS = {
    "sinusoid": lambda: meta_step.sinusoid(tasks=3),
    "omniglot": lambda: meta_step.omniglot(tasks=2),
}


@pytest.mark.parametrize("net", PROBLEMS)
@pytest.mark.parametrize("path", ["ours", *PEERS])
def test_the_gradient_is_that_of_the_loop(net, path):
    problem = PROBLEMS[net]().double()
    try:
        found = {"ours": meta_step.ours, **PEERS}[path](problem)()
    except ImportError:
        pytest.skip(f"{path} is not installed")
    reference = meta_step.loop(problem)()
    scale = max(float(g.abs().max()) for g in reference)
    for one, other in zip(found, reference, strict=True):
        assert float((one - other).abs().max()) < 1e-10 * scale


@pytest.mark.parametrize("net", PROBLEMS)
def test_the_module_of_the_peers_is_the_same_network(net):
    problem = PROBLEMS[net]().double()
    x = problem.tasks.query.x[0]
    ours = problem.learner.predict(problem.theta, x)
    assert torch.allclose(meta_peers.module(problem)(x), ours)
