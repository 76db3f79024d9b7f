"""Planning with a model: random shooting, CEM and MPPI over sequences of actions, or a choice.

B robots, C candidates, H steps ahead, A motors. Actions are in [-1, 1]: a candidate is cut to that
range *before* it is judged, so that what is executed is what was imagined. A plan is a mean
(B, H, A); between two ticks it is shifted by one step and planning goes on from it. Time and
chance are arguments.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from robot_meta.errors import ConfigError

Score = Callable[[Tensor], Tensor]
"""Returns (B, C) of candidates (B, C, H, A)."""
Method = Literal["shooting", "cem", "mppi", "choice"]
METHODS: tuple[Method, ...] = ("shooting", "cem", "mppi", "choice")


@dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """Of a planner."""

    method: Method = "cem"
    horizon: int = 10
    """H, control steps."""
    candidates: int = 100
    """C, in each round."""
    rounds: int = 3
    """Of CEM and MPPI; shooting has one."""
    elites: int = 10
    """Of CEM: the best so many are fitted; they are judged again in the next round."""
    spread: float = 0.7
    """First standard deviation of the candidates."""
    beta: float = 2.0
    """Colour of their noise over time: its power falls with frequency to this power; 0 is white."""
    temperature: float = 0.1
    """Of MPPI, in units of the candidates' spread of returns."""
    discount: float = 1.0
    lean_steps: float = 0.0
    """So many steps longer counts how a trunk leans at the end of a plan."""

    def __post_init__(self) -> None:
        """Refuse planners that cannot plan."""
        if self.method not in METHODS:
            raise ConfigError(f"method {self.method!r}, need one of {METHODS}")
        if min(self.horizon, self.candidates, self.rounds) < 1:
            raise ConfigError(f"need horizon, candidates and rounds >= 1, got {self}")
        if not 1 <= self.elites <= self.candidates:
            raise ConfigError(f"need 1 <= elites <= candidates, got {self.elites}")
        if not self.lean_steps >= 0:
            raise ConfigError(f"need lean_steps >= 0, got {self.lean_steps}")
        if not (self.spread > 0 and self.temperature > 0 and 0 < self.discount <= 1):
            raise ConfigError(f"need spread, temperature > 0 and discount in (0, 1], got {self}")


