"""Labelled pictures of the table as a Gymnasium environment: what is seen, and what each pixel is.

For learning to see, where nothing needs to move: `step` looks again, after somebody has put the
same things elsewhere.
"""

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from sim.attributes import SPLITS, Split
from sim.camera import POLICY_IMAGE
from sim.film import WHOLE_PICTURE
from sim.onlooker import View
from sim.scene import Preset, draw_appearance
from sim.shelf import Shelf
from sim.table_domains import DOMAINS, Domain, domain_range, draw_domain_view
from sim.tasks import SPLIT_SIZES, Family, Task, as_family, draw_arrangement, draw_task, stream

Observation = dict[str, NDArray[np.uint8]]
SHELF = 30
"""Tasks that share a model: ask for those of one stretch of numbers together."""


class TablePictures(gymnasium.Env[Observation, int]):
    """Three things on a table: their places are drawn anew for each picture.

    Observation: `rgb` (80, 80, 3) uint8, as a policy sees it. `info`: `things` (80, 80) uint8, 0
    where no thing is, else 1 + its number; `looks`, the `Look` of each; `task`. With `whole`, all
    that the camera sees: 240 rows of 320.

    `reset(options=...)` takes `task` (its index), `trial` (which picture of it) and `split`. The
    only action, 0, gives the next trial; nothing is ever solved or over. Same seed and options,
    same picture.
    """

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - Gymnasium's own form

    def __init__(
        self,
        family: Family = "reach",
        split: Split = "train",
        preset: Preset = "strong",
        domain: Domain | None = None,
        whole: bool = False,
        render_mode: str | None = "rgb_array",
    ) -> None:
        """A stream of pictures.

        Args:
            family: `reach` for solid things, `place` for open containers.
            split: which looks are drawn from.
            preset: how far light, camera and colours of the table vary.
            domain: pictures of another camera or surroundings; `preset` has no say then.
            whole: all that the camera sees, not what a policy would.
            render_mode: as Gymnasium asks for.

        Raises:
            ValueError: another family, or an unknown domain.
        """
        if as_family(family) not in ("reach", "place"):
            raise ValueError(f"pictures are of the families reach and place, got {family!r}")
        if domain is not None:
            domain_range(domain)
        self.family, self.split, self.preset, self.domain = family, split, preset, domain
        self._image, self.render_mode = WHOLE_PICTURE if whole else POLICY_IMAGE, render_mode
        self._shelf: Shelf | None = None
        self._key: tuple[str, int, int] | None = None
        self._view: View | None = None
        self._at: tuple[int | None, dict[str, Any]] | None = None
        box = gymnasium.spaces.Box(0, 255, (*self._image.size, 3), np.uint8)
        self.observation_space = gymnasium.spaces.Dict({"rgb": box})  # type: ignore[assignment]
        self.action_space = gymnasium.spaces.Discrete(1)  # type: ignore[assignment]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A picture; see the class for `options`."""
        super().reset(seed=seed)
        given = {"task": 0, "trial": 0, "split": self.split, **(options or {})}
        if unknown := set(given) - {"task", "trial", "split"}:
            raise ValueError(f"unknown options {sorted(unknown)}; see TablePictures' docstring")
        task = _table_task(self.family, given["split"], int(given["task"]))
        shelf = self._shelf_of(task, 0 if seed is None else seed)
        words = (0 if seed is None else seed, int(given["trial"]))
        # The word at the end: pictures of two domains are of arrangements of their own.
        kind = 0 if self.domain is None else 1 + DOMAINS.index(self.domain)
        rng = stream(task.split, task.family, task.index, "render", *words, kind)
        arrangement = draw_arrangement(task, rng)
        look = draw_appearance("none" if self.domain else self.preset, rng)
        view = None
        if self._view is not None and self.domain is not None:
            view = _on_surface(draw_domain_view(self.domain, rng), self._view)
        picture = shelf.picture(task, arrangement, look, rng, view, self._image)
        self._at = seed, given
        looks = task.objects or task.containers
        return {"rgb": picture.rgb}, {"things": picture.things, "looks": looks, "task": task}

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """The next picture of the same things.

        Raises:
            RuntimeError: before the first reset.
        """
        if self._at is None:
            raise RuntimeError("there is no picture yet; call reset() first")
        seed, given = self._at
        observation, info = self.reset(seed=seed, options={**given, "trial": given["trial"] + 1})
        return observation, 0.0, False, False, info

    def close(self) -> None:
        """Free the renderer."""
        if self._shelf is not None:
            self._shelf.close()
        self._shelf = self._key = None

    def _shelf_of(self, task: Task, seed: int) -> Shelf:
        """The shelf with `task` on it, stocked anew if it is not the last one."""
        number = task.index // SHELF
        key = (task.split, number, seed)
        if self._shelf is None or key != self._key:
            self.close()
            last = min((number + 1) * SHELF, SPLIT_SIZES[task.split])
            tasks = [_table_task(task.family, task.split, i) for i in range(number * SHELF, last)]
            words = [SPLITS.index(task.split), number, seed]
            self._view = (
                draw_domain_view(self.domain, np.random.default_rng(words)) if self.domain else None
            )
            self._shelf, self._key = Shelf(tasks, self._view), key
        return self._shelf


def _table_task(family: Family, split: Split, index: int) -> Task:
    """The task without what the gripper holds."""
    task = draw_task(family, split, index, 0)
    return replace(task, objects=()) if task.containers else task


def _on_surface(view: View, other: View) -> View:
    """`view` with the table's surface of `other`, which is part of a model."""
    return replace(
        view,
        table_surface=other.table_surface,
        table_repeat=other.table_repeat,
        texture_seed=other.texture_seed,
    )
