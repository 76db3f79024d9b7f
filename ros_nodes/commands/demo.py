"""`robot-meta demo`: the main job, end to end, over real ROS: show tasks once, watch them be done.

Simulator, command gate, teleoperation, recorder and policy run as separate processes, in a ROS
domain of their own, in real time. This process only asks for things, watches, and films.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from robot_meta.errors import ConfigError
from ros_nodes.graph import DEPLOY
from ros_nodes.running import RunningGraph

if TYPE_CHECKING:
    from rich.console import Console

    from ros_nodes.client_node import Adapted, RobotClient
    from ros_nodes.showing import Director, Take
    from sim.tasks import Task

RESULTS = Path("results")
Family = Literal["place", "push", "pick_place"]
ShownBy = Literal["robot", "human"]


@dataclass(frozen=True)
class Teacher:
    """Who shows tasks."""

    learner: str
    """Whose shipped parameters can learn from it."""
    result: str
    """Name of the results file."""
    how: str
    """For people."""
    protocol: str
    """For the results."""


TEACHERS: dict[ShownBy, Teacher] = {
    "robot": Teacher(
        "mil",
        "demo",
        "teleoperation",
        "by a scripted person through the teleoperation topics",
    ),
    "human": Teacher(
        "daml",
        "demo-human",
        "a person before the camera",
        "by a rendered person, whose film, an H.264 file, the camera node plays",
    ),
}


@dataclass
class Lesson:
    """One task: how it was shown, what was learned from it and how it was done then."""

    task: Task
    shown: Take
    adapted: Adapted
    trials: list[Take] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """JSON values for the results file."""
        return {
            "task": self.task.label,
            "demo_steps": self.shown.steps,
            "episode": Path(self.shown.episode).name,
            "adapt_s": self.adapted.wall_s,
            "loss_before": self.adapted.loss_before,
            "loss_after": self.adapted.loss_after,
            "success": [trial.success for trial in self.trials],
            "stopped": [trial.stopped for trial in self.trials],
            "steps": [trial.steps for trial in self.trials],
            "error_m": [None if isnan(t.error_m) else t.error_m for t in self.trials],
        }


def demo(
    task: Family = "place",
    shown_by: Annotated[ShownBy, tyro.conf.arg(name="from")] = "robot",
    tasks: int = 5,
    trials: int = 4,
    seed: int = 0,
    checkpoint: Path | None = None,
    json: Path | None = None,
    video: Path | None = None,
    episodes: Path = Path("episodes"),
    domain_id: int | None = None,
    lockstep: bool = False,
    robot: Literal["sawyer", "half_cheetah", "ant", "go1"] = "sawyer",
    seeds: int = 10,
) -> int:
    """Show a simulated robot tasks it has never seen, once each, and watch it do them.

    Everything runs over ROS 2, each node in its own process: for each task one demonstration is
    teleoperated by a script, or shown by a person whose video file a camera node plays, and
    recorded into a bag; the policy adapts to that bag alone, and then does the task with everything
    laid out anew.

    Args:
        task: Put what is held into the right container, push the right thing to the goal, or pick
            the right thing up and put it into the right container.
        shown_by: Who shows it: the robot by teleoperation, or a human hand on video.
        tasks: How many tasks, drawn from those held out of training.
        trials: How often each is tried.
        seed: Draws the tasks and where things lie.
        checkpoint: Trained policy, or a folder of versions; checkpoints/mil-TASK.safetensors, or
            for a human checkpoints/daml-TASK.safetensors, if not given.
        json: Where the result is written; results/demo.json, or results/demo-human.json.
        video: Where the film is written; beside the result, as MP4.
        episodes: Folder of the recorded demonstrations.
        domain_id: ROS domain of the nodes; one that nobody uses if not given.
        lockstep: As fast as this machine goes and repeatable, instead of real time.
        robot: The arm, or a legged robot, of which a part breaks while it walks, with adaptation
            off and then on.
        seeds: Walks of a legged robot, each both ways.
    """
    if robot != "sawyer":
        from robot_meta.evaluate_online import path_of
        from robot_meta.locomotion import World
        from ros_nodes.commands import demo_legs

        world = World(robot=robot, fault=demo_legs.FAULTS[robot][0])
        model = checkpoint or path_of(demo_legs.LEARNERS.get(robot, "grbal"), world, 0)
        return demo_legs.demo(robot, seeds, seed, model, json, domain_id)
    from rich.console import Console

    from robot_meta import report

    if tasks < 1 or trials < 1 or seed < 0:
        asked = f"--tasks {tasks} --trials {trials} --seed {seed}"
        raise ConfigError(f"{asked}: need at least one task and trial, and a seed from 0 on")
    teacher = TEACHERS[shown_by]
    theta = report.chosen(checkpoint, teacher.learner, task)
    json = json or RESULTS / f"{teacher.result}.json"
    video = video or json.with_suffix(".mp4")
    if not theta.is_file():
        raise ConfigError(f"{theta}: no such checkpoint; give one with --checkpoint")
    began = time.monotonic()
    console = Console(highlight=False)
    given = {
        "task": task,
        "seed": str(seed),
        "teleop": "scripted",
        "checkpoint": str(theta.resolve()),
        "episodes": str(episodes.resolve()),
        **({"lockstep": "true", "rate": "0"} if lockstep else {}),
    }
    with RunningGraph(DEPLOY, given, domain_id) as graph:
        console.print(
            f"[bold]{tasks} tasks the robot has never seen[/] ({task}, seed {seed}): each is shown "
            f"once and tried {trials} times",
            soft_wrap=True,
        )
        from robot_meta.evaluate import EvalConfig  # all of this while the nodes start
        from ros_nodes.client_node import RobotClient
        from ros_nodes.showing import Director

        with RobotClient(check=graph.check) as client:
            with console.status(f"starting {', '.join(graph.names)}"):
                client.wait_ready()
            told = f"{', '.join(graph.names)} run in ROS domain {graph.domain_id}"
            console.print(f"{told} [dim]({time.monotonic() - began:.1f} s)[/]\n")
            limit = EvalConfig(family=task).max_steps
            director = Director(client, max_steps=limit, lockstep=lockstep, film=True)
            show = _shower(director, shown_by, seed, episodes)
            if shown_by == "human" and lockstep:
                client.set_pause(True)  # a world that runs as fast as it can leaves no time to film
            stage = Stage(client, director, console, show, teacher)
            lessons = _teach(stage, task, tasks, trials, seed, video)
    return _report(stage, lessons, theta, json, video, seed, time.monotonic() - began)


@dataclass(frozen=True)
class Stage:
    """All that a lesson needs."""

    client: RobotClient
    director: Director
    console: Console
    show: Callable[[Task], Take]
    """Shows a task once."""
    teacher: Teacher


def _shower(
    director: Director, shown_by: ShownBy, seed: int, episodes: Path
) -> Callable[[Task], Take]:
    if shown_by == "human":
        from ros_nodes.person import Person

        return Person(seed, episodes / "films", episodes).show
    from robot_meta.evaluate import DEMO_TRIAL

    def teleoperated(task: Task) -> Take:
        return director.demonstrate({**_request(task), "trial": DEMO_TRIAL}, seed, task.label)

    return teleoperated


def _request(task: Task) -> dict[str, Any]:
    return {"family": task.family, "split": task.split, "index": task.index}


def _teach(
    stage: Stage, family: Family, tasks: int, trials: int, seed: int, video: Path
) -> list[Lesson]:
    """Every task in turn, filmed."""
    import numpy as np

    from ros_nodes.video import Film
    from sim.tasks import SPLIT_SIZES, draw_task

    order = np.random.default_rng([11, seed]).permutation(SPLIT_SIZES["test"])
    lessons = []
    with Film(video) as film, _progress(stage.console, tasks * (trials + 1)) as step:
        for k in range(tasks):
            drawn = draw_task(family, "test", int(order[k % len(order)]))
            head = f"task {k + 1} of {tasks}"
            told = f"[bold]{head}[/]  {in_words(drawn)}  [dim]{drawn.label}[/]"
            stage.console.print(told, soft_wrap=True)
            lesson = _lesson(stage, step, drawn, trials, seed)
            lessons.append(lesson)
            _film(film, f"{head}: {in_words(drawn)}", lesson, stage.teacher.how)
    return lessons


def _lesson(
    stage: Stage, step: Callable[[str], None], task: Task, trials: int, seed: int
) -> Lesson:
    """One task: shown, adapted to, tried."""
    console = stage.console
    step("being shown")
    shown = stage.show(task)
    console.print(
        f"  shown once: {0.1 * shown.steps:.1f} s of {stage.teacher.how}, recorded in "
        f"[dim]{Path(shown.episode).name}[/]",
        soft_wrap=True,
    )
    adapted = stage.client.adapt(shown.episode)
    console.print(
        f"  adapted to that recording in {adapted.wall_s:.2f} s: loss {adapted.loss_before:.2f} "
        f"to {adapted.loss_after:.2f}"
    )
    lesson = Lesson(task, shown, adapted)
    for trial in range(trials):
        step(f"trial {trial + 1} of {trials}")
        place = {**_request(task), "trial": trial, "avoid": shown.target_xy_m}
        tried = stage.director.attempt(place, seed, f"trial {trial + 1}")
        lesson.trials.append(tried)
        word = "[green]success[/]" if tried.success else "[red]failure[/]"
        why = f" ({tried.stopped})" if tried.stopped else ""
        console.print(f"  trial {trial + 1}: {word} after {0.1 * tried.steps:.1f} s{why}")
    return lesson


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[str], None]]:
    """A bar; call what it gives with what begins now."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as progress:
        row = progress.add_task("", total=total, completed=-1)

        def step(what: str) -> None:
            progress.update(row, advance=1, description=what)

        yield step


