import subprocess
import sys

import pytest

import robot_meta


def test_every_public_name_is_there():
    for name in robot_meta.__all__:
        assert getattr(robot_meta, name) is not None
    assert sorted(robot_meta.__all__) == robot_meta.__all__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Sesion'"):
        _ = robot_meta.Sesion


def test_naming_the_package_loads_nothing_heavy():
    script = "import sys, robot_meta; print('torch' in sys.modules, 'numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]
