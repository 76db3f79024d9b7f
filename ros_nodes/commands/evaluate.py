"""`robot-meta eval`: success on held-out tasks, in process or over the node graph."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from robot_meta import commands
from robot_meta.commands import ROBOTS, LearnerWord, TaskWord
from robot_meta.errors import ConfigError
from robot_meta.options import EvalOptions

if TYPE_CHECKING:
    from robot_meta.evaluate import EvalConfig
    from ros_nodes.agreement import RosCase

DEFAULTS = EvalOptions()


def evaluate(
    learner: LearnerWord,
    task: TaskWord,
    /,
    options: Annotated[EvalOptions, tyro.conf.arg(name="")] = DEFAULTS,
    through_ros: bool = False,
    domain_id: int | None = None,
) -> int:
    """Measure success on held-out tasks after one demonstration, with every control beside it.

    With --through-ros the same tasks, demonstrations and trials run over the node graph too, in
    lock-step: separate processes, the demonstration through teleoperation, recorder and bag. Then
    `success` is of that run, and `agreement` the share of trials that end as they do in process.

    Args:
        learner: Which learner, such as mil.
        task: Task family, or a legged robot.
        options: Options of the evaluation.
        through_ros: Run over the node graph and compare; one shot, without controls.
        domain_id: ROS domain of the nodes; one that nobody uses if not given.
    """
    if not through_ros:
        return commands.evaluate(learner, task, options)
    if task in ROBOTS:
        raise ConfigError("--through-ros evaluates the arm's tasks; leave it out for legs")
    if options.evidence != "robot":
        raise ConfigError(
            f"--through-ros shows tasks by the robot, not by {options.evidence!r}; leave out one "
            "of --through-ros and --evidence"
        )
    from rich.progress import track

    from robot_meta import checkpoint, report
    from robot_meta.evaluate import EvalConfig
    from robot_meta.evaluate import evaluate as in_process
    from robot_meta.results import append_test_log, write_result
    from ros_nodes.agreement import metrics as metrics_of

    theta = report.chosen(options.checkpoint, learner, task)
    sha = checkpoint.load(theta).sha256
    config = EvalConfig(
        family=task,
        split=options.split,
        trials=options.trials,
        seed=options.seed,
        shots=(1,),
        controls=(),
        workers=options.workers,
    )
    began = time.monotonic()
    news = in_process(str(theta), None, config)
    inside = list(track(news, f"{learner} {task} in process", total=config.tasks))
    over_ros = _over_ros(theta.resolve(), config, f"{learner} {task} over ROS", domain_id)
    metrics = metrics_of(over_ros, inside, config)
    report.show(metrics)
    for case in over_ros:
        if case.demo_differs:
            print(f"task {case.task}: the demo differs from that in process: {case.demo_differs}")
        for trial, take in enumerate(case.trials):
            if take.stopped:
                print(f"task {case.task}, trial {trial}: stopped by {take.stopped}")
    if options.split == "test":
        figures = {key: metric.value for key, metric in metrics.items()}
        words = f"eval {learner} {task} --through-ros --trials {options.trials}"
        append_test_log(report.RESULTS, words, sha, {"seed": options.seed, "metrics": figures})
    if options.json is not None:
        write_result(
            options.json,
            f"{learner}-{task.replace('_', '-')}-through-ros",
            f"{report.protocol(task, options.split, options.trials, config.tasks)} The same twice, "
            "over the ROS node graph in lock-step and in process: `success` is over ROS, "
            "`agreement` the share of trials that end alike, `identical` of those that end so to "
            "the bit after as many steps, `demos_identical` the share of demonstrations whose bag "
            "decodes to the frames and actions of the one in process.",
            metrics,
            config={"learner": learner, "checkpoint": sha, "eval": config},
            wall_s=time.monotonic() - began,
        )
    return 0


def _over_ros(theta: Path, config: EvalConfig, title: str, domain_id: int | None) -> list[RosCase]:
    """All cases over a graph that is started for them."""
    from rich.progress import track

    from ros_nodes.agreement import run_cases
    from ros_nodes.client_node import RobotClient
    from ros_nodes.graph import DEPLOY
    from ros_nodes.running import RunningGraph
    from ros_nodes.showing import Director

    with tempfile.TemporaryDirectory(prefix="robot-meta-episodes-") as episodes:
        given = {
            "task": config.family,
            "teleop": "scripted",
            "checkpoint": str(theta),
            "episodes": episodes,
            "lockstep": "true",
            "rate": "0",
        }
        with (
            RunningGraph(DEPLOY, given, domain_id) as graph,
            RobotClient(check=graph.check) as client,
        ):
            client.wait_ready()
            director = Director(client, max_steps=config.max_steps, lockstep=True)
            return list(track(run_cases(client, director, config), title, total=config.tasks))
