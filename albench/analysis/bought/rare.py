"""Whether the rare class is found, in numbers and in sentences."""

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.bought import CHECKPOINTS, Bought, Cut, groups, sure
from albench.analysis.bought.coverage import class_name
from albench.analysis.bought.space import Space
from albench.analysis.bought.words import at_end, settings
from albench.analysis.comparison.targets import kaplan_meier
from albench.analysis.comparison.words import counted
from albench.core.arrays import Bools, Ints
from albench.core.tables import KEY, metric_columns

RARE = 0.15
"""The largest share of a class that is called rare."""

MEASURES = {
    "found": "share of the pool's positives that were bought",
    "discovery": "area under the discovery curve over that of the ideal",
    "discovery_random": "the same for random sampling, expected",
    "enrichment": "positives among the queried rows over their share in the pool",
    "waste": "share of negatives among the queried rows",
    "ambiguous_negative": "share of queried rows that were negative and in the lowest tenth "
    "of the pool's margins when asked",
    "ambiguous_streak": "longest run of such queries",
    "missed_clusters": "share of the positive class's sub-clusters without a label",
}
SHOWN = (
    "found",
    "discovery",
    "discovery_random",
    "enrichment",
    "ambiguous_negative",
    "ambiguous_streak",
    "missed_clusters",
)
UNDEFINED = {
    **dict.fromkeys(("found", "discovery", "discovery_random"), "the pool has no positive"),
    **dict.fromkeys(("enrichment", "waste"), "nothing was queried"),
    **dict.fromkeys(
        ("ambiguous_negative", "ambiguous_streak"),
        "nothing was queried, or margins were not traced (trace = true does)",
    ),
    "missed_clusters": "the pool has fewer than three positives",
}
"""When a measure is NaN."""
MANY = 10  # labels to the first and to the tenth positive
LOWEST = 0.1
SUBCLUSTERS = 5


def is_rare(share: Any, n_classes: Any) -> Any:
    """Whether classes of these shares are rare: at most 15 %, and below half an even share.

    Numbers, or series of them with as many rows.
    """
    return (share <= RARE) & (share < 1 / n_classes / 2)


