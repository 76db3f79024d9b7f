"""Parameters of the simulator node."""

from __future__ import annotations

import json
from dataclasses import dataclass

from robot_meta.errors import ConfigError
from ros_nodes.params import param
from sim.scene import PRESETS
from sim.tasks import FAMILIES


@dataclass(frozen=True, kw_only=True)
class SimParams:
    """Parameters of the simulator."""

    robot: str = param("sawyer", "Which robot.", choices=("sawyer",), read_only=True)
    task: str = param("place", "First task: a family's name, or JSON as in ResetWorld.")
    split: str = param("test", "Set that the first task is from.", choices=("train", "val", "test"))
    index: int = param(0, "Number of the first task in its set.", low=0)
    seed: int = param(0, "Seed of the first arrangement.", low=0)
    preset: str = param("mild", "Appearance randomisation.", choices=tuple(PRESETS), read_only=True)
    camera_hz: float = param(10.0, "Pictures a second, in whole 10 ms.", low=1.0, high=30.0)
    rate: float = param(
        1.0, "Simulated seconds a second; 0 with lockstep: as fast as it goes.", low=0.0, high=100.0
    )
    lockstep: bool = param(False, "Wait for the gate's answer to each tick.", read_only=True)
    paused: bool = param(False, "Start paused.", read_only=True)
    publish_tf: bool = param(True, "Publish /tf and /tf_static, where tf2_msgs is installed.")

    def __post_init__(self) -> None:
        """Refuse a clock that nothing drives."""
        if self.rate == 0.0 and not self.lockstep:
            raise ConfigError("rate 0 means as fast as lock-step allows; set lockstep:=true too")

    @property
    def first_task(self) -> str:
        """The first task as `ResetWorld.task`."""
        if self.task.lstrip().startswith("{"):
            return self.task
        if self.task not in FAMILIES:
            raise ConfigError(f"no task {self.task!r}; use one of {', '.join(FAMILIES)}, or JSON")
        return json.dumps({"family": self.task, "split": self.split, "index": self.index})
