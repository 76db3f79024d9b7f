"""Contact sheets: tasks and films at a glance. `python -m sim.sheet docs/images`."""

import sys
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.attributes import Split
from sim.camera import ImageSpec
from sim.envs import SawyerEnv
from sim.film import film, film_stream
from sim.manner import FilmPreset
from sim.tasks import FAMILIES, Family, draw_task

Rgb = NDArray[np.uint8]

COLUMNS = 6
STARTS = 12
TILE = ImageSpec(size=(180, 180))
FILM_TILE = ImageSpec(size=(110, 110))
FILM_LEVELS = 24
"""Grey levels of a colour on the sheet of films: a camera's noise does not compress."""
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


def film_sheet(preset: FilmPreset = "train", split: Split = "train", seed: int = 0) -> Rgb:
    """A row of frames of a person doing the first task of each family, (h, w, 3)."""
    tiles: list[Rgb] = []
    for family in FAMILIES:
        task = draw_task(family, split, 1)
        rng = film_stream(task, seed, 0)
        tiles += [*film(task, rng, preset=preset, frames=COLUMNS, image=FILM_TILE).rgb]
    step = 255 / (FILM_LEVELS - 1)
    coarse: Rgb = ((_grid(tiles) / step).round() * step).astype(np.uint8)
    return coarse


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
    """Write `contact-<family>.png` for every family, and `contact-human.png`."""
    for family in FAMILIES:
        _write(Path(folder) / f"contact-{family.replace('_', '-')}.png", contact_sheet(family))
    _write(Path(folder) / "contact-human.png", film_sheet())


def _write(path: Path, sheet: Rgb) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path), bgr, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
