"""What a comparison says, in sentences."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from albench.analysis.comparison import verdicts
from albench.analysis.comparison.chance import NOTHING


def several(n: int, word: str) -> str:
    """`1 dataset`, `4 datasets`."""
    return f"{n} {word}{'' if n == 1 else 's'}"


def units(design: dict[str, Any]) -> str:
    """`4 datasets`, or `2 base datasets (digits = mean of digits, digits8)`."""
    if not design["merged"]:
        return several(design["datasets"], "dataset")
    return f"{several(design['datasets'], 'base dataset')} ({design['merged']})"


def p_text(p: float) -> str:
    """`p = 0.012`, or `p < 0.0001`."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def headline(against: pd.DataFrame, design: dict[str, Any], where: Sequence[str] = ()) -> str:
    """Whether each strategy beats the baseline, in one line.

    against: rows of one protocol and model with the column `verdict`; design: the
    entries `baseline`, `signed`, `datasets`, `merged`, `alpha`, `rope`; where: model, protocol.
    """
    base, rope = design["baseline"], design["rope"]
    start = ", ".join([*where, design["signed"], units(design)])
    if against.empty:
        return f"{start}: nothing to compare with {base}."
    start += (
        f", against {base}: mean difference [95 % t interval], pseudo-median [exact 95 % interval "
        "of the signed ranks], over datasets"
    )
    if against["holm_p"].isna().all():
        why = next((note for note in against["note"] if note), "too little data")
        told = ", ".join(_told(row, design) for _, row in against.iterrows())
        return (
            f"{start}: whether a strategy beats {base} beyond these datasets cannot be told: {why}"
            f". Here: {told}."
        )
    lead = {
        "better": f"beats {base}",
        "worse": f"worse than {base}",
        "equal": f"practically equal to {base} (within {rope:g})",
        verdicts.DEPENDS: f"depends on the dataset (beyond {rope:g} on either side)",
        "unclear": "the data cannot tell",
        "no room": "nothing to win on any of these datasets",
    }
    parts = [
        f"{lead[v]}: " + ", ".join(_told(row, design) for _, row in rows.iterrows())
        for v in lead
        if len(rows := against[against["verdict"] == v])
    ]
    return f"{start}: " + "; ".join(parts) + "."


def _told(row: "pd.Series[Any]", design: dict[str, Any]) -> str:
    """One strategy: its sizes, and in brackets what its verdict rests on."""
    rope, n, verdict = design["rope"], int(row["n"]), row["verdict"]
    size = f"{_name(row)} {row['mean_difference']:+.3f}"
    if pd.notna(row["low"]):
        size += f" [{row['low']:+.3f}, {row['high']:+.3f}]"
    if pd.notna(row["median_low"]):
        size += (
            f", {row['pseudo_median']:+.3f} [{row['median_low']:+.3f}, {row['median_high']:+.3f}]"
        )
    counted_ = int(row["counted"])
    ahead = f"ahead on {int(row['wins'])} of {counted_}"
    within = f"{int(row['within'])} of {counted_} datasets within{_unsure(row)}"
    said = [ahead]
    if verdict in ("better", "worse"):
        said.append(f"Holm {p_text(row['holm_p'])}")
        if verdicts.slight(row, rope):
            said[-1] += f", though by less than {rope:g}"
        if int(row["below" if verdict == "better" else "above"]):
            said.append(_other_side(row, verdict))
    elif verdict == "equal":
        alone = "practically equal: " if pd.isna(row["holm_p"]) else ""
        said = [f"{alone}{within}, probability {row['rope']:.2f}"]
    elif verdict == verdicts.DEPENDS:
        worst = f"worst {row['worst']} {row['worst_difference']:+.3f}"
        said = [
            f"{int(row['above'])} above and {int(row['below'])} below of {counted_}{_unsure(row)}, "
            f"{worst}"
        ]
    elif verdict == "unclear" and pd.notna(row["holm_p"]):
        said.append(within)
        if pd.notna(row["mde"]):
            said.append(f"detectable {row['mde']:.3f}")
    said += [f"no room on {n - counted_}"] if counted_ < n else []
    said += verdicts.parting(row, verdict, design["alpha"])
    said += [row["gaps"]] if row["gaps"] else []
    if pd.isna(row["holm_p"]) and row["note"] and design["datasets"] != n:
        said.append(row["note"])
    return f"{size} ({'; '.join(said)})"