class Deadline:
    """Whether time is up: the next round, if it takes as long as the one before, ends too late.

    Args:
        budget_s: from now on.
        clock: seconds.
    """

    def __init__(self, budget_s: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._before = clock()
        self._end = self._before + budget_s

    def __call__(self) -> bool:
        """Asked before the first round and after each."""
        now = self._clock()
        took, self._before = now - self._before, now
        return now + took > self._end


def rest(config: PlanConfig, robots: int, motors: int) -> Tensor:
    """The plan (B, H, A) of doing nothing."""
    return torch.zeros(robots, config.horizon, motors)


def shifted(plan: Tensor) -> Tensor:
    """The plan (B, H, A) a step later; its last action is repeated."""
    return torch.cat([plan[:, 1:], plan[:, -1:]], 1)


def discounted(rewards: Tensor, discount: float) -> Tensor:
    """Returns (...) of rewards (..., H): the sum of discount^t r_t."""
    powers = discount ** torch.arange(rewards.shape[-1], dtype=rewards.dtype)
    total: Tensor = (rewards * powers).sum(-1)
    return total


def coloured(shape: tuple[int, int, int, int], beta: float, generator: torch.Generator) -> Tensor:
    """Noise (B, C, H, A) of unit variance whose power over time falls as frequency^-beta."""
    white = torch.randn(shape, generator=generator)
    if beta == 0.0 or shape[2] == 1:
        return white
    # Twice the horizon: the end is not made to join the beginning.
    steps = 2 * shape[2]
    longer = torch.randn((*shape[:2], steps, shape[3]), generator=generator)
    spectrum = torch.fft.rfft(longer, dim=2)
    frequency = torch.fft.rfftfreq(steps)
    frequency[0] = frequency[1]
    power = frequency.pow(-beta / 2.0)
    noise = torch.fft.irfft(spectrum * power[:, None], n=steps, dim=2)[:, :, : shape[2]]
    # White noise of variance 1 has this variance after the filter (Parseval).
    weight = torch.full_like(power, 2.0)
    weight[0] = weight[-1] = 1.0
    out: Tensor = noise / torch.sqrt((weight * power.square()).sum() / steps)
    return out


def plan(
    score: Score,
    start: Tensor,
    config: PlanConfig,
    generator: torch.Generator,
    late: Callable[[], bool] = lambda: False,
) -> Tensor:
    """A plan (B, H, A) from `start` (B, H, A), which is warm or `rest`.

    Args:
        score: judges candidates.
        start: mean to search around; always a candidate itself.
        config: which planner.
        generator: of the candidates.
        late: asked after every round: whether to stop now with what there is. Asked once before
            the first too, so that it knows what a round takes; that is planned in any case.
    """
    late()
    if config.method == "cem":
        return _cem(score, start, config, generator, late)
    if config.method == "mppi":
        return _mppi(score, start, config, generator, late)
    if config.method == "choice":
        return _choice(score, start)
    return _shooting(score, start, config, generator)


def _around(mean: Tensor, std: Tensor, config: PlanConfig, generator: torch.Generator) -> Tensor:
    """Candidates (B, C, H, A) within the range; the first is the mean itself."""
    b, h, a = mean.shape
    noise = coloured((b, config.candidates - 1, h, a), config.beta, generator)
    drawn = mean[:, None] + std[:, None] * noise
    return torch.cat([mean[:, None], drawn], 1).clamp(-1.0, 1.0)


def _pick(candidates: Tensor, index: Tensor) -> Tensor:
    """Candidates (B, K, H, A) of numbers (B, K)."""
    b, k = index.shape
    return candidates[torch.arange(b)[:, None].expand(b, k), index]


def _shooting(
    score: Score, start: Tensor, config: PlanConfig, generator: torch.Generator
) -> Tensor:
    """The best of uniformly drawn candidates (and of `start`)."""
    b, h, a = start.shape
    drawn = 2.0 * torch.rand((b, config.candidates - 1, h, a), generator=generator) - 1.0
    candidates = torch.cat([start[:, None].clamp(-1.0, 1.0), drawn], 1)
    return _pick(candidates, score(candidates).argmax(1, keepdim=True))[:, 0]


def _choice(score: Score, start: Tensor) -> Tensor:
    """The best of doing nothing and of each motor alone, held: where an action is one of few."""
    b, h, a = start.shape
    few = torch.cat([torch.zeros(1, a), torch.eye(a)])
    candidates = few[None, :, None].expand(b, -1, h, -1)
    return _pick(candidates, score(candidates).argmax(1, keepdim=True))[:, 0]


def _cem(
    score: Score,
    start: Tensor,
    config: PlanConfig,
    generator: torch.Generator,
    late: Callable[[], bool],
) -> Tensor:
    """The cross-entropy method with kept elites: fit the best, draw around the fit.

    Returns the mean of the last elites (Chua et al. 2018). The best of them would be the one that
    the model flatters most: walks on such plans are slower, and fall more often.
    """
    mean, std = start, torch.full_like(start, config.spread)
    elite = start[:, None].clamp(-1.0, 1.0)
    for _ in range(config.rounds):
        candidates = torch.cat([elite, _around(mean, std, config, generator)], 1)
        best = score(candidates).topk(min(config.elites, candidates.shape[1]), dim=1).indices
        elite = _pick(candidates, best)
        mean, std = elite.mean(1), elite.std(1, unbiased=False).clamp(min=0.05)
        if late():
            break
    return mean


def _mppi(
    score: Score,
    start: Tensor,
    config: PlanConfig,
    generator: torch.Generator,
    late: Callable[[], bool],
) -> Tensor:
    """Model-predictive path integral control (Williams et al. 2017): mean weighted by exp(R)."""
    mean, std = start.clamp(-1.0, 1.0), torch.full_like(start, config.spread)
    for _ in range(config.rounds):
        candidates = _around(mean, std, config, generator)
        mean = weighted(candidates, score(candidates), config.temperature)
        if late():
            break
    return mean


def weighted(candidates: Tensor, returns: Tensor, temperature: float) -> Tensor:
    """Mean (B, H, A) of candidates (B, C, H, A), weighted by exp(R / temperature), R scaled."""
    scale = returns.std(1, keepdim=True, unbiased=False).clamp(min=1e-6)
    weights = torch.softmax(returns / (scale * temperature), 1)
    return (weights[..., None, None] * candidates).sum(1)
