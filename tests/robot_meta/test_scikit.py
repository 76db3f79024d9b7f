import sys

import pytest

from robot_meta.errors import ConfigError
from robot_meta.scikit import scikit


def test_without_scikit_learn_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.cluster", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'robot-meta\[unsupervised\]'"):
        scikit("cluster")
