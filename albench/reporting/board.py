"""Standings by view, and one strategy beside the baseline, dataset by dataset."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from albench.core.errors import BadResults, BadValue, UsageError
from albench.reporting.evidence import Ceilings, Evidence, ceilings, flags
from albench.reporting.leader import answer
from albench.reporting.page import DASH, number, spread
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison.blocks import Block, Stack
    from albench.analysis.question import Options


SHARES = (1.0, 0.3, 0.1)
"""The parts of the budget that standings are worked out for."""
ALL = "all datasets"


class Column(NamedTuple):
    """A column of the page.

    its heading, what it means, whether text, first sort direction, whether shown unasked; `split`:
    a number with more behind it, which is written smaller
    """

    name: str
    help: str
    text: bool = False
    first: str = "descending"
    shown: bool = False
    split: bool = False


COLUMNS = (
    Column(
        "place",
        "1 + the strategies whose whole rank interval lies before this one's; never behind a worse "
        "mean rank. Behind it the mean rank over base datasets with its 95 % bootstrap interval",
        first="ascending",
        shown=True,
        split=True,
    ),
    Column("strategy", "", True, "ascending", shown=True),
    Column(
        "gain",
        "normalised gain: interquartile mean of runs with its 95 % interval; a run's gain over the "
        "baseline's run of the same trial, as a share of the dataset's head-room (whole pool: 1)",
        shown=True,
        split=True,
    ),
    Column(
        "ahead",
        "share of the base datasets that count on which the mean lies before the baseline's",
        shown=True,
        split=True,
    ),
    Column(
        "harm",
        "share of checkpoints behind the baseline; runs made",
        first="ascending",
        shown=True,
        split=True,
    ),
    Column("s/query", "mean seconds per query, of whole runs", first="ascending", shown=True),
    Column("won/tied/lost", "base datasets against the baseline"),
    Column(
        "verdict",
        "exact Wilcoxon over base datasets, Holm over strategies; equal: posterior, the mean's "
        "interval and four datasets in five within the rope; depends on the dataset: a fifth or "
        "more beyond it and no side wins",
        True,
        "ascending",
    ),
    Column("Holm p", "two-sided", first="ascending"),
    Column(
        "P(improvement)",
        "a run beats a run of the baseline; trials and datasets drawn",
        split=True,
    ),
    Column("target reached", "share of runs made that held the baseline's final score", split=True),
    Column("labels saved", "until then, share of the budget; runs made", split=True),
    Column(
        "worst loss", "lowest paired mean difference of a checkpoint, any dataset run", split=True
    ),
    Column(
        "drift", "z of classes and features against random subsets, if beyond 2", True, "ascending"
    ),
    Column("evaluation bias", "cross-validated minus true accuracy, at the end"),
    Column("rare found", "positives bought over their share in the pool"),
    Column("failed", "runs failed or timed out, of all", first="ascending"),
    Column("not run", "runs skipped or missing, of all", first="ascending"),
)


AT_THE_END = ("drift_classes", "drift_features", "evaluation", "rare")
"""What is known of whole runs only: empty where a part of the budget is chosen."""


FILLED = (
    " Datasets that a strategy lacks count as no gain for it (filled) in rank, gain, record, test "
    "and P(improvement); target, labels saved, harm and worst loss rest on those that were run."
)
LEFT_OUT = (
    "In no rank, record and verdict, as nothing can be learnt there (whole pool less than .05 "
    "above chance):"
)
WHOLE_RUNS = (
    " Drift, evaluation bias and rare found are known of whole runs only: see the whole budget."
)


@dataclass(frozen=True)
class View:
    """One choice of the filters: its table and what must be said of it."""

    model: str
    metric: str
    share: float
    group: str
    frame: "pd.DataFrame"
    note: str
    answer: str


@dataclass(frozen=True)
class Board:
    """Everything that the leaderboard shows."""

    suite: Suite
    question: "Options"
    models: tuple[str, ...]
    groups: tuple[str, ...]
    views: tuple[View, ...]
    stacks: dict[tuple[str, str], "Stack"]
    evidence: Evidence
    ceilings: Ceilings
    notes: tuple[str, ...]
    reasons: dict[tuple[str, str], str]
    """Why a strategy has no finished run with a model, as the first of its runs says."""
    sizes: dict[str, tuple[int, int, int, int]]
    """Rows to train on and to test, features and classes of each dataset, by its first run."""

    def absent(self, strategy: str, model: str) -> str:
        """Why a strategy has no curves with a model, in words."""
        for (of, _), stack in self.stacks.items():
            first = next((s for s, others in stack.alike.items() if strategy in others), "")
            if of == model and first:
                return f"Its runs with {model} are those of {first}, pick by pick: see there."
        why = self.reasons.get((strategy, model), "")
        return f"It has no finished runs with {model}{f': {why}' if why else ''}."

    def view(self, model: str, metric: str, share: float = 1.0, group: str = ALL) -> View:
        """The view of a choice."""
        wanted = (model, metric, share, group)
        return next(v for v in self.views if (v.model, v.metric, v.share, v.group) == wanted)


def board(suite: Suite, runs: "pd.DataFrame", rounds: "pd.DataFrame", evidence: Evidence) -> Board:
    """The leaderboard of a suite's stored tables.

    Raises BadResults where no model has a dataset that the baseline finished.
    """
    stacks, notes = paired(suite, runs, rounds)
    if not stacks:
        raise BadResults(f"no dataset of {suite.name!r} has finished runs to rank")
    models = tuple(m.label for m in suite.models if any(m.label == k[0] for k in stacks))
    named = tuple(dict.fromkeys(d.group for d in suite.datasets if d.group))
    groups = (ALL, *(named if len(named) > 1 else ()))
    beside = {
        (model, group): with_evidence(suite, runs, rounds, evidence, model=model, group=group)
        for model in models
        for group in groups
    }
    views = [
        seen(
            suite,
            stacks.get((model, metric)),
            beside[model, group],
            model=model,
            metric=metric,
            share=share,
            group=group,
        )
        for model in models
        for metric in suite.metrics
        for share in SHARES
        for group in groups
    ]
    return Board(
        suite=suite,
        question=suite.question(),
        models=models,
        groups=groups,
        views=tuple(views),
        stacks=stacks,
        evidence=evidence,
        ceilings=ceilings(suite, runs, rounds),
        notes=tuple(notes),
        reasons=reasons(runs),
        sizes=sizes(runs),
    )


def sizes(runs: "pd.DataFrame") -> dict[str, tuple[int, int, int, int]]:
    """Size of every dataset that has a finished run."""
    first = runs[runs["status"] == "done"].drop_duplicates("dataset").set_index("dataset")
    columns = ["n_train", "n_test", "n_features", "n_classes"]
    known = first[columns].dropna()
    return {
        str(name): (int(row[0]), int(row[1]), int(row[2]), int(row[3]))
        for name, row in zip(known.index, known.to_numpy(), strict=True)
    }


def reasons(runs: "pd.DataFrame") -> dict[tuple[str, str], str]:
    """The last line of the first reason of runs that did not finish, by strategy and model."""
    bad = runs[~runs["status"].isin(["done", "missing"])]
    first = bad.drop_duplicates(["strategy", "model"])
    keys = zip(first["strategy"], first["model"], first["reason"], strict=True)
    return {(s, m): (str(r).strip().splitlines() or [""])[-1].rstrip(".") for s, m, r in keys}


def paired(
    suite: Suite, runs: "pd.DataFrame", rounds: "pd.DataFrame"
) -> tuple[dict[tuple[str, str], "Stack"], list[str]]:
    """The paired curves by model and metric; what a strategy lacks is filled and counted."""
    from albench.analysis.comparison.cells import stacks
    from albench.analysis.comparison.options import curves_frame

    found, notes = {}, []
    for metric in suite.metrics:
        asked = replace(suite.question(metric), missing="impute")
        for model in suite.models:
            mine = runs[runs["model"] == model.label]
            try:
                frame, _ = curves_frame(mine, rounds, asked)
            except UsageError as error:
                notes.append(f"{model.label}, {metric}: {error}")
                continue
            for stack in stacks(
                frame,
                asked.baseline,
                missing=asked.missing,
                unranked=asked.unranked,
                unranked_models=asked.unranked_models,
            ):
                if stack.blocks:
                    found[model.label, metric] = replace(stack, model=model.label)
                    notes += [f"{model.label}, {metric}: {note}" for note in stack.notes]
    return found, notes


def seen(
    suite: Suite,
    stack: "Stack | None",
    beside: "pd.DataFrame",
    *,
    model: str,
    metric: str,
    share: float,
    group: str,
) -> View:
    """The standings of one choice, with the columns that do not depend on the metric."""
    import pandas as pd

    from albench.analysis.comparison.standings import (
        labels_needed,
        no_room,
        part_of,
        standings,
        with_rope,
    )
    from albench.analysis.comparison.words import several

    labels = of_group(suite, group)
    part = part_of(stack, share, labels) if stack is not None else None
    if part is None or not part.blocks:
        why = f"{metric} is undefined for {model} on {group}."
        return View(model, metric, share, group, pd.DataFrame(), why, why)
    try:
        asked = with_rope(part, suite.question(metric))
    except BadValue as error:
        return View(model, metric, share, group, pd.DataFrame(), str(error), str(error))
    ranked = standings(part, asked)
    bases = int(ranked["datasets"].max())
    upto = labels_upto(part)
    where = "" if group == ALL else f" of the group {group}"
    scope = f"With {model}, over {several(bases, 'base dataset')}{where} and up to {upto}"
    told = answer(ranked, asked.baseline, scope, metric)
    table = ranked.set_index("strategy")
    known = {other for others in part.alike.values() for other in others}
    beside = beside[~beside.index.isin(known)]
    if share < 1:
        beside = beside.assign(**dict.fromkeys(AT_THE_END, float("nan")))
    table = table.join(labels_needed(part, asked.baseline)).join(beside, how="outer")
    table = table.sort_values("rank", kind="stable", na_position="last")
    more = f" ({len(part.blocks)} with variants)" if len(part.blocks) > bases else ""
    note = (
        f"{model}; area under {metric} up to {share:.0%} of the budget ({upto}); {group}: {bases} "
        f"base datasets{more}, {trials_of(part.blocks)} trials each."
    )
    note += FILLED if table["imputed"].max() > 0 else ""
    gone = no_room(part, asked)
    note += f" {LEFT_OUT} {', '.join(gone)}." if gone else ""
    note += WHOLE_RUNS if share < 1 else ""
    table = table.rename_axis("strategy").reset_index()
    return View(model, metric, share, group, table, note, told)


def labels_upto(part: "Stack") -> str:
    """Up to how many labels the curves go: the start and a round, at least."""
    last = sorted({int(block.grid[-1]) for block in part.blocks})
    return f"{last[0]} labels" if len(last) == 1 else f"{last[0]} to {last[-1]} labels"


def trials_of(blocks: "Sequence[Block]") -> str:
    """The number of trials, as text."""
    from albench.analysis.comparison.typeset import trials_text

    return trials_text(blocks)


def run_columns(
    suite: Suite, runs: "pd.DataFrame", rounds: "pd.DataFrame", model: str
) -> "pd.DataFrame":
    """Counts and seconds of a model's strategies; neither bounds nor the full pool."""
    from albench.analysis.comparison.standings import query_seconds, run_counts
    from albench.core.tables import FULL_POOL

    left_out = {*suite.question().unranked, FULL_POOL}
    mine = runs[(runs["model"] == model) & ~runs["strategy"].isin(left_out)]
    return run_counts(mine).join(query_seconds(mine, rounds))


