"""How far the labelled set has drifted from the pool, and whether random would drift as much.

Distances of a finite part to its whole are not zero at small n even for random sampling.
So each is shown as z = (value - mean over random subsets) / their standard deviation.
The subsets of growing size are nested, which makes all sizes cost as much as the largest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.bought import CHECKPOINTS, Bought, Cut, Group, groups
from albench.analysis.bought import space as d
from albench.analysis.bought.space import Space, jensen_shannon, total_variation
from albench.core.arrays import Floats, Ints
from albench.core.tables import KEY

DRAWS = 200
CHEAP = ("tv", "js", "energy", "nearest_mean", "cluster_tv")
"""Measures that are cheap enough for a null distribution."""


def null(
    space: Space,
    start: Ints,
    sizes: Sequence[int],
    wanted: Sequence[str] = CHEAP,
    draws: int = DRAWS,
) -> pd.DataFrame:
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
                {
                    "measure": name,
                    "n": grid,
                    "null_mean": values.mean(axis=0),
                    "null_sd": spread,
                    "null_low": low,
                    "null_high": high,
                }
            )
        )
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

WITH_Z = ("tv", "js", "energy")
BRIEF = ("tv", "energy")
SHOWN = ("tv", "js", "entropy", "min_share", "energy", "mmd", "ks_mean", "c2st_auc", "ess")
MEASURES = {
    "tv": "class shares: total variation to the pool",
    "js": "class shares: Jensen-Shannon divergence to the pool, nats",
    "entropy": "entropy of the class shares over its maximum",
    "min_share": "share of the rarest class",
    "tv_observed": "total variation of the labels as answered to the pool's true ones",
    "energy": "energy distance to the pool",
    "mmd": "squared maximum mean discrepancy to the pool, RBF kernel",
    "ks_mean": "Kolmogorov-Smirnov distance, mean over features",
    "ks_max": "Kolmogorov-Smirnov distance of the worst feature",
    "wasserstein": "Wasserstein distance in standard deviations, mean over features",
    "c2st_auc": "area under the ROC curve of a linear classifier, labelled or not",
    "ess": "effective share of the labels when weighted to the pool",
}
UNDEFINED = dict.fromkeys(("c2st_auc", "ess"), "fewer than five labelled or unlabelled rows")
"""When a measure is NaN."""


def measured(
    runs: pd.DataFrame,
    rounds: pd.DataFrame,
    cuts: Iterable[Cut],
    checkpoints: Sequence[float] = CHECKPOINTS,
    *,
    brief: bool = False,
) -> pd.DataFrame:
    """One row per run, checkpoint and measure of `MEASURES`; `brief`: of `BRIEF` only.

    Columns: dataset, protocol, model, strategy, trial, checkpoint (share of what was
    bought), n_labeled, measure, value; for the measures of `WITH_Z` also z, null_low,
    null_high against 200 random subsets of the same size that share the start. `worst`
    names the features with the largest Kolmogorov-Smirnov distance (measure ks_max).
    """
    rows = [
        row
        for group in groups(runs, rounds, cuts)
        for row in of_group(group, checkpoints, in_brief if brief else of_labeled)
    ]
    return pd.DataFrame(rows)


Measuring = Callable[[Space, Bought, float, Ints], Iterator[dict[str, Any]]]


def of_group(
    group: Group, checkpoints: Sequence[float], measure: Measuring
) -> Iterator[dict[str, Any]]:
    """Rows of the runs on one cut."""
    space = Space.of(group.task)
    found = []
    for run in group.runs:
        for share, number in run.checkpoints(checkpoints):
            found += list(measure(space, run, share, run.in_hand(number)))
    wanted = BRIEF if measure is in_brief else WITH_Z
    yield from with_null(found, space, group.runs[0], wanted)


def with_null(
    rows: list[dict[str, Any]], space: Space, first: Bought, wanted: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows with z and the band of random subsets beside the measures `wanted`."""
    start = first.rows[first.in_hand(0)]
    sizes = {row["n_labeled"] for row in rows if row["n_labeled"] >= len(start)}
    if not sizes:
        return rows
    known = null(space, start, sorted(sizes), wanted).set_index(["measure", "n"])
    table = dict(zip(known.index, known.to_dict("records"), strict=True))
    for row in rows:
        of = table.get((row["measure"], row["n_labeled"]))
        if of is not None:
            value = np.array([row["value"]])
            row["z"] = float(z_score(value, of["null_mean"], np.array([of["null_sd"]]))[0])
            row["null_low"], row["null_high"] = of["null_low"], of["null_high"]
    return rows


