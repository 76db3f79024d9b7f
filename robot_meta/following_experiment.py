"""Courses followed by a robot with a leg that nobody broke in training: distance off, and tracks.

Straight on, a turn and a figure of eight, as in the tables of Nagabandi, Clavera et al. 2019.
Evaluation only, like `online_experiment`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_meta import evaluate_online as online
from robot_meta import report
from robot_meta.course import COURSES
from robot_meta.errors import DataError
from robot_meta.evaluate_online import PACE, Trials
from robot_meta.following import Followed, followed, seconds
from robot_meta.locomotion import World, body_of
from robot_meta.results import Metric, append_test_log
from robot_meta.statistics import bootstrap_ci, paired_difference

NAME = "following"
WORLD = World(robot="ant", fault="crippled_leg")
METHODS = {"no_adaptation": "MB", "mb_de": "MB+DE", "adapted": "GrBAL", "oracle": "oracle"}
TRIALS, QUICK_TRIALS = 10, 2
Array = NDArray[np.float64]
Watch = Callable[[Iterable["Track"], str, int], Iterable["Track"]]


@dataclass(frozen=True, eq=False)
class Track:
    """One method on one course."""

    method: str
    course: str
    sha256: str
    positions: Array
    """(N, T + 1, 2)."""

    @property
    def worth(self) -> Followed:
        """How well the course was followed."""
        return followed(COURSES[self.course], self.positions)


def run(
    *, quick: bool = False, out: Path | None = None, watch: Watch = lambda runs, *_: runs
) -> dict[str, Metric]:
    """Follow every course with every method that is trained; results file, picture, figures.

    Raises:
        DataError: no method has parameters.
    """
    began = time.monotonic()
    names = [name for name in METHODS if online.load_method(name, WORLD, 0)]
    if "adapted" not in names:
        raise DataError(f"no parameters {online.path_of('grbal', WORLD, 0)}")
    total = len(names) * len(COURSES)
    tracks = list(watch(_tracks(names, QUICK_TRIALS if quick else TRIALS), NAME, total))
    found = figures(tracks)
    hashes = sorted({track.sha256 for track in tracks})
    told = {"seed": 0, "world": str(WORLD), "metrics": {k: m.value for k, m in found.items()}}
    append_test_log(report.RESULTS, f"experiment {NAME}", ",".join(hashes), told)
    path = report.publish(
        NAME,
        f"{WORLD.robot} under the test fault {WORLD.fault}, {len(tracks[0].positions)} trials of "
        f"each course with the same first states; courses {', '.join(COURSES)} at "
        f"{PACE.speed_mps} m/s by pure pursuit {PACE.look_m} m ahead, for half as long again as "
        "they take at that pace; off: mean distance from the course; done: share of it covered. "
        "Training seed 0.",
        found,
        config={"checkpoints": hashes},
        began=began,
        quick=quick,
        out=out,
    )
    picture(tracks, path.with_suffix(".png"))
    report.show(found)
    return found


def _tracks(names: Iterable[str], count: int) -> Iterator[Track]:
    dt_s = body_of(WORLD.make()).dt_s
    for name in names:
        method = online.load_method(name, WORLD, 0)
        assert method is not None
        plane = list(method.learner.config.body.plane)
        for course, points in COURSES.items():
            steps = round(seconds(points, PACE) / dt_s)
            trials = Trials(world=WORLD, count=count, steps=steps, course=course)
            roamed = online.run(trials, method)
            yield Track(name, course, method.sha256, roamed.states[:, :, plane])


def figures(tracks: Iterable[Track]) -> dict[str, Metric]:
    """Means over trials, and what adapting takes off the distance."""
    by: dict[str, dict[str, Followed]] = {}
    for track in tracks:
        by.setdefault(track.course, {})[track.method] = track.worth
    out: dict[str, Metric] = {}
    for course, worth in by.items():
        labels = list(range(len(worth["adapted"].off_m)))
        for name, one in worth.items():
            off, done = bootstrap_ci(one.off_m, labels), bootstrap_ci(one.done, labels)
            out[f"{course}_off_{name}"] = Metric(
                value=off.value, unit="m", n=off.trials, ci95=off.ci95, seeds=(0,)
            )
            out[f"{course}_done_{name}"] = Metric(
                value=done.value, unit="share", n=done.trials, ci95=done.ci95, seeds=(0,)
            )
        if "no_adaptation" in worth:
            less = paired_difference(
                {0: worth["no_adaptation"].off_m}, {0: worth["adapted"].off_m}, labels
            )
            out[f"{course}_off_mb_minus_adapted"] = Metric(
                value=less.value, unit="m", n=less.trials, ci95=less.ci95, seeds=(0,)
            )
    return out


def picture(tracks: Iterable[Track], path: Path) -> None:
    """The tracks of all trials over each course."""
    from matplotlib.figure import Figure

    by: dict[str, dict[str, Track]] = {}
    for track in tracks:
        by.setdefault(track.method, {})[track.course] = track
    figure = Figure(figsize=(3.2 * len(COURSES), 2.6 * len(by)), layout="constrained")
    for row, (method, courses) in enumerate(by.items()):
        for column, (course, track) in enumerate(courses.items()):
            axes: Any = figure.add_subplot(len(by), len(COURSES), row * len(COURSES) + column + 1)
            _draw(axes, track)
            axes.set_title(f"{METHODS[method]}: {course.replace('_', ' ')}", fontsize=9)
    figure.savefig(path, dpi=110)


def _draw(axes: Any, track: Track) -> None:
    points = COURSES[track.course].points
    axes.plot(*points.T, color="black", linewidth=1.2, linestyle="--")
    for positions in track.positions:
        axes.plot(*positions.T, color="#c44e52", alpha=0.5, linewidth=0.8)
    low, high = points.min(0) - 2.0, points.max(0) + 2.0
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.tick_params(labelsize=7)
    axes.set_xlabel("x, m", fontsize=8)
    axes.set_ylabel("y, m", fontsize=8)
