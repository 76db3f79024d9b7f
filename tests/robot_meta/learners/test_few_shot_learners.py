"""What is true of every few-shot learner."""

import pytest
import torch

from robot_meta import learners, loops
from robot_meta.errors import ConfigError
from robot_meta.few_shot import Examples, correct, outputs_alone, outputs_of
from robot_meta.loops import TrainConfig
from tests.robot_meta.few_shot_world import VECTORS, double, first, make, pictures, vectors

NAMES = learners.few_shot_names()
ORDERED = ("lstm", "snail")
"""They read a sequence."""


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", NAMES)
def test_tasks_do_not_know_each_other(name):
    """All at once gives what each gives alone, in any order."""
    learner, tasks = make(name), double(pictures())
    theta = double(learner.init(0))
    together = outputs_of(learner, theta, tasks)
    for i in range(4):
        phi = learner.adapt(theta, first(tasks.support, i))
        alone = learner.predict(phi, tasks.query.x[i])
        assert torch.allclose(together[i], alone, atol=1e-9)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ORDERED])
def test_the_order_of_the_support_set_is_no_matter(name):
    learner, tasks = make(name), double(pictures(1))
    theta, seen = double(learner.init(0)), first(tasks.support)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(0))
    x = tasks.query.x[0]
    one = learner.predict(learner.adapt(theta, seen), x)
    other = learner.predict(learner.adapt(theta, Examples(seen.x[order], seen.y[order])), x)
    assert torch.allclose(one, other, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_queries_is_no_matter(name):
    learner, tasks = make(name), double(pictures(1))
    theta = double(learner.init(0))
    phi, x = learner.adapt(theta, first(tasks.support)), tasks.query.x[0]
    assert torch.allclose(learner.predict(phi, x.flip(0)), learner.predict(phi, x).flip(0))


@pytest.mark.parametrize("name", NAMES)
def test_alone_a_query_does_not_depend_on_the_others(name):
    learner, tasks = make(name), double(pictures(2))
    theta = double(learner.init(0))
    found = outputs_alone(learner, theta, tasks)
    fewer = tasks._replace(query=Examples(tasks.query.x[:, :1], tasks.query.y[:, :1]))
    assert torch.allclose(found[:, :1], outputs_alone(learner, theta, fewer), atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_adapting_leaves_theta_as_it_is(name):
    learner, tasks = make(name), pictures(1)
    theta = learner.init(0)
    before = {n: p.clone() for n, p in theta.items()}
    learner.adapt(theta, first(tasks.support))
    assert all((theta[n] == before[n]).all() for n in theta)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("fomaml", "reptile")])
def test_the_meta_gradient_equals_finite_differences(name):
    """Along a direction through all parameters, in float64; first order is no derivative."""
    learner, tasks = make(name, VECTORS), double(vectors(2))
    step = 10_000
    theta = {n: p.requires_grad_() for n, p in double(learner.init(0)).items()}
    rng = torch.Generator().manual_seed(1)
    direction = {n: torch.randn(p.shape, generator=rng, dtype=p.dtype) for n, p in theta.items()}
    loss, _ = learner.task_loss(theta, tasks, step)
    gradient = torch.autograd.grad(loss, list(theta.values()), materialize_grads=True)
    expected = sum(float((g * d).sum()) for g, d in zip(gradient, direction.values(), strict=True))
    h = 1e-6

    def moved(sign):
        there = {n: p.detach() + sign * h * direction[n] for n, p in theta.items()}
        return learner.task_loss(there, tasks, step)[0].item()

    assert (moved(1) - moved(-1)) / (2 * h) == pytest.approx(expected, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_training_teaches(name):
    """After some meta-steps new tasks are solved better than by chance and than before."""
    learner = make(name, VECTORS)
    config = TrainConfig(steps=100, tasks=1, rate=1e-2, warmup=5, average=0.0)

    def sample(rng):
        return vectors(8, seed=int(rng.integers(2**31)))

    *_, last = loops.meta_train(learner, learner.init(0), sample, config)
    tasks = vectors(50, seed=-1)
    found = outputs_of(learner, last.params, tasks)
    accuracy = correct(found, tasks.query.y).float().mean()
    assert accuracy > (0.4 if name in ORDERED else 0.6)


def test_unknown_names_and_settings_are_refused():
    with pytest.raises(ConfigError, match="known are anil"):
        learners.make_few_shot("mamml", {})
    with pytest.raises(ConfigError, match="unknown"):
        make("maml", momentum=1)


@pytest.mark.parametrize("name", NAMES)
def test_the_encoder_is_the_same_for_all(name):
    """Every learner has the encoder's parameters under the same names and shapes."""
    shapes = {n: p.shape for n, p in make(name).init(0).items() if n.startswith("encoder.")}
    assert shapes == {
        n: p.shape for n, p in make("protonet").init(0).items() if n.startswith("encoder.")
    }


def test_vmap_gives_the_meta_gradient_of_a_loop_with_batch_norm():
    """The obvious construction is silently wrong when scale and shift are inside `batch_norm`."""
    learner, tasks = make("maml"), double(pictures(4))
    theta = {n: p.requires_grad_() for n, p in double(learner.init(0)).items()}
    leaves = list(theta.values())
    mapped = torch.autograd.grad(learner.task_loss(theta, tasks, 0)[0], leaves)
    total = 0.0
    for i in range(4):
        one = tasks._replace(
            support=Examples(*(v[i : i + 1] for v in tasks.support)),
            query=Examples(*(v[i : i + 1] for v in tasks.query)),
        )
        phi = learner.adapt(theta, first(one.support), 1)
        outputs = learner.predict(phi, one.query.x[0])
        total = total + torch.nn.functional.cross_entropy(outputs, one.query.y[0]) / 4
    looped = torch.autograd.grad(total, leaves)
    scale = max(float(g.abs().max()) for g in looped)
    for a, b in zip(mapped, looped, strict=True):
        assert float((a - b).abs().max()) < 1e-10 * scale