def measured(
    runs: pd.DataFrame,
    rounds: pd.DataFrame,
    cuts: Iterable[Cut],
    checkpoints: Sequence[float] = CHECKPOINTS,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rare-class measures by run and checkpoint, and when positives were found.

    The rare class is the dataset's positive class, or its rarest one where none is named.
    The first frame is as `bias.measured` returns it, with the stored metrics as further
    measures and the columns class_name, prevalence. The second has one row per run and
    count 1, 10: dataset, protocol, model, strategy, trial, positives, labels (infinite:
    not within `budget`), budget. Undefined measures (no trace, nothing queried) are NaN.
    """
    rows: list[dict[str, Any]] = []
    first: list[dict[str, Any]] = []
    names = metric_columns(rounds)
    for group in groups(runs, rounds, cuts):
        space = Space.of(group.task)
        rare = rare_class(space)
        clusters = subclusters(space, rare)
        for run in group.runs:
            rows += of_run(space, run, rare, clusters, names, checkpoints)
            first += labels_to_positives(run, rare)
    return pd.DataFrame(rows), pd.DataFrame(first)


def rare_class(space: Space) -> int:
    """The positive class, or the rarest of all rows (train and test), the same in all trials."""
    task = space.task
    if task.positive is not None:
        return int(task.positive)
    counts = np.bincount(np.concatenate([task.y, task.y_test]), minlength=task.n_classes)
    return int(np.where(counts > 0, counts, len(task.y) + len(task.y_test) + 1).argmin())


def subclusters(space: Space, rare: int) -> Ints:
    """(n_train,) k-means cluster of each positive of the pool, -1 elsewhere.

    Up to five clusters, of at least three rows each on average, fixed seed.
    """
    from sklearn.cluster import KMeans

    out = np.full(len(space.task.y), -1, dtype=np.intp)
    rows = space.pool[space.task.y[space.pool] == rare]
    distinct = len(np.unique(space.Z[rows], axis=0))
    k = min(SUBCLUSTERS, len(rows) // 3, distinct)
    if k >= 1:
        out[rows] = KMeans(k, n_init=3, random_state=0).fit_predict(space.Z[rows])
    return out


def of_run(
    space: Space,
    run: Bought,
    rare: int,
    clusters: Ints,
    names: Sequence[str],
    checkpoints: Sequence[float],
) -> Iterator[dict[str, Any]]:
    """Rows of one run."""
    prevalence = float(space.class_shares[rare])
    base = {
        **dict(zip(KEY, run.key, strict=True)),
        "prevalence": prevalence,
        "class_name": class_name(space.task, rare),
    }
    is_rare = space.task.y == rare
    for share, number in run.checkpoints(checkpoints):
        at = run.in_hand(number)
        values = discovery(space, is_rare[run.rows[at]], int(is_rare[space.pool].sum()))
        values |= queried(run, at[run.round[at] > 0], is_rare, prevalence)
        values["missed_clusters"] = missed(clusters, run.rows[at])
        values |= {name: float(run.rounds[name].iloc[number]) for name in names}
        for name, value in values.items():
            yield {
                **base,
                "checkpoint": share,
                "n_labeled": len(at),
                "measure": name,
                "value": value,
            }


def discovery(space: Space, hits: Bools, positives: int) -> dict[str, float]:
    """How much of the rare class a labelled set holds; hits: (n,) in the order bought."""
    if not positives or not len(hits):
        return dict.fromkeys(("found", "discovery", "discovery_random"), np.nan)
    n = np.arange(1, len(hits) + 1)
    ideal = np.minimum(n, positives).sum()
    return {
        "found": float(hits.sum() / positives),
        "discovery": float(np.cumsum(hits).sum() / ideal),
        "discovery_random": float((n * positives / len(space.pool)).sum() / ideal),
    }


def queried(run: Bought, at: Ints, is_rare: Bools, prevalence: float) -> dict[str, float]:
    """Measures of the queried part alone; NaN where nothing was queried."""
    names = ("enrichment", "waste", "ambiguous_negative", "ambiguous_streak")
    if not len(at) or not prevalence:
        return dict.fromkeys(names, np.nan)
    hits, rank = is_rare[run.rows[at]], run.margin_rank[at]
    out = {
        "enrichment": float(hits.mean() / prevalence),
        "waste": float(1 - hits.mean()),
        "ambiguous_negative": np.nan,
        "ambiguous_streak": np.nan,
    }
    if not np.isnan(rank).any():
        ambiguous = ~hits & (rank < LOWEST)
        out["ambiguous_negative"] = float(ambiguous.mean())
        out["ambiguous_streak"] = float(longest_run(ambiguous))
    return out


def longest_run(flags: Bools) -> int:
    """Length of the longest streak of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def missed(clusters: Ints, labeled: Ints) -> float:
    """Share of the sub-clusters without a label; NaN where there are none."""
    known = np.unique(clusters[clusters >= 0])
    return float(1 - np.isin(known, clusters[labeled]).mean()) if len(known) else np.nan


def labels_to_positives(run: Bought, rare: int) -> list[dict[str, Any]]:
    """Labels until the first and the tenth positive, the start included."""
    at = run.answered
    hits = np.flatnonzero(run.cut.task.y[run.rows[at]] == rare)
    base = dict(zip(KEY, run.key, strict=True))
    return [
        {
            **base,
            "positives": k,
            "labels": float(hits[k - 1] + 1) if len(hits) >= k else inf,
            "budget": len(at),
        }
        for k in (1, MANY)
    ]


def prevalences(frame: pd.DataFrame) -> list[str]:
    """Which class is the rare one of each dataset, and how rare, one sentence each."""
    known = frame.groupby(["dataset", "class_name"], sort=False)["prevalence"].mean().reset_index()
    return [
        f"{dataset}: the rare class is {name!r}, {share:.1%} of the pool"
        for dataset, name, share in known.itertuples(index=False)
    ]


def labels_summary(first: pd.DataFrame) -> pd.DataFrame:
    """Kaplan-Meier over trials of the second frame of `measured`.

    Columns: dataset, protocol, model, strategy, positives, median (infinite: not in half of
    the trials), restricted_mean, reached of trials.
    """
    cell, rows = [*KEY[:4], "positives"], []
    for key, part in first.groupby(cell, sort=False):
        arrived = np.isfinite(part["labels"])
        times = np.where(arrived, part["labels"], part["budget"])
        found = kaplan_meier(times, arrived, float(part["budget"].max()))
        rows.append(
            {
                **dict(zip(cell, key, strict=True)),
                "median": found.median,
                "restricted_mean": found.restricted_mean,
                "reached": found.reached,
                "trials": found.trials,
            }
        )
    return pd.DataFrame(rows)


def curve(
    runs: pd.DataFrame, rounds: pd.DataFrame, cuts: Iterable[Cut], parts: int = 40
) -> pd.DataFrame:
    """The discovery curve: mean share of the positives found along the labels.

    Columns: dataset, protocol, model, strategy, n_labeled, found, ideal, random.
    """
    rows = []
    for group in groups(runs, rounds, cuts):
        space = Space.of(group.task)
        is_rare = group.task.y == rare_class(space)
        positives = max(1, int(is_rare[space.pool].sum()))
        for run in group.runs:
            found = np.cumsum(is_rare[run.rows[run.answered]]) / positives
            base = dict(zip(KEY, run.key, strict=True))
            rows += [
                {
                    **base,
                    "n_labeled": n,
                    "found": found[n - 1],
                    "ideal": min(n, positives) / positives,
                    "random": n / len(space.pool),
                }
                for n in np.unique(np.linspace(1, len(found), parts).astype(int))
            ]
    cell = [*KEY[:4], "n_labeled"]
    wanted = ["found", "ideal", "random"]
    return pd.DataFrame(rows).groupby(cell, sort=False)[wanted].mean().reset_index()


def rare(summary: pd.DataFrame, baseline: str) -> list[str]:
    """Sentences on the rare class."""
    out = []
    for start, part in settings(summary):
        asked = at_end(part, "ambiguous_negative").dropna(subset=["value"])
        stuck = asked[(asked["value"] > 0.5) & (asked["strategy"] != baseline)]
        if len(stuck):
            cells = [
                f"{r['strategy']} on {r['dataset']} {r['value']:.0%}" for _, r in stuck.iterrows()
            ]
            out.append(f"{start}most queries go to ambiguous negatives: {counted(cells)}.")
        elif len(asked):
            out.append(f"{start}no strategy spends most of its queries on ambiguous negatives.")
        else:
            out.append(
                f"{start}whether queries go to ambiguous negatives is unknown: run the suite "
                "with trace = true."
            )
        out += found_more(start, at_end(part, "found"), baseline)
        out += hidden_loss(start, part, baseline)
    return out


def found_more(start: str, part: pd.DataFrame, baseline: str) -> list[str]:
    """Who finds more or fewer positives than the baseline, and who may, but is not shown to."""
    out = []
    others = part[part["strategy"] != baseline]
    signs = others.apply(sure, axis=1) if len(others) else pd.Series(dtype=int)
    for sign, word in ((1, "more"), (-1, "fewer")):
        rows = others[signs == sign]
        if len(rows):
            out.append(
                f"{start}{word} positives found than with {baseline} (difference in the share of "
                "all positives, whose 95 % interval over trials leaves zero out): "
                f"{counted([points(r) for _, r in rows.iterrows()])}."
            )
            # a larger difference that is not listed would look forgotten
            least = rows["difference"].abs().min()
            open_ = others[(signs == 0) & (sign * others["difference"] >= least)]
            if len(open_):
                out.append(
                    f"{start}not listed, though as large, since the interval holds zero: "
                    f"{counted([points(r, True) for _, r in open_.iterrows()])}."
                )
    if not out and len(others):
        out.append(f"{start}no strategy is shown to find more or fewer positives than {baseline}.")
    return out


def points(row: "pd.Series[Any]", interval: bool = False) -> str:
    """`margin on digits +10 points`: a difference of shares, in percentage points."""
    text = f"{row['strategy']} on {row['dataset']} {100 * row['difference']:+.0f}"
    if interval:
        text += f" [{100 * row['low']:+.0f}, {100 * row['high']:+.0f}]"
    return f"{text} percentage points"


def hidden_loss(start: str, part: pd.DataFrame, baseline: str) -> list[str]:
    """Where average precision falls behind the baseline while accuracy does not show it."""
    known = set(part["measure"])
    if not {"accuracy", "average_precision_macro"} <= known:
        return []
    keys = ["dataset", "strategy"]
    precision = at_end(part, "average_precision_macro").set_index(keys)
    accuracy = at_end(part, "accuracy").set_index(keys)
    both = precision.join(accuracy["difference"].rename("accuracy")).reset_index()
    cells = [
        f"{row['strategy']} on {row['dataset']} {row['difference']:+.2f} "
        f"(accuracy {row['accuracy']:+.3f})"
        for _, row in both.iterrows()
        if row["strategy"] != baseline and sure(row) < 0
    ]
    return [f"{start}average precision below {baseline}'s: {counted(cells)}."] if cells else []
