"""What train and eval do for few-shot tasks."""

from __future__ import annotations

import time
from pathlib import Path

from robot_meta import few_shot_tasks, report
from robot_meta.cpu import configure_cpu
from robot_meta.options import EvalOptions, TrainOptions

RUNS = Path("runs/few-shot")


def train(learner: str, task: str, options: TrainOptions) -> int:
    """Meta-train a few-shot learner; run again to go on."""
    from robot_meta import training
    from robot_meta.carrying_out import carry_out
    from robot_meta.few_shot_training import prepare

    told = configure_cpu()
    way, shot = options.way, options.shot
    tasks = few_shot_tasks.make(task, way=way, shot=shot, query=options.query, data=options.data)
    settings = training.parse_settings(options.settings)
    run = prepare(learner, tasks, settings, options.batch, options.seed)
    folder = options.out or RUNS / f"{learner}-{task}-{way}way-{shot}shot-seed{options.seed}"
    notes = {"task": task, "command": " ".join(["train", learner, task, *options.words()])}
    return carry_out(run, options, folder, notes, told)


def evaluate(learner: str, task: str, options: EvalOptions) -> int:
    """Accuracy or error on tasks of a split, with and without other queries in the batch."""
    from rich.progress import track

    from robot_meta import few_shot_evaluation as figures
    from robot_meta.results import append_test_log, write_result

    configure_cpu()
    began = time.monotonic()
    way, shot = options.way, options.shot
    path = options.checkpoint or figures.shipped(learner, task, way, shot)
    made, theta, sha = figures.load(path, way)
    tasks = few_shot_tasks.make(task, way=way, shot=shot)
    what = f"{learner} {task} {way}-way {shot}-shot"
    news = figures.evaluate(made, theta, tasks, options.split, options.tasks, options.seed)
    parts = list(track(news, what, total=-(-options.tasks // figures.TOGETHER)))
    metrics = figures.metrics(parts, (options.seed,))
    report.show(metrics)
    if options.split == "test":
        words = f"eval {learner} {task} --way {way} --shot {shot} --tasks {options.tasks}"
        values = {key: metric.value for key, metric in metrics.items()}
        told = {"seed": options.seed, "metrics": values}
        append_test_log(report.RESULTS, words, sha, told)
    if options.json is not None:
        write_result(
            options.json,
            f"{learner}-{task}-{way}way-{shot}shot",
            figures.protocol(task, options.split, options.tasks, way, shot),
            metrics,
            config={"learner": learner, "checkpoint": sha, "way": way, "shot": shot},
            wall_s=time.monotonic() - began,
        )
    return 0
