"""What train and eval do for few-shot tasks."""

from __future__ import annotations

import time
from pathlib import Path

from robot_meta import few_shot_tasks, report
from robot_meta.cpu import CpuSettings, configure_cpu
from robot_meta.errors import ConfigError
from robot_meta.options import EvalOptions, TrainOptions
from robot_meta.results import Metric

RUNS = Path("runs/few-shot")
EMBEDDINGS = ("acai", "deepcluster")
"""What codes are learned by; they are no learners of tasks."""


def train(learner: str, task: str, options: TrainOptions) -> int:
    """Meta-train a few-shot learner; run again to go on."""
    from robot_meta import training
    from robot_meta.carrying_out import carry_out
    from robot_meta.few_shot_training import prepare

    told = configure_cpu()
    if learner in EMBEDDINGS:
        return _train_embedding(learner, task, options, told)
    if options.warp and options.tasks_from == "augmented":
        raise ConfigError(
            f"--warp {options.warp}: with --tasks-from augmented a class is warps of one picture; "
            "leave it out"
        )
    way, shot = options.way, options.shot
    tasks = few_shot_tasks.make(
        task, way=way, shot=shot, query=options.query, data=options.data, warp=options.warp
    )
    if options.tasks_from != "labels":
        tasks = _unlabelled(tasks, options)
    settings = training.parse_settings(options.settings)
    run = prepare(learner, tasks, settings, options.batch, options.seed, options.start)
    source = "" if options.tasks_from == "labels" else f"-{options.tasks_from}"
    own = f"{learner}{source}-{task}-{way}way-{shot}shot-seed{options.seed}"
    folder = options.out or RUNS / own
    notes = {"task": task, "command": " ".join(["train", learner, task, *options.words()])}
    return carry_out(run, options, folder, notes, told)


def _train_embedding(learner: str, task: str, options: TrainOptions, told: CpuSettings) -> int:
    """Train the encoder whose codes are clustered; `batch` is of pictures."""
    from robot_meta import embedding, few_shot_evaluation, training
    from robot_meta.carrying_out import carry_out

    images, held = (
        few_shot_tasks.unlabelled(task, split, options.data) for split in ("train", "val")
    )
    if learner == "acai":
        settings = training.parse_settings(options.settings)
        run = embedding.prepare(images, held, settings, options.batch, options.seed)
    else:
        if options.settings or options.start:
            raise ConfigError(
                "deepcluster: it goes on with the network of --embedding, of --clusters clusters; "
                "leave out --settings and --start"
            )
        shipped = few_shot_evaluation.shipped("acai", task, options.way, options.shot)
        run = embedding.prepare_round(
            images,
            options.embedding or shipped,
            options.clusters,
            options.batch,
            rotate=task in few_shot_tasks.TURNED,
            seed=options.seed,
        )
    folder = options.out or RUNS / f"{learner}-{task}-seed{options.seed}"
    notes = {"task": task, "command": " ".join(["train", learner, task, *options.words()])}
    return carry_out(run, options, folder, notes, told)


def _baselines(tasks: few_shot_tasks.Tasks, options: EvalOptions) -> dict[str, Metric]:
    """What the embedding reaches on the same tasks without meta-learning."""
    from robot_meta import embedding_evaluation, few_shot_evaluation

    shipped = few_shot_evaluation.shipped("acai", tasks.name, options.way, options.shot)
    images = few_shot_tasks.unlabelled(tasks.name, "train", options.data)
    book = embedding_evaluation.codebook(options.embedding or shipped, images)
    return embedding_evaluation.measured(book, tasks, options.split, options.tasks, options.seed)


def _unlabelled(tasks: few_shot_tasks.Tasks, options: TrainOptions) -> few_shot_tasks.Tasks:
    """The same tasks to be judged by, but made without labels to train on."""
    from robot_meta import few_shot_evaluation, unlabelled_tasks
    from robot_meta.data.warps import WarpConfig
    from robot_meta.embedding import Embedding
    from robot_meta.partitions import PartitionsConfig

    images = few_shot_tasks.unlabelled(tasks.name, "train", options.data)
    shot, query = options.shot, options.query
    if options.tasks_from == "augmented":
        return unlabelled_tasks.augmented(tasks, images, shot=shot, query=query)
    path = options.embedding or few_shot_evaluation.shipped("acai", tasks.name, options.way, shot)
    config = PartitionsConfig(
        clusters=options.clusters, partitions=options.partitions, seed=options.seed
    )
    embedding = Embedding.load(path)
    warps = WarpConfig.of(options.warp) if options.warp else None
    return unlabelled_tasks.clustered(
        tasks, images, embedding, config, shot=shot, query=query, warps=warps
    )


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
    tasks = few_shot_tasks.make(task, way=way, shot=shot, data=options.data)
    what = f"{learner} {task} {way}-way {shot}-shot"
    news = figures.evaluate(made, theta, tasks, options.split, options.tasks, options.seed)
    parts = list(track(news, what, total=-(-options.tasks // figures.TOGETHER)))
    metrics = figures.metrics(parts, (options.seed,))
    if learner == "cactus":
        metrics |= _baselines(tasks, options)
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
