"""Few-shot learners that saw no label in training, beside baselines on the same embedding.

Evaluation only, except that pictures are clustered once more for one baseline: docs/cactus.md has
the commands that train.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta import embedding_evaluation, few_shot_tasks, report
from robot_meta import few_shot_evaluation as figures
from robot_meta.embedding_evaluation import Codebook
from robot_meta.errors import DataError
from robot_meta.few_shot_evaluation import Figures
from robot_meta.few_shot_published import published
from robot_meta.few_shot_tasks import Tasks
from robot_meta.results import Metric, Published, append_test_log

NAME, TASK = "cactus", "omniglot"
CASES = ((5, 1), (5, 5))
TASKS, SEEDS, ALONE = 600, (0, 1, 2), 60
QUICK_TASKS, QUICK_SEEDS, QUICK_ALONE = 60, (0,), 20
ACAI, DEEP = "acai", "deepcluster"
"""Embeddings, by their checkpoints."""
ROWS = {
    "cactus-unwarped": "CACTUs as published, pictures as they are",
    "cactus": "CACTUs: clusters as classes",
    "cactus-deepcluster": "CACTUs on DeepCluster's codes",
    "umtra": "UMTRA: warps as classes",
    "protonet": "with labels",
}
"""Checkpoints by name, and what they stand for in the picture."""
CLUSTERED = {"cactus-deepcluster": DEEP}
"""Rows that stand beside the baselines of another embedding than ACAI's."""
PREFIXES = {ACAI: "", DEEP: "deepcluster_"}
"""Of the keys of an embedding's baselines."""
BASELINES = {
    "knn": "nearest neighbours",
    "logistic": "logistic regression",
    "mlp": "network with dropout",
    "matching": "cluster matching",
    "deepcluster_best_baseline": "the best of these on DeepCluster's codes",
}


@dataclass(frozen=True)
class Size:
    """Of an evaluation."""

    tasks: int
    """For each seed."""
    seeds: tuple[int, ...]
    alone: int
    """Tasks of each seed whose queries are judged alone too, which takes most of the time."""

    @property
    def parts(self) -> int:
        """What is yielded for each seed."""
        return -(-self.tasks // figures.TOGETHER)


Watch = Callable[[Iterable[Figures], str, int], Iterable[Figures]]


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda parts, *_: parts
) -> dict[str, Metric]:
    """Evaluate what is trained and the baselines; write the results file and its figure.

    Args:
        quick: few tasks, one seed.
        out: results file; results/cactus.json, or -quick, if not given.
        watch: passes figures through while showing progress (figures, what, total).

    Raises:
        DataError: nothing is trained, or no data.
        CheckpointError: no embedding.
    """
    began = time.monotonic()
    if not any(figures.shipped(name, TASK, *case).exists() for name in ROWS for case in CASES):
        raise DataError(
            "checkpoints/few-shot: neither cactus-omniglot nor umtra-omniglot; docs/cactus.md has "
            "the commands that train them"
        )
    size = Size(QUICK_TASKS, QUICK_SEEDS, QUICK_ALONE) if quick else Size(TASKS, SEEDS, ALONE)
    books, missing = _books()
    found: dict[str, Metric] = {}
    hashes = {name: book.embedding.sha256 for name, book in books.items()}
    settings: dict[str, Any] = {}
    for way, shot in CASES:
        case, tasks = _case(way, shot), few_shot_tasks.make(TASK, way=way, shot=shot)
        rivals: dict[str, NDArray[np.float64]] = {}
        for name, book in books.items():
            parts, settings[f"{name}_{case}"] = _baselines(
                book, tasks, f"{name} {case}", size, watch
            )
            metrics = figures.metrics(parts, size.seeds)
            best = embedding_evaluation.best(metrics)
            rivals[name] = _joined(parts, best)
            metrics["accuracy_best_baseline"] = metrics[best]
            found |= {
                f"{PREFIXES[name]}{key.removeprefix('accuracy_')}_{case}_accuracy": metric
                for key, metric in metrics.items()
            }
        for name in ROWS:
            path = figures.shipped(name, TASK, way, shot)
            if not path.exists() or CLUSTERED.get(name, ACAI) not in books:
                missing.append(f"{_key(name)}_{case}")
                continue
            learner, theta, hashes[name] = figures.load(path, way)
            parts = []
            for seed in size.seeds:
                news = figures.evaluate(learner, theta, tasks, "test", size.tasks, seed, size.alone)
                parts += watch(news, f"{name} {case}, seed {seed}", size.parts)
            metrics = figures.metrics(parts, size.seeds)
            _log(f"{name}_{case}", hashes[name], metrics, size)
            row = f"{_key(name)}_{case}"
            found |= {f"{row}_{key}": metric for key, metric in metrics.items()}
            above = _joined(parts, "accuracy") - rivals[CLUSTERED.get(name, ACAI)]
            found[f"{row}_above_best_baseline"] = figures.metric(above, size.seeds)
    path = report.publish(
        NAME,
        _protocol(size),
        found,
        published=_printed(found),
        config={"checkpoints": hashes, "without_parameters": missing, "baselines": settings},
        began=began,
        quick=quick,
        out=out,
    )
    picture(found, path.with_suffix(".png"))
    report.show(found)
    return found


