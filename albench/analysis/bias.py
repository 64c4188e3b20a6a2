"""How far the labelled set has drifted from the pool, and whether random would drift as much."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from albench.analysis import distances as d
from albench.analysis.bought import CHECKPOINTS, Bought, Group, groups
from albench.analysis.cuts import Cut
from albench.analysis.nulls import null, z_score
from albench.analysis.space import Space
from albench.tables import KEY

Ints = NDArray[np.intp]

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
