"""Every path to the meta-gradient against a plain loop in float64."""

import pytest
import torch

from robot_meta import meta_peers, meta_step


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


TASKS = {"sinusoid": 3, "omniglot": 2, "mil": 2}
PATHS = ("ours", *meta_peers.TORCH_PEERS, "jax")


@pytest.mark.parametrize("net", meta_step.PROBLEMS)
@pytest.mark.parametrize("path", PATHS)
def test_the_gradient_is_that_of_the_loop(net, path):
    problem = meta_step.PROBLEMS[net](tasks=TASKS[net]).double()
    paths = {"ours": meta_step.ours, **meta_peers.peers(problem)}
    if path not in paths:
        pytest.skip(f"{path} does not know this network")
    try:
        found = paths[path](problem)()
    except ImportError:
        pytest.skip(f"{path} is not installed")
    reference = meta_step.loop(problem)()
    scale = max(float(g.abs().max()) for g in reference)
    for one, other in zip(found, reference, strict=True):
        assert float((one - other).abs().max()) < 1e-10 * scale


def test_mil_adapts_all_but_the_stem_and_the_adaptation_matters():
    problem = meta_step.mil(tasks=1).double()
    assert not any(name.startswith("conv") for name in problem.fast)
    assert "inner_head.weight" in problem.fast
    by_name = dict(zip(problem.theta, meta_step.loop(problem)(), strict=True))
    assert by_name["inner_head.weight"].abs().max() > 0  # by way of the inner gradient alone
    assert by_name["conv0.weight"].abs().max() > 0
