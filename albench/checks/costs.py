"""Time per query and its growth with the pool."""

import time
from typing import Any, NamedTuple

import numpy as np

from albench import registry
from albench.checks.scenes import Play, Scene, of
from albench.ref import Ref

POOLS = (250, 500, 1000, 2000)
ENOUGH = 5.0
STEEP = 1.7


class Growth(NamedTuple):
    """CPU seconds per query by pool size, and the exponent of their growth."""

    seconds: dict[int, float]
    exponent: float

    @property
    def words(self) -> str:
        """For the table."""
        last = max(self.seconds)
        shown = f"{self.seconds[last]:.2g} s per query of 10 in a pool of {last}"
        if not np.isfinite(self.exponent):
            return shown
        return f"{shown}, growing as the pool to the power {self.exponent:.1f}"


def growth(strategy: Ref, seed: int) -> Growth:
    """Time of a query on ever larger pools; stops when one takes long.

    CPU time, so that other work on the machine does not count; the exponent is fitted over
    all pools, which one unlucky lap moves less than the last two would.

    Raises Skip where the strategy does not apply.
    """
    binary = "binary" in registry.entry("strategy", strategy.name).about.get("needs", ())
    found: dict[int, float] = {}
    for n in POOLS:
        protocol = of(start=20, batch=10, budget=40, test=0.1)
        scene = Scene("time", int(n / 0.9) + 20, 10, 2 if binary else 3, protocol=protocol)
        found[n] = seconds(strategy, scene, seed)
        if found[n] > ENOUGH:
            break
    if len(found) < 2:
        return Growth(found, np.nan)
    sizes, laps = np.log(list(found)), np.log(list(found.values()))
    return Growth(found, float(np.polyfit(sizes, laps, 1)[0]))


def seconds(strategy: Ref, scene: Scene, seed: int) -> float:
    """The quickest of four queries, the fit of the query model left out."""
    laps: list[float] = []

    class Lap:
        def __enter__(self) -> None:
            self.begin = time.process_time()

        def __exit__(self, *error: Any) -> None:
            laps.append(time.process_time() - self.begin)

    def fitted(query: Any) -> Any:
        _ = query.fitted
        return query

    for _ in range(2):
        Play(strategy, scene, seed, between=fitted, watched=Lap).picks()
        if min(laps) > ENOUGH:
            break
    return max(min(laps), 1e-6)
