"""MIL: the mathematics of its adaptation, what may carry a demonstration, and that it learns."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch

from robot_meta import checkpoint
from robot_meta.data.batches import mirror, relight
from robot_meta.data.collect import CollectConfig, collect
from robot_meta.data.demo_set import DemoSet
from robot_meta.inner import ALPHA
from robot_meta.learners import make as learner_named
from robot_meta.learners import mil
from robot_meta.learners.mil import Mil, sample_batch
from robot_meta.loops import TrainConfig, meta_train
from robot_meta.nets import vision
from robot_meta.session import Session
from robot_meta.types import Demo
from tests import blobs

TINY = {"support_frames": (3, 1), "query_frames": 3, "steps": 2}


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors are quicker so, and sums come out alike in every process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def learner(**changes):
    return Mil(blobs.config(**{**TINY, **changes}))


def spread_out(theta, seed=1, scale=0.05):
    """Parameters away from the zeros and ties that some of them start at."""
    rng = torch.Generator().manual_seed(seed)
    return {
        name: p
        if name.startswith((ALPHA, "place.cells"))
        else p + scale * torch.randn(p.shape, generator=rng)
        for name, p in theta.items()
    }


@pytest.fixture(scope="module")
def data():
    return blobs.demo_set(0, tasks=12)


@pytest.fixture
def batch(data, rng):
    return sample_batch(data, blobs.config(**TINY), 3, rng)


def in_double(batch):
    return batch._replace(
        **{
            name: getattr(batch, name).astype(np.float64)
            for name in ("state", "action", "before", "key", "marker")
        }
    )


# --- adaptation -------------------------------------------------------------------------------


def test_the_meta_gradient_equals_finite_differences(batch):
    """Second derivatives through two inner steps, step sizes included, in double precision."""
    made = learner(alpha=0.03, clip=1e6)
    theta = {n: p.double() for n, p in spread_out(made.init(0)).items()}
    drawn = in_double(batch)

    def loss(params):
        return made.task_loss(params, drawn, 0)[0]

    leaves = {n: p.clone().requires_grad_() for n, p in theta.items()}
    gradients = torch.autograd.grad(loss(leaves), list(leaves.values()), allow_unused=True)
    rng, h = torch.Generator().manual_seed(3), 1e-6
    groups = ("conv", "norm", "place", "film", "embed", "query", "fc", "head", "inner_head", ALPHA)
    for group in groups:
        names = [n for n in theta if n.startswith(group)]
        way = {n: torch.randn(theta[n].shape, generator=rng, dtype=torch.float64) for n in names}
        moved = [{n: theta[n] + sign * h * way[n] for n in names} for sign in (1, -1)]
        expected = (loss({**theta, **moved[0]}) - loss({**theta, **moved[1]})).item() / (2 * h)
        by_name = dict(zip(leaves, gradients, strict=True))
        found = sum((by_name[n] * way[n]).sum().item() for n in names if by_name[n] is not None)
        assert found == pytest.approx(expected, rel=2e-3, abs=1e-6), group


def test_first_order_leaves_out_what_goes_through_the_gradient(batch):
    """The same loss, another derivative: full again from the step that is set."""
    theta = {n: p.requires_grad_() for n, p in spread_out(learner().init(0)).items()}
    second, first = (learner(first_order_until=until) for until in (0, 10))
    losses = [made.task_loss(theta, batch, 5)[0] for made in (second, first)]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-6)
    full, short = (torch.autograd.grad(loss, theta["query.weight"])[0] for loss in losses)
    assert (full - short).abs().max() > 1e-4
    later = first.task_loss(theta, batch, 10)[0]
    assert torch.allclose(torch.autograd.grad(later, theta["query.weight"])[0], full, atol=1e-5)


def test_without_steps_there_is_no_adaptation(batch, data):
    """The blind control: the demo's frames change nothing."""
    made = learner(steps=0)
    theta = spread_out(made.init(0))
    m = batch.support
    other = batch._replace(rgb=batch.rgb.copy(), key=batch.key.copy())
    other.rgb[:, :m] = 255 - other.rgb[:, :m]
    losses = [made.task_loss(theta, drawn, 0)[0].item() for drawn in (batch, other)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    (told,) = made.adapt(theta, [blobs.demo(data, 0)])
    assert told[0] == 0
    assert told[2] is theta
    adapting = learner()
    theta = spread_out(adapting.init(0))
    pair = [adapting.task_loss(theta, drawn, 0)[0].item() for drawn in (batch, other)]
    assert pair[0] != pytest.approx(pair[1], rel=1e-4), "with steps they do"


def test_the_order_of_tasks_and_of_frames_does_not_matter(batch):
    made, theta = learner(), spread_out(learner().init(0))
    m, n = batch.support, batch.rgb.shape[1]
    tasks = np.array([2, 0, 1])
    frames = np.r_[
        np.random.default_rng(0).permutation(m), m + np.random.default_rng(1).permutation(n - m)
    ]
    loss = made.task_loss(theta, batch, 0)[0].item()
    for order in ((tasks[:, None], np.arange(n)[None]), (np.arange(3)[:, None], frames[None])):
        mixed = batch._replace(
            **{k: getattr(batch, k)[order] for k in batch._fields if k not in ("support", "known")}
        )
        assert made.task_loss(theta, mixed, 0)[0].item() == pytest.approx(loss, rel=1e-5)


def test_tasks_of_a_batch_do_not_see_each_other(batch):
    """The loss of a batch is the mean of its tasks' losses alone."""
    made, theta = learner(), spread_out(learner().init(0))
    alone = [
        made.task_loss(
            theta,
            batch._replace(
                **{k: getattr(batch, k)[i : i + 1] for k in batch._fields if k != "support"}
            ),
            0,
        )[0].item()
        for i in range(3)
    ]
    assert made.task_loss(theta, batch, 0)[0].item() == pytest.approx(np.mean(alone), rel=1e-5)


def test_adaptation_lowers_the_inner_loss_step_by_step(data):
    made = learner(alpha=0.01)
    theta = spread_out(made.init(0))
    for task in range(3):
        losses = [loss for _, loss, _ in made.adapt(theta, [blobs.demo(data, task)], steps=4)]
        assert len(losses) == 5
        assert (np.diff(losses) < 0).all()


def test_adaptation_in_training_is_the_adaptation_in_use(data, batch):
    """`task_loss` adapts with the same steps as `adapt`: same phi on the same evidence."""
    made = learner()
    theta = spread_out(made.init(0))
    demos = [blobs.demo(data, 4)]
    *_, (_, _, phi) = made.adapt(theta, demos)
    support, by_hand = made.support(theta, demos), theta
    for k in range(2):
        _, by_hand = made._step(by_hand, support, k, second_order=True)
    for name in phi:
        assert torch.allclose(phi[name], by_hand[name], atol=1e-6)
        assert not phi[name].requires_grad


def test_what_is_slow_and_theta_itself_stay(data):
    made = learner()
    theta = spread_out(made.init(0))
    before = {n: p.clone() for n, p in theta.items()}
    *_, (_, _, phi) = made.adapt(theta, [blobs.demo(data, 0)])
    assert all(torch.equal(theta[n], before[n]) for n in theta)
    for name in theta:
        moved = not torch.equal(phi[name], theta[name])
        if name.startswith((*vision.SLOW, ALPHA, "head")):
            assert not moved, name
        elif name.startswith(("query", "embed", "film", "inner_head")):
            assert moved, name


def test_several_demos_are_one_evidence(data):
    """Twice the same demo is that demo; another demo adds something."""
    made = learner()
    theta = spread_out(made.init(0))
    one, other = blobs.demo(data, 0), blobs.demo(data, 0, k=1)
    phis = [list(made.adapt(theta, demos))[-1][2] for demos in ([one], [one, one], [one, other])]
    assert torch.allclose(phis[0]["query.weight"], phis[1]["query.weight"], atol=1e-5)
    assert not torch.allclose(phis[0]["query.weight"], phis[2]["query.weight"], atol=1e-5)


def test_a_demo_without_actions_still_teaches(data):
    made = learner()
    theta = spread_out(made.init(0))
    demo = blobs.demo(data, 0)
    video = Demo(frames=demo.frames, actions=None, kind="human")
    *_, (_, _, phi) = made.adapt(theta, [video])
    assert torch.equal(phi["inner_head.weight"], theta["inner_head.weight"])
    assert not torch.equal(phi["query.weight"], theta["query.weight"])


# --- what carries the demonstration -----------------------------------------------------------

ACT = """
import sys
import numpy as np, torch
from robot_meta.session import Session
from robot_meta.types import Frame

torch.set_num_threads(1)
theta, phi, frames, out = sys.argv[1:]
session = Session.load(theta)
session.load_phi(phi)
with np.load(frames) as a:
    actions = [
        session.act(
            Frame(
                stamp_ns=1, rgb=rgb, q_rad=q, ee_pos_m=p, ee_quat_wxyz=o, gripper_m=float(g)
            )
        )
        for rgb, q, p, o, g in zip(*(a[k] for k in ("rgb", "q", "p", "o", "g")))
    ]
np.save(out, np.array(actions))
"""


def test_phi_alone_carries_the_demonstration(data, tmp_path):
    """Save phi, forget the demo, act in a new process: the same actions bit for bit."""
    made = learner()
    theta = spread_out(made.init(0), scale=0.3)
    checkpoint.save(tmp_path / "theta.safetensors", theta, made.config, made.name)
    session = Session.load(tmp_path / "theta.safetensors")
    unadapted = [session.act(frame) for frame in blobs.demo(data, 5).frames]
    session.apply(session.adapt([blobs.demo(data, 2)]))
    session.save_phi(tmp_path / "phi.safetensors")
    seen = blobs.demo(data, 5).frames
    actions = np.array([session.act(frame) for frame in seen])
    assert (actions != np.array(unadapted)).any()
    np.savez(
        tmp_path / "frames.npz",
        rgb=[f.rgb for f in seen],
        q=[f.q_rad for f in seen],
        p=[f.ee_pos_m for f in seen],
        o=[f.ee_quat_wxyz for f in seen],
        g=[f.gripper_m for f in seen],
    )
    names = ("theta.safetensors", "phi.safetensors", "frames.npz", "out.npy")
    root = Path(__file__).parents[3]
    subprocess.run(
        [sys.executable, "-c", ACT, *(str(tmp_path / name) for name in names)],
        check=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=120,
    )
    assert np.load(tmp_path / "out.npy").tobytes() == actions.tobytes()


def test_the_label_does_not_reach_the_policy(data):
    made = learner()
    theta = spread_out(made.init(0), scale=0.3)
    demo = blobs.demo(data, 2)
    actions = []
    for label in ("blobs/2", "place/test/7", ""):
        session = Session(made, theta)
        session.apply(session.adapt([replace(demo, task=label)]))
        actions.append([session.act(frame).tobytes() for frame in blobs.demo(data, 5).frames])
    assert actions[0] == actions[1] == actions[2]


def test_acting_remembers_nothing(data):
    made = learner()
    theta = spread_out(made.init(0))
    frames = blobs.demo(data, 3).frames
    one, memory = made.act(theta, frames[0], None)
    made.act(theta, frames[5], memory)
    again, _ = made.act(theta, frames[0], memory)
    assert (one == again).all()
    assert one.shape == (4,)
    assert one.dtype == np.float64


def test_a_learner_is_made_from_its_config_as_json(data):
    made = learner(alpha=0.07)
    again = learner_named("mil", made.config)
    assert again.settings == made.settings
    assert all(torch.equal(p, again.init(3)[n]) for n, p in made.init(3).items())


# --- drawing ----------------------------------------------------------------------------------


def test_a_batch_shows_one_demo_and_judges_by_others(data):
    """Support frames are of one clean demo, query frames of the rest, with the labels of each."""
    config = blobs.config(**TINY)
    marked = replace(data, state=data.state.copy())
    tasks, demos, frames = data.before.shape
    marked.state[..., 3] = np.arange(tasks * demos * frames).reshape(data.before.shape) / 1e4
    for seed in range(20):
        drawn = sample_batch(marked, config, 4, np.random.default_rng(seed))
        m = drawn.support
        assert m == sum(config.support_frames)
        number = np.round(drawn.state[..., 3] * 1e4).astype(int)
        task, rest = np.divmod(number, demos * frames)
        demo, frame = np.divmod(rest, frames)
        assert (task == task[:, :1]).all()
        assert (demo[:, :m] == demo[:, :1]).all()
        assert (demo[:, :1] < 2).all(), "a clean one"
        assert (demo[:, m:] != demo[:, :1]).all()
        assert (drawn.before == data.before[task, demo, frame]).all()
        assert (drawn.before[:, : config.support_frames[0]] == 1).all()
        assert np.abs(drawn.action) == pytest.approx(np.abs(data.action[task, demo, frame]))
        assert np.abs(drawn.key) == pytest.approx(np.abs(data.keypose[task, demo][..., :2]))
        assert np.abs(drawn.marker) == pytest.approx(np.abs(data.marker[task, demo, frame]))


def test_the_same_generator_draws_the_same_batch(data):
    config = blobs.config(**TINY)
    one, again = (sample_batch(data, config, 3, np.random.default_rng(4)) for _ in range(2))
    for a, b in zip(one, again, strict=True):
        assert np.array_equal(a, b)


def test_a_mirrored_scene_is_where_its_mirrored_labels_say(data):
    """The blob is found on the pixel of its marker, mirrored or not."""
    config = blobs.config(**TINY)
    plain = sample_batch(data, config, 12, np.random.default_rng(0))
    mixed = mirror(plain, np.random.default_rng(1))
    signs = np.sign(mixed.marker[..., 0, 1]) != np.sign(plain.marker[..., 0, 1])
    assert signs.any()
    assert not signs.all()
    found = 0
    for drawn in (plain, mixed):
        for task in range(12):
            for k in range(drawn.rgb.shape[1]):
                x, y = drawn.marker[task, k, 0]
                row = (x - 0.4) / blobs._STEP_M
                column = y / blobs._STEP_M + (blobs.SIDE - 1) / 2
                r, c = round(float(row)), round(float(column))
                patch = drawn.rgb[task, k, r - 1 : r + 2, c - 1 : c + 2].astype(int)
                around = np.delete(patch.reshape(9, 3), 4, 0)
                found += np.abs(around - around.mean(0)).mean() < 8
                assert drawn.key[task, k, 0] == pytest.approx(drawn.marker[task, k, 0])
    assert found == 2 * 12 * plain.rgb.shape[1], "a patch of one colour"


def test_light_changes_no_hue(rng):
    """Exposure and paleness keep the order of the channels where they differ clearly."""
    rgb = np.zeros((30, 4, 6, 6, 3), np.uint8)
    rgb[:] = (200, 120, 40)
    lit = relight(rgb, 2, rng).astype(int).mean((2, 3))
    assert (lit[..., 0] >= lit[..., 1] - 3).all()
    assert (lit[..., 1] >= lit[..., 2] - 3).all()
    assert lit[:, 0].std(0).max() > 5, "and it does change"
    assert np.abs(lit[:, 0] - lit[:, 1]).max() < 6, "alike within a demo"


# --- learning ---------------------------------------------------------------------------------


def hits(made, params, data, batches=6):
    """Share of frames in which the thing meant is found, under its own demo and under another."""
    own, wrong = [], []
    with torch.no_grad():
        for seed in range(batches):
            drawn = sample_batch(data, made.settings, 16, np.random.default_rng(seed))
            own.append(made.task_loss(params, drawn, 10**9)[1]["hit"])
            m = drawn.support
            mixed = {
                k: np.concatenate(
                    [np.roll(getattr(drawn, k)[:, :m], 1, 0), getattr(drawn, k)[:, m:]], 1
                )
                for k in drawn._fields
                if k != "support"
            }
            told = made.task_loss(params, drawn._replace(**mixed), 10**9)[1]
            wrong.append(told["hit"])
    return float(np.mean(own)), float(np.mean(wrong))


def trained(made, data, steps, rate=3e-3, tasks=16):
    config = TrainConfig(steps=steps, tasks=1, rate=rate, warmup=20, average=0.97)
    sample = lambda rng: sample_batch(data, made.settings, tasks, rng)  # noqa: E731
    *_, last = meta_train(made, made.init(0), sample, config)
    return last.averaged


def test_it_learns_to_be_shown_which_colour_is_meant():
    """On toy pictures: most held-out things are found after one demo, few after another's."""
    made = Mil(blobs.config(steps=2, support_frames=(2, 1), query_frames=4))
    params = trained(made, blobs.demo_set(1, tasks=300), steps=130)
    own, wrong = hits(made, params, blobs.demo_set(2, tasks=60))
    assert own > 0.7
    assert wrong < own - 0.3
    assert mil.make(made.config).settings == made.settings


@pytest.mark.slow
def test_without_a_demonstration_it_cannot_know():
    """The blind twin, trained longer on the same pictures, stays below chance and a margin."""
    blind = Mil(blobs.config(steps=0, support_frames=(2, 1), query_frames=4))
    params = trained(blind, blobs.demo_set(1, tasks=600), steps=400)
    own, _ = hits(blind, params, blobs.demo_set(2, tasks=60))
    assert own < 1 / 3 + 0.07


def halved(data):
    """Pictures of half the size."""
    n, d, f, h, w, c = data.rgb.shape
    small = data.rgb.reshape(n, d, f, h // 2, 2, w // 2, 2, c).mean((4, 6)).astype(np.uint8)
    return replace(data, rgb=small)


@pytest.mark.slow
def test_it_learns_to_be_shown_a_container(tmp_path):
    """A small net on 120 collected tasks finds the container meant in tasks it has never seen.

    Chance is 1/3; a demo of another task points at what happens to look like it.
    """
    name, data = "sim:sim/SawyerPlace-v0", {}
    for split, tasks in (("train", 120), ("val", 40)):
        wanted = CollectConfig(env_id=name, split=split, tasks=tasks, demos=3, frames=8, shard=20)
        for _ in collect(wanted, tmp_path / split):
            pass
        data[split] = halved(DemoSet.load(tmp_path / split))
    net = vision.VisionConfig(
        image=(40, 40),
        skip_rows=8,
        channels=(16, 32, 32),
        kernels=(5, 3, 3),
        strides=(2, 2, 1),
        embed=32,
        hidden=32,
        bias_transform=4,
    )
    env = gymnasium.make(name, preset="none").unwrapped
    env.reset(seed=0, options={"task": 0})
    cells = tuple(map(tuple, env.places(*net.grid, top=2 * net.skip_rows).tolist()))
    env.close()
    config = mil.MilConfig(net=net, cells=cells, steps=2, support_frames=(3, 1), query_frames=6)
    made = Mil(config)
    params = trained(made, data["train"], steps=300, rate=2e-3, tasks=8)
    own, wrong = hits(made, params, data["val"], batches=10)
    assert own > 0.6
    assert wrong < own - 0.15
