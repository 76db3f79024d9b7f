"""The experiment of docs/ftml.md with clothes for digits: 900 pictures a task, as published.

Fashion-MNIST (Xiao et al. 2017) has the 50,400 pictures that the paper's protocol takes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from robot_meta import ftml_experiment
from robot_meta.online_learning.comparison import Watch
from robot_meta.online_learning.protocol import ProtocolConfig
from robot_meta.results import Metric

NAME = "ftml-fashion"
FULL = replace(ftml_experiment.FULL, protocol=ProtocolConfig(batches=80))
QUICK = replace(ftml_experiment.QUICK, each=120)


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda tasks, *_: tasks
) -> dict[str, Metric]:
    """As `ftml_experiment.run`, on Fashion-MNIST.

    Raises:
        DataError: no Fashion-MNIST.
    """
    settings = QUICK if quick else FULL
    return ftml_experiment.carry_out(
        NAME, "fashion-mnist", settings, quick=quick, out=out, watch=watch
    )
