"""Finds the gaits of `gait.repertoire`: `python -m sim.gait_search [ROUNDS]`, minutes on two cores.

The cross-entropy method on the true physics, for a front leg lost and for a rear one, both on the
right; those of the left are their mirror images. A candidate is judged by the way it makes from
states that a robot is in when it has lost the leg in the middle of a trot and trotted on for a
while. It goes on from the gaits that are there.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from numpy.typing import NDArray

from sim import gait
from sim.leg_faults import CrippledLeg
from sim.stride_batch import StrideBatch

Array = NDArray[np.float64]
LEGS = {"front_right": 0, "rear_right": 2}
CANDIDATES, ELITES, STARTS = 24, 7, 3
SPREAD, LEAST_SPREAD = 0.3, 0.06
WHOLE, WAITS, BROKEN = 3, 3, 10
"""Strides of a trot before the leg is lost, at most after it, and of a candidate."""
TILT_COST, ASIDE_COST = 1.0, 0.3
"""m for each unit of 1 - cos(tilt) at the end, and for each m that it went aside."""


def ways(leg: int, numbers: Array, starts: int, seed: int) -> Array:
    """What gaits (C, P) are worth from so many states after the leg was lost (C, starts), m."""
    count = len(numbers) * starts
    own = np.repeat(numbers, starts, axis=0)
    trot = np.zeros_like(own)
    # The same for each candidate: when it is told of the loss.
    waits = np.tile(1 + np.arange(starts) % WAITS, len(numbers))
    with StrideBatch(count) as batch:
        batch.reset([np.random.default_rng([seed, i % starts]) for i in range(count)])
        for _ in range(WHOLE):
            batch.step(trot)
        for i in range(count):
            batch.set_fault(i, CrippledLeg(leg=leg))
        before = batch.states()
        for t in range(BROKEN + WAITS):
            batch.step(np.where((t >= waits)[:, None], own, trot))
        after = batch.states()
    tilt = 1.0 - np.cos(after[:, 4]) * np.cos(after[:, 5])
    along, aside = (after - before)[:, 0], np.abs(after[:, 1] - before[:, 1])
    worth: Array = along - TILT_COST * tilt - ASIDE_COST * aside
    return worth.reshape(len(numbers), starts)


def search(leg: int, mean: Array, rounds: int, rng: np.random.Generator) -> Array:
    """The best gait (P,) around `mean` (P,)."""
    best, spread = mean, np.full(gait.NUMBERS, SPREAD)
    for number in range(rounds):
        drawn = mean + spread * rng.standard_normal((CANDIDATES - 2, gait.NUMBERS))
        drawn = np.clip(np.concatenate([[best, mean], drawn]), -1.0, 1.0)
        # Other states in each round: what is kept has been good in several.
        found = ways(leg, drawn, STARTS, number)
        scores = found.mean(1) - 0.5 * found.std(1)
        order = np.argsort(-scores)
        best, elite = drawn[order[0]], drawn[order[:ELITES]]
        mean, spread = elite.mean(0), np.maximum(elite.std(0), LEAST_SPREAD)
        told = f"{scores[order[0]]:.2f}, the mean {scores[1]:.2f}, the last best {scores[0]:.2f} m"
        print(f"  round {number}: {told}", flush=True)
    return mean


def main(rounds: int) -> None:
    """Search for each leg in turn, from what is in the file, and write the file anew."""
    start = json.loads(gait.GAITS.read_text()) if gait.GAITS.exists() else {}
    for name, leg in LEGS.items():
        print(name)
        mean = np.array(start.get(name, [0.0] * gait.NUMBERS))
        numbers = search(leg, mean, rounds, np.random.default_rng(leg))
        start[name] = numbers.round(3).tolist()
        rows = ",\n".join(f'  "{key}": {row}' for key, row in start.items())
        gait.GAITS.write_text(f"{{\n{rows}\n}}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
