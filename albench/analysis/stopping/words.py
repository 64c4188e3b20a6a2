"""Stopping rules in sentences, each made from the numbers by fixed rules."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from albench.analysis.comparison.verdicts import DEPENDS
from albench.analysis.comparison.words import counted, p_text
from albench.analysis.question import SHARES, Options, rope_of
from albench.analysis.stopping import (
    CELL,
    PLACE,
    Price,
    by_dataset,
    by_run,
    flatness,
    over_datasets,
)
from albench.core.display import Displayed, Sheet
from albench.core.errors import BadResults

BEST = 3
"""So many rules, those of least regret, have a sentence of their own."""
SAVED = ["rule", "datasets", "stopped", "spent", "saved_share", "saved_low", "saved_high"]
HEADLINE = [*SAVED, "lost", "lost_low", "lost_high", "lost_p", "lost_verdict", "harmed"]
HEADLINE += ["cheaper", "cheaper_p", "cheaper_verdict", "regret"]


@dataclass(frozen=True, repr=False)
class Judged(Displayed):
    """Stopping rules, judged.

    rules     one row per protocol, model, strategy and rule, over the datasets that flatten
    datasets  one row per cell and rule
    runs      one row per run and rule
    flat      which cells flatten within the budget
    lines     what was found, in sentences; notes: what a reader must know
    rope      region of practical equivalence, in units of the metric
    """

    rules: pd.DataFrame
    datasets: pd.DataFrame
    runs: pd.DataFrame
    flat: pd.DataFrame
    lines: tuple[str, ...]
    notes: tuple[str, ...]
    rope: float
    price: Price
    question: Options = field(repr=False)

    def sheet(self) -> Sheet:
        """The answer, and its table."""
        columns = [*PLACE, *HEADLINE]
        frame = self.rules[columns] if len(self.rules) else self.datasets
        return Sheet("", self.lines, frame, self.notes)

    def __str__(self) -> str:
        return "\n".join(self.lines)


def judge(
    stops: pd.DataFrame,
    runs: pd.DataFrame,
    rounds: pd.DataFrame,
    question: Options,
    price: Price,
) -> Judged:
    """Judge where rules stopped the stored runs; see `albench.analysis.stopping`.

    stops: of `albench.runner.stops`, with the rules as tables show them. Raises BadResults where
    no rule applies to any run.
    """
    known = rounds[question.metric].dropna() if question.metric in rounds else pd.Series([0.0])
    ends = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    rope = rope_of(question.rope, question.metric, *ends)
    asked = replace(question, rope=rope)
    notes = refusals(stops)
    if not stops["refused"].isna().any():
        raise BadResults("no stopping rule applies to any finished run: " + "; ".join(notes))
    each = by_run(stops, runs, rounds, asked, price)
    undefined = each["lost"].isna()
    if undefined.any():
        models = counted(sorted(set(each.loc[undefined, "model"])))
        notes.append(f"{asked.metric} is undefined in {int(undefined.sum())} rows ({models})")
        each = each[~undefined]
    if each.empty:
        raise BadResults("no stopping rule applies to any finished run: " + "; ".join(notes))
    flat = flatness(runs, rounds, asked, price, rope)
    datasets = by_dataset(each, flat)
    rules = over_datasets(datasets, asked, price, rope)
    lines = [
        line
        for place, part in flat.groupby(PLACE, sort=False)
        for line in sentences(part, rules, datasets, tuple(map(str, place)), asked, price)
    ]
    paid, unit = ("money", "unit") if asked.axis == "cost" else ("labels", "label")
    notes.append(
        f"cost = {paid} + {price.mistakes:g} x {loss_of(asked)}: one {unit} is worth "
        f"{amount(1 / price.mistakes, asked)}; regret: above the best round of the same run"
    )
    return Judged(
        rules=rules,
        datasets=datasets,
        runs=each,
        flat=flat,
        lines=tuple(lines),
        notes=tuple(notes),
        rope=rope,
        price=price,
        question=asked,
    )


def refusals(stops: pd.DataFrame) -> list[str]:
    """A sentence per reason why rules do not apply."""
    refused = stops.dropna(subset=["refused"])
    return [
        f"{counted(sorted(set(part['rule'])), 6)}: not on {part['run'].nunique()} runs ({reason})"
        for reason, part in refused.groupby("refused", sort=True)
    ]


def loss_of(question: Options) -> str:
    """What the price is paid for."""
    return question.metric if question.lower else f"(1 - {question.metric})"


def amount(value: float, question: Options) -> str:
    """A difference of score: in points where the metric is a share."""
    if question.metric in SHARES:
        return f"{100 * value:.2g} points"
    return f"{value:.2g}"


def points(value: float, question: Options) -> str:
    """A difference of score with its decimals, for lists of such."""
    share = question.metric in SHARES
    return rounded(100 * value, 1) if share else rounded(value, 3)


def rounded(value: float, digits: int) -> str:
    """A number with its decimals; never `-0.0`."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def sentences(
    cells: pd.DataFrame,
    rules: pd.DataFrame,
    datasets: pd.DataFrame,
    place: Sequence[str],
    question: Options,
    price: Price,
) -> list[str]:
    """What is said of one protocol, model and strategy."""
    protocol, model, strategy = place
    several = datasets["protocol"].nunique() > 1
    where = ", ".join([model, *([protocol] if several else []), f"rows chosen by {strategy}"])
    truncated = cells.loc[~cells["flat"].astype(bool), "dataset"].tolist()
    n = len(cells)
    head = f"{where}: the curves of {n - len(truncated)} of {n} datasets are shown to flatten"
    if truncated:
        head += f" within the budget; the others do not count: {counted(truncated, 30)}"
    here = rules
    for name, value in zip(PLACE, place, strict=True):
        here = here[here[name] == value] if len(here) else here
    if here.empty:
        alone = datasets[(datasets[PLACE] == list(place)).all(axis=1)].sort_values(
            "regret", kind="stable"
        )
        return [f"{head}.", *(by_one(row, question) for _, row in alone.head(BEST).iterrows())]
    lines = [f"{head}."]
    lines += [said(row, question) for _, row in here.head(BEST).iterrows()]
    going_on = float(here["end_regret"].mean())
    never = here.loc[here["stopped"] == 0, "rule"].tolist()
    tail = f"Going on to the end has a regret of {going_on:.0f} labels"
    for word, told in (("better", "cheaper"), ("worse", "dearer")):
        names = here.loc[here["cheaper_verdict"] == word, "rule"].tolist()
        if names:
            tail += f"; {told} than going on, after Holm: {counted(names, 20)}"
    if not set(here["cheaper_verdict"]) & {"better", "worse"}:
        tail += "; no rule is shown to be cheaper or dearer than going on"
    if never:
        tail += f"; never stopped: {counted(never, 20)}"
    return [*lines, tail + "."]


