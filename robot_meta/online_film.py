"""A film of before and after: one robot, one fault in mid-episode, without adaptation and with it.

The first trial of the evaluation is shown, whatever it looks like.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from robot_meta import evaluate_online as online
from robot_meta import report
from robot_meta.data import mp4
from robot_meta.errors import DataError
from robot_meta.evaluate_online import Method, Trials
from robot_meta.locomotion import World, streams
from robot_meta.online import OnlineAgent
from robot_meta.results import Metric, append_test_log

NAME = "online-film"
WORLD = World(robot="half_cheetah", fault="disabled_joint")
SHOWN = {"no_adaptation": "MB, no adaptation", "adapted": "GrBAL, adapting"}
SIZE, STEPS, QUICK_STEPS = (180, 480), 200, 90
FRAMES = 5
"""Of the contact sheet."""
Rgb = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Scene:
    """One method."""

    name: str
    sha256: str
    rgb: Rgb
    """(T, H, W, 3)."""
    after_m: float
    """How far it came after the fault began."""


def run(
    *,
    quick: bool = False,
    out: Path | None = None,
    watch: Callable[[Iterable[Scene], str, int], Iterable[Scene]] = lambda scenes, *_: scenes,
) -> dict[str, Metric]:
    """Film both, write an MP4 and a contact sheet beside the results file; distances.

    Raises:
        DataError: no parameters.
    """
    began = time.monotonic()
    found = {name: online.load_method(name, WORLD, 0) for name in SHOWN}
    methods = {name: method for name, method in found.items() if method is not None}
    if len(methods) < len(SHOWN):
        raise DataError(f"no parameters {online.path_of('grbal', WORLD, 0)} or of mb")
    trials = Trials(world=WORLD, onset=True, steps=QUICK_STEPS if quick else STEPS)
    scenes = list(watch(_scenes(methods, trials), NAME, len(methods)))
    figures = {
        f"after_fault_{s.name}": Metric(value=s.after_m, unit="m", n=1, seeds=(0,)) for s in scenes
    }
    hashes = sorted({scene.sha256 for scene in scenes})
    told = {"seed": 0, "world": str(WORLD), "metrics": {k: m.value for k, m in figures.items()}}
    append_test_log(report.RESULTS, f"experiment {NAME}", ",".join(hashes), told)
    path = report.publish(
        NAME,
        f"One trial, the first of evaluation seed 0, of {WORLD}, the fault in mid-episode: an "
        f"illustration. Distance along x from the fault to the end, {trials.steps} control steps.",
        figures,
        config={"checkpoints": hashes},
        began=began,
        quick=quick,
        out=out,
    )
    both = np.concatenate([scene.rgb for scene in scenes], 1)
    mp4.encode(path.with_suffix(".mp4"), both, 20)
    picked = np.linspace(0, len(both) - 1, FRAMES).round().astype(int)
    sheet = np.concatenate(list(both[picked]), 1)
    cv2.imwrite(str(path.with_suffix(".png")), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    report.show(figures)
    return figures


def _scenes(methods: dict[str, Method], trials: Trials) -> Iterator[Scene]:
    for name, method in methods.items():
        yield _scene(name, method, trials)


def _scene(name: str, method: Method, trials: Trials) -> Scene:
    env = trials.world.make(render_mode="rgb_array", size=SIZE)
    fault, onset = online.draw_trial(trials, env, online.fault_streams(trials)[0])
    first = streams(trials.seed, f"{trials.world} {trials.split} first states", trials.count)[0]
    agent = OnlineAgent(
        method.learner, method.theta, method.online, 1, torch.Generator().manual_seed(trials.seed)
    )
    state, pictures, at = env.world.reset(first), [], 0.0
    forward = method.learner.config.body.forward
    pending = np.zeros((1, env.world.model.nu))
    for t in range(trials.steps):
        if t == onset:
            env.set_fault(fault)
            at = float(state[forward])
        chosen = np.clip(agent.act(state[None], pending), -1.0, 1.0)
        state, pending = env.world.step(pending[0]), chosen
        pictures.append(_captioned(env.render(), SHOWN[name], float(state[forward]), t >= onset))
    env.close()
    return Scene(name, method.sha256, np.stack(pictures), float(state[forward]) - at)


def _captioned(rgb: Rgb, title: str, metres: float, broken: bool) -> Rgb:
    out, font = np.ascontiguousarray(rgb), cv2.FONT_HERSHEY_SIMPLEX
    words: list[tuple[str, tuple[int, int], Any]] = [
        (title, (8, 18), (255, 255, 255)),
        (f"{metres:6.1f} m", (SIZE[1] - 80, 18), (255, 255, 255)),
    ]
    if broken:
        words.append((WORLD.fault.replace("_", " "), (8, SIZE[0] - 10), (255, 90, 80)))
    for text, where, colour in words:
        cv2.putText(out, text, where, font, 0.5, colour, 1, cv2.LINE_AA)
    return out
