"""The network: what attention means, and what must not matter to it."""

import dataclasses

import numpy as np
import pytest
import torch

from robot_meta.errors import ConfigError
from robot_meta.nets import vision
from robot_meta.nets.vision import OPENING_BINS, OPENING_M, Command, VisionConfig
from tests import blobs

NET = blobs.NET
CELLS = torch.tensor(blobs.config().cells)


@pytest.fixture
def params():
    made = vision.init(NET, CELLS, seed=0)
    rng = torch.Generator().manual_seed(1)
    # Away from the zeros that some parameters start at.
    return {n: p + 0.05 * torch.randn(p.shape, generator=rng) for n, p in made.items()}


@pytest.fixture
def pictures(rng):
    return torch.from_numpy(rng.integers(0, 256, (5, *NET.image, 3), np.uint8))


@pytest.fixture
def state():
    rng = torch.Generator().manual_seed(2)
    return torch.rand(5, 4, generator=rng) * torch.tensor([0.5, 0.4, 0.3, 0.08])


def look(params, pictures):
    return vision.read(params, vision.stem(params, pictures, NET), NET)


@pytest.mark.parametrize(
    "config",
    [
        VisionConfig(),
        NET,
        VisionConfig(image=(31, 45), skip_rows=0, channels=(4, 4), kernels=(3, 5), strides=(2, 3)),
        VisionConfig(image=(40, 20), skip_rows=7, channels=(4,), kernels=(3,), strides=(4,)),
    ],
)
def test_the_grid_is_what_the_stem_gives(config):
    rows, columns = config.grid
    params = vision.init(config, torch.zeros(rows * columns, 2), 0)
    seen = vision.stem(params, torch.zeros(2, *config.image, 3, dtype=torch.uint8), config)
    assert seen.shape == (2, rows * columns, config.channels[-1])


def test_residual_layers_begin_as_the_identity_and_can_be_learned(params, pictures):
    deeper = dataclasses.replace(NET, residual=(1, *[0] * (len(NET.channels) - 2), 2))
    grown = {**vision.init(deeper, CELLS, seed=3), **params}
    assert len(grown) == len(params) + 9
    for parameter in grown.values():
        parameter.requires_grad_()
    seen = vision.stem(grown, pictures, deeper)
    assert torch.equal(seen, vision.stem(params, pictures, NET))
    seen[:, ::3, ::2].sum().backward()
    last = len(NET.channels) - 1
    for name in ("norm0_0", f"norm{last}_0", f"norm{last}_1"):
        assert (grown[f"{name}.weight"].grad.abs() > 0).any()


@pytest.mark.parametrize(
    "wrong", [{"residual": (1,)}, {"channels": (4, 4)}, {"kernels": (3, 3, 3, 3, 3)}]
)
def test_lists_of_other_convolutions_are_refused(wrong):
    with pytest.raises(ConfigError, match="different convolutions"):
        VisionConfig(**wrong)


@pytest.mark.parametrize(("row", "column"), [(2, 3), (4, 8), (7, 5)])
def test_a_cell_looks_where_its_place_is(row, column):
    """A spot changes most the cell whose middle pixel it is on: pixel strides * (row, column)."""
    config = VisionConfig(**{**NET.__dict__, "image": (40, 40)})
    change = torch.zeros(10, 10)
    for seed in range(10):
        drawn = vision.init(config, torch.zeros(100, 2), seed)
        pair = torch.full((2, 40, 40, 3), 120, dtype=torch.uint8)
        pair[1, 4 * row - 1 : 4 * row + 2, 4 * column - 1 : 4 * column + 2] = 160
        features = vision.stem(drawn, pair, config)
        change += (features[1] - features[0]).norm(dim=-1).view(10, 10)
    assert divmod(int(change.argmax()), 10) == (row, column)


def test_skipped_rows_are_not_seen(params, pictures):
    config = VisionConfig(**{**NET.__dict__, "skip_rows": 8})
    changed = pictures.clone()
    changed[:, :8] = 0
    assert torch.equal(vision.stem(params, pictures, config), vision.stem(params, changed, config))


def test_features_are_normalised_in_each_cell(params, pictures):
    features = vision.stem(params, pictures, NET)
    assert features.mean(-1).abs().max() < 1e-5
    assert torch.allclose(features.var(-1, unbiased=False), torch.ones(5, 36), atol=1e-2)


def test_attention_is_a_distribution_over_places(params, pictures):
    seen = look(params, pictures)
    assert seen.attention.shape == (5, 36, 2)
    assert torch.allclose(seen.attention.sum(1), torch.ones(5, 2))
    assert (seen.attention >= 0).all()
    # A mean of places lies among them.
    low, high = seen.place.amin(1), seen.place.amax(1)
    for slot in range(2):
        assert (seen.where[:, slot] >= low).all()
        assert (seen.where[:, slot] <= high).all()
    assert (seen.place - CELLS).abs().max() <= 0.03 + 0.2, "the shift is bounded"


def test_frames_do_not_see_each_other(params, pictures, state):
    """Permuting frames permutes what is seen and done; alone or together is the same."""
    order = torch.tensor([3, 0, 4, 1, 2])
    seen, mixed = look(params, pictures), look(params, pictures[order])
    for one, other in zip(seen, mixed, strict=True):
        assert torch.allclose(one[order], other, atol=1e-5)
    done = vision.control(params, seen, state).velocity
    alone = vision.control(params, look(params, pictures[2:3]), state[2:3]).velocity
    assert torch.allclose(done[2:3], alone, atol=1e-5)


