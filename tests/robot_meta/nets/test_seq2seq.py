import pytest
import torch

from robot_meta.data.vocabulary import BEGIN, PAD
from robot_meta.errors import ConfigError
from robot_meta.nets import seq2seq
from robot_meta.nets.seq2seq import Seq2Seq, Seq2SeqConfig

CONFIG = Seq2SeqConfig(
    source_tokens=9, target_tokens=8, source_length=5, target_length=4, width=8, hidden=12
)


@pytest.fixture
def net() -> Seq2Seq:
    return Seq2Seq(CONFIG)


@pytest.fixture
def params(net):
    return net.init(torch.Generator().manual_seed(0))


def drawn(n: int = 3) -> torch.Tensor:
    rng = torch.Generator().manual_seed(1)
    source = torch.randint(3, 9, (n, 5), generator=rng)
    target = torch.randint(3, 8, (n, 4), generator=rng)
    target[:, 0] = BEGIN
    return torch.cat([source, target], -1)


def test_a_word_is_not_seen_before_it_is_said(net, params):
    x = drawn()
    other = x.clone()
    other[:, 7] = 3 + (other[:, 7] - 2) % 5
    one, two = net(params, x), net(params, other)
    assert one.shape == (3, 4, 8)
    assert torch.allclose(one[:, :2], two[:, :2], atol=1e-6)
    assert (one[:, 2:] - two[:, 2:]).abs().min() > 0


def test_filling_up_changes_nothing(net, params):
    x = drawn()
    x[:, 3:5] = PAD
    short = Seq2Seq(Seq2SeqConfig(**{**vars(CONFIG), "source_length": 3}))
    trimmed = torch.cat([x[:, :3], x[:, 5:]], -1)
    assert torch.allclose(net(params, x), short(params, trimmed), atol=1e-5)


def test_the_order_of_the_source_matters(net, params):
    x = drawn(1)
    swapped = x[:, [1, 0, *range(2, 9)]]
    assert x[0, 0] != x[0, 1]
    assert (net(params, x) - net(params, swapped)).abs().max() > 1e-3


def test_greedy_says_what_teacher_forcing_finds_likeliest(net, params):
    x = drawn()
    said = net.greedy(params, x)
    forced = torch.cat([x[:, :5], torch.full((3, 1), BEGIN), said[:, :-1]], -1)
    assert (net(params, forced).argmax(-1) == said).all()


def test_every_model_of_a_stack_speaks_for_itself(net, params):
    other = net.init(torch.Generator().manual_seed(5))
    both = {name: torch.stack([p, other[name]]) for name, p in params.items()}
    x = torch.stack([drawn(), drawn()])
    found = torch.func.vmap(net.greedy)(both, x)
    assert (found[0] == net.greedy(params, x[0])).all()
    assert (found[1] == net.greedy(other, x[1])).all()


def test_shares_are_softmax():
    logits = torch.randn(4, 7, generator=torch.Generator().manual_seed(0)) * 30
    assert torch.allclose(seq2seq.shares(logits), logits.softmax(-1), atol=1e-6)


def test_places_differ_and_have_the_same_length():
    found = seq2seq.positions(20, 8)
    assert torch.allclose(found.square().sum(-1), torch.full((20,), 4.0), atol=1e-5)
    assert torch.cdist(found, found).add(torch.eye(20) * 9).min() > 0.1


@pytest.mark.parametrize(("name", "value"), [("layers", 0), ("width", 10), ("source_tokens", 2)])
def test_sizes_that_do_not_fit_are_refused(name, value):
    with pytest.raises(ConfigError, match="seq2seq"):
        Seq2SeqConfig(**{**vars(CONFIG), name: value})
