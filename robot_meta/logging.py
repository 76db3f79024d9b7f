"""Consumers of a training loop: TensorBoard and a progress bar. The loop knows neither."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from robot_meta.loops import TrainStep


class TensorBoard:
    """Writes a run's figures as TensorBoard scalars. Use in a `with` block.

    Args:
        folder: where; a resumed run goes on in the same one.
        every: log each so many steps.
    """

    def __init__(self, folder: str | os.PathLike[str], every: int = 10) -> None:
        from torch.utils.tensorboard import SummaryWriter  # slow to import: only where it is used

        self._writer: Any = SummaryWriter(str(folder))  # type: ignore[no-untyped-call]
        self._every = every

    def log(self, step: TrainStep) -> None:
        """Log a step's loss and metrics, if it is one of those to log."""
        if step.number % self._every == 0:
            self.scalars(step.number, {"loss": step.loss, **step.metrics}, "train")

    def scalars(self, number: int, values: dict[str, float], group: str) -> None:
        """Log figures at a step, such as those of a validation."""
        for key, value in values.items():
            self._writer.add_scalar(f"{group}/{key}", value, number)

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()


def progress(steps: Iterable[TrainStep], total: int, done: int = 0) -> Iterator[TrainStep]:
    """Pass steps through while showing a bar with the smoothed loss, the speed and the time left.

    Where there is no terminal, a line a minute is printed instead.

    Args:
        steps: what `loops.meta_train` yields.
        total: steps of the whole run.
        done: steps done before a resume.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    smooth: float | None = None
    if not console.is_terminal:
        began = last = time.monotonic()
        for count, step in enumerate(steps, 1):
            smooth = step.loss if smooth is None else 0.98 * smooth + 0.02 * step.loss
            if time.monotonic() - last > 60 or step.number == total:
                last = time.monotonic()
                speed = count / max(last - began, 1e-9)
                console.print(f"step {step.number}/{total} loss {smooth:.4f} {speed:.2f} steps/s")
            yield step
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        shown = bar.add_task("loss -", total=total, completed=done)
        for step in steps:
            smooth = step.loss if smooth is None else 0.98 * smooth + 0.02 * step.loss
            bar.update(shown, completed=step.number, description=f"loss {smooth:.4f}")
            yield step
