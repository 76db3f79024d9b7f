import numpy as np
import pytest

from robot_meta import checkpoint
from robot_meta.errors import (
    CheckpointError,
    ContractError,
    DemoFormatError,
    EpisodeError,
    ObservationError,
    SessionError,
)
from ros_nodes.policy_core import POLICY_MODE, PolicyCore, Run, local_path
from tests import linear
from tests.ros_nodes import recordings, untrained
from tests.ros_nodes.recordings import CONTRACT, IMAGE_STEP, MS, START_NS

S = 1_000_000_000


def save_theta(path, seed=0, image=CONTRACT.camera.size):
    linear.register()
    learner = linear.LinearLearner(linear.LinearConfig(image=image))
    checkpoint.save(path, learner.init(seed), learner.config, learner.name)
    return str(path)


@pytest.fixture
def theta(tmp_path):
    return save_theta(tmp_path / "theta.safetensors")


@pytest.fixture
def core(theta):
    core = PolicyCore(CONTRACT)
    core.use(core.prepare(theta))
    return core


@pytest.fixture
def episode(tmp_path):
    return str(recordings.write_episode(tmp_path / "episode"))


def feed(core, images=2):
    frames = []
    for topic, _, msg in recordings.stream(images):
        if topic != "/command_gate/applied":
            frames.append(core.feed(topic.strip("/"), msg))
    return [frame for frame in frames if frame is not None]


def test_each_image_gives_one_frame_and_a_frame_gives_a_decision(core):
    frames = feed(core)
    assert [f.stamp_ns for f in frames] == [START_NS, START_NS + IMAGE_STEP]
    decision = core.decide(frames[1])
    assert decision.stamp_ns == START_NS + IMAGE_STEP
    assert decision.action.shape == (4,)
    assert decision.inference_ms > 0


def test_adapting_from_a_bag_lowers_the_loss_and_changes_decisions(core, episode):
    frame = feed(core)[0]
    before = core.decide(frame).action
    told = []
    found = core.adapt([episode], 0, 0, lambda step, loss: told.append(step))
    assert told == [0, 1, 2, 3]
    assert found.loss_after < found.loss_before
    assert np.array_equal(core.decide(frame).action, before)
    core.session.apply(found)
    assert not np.array_equal(core.decide(frame).action, before)
    assert len(core.adapt([episode, "file://" + episode], 5, 0, lambda *_: None).losses) == 6


@pytest.mark.parametrize("learner", ["daml", "mil"])
def test_a_film_of_a_person_is_learned_from_or_refused_by_name(tmp_path, learner):
    images = [m for m in recordings.stream(5) if m[0] == "/front/image_raw"]
    film = recordings.write_episode(tmp_path / "film", images, kind="human", task="filmed")
    core = PolicyCore(CONTRACT)
    core.use(core.prepare(str(untrained.save(tmp_path, learner))))
    if learner == "daml":
        assert core.adapt([str(film)], 1, 0, lambda *_: None).losses
        return
    with pytest.raises(DemoFormatError, match=r"'filmed' of kind human .* no tip positions"):
        core.adapt([str(film)], 1, 0, lambda *_: None)


def test_live_frames_equal_those_of_the_bag(core, episode):
    from ros_nodes.bag import read_demo

    live = {f.stamp_ns: f for f in feed(core, images=5)}
    for frame in read_demo(episode, CONTRACT).frames:
        assert live[frame.stamp_ns].same_as(frame)


def test_bad_episodes_are_refused_and_the_policy_stays(core, tmp_path, episode):
    version = core.version
    (tmp_path / "foreign.mcap").write_bytes(b"not a bag")
    cut = recordings.write_episode(tmp_path / "cut", finish=False)
    other = recordings.write_episode(tmp_path / "other", robot="ur5e")
    for uris, words in [
        ([], "no demos came"),
        ([str(tmp_path / "nowhere")], "no such episode"),
        ([str(tmp_path / "foreign.mcap")], "damaged or no MCAP"),
        ([str(cut)], "cut off"),
        ([episode, str(other)], "recorded on robot 'ur5e'"),
    ]:
        with pytest.raises(DemoFormatError, match=words):
            core.adapt(uris, 0, 0, lambda *_: None)
    with pytest.raises(EpisodeError, match="scheme 'https' is not read"):
        core.adapt(["https://host/episode"], 0, 0, lambda *_: None)
    assert core.version == version


def test_without_a_policy_everything_says_so(episode):
    core = PolicyCore(CONTRACT)
    assert core.version == ""
    for call in (
        core.rollback,
        lambda: core.adapt([episode], 0, 0, lambda *_: None),
        lambda: core.decide(feed(core)[0]),
    ):
        with pytest.raises(SessionError, match="no policy is loaded; call ~/load_policy"):
            call()


def test_a_policy_sees_pictures_of_the_size_it_was_made_for(core, episode, tmp_path):
    first = core.version
    core.use(core.prepare(save_theta(tmp_path / "fine", seed=1, image=(160, 160))))
    assert {f.rgb.shape for f in feed(core)} == {(160, 160, 3)}
    core.session.apply(core.adapt([episode], 0, 0, lambda *_: None))
    assert core.rollback() != first
    assert core.rollback() == first
    core.sampler.clear()
    assert {f.rgb.shape for f in feed(core)} == {(80, 80, 3)}


