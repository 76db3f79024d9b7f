import pytest

from robot_meta import checkpoint, commands, motion_commands
from robot_meta.errors import ConfigError
from robot_meta.locomotion import World, episodes, gaits
from robot_meta.options import TrainOptions

WORLD = World(robot="half_cheetah", fault="disabled_joint")
SMALL = ("net.hidden=[8]", "past=4", "future=3")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("motion") / "motion.npz"
    episodes(WORLD, "train", gaits, 12, 0, steps=40).motion().save(path)
    return path


def trained(learner, data, out, **more):
    options = TrainOptions(data=data, out=out, steps=2, windows=2, **{"settings": SMALL, **more})
    assert motion_commands.train(learner, WORLD, options) == 0
    return out / "theta.safetensors"


def test_single_models_become_an_ensemble_that_is_trained_on(data, tmp_path):
    models = tuple(trained("mb", data, tmp_path / str(i), seed=i) for i in (0, 1))
    found = checkpoint.load(trained("grbal", data, tmp_path / "both", members=models))
    assert found.config["members"] == 2
    first, second = found.params["w0"]
    assert not (first == second).all()
    again = trained(
        "grbal",
        data,
        tmp_path / "on",
        start=tmp_path / "both" / "theta.safetensors",
        settings=(*SMALL, "members=2"),
    )
    assert checkpoint.load(again).params["w0"].shape == found.params["w0"].shape


def test_one_beginning_is_enough_and_only_models_of_motion_have_members(data, tmp_path):
    model = trained("mb", data, tmp_path / "one")
    with pytest.raises(ConfigError, match="not both"):
        trained("grbal", data, tmp_path / "two", start=model, members=(model, model))
    for task in ("place", "sinusoid"):
        with pytest.raises(ConfigError, match="learners of motion"):
            commands.train("maml", task, TrainOptions(members=(model,)))
