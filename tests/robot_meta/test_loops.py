import itertools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from robot_meta import loops
from robot_meta.errors import CheckpointError, ConfigError, SessionError
from robot_meta.loops import TrainConfig, meta_train, rate_at
from robot_meta.parallel import run_workers
from robot_meta.train_state import load_state, save_state
from robot_meta.types import Demo, Task
from tests import linear

ROOT = Path(__file__).parents[2]
CONFIG = TrainConfig(steps=10, tasks=4, rate=0.01, warmup=3, average=0.9, seed=5)


def sample(rng):
    """Tasks differ in one offset of the action, which one demo shows."""
    offset = rng.uniform(-0.2, 0.2, 4)

    def shown():
        frames = tuple(linear.frame(rng, stamp_ns=1 + t) for t in range(6))
        actions = np.stack([0.3 * f.rgb.mean((0, 1, 2), keepdims=True)[0, 0] / 255 for f in frames])
        return Demo(
            frames=frames,
            actions=(actions + offset).astype(np.float32),
            kind="robot",
            task="offset",
        )

    return Task(support=(shown(),), query=(shown(),))


def run(config=CONFIG, start=None):
    learner = linear.LinearLearner()
    return meta_train(learner, start or learner.init(1), sample, config)


def equal(a, b):
    return set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a)


def test_stopping_saving_loading_and_going_on_gives_the_same_bits(tmp_path):
    config = linear.LinearConfig()
    whole = list(run())
    first = list(itertools.islice(run(), 5))
    path = tmp_path / "state.safetensors"
    save_state(path, first[-1].state, "linear", config, CONFIG)
    rest = list(run(start=load_state(path, "linear", config, CONFIG)))
    assert [step.number for step in first + rest] == list(range(1, 11))
    assert [step.loss for step in first + rest] == [step.loss for step in whole]
    for part in ("params", "first", "second", "averaged"):
        assert equal(getattr(rest[-1].state, part), getattr(whole[-1].state, part)), part
    assert rest[-1].metrics == whole[-1].metrics


def test_a_state_that_was_yielded_is_not_changed_by_later_steps():
    steps = run()
    kept = next(steps)
    copies = {name: value.clone() for name, value in kept.params.items()}
    list(steps)
    assert equal(kept.params, copies)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"run": TrainConfig(steps=10, rate=0.02)}, "rate was 0.01, is 0.02"),
        ({"config": linear.LinearConfig(alpha=0.5)}, "alpha was 0.02, is 0.5"),
        ({"learner": "mil"}, "expected a train state of 'mil'"),
    ],
)
def test_a_state_of_another_run_is_refused(tmp_path, change, words):
    good = {"learner": "linear", "config": linear.LinearConfig(), "run": CONFIG}
    save_state(tmp_path / "state", next(run()).state, *good.values())
    with pytest.raises(CheckpointError, match=words):
        load_state(tmp_path / "state", **{**good, **change})


def test_a_run_may_be_made_longer(tmp_path):
    import dataclasses

    save_state(tmp_path / "s", next(run()).state, "linear", linear.LinearConfig(), CONFIG)
    longer = dataclasses.replace(CONFIG, steps=12)
    state = load_state(tmp_path / "s", "linear", linear.LinearConfig(), longer)
    assert [step.number for step in run(longer, state)] == list(range(2, 13))


def test_meta_training_teaches_to_adapt_on_tasks_never_drawn():
    learner = linear.LinearLearner(linear.LinearConfig(alpha=0.05))
    config = TrainConfig(steps=300, tasks=4, rate=0.02, warmup=10, average=0.98)
    *_, last = meta_train(learner, learner.init(1), sample, config)
    held_out = [sample(np.random.default_rng([99, index])) for index in range(50)]

    def mean(params):
        return np.mean([learner.task_loss(params, t, 0)[0].item() for t in held_out])

    def leaves(params):
        return {name: value.detach().requires_grad_() for name, value in params.items()}

    assert mean(leaves(last.averaged)) < 0.2 * mean(leaves(learner.init(1)))
    after = [learner.task_loss(leaves(last.averaged), task, 0)[0].item() for task in held_out]
    before = [learner.loss(last.averaged, task.query).item() for task in held_out]
    assert np.mean(after) < 0.9 * np.mean(before)


def test_the_rate_rises_then_falls_to_its_end():
    config = TrainConfig(steps=100, rate=1.0, warmup=10, final_rate=0.1)
    rates = [rate_at(number, config) for number in range(101)]
    assert rates[0] == pytest.approx(0.1, abs=0.01)
    assert max(rates) == max(rates[8:12]) > 0.95
    assert rates[100] == pytest.approx(0.1)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


