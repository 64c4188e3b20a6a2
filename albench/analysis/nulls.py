"""What a random labelled set of the same size would give: start plus a random subset.

Distances of a finite part to its whole are not zero at small n even for random sampling.
So each is shown as z = (value - mean over random subsets) / their standard deviation.
The subsets of growing size are nested, which makes all sizes cost as much as the largest.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from albench.analysis.distances import jensen_shannon, total_variation
from albench.analysis.space import Space

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

DRAWS = 200
CHEAP = ("tv", "js", "energy", "nearest_mean", "cluster_tv")
"""Measures that are cheap enough for a null distribution."""


def null(
    space: Space, start: Ints, sizes: Sequence[int], wanted: Sequence[str] = CHEAP,
    draws: int = DRAWS,
) -> pd.DataFrame:  # fmt: skip
    """Mean, sd, low and high (2.5 and 97.5 %) of each measure over random subsets.

    start: positions every subset begins with; sizes: labels in all. One row per measure
    and size. At the size of the start there is one subset only, and sd is 0.
    """
    rng = np.random.default_rng([space.seed, 3])
    rest = np.setdiff1d(space.pool, start)
    grid = np.array(sorted({min(int(n), len(start) + len(rest)) for n in sizes}), dtype=np.intp)
    found = {name: np.empty((draws, len(grid))) for name in wanted}
    for draw in range(draws):
        order = np.concatenate([start, rng.permutation(rest)[: grid[-1] - len(start)]])
        for name in wanted:
            found[name][draw] = NESTED[name](space, order, grid)
    parts = []
    for name, values in found.items():
        low, high = np.quantile(values, [0.025, 0.975], axis=0)
        spread = values.std(axis=0, ddof=1) * (grid > len(start))
        parts.append(
            pd.DataFrame(
                {"measure": name, "n": grid, "null_mean": values.mean(axis=0), "null_sd": spread,
                 "null_low": low, "null_high": high}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def z_score(value: Floats, mean: Floats, sd: Floats) -> Floats:
    """(value - mean) / sd, NaN where the null has no spread but rounding."""
    z: Floats = np.full(len(value), np.nan)
    np.divide(value - mean, sd, out=z, where=sd > 1e-12)
    return z


def growing_shares(codes: Ints, grid: Ints, k: int) -> Floats:
    """(sizes, k) class shares of the first n codes, for each size n."""
    hot = np.zeros((len(codes), k))
    hot[np.arange(len(codes)), codes] = 1.0
    counts = np.cumsum(hot, axis=0)[grid - 1]
    return np.asarray(counts / grid[:, None])


def nested_tv(space: Space, order: Ints, grid: Ints) -> Floats:
    """(sizes,) total variation of the class shares to the pool's."""
    p = space.class_shares
    return total_variation(growing_shares(space.task.y[order], grid, len(p)), p)


def nested_js(space: Space, order: Ints, grid: Ints) -> Floats:
    """(sizes,) Jensen-Shannon divergence of the class shares to the pool's."""
    p = space.class_shares
    return jensen_shannon(growing_shares(space.task.y[order], grid, len(p)), p)


def nested_cluster_tv(space: Space, order: Ints, grid: Ints) -> Floats:
    """(sizes,) total variation of the cluster shares to the pool's."""
    p = space.cluster_shares
    return total_variation(growing_shares(space.clusters[order], grid, len(p)), p)


def nested_energy(space: Space, order: Ints, grid: Ints) -> Floats:
    """(sizes,) energy distance to the pool (to its reference rows)."""
    to_pool = np.cumsum(space.mean_distance[order])[grid - 1] / grid
    among = space.distances(order, order)
    # mean of the leading n x n block, for each n: sums of square rings around it
    rings = 2 * np.tril(among).sum(axis=1) - np.diagonal(among)
    within = np.cumsum(rings)[grid - 1] / (grid.astype(np.float64) ** 2)
    return np.asarray(2 * to_pool - within - space.pool_mean)


def nested_nearest(space: Space, order: Ints, grid: Ints) -> Floats:
    """(sizes,) mean distance of the reference rows to the nearest labelled one."""
    return np.array([near.mean() for near in nearest(space, order, grid)])


def nearest(space: Space, order: Ints, grid: Ints, test: bool = False) -> list[Floats]:
    """For each size n, distances of reference (or test) rows to the nearest of the first n."""
    apart = space.to_test(order) if test else space.distances(order, space.reference)
    best = np.full(apart.shape[1], np.inf)
    out, done = [], 0
    for n in grid:
        best = np.minimum(best, apart[done:n].min(axis=0)) if n > done else best
        out.append(best)
        done = int(n)
    return out


NESTED = {
    "tv": nested_tv,
    "js": nested_js,
    "energy": nested_energy,
    "nearest_mean": nested_nearest,
    "cluster_tv": nested_cluster_tv,
}
