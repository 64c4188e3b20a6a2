"""One strategy beside the baseline, by dataset, with those that it was not run on marked."""

from dataclasses import replace
from typing import TYPE_CHECKING

from albench.board import trials_of

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.cells import Stack

NOT_RUN = "not run, counted as no gain"


def two(stack: "Stack", base: str, name: str) -> "Stack":
    """The stack of the baseline and one strategy."""
    names = tuple(dict.fromkeys((base, name)))
    return replace(stack, strategies=names, blocks=tuple(b.only(names) for b in stack.blocks))


def of_strategy(pair: "Stack", ran: "Stack", base: str, name: str) -> "tuple[pd.DataFrame, str]":
    """A strategy's table by dataset and what it says; datasets that were not run have no numbers.

    pair, ran: the baseline and the strategy, on all datasets and on those that were run.
    """
    import pandas as pd

    from albench.analysis.summaries import summarise

    keep = ["dataset", "aubc", "gain", "gain_low", "gain_high", "normalised_gain", "end",
            "harm_rate", "worst_loss"]  # fmt: skip
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