class Quadratic:
    """Loss |p - t|^2 / 2 for a drawn t; NaN at the steps given."""

    def __init__(self, broken=()):
        self.broken = broken

    def task_loss(self, params, task, step):
        loss = 0.5 * (params["p"] - task).square().sum()
        return loss * (float("nan") if step in self.broken else 1.0), {}


def draw(rng):
    return torch.tensor(rng.normal(size=3) + 100.0)


def test_the_first_step_is_adam_on_the_clipped_mean_gradient():
    config = TrainConfig(steps=4, tasks=6, rate=0.1, warmup=0, clip=2.0, average=0.9)
    start = {"p": torch.zeros(3, dtype=torch.float64)}
    step = next(meta_train(Quadratic(), start, draw, config))
    drawn = [draw(np.random.default_rng([0, 0, index])) for index in range(6)]
    gradient = -torch.stack(drawn).mean(0)
    assert step.metrics["gradient_norm"] == pytest.approx(gradient.norm().item())
    assert torch.allclose(step.state.first["p"], 0.1 * gradient * 2.0 / gradient.norm())
    assert torch.allclose(step.params["p"], -0.1 * gradient.sign(), atol=1e-6)
    assert torch.allclose(step.averaged["p"], (1 - 2 / 11) * step.params["p"])


def test_a_gradient_that_is_not_finite_is_skipped_and_told():
    config = TrainConfig(steps=4, tasks=2, warmup=0)
    steps = list(meta_train(Quadratic(broken=[1]), {"p": torch.zeros(3)}, draw, config))
    assert [step.metrics["skipped"] for step in steps] == [0, 1, 0, 0]
    assert equal(steps[1].params, steps[0].params)
    assert torch.isfinite(steps[-1].params["p"]).all()


def test_a_lost_run_stops():
    config = TrainConfig(steps=100, tasks=1)
    with pytest.raises(SessionError, match="for 21 steps in a row"):
        list(meta_train(Quadratic(range(100)), {"p": torch.zeros(3)}, draw, config))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rate": 0}, "rate must be > 0, got 0"),
        ({"rate": float("nan")}, "rate must be > 0"),
        ({"average": 1.5}, "average must be in"),
        ({"warmup": -1}, "warmup must be >= 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        TrainConfig(**settings)


def test_a_state_of_another_seed_is_refused():
    state = next(run()).state
    with pytest.raises(ConfigError, match="of seed 5, the config says 6"):
        next(run(TrainConfig(seed=6), state))


def test_tasks_that_cannot_be_shared_evenly_are_refused():
    with pytest.raises(ConfigError, match="multiple of 3"):
        next(
            meta_train(
                Quadratic(), {"p": torch.zeros(3)}, draw, TrainConfig(tasks=4), loops.World(0, 3)
            )
        )


def test_two_processes_take_the_steps_that_one_takes(tmp_path):
    script = tmp_path / "share.py"
    script.write_text(
        "import sys, json, torch\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from robot_meta import loops, parallel\n"
        "from tests import linear\n"
        "from tests.robot_meta.test_loops import CONFIG, sample\n"
        "torch.set_num_threads(1)\n"
        "with parallel.join_world() as world:\n"
        "    learner = linear.LinearLearner()\n"
        "    steps = list(loops.meta_train(learner, learner.init(1), sample, CONFIG, world))\n"
        "    out = {'loss': [s.loss for s in steps], 'w': steps[-1].params['weight'].tolist()}\n"
        f"    open({str(tmp_path)!r} + f'/rank{{world.rank}}.json', 'w').write(json.dumps(out))\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [
        subprocess.Popen(
            [sys.executable, str(script)],
            env={
                **os.environ,
                **{"RANK": str(rank), "WORLD_SIZE": "2"},
                **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
            },
        )
        for rank in range(2)
    ]
    assert [each.wait(120) for each in started] == [0, 0]
    told = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)]
    assert told[0] == told[1]
    *_, last = alone = list(run())
    assert told[0]["loss"] == pytest.approx([step.loss for step in alone], rel=1e-5)
    assert np.allclose(told[0]["w"], last.params["weight"], atol=1e-5)


def test_the_launcher_gives_the_exit_code_of_its_workers(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "job.py").write_text(
        "import os, sys\n"
        f"open({str(tmp_path)!r} + '/' + os.environ['RANK'], 'w').write(' '.join(sys.argv[1:]))\n"
    )
    words = ["word", "--start", "here"]  # an option that the launcher has longer ones of
    assert run_workers(2, "job", words) == 0
    assert [(tmp_path / rank).read_text() for rank in "01"] == [" ".join(words)] * 2
