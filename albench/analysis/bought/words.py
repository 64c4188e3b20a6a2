"""What was found, in one to three sentences, made from the numbers by fixed rules.

A strategy `drifts` where its mean z against random subsets is beyond 2 and the interval of
its paired difference to the baseline excludes 0. What was not found is said as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from albench.analysis.bought import sure
from albench.analysis.comparison.words import counted

FAR = 2.0
"""|z| against random subsets beyond which a labelled set lies apart from them."""


def far(z: float) -> bool:
    """Whether a labelled set lies apart from random ones; never where z is undefined."""
    return abs(z) > FAR


def settings(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each protocol and model, with the words that begin its sentences."""
    for (protocol, model), part in frame.groupby(["protocol", "model"], sort=False):
        several = [
            str(name)
            for name, column in ((model, "model"), (protocol, "protocol"))
            if frame[column].nunique() > 1
        ]
        yield (f"{', '.join(several)}: " if several else ""), part


def at_end(summary: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Rows of a measure at the last checkpoint."""
    part: pd.DataFrame = summary[summary["measure"] == measure]
    last: pd.DataFrame = part[part["checkpoint"] == part["checkpoint"].max()]
    return last


def at_last_choice(summary: pd.DataFrame, measure: str) -> tuple[pd.DataFrame, str]:
    """Rows of a measure at each dataset's last checkpoint with something left to choose from.

    Where the whole pool was bought every labelled set is the pool, and there is no z; such a
    dataset is judged at the checkpoint before, and the sentence returned says so.
    """
    part: pd.DataFrame = summary[summary["measure"] == measure]
    known = part[part["z"].notna()]
    last: dict[Any, float] = known.groupby("dataset", sort=False)["checkpoint"].max().to_dict()
    ends: dict[Any, float] = part.groupby("dataset", sort=False)["checkpoint"].max().to_dict()
    early = [f"{d} at {share:.0%}" for d, share in last.items() if share < ends[d]]
    gone = [str(d) for d in ends if d not in last]
    told = []
    if early:
        told.append(f"{', '.join(early)} of the labels bought")
    if gone:
        told.append(f"{', '.join(gone)} not at all")
    text = f"judged before the whole pool was bought: {'; '.join(told)}." if told else ""
    judged: pd.DataFrame = known[known["checkpoint"] == known["dataset"].map(last)]
    return judged, text


def joined(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]


def sorted_out(part: pd.DataFrame, baseline: str) -> dict[int, dict[str, list[str]]]:
    """Strategies beyond the null: sign -> strategy -> `dataset z = ...`; 0: within it."""
    out: dict[int, dict[str, list[str]]] = {1: {}, -1: {}, 0: {}}
    others = part[part["strategy"] != baseline]
    for strategy, rows in others.groupby("strategy", sort=False):
        for _, row in rows.iterrows():
            sign = sure(row) if far(row["z"]) and sure(row) * row["z"] > 0 else 0
            out[sign].setdefault(str(strategy), []).append(f"{row['dataset']} z = {row['z']:.1f}")
    return out


def told(found: Mapping[str, list[str]], of: int) -> str:
    """`margin on 2 of 3 datasets (digits z = 7.2; wdbc z = 22.3)`, and so on."""
    return ", ".join(
        f"{name} on {len(where)} of {of} ({counted(where, 3)})" for name, where in found.items()
    )


def bias(summary: pd.DataFrame, baseline: str) -> list[str]:
    """Sentences on how far labelled sets drift from the pool. summary: `over_trials`."""
    out = []
    for start, part in settings(summary):
        early = ""
        for measure, what in (("energy", "features"), ("tv", "class mix")):
            rows, early = at_last_choice(part, measure)
            found, n = sorted_out(rows, baseline), rows["dataset"].nunique()
            if found[1]:
                out.append(
                    f"{start}labelled sets differ from the pool in their {what} more than "
                    f"random ones do ({measure}): {told(found[1], n)}."
                )
            calm = [s for s in found[0] if s not in found[1] and s not in found[-1]]
            if calm and measure == "energy":
                out.append(
                    f"{start}not shown to drift more in the {what} than with {baseline}: "
                    f"{joined(calm)}."
                )
        out += [f"{start}{early}"] if early else []
    return out


def features(worst: pd.DataFrame, baseline: str) -> list[str]:
    """Sentences on the features that drift most. worst: `bias.worst_features`."""
    out = []
    for start, part in settings(worst[worst["strategy"] != baseline]):
        first = part.drop_duplicates(["dataset", "strategy"])
        cells = [
            f"{row['strategy']} on {row['dataset']} {row['feature']!r} ({row['share']:.0%})"
            for _, row in first.sort_values("share", ascending=False, kind="stable").iterrows()
        ]
        out.append(
            f"{start}most often among the three features farthest from the pool (share of the "
            f"trials): {counted(cells)}."
        )
    return out


def focus(summary: pd.DataFrame, baseline: str) -> list[str]:
    """Sentences on how often picks lie near the boundary of the full-pool model."""
    out = []
    for start, part in settings(summary):
        rows = at_end(part, "boundary")
        others = rows[rows["strategy"] != baseline]
        cells = {
            sign: [
                f"{row['strategy']} on {row['dataset']} {row['value']:.1f}"
                for _, row in others.iterrows()
                if sure(row) == sign
            ]
            for sign in (1, -1, 0)
        }
        words = {
            1: "near the full-pool boundary more often than random picks (1 = chance)",
            -1: "away from the full-pool boundary",
            0: "not shown to differ from random picks in how near it is",
        }
        out += [f"{start}{words[s]}: {counted(cells[s])}." for s in (1, -1, 0) if cells[s]]
    return out


def overlap(pairs: pd.DataFrame) -> list[str]:
    """Sentences on strategies that pick the same rows."""
    out = []
    for start, part in settings(pairs):
        own = part[part["other"] == "other trials"].groupby("strategy", sort=False)["excess"].mean()
        if len(own):
            shown = ", ".join(f"{name} {value:+.2f}" for name, value in own.items())
            out.append(f"{start}overlap between trials above chance (Jaccard): {shown}.")
        between = part[(part["other"] != "other trials") & (part["strategy"] < part["other"])]
        if len(between):
            means = between.groupby(["strategy", "other"], sort=False)["excess"].mean()
            alike = " and ".join(map(str, means.index[int(means.argmax())]))
            out.append(f"{start}most alike: {alike} ({means.max():+.2f} above chance).")
    return out


def coverage(summary: pd.DataFrame, seen: pd.DataFrame, baseline: str) -> list[str]:
    """Sentences on coverage. seen: as `coverage.seen_summary`."""
    out = []
    for start, part in settings(summary):
        rows, early = at_last_choice(part, "nearest_mean")
        found, n = sorted_out(rows, baseline), rows["dataset"].nunique()
        words = {
            1: "farther from their nearest label than with random labels",
            -1: "nearer to a label than with random labels",
        }
        out += [
            f"{start}pool rows are {words[sign]}: {told(found[sign], n)}."
            for sign in (1, -1)
            if found[sign]
        ]
        if not found[1] and not found[-1]:
            out.append(
                f"{start}no strategy is shown to cover the pool otherwise than {baseline} does."
            )
        out += [f"{start}{early}"] if early else []
    return out + classes(seen, baseline)


def classes(seen: pd.DataFrame, baseline: str) -> list[str]:
    """When all classes were seen, where that took longer than the first tenth of trials."""
    out = []
    for start, part in settings(seen[seen["class"] == -1]):
        late = part[part["reached"] < part["trials"]]
        if len(late):
            cells = [
                f"{row['strategy']} on {row['dataset']} in "
                f"{int(row['trials'] - row['reached'])} of {int(row['trials'])} trials"
                for _, row in late.iterrows()
            ]
            out.append(f"{start}within the budget some class stayed unseen: {counted(cells)}.")
            continue
        means = part.groupby("strategy", sort=False)["restricted_mean"].mean()
        shown = ", ".join(f"{name} {labels:.0f}" for name, labels in means.items())
        out.append(f"{start}every class was seen; labels until then, mean: {shown}.")
    return out


def noise(affinity: pd.DataFrame, oracles: Mapping[tuple[str, str], str]) -> list[str]:
    """Sentences on wrong labels. oracles: (dataset, protocol) -> name of its oracle."""
    out = []
    if affinity.empty:
        return ["nothing was queried, so no wrong label was bought."]
    for start, part in settings(affinity):
        if not part["base"].gt(0).any():
            out.append(f"{start}the oracle made no mistakes.")
            continue
        names = [
            oracles.get((d, p)) for d, p in zip(part["dataset"], part["protocol"], strict=True)
        ]
        uniform = pd.Series([name == "uniform" for name in names], index=part.index)
        if uniform.any():
            low, high = part.loc[uniform, "affinity"].min(), part.loc[uniform, "affinity"].max()
            out.append(
                f"{start}uniform flips give an affinity of 1 by construction, since a strategy "
                f"cannot see a label before it buys it: {low:.2f} to {high:.2f} here is chance."
            )
        others = part[~uniform & (part["base"] > 0)]
        if len(others):
            out += attracted(start, others, int(affinity["p"].notna().sum()))
    return out


def attracted(start: str, part: pd.DataFrame, tests: int, alpha: float = 0.05) -> list[str]:
    """Who buys more, or fewer, wrong labels than at random, after Holm over all cells.

    tests: how many cells have a test, also those of other protocols and models.
    """
    sure = part["holm_p"] <= alpha
    cells = {
        sign: [
            f"{r['strategy']} on {r['dataset']} {r['affinity']:.2f} "
            f"[{r['low']:.2f}, {r['high']:.2f}]"
            for _, r in part[sure].iterrows()
            if (r["affinity"] > 1) - (r["affinity"] < 1) == sign
        ]
        for sign in (1, -1)
    }
    if not part["p"].notna().any():
        return [
            f"{start}whether a strategy is drawn to wrong labels cannot be told: at least three "
            "trials that differ are due."
        ]
    how = f"paired t tests over trials, Holm over {tests} cell{'' if tests == 1 else 's'}"
    words = {1: "drawn to wrong labels (affinity above 1)", -1: "away from wrong labels"}
    if not cells[1] and not cells[-1]:
        return [
            f"{start}no strategy is shown to be drawn to wrong labels or away from them ({how})."
        ]
    return [
        f"{start}{words[s]}: {counted(cells[s])} ({how}; 95 % intervals of each cell alone)."
        for s in (1, -1)
        if cells[s]
    ]
