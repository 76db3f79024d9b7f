import dataclasses
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from robot_meta import checkpoint, learners
from robot_meta.errors import (
    CheckpointError,
    ConfigError,
    DemoFormatError,
    ObservationError,
    SessionError,
)
from robot_meta.session import Learner, Session, version_of
from tests import linear

ROOT = Path(__file__).parents[2]


@pytest.fixture
def session():
    learner = linear.LinearLearner()
    return Session(learner, learner.init(0))


@pytest.fixture
def frame():
    return linear.frame(np.random.default_rng(9))


@pytest.fixture
def theta_file(tmp_path):
    linear.register()
    learner = linear.LinearLearner()
    path = tmp_path / "theta.safetensors"
    checkpoint.save(path, learner.init(0), learner.config, learner.name)
    return path


def test_the_small_learner_fulfils_the_protocol():
    assert isinstance(linear.LinearLearner(), Learner)


def test_adapting_lowers_the_loss_and_swaps_nothing_until_applied(session, frame):
    theta, before = session.version, session.act(frame)
    told = []
    found = session.adapt([linear.demo()], on_step=lambda step, loss: told.append((step, loss)))
    assert found.loss_after < found.loss_before
    assert [step for step, _ in told] == [0, 1, 2, 3]
    assert tuple(loss for _, loss in told) == found.losses
    assert session.version == theta
    assert not session.adapted
    assert np.array_equal(session.act(frame), before)
    session.apply(found)
    assert session.adapted
    assert session.version == found.version == version_of(session.phi)
    assert not np.array_equal(session.act(frame), before)


def test_adapting_starts_from_theta_however_often_it_is_done(session):
    first = session.adapt([linear.demo()])
    session.apply(first)
    assert session.adapt([linear.demo()]).version == first.version


def test_the_same_demo_gives_the_same_bits_and_its_label_plays_no_part(session):
    shown = linear.demo()
    renamed = dataclasses.replace(shown, task="something else")
    assert session.adapt([shown]).version == session.adapt([renamed]).version


def test_rollback_goes_back_one_change_at_a_time(session):
    theta = session.version
    first, second = session.adapt([linear.demo(1)]), session.adapt([linear.demo(2)])
    session.apply(first)
    session.apply(second)
    assert session.rollback() == first.version
    assert session.rollback() == theta
    with pytest.raises(SessionError, match="nothing was changed yet"):
        session.rollback()
    assert session.version == theta


def test_frozen_means_that_nothing_changes(session, tmp_path):
    found = session.adapt([linear.demo()])
    session.apply(found)
    session.save_phi(tmp_path / "phi")
    session.frozen = True
    for change in (
        lambda: session.adapt([linear.demo()]),
        lambda: session.apply(found),
        lambda: session.load_phi(tmp_path / "phi"),
        session.rollback,
    ):
        with pytest.raises(SessionError, match="frozen"):
            change()
    assert session.version == found.version
    session.frozen = False
    session.rollback()


def test_an_adaptation_of_another_theta_is_refused(session):
    learner = linear.LinearLearner()
    other = Session(learner, learner.init(1)).adapt([linear.demo()])
    with pytest.raises(SessionError, match="adapt again"):
        session.apply(other)


def test_phi_alone_carries_the_demo_into_a_new_process(theta_file, tmp_path, frame):
    session = Session.load(theta_file)
    session.apply(session.adapt([linear.demo()]))
    session.save_phi(tmp_path / "phi.safetensors")
    expected = session.act(frame)
    script = f"""
import numpy as np
from robot_meta.session import Session
from tests import linear
linear.register()
session = Session.load({str(theta_file)!r})
session.load_phi({str(tmp_path / "phi.safetensors")!r})
print(session.version, session.act(linear.frame(np.random.default_rng(9))).tobytes().hex())
"""
    out = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    version, action = out.stdout.split()
    assert version == session.version
    assert bytes.fromhex(action) == expected.tobytes()


def test_a_theta_and_a_phi_are_not_mistaken_for_each_other(theta_file, tmp_path):
    session = Session.load(theta_file)
    with pytest.raises(CheckpointError, match="a theta of learner"):
        session.load_phi(theta_file)
    session.apply(session.adapt([linear.demo()]))
    session.save_phi(tmp_path / "phi")
    with pytest.raises(CheckpointError, match="holds a phi, expected a theta"):
        Session.load(tmp_path / "phi")


def test_a_phi_of_another_theta_is_refused(session, tmp_path):
    learner = linear.LinearLearner()
    other = Session(learner, learner.init(1))
    other.apply(other.adapt([linear.demo()]))
    other.save_phi(tmp_path / "phi")
    before = session.version
    with pytest.raises(CheckpointError, match=f"expected a phi of 'linear' from theta {before}"):
        session.load_phi(tmp_path / "phi")
    assert session.version == before


