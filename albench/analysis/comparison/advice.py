"""A recommendation in words, from a comparison by fixed rules, with its cautions.

Rules: a difference in positives found counts where its 95 % interval over trials leaves
zero out; an attraction to wrong labels where that of a cell holds after Holm over all cells.
Under uniform flips no strategy can be drawn to wrong labels, so nothing is claimed there.

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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from albench.analysis.bought import sure
from albench.analysis.comparison import Comparison
from albench.analysis.comparison.across import PAIRS_MIN
from albench.analysis.comparison.cells import Stack, averaged
from albench.analysis.comparison.standings import labels_needed
from albench.analysis.comparison.summaries import summarise, wide
from albench.analysis.comparison.verdicts import DEPENDS
from albench.analysis.comparison.within import overall_gain
from albench.analysis.comparison.words import counted, p_text, several, units
from albench.analysis.question import ROPE


@dataclass(frozen=True)
class Observed:
    """What the bought rows show.

    found     positives found on datasets with a rare class, at the end, one row per cell, as
              `against.over_trials` gives them (measure `found`)
    affinity  as `noise.affinity` gives it, datasets with wrong labels only
    oracles   (dataset, protocol) -> name of its oracle
    trials    how many trials both rest on
    """

    found: pd.DataFrame
    affinity: pd.DataFrame
    oracles: Mapping[tuple[str, str], str]
    trials: int


def cautions(seen: Observed, place: tuple[str, str], name: str, base: str) -> Iterator[str]:
    """The sentences for one protocol and model. name: what is recommended, maybe the baseline."""
    found, wrong = at(seen.found, place), at(seen.affinity, place)
    reach = f"(first {seen.trials} trials)" if seen.trials > 1 else "(one trial)"
    if len(found):
        yield from on_rare(found, name, base, reach)
    if len(wrong):
        yield from on_wrong(wrong, seen.oracles, name, reach)


def at(frame: pd.DataFrame, place: tuple[str, str]) -> pd.DataFrame:
    """The rows of a protocol and model."""
    if frame.empty:
        return frame
    protocol, model = place
    return frame[(frame["protocol"] == protocol) & (frame["model"] == model)]


def on_rare(found: pd.DataFrame, name: str, base: str, reach: str) -> Iterator[str]:
    """Whether it finds more of the rare class, or what does where the baseline is kept."""
    of = found["dataset"].nunique()
    own = found[found["strategy"] == name]
    if name == base:
        better = {
            str(strategy): differing_datasets(rows, 1)
            for strategy, rows in found[found["strategy"] != base].groupby("strategy", sort=False)
            if differing_datasets(rows, 1) and not differing_datasets(rows, -1)
        }
        most = sorted(better, key=lambda s: -len(better[s]))[:3]
        said = [f"{s} on {len(better[s])} of {of} ({counted(better[s], 3)})" for s in most]
        yield (
            f"If the rare class is what matters, more of its positives are found by "
            f"{'; '.join(said)} {reach}."
            if said
            else f"Nor is any strategy shown to find more of the rare class than {base} {reach}."
        )
        return
    for sign, word in ((1, "more"), (-1, "fewer")):
        cells = differing_datasets(own, sign)
        if cells:
            start = "It finds" if sign > 0 else "Beware: it finds"
            text = f"{start} {word} positives of the rare class than {base} on "
            yield f"{text}{len(cells)} of {of} datasets that have one: {counted(cells)} {reach}."
    if not differing_datasets(own, 1) and not differing_datasets(own, -1):
        yield f"It is not shown to find more or fewer positives of the rare class {reach}."


def differing_datasets(rows: pd.DataFrame, sign: int) -> list[str]:
    """The datasets on which the share of positives found differs that way, with how much."""
    return [
        f"{row['dataset']} {100 * row['difference']:+.0f} percentage points"
        for _, row in rows.iterrows()
        if sure(row) == sign
    ]


def on_wrong(
    wrong: pd.DataFrame, oracles: Mapping[tuple[str, str], str], name: str, reach: str
) -> Iterator[str]:
    """Whether it is drawn to rows that the oracle labels wrong."""
    own = wrong[wrong["strategy"] == name]
    seek = [
        row
        for _, row in own.iterrows()
        if oracles.get((row["dataset"], row["protocol"])) != "uniform"
    ]
    drawn = [
        f"{row['dataset']} {row['affinity']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
        for row in seek
        if row["holm_p"] <= 0.05 and row["affinity"] > 1
    ]
    if drawn:
        yield (
            f"Beware: it is drawn to rows that are labelled wrong, buying more of them than "
            f"chance (1) on {counted(drawn)} {reach}."
        )
    elif seek:
        yield f"It is not shown to be drawn to rows that are labelled wrong {reach}."
    elif len(own):
        share = float(own["wrong"].mean())
        yield (
            f"The oracle's mistakes are uniform, so nothing can be drawn to them: {share:.0%} of "
            f"the labels that {name} bought there were wrong."
        )


def best_of_models(comparison: "Comparison") -> list[str]:
    """One sentence for each protocol under which several models were run.

    The best strategy of each model by its mean over the datasets that all models have, those
    left out that were not run on all of a model's datasets; the recommendations of single models
    say nothing of each other.
    """
    protocols = dict.fromkeys(stack.protocol for stack in comparison.stacks)
    stacks = {p: [s for s in comparison.stacks if s.protocol == p] for p in protocols}
    return [
        line for p, of in stacks.items() if len(of) > 1 for line in best_pairing(comparison, p, of)
    ]


def best_pairing(comparison: "Comparison", protocol: str, stacks: list[Stack]) -> Iterator[str]:
    """The sentence of one protocol."""
    options = comparison.options
    shared = [d for d in stacks[0].datasets if all(d in s.datasets for s in stacks)]
    if not shared:
        return
    found, n = [], 0
    for stack in stacks:
        table = averaged(wide(stack, options.summary).loc[shared], options.base)
        filled = {s for block in stack.blocks for s in block.imputed}
        means, n = table.drop(columns=list(filled)).mean(), len(table)
        found.append((float(means.max()), stack.model, str(means.idxmax())))
    found.sort(key=lambda row: -row[0])
    sign = -1 if options.lower else 1
    cells = [f"{model} with {strategy} {sign * mean:.3f}" for mean, model, strategy in found]
    measure = comparison.design[comparison.stacks.index(stacks[0])]["measure"]
    where = f" under {protocol}" if protocol and len(comparison.stacks) > len(stacks) else ""
    yield (
        f"Of all models and strategies{where}, {cells[0]} is best by the mean {measure} over "
        f"{several(n, 'dataset')}; then "
        f"{counted(cells[1:])}. Means, no test: the strategy named for a model is the one to use "
        "with that model, not a reason to choose the model."
    )


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
    sure = within[(within["holm_p"] <= comparison.options.alpha) & (within["room"] == "")]
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
    yield from nothing(against, where, base, options.rope or ROPE)


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
    alike, apart = [], []
    tested = len(pairs) > 0 and bool(pairs["holm_p"].notna().any())
    for other in better["strategy"]:
        row = pairs[
            ((pairs["a"] == name) & (pairs["b"] == other))
            | ((pairs["a"] == other) & (pairs["b"] == name))
        ]
        if other != name and not len(row):
            apart.append(str(other))
        elif other != name and not (row["holm_p"] <= alpha).any():
            alike.append(str(other))
    if alike and tested:
        yield f"Not told apart from it: {counted(alike)}."
    elif alike:
        yield (
            f"So are {counted(alike)}; which of them is best is not tested below {PAIRS_MIN} "
            "datasets."
        )
    if apart:
        yield f"Not compared with it, for want of common runs: {counted(apart)}."


def details(comparison: Comparison, stack: Stack, name: str) -> Iterator[str]:
    """From which budget it pays, what it saves, and where it harms."""
    base, options = comparison.options.baseline, comparison.options
    pair = stack.pair(base, name)
    gain = overall_gain(pair, base, base=options.base, seed=options.seed)
    band = gain[(gain["strategy"] == name) & (gain["dataset"] == "")] if len(gain) else gain
    if len(band) and band["low"].notna().any():
        yield from_share(band, base)
    saved = labels_needed(pair, base)
    if name in saved.index and saved["fewer"].notna()[name]:
        row, theirs = saved.loc[name].astype(float), saved.astype(float)["reached"][base]
        yield (
            f"It holds the final score of {base} in {row['reached']:.0%} of the runs ({base} "
            f"itself in {theirs:.0%}), with "
            f"{abs(row['fewer']):.0%} of the budget "
            f"{'saved' if row['fewer'] >= 0 else 'spent more'} on average."
        )
    yield from warnings(pair, name, base)


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
        yield (
            f"Beware: it is behind {base} on {counted(told)} (95 % intervals over trials, each by "
            "itself)."
        )
    harm = float(rows["harm_rate"].mean())
    if harm > HARMFUL:
        yield f"At {harm:.0%} of the checkpoints it is behind {base}."


def at_hand(comparison: Comparison, stack: Stack, where: str, note: str) -> Iterator[str]:
    """Too few datasets for a test: what the trials say of those at hand."""
    base, alpha = comparison.options.baseline, comparison.options.alpha
    within = mine(comparison, "within", stack)
    sure, counts = within[within["holm_p"] <= alpha], ahead(comparison, stack)
    reach = "for these datasets only"
    reach += f" (beyond them it cannot be told: {note})" if note else ""
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
        f"{where}, {reach}, use {name}: it is ahead of {base} on {int(row['size'])} of {total} "
        f"datasets (Wilcoxon over trials, Holm) and behind on none. Its mean difference over "
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
    mixed = against[against["verdict"] == DEPENDS]
    if len(mixed):
        told = [
            f"{r['strategy']} ({r['above']} ahead, {r['below']} behind)"
            for _, r in mixed.iterrows()
        ]
        yield f"Depends on the dataset, beyond {rope:g} on some: {counted(told)}."
    open_ones = against[~against["verdict"].isin(["equal", "worse", DEPENDS])]
    if len(open_ones):
        seen = float(open_ones["mde"].median())
        would = f"; a difference of {seen:.3f} would have been seen four times in five"
        would = would if np.isfinite(seen) else ""
        yield f"Undecided: {counted([str(s) for s in open_ones['strategy']])}{would}."