@pytest.mark.parametrize("image", [(64, 80), (320, 320)])
def test_a_policy_for_images_that_the_camera_cannot_give_is_refused(core, tmp_path, image):
    other = save_theta(tmp_path / "other.safetensors", image=image)
    with pytest.raises(ContractError, match=rf"{image[1]}, 3\), robot sawyer gives crops of 240"):
        core.prepare(other)


def test_a_bad_file_is_refused_and_the_policy_stays(core, theta, tmp_path):
    version = core.version
    (tmp_path / "cut").write_bytes((tmp_path / "theta.safetensors").read_bytes()[:-3])
    for uri in (tmp_path / "nowhere", tmp_path / "cut"):
        with pytest.raises(CheckpointError):
            core.prepare(str(uri))
    assert core.version == version


def test_rollback_undoes_an_adaptation_and_a_load(core, episode, tmp_path):
    first = core.version
    adapted = core.adapt([episode], 0, 0, lambda *_: None)
    core.session.apply(adapted)
    other = core.use(core.prepare(save_theta(tmp_path / "other", seed=1)))
    assert len({first, adapted.version, other}) == 3
    assert core.rollback() == adapted.version
    assert core.rollback() == first
    with pytest.raises(SessionError, match="nothing was changed yet"):
        core.rollback()


def test_a_saved_phi_is_loaded_onto_its_theta(core, episode, theta, tmp_path):
    core.session.apply(core.adapt([episode], 0, 0, lambda *_: None))
    version = core.version
    core.session.save_phi(tmp_path / "phi")
    fresh = PolicyCore(CONTRACT)
    with pytest.raises(SessionError, match="no policy is loaded"):
        fresh.use(fresh.prepare(str(tmp_path / "phi")))
    fresh.use(fresh.prepare(theta))
    assert fresh.use(fresh.prepare("file://" + str(tmp_path / "phi"))) == version


def test_a_frozen_policy_is_not_replaced(core, tmp_path):
    version = core.version
    core.session.frozen = True
    with pytest.raises(SessionError, match="frozen"):
        core.use(core.prepare(save_theta(tmp_path / "other", seed=1)))
    with pytest.raises(SessionError, match="frozen"):
        core.rollback()
    assert core.version == version


def test_a_message_that_cannot_be_used_raises_and_the_next_good_one_works(core):
    nan = recordings.joint_state(START_NS, position=[np.nan] * 9)
    with pytest.raises(ObservationError, match="not finite"):
        core.feed("joint_states", nan)
    short = recordings.image(START_NS, np.zeros((120, 160, 3), np.uint8))
    with pytest.raises(ObservationError, match="120"):
        core.feed("front/image_raw", short)
    assert len(feed(core)) == 2


def test_a_run_times_out_on_the_nodes_clock():
    run = Run(5 * S, 2.0)
    run.tick(5 * S, 0.0)
    run.tick(7 * S - MS, 0.0)
    assert not run.reason
    run.tick(7 * S, 0.0)
    assert run.reason == "timeout"


def test_another_mode_ends_a_run_once_the_gate_accepted():
    run = Run(S, 10.0)
    run.gate(2 * S, 1, "HOLD", "")
    assert not run.reason, "the gate has not accepted yet"
    run.accepted_ns = 3 * S
    run.gate(3 * S - MS, 1, "HOLD", "")  # sent before, heard after
    run.gate(4 * S, POLICY_MODE, "POLICY", "")
    assert not run.reason
    run.gate(4 * S + 600 * MS, 2, "TELEOP", "teleop took over")
    assert run.reason == "gate"
    assert "TELEOP (teleop took over)" in run.detail


def test_a_run_taken_over_before_the_policys_mode_was_heard_of_ends_too():
    run = Run(S, 10.0)
    run.accepted_ns = S
    run.gate(S + 600 * MS, 2, "TELEOP", "teleop took over")
    assert run.reason == "gate"


def test_a_silent_gate_ends_a_run_that_it_accepted():
    run = Run(S, 10.0)
    run.tick(S, 5.0)
    assert not run.reason
    run.accepted_ns = S
    run.tick(S, 0.9)
    assert not run.reason
    run.tick(S, 1.1)
    assert run.reason == "gate"


def test_the_first_end_of_a_run_stays():
    run = Run(S, 1.0)
    run.end("cancelled")
    run.tick(9 * S, 0.0)
    run.end("error", "later")
    assert (run.reason, run.detail) == ("cancelled", "")


@pytest.mark.parametrize(
    ("uri", "path"),
    [("/a/b c", "/a/b c"), ("file:///a/b%20c", "/a/b c"), ("relative/x", "relative/x")],
)
def test_paths_and_file_uris(uri, path):
    assert str(local_path(uri)) == path


def test_an_empty_uri_is_refused():
    with pytest.raises(EpisodeError, match="an empty uri"):
        local_path("")
