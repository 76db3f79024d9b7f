"""Contact sheets: what a task family looks like, at a glance. `python -m sim.sheet docs/images`."""

import sys
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.attributes import Split
from sim.camera import ImageSpec
from sim.envs import SawyerEnv
from sim.tasks import FAMILIES, Family

Rgb = NDArray[np.uint8]

COLUMNS = 6
STARTS = 12
TILE = ImageSpec(size=(180, 180))
GAP = 3
"""Pixels of white between pictures."""


def contact_sheet(family: Family, split: Split = "train", seed: int = 0) -> Rgb:
    """Twelve drawn tasks at their start, and below them the expert solving the first, (h, w, 3)."""
    env = SawyerEnv(family, split, image=TILE, max_steps=150)
    starts = [
        env.reset(seed=seed, options={"task": task})[0]["rgb"] for task in range(1, STARTS + 1)
    ]
    run = _expert_run(env, seed)
    env.close()
    picked = np.linspace(0, len(run) - 1, COLUMNS).round().astype(int)
    return _grid([*starts, *(run[i] for i in picked)])


def _expert_run(env: SawyerEnv, seed: int) -> list[Rgb]:
    observation, _ = env.reset(seed=seed, options={"task": 1})
    frames = [observation["rgb"]]
    ended = False
    while not ended:
        observation, _, terminated, truncated, _ = env.step(env.expert())
        frames.append(observation["rgb"])
        ended = terminated or truncated
    return frames


def _grid(pictures: list[Rgb]) -> Rgb:
    framed = iter(np.pad(p, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for p in pictures)
    rows = []
    while row := list(islice(framed, COLUMNS)):
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows)


def main(folder: str) -> None:
    """Write `contact-<family>.png` for every family."""
    for family in FAMILIES:
        path = Path(folder) / f"contact-{family.replace('_', '-')}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet = cv2.cvtColor(contact_sheet(family), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(path), sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
