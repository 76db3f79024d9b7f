"""Codes without correlations, and a round of DeepCluster."""

import numpy as np
import pytest
import torch

from robot_meta import checkpoint
from robot_meta.embedding import Embedding, prepare_round, whitened
from robot_meta.errors import ConfigError
from robot_meta.nets import acai


def test_whitened_codes_are_of_length_one_and_forget_how_they_were_stretched(rng):
    plain = rng.normal(size=(4000, 5)).astype(np.float32)
    mixed = (plain @ rng.normal(size=(5, 5)) + 3.0).astype(np.float32)
    white = whitened(mixed)
    assert np.linalg.norm(white, axis=1) == pytest.approx(1.0, abs=1e-5)
    # Directions at random on the sphere: no correlation, variance 1 / D each.
    assert np.cov(white, rowvar=False) == pytest.approx(np.eye(5) / 5, abs=0.02)


@pytest.fixture
def saved(tmp_path):
    net, path = acai.make({"inputs": [1, 8, 8], "widths": [4], "latent": 2}), tmp_path / "acai"
    checkpoint.save(path, net.init(0), net.config, net.name)
    return path


def test_a_round_begins_with_the_encoder_whose_codes_are_clustered(saved, rng):
    images = rng.integers(0, 256, (60, 8, 8)).astype(np.uint8)
    run = prepare_round(images, saved, clusters=6, batch=200, rotate=True)
    before = Embedding.load(saved).params
    assert all(torch.equal(run.start[n], p) for n, p in before.items() if n.startswith("f"))
    x, y = run.sample(rng)
    assert x.shape == (200, 1, 8, 8)
    assert np.bincount(y.numpy(), minlength=6).min() > 15, "each cluster as often"
    with pytest.raises(ConfigError, match="60 codes cannot make 61 clusters"):
        prepare_round(images, saved, clusters=61, batch=4)


def test_a_round_is_an_embedding_again(saved, tmp_path, rng):
    images = rng.integers(0, 256, (30, 8, 8)).astype(np.uint8)
    run = prepare_round(images, saved, clusters=4, batch=8)
    path = tmp_path / "round"
    checkpoint.save(path, run.start, run.learner.config, run.learner.name)
    assert np.allclose(Embedding.load(path).of(images), Embedding.load(saved).of(images))