def test_the_order_of_cells_does_not_matter(params, pictures):
    """Attention is over a set of places."""
    features = vision.stem(params, pictures, NET)
    order = torch.randperm(36, generator=torch.Generator().manual_seed(0))
    moved = {**params, "place.cells": params["place.cells"][order]}
    one = vision.read(params, features, NET)
    other = vision.read(moved, features[:, order], NET)
    assert torch.allclose(one.where, other.where, atol=1e-6)
    assert torch.allclose(one.start, other.start, atol=1e-6)


def test_seeds_draw_other_parameters_and_the_same_again():
    one, again, other = (vision.init(NET, CELLS, seed) for seed in (3, 3, 4))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["conv0.weight"], other["conv0.weight"])
    assert torch.equal(one["place.cells"], CELLS)


def test_heads_are_of_the_same_shape_and_differ(params, pictures, state):
    seen = look(params, pictures)
    outer = vision.control(params, seen, state, "head")
    inner = vision.control(params, seen, state, "inner_head")
    assert outer.velocity.shape == inner.velocity.shape == (5, 3)
    assert outer.opening.shape == (5, OPENING_BINS)
    assert not torch.allclose(outer.velocity, inner.velocity)


# --- commands ---------------------------------------------------------------------------------


def certain(metres):
    """A command that is sure of an opening."""
    opening = torch.full((1, OPENING_BINS), -30.0)
    opening[0, round(metres / OPENING_M * (OPENING_BINS - 1))] = 0.0
    return Command(torch.tensor([[0.1, -0.2, 0.05]]), opening)


@pytest.mark.parametrize("metres", [0.0, 0.035, 0.08])
def test_an_action_is_velocity_and_the_likeliest_opening(metres):
    action = certain(metres).action()
    assert action[0].tolist() == pytest.approx([0.1, -0.2, 0.05, metres], abs=1e-6)
    velocity, opening = certain(metres).miss(action)
    assert velocity.item() == pytest.approx(0.0, abs=1e-7)
    assert opening.item() == pytest.approx(0.0, abs=1e-5)


def test_what_is_missed_is_measured():
    wanted = torch.tensor([[0.1, -0.2, 0.35, 0.0]])
    velocity, opening = certain(0.08).miss(wanted)
    assert velocity.item() == pytest.approx(0.1)
    assert opening.item() == pytest.approx(30.0)


def test_an_opening_between_two_bins_is_shared():
    """The cross entropy is least where both bins are as likely as they are near."""
    step = OPENING_M / (OPENING_BINS - 1)
    wanted = torch.tensor([[0.0, 0.0, 0.0, 3.25 * step]])
    logits = torch.zeros(1, OPENING_BINS, requires_grad=True)
    for _ in range(300):
        command = Command(torch.zeros(1, 3), logits.log_softmax(1))
        (gradient,) = torch.autograd.grad(command.miss(wanted)[1].sum(), logits)
        logits = (logits - 5.0 * gradient).detach().requires_grad_()
    share = logits.softmax(1)[0]
    assert share[3].item() == pytest.approx(0.75, abs=0.02)
    assert share[4].item() == pytest.approx(0.25, abs=0.02)


# --- the loss over places ---------------------------------------------------------------------


def test_a_map_at_the_target_misses_nothing():
    place = torch.tensor([[[0.5, 0.0], [0.6, 0.1]]])
    for weight, expected in (
        ([1.0, 0.0], 0.0),
        ([0.5, 0.5], -np.log(0.5)),
        ([0.0, 1.0], -np.log(1e-3)),
    ):
        got = vision.miss(torch.tensor([weight]), place, torch.tensor([[0.5, 0.0]]), 0.02)
        assert got.item() == pytest.approx(expected, abs=3e-3)


def test_a_near_place_counts_by_its_distance():
    place = torch.tensor([[[0.52, 0.0]]])
    got = vision.miss(torch.ones(1, 1), place, torch.tensor([[0.5, 0.0]]), 0.02)
    assert got.item() == pytest.approx(0.5, abs=3e-3)


def test_the_gradient_of_reading_equals_finite_differences(pictures, state):
    """Through attention, soft-argmax and controller, in double precision."""
    rng = torch.Generator().manual_seed(5)
    params = {
        n: (p + 0.1 * torch.randn(p.shape, generator=rng)).double()
        for n, p in vision.init(NET, CELLS, 0).items()
    }
    features = vision.stem(params, pictures, NET)
    state, target = state.double(), torch.full((5, 2), 0.5, dtype=torch.float64)

    def loss(phi):
        seen = vision.read(phi, features, NET)
        done = vision.control(phi, seen, state)
        missed = vision.miss(seen.attention[..., 0], seen.approach, target, 0.1)
        return missed.sum() + done.velocity.square().sum() + done.opening[:, 3].sum()

    names = [n for n in params if not n.startswith(("conv", "norm", "place.cells"))]
    leaves = {n: params[n].clone().requires_grad_() for n in names}
    gradients = torch.autograd.grad(
        loss({**params, **leaves}), list(leaves.values()), allow_unused=True
    )
    h = 1e-6
    for name, gradient in zip(names, gradients, strict=True):
        if gradient is None:
            assert name.startswith("inner_head"), "the other head"
            continue
        way = torch.randn(params[name].shape, generator=rng, dtype=torch.float64)
        above = loss({**params, name: params[name] + h * way}).item()
        below = loss({**params, name: params[name] - h * way}).item()
        expected = (above - below) / (2 * h)
        assert (gradient * way).sum().item() == pytest.approx(expected, rel=1e-4, abs=1e-6), name
