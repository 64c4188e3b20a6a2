"""A recommendation in words, from a comparison by fixed rules.

The rules, in order:
1. Across datasets, a strategy that beats the baseline (Holm) may be recommended: the one
   with the largest mean difference; those that the pairwise test does not tell from it are
   named beside it.
2. Where datasets are too few for a test, the trials decide about the datasets at hand, and
   the sentence says that it holds for them only.
3. Where nothing beats the baseline: if the strategies are practically equal to it, the
   baseline is recommended; else the data cannot tell, and the smallest difference that
   would have been seen is named.
4. The budget is the share of labels bought from which the simultaneous band of the gain over
   datasets stays above zero, or without a band the labels from which the mean stays ahead.
5. Warnings follow: datasets on which it loses, checkpoints behind the baseline; with a rare
   class or wrong labels, what `cautions` has to add.
6. Where several models were run, the best strategy of each is compared by its mean.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from albench.analysis.cautions import Observed, cautions
from albench.analysis.cells import Stack
from albench.analysis.compare import PAIRS_MIN
from albench.analysis.comparison import Comparison
from albench.analysis.standings import labels_needed
from albench.analysis.summaries import summarise
from albench.analysis.which_model import best_of_models
from albench.analysis.within import overall_gain
from albench.analysis.words import counted, p_text, units

HARMFUL = 0.2


def advice(comparison: Comparison, seen: Observed | None = None) -> list[str]:
    """The recommendation of every protocol and model, a few sentences each; then which model.

    seen: what the bought rows show, for suites with a rare class or an oracle that errs.
    """
    out = []
    for place, stack in enumerate(comparison.stacks):
        lines = [*of_one(comparison, place)]
        if seen is not None:
            where, base = (stack.protocol, stack.model), comparison.options.baseline
            lines += cautions(seen, where, chosen(comparison, stack), base)
        out.append(" ".join(lines))
    return out + best_of_models(comparison)


def chosen(comparison: Comparison, stack: Stack) -> str:
    """The strategy that the rules recommend; the baseline where they recommend none."""
    against, base = mine(comparison, "against", stack), comparison.options.baseline
    if against.empty:
        return base
    better = against[against["verdict"] == "better"]
    if len(better):
        return str(better.sort_values("mean_difference", kind="stable").iloc[-1]["strategy"])
    if against["holm_p"].isna().all():
        counts = ahead(comparison, stack)
        return base if counts.empty else str(counts.index[0])
    return base


def ahead(comparison: Comparison, stack: Stack) -> pd.DataFrame:
    """Strategies ahead of the baseline on some dataset by its trials and behind on none.

    Columns: size (datasets), mean (difference); best first.
    """
    within = mine(comparison, "within", stack)
    sure = within[within["holm_p"] <= comparison.options.alpha]
    up = sure[sure["mean_difference"] > 0].groupby("strategy")["mean_difference"]
    down = set(sure.loc[sure["mean_difference"] < 0, "strategy"])
    counts = up.agg(["size", "mean"])
    found: pd.DataFrame = counts[~counts.index.isin(down)]
    return found.sort_values(["size", "mean"], ascending=False)


def of_one(comparison: Comparison, place: int) -> Iterator[str]:
    """The sentences of one protocol and model."""
    stack, options = comparison.stacks[place], comparison.options
    base = options.baseline
    where = f"With {stack.model}" + (f" under {stack.protocol}" if stack.protocol else "")
    against = mine(comparison, "against", stack)
    if against.empty:
        yield f"{where}: there is no strategy besides {base} to recommend."
        return
    better = against[against["verdict"] == "better"]
    if len(better):
        name = chosen(comparison, stack)
        first = better[better["strategy"] == name].iloc[0]
        yield (
            f"{where}, use {name}: over {units(comparison.design[place])} it is ahead of {base} by "
            f"{size(first)} in {measure(comparison, place)} (Holm {p_text(first['holm_p'])}; ahead "
            f"on {int(first['wins'])})."
        )
        yield from beside(mine(comparison, "pairs", stack), better, name, options.alpha)
        yield from details(comparison, stack, name)
        return
    if against["holm_p"].isna().all():
        yield from at_hand(comparison, stack, where, str(next(iter(against["note"]), "")))
        return
    yield from nothing(against, where, base, options.rope)


def mine(comparison: Comparison, table: str, stack: Stack) -> pd.DataFrame:
    """The rows of a table that belong to a protocol and model."""
    frame = comparison.tables.get(table, pd.DataFrame())
    if frame.empty:
        return frame
    return frame[(frame["protocol"] == stack.protocol) & (frame["model"] == stack.model)]


def measure(comparison: Comparison, place: int) -> str:
    """What is compared."""
    return str(comparison.design[place]["measure"])


def size(row: "pd.Series[float]") -> str:
    """A difference with its interval."""
    if np.isfinite(row["low"]):
        return f"{row['mean_difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
    return f"{row['mean_difference']:+.3f}"


def beside(pairs: pd.DataFrame, better: pd.DataFrame, name: str, alpha: float) -> Iterator[str]:
    """The other winners that the test does not tell from the recommended one."""
    alike, tested = [], bool(pairs["holm_p"].notna().any())
    for other in better["strategy"]:
        row = pairs[
            ((pairs["a"] == name) & (pairs["b"] == other))
            | ((pairs["a"] == other) & (pairs["b"] == name))
        ]
        if other != name and len(row) and not (row["holm_p"] <= alpha).any():
            alike.append(str(other))
    if alike and tested:
        yield f"Not told apart from it: {counted(alike)}."
    elif alike:
        yield (
            f"So are {counted(alike)}; which of them is best is not tested below {PAIRS_MIN} "
            "datasets."
        )


def details(comparison: Comparison, stack: Stack, name: str) -> Iterator[str]:
    """From which budget it pays, what it saves, and where it harms."""
    base, options = comparison.options.baseline, comparison.options
    blocks = tuple(b.only((base, name)) for b in stack.blocks)
    pair = replace(stack, strategies=(base, name), blocks=blocks)
    gain = overall_gain(pair, base, base=options.base, seed=options.seed)
    band = gain[(gain["strategy"] == name) & (gain["dataset"] == "")] if len(gain) else gain
    if len(band) and band["low"].notna().any():
        yield from_share(band, base)
    saved = labels_needed(stack, base)
    if name in saved.index and saved["fewer"].notna()[name]:
        row, theirs = saved.loc[name].astype(float), saved.astype(float)["reached"][base]
        yield (
            f"It holds the final score of {base} in {row['reached']:.0%} of the runs ({base} "
            f"itself in {theirs:.0%}), with "
            f"{abs(row['fewer']):.0%} of the budget "
            f"{'saved' if row['fewer'] >= 0 else 'spent more'} on average."
        )
    yield from warnings(stack, name, base)


def from_share(band: pd.DataFrame, base: str) -> str:
    """The budget from which the band of the gain stays above zero."""
    above = (band["low"] > 0).to_numpy()
    if not above.any():
        return "At no single budget is the lead sure by itself; it shows in the whole curve."
    last = len(above) - 1
    if above[-1]:
        below = np.flatnonzero(~above)
        start = band["n"].iloc[below[-1] + 1 if len(below) else 0]
        return f"The lead is sure from {start:.0%} of the labels bought to the end."
    first, last = np.flatnonzero(above)[[0, -1]]
    return (
        f"The lead is sure between {band['n'].iloc[first]:.0%} and {band['n'].iloc[last]:.0%} of "
        f"the labels bought; at the end {base} has caught up."
    )


def warnings(stack: Stack, name: str, base: str) -> Iterator[str]:
    """Datasets on which the recommended strategy loses."""
    rows = summarise(stack, base)
    rows = rows[rows["strategy"] == name]
    behind = rows[rows["gain_high"] < 0]
    if len(behind):
        told = [f"{r['dataset']} {r['gain']:+.3f}" for _, r in behind.iterrows()]
        yield f"Beware: it is behind {base} on {counted(told)}."
    harm = float(rows["harm_rate"].mean())
    if harm > HARMFUL:
        yield f"At {harm:.0%} of the checkpoints it is behind {base}."


def at_hand(comparison: Comparison, stack: Stack, where: str, note: str) -> Iterator[str]:
    """Too few datasets for a test: what the trials say of those at hand."""
    base, alpha = comparison.options.baseline, comparison.options.alpha
    within = mine(comparison, "within", stack)
    sure, counts = within[within["holm_p"] <= alpha], ahead(comparison, stack)
    reach = f"for these datasets only ({note})" if note else "for these datasets only"
    if within["holm_p"].isna().all():
        why = next((str(n) for n in within["note"] if n), "too few trials")
        yield (
            f"{where}, keep to {base}: nothing can be told, neither beyond these datasets: {note}; "
            f"nor on them: {why}."
        )
        return
    if counts.empty:
        yield (
            f"{where}, keep to {base}: nothing better can be claimed. No strategy is ahead of it "
            f"on one of the datasets by its trials and behind on none; {reach}."
        )
        return
    name, row = str(counts.index[0]), counts.iloc[0]
    total, place = within["dataset"].nunique(), comparison.stacks.index(stack)
    against = mine(comparison, "against", stack).set_index("strategy")
    gap = float(against["mean_difference"].astype(float)[name])
    yield (
        f"{where}, use {name}: it is ahead of {base} on {int(row['size'])} of {total} datasets "
        f"(Wilcoxon over trials, Holm) and behind on none; {reach}. Its mean difference over "
        f"{units(comparison.design[place])} is {gap:+.3f}."
    )
    weak = sure[(sure["strategy"] == name) & ~(sure["corrected_p"] <= alpha)]
    if len(weak):
        yield (
            "With the correction for overlapping splits (Nadeau and Bengio) this is not sure for "
            f"{counted([str(d) for d in weak['dataset']])}."
        )
    yield from details(comparison, stack, name)


def nothing(against: pd.DataFrame, where: str, base: str, rope: float) -> Iterator[str]:
    """Nothing beats the baseline: whether that is equality or ignorance."""
    equal = [str(s) for s in against.loc[against["verdict"] == "equal", "strategy"]]
    worse = [str(s) for s in against.loc[against["verdict"] == "worse", "strategy"]]
    yield (
        f"{where}, keep to {base}: no strategy is shown to beat it, so nothing better than {base} "
        "can be claimed."
    )
    if equal:
        yield f"Practically equal to it (within {rope:g}): {counted(equal)}."
    if worse:
        yield f"Worse: {counted(worse)}."
    open_ones = against[~against["verdict"].isin(["equal", "worse"])]
    if len(open_ones):
        seen = float(open_ones["mde"].median())
        would = f"; a difference of {seen:.3f} would have been seen four times in five"
        would = would if np.isfinite(seen) else ""
        yield f"Undecided: {counted([str(s) for s in open_ones['strategy']])}{would}."