def of_labeled(space: Space, run: Bought, share: float, at: Ints) -> Iterator[dict[str, Any]]:
    """Rows of one labelled set; `at` are indices into what the run bought."""
    base = {**dict(zip(KEY, run.key, strict=True)), "checkpoint": share, "n_labeled": len(at)}
    labeled = run.rows[at]
    ks = space.features.ks(np.isin(space.pool, labeled))
    values = class_drift(space, labeled, run.labels[at]) | feature_drift(space, labeled)
    values |= {"ks_mean": float(ks.mean())}
    values |= told_apart(space, labeled)
    for name, value in values.items():
        yield {**base, "measure": name, "value": value}
    worst = np.argsort(-ks, kind="stable")[:3]
    yield {
        **base,
        "measure": "ks_max",
        "value": float(ks.max()),
        "worst": [run.cut.features[i] for i in worst],
    }


def in_brief(space: Space, run: Bought, share: float, at: Ints) -> Iterator[dict[str, Any]]:
    """`of_labeled` for the measures of `BRIEF`, which take no fits and no sorting."""
    base = {**dict(zip(KEY, run.key, strict=True)), "checkpoint": share, "n_labeled": len(at)}
    labeled = run.rows[at]
    mine = d.shares(space.task.y[labeled], space.task.n_classes)
    yield {**base, "measure": "tv", "value": float(d.total_variation(mine, space.class_shares))}
    yield {**base, "measure": "energy", "value": energy(space, labeled)}


def energy(space: Space, labeled: Ints) -> float:
    """Energy distance of labelled rows to the pool."""
    among = space.distances(labeled, labeled)
    return d.energy_distance(space.mean_distance[labeled], among, space.pool_mean)


def class_drift(space: Space, labeled: Ints, answers: Ints) -> dict[str, float]:
    """Measures of the class shares."""
    p, k = space.class_shares, space.task.n_classes
    ours, said = d.shares(space.task.y[labeled], k), d.shares(answers, k)
    return {
        "tv": float(d.total_variation(ours, p)),
        "js": float(d.jensen_shannon(ours, p)),
        "entropy": d.label_entropy(ours),
        "min_share": float(ours.min()),
        "tv_observed": float(d.total_variation(said, p)),
    }


def feature_drift(space: Space, labeled: Ints) -> dict[str, float]:
    """Measures of the features."""
    among = space.distances(labeled, labeled)
    to_pool = space.distances(labeled, space.reference)
    mask = np.isin(space.pool, labeled)
    return {
        "energy": d.energy_distance(to_pool, among, space.pool_mean),
        "mmd": d.squared_mmd(to_pool, among, space.kernel_mean, space.gamma),
        "wasserstein": float(space.features.wasserstein(mask).mean()),
    }


def told_apart(space: Space, labeled: Ints) -> dict[str, float]:
    """How well a linear classifier tells labelled from unlabelled rows, and what follows."""
    mask = np.isin(space.pool, labeled)
    chance = d.propensities(space.Z[space.pool], mask)
    if chance is None:
        return {"c2st_auc": np.nan, "ess": np.nan}
    return {"c2st_auc": d.two_sample_auc(chance, mask), "ess": d.effective_size(chance, mask)}


def worst_features(frame: pd.DataFrame) -> pd.DataFrame:
    """How often each feature is among the three that drifted most, by cell, at the end.

    frame: as `measured` returns it. Columns: dataset, protocol, model, strategy, feature
    (its name, or the column's number), times of trials, share.
    """
    cell = ["dataset", "protocol", "model", "strategy"]
    part = frame[frame["measure"] == "ks_max"]
    part = part[part["checkpoint"] == part.groupby(cell)["checkpoint"].transform("max")]
    trials = part.groupby(cell).size().rename("trials")
    long = part.explode("worst").rename(columns={"worst": "feature"})
    counts = long.groupby([*cell, "feature"]).size().rename("times").reset_index()
    counts = counts.join(trials, on=cell)
    counts["share"] = counts["times"] / counts["trials"]
    counts = counts.sort_values(["share", "feature"], ascending=[False, True])
    place = {tuple(key): i for i, key in enumerate(part[cell].drop_duplicates().to_numpy())}
    order = [place[tuple(key)] for key in counts[cell].to_numpy()]
    return counts.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)
