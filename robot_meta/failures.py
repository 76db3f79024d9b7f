"""Ten failures of a policy on one sheet: what was shown, what came of it, and in words why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta import report, rollout
from robot_meta.cpu import configure_cpu
from robot_meta.evaluate import DEMO_TRIAL, EvalConfig, chosen_tasks, environment, show
from robot_meta.rollout import Outcome
from robot_meta.session import Session

Rgb = NDArray[np.uint8]
ALIKE_DEG = 20.0
"""Hues this near each other look alike."""


@dataclass(frozen=True)
class Failure:
    """One trial that failed."""

    title: str
    why: str
    shown: tuple[Rgb, ...]
    """Pictures (h, w, 3) of the demonstration: at its beginning, in its middle, at its end."""
    tried: tuple[Rgb, ...]
    """The same of the trial."""


def failures(session: Session, config: EvalConfig, count: int) -> Iterator[Failure]:
    """The first `count` failures of an evaluation, in the order of its tasks."""
    configure_cpu()
    env: Any = environment(config, session.learner.image_shape[0])
    left = count
    for task in chosen_tasks(config, 200):
        options = {"task": task, "split": config.split}
        demo, arrangement = show(env, config, {**options, "trial": DEMO_TRIAL})
        env.reset(seed=config.seed, options=options)
        avoid = arrangement.target_xy_m(env.episode.task)
        session.apply(session.adapt([demo]))
        for trial in range(config.a_task):
            session.reset()
            seen: list[Rgb] = []

            def policy(frame: Any, seen: list[Rgb] = seen) -> Any:
                seen.append(env.render())
                return session.act(frame)

            given = {**options, "trial": trial, "avoid": avoid}
            outcome = rollout.run(env, policy, seed=config.seed, options=given)
            if outcome.success:
                continue
            yield Failure(
                f"{env.episode.task.label}, trial {trial}",
                reason(outcome, env.episode.task),
                _three(list(demo.rgb)),
                _three([*seen, env.render()]),
            )
            left -= 1
            if not left:
                env.close()
                return
        session.rollback()
    env.close()


def reason(outcome: Outcome, task: Any) -> str:
    """Why a trial failed, from how it ended and what the things look like."""
    if outcome.stopped:
        return "the arm was held away from where it was sent, and stopped"
    if outcome.chosen is None:
        return f"nothing was done in the time: still {100 * outcome.error_m:.0f} cm away"
    looks = task.containers if task.family in ("place", "pick_place") else task.objects
    pairs = [("", looks[task.target % len(looks)], looks[outcome.chosen % len(looks)])]
    if task.family == "pick_place":
        pairs = [("container", *pairs[0][1:])]
        first, other = task.target // len(looks), outcome.chosen // len(looks)
        pairs.insert(0, ("thing", task.objects[first], task.objects[other]))
    told = [f"another {what or 'one'} ({alike(a, b)})" for what, a, b in pairs if a != b]
    return "took " + " and ".join(told)


def alike(a: Any, b: Any) -> str:
    """What two looks have in common."""
    apart = abs((a.hue_deg - b.hue_deg + 180.0) % 360.0 - 180.0)
    common = ["colour"] if apart < ALIKE_DEG else []
    common += [name for name in ("shape", "pattern") if getattr(a, name) == getattr(b, name)]
    return f"of the same {' and '.join(common)}" if common else "that looks unlike it"


def sheet(found: list[Failure], path: Path, title: str) -> None:
    """Draw failures, two in a row, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(found) // 2)
    drawing = Figure(figsize=(15, 1.75 * rows + 0.6), layout="constrained")
    FigureCanvasAgg(drawing)
    drawing.suptitle(title, fontsize=11)
    axes = drawing.subplots(rows, 12, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for k, failure in enumerate(found):
        row = axes[k // 2][6 * (k % 2) : 6 * (k % 2) + 6]
        for axis, rgb in zip(row, (*failure.shown, *failure.tried), strict=True):
            axis.imshow(rgb)
        row[0].set_title(f"{k + 1}. {failure.title}: shown", fontsize=7, loc="left")
        row[3].set_title(failure.why, fontsize=7, loc="left")
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing.savefig(path, dpi=110)


def run(family: str = "place", count: int = 10, out: Path | None = None) -> Path:
    """Draw `docs/images/failures-FAMILY.png` of DAML shown by people; the path."""
    session = Session.load(report.shipped("daml", family))
    config = EvalConfig(family=family, evidence="human", trials=300)
    found = list(failures(session, config, count))
    for failure in found:
        print(f"{failure.title}: {failure.why}")
    path = out or Path("docs/images") / f"failures-{family}.png"
    sheet(found, path, f"{family}, shown once by a person: the first {len(found)} failures")
    return path


def _three(pictures: list[Rgb]) -> tuple[Rgb, ...]:
    return pictures[0], pictures[len(pictures) // 2], pictures[-1]
