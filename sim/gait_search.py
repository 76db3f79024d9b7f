"""Finds the gaits of `gait.repertoire`: `python -m sim.gait_search [ROUNDS [SEED]]`.

About ten seconds a round on two cores.

The cross-entropy method on the true physics, for a front leg lost and for a rear one, both on the
right; those of the left are their mirror images. A candidate is judged by the way it makes from
states that a robot is in when it has lost the leg in the middle of a trot and trotted on for a
while. It goes on from the gaits that are there, and keeps the best of the means by states of their
own.
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
CANDIDATES, ELITES, STARTS = 32, 8, 4
SPREAD, LEAST_SPREAD, MEMORY = 0.2, 0.05, 0.3
"""Of the first candidates; at least; and how much of a round's mean and spread the next keeps."""
JUDGED_EVERY, JUDGES, JUDGE = 5, 12, 9999
"""Each so many rounds the mean is judged by so many states, drawn from this seed."""
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


def search(leg: int, mean: Array, rounds: int, seed: int) -> Array:
    """The best gait (P,) found around `mean` (P,)."""
    rng = np.random.default_rng([seed, leg])
    best, spread = mean, np.full(gait.NUMBERS, SPREAD)
    kept, worth = mean, _cautious(ways(leg, mean[None], JUDGES, JUDGE))[0]
    for number in range(rounds):
        drawn = mean + spread * rng.standard_normal((CANDIDATES - 2, gait.NUMBERS))
        drawn = np.clip(np.concatenate([[best, mean], drawn]), -1.0, 1.0)
        # Other states in each round: what is kept has been good in several.
        scores = _cautious(ways(leg, drawn, STARTS, 1000 + 100 * seed + number))
        order = np.argsort(-scores)
        best, elite = drawn[order[0]], drawn[order[:ELITES]]
        mean = MEMORY * mean + (1.0 - MEMORY) * elite.mean(0)
        spread = np.maximum(MEMORY * spread + (1.0 - MEMORY) * elite.std(0), LEAST_SPREAD)
        told = f"{scores[order[0]]:.2f}, the mean {scores[1]:.2f}, the last best {scores[0]:.2f} m"
        if number % JUDGED_EVERY == JUDGED_EVERY - 1:
            found = _cautious(ways(leg, mean[None], JUDGES, JUDGE))[0]
            told += f"; judged {found:.2f}, the best so far {worth:.2f} m"
            if found > worth:
                kept, worth = mean, found
        print(f"  round {number}: {told}", flush=True)
    return kept


def _cautious(found: Array) -> Array:
    """One number (C,) for what candidates are worth from several states (C, starts), m."""
    worth: Array = found.mean(1) - 0.5 * found.std(1)
    return worth


def main(rounds: int, seed: int) -> None:
    """Search for each leg in turn, from what is in the file, and write the file anew."""
    start = json.loads(gait.GAITS.read_text()) if gait.GAITS.exists() else {}
    for name, leg in LEGS.items():
        print(name)
        mean = np.array(start.get(name, [0.0] * gait.NUMBERS))
        numbers = search(leg, mean, rounds, seed)
        start[name] = numbers.round(3).tolist()
        rows = ",\n".join(f'  "{key}": {row}' for key, row in start.items())
        gait.GAITS.write_text(f"{{\n{rows}\n}}\n")


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    main(words[0] if words else 12, words[1] if len(words) > 1 else 0)