def of_group(suite: Suite, group: str) -> list[str]:
    """The datasets of a group."""
    return [d.label for d in suite.datasets if group in (ALL, d.group)]


def with_evidence(
    suite: Suite,
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    evidence: Evidence,
    *,
    model: str,
    group: str,
) -> "pd.DataFrame":
    """Counts, seconds and what the bought rows say, of a model and a group of datasets."""
    labels = of_group(suite, group)
    mine = run_columns(suite, runs[runs["dataset"].isin(labels)], rounds, model)
    return mine.join(evidence.table(model, labels))


def cells(row: "pd.Series[Any]") -> list[str]:
    """A row of standings as the texts of its cells."""
    record = ahead = DASH
    sides = row[["wins", "ties", "losses"]]
    if sides.notna().all():
        record = f"{row['wins']:.0f}/{row['ties']:.0f}/{row['losses']:.0f}"
        if sides.sum() > 0:
            ahead = f"{row['wins'] / sides.sum():.0%} ({row['wins']:.0f} of {sides.sum():.0f})"
    filled = f" ({row['imputed']:.0f} filled)" if row["imputed"] > 0 else ""
    made = f" ({row['run']:.0f} run)" if filled and row["run"] > 0 else ""
    rank = spread(row["rank"], row["rank_low"], row["rank_high"], ".1f")
    return [
        DASH if rank == DASH else f"{number(row['place'], '.0f')} {rank}",
        named(row),
        spread(row["gain"], row["gain_low"], row["gain_high"], ".2f") + filled,
        ahead,
        number(row["harm"], ".0%") + made,
        seconds(row["seconds"]),
        record,
        row["verdict"] if isinstance(row["verdict"], str) else DASH,
        p_shown(row["holm_p"]),
        spread(row["better"], row["better_wide_low"], row["better_wide_high"]),
        number(row["reached"], ".0%") + made,
        number(row["fewer"], "+.0%") + made,
        number(row["worst"], "+.3f") + made,
        flags(row),
        number(row.get("evaluation"), "+.3f"),
        number(row.get("rare"), ".1f"),
        out_of(row["failed"], row["due"]),
        out_of(row["not_run"], row["due"]),
    ]