def test_a_checkpoint_whose_shapes_do_not_fit_its_config_is_refused(tmp_path):
    linear.register()
    learner = linear.LinearLearner()
    bad = {**learner.init(0), "bias": torch.zeros(5)}
    checkpoint.save(tmp_path / "bad", bad, learner.config, "linear")
    with pytest.raises(CheckpointError, match=r"bias is \(5,\), expected \(4,\)"):
        Session.load(tmp_path / "bad")


def test_an_unknown_learner_is_named_with_the_known_ones(tmp_path):
    checkpoint.save(tmp_path / "x", {"w": torch.zeros(1)}, {}, "wizard")
    with pytest.raises(ConfigError, match="'wizard' is unknown; known are"):
        Session.load(tmp_path / "x")
    with pytest.raises(ConfigError, match="known already"):
        learners.register("mil", lambda config: linear.LinearLearner())


def test_an_observation_that_cannot_be_acted_on_is_refused(session, frame):
    with pytest.raises(ObservationError, match=r"uint8 \(9, 8, 3\) came"):
        session.act(dataclasses.replace(frame, rgb=np.zeros((9, 8, 3), np.uint8)))


def test_a_demo_of_another_camera_is_refused_with_its_frame(session):
    with pytest.raises(DemoFormatError, match=r"'drawn 0', frame 0: image: uint8 \(16, 16, 3\)"):
        session.adapt([linear.demo(size=16)])


def test_a_demo_of_another_robot_is_refused(session):
    shown = linear.demo()
    with pytest.raises(DemoFormatError, match="actions of size 7"):
        session.adapt([dataclasses.replace(shown, actions=np.zeros((5, 7), np.float32))])
    with pytest.raises(DemoFormatError, match="not finite"):
        session.adapt([dataclasses.replace(shown, actions=np.full((5, 4), np.nan, np.float32))])
    with pytest.raises(DemoFormatError, match="no demos"):
        session.adapt([])


def test_a_policy_may_tell_that_it_is_done(frame):
    class Short(linear.LinearLearner):
        def done(self, memory):
            return memory == 2

    session = Session(Short(), linear.LinearLearner().init(0))
    told = []
    for _ in range(2):
        told.append(session.done)
        session.act(frame)
    assert [*told, session.done] == [False, False, True]
    session.reset()
    assert not session.done


def test_warming_up_changes_nothing(session, frame):
    before = session.act(frame)
    version = session.version
    session.warm_up()
    assert session.version == version
    assert np.array_equal(session.act(frame), before)
    with pytest.raises(SessionError, match="nothing was changed"):
        session.rollback()


def test_a_diverged_adaptation_is_refused_and_the_policy_stays(frame):
    learner = linear.LinearLearner(linear.LinearConfig(alpha=1e30))
    session = Session(learner, learner.init(0))
    before = session.act(frame)
    with pytest.raises(SessionError, match="diverged"):
        session.adapt([linear.demo()])
    assert np.array_equal(session.act(frame), before)


def test_a_policy_that_gives_nan_raises_instead_of_acting(frame):
    learner = linear.LinearLearner()
    theta = {**learner.init(0), "bias": torch.full((4,), 3e38)}
    session = Session(learner, {name: 10 * value for name, value in theta.items()})
    with pytest.raises(SessionError, match="expected 4 finite"):
        session.act(frame)


def test_memory_starts_anew_at_each_run_and_after_each_swap(frame):
    class Counting(linear.LinearLearner):
        seen: list

        def act(self, phi, frame, memory):
            self.seen.append(memory)
            return super().act(phi, frame, memory)

    learner = Counting()
    learner.seen = []
    session = Session(learner, learner.init(0))
    found = session.adapt([linear.demo()])
    for change in (None, None, session.reset, None, lambda: session.apply(found), None):
        if change:
            change()
        session.act(frame)
    assert learner.seen == [None, 1, None, 1, None, 1]


def test_swaps_in_one_thread_never_tear_a_decision_in_another(session, frame):
    found = [session.adapt([linear.demo(seed)]) for seed in range(2)]
    allowed = {session.act(frame).tobytes()}
    for each in found:
        session.apply(each)
        allowed.add(session.act(frame).tobytes())
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for each in found:
                session.apply(each)
            session.rollback()

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        decided = {session.act(frame).tobytes() for _ in range(50)}
    finally:
        stop.set()
        thread.join()
    assert decided <= allowed
