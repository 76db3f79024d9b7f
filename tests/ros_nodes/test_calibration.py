"""Calibration files as ROS's camera_calibration writes them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from robot_meta.errors import ConfigError
from ros_nodes.calibration import Calibration
from ros_nodes.framing import Framing
from tests.ros_nodes.recordings import CONTRACT

TEXT = """\
image_width: 1280
image_height: 720
camera_name: phone
camera_matrix:
  rows: 3
  cols: 3
  data: [900.0, 0.0, 655.0, 0.0, 910.0, 350.0, 0.0, 0.0, 1.0]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [0.1, -0.2, 0.001, 0.002, 0.0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
projection_matrix:
  rows: 3
  cols: 4
  data: [890.0, 0.0, 650.0, 0.0, 0.0, 905.0, 345.0, 0.0, 0.0, 0.0, 1.0, 0.0]
"""


@pytest.fixture
def load(tmp_path):
    def load(text=TEXT, **changes):
        path = tmp_path / "camera.yaml"
        table = yaml.safe_load(text)
        path.write_text(yaml.safe_dump({**table, **changes}) if isinstance(table, dict) else text)
        return Calibration.load(path)

    return load


def test_a_file_says_all_that_camera_info_has(load):
    msg = SimpleNamespace()
    load().fill(msg)
    assert (msg.width, msg.height, msg.distortion_model) == (1280, 720, "plumb_bob")
    assert list(msg.d) == [0.1, -0.2, 0.001, 0.002, 0.0]
    assert msg.k.tolist() == [900, 0, 655, 0, 910, 350, 0, 0, 1]
    assert msg.r.tolist() == np.eye(3).ravel().tolist()
    assert msg.p.tolist() == [890, 0, 650, 0, 0, 905, 345, 0, 0, 0, 1, 0]


def test_without_a_calibration_all_is_zero():
    msg = SimpleNamespace()
    Calibration.none(320, 240).fill(msg)
    assert (msg.width, msg.height, len(msg.d)) == (320, 240, 0)
    assert not msg.k.any()
    assert not msg.p.any()


def test_it_follows_crop_and_scale(load):
    """A point lies at the same place of the scene in the raw and in the framed picture."""
    calibration = load()
    framing = Framing.of(720, 1280, CONTRACT.camera)
    framed = calibration.framed(framing)
    assert (framed.width, framed.height) == (320, 240)
    point = np.array([0.2, -0.1, 1.0])
    x, y, _ = calibration.k @ point
    left, top, width, height = framing.rect
    expected = [(x - left + 0.5) * 320 / width - 0.5, (y - top + 0.5) * 240 / height - 0.5, 1.0]
    assert framed.k @ point == pytest.approx(expected)
    assert framed.d == calibration.d
    assert framed.p[:, 3].tolist() == [0, 0, 0]
    assert not Calibration.none(1280, 720).framed(framing).k.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_width": 0}, "image_width: 0, need a whole number of pixels"),
        ({"image_height": "many"}, "image_height: 'many'"),
        ({"distortion_model": "magic"}, "'magic', need one of plumb_bob, rational_polynomial"),
        ({"distortion_coefficients": {"data": [1.0]}}, "1 values, plumb_bob has"),
        ({"camera_matrix": {"data": [1.0] * 8}}, "camera_matrix: 8 values, need 3 x 3"),
        ({"camera_matrix": {"data": [0.0] * 9}}, "focal lengths 0.0, 0.0, need > 0"),
        ({"camera_matrix": [1.0] * 9}, "camera_matrix: None, need `data:`"),
        ({"camera_matrix": {"data": ["a"] * 9}}, "with a list of numbers"),
        ({"projection_matrix": {"data": [float("nan")] * 12}}, "with a list of numbers"),
    ],
)
def test_what_does_not_make_sense_is_refused(load, changes, message):
    with pytest.raises(ConfigError, match=message) as error:
        load(**changes)
    assert "as camera_calibration writes it" in str(error.value)


def test_other_files_are_refused(load, tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.yaml: cannot be read"):
        Calibration.load(tmp_path / "gone.yaml")
    for text in ("[1, 2]", "a: [", "hello"):
        (tmp_path / "camera.yaml").write_text(text)
        with pytest.raises(ConfigError, match=r"camera\.yaml"):
            Calibration.load(tmp_path / "camera.yaml")
