"""How far a run has come, shown while it runs."""

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Self

from albench.runner import Progress

SECONDS_BETWEEN_LINES = 10.0


def counted(progress: Progress) -> str:
    """`37 of 480 runs, 2 failed, 12.1 a second, 0:36 left, on wdbc`."""
    seconds = time.monotonic() - progress.began
    rate = progress.done / seconds if seconds > 0 else 0.0
    parts = [f"{progress.done} of {progress.total} runs"]
    parts += [f"{n} {status}" for status, n in sorted(progress.counts.items()) if status != "done"]
    if progress.done and rate:
        left = int((progress.total - progress.done) / rate)
        parts += [f"{rate:.3g} a second", f"{left // 60}:{left % 60:02d} left"]
    if progress.dataset:
        parts.append(f"on {progress.dataset}")
    return ", ".join(parts)


class Lines:
    """Plain lines, for where there is no terminal."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.last, self.say = 0.0, say

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def __call__(self, progress: Progress) -> None:
        """Print a line every few seconds, and at the end."""
        now, over = time.monotonic(), progress.done >= progress.total
        if progress.total and (over or now - self.last >= SECONDS_BETWEEN_LINES):
            self.last = now
            self.say(counted(progress))


class Bar:
    """A bar that redraws itself."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Moving

        self.bar = Moving(
            BarColumn(), TextColumn("{task.description}"), console=Console(stderr=True)
        )
        self.task = self.bar.add_task("starting", total=None)

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Redraw."""
        self.bar.update(
            self.task,
            total=max(progress.total, 1),
            completed=progress.done if progress.total else 1,
            description=counted(progress) if progress.total else "nothing to do",
        )


def shown(say: Callable[[str], None]) -> AbstractContextManager[Callable[[Progress], None]]:
    """A bar on a terminal, plain lines elsewhere; yields the function to call.

    say  takes each line
    """
    return Bar() if sys.stderr.isatty() else Lines(say)
