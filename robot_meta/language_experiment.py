"""Language from little of it: Meta-NMT and PAML beside training on all tasks and fine-tuning.

Gu et al. 2018 and Madotto et al. 2019, on text that is generated here. All is trained here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta import persona_talk, report, translation
from robot_meta.checkpoint import digest
from robot_meta.learners.sequences import Sequences
from robot_meta.results import Metric, Published, append_test_log, write_result
from robot_meta.statistics import bootstrap_ci
from robot_meta.trained import Watch
from robot_meta.types import Params

NAME = "language"
TRANSLATION = translation.Effort()
QUICK_TRANSLATION = translation.Effort(
    steps=300, sizes=(16, 256), tuning_steps=30, test=translation.TEST[:5]
)
PERSONAS = persona_talk.Effort()
QUICK_PERSONAS = persona_talk.Effort(steps=300, test=20)
PUBLISHED = {
    "bleu_meta_nmt_256_pairs": Published(
        value=22.04,
        source="Gu et al. 2018, Romanian to English, WMT16",
        differs="theirs is news, with a vocabulary of thousands, from 16,000 words (about 600 "
        "sentences); ours is instructions of a toy grammar with a vocabulary of 38 English tokens",
    ),
    "consistency_paml_10_dialogs": Published(
        value=0.20,
        source="Madotto et al. 2019, Persona-Chat, C score",
        differs="theirs is people's dialog, judged by a trained model; ours is generated dialog "
        "that asks for facts, judged exactly",
    ),
}


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda steps, *_: steps
) -> dict[str, Metric]:
    """Train and evaluate all; write the results file and its figure.

    Args:
        quick: few steps and tasks.
        out: results file; results/language.json, or -quick, if not given.
        watch: passes steps through while showing progress (steps, what, total).
    """
    began = time.monotonic()
    hashes: dict[str, str] = {}
    spoken = _translations(QUICK_TRANSLATION if quick else TRANSLATION, quick, watch, hashes)
    talked = _dialogs(QUICK_PERSONAS if quick else PERSONAS, quick, watch, hashes)
    metrics = {**translation_metrics(spoken), **persona_metrics(talked)}
    path = out or report.RESULTS / (f"{NAME}-quick.json" if quick else f"{NAME}.json")
    tunings = {
        f"{name}_{count}": scores.tuning
        for table in (spoken, talked)
        for name, row in table.items()
        for count, scores in row.items()
    }
    write_result(
        path,
        NAME,
        _protocol(quick),
        metrics,
        published={key: each for key, each in PUBLISHED.items() if key in metrics},
        config={
            "translation": QUICK_TRANSLATION if quick else TRANSLATION,
            "personas": QUICK_PERSONAS if quick else PERSONAS,
            "fine_tuning": tunings,
        },
        wall_s=time.monotonic() - began,
    )
    told = {key: metric.value for key, metric in metrics.items()}
    append_test_log(
        report.RESULTS, f"experiment {NAME}", ",".join(hashes.values()), {"metrics": told}
    )
    picture(spoken, talked, path.with_suffix(".png"))
    report.show(metrics)
    return metrics


def _folder(name: str, quick: bool) -> Path | None:
    return None if quick else Path(f"runs/few-shot/{NAME}-{name}")


def _translations(
    effort: translation.Effort, quick: bool, watch: Watch, hashes: dict[str, str]
) -> translation.Table:
    out: dict[str, dict[int, translation.Scores]] = {}
    for name in translation.METHODS:
        learner, theta = translation.train(name, effort, _folder(name, quick), watch)
        hashes[name] = digest(theta)
        out[name] = {k: translation.evaluate(learner, theta, k, effort) for k in effort.sizes}
    return out


def _dialogs(
    effort: persona_talk.Effort, quick: bool, watch: Watch, hashes: dict[str, str]
) -> persona_talk.Table:
    out: dict[str, dict[int, persona_talk.Scores]] = {}
    done: dict[str, tuple[Sequences, Params]] = {}
    for name in persona_talk.METHODS:
        training = name.removesuffix("_tuned")  # what is fine-tuned or not is one training
        if training not in done:
            done[training] = persona_talk.train(name, effort, _folder(training, quick), watch)
        learner, theta = done[training]
        hashes[name] = digest(theta)
        out[name] = {
            k: persona_talk.evaluate(name, learner, theta, k, effort) for k in persona_talk.DIALOGS
        }
    return out


def translation_metrics(table: translation.Table) -> dict[str, Metric]:
    """BLEU and exact match by method and pairs, and BLEU of Meta-NMT less that of transfer."""
    out: dict[str, Metric] = {}
    for name, row in table.items():
        for size, scores in row.items():
            out[f"bleu_{name}_{size}_pairs"] = metric(scores.bleu, "BLEU")
            out[f"exact_{name}_{size}_pairs"] = metric(scores.exact, "rate")
    for size, scores in table["meta_nmt"].items():
        less = scores.bleu - table["transfer"][size].bleu
        out[f"bleu_meta_nmt_minus_transfer_{size}_pairs"] = metric(less, "BLEU")
    return out


def persona_metrics(table: persona_talk.Table) -> dict[str, Metric]:
    """Perplexity, C and right facts by method and dialogs, and PAML's C less that of the best."""
    out: dict[str, Metric] = {}
    for name, row in table.items():
        for count, scores in row.items():
            end = f"{name}_{count}_dialogs"
            loss = metric(scores.loss, "perplexity")
            assert loss.ci95 is not None
            low, high = np.exp(loss.ci95)
            out[f"perplexity_{end}"] = Metric(
                value=float(np.exp(loss.value)),
                unit=loss.unit,
                n=loss.n,
                ci95=(float(low), float(high)),
                seeds=loss.seeds,
            )
            out[f"consistency_{end}"] = metric(scores.consistency, "C")
            out[f"facts_{end}"] = metric(scores.right, "rate")
    for count, scores in table["paml"].items():
        less = scores.consistency - table["joint_tuned"][count].consistency
        out[f"consistency_paml_minus_joint_tuned_{count}_dialogs"] = metric(less, "C")
    return out


