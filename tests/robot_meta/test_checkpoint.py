import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from robot_meta import checkpoint
from robot_meta.errors import CheckpointError

CONFIG = {"width": 3, "image": [8, 8], "rate": 0.1}
SHAPES = {"w": (3, 2), "b": (3,), "alpha": ()}


def params(seed: int = 0) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=rng) for name, shape in SHAPES.items()}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "theta.safetensors"
    checkpoint.save(path, params(), CONFIG, "linear", parents=["ab" * 32], notes={"steps": 7})
    return path


def test_what_was_saved_comes_back_to_the_bit(file):
    loaded = checkpoint.load(file, SHAPES)
    assert loaded.config == CONFIG
    assert (loaded.learner, loaded.kind, loaded.format) == ("linear", "theta", checkpoint.FORMAT)
    assert loaded.parents == ("ab" * 32,)
    assert loaded.notes == {"steps": 7}
    for name, tensor in params().items():
        assert torch.equal(loaded.params[name], tensor)
        assert loaded.params[name].dtype == tensor.dtype


def test_saving_twice_gives_the_same_hash_and_another_content_another(tmp_path):
    first = checkpoint.save(tmp_path / "a", params(), CONFIG, "linear")
    assert first == checkpoint.save(tmp_path / "b", params(), CONFIG, "linear")
    assert first != checkpoint.save(tmp_path / "c", params(1), CONFIG, "linear")
    assert first != checkpoint.save(tmp_path / "d", params(), {**CONFIG, "width": 4}, "linear")
    assert first != checkpoint.save(tmp_path / "e", params(), CONFIG, "linear", parents=["00"])


def test_digest_does_not_depend_on_order_or_memory_layout():
    ordered = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}
    turned = {"b": torch.ones(2), "a": torch.arange(6.0).reshape(2, 3).T.contiguous().T}
    assert checkpoint.digest(ordered) == checkpoint.digest(turned)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere\.safetensors: no such file"):
        checkpoint.load(tmp_path / "nowhere.safetensors")


def test_a_pickle_is_refused_unopened(tmp_path):
    path = tmp_path / "theta.pt"
    torch.save(params(), path)
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        checkpoint.load(path)


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file(params(), path, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match="not a robot-meta checkpoint"):
        checkpoint.load(path)


def test_a_cut_file_is_refused(file):
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        checkpoint.load(file)


def test_a_flipped_bit_is_found(file):
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(file)


def test_an_edited_config_is_found(file):
    rewrite(file, config=json.dumps({**CONFIG, "width": 9}, sort_keys=True))
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(file)


def test_another_format_is_refused_with_both_numbers(file):
    rewrite(file, format="99")
    with pytest.raises(CheckpointError, match="format 99, this version reads 1"):
        checkpoint.load(file)


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ({**SHAPES, "w": (3, 5)}, r"w is \(3, 2\), expected \(3, 5\)"),
        ({**SHAPES, "more": (1,)}, r"missing \['more'\]"),
        ({"w": (3, 2)}, r"unknown \['alpha', 'b'\]"),
    ],
)
def test_shapes_that_do_not_fit_are_named(file, expected, words):
    with pytest.raises(CheckpointError, match=words):
        checkpoint.load(file, expected)


def test_nan_is_neither_saved_nor_loaded(tmp_path):
    bad = {**params(), "b": torch.tensor([0.0, float("nan"), 1.0])}
    with pytest.raises(CheckpointError, match=r"not finite in \['b'\]"):
        checkpoint.save(tmp_path / "x", bad, CONFIG, "linear")
    assert not (tmp_path / "x").exists()


def test_a_failed_save_leaves_the_old_file_and_no_rest(file, monkeypatch):
    before = file.read_bytes()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(file, params(1), CONFIG, "linear")
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def rewrite(path, **metadata):
    """Change header fields as somebody with an editor would: without a new hash."""
    with safe_open(path, framework="np") as opened:
        header = dict(opened.metadata())
    save_file(load_file(path), path, metadata={**header, **metadata})