def seconds(value: float) -> str:
    """Seconds without an exponent, to a tenth of a millisecond where they are few."""
    if value != value:
        return DASH
    if value < 0.00005:
        return "<0.0001"
    return f"{value:.4f}" if value < 1 else f"{value:.1f}"


def named(row: "pd.Series[Any]") -> str:
    """A strategy, with the other names under which it is the same competitor."""
    also = row.get("alike")
    return f"{row['strategy']} (= {also})" if isinstance(also, str) and also else row["strategy"]


def out_of(part: float, whole: float) -> str:
    """`3/80`; a dash where nothing was due, as of a strategy for other datasets."""
    return f"{part:.0f}/{whole:.0f}" if whole > 0 else DASH


def p_shown(p: float) -> str:
    """A p-value; below a thousandth only that."""
    return "<0.001" if p < 0.001 else number(p, ".3f")


def flat(view: View) -> Sequence[dict[str, str]]:
    """The rows of a view as texts by column, for CSV and Markdown."""
    return [
        {column.name: cell for column, cell in zip(COLUMNS, cells(row), strict=True)}
        for _, row in view.frame.iterrows()
    ]


NOT_RUN = "not run, counted as no gain"


def two(stack: "Stack", base: str, name: str) -> "Stack":
    """The stack of the baseline and one strategy, on what both have."""
    return stack.pair(base, name)