def _unsure(row: "pd.Series[Any]") -> str:
    """Datasets of which trials do not tell where they lie; or that there is one trial only."""
    if not row["noise"]:
        return " by one trial each" if int(row["counted"]) else ""
    return f", {int(row['noisy'])} too noisy to say" if int(row["noisy"]) else ""


def _name(row: "pd.Series[Any]") -> str:
    """A strategy, with the other names under which it is the same competitor."""
    return f"{row['strategy']} (= {row['alike']})" if row["alike"] else str(row["strategy"])


def _other_side(row: "pd.Series[Any]", verdict: str) -> str:
    """The datasets beyond the rope on the side that lost."""
    if verdict == "better":
        return f"behind by more on {int(row['below'])}, most on {row['worst']}"
    return f"ahead by more on {int(row['above'])}"


def harm(against: pd.DataFrame, design: dict[str, Any], where: Sequence[str] = ()) -> str:
    """Which strategies lose to the baseline by more than the rope, and where; nothing: none does.

    By the shrunken estimates of the datasets with room.
    """
    rows = against[against["counted"] > 0] if len(against) else against
    if rows.empty or not rows["below"].gt(0).any():
        return ""
    behind = [
        f"{r['strategy']} on {int(r['below'])} of {int(r['counted'])} (most on {r['worst']} "
        f"{r['worst_difference']:+.3f})"
        for _, r in rows[rows["below"] > 0].iterrows()
    ]
    none = [str(s) for s in rows.loc[rows["below"] == 0, "strategy"]]
    rest = f"; not shown on any dataset: {', '.join(none)}" if none else ""
    noisy = ", those too noisy to say left out" if rows["noisy"].gt(0).any() else ""
    start = ", ".join([*where, "harm"])
    return (
        f"{start} (datasets behind {design['baseline']} by more than {design['rope']:g}{noisy}): "
        f"{', '.join(behind)}{rest}."
    )


def changed(against: pd.DataFrame, everywhere: pd.DataFrame, rooms: pd.DataFrame) -> str:
    """Which datasets the rules leave out, and what the answer is with them; see `room`.

    everywhere: the table against the baseline with all datasets; rooms: as `room.rooms`.
    """
    out = rooms[rooms["room"] != ""]
    if out.empty:
        return ""
    cells = [
        f"{d} ({r['room']}: {r['learnable']:+.3f} above chance)"
        if r["room"] == NOTHING
        else f"{d} ({r['room']}: {r['head_room']:+.3f})"
        for d, r in out.iterrows()
    ]
    new = against.set_index("strategy")["verdict"]
    old = everywhere.set_index("strategy")["verdict"]
    moved = [
        f"{s} {'not compared' if s not in new.index else new[s]} becomes {old[s]}"
        for s in old.index
        if s not in new.index or new[s] != old[s]
    ]
    best = _best_by_mean(against, everywhere)
    told = f"without the rules {counted(moved, 6)}" if moved else "without them no verdict changes"
    return (
        f"By rules fixed beforehand, where nothing can be learnt a dataset is left out, and where "
        f"nothing can be gained it is neither a win nor equal: {counted(cells, 6)}; {told}{best}."
    )


def _best_by_mean(against: pd.DataFrame, everywhere: pd.DataFrame) -> str:
    """Whether the largest mean changes hands."""
    one, all_ = (f.sort_values("mean_difference", kind="stable") for f in (against, everywhere))
    if one.empty or one["strategy"].iloc[-1] == all_["strategy"].iloc[-1]:
        return ""
    return (
        f"; the largest mean is that of {one['strategy'].iloc[-1]} by the rules and "
        f"{all_['strategy'].iloc[-1]} without them"
    )


def families(design: Sequence[dict[str, Any]]) -> str:
    """What Holm adjusts over, where there are several models, protocols; else nothing."""
    if len(design) < 2:
        return ""
    tests = "; ".join(
        f"{', '.join(x for x in (d['model'], d['protocol']) if x)}: {several(d['tests'], 'test')}"
        for d in design
    )
    return (
        f"Holm adjusts within each of these {len(design)} families, by {design[0]['metric']}, and "
        f"not across them ({tests})."
    )


