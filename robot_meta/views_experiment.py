"""Views of a shape that was never seen, imagined from one of them: VERSA beside its rivals.

Gordon et al. 2019, section 6.3 (there: ShapeNet), on shapes composed and rendered here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import vmap

from robot_meta import checkpoint, report, trained, training
from robot_meta.data import views
from robot_meta.data.views import ViewSet, ViewTasks
from robot_meta.few_shot import Episodes, Examples
from robot_meta.few_shot_tasks import stream
from robot_meta.image_quality import ssim
from robot_meta.learners.views import Views, make
from robot_meta.loops import TrainConfig
from robot_meta.results import Metric, Published, append_test_log
from robot_meta.statistics import bootstrap_ci
from robot_meta.trained import Watch

NAME = "views"
STEPS, QUICK_STEPS, BATCH, QUERY = 3_000, 400, 16, 12
RATE, AVERAGE, CLIP = 2e-3, 0.99, 1.0
SHOTS = (1, 4)
"""Views that are seen, in tests; in training from 1 to the last."""
SEEDS = (0,)
BETAS = (1e-5, 1e-4, 1e-3)
"""Weights of the autoencoder's divergence that validation chooses from."""
SHOWN = 6
"""Test shapes, and views of each, in the figure."""
TITLES = {
    "versa": "VERSA",
    "cvae": "conditional autoencoder",
    "nearest": "nearest training shape",
    "mean": "mean of training shapes",
}
SOURCE = "Gordon et al. 2019, section 6.3"
DIFFERS = "37,108 ShapeNet objects of 12 classes; another background, so errors have another scale"
PUBLISHED = {"mse_versa_1_shot": 0.0108, "ssim_versa_1_shot": 0.789, "mse_cvae_1_shot": 0.0269}
Imagine = Callable[[Episodes], Tensor]
"""Pictures (B, n, S S) of the queries of tasks."""


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda steps, *_: steps
) -> dict[str, Metric]:
    """Train and evaluate; write the results file and its figure.

    Args:
        quick: few steps of training.
        out: results file; results/views.json, or -quick, if not given.
        watch: passes steps through while showing progress (steps, what, total).
    """
    began = time.monotonic()
    train, val, test = (views.load(split) for split in ("train", "val", "test"))
    steps = QUICK_STEPS if quick else STEPS
    rows: dict[str, Imagine] = {"mean": mean_view(train), "nearest": nearest_shape(train)}
    hashes = {}
    rows["versa"], hashes["versa"] = _trained(train, {"objective": "versa"}, steps, quick, watch)
    tried = {}
    for beta in BETAS:
        settings = {"objective": "cvae", "beta": beta}
        imagine, digest = _trained(train, settings, steps // 2, quick, watch)
        error = float(np.mean(judged(imagine, judging(val, "val", 1))["mse"]))
        tried[beta] = (error, imagine, digest)
    beta = min(tried, key=lambda each: tried[each][0])
    _, rows["cvae"], hashes["cvae"] = tried[beta]
    metrics: dict[str, Metric] = {}
    for name, imagine in rows.items():
        found = {shot: judged(imagine, judging(test, "test", shot)) for shot in SHOTS}
        told = {f"{k}_{shot}_shot": v for shot, by in found.items() for k, v in by.items()}
        own = {key: _metric(values, key) for key, values in told.items()}
        metrics |= {f"{k.replace('_', f'_{name}_', 1)}": metric for k, metric in own.items()}
        summary = {"seeds": list(SEEDS), "metrics": {k: m.value for k, m in own.items()}}
        append_test_log(
            report.RESULTS, f"experiment {NAME}: {name}", hashes.get(name, "none"), summary
        )
    path = report.publish(
        NAME,
        _protocol(steps),
        metrics,
        published={
            key: Published(value=value, source=SOURCE, differs=DIFFERS)
            for key, value in PUBLISHED.items()
        },
        config={
            "steps": steps,
            "batch": BATCH,
            "beta": beta,
            "validation_mse_by_beta": {str(b): each[0] for b, each in tried.items()},
        },
        began=began,
        quick=quick,
        out=out,
    )
    picture(rows, test, path.with_suffix(".png"))
    report.show(metrics)
    return metrics


def _trained(
    data: ViewSet, settings: Mapping[str, Any], steps: int, quick: bool, watch: Watch
) -> tuple[Imagine, str]:
    """What the trained learner imagines, and the hash of its parameters."""
    learner = make(settings)
    tasks = ViewTasks(data, shot=SHOTS[-1], query=QUERY)
    run = training.Run(
        learner=learner,  # type: ignore[arg-type]
        trainable=learner,
        sample=lambda rng: tasks.draw(rng, BATCH),
        start=learner.init(SEEDS[0]),
    )
    config = TrainConfig(steps=steps, tasks=1, rate=RATE, average=AVERAGE, clip=CLIP)
    title = " ".join(str(value) for value in settings.values())
    folder = None if quick else Path(f"runs/few-shot/{NAME}-{title.replace(' ', '-')}")
    theta = trained.averaged(run, config, folder, title, watch)
    return lambda drawn: imagined(learner, theta, drawn), checkpoint.digest(theta)


def imagined(learner: Views, theta: Mapping[str, Tensor], tasks: Episodes) -> Tensor:
    """What a learner says of the queries' pictures (B, n, S S), from the support set of each."""

    def one(support: Examples, x: Tensor) -> Tensor:
        return learner.predict(learner.adapt(dict(theta), support), x)

    with torch.no_grad():
        found: Tensor = vmap(one)(tasks.support, tasks.query.x)
    return found


def mean_view(data: ViewSet) -> Imagine:
    """The mean picture of the training shapes from the azimuth that is asked for."""
    mean, known = data.pixels().mean(0), views.directions(data.images.shape[1])

    def imagine(tasks: Episodes) -> Tensor:
        return mean[azimuths(tasks.query.x, known)]

    return imagine


def nearest_shape(data: ViewSet) -> Imagine:
    """The view of that training shape which looks most like what is seen, from where it is seen."""
    pixels, known = data.pixels(), views.directions(data.images.shape[1])

    def imagine(tasks: Episodes) -> Tensor:
        out = []
        for support_x, seen, x in zip(*tasks.support, tasks.query.x, strict=True):
            far = (pixels[:, azimuths(support_x, known)] - seen).square().mean((1, 2))
            out.append(pixels[far.argmin(), azimuths(x, known)])
        return torch.stack(out)

    return imagine


def azimuths(x: Tensor, known: Tensor) -> Tensor:
    """Which of the known directions (V, F) those of x (..., F) are."""
    return (x[..., None, :] - known).square().sum(-1).argmin(-1)


def judging(data: ViewSet, split: str, shot: int) -> Episodes:
    """Every shape of a split once: `shot` views of its own draw to see, all others to imagine."""
    views_ = data.images.shape[1]
    sampler = ViewTasks(data, shot=shot, query=views_ - shot)
    rng = stream("val" if split == "val" else "test", NAME, shot)
    return sampler.of(np.arange(len(data)), shot, rng)


def judged(imagine: Imagine, tasks: Episodes) -> dict[str, NDArray[np.float64]]:
    """`mse` and `ssim` of each task, the mean over its imagined views."""
    found, y = imagine(tasks), tasks.query.y
    side = round(y.shape[-1] ** 0.5)
    alike = ssim(found.reshape(-1, side, side), y.reshape(-1, side, side)).reshape(y.shape[:2])
    return {
        "mse": (found - y).square().mean((1, 2)).double().numpy(),
        "ssim": alike.mean(1).double().numpy(),
    }


def _metric(values: NDArray[np.float64], key: str) -> Metric:
    found = bootstrap_ci(values, list(range(len(values))))
    unit = "mse" if key.startswith("mse") else "ssim"
    return Metric(value=found.value, unit=unit, n=found.trials, ci95=found.ci95, seeds=SEEDS)


def _protocol(steps: int) -> str:
    return (
        f"{views.SHAPES['test']} test shapes of {len(views.FAMILIES)} families, each seen from 1 "
        f"or 4 of its {views.VIEWS} azimuths (drawn, told), the others to be imagined: "
        f"{views.SIZE} pixels, grey, black around. {views.SHAPES['train']} shapes to train on, "
        f"{views.SHAPES['val']} for choices, none of them in another split. {steps} Adam steps of "
        f"{BATCH} shapes (half as many for the autoencoder), one training seed. VERSA sees 1 to "
        f"{SHOTS[-1]} views in training and imagines {QUERY} others; the autoencoder gives one "
        "view back, the weight of its divergence being chosen on validation shapes. Mean squared "
        "error and structural similarity (Gaussian windows of 11) of pixels in [0, 1]; psi at its "
        "mean. Intervals by bootstrap over shapes."
    )


def picture(rows: Mapping[str, Imagine], data: ViewSet, path: Path) -> None:
    """What is seen of some test shapes, what it truly looks like, and what each row imagines."""
    from matplotlib.figure import Figure

    tasks = judging(data, "test", 1)
    chosen = np.linspace(0, len(data) - 1, SHOWN).round().astype(int)
    names = [name for name in TITLES if name in rows]
    figure = Figure(figsize=(9.6, 0.5 + 0.5 * len(chosen)), layout="constrained")
    columns = ["seen", "truth", *(TITLES[name] for name in names)]
    widths = [1, *([4] * (len(columns) - 1))]
    axes: Any = figure.subplots(len(chosen), len(columns), width_ratios=widths)
    side, some = data.images.shape[-1], slice(0, 4)
    found = {name: rows[name](tasks) for name in names}
    for row, shape in enumerate(chosen):
        strips = [tasks.support.y[shape], tasks.query.y[shape, some]]
        strips += [found[name][shape, some] for name in names]
        for column, strip in enumerate(strips):
            tiles = np.concatenate(list(strip.reshape(-1, side, side).numpy()), 1)
            axes[row, column].imshow(tiles, cmap="gray", vmin=0, vmax=1)
            axes[row, column].set_axis_off()
            if not row:
                axes[row, column].set_title(columns[column], fontsize=8)
    figure.savefig(path, dpi=110)