def of_strategy(pair: "Stack", ran: "Stack", base: str, name: str) -> "tuple[pd.DataFrame, str]":
    """A strategy's table by dataset and what it says; datasets that were not run have no numbers.

    pair, ran: the baseline and the strategy, on all datasets and on those that were run.
    """
    import pandas as pd

    from albench.analysis.comparison.summaries import summarise

    keep = [
        "dataset",
        "aubc",
        "gain",
        "gain_low",
        "gain_high",
        "normalised_gain",
        "end",
        "harm_rate",
        "worst_loss",
    ]
    rows = summarise(ran, base) if ran.blocks else pd.DataFrame(columns=[*keep, "strategy"])
    mine = rows[rows["strategy"] == name].sort_values("gain", ascending=False, kind="stable")[keep]
    up, down = int((mine["gain_low"] > 0).sum()), int((mine["gain_high"] < 0).sum())
    of = f"{len(ran.blocks)} dataset{'' if len(ran.blocks) == 1 else 's'}"
    line = (
        f"Ahead of {base} with an interval that leaves zero out on {up} of {of}, behind on {down}."
    )
    left = [d for d in pair.datasets if d not in ran.datasets]
    if not left:
        return mine, line
    empty = pd.DataFrame({"dataset": left}).reindex(columns=keep)
    marks = [*[""] * len(mine), *[NOT_RUN] * len(left)]
    table = pd.concat([f for f in (mine, empty) if len(f)], ignore_index=True)
    numbers = table[keep[1:]].astype(float)
    line += f" {len(left)} of {len(pair.blocks)} datasets were not run."
    return pd.concat([table[keep[:1]], numbers], axis=1).assign(note=marks), line


def counts(pair: "Stack", ran: "Stack") -> str:
    """How many datasets and trials a strategy's table rests on, as its caption ends."""
    of = "" if len(ran.blocks) == len(pair.blocks) else f" of {len(pair.blocks)}"
    n, trials = len(ran.blocks), f", {trials_of(ran.blocks)} trials each" if ran.blocks else ""
    return f"Run on {n}{of} dataset{'' if len(pair.blocks) == 1 else 's'}{trials}"