def metric(values: NDArray[np.float64], unit: str) -> Metric:
    """The mean over tasks with its interval."""
    found = bootstrap_ci(values, list(range(len(values))))
    return Metric(value=found.value, unit=unit, n=found.trials, ci95=found.ci95, seeds=(0,))


def _protocol(quick: bool) -> str:
    first = QUICK_TRANSLATION if quick else TRANSLATION
    other = QUICK_PERSONAS if quick else PERSONAS
    return (
        "All text is generated by this project. Translation: instructions to a robot in "
        f"languages drawn by number, {len(translation.TRAINING)} of them to train on "
        f"({translation.CORPUS} pairs each), {len(translation.VALIDATION)} for choices, "
        f"{len(first.test)} held out for tests, into English; {first.sizes} pairs of a test "
        f"language to fine-tune on, {translation.JUDGED} others to be judged by; BLEU of the "
        "corpus of a language without smoothing, then the mean over languages. Personas: "
        f"replies, persona never given, {persona_talk.DIALOGS} dialogs of {persona_talk.TURNS} "
        f"turns to fine-tune on, {persona_talk.JUDGED} turns to be judged by, {other.test} test "
        "personas of a split of their own; C is the mean of 1 (what the reply claims is true of "
        "the persona), -1 (it is not) and 0 (nothing claimed). One network (a transformer of 2 + 2 "
        f"layers, width 32), {first.steps} and {other.steps} Adam steps of training, as many pairs "
        "for every method, one training seed: no claim that one beats another. How fine-tuning "
        "goes (rate, kind, steps) is chosen for every method and amount on validation tasks. "
        "Intervals by bootstrap over languages or personas."
    )


def picture(spoken: translation.Table, talked: persona_talk.Table, path: Path) -> None:
    """BLEU over pairs; C over dialogs; perplexity over dialogs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.0), layout="constrained")
    panels: list[tuple[Mapping[str, Any], Mapping[str, Any], Any, str, str]] = [
        (spoken, translation.METHODS, lambda s: s.bleu.mean(), "sentence pairs", "BLEU"),
        (talked, persona_talk.METHODS, lambda s: s.consistency.mean(), "dialogs", "consistency C"),
        (talked, persona_talk.METHODS, lambda s: np.exp(s.loss.mean()), "dialogs", "perplexity"),
    ]
    for column, (table, methods, value, x, y) in enumerate(panels):
        axes: Any = figure.add_subplot(1, len(panels), column + 1)
        for name, row in table.items():
            title = methods[name].title
            axes.plot(list(row), [value(s) for s in row.values()], label=title, marker=".")
        axes.set_xscale("log")
        counts = list(next(iter(table.values())))
        axes.set_xticks(counts, [str(count) for count in counts], minor=False)
        axes.minorticks_off()
        axes.set_xlabel(f"{x} to adapt on", fontsize=9)
        axes.set_ylabel(y, fontsize=9)
        if column < 2:
            axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)
