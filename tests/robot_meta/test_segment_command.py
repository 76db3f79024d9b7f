import cv2
import numpy as np
import pytest

from robot_meta import checkpoint
from robot_meta.errors import ConfigError
from robot_meta.segment_command import segment
from robot_meta.segmentation import table


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("shown", "one", "two"):
        cv2.imwrite(f"{name}.png", rng.integers(0, 255, (60, 90, 3), np.uint8))
    learner = table.make("guided", {"net": {"widths": [8, 8, 8], "features": 8}})
    checkpoint.save(tmp_path / "net.safetensors", learner.init(0), learner.config, learner.name)
    return tmp_path


def test_a_mask_is_written_for_every_picture(files):
    queries = (files / "one.png", files / "two.png")
    net = files / "net.safetensors"
    segment(files / "shown.png", queries, clicks=("10,20",), avoid=("50,50",), checkpoint=net)
    for name in ("one", "two"):
        mask = cv2.imread(f"masks/{name}.png", cv2.IMREAD_UNCHANGED)
        assert mask.shape == (60, 90)
        assert set(np.unique(mask)) <= {0, 255}


def test_nothing_is_written_when_something_is_wrong(files):
    net = files / "net.safetensors"
    with pytest.raises(ConfigError, match="outside"):
        segment(files / "shown.png", (files / "one.png",), clicks=("90,1",), checkpoint=net)
    with pytest.raises(ConfigError, match="name at least one"):
        segment(files / "shown.png", (), clicks=("9,1",), checkpoint=net)
    assert not (files / "masks").exists()
