"""What `robot-meta demo` tells people of a task, and whom it lets show it. No ROS."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from robot_meta.errors import ConfigError
from ros_nodes.commands.demo import TEACHERS, demo, in_words
from sim.tasks import draw_task


@pytest.mark.parametrize(
    ("family", "told"),
    [
        ("place", "put it into the dotted red round container"),
        ("push", "push the striped blue triangular thing to the goal"),
        ("pick_place", "put the striped blue triangular thing into the dotted red round container"),
    ],
)
def test_a_task_in_words_names_what_is_meant(family, told):
    task = draw_task(family, "test", 0)
    assert in_words(looking_like(task)) == told


def test_each_teacher_has_results_and_parameters_of_its_own():
    for each in ("learner", "result", "how", "protocol"):
        assert len({getattr(teacher, each) for teacher in TEACHERS.values()}) == len(TEACHERS)


@pytest.mark.parametrize("shown_by", ["robot", "human"])
def test_a_missing_checkpoint_is_refused(shown_by):
    with pytest.raises(ConfigError, match=r"nowhere: no such checkpoint; give one with"):
        demo(shown_by=shown_by, checkpoint=Path("nowhere"))


def looking_like(task):
    """The task, of which what is meant has a look that is known."""
    things, containers = list(task.objects), list(task.containers)
    look = {"pattern": "stripes", "hue_deg": 200.0, "shape": "triangle"}
    things[task.target_object] = replace(things[task.target_object], **look)
    if containers:
        look = {"pattern": "dots", "hue_deg": 10.0, "shape": "circle"}
        target = task.target_container
        containers[target] = replace(containers[target], **look)
    return replace(task, objects=tuple(things), containers=tuple(containers))