def verdict_within(row: "pd.Series[Any]", alpha: float) -> str:
    """What the trials of one dataset allow to say: better, worse, unclear; a dash: no test.

    no room: nothing can be learnt, or nothing gained, on this dataset (`room`).
    """
    if row["room"]:
        return "no room"
    if pd.isna(row["holm_p"]):
        return "-"
    if row["holm_p"] <= alpha and row["rank_biserial"] * row["mean_difference"] > 0:
        return "better" if row["mean_difference"] > 0 else "worse"
    return "unclear"


def on_one(within: pd.DataFrame, design: dict[str, Any], where: Sequence[str] = ()) -> str:
    """The answer on a suite's only dataset, from its trials, in one line.

    within: rows of one protocol and model, of that dataset; design: as for `headline`.
    """
    base, dataset = design["baseline"], design["dataset_names"][0]
    start = ", ".join([*where, design["signed"]])
    fewest, most = int(within["trials"].min()), int(within["trials"].max())
    count = several(most, "paired trial") if fewest == most else f"{fewest} to {most} paired trials"
    start += f", on {dataset} only, {count}: mean difference to {base} [95 % interval over trials]"
    said = [verdict_within(row, design["alpha"]) for _, row in within.iterrows()]
    lead = {
        "better": f"ahead of {base}",
        "worse": f"behind {base}",
        "unclear": "not told apart",
        "no room": f"neither ahead nor level, {next((r for r in within['room'] if r), '')}",
        "-": f"cannot be told, {next((n for n in within['note'] if n), 'no test')}",
    }
    ordered = within.assign(said=said).sort_values(
        "mean_difference", ascending=False, kind="stable"
    )
    parts = [
        f"{words}: " + ", ".join(_by_trials(row) for _, row in rows.iterrows())
        for kind, words in lead.items()
        if len(rows := ordered[ordered["said"] == kind])
    ]
    tests = int(within["wilcoxon_p"].notna().sum())
    how = f" (two-sided Wilcoxon over trials, Holm over {several(tests, 'test')})"
    return (
        f"{start}{how if within['holm_p'].notna().any() else ''}: {'; '.join(parts)}. This holds "
        "for this dataset and protocol; one dataset says nothing of others."
    )


def _by_trials(row: "pd.Series[Any]") -> str:
    text = f"{row['strategy']} {row['mean_difference']:+.3f}"
    if pd.notna(row["low"]):
        text += f" [{row['low']:+.3f}, {row['high']:+.3f}]"
    ahead = f"ahead in {int(row['wins'])} of {int(row['trials'])} trials"
    return f"{text} ({ahead}{', Holm ' + p_text(row['holm_p']) if pd.notna(row['holm_p']) else ''})"


def conditional(within: pd.DataFrame, design: dict[str, Any]) -> str:
    """What the trials say about the very datasets at hand, never beyond them."""
    alpha, base = design["alpha"], design["baseline"]
    if within.empty:
        return ""
    if within["holm_p"].isna().all():
        note = next((n for n in within["note"] if n), "too few trials")
        return f"Nor can it be told on these datasets alone: {note}."
    # a dataset without room counts as no win, and as no loss
    sure = (within["holm_p"] <= alpha) & (within["room"] == "")
    parts = []
    for strategy, rows in within.groupby("strategy", sort=False):
        up = int((sure[rows.index] & (rows["rank_biserial"] > 0)).sum())
        down = int((sure[rows.index] & (rows["rank_biserial"] < 0)).sum())
        parts.append(
            f"{strategy} ahead on {up}, behind on {down} of {int((rows['room'] == '').sum())}"
        )
    return (
        f"On these datasets only, under this protocol (two-sided Wilcoxon over trials, Holm over "
        f"all {int(within['wilcoxon_p'].notna().sum())} tests), against {base}: "
        + "; ".join(parts)
        + "."
    )


def counted(items: Sequence[str], limit: int = 4) -> str:
    """A list for people: the first few, and how many more."""
    shown = "; ".join(items[:limit])
    return shown if len(items) <= limit else f"{shown}; and {len(items) - limit} more"