def _books() -> tuple[dict[str, Codebook], list[str]]:
    """The codes of each embedding that is there, and the names of those that are not.

    Raises:
        CheckpointError: not even ACAI's.
    """
    images = few_shot_tasks.unlabelled(TASK, "train")
    paths = {name: figures.shipped(name, TASK, *CASES[0]) for name in PREFIXES}
    there = {name: path for name, path in paths.items() if path.exists() or name == ACAI}
    books = {name: embedding_evaluation.codebook(path, images) for name, path in there.items()}
    return books, [name for name in paths if name not in there]


def _baselines(
    book: Codebook, tasks: Tasks, case: str, size: Size, watch: Watch
) -> tuple[list[Figures], dict[str, Any]]:
    """Figures of the baselines on the test tasks of all seeds, and their settings."""
    chosen = embedding_evaluation.chosen(book, tasks)
    parts: list[Figures] = []
    for seed in size.seeds:
        news = embedding_evaluation.evaluate(
            book.embedding, chosen, tasks, "test", size.tasks, seed
        )
        parts += watch(news, f"baselines {case}, seed {seed}", size.parts)
    return parts, embedding_evaluation.settings(chosen)


def _joined(parts: Sequence[Figures], key: str) -> NDArray[np.float64]:
    return np.concatenate([part[key] for part in parts])


def _log(row: str, sha: str, metrics: Mapping[str, Metric], size: Size) -> None:
    told = {key: metric.value for key, metric in metrics.items()}
    summary = {"seeds": list(size.seeds), "metrics": told}
    append_test_log(report.RESULTS, f"experiment {NAME}: {row}", sha, summary)


def _printed(found: Mapping[str, Metric]) -> dict[str, Published]:
    rows = {
        f"{_key(name)}_{_case(*c)}_accuracy": published(name, *c) for name in ROWS for c in CASES
    }
    return {key: other for key, other in rows.items() if other is not None and key in found}


def _protocol(size: Size) -> str:
    return (
        f"Evaluation seeds {size.seeds}, each: {figures.protocol(TASK, 'test', size.tasks)} "
        f"The non-transductive figure is of the first {size.alone} tasks of each seed. No label is "
        "used in training, and its length is fixed beforehand. Baselines see the codes of the "
        "embedding that CACTUs clusters (`deepcluster_`: DeepCluster's, for cactus_deepcluster; "
        "else ACAI's); their settings are the best on "
        f"{embedding_evaluation.TUNED_ON} validation tasks, which have labels; the best of them is "
        "the one that is best on the test tasks. `above_best_baseline` is the mean difference on "
        "the same tasks. One training seed."
    )


def picture(found: Mapping[str, Metric], path: Path) -> None:
    """Accuracy of each row, one panel a case; what was printed as a line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    titles = {**BASELINES, **ROWS}
    rows = [name for name in titles if f"{_key(name)}_{_case(*CASES[0])}_accuracy" in found]
    for column, (way, shot) in enumerate(CASES):
        axes: Any = figure.add_subplot(1, len(CASES), column + 1)
        for at, name in enumerate(reversed(rows)):
            metric = found[f"{_key(name)}_{_case(way, shot)}_accuracy"]
            axes.barh(at, metric.value, 0.7, color="#c44e52" if name in ROWS else "#8c9bb0")
            if name in ROWS and (other := published(name, way, shot)):
                axes.plot([other.value] * 2, [at - 0.4, at + 0.4], color="black", linewidth=1.5)
        labels = [titles[name] for name in reversed(rows)] if not column else []
        axes.set_yticks(range(len(rows)), labels or [""] * len(rows), fontsize=8)
        axes.set_xlim(0.2, 1.0)
        axes.set_title(f"{way}-way {shot}-shot", fontsize=10)
        axes.set_xlabel("accuracy on test characters (black: published)", fontsize=8)
    figure.savefig(path, dpi=110)


def _key(name: str) -> str:
    return name.replace("-", "_")


def _case(way: int, shot: int) -> str:
    return f"{way}_way_{shot}_shot"