def _film(film: Any, title: str, lesson: Lesson, how: str) -> None:
    from ros_nodes.video import Clip

    shown = Clip(f"shown once, by {how}", lesson.shown.pictures)
    tried = [
        Clip(f"the robot, trial {k + 1}", trial.pictures, trial.success)
        for k, trial in enumerate(lesson.trials)
    ]
    film.scene(title, shown, tried)
    for take in (lesson.shown, *lesson.trials):
        take.pictures.clear()


def in_words(task: Task) -> str:
    """What the demonstration points at, for people; the policy is never told."""
    container = _look(task.containers[task.target_container]) if task.containers else ""
    thing = _look(task.objects[task.target_object])
    return {
        "place": f"put it into the {container} container",
        "push": f"push the {thing} thing to the goal",
        "pick_place": f"put the {thing} thing into the {container} container",
    }[task.family]


def _look(look: Any) -> str:
    hue = _HUES[int(look.hue_deg // 30.0) % len(_HUES)]
    pattern, shape = _PATTERNS.get(look.pattern, look.pattern), _SHAPES.get(look.shape, look.shape)
    return f"{pattern} {hue} {shape}"


_PATTERNS = {"stripes": "striped", "checks": "checked", "dots": "dotted", "ring": "ringed",
             "cross": "crossed"}  # fmt: skip
_SHAPES = {"circle": "round", "half_disc": "half-round", "triangle": "triangular",
           "rectangle": "rectangular"}  # fmt: skip
_HUES = ("red", "yellow", "lime", "green", "green", "teal", "blue", "blue", "indigo", "purple",
         "magenta", "pink")  # fmt: skip


def _report(
    stage: Stage,
    lessons: list[Lesson],
    theta: Path,
    json: Path,
    video: Path,
    seed: int,
    wall_s: float,
) -> int:
    import numpy as np

    from robot_meta import checkpoint
    from robot_meta.results import Metric, append_test_log, write_result
    from robot_meta.statistics import bootstrap_ci

    pairs = [(trial.success, x.task.index) for x in lessons for trial in x.trials]
    values, labels = zip(*pairs, strict=True)
    adapt_s = [x.adapted.wall_s for x in lessons]
    rates = [take.rate for x in lessons for take in (x.shown, *x.trials) if np.isfinite(take.rate)]
    metrics = {
        "success": Metric.rate(bootstrap_ci(np.array(values, float), labels), [seed]),
        "adapt_s_max": Metric(value=max(adapt_s), unit="s", n=len(adapt_s), seeds=(seed,)),
    }
    if rates:
        slowest = Metric(value=min(rates), unit="simulated s a second", n=len(rates))
        metrics["real_time_factor_min"] = slowest
    sha, family = checkpoint.load(theta).sha256, lessons[0].task.family
    write_result(
        json,
        stage.teacher.result,
        f"{len(lessons)} tasks of the test split of {family}, drawn by the seed; each shown once "
        f"{stage.teacher.protocol} and recorded into a bag; the policy "
        "node adapts to that bag alone; trials in fresh arrangements, the target at least 10 cm "
        "from where it was shown, over the ROS graph; success as sim/judge.py judges it.",
        metrics,
        config={"seed": seed, "checkpoint": sha, "lessons": [x.record() for x in lessons]},
        wall_s=wall_s,
    )
    figures = {key: metric.value for key, metric in metrics.items()}
    words = f"{stage.teacher.result.replace('-', ' --from ')} {family}"
    append_test_log(json.parent, words, sha, {"seed": seed, "metrics": figures})
    console = stage.console
    console.print(f"\nslowest adaptation {max(adapt_s):.2f} s, all in {wall_s:.0f} s")
    console.print(f"[bold]one-shot success: {sum(values)}/{len(values)}[/]")
    console.print(f"film: {video}", soft_wrap=True)
    console.print(f"result: {json}", soft_wrap=True)
    return 0
