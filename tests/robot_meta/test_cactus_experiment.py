"""Unsupervised meta-learning as a user calls it, from tiny pictures to a results file."""

import cv2
import numpy as np
import pytest

from robot_meta import (
    cactus_experiment,
    checkpoint,
    commands,
    embedding_evaluation,
    few_shot_evaluation,
    few_shot_tasks,
)
from robot_meta.data.classes import ClassSet, Splits, pixels
from robot_meta.embedding import Embedding
from robot_meta.errors import CheckpointError, ConfigError, DataError
from robot_meta.nets import acai
from robot_meta.options import EvalOptions, TrainOptions
from robot_meta.results import read_result
from tests.robot_meta.few_shot_world import make

NET = "encoder.widths=[8,8]"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Omniglot is 60 classes of noisy 8x8 pictures, in a folder of its own."""
    rng = np.random.default_rng(0)
    kinds = np.stack([cv2.resize(rng.random((3, 3)), (8, 8)) for _ in range(60)])
    images = kinds[:, None] + rng.normal(0, 0.05, (60, 22, 8, 8))
    images = (255 * np.clip(images, 0, 1)).astype(np.uint8).reshape(-1, 8, 8)
    data = ClassSet(images, np.repeat(np.arange(60), 22), tuple(f"c{i}" for i in range(60)))
    splits = Splits.cut(data, list(range(60)), val=15, test=15)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(few_shot_tasks, "_omniglot", lambda data: splits)
    monkeypatch.setattr(embedding_evaluation, "CLUSTERS", 30)
    monkeypatch.setattr(embedding_evaluation, "TUNED_ON", 4)
    monkeypatch.setattr(cactus_experiment, "QUICK_TASKS", 10)
    monkeypatch.setattr(cactus_experiment, "QUICK_ALONE", 5)
    monkeypatch.setattr(few_shot_evaluation, "TOGETHER", 5)
    (tmp_path / "checkpoints/few-shot").mkdir(parents=True)
    return tmp_path


def trained(folder, name, learner="protonet", **options):
    out = folder / "runs" / name
    assert commands.train(learner, "omniglot", TrainOptions(out=out, **options)) == 0
    shipped = folder / f"checkpoints/few-shot/{name}-omniglot.safetensors"
    shipped.write_bytes((out / "theta.safetensors").read_bytes())
    return shipped


def embed(folder):
    settings = ("widths=[8,8]", "latent=4")
    return trained(folder, "acai", "acai", steps=30, batch=32, rate=1e-2, settings=settings)


def test_from_pictures_without_labels_to_a_results_file(elsewhere):
    embed(elsewhere)
    common = {"steps": 15, "batch": 2, "rate": 1e-2, "query": 2, "settings": (NET,)}
    trained(elsewhere, "cactus", tasks_from="clusters", clusters=30, partitions=2, **common)
    trained(elsewhere, "umtra", tasks_from="augmented", **common)
    round_ = {"steps": 20, "batch": 16, "rate": 1e-2, "clusters": 30}
    deep = trained(elsewhere, "deepcluster", "deepcluster", **round_)
    again = {"tasks_from": "clusters", "clusters": 30, "embedding": deep, "warp": 0.3}
    trained(elsewhere, "cactus-deepcluster", **again, **common)

    found = cactus_experiment.run(quick=True)
    result = read_result(elsewhere / "results/cactus-quick.json")
    assert (elsewhere / "results/cactus-quick.png").stat().st_size > 1000
    assert found["cactus_5_way_1_shot_accuracy"].value > 0.6
    assert found["umtra_5_way_1_shot_accuracy"].value > 0.6
    assert found["umtra_5_way_5_shot_accuracy_non_transductive"].n == 5
    rivals = [
        found[f"{name}_5_way_1_shot_accuracy"].value for name in embedding_evaluation.BASELINES
    ]
    best = found["best_baseline_5_way_1_shot_accuracy"].value
    assert best == max(rivals)
    assert min(rivals) > 0.3
    above = found["cactus_5_way_1_shot_above_best_baseline"].value
    assert above == pytest.approx(found["cactus_5_way_1_shot_accuracy"].value - best, abs=1e-6)
    above = found["cactus_deepcluster_5_way_1_shot_above_best_baseline"].value
    own = found["deepcluster_best_baseline_5_way_1_shot_accuracy"].value
    assert above == pytest.approx(
        found["cactus_deepcluster_5_way_1_shot_accuracy"].value - own, abs=1e-6
    )
    assert result["config"]["without_parameters"] == [
        f"{row}_5_way_{shot}_shot" for shot in (1, 5) for row in ("cactus_unwarped", "protonet")
    ]

    json = elsewhere / "cactus.json"
    commands.evaluate("cactus", "omniglot", EvalOptions(tasks=10, json=json))
    metrics = read_result(json)["metrics"]
    assert metrics["accuracy"]["value"] == pytest.approx(
        found["cactus_5_way_1_shot_accuracy"].value
    )
    assert metrics["best_baseline_accuracy"]["value"] == pytest.approx(best)


def test_what_is_not_there_is_told_with_the_way_to_get_it(elsewhere):
    with pytest.raises(CheckpointError, match="acai-omniglot"):
        commands.train("protonet", "omniglot", TrainOptions(tasks_from="clusters"))
    with pytest.raises(DataError, match=r"docs/cactus\.md"):
        cactus_experiment.run(quick=True)
    with pytest.raises(ConfigError, match="no pictures"):
        commands.train("acai", "sinusoid", TrainOptions())
    with pytest.raises(ConfigError, match="leave out --settings and --start"):
        commands.train("deepcluster", "omniglot", TrainOptions(settings=("widths=[8]",)))
    with pytest.raises(DataError, match="fewer than a batch of 1000"):
        commands.train("acai", "omniglot", TrainOptions(batch=1000))


def test_parameters_of_a_learner_are_no_embedding(tmp_path):
    learner, path = make("protonet"), tmp_path / "protonet.safetensors"
    checkpoint.save(path, learner.init(0), learner.config, learner.name)
    with pytest.raises(CheckpointError, match="robot-meta train acai"):
        Embedding.load(path)


def test_codes_of_bytes_and_of_pixels_are_the_same(tmp_path):
    net, path = acai.make({"inputs": [3, 6, 6], "widths": [4], "latent": 2}), tmp_path / "acai"
    checkpoint.save(path, net.init(0), net.config, net.name)
    embedding = Embedding.load(path)
    images = np.random.default_rng(0).integers(0, 256, (7, 6, 6, 3)).astype(np.uint8)
    codes = embedding.of(images)
    assert codes.shape == (7, embedding.size)
    assert codes == pytest.approx(embedding(pixels(images)), abs=1e-6)
    assert embedding.of(images[2:3])[0] == pytest.approx(codes[2], abs=1e-5)
