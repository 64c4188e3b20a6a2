"""Time per query and its growth with the pool, and strategies that are another in disguise."""

import time
from typing import Any, NamedTuple

import numpy as np

from albench import registry
from albench.checks.scenes import SCENES, Batches, Play, Scene, of
from albench.errors import AlbenchError, Skip
from albench.ref import Ref

POOLS = (250, 500, 1000, 2000)
ENOUGH = 5.0
STEEP = 1.7


class Growth(NamedTuple):
    """Seconds per query by pool size, and the exponent between the two largest pools."""

    seconds: dict[int, float]
    exponent: float

    @property
    def words(self) -> str:
        """For the table."""
        last = max(self.seconds)
        shown = f"{self.seconds[last]:.2g} s per query of 10 in a pool of {last}"
        return f"{shown}, growing as the pool to the power {self.exponent:.1f}"


def growth(strategy: Ref, seed: int) -> Growth:
    """Time of the second query on ever larger pools; stops when one takes long.

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
    sizes = sorted(found)[-2:]
    steep = np.nan
    if len(sizes) == 2:
        steep = np.log(found[sizes[1]] / found[sizes[0]]) / np.log(sizes[1] / sizes[0])
    return Growth(found, float(steep))


def seconds(strategy: Ref, scene: Scene, seed: int) -> float:
    """The quicker of two queries, the fit of the query model left out."""
    laps: list[float] = []

    class Lap:
        def __enter__(self) -> None:
            self.begin = time.perf_counter()

        def __exit__(self, *error: Any) -> None:
            laps.append(time.perf_counter() - self.begin)

    def fitted(query: Any) -> Any:
        _ = query.fitted
        return query

    Play(strategy, scene, seed, between=fitted, watched=Lap).picks()
    return max(min(laps), 1e-9)


def likeness(strategy: Ref, seed: int) -> str | None:
    """What a strategy amounts to on every scene: random, pool order, constant scores."""
    alike: dict[str, list[bool]] = {}
    for scene in (s for s in SCENES if s.kind == "blobs"):
        try:
            for what, is_so in looks(strategy, scene, seed).items():
                alike.setdefault(what, []).append(is_so)
        except (Skip, AlbenchError):
            continue
    same = [what for what, each in alike.items() if all(each)]
    return ", ".join(same) or None


def looks(strategy: Ref, scene: Scene, seed: int) -> dict[str, bool]:
    """Whether the picks on one scene are those of something simpler."""
    pools: list[Any] = []

    def kept(query: Any) -> Any:
        pools.append(query)
        return query

    picks = Play(strategy, scene, seed, between=kept).picks()
    picks = [batch for batch in picks if batch]  # the last late labels come without a query
    tied = [query.log.get("n_tied") == len(query.pool) for query in pools]
    plain: Batches = Play(registry.resolve("strategy", "random"), scene, seed).picks()
    first = [query.pool[: query.n].tolist() for query in pools]
    return {
        "picks exactly what `random` picks": picks == [batch for batch in plain if batch],
        "takes the pool in its order": [sorted(b) for b in picks] == [sorted(b) for b in first],
        "gives every row the same score": bool(tied) and all(tied),
    }
