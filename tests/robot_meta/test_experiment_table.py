import importlib
import inspect
from pathlib import Path

import pytest

from robot_meta import experiment_table
from robot_meta.errors import ConfigError


@pytest.mark.parametrize("name", experiment_table.MODULES)
def test_each_experiment_can_be_run_and_has_a_page(name):
    run = importlib.import_module(experiment_table.MODULES[name]).run
    assert {"quick", "out", "watch"} <= set(inspect.signature(run).parameters)
    assert (Path(__file__).parents[2] / "docs" / f"{name}.md").exists()


def test_an_unknown_name_is_told_with_the_known_ones():
    with pytest.raises(ConfigError, match="sinusoid"):
        experiment_table.run("poses", quick=True, out=None, watch=lambda things, *_: things)
