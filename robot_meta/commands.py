"""Commands that need no ROS: collect, train, eval, experiment, tables.

Each is a function that tyro turns into options; what it needs is imported when it is called.
`python -m robot_meta.commands train ...` is the same as `robot-meta train ...`: for `torchrun`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

import tyro

from robot_meta.errors import ConfigError
from robot_meta.options import (
    EvalOptions,
    ExperimentOptions,
    Family,
    Few,
    Robot,
    Split,
    TrainOptions,
)

TaskWord = Annotated[Family | Robot | Few, tyro.conf.Positional]
ROBOTS, FEW = get_args(Robot), get_args(Few)
LearnerWord = Annotated[str, tyro.conf.Positional]
WHICH = (
    "Which one: mil-place, mil-push, daml-place, daml-push, daml-pick-place (one method and family "
    "each), one-shot (all methods side by side), films (other people and cameras), "
    "online-adaptation (legged robots: every world, fault and method), failures (a picture of ten "
    "of DAML's failures at place), or one of the learners': sinusoid, few-shot and the others of "
    "`robot_meta/experiment_table.py`."
)
ExperimentWord = Annotated[str, tyro.conf.Positional, tyro.conf.arg(help=WHICH)]
DATA, RUNS = Path("data"), Path("runs")
TRAIN, EVAL, EXPERIMENT = TrainOptions(), EvalOptions(), ExperimentOptions()


def collect(
    task: Annotated[Family | Robot, tyro.conf.Positional],
    /,
    kind: Literal["robot", "human"] = "robot",
    split: Split = "train",
    tasks: int = 2000,
    demos: int = 4,
    first: int = 0,
    seed: int = 0,
    noise: float = 0.12,
    misjudged: float = 0.01,
    pixels: int = 80,
    out: Path | None = None,
    workers: int = 2,
    fault: str = "disabled_joint",
    episodes: int = 128,
    models: tuple[Path, ...] = (),
    wander: bool = False,
    true_planner: bool = True,
    branches: int = 0,
    rest: float = 0.0,
    lag_steps: int = 0,
) -> int:
    """Collect scripted demonstrations of drawn tasks, in parallel. Run again to go on.

    Of a legged robot: episodes of motion under faults, half of noisy gaits, half of a planner on
    the true physics; or, with --models, more of what trained models do.

    Args:
        task: Task family, or a legged robot.
        kind: Who demonstrates: a robot (states and actions too), or a person (pictures alone).
        split: Which set the tasks are drawn from.
        tasks: How many tasks.
        demos: Demonstrations of each.
        first: Number of the first task.
        seed: Seed of arrangements and noise.
        noise: Size in m/s of the knocks that teach to recover.
        misjudged: Size in m of errors in where the thing seems to be, which teach the same.
        pixels: Side of the pictures that a policy is trained on, of at most 240.
        out: Folder; data/TASK-SPLIT, or data/TASK-human-SPLIT, if not given.
        workers: Processes of one thread.
        fault: Kind of fault of a legged robot.
        episodes: Episodes of a legged robot.
        models: Checkpoints that act, in turn; their episodes are added to the set that is there.
        wander: They are told to go now this way, now that, not just along x.
        true_planner: Without it all first episodes are noisy gaits: on uneven ground the planner on
            the true physics is slow.
        branches: Futures that a legged robot did not take, tried on the true physics at each of its
            steps, and kept with it.
        rest: Share of the motors that models leave at rest for a while, now and then.
        lag_steps: Steps of physics that every action of models arrives late, as over a network.
    """
    if task in ROBOTS:
        from robot_meta import motion_commands
        from robot_meta.locomotion import World

        world = World(robot=task, fault=fault)
        if models and not true_planner:
            raise ConfigError("--no-true-planner is for first episodes; leave it out with --models")
        if wander and not models:
            raise ConfigError("--wander is for models that act; give some with --models")
        if (rest or lag_steps) and not models:
            raise ConfigError("--rest, --lag-steps are for models that act; give some by --models")
        if models:
            more = motion_commands.RoundConfig(
                models=models,
                episodes=episodes,
                seed=seed,
                split=split,
                wander=wander,
                branches=branches,
                rest=rest,
                lag_steps=lag_steps,
            )
            return motion_commands.aggregate(world, more, out)
        return motion_commands.collect(world, split, episodes, seed, out, true_planner, branches)
    from rich.progress import track

    from robot_meta.data.collect import CollectConfig
    from robot_meta.data.collect import collect as shards
    from robot_meta.evaluate import ENVIRONMENTS

    config = CollectConfig(
        kind=kind,
        env_id=ENVIRONMENTS[task],
        split=split,
        tasks=tasks,
        first=first,
        demos=demos,
        seed=seed,
        noise_m_s=noise,
        misjudged_m=misjudged,
        pixels=pixels,
    )
    folder = out or DATA / (f"{task}-{split}" if kind == "robot" else f"{task}-human-{split}")
    news = shards(config, folder, workers)
    done, total = next(news)
    for _ in track(news, f"{task} {split}: {done} of {total} shards there", total=total - done):
        pass
    print(f"{folder}: {tasks} tasks, {demos} demonstrations each")
    return 0


def train(
    learner: LearnerWord,
    task: TaskWord,
    /,
    options: Annotated[TrainOptions, tyro.conf.arg(name="")] = TRAIN,
) -> int:
    """Meta-train a learner on a task family. Run again to go on; Ctrl-C loses nothing.

    Under `torchrun` the same command shares the work among its processes.

    Args:
        learner: Which learner, such as mil.
        task: Task family, a legged robot, or few-shot tasks.
        options: Options of the run.
    """
    if options.members and task not in ROBOTS:
        raise ConfigError(f"train {learner} {task}: --members are for learners of motion")
    if task in FEW:
        from robot_meta import few_shot_commands

        return few_shot_commands.train(learner, task, options)
    if task in ROBOTS:
        from robot_meta import motion_commands
        from robot_meta.locomotion import World

        return motion_commands.train(learner, World(robot=task, fault=options.fault), options)
    inside = "WORLD_SIZE" in os.environ
    if options.workers > 1 and not inside:
        from robot_meta.parallel import run_workers

        words = ["train", learner, task, *options.words()]
        return run_workers(options.workers, "robot_meta.commands", words)
    from robot_meta import training
    from robot_meta.carrying_out import carry_out
    from robot_meta.cpu import configure_cpu

    if learner not in training.PREPARE:
        known = ", ".join(training.PREPARE)
        raise ConfigError(f"learner {learner!r} cannot be trained; those that can: {known}")
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if options.shares < 1 or options.batch % options.shares or options.shares % processes:
        raise ConfigError(
            f"batch {options.batch} in {options.shares} shares for {processes} processes: the "
            "first must be a multiple of the second, and that of the third"
        )
    told = configure_cpu()
    settings = training.parse_settings(options.settings)
    runs: dict[str, training.Run] = {
        family: training.PREPARE[learner](
            _sources(family, options, alone=not options.also),
            settings,
            options.batch // options.shares,
        )
        for family in (cast(Family, task), *options.also)
    }
    run = training.together(runs) if options.also else runs[task]
    folder = options.out or RUNS / f"{learner}-{task}"
    notes = {"family": task, "command": " ".join(["train", learner, task, *options.words()])}
    return carry_out(run, options, folder, notes, told, options.shares)


def _sources(family: Family, options: TrainOptions, *, alone: bool) -> Any:
    """Where a run of one family has its data from; folders may be given for one `alone`."""
    from robot_meta.training import Sources

    if not alone and (options.data or options.validation or options.videos):
        raise ConfigError("--data, --validation and --videos are of one family; leave out --also")
    held = options.validation or DATA / f"{family}-val"
    hands = dict(word.split("=", 1) for word in options.hands if "=" in word)
    if len(hands) < len(options.hands):
        raise ConfigError(f"--hands {' '.join(options.hands)}: write TASK=PATH for each")
    return Sources(
        family=family,
        train=options.data or DATA / f"{family}-train",
        validation=held if options.validation or held.exists() else None,
        videos=options.videos or DATA / f"{family}-human-train",
        limit=options.limit,
        start=options.start,
        hands=Path(hands[family]) if family in hands else None,
        seed=options.seed,
    )


def evaluate(
    learner: LearnerWord,
    task: TaskWord,
    /,
    options: Annotated[EvalOptions, tyro.conf.arg(name="")] = EVAL,
) -> int:
    """Measure success on held-out tasks after one demonstration, with every control beside it.

    Args:
        learner: Which learner, such as mil.
        task: Task family, a legged robot, or few-shot tasks.
        options: Options of the evaluation.
    """
    if task in FEW:
        from robot_meta import few_shot_commands

        return few_shot_commands.evaluate(learner, task, options)
    if task in ROBOTS:
        from robot_meta import motion_commands
        from robot_meta.locomotion import World

        return motion_commands.evaluate(learner, World(robot=task, fault=options.fault), options)
    from rich.progress import track

    from robot_meta import checkpoint as files
    from robot_meta import experiments, report
    from robot_meta.evaluate import CONTROLS, EvalConfig
    from robot_meta.evaluate import evaluate as cases_of
    from robot_meta.evaluate import metrics as metrics_of
    from robot_meta.results import append_test_log, write_result

    theta = report.chosen(options.checkpoint, learner, task)
    without = options.blind or report.blind(learner, task)
    sha = files.load(theta).sha256
    config = EvalConfig(
        family=task,
        split=options.split,
        trials=options.trials,
        seed=options.seed,
        shots=options.shots,
        evidence=options.evidence,
        film=options.film,
        controls=CONTROLS if options.controls else (),
        workers=options.workers,
    )
    began = time.monotonic()
    news: Any = cases_of(str(theta), str(without) if without.exists() else None, config)
    what = f"{learner} {task} {options.split} seed {options.seed}"
    metrics = metrics_of(list(track(news, what, total=config.tasks)), config)
    report.show(metrics)
    if options.split == "test":
        figures = {key: metric.value for key, metric in metrics.items()}
        words = f"eval {learner} {task} --trials {options.trials} --seed {options.seed}"
        words += f" --evidence {options.evidence}" if options.evidence != "robot" else ""
        words += f" --film {options.film}" if options.film != "train" else ""
        append_test_log(report.RESULTS, words, sha, {"seed": options.seed, "metrics": figures})
    if options.json is not None:
        write_result(
            options.json,
            f"{learner}-{task.replace('_', '-')}",
            report.protocol(task, options.split, options.trials, config.tasks, options.evidence),
            metrics,
            published=experiments.published(learner, config),
            config={"learner": learner, "checkpoint": sha, "eval": config},
            wall_s=time.monotonic() - began,
        )
    return 0


def experiment(
    name: ExperimentWord,
    /,
    options: Annotated[ExperimentOptions, tyro.conf.arg(name="")] = EXPERIMENT,
) -> int:
    """Run one experiment whole: all its seeds and controls, results/NAME.json, and a verdict.

    Args:
        name: Which one.
        options: Options of the run.
    """
    from rich.progress import track

    from robot_meta import experiment_table, experiments, failures, films, one_shot, report
    from robot_meta.cpu import configure_cpu

    def watch(cases: Any, what: str, total: int) -> Any:
        return track(cases, what, total=total)

    quick, trials, workers, json = options.quick, options.trials, options.workers, options.json
    if name == "one-shot":
        one_shot.run(quick=quick, trials=trials, workers=workers, out=json, watch=watch)
        return 0
    if name == "online-adaptation":
        from robot_meta import online_experiment

        configure_cpu()
        online_experiment.run(quick=quick, out=json, watch=watch)
        return 0
    if name in experiment_table.MODULES:
        configure_cpu()
        experiment_table.run(name, quick=quick, out=json, watch=watch)
        return 0
    if name == "failures":
        print(failures.run())
        return 0
    if name == "films":
        checks = films.run(quick=quick, trials=trials, workers=workers, out=json, watch=watch)
        return experiments.tell(checks)
    found = experiments.run(
        name,
        seeds=options.seeds[:1] if quick else options.seeds,
        trials=trials or (60 if quick else None),
        workers=workers,
        theta=options.checkpoint,
        blind=options.blind,
        out=json or (report.RESULTS / f"{name}-quick.json" if quick else None),
        watch=watch,
    )
    return experiments.tell(found)


def tables(
    documents: Annotated[tuple[Path, ...], tyro.conf.Positional] = (Path("README.md"),),
    results: Path = Path("results"),
    check: bool = False,
) -> int:
    """Rewrite the tables between the markers of Markdown files from the results files.

    Args:
        documents: The files.
        results: Folder of the results.
        check: Change nothing; fail if a table is out of date.
    """
    from robot_meta.tables import rendered, update

    stale = []
    for path in documents:
        if check:
            text = path.read_text(encoding="utf-8")
            stale += [path] if rendered(text, results, str(path)) != text else []
        else:
            print(f"{path}: {'rewritten' if update(path, results) else 'as it was'}")
    for path in stale:
        print(f"{path}: tables are out of date; run `make tables`", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    table: dict[str, Any] = {
        "collect": collect,
        "train": train,
        "eval": evaluate,
        "experiment": experiment,
        "tables": tables,
    }
    sys.exit(tyro.extras.subcommand_cli_from_dict(table))
