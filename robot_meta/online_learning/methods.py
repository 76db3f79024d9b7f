"""The online learners that are compared, by name, as settings make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from robot_meta.data import rainbow
from robot_meta.learners.maml import Maml, MamlConfig
from robot_meta.nets.encoder import EncoderConfig
from robot_meta.online_learning.ftml import Ftml
from robot_meta.online_learning.joint import Joint
from robot_meta.online_learning.learner import OnlineLearner
from robot_meta.online_learning.settings import Settings


def net(settings: Settings, inner: Mapping[str, Any]) -> Maml:
    """The network that every method has, with its steps of adaptation."""
    encoder = EncoderConfig(inputs=rainbow.INPUTS, widths=settings.widths)
    return Maml(MamlConfig(encoder=encoder, outputs=10, **inner))


def _ftml(settings: Settings, seed: int) -> OnlineLearner:
    return Ftml(net(settings, settings.maml), settings.ftml, seed)


def _bounded(settings: Settings, seed: int) -> OnlineLearner:
    config = replace(settings.ftml, capacity=settings.bounded)
    return Ftml(net(settings, settings.maml), config, seed, row="bounded")


def _joint(settings: Settings, seed: int) -> OnlineLearner:
    return Joint(net(settings, settings.fine_tuning), settings.joint, seed)


METHODS: dict[str, Callable[[Settings, int], OnlineLearner]] = {
    "ftml": _ftml,
    "joint": _joint,
    "bounded": _bounded,
}
FROM_EMPTY = ("ftml", "joint")
"""Methods that are followed from an empty buffer too: a bounded one is full late there."""
