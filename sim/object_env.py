"""Single things on a table as a Gymnasium environment: a picture, and one guess at the pose."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from sim.object_scene import ObjectScene
from sim.object_view import REACH_M, View, draw_view
from sim.shapes import FAMILIES

Array = NDArray[np.float64]
Rgb = NDArray[np.uint8]
SHAPES = 1_000
"""Numbers of a family that a shape is drawn from where none is given."""
_VIEW = tuple(f.name for f in fields(View))


class ObjectsEnv(gymnasium.Env[Rgb, Array]):
    """A thing is shown; the one action is a guess of where it stands and how it is turned.

    Observation (size, size, 3) uint8. Action (3,): x and y in m, and azimuth in rad, in the room's
    frame. Reward: minus the sum of the distance in m and the sine of half the angle between guess
    and truth. The episode ends with it.

    `reset(options=...)` takes `shape` (such as chair-17) and any field of `sim.object_view.View`;
    what is not given is drawn. `info` says all of them: it is what labels are made of.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 1}  # noqa: RUF012 - Gymnasium's form

    def __init__(self, size: int = 48, render_mode: str | None = "rgb_array") -> None:
        self.scene, self.render_mode = ObjectScene(size), render_mode
        self.observation_space = gymnasium.spaces.Box(0, 255, (size, size, 3), np.uint8)
        high = np.array([REACH_M, REACH_M, np.pi])
        self.action_space = gymnasium.spaces.Box(-high, high, dtype=np.float64)
        self._shape, self._view = "", View()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Rgb, dict[str, Any]]:
        """Show a thing; see the class for `options`.

        Raises:
            ValueError: an unknown option, shape or value.
        """
        super().reset(seed=seed)
        given = dict(options or {})
        if unknown := set(given) - {"shape", *_VIEW}:
            raise ValueError(
                f"unknown reset options {sorted(unknown)}; there are shape, {', '.join(_VIEW)}"
            )
        rng = self.np_random
        drawn = f"{FAMILIES[rng.integers(len(FAMILIES))]}-{rng.integers(SHAPES)}"
        self._shape = str(given.pop("shape", drawn))
        self._view = replace(draw_view(rng), **given)
        return self.render(), {"shape": self._shape, **asdict(self._view)}

    def step(self, action: Array) -> tuple[Rgb, float, bool, bool, dict[str, Any]]:
        """Judge a guess."""
        guess = np.asarray(action, np.float64)
        if guess.shape != (3,) or not np.isfinite(guess).all():
            raise ValueError(f"a guess is three finite numbers, got {guess}")
        far = float(np.linalg.norm(guess[:2] - self._view.position_m))
        turned = abs(np.sin((guess[2] - self._view.azimuth_rad) / 2))
        info = {"shape": self._shape, **asdict(self._view)}
        return self.render(), -float(far + turned), True, False, info

    def render(self) -> Rgb:  # type: ignore[override]
        """The picture, (size, size, 3)."""
        if not self._shape:
            raise RuntimeError("the environment shows nothing yet; call reset() first")
        return self.scene.picture(self._shape, self._view)

    def close(self) -> None:
        """Free the renderer."""
        self.scene.close()
