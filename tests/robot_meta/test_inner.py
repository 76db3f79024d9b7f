"""The inner loop against what calculus says of it."""

import pytest
import torch

from robot_meta import inner


def half_square(params):
    return 0.5 * (params["w"] ** 2).sum()


def wavy(params):
    """Smooth, with second derivatives that vary and mix the two parameters."""
    return (
        torch.sin(params["w"]).sum() * params["b"].exp() + (params["w"] * params["b"]).pow(3).sum()
    )


@pytest.fixture
def theta():
    rng = torch.Generator().manual_seed(0)
    return {
        "w": 0.5 * torch.randn(4, generator=rng, dtype=torch.float64),
        "b": torch.tensor(0.3, dtype=torch.float64),
    }


def test_a_quadratic_has_its_closed_form():
    phi = inner.adapt({"w": torch.tensor([3.0, -2.0])}, half_square, {"w": 0.25}, 2)
    assert phi["w"].tolist() == pytest.approx([3.0 * 0.75**2, -2.0 * 0.75**2])


def test_a_step_tells_the_loss_before_it():
    value, phi = inner.step({"w": torch.tensor([3.0])}, half_square, {"w": 0.25})
    assert value.item() == pytest.approx(4.5)
    assert half_square(phi).item() == pytest.approx(4.5 * 0.75**2)


def test_zero_steps_are_the_identity(theta):
    phi = inner.adapt(theta, wavy, {"w": 0.1}, 0)
    assert all((phi[name] == theta[name]).all() for name in theta)


def test_theta_is_not_changed(theta):
    before = {name: p.clone() for name, p in theta.items()}
    inner.adapt(theta, wavy, {"w": 0.1, "b": 0.1}, 3)
    assert all((theta[name] == before[name]).all() for name in theta)


def test_only_names_with_a_step_size_move(theta):
    phi = inner.adapt(theta, wavy, {"w": 0.1}, 2)
    assert phi["b"] is theta["b"]
    assert (phi["w"] != theta["w"]).all()


def test_step_sizes_broadcast_over_the_parameter():
    alpha = {"w": torch.tensor([0.5, 0.0])}
    phi = inner.adapt({"w": torch.tensor([1.0, 1.0])}, half_square, alpha, 3)
    assert phi["w"].tolist() == pytest.approx([0.125, 1.0])


def test_the_clip_bounds_each_element_of_the_gradient():
    theta = {"w": torch.tensor([3.0, -0.1])}
    _, phi = inner.step(theta, half_square, {"w": 1.0}, clip=0.5)
    assert phi["w"].tolist() == pytest.approx([2.5, 0.0])


def outer(theta, log_alpha, *, second_order=True):
    """A smooth loss after three steps: differs from the inner one, as query from support."""
    alpha = {"w": log_alpha.exp(), "b": 0.05}
    phi = inner.adapt(theta, wavy, alpha, 3, second_order=second_order)
    return (phi["w"] - 1.0).square().sum() + torch.cos(2 * phi["b"])


def test_the_meta_gradient_equals_finite_differences(theta):
    """In theta and in the step size, through the gradients of the inner steps."""
    log_alpha = torch.tensor(-2.0, dtype=torch.float64)
    leaves = [theta["w"].requires_grad_(), theta["b"].requires_grad_(), log_alpha.requires_grad_()]
    gradients = torch.autograd.grad(outer(theta, log_alpha), leaves)
    h = 1e-6
    with torch.no_grad():
        for leaf, gradient in zip(leaves, gradients, strict=True):
            for i in range(leaf.numel()):
                flat = leaf.view(-1)
                at = flat[i].item()
                flat[i] = at + h
                above = outer(theta, log_alpha).item()
                flat[i] = at - h
                below = outer(theta, log_alpha).item()
                flat[i] = at
                expected = (above - below) / (2 * h)
                assert gradient.view(-1)[i].item() == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_first_order_takes_the_gradient_at_phi(theta):
    """Without second derivatives d phi / d theta is the identity, and the result is the same."""
    log_alpha = torch.tensor(-2.0, dtype=torch.float64)
    theta = {name: p.requires_grad_() for name, p in theta.items()}
    alpha = {"w": log_alpha.exp(), "b": 0.05}
    first = outer(theta, log_alpha, second_order=False)
    second = outer(theta, log_alpha)
    assert first.item() == second.item()
    gradient = torch.autograd.grad(first, theta["w"])[0]
    full = torch.autograd.grad(second, theta["w"])[0]
    phi = inner.adapt(theta, wavy, alpha, 3)["w"].detach()
    assert gradient.tolist() == pytest.approx((2 * (phi - 1.0)).tolist())
    assert (gradient - full).abs().max() > 1e-3


def test_steps_can_be_mapped_over_tasks():
    """vmap over targets gives what each task gives alone."""
    targets = torch.tensor([[1.0, 2.0], [-3.0, 0.5], [0.0, 0.0]])
    theta = {"w": torch.tensor([0.2, -0.4])}

    def adapted(target):
        return inner.adapt(theta, lambda p: (p["w"] - target).pow(4).sum(), {"w": 0.01}, 4)["w"]

    mapped = torch.func.vmap(adapted)(targets)
    alone = torch.stack([adapted(target) for target in targets])
    assert torch.allclose(mapped, alone, atol=1e-6)