def said(row: "pd.Series[float]", question: Options) -> str:
    """`kappa saves 43 % of the labels [30, 56] and loses 0.4 points [0.1, 0.7], ...`."""
    share = f"{100 * row['saved_share']:.0f} %"
    ends = span(100 * row["saved_low"], 100 * row["saved_high"], 0)
    lost = points(row["lost"], question)
    scale = 100 if question.metric in SHARES else 1
    digits = 1 if scale == 100 else 3
    around = span(scale * row["lost_low"], scale * row["lost_high"], digits)
    unit = "points" if scale == 100 else question.metric
    word = {
        "equal": "equal to going on",
        "worse": f"shown to be worse than going on, Holm p {p_text(row['lost_p'])}",
        "better": f"shown to be better than going on, Holm p {p_text(row['lost_p'])}",
        DEPENDS: "it depends on the dataset",
    }.get(verdict := str(row["lost_verdict"]), "neither a loss nor equality is shown")
    if not np.isfinite(row["lost_p"]) and verdict != "equal":
        n = int(row["datasets"])
        word = f"whether that is a loss cannot be told with {n} dataset{'s' * (n != 1)}"
    cost = f"{row['cheaper']:+.0f} labels' worth against going on ({row['cheaper_verdict']})"
    return (
        f"{row['rule']} stops {100 * row['stopped']:.0f} % of the runs, at {row['spent']:.0f} of "
        f"{row['end_spent']:.0f} labels on average, saves {share} of the labels{ends} and loses "
        f"{lost} {unit}{around} ({word}; {int(row['harmed'])} of {int(row['datasets'])} datasets "
        f"lose more than the rope by their shrunken estimates); cost {cost}, regret "
        f"{row['regret']:.0f}"
    )


def span(low: float, high: float, digits: int) -> str:
    """` [low, high]`, or nothing where there is no interval."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return ""
    return f" [{rounded(low, digits)}, {rounded(high, digits)}]"


def by_one(row: "pd.Series[float]", question: Options) -> str:
    """`On mine, by kappa you would have stopped at 140 of 200 labels, .3 points below the end`."""
    if not row["stopped"]:
        return f"On {row['dataset']}, {row['rule']} would not have stopped any run"
    side = "below" if row["lost"] >= 0 else "above"
    unit = "points" if question.metric in SHARES else question.metric
    often = "" if row["stopped"] == 1 else f" (it stops {100 * row['stopped']:.0f} % of the runs)"
    if row["spent"] > row["end_spent"]:
        often += ", those included that it holds out, where the runs buy fewer"
    return (
        f"On {row['dataset']}, by {row['rule']} you would have stopped at {row['spent']:.0f} of "
        f"{row['end_spent']:.0f} labels on average{often}, {points(abs(row['lost']), question)} "
        f"{unit} {side} the end"
    )


def advice(found: Judged, strategy: str, model: str | None = None) -> list[str]:
    """One sentence per dataset for a page: the rule of least mean regret there, in words.

    strategy: whose runs are looked at. The rule is chosen on the same runs, which flatters it:
    the sentence says so.
    """
    lines = []
    rows = found.datasets[found.datasets["strategy"] == strategy]
    if model is not None:
        rows = rows[rows["model"] == model]
    for cell, part in rows.groupby(CELL, sort=False):
        best = part.iloc[int(part["regret"].to_numpy().argmin())]
        known = " (its curve still rises there)" if not best["flat"] else ""
        lines.append(
            f"{by_one(best, found.question)}{known}; with {cell[1]}, rows chosen by {cell[2]}; "
            f"of {len(part)} rules it has the least regret on these runs, which flatters it"
        )
    return lines
