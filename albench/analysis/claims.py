"""Conclusions of publications, counted over their printed numbers and over ours.

A table of cells (`analysis.reproduce.reproduced`, with the column publication) has one row per
printed number. A conclusion names two groups of strategies; a comparison is one publication,
dataset, model and protocol in which both were printed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from albench.core.errors import BadValue

LEVEL = 0.05
PLACE = ["publication", "dataset", "model", "protocol"]
MARGIN = ("US-C", "margin", "USMargin")
RANDOM = ("Uniform", "Random", "random", "RandomSampling")


@dataclass(frozen=True)
class Conclusion:
    """A sentence of the literature: one group of strategies has larger areas than another."""

    sentence: str
    one: tuple[str, ...]
    other: tuple[str, ...]


CONCLUSIONS = (
    Conclusion("margin beats random", MARGIN, RANDOM),
    Conclusion("LAL beats margin", ("LAL", "lal"), MARGIN),
    Conclusion(
        "uncertainty fails with the wrong model: margin of the task model beats that of another",
        ("US-C",),
        ("US-NC",),
    ),
    Conclusion("a committee beats margin", ("QBC", "qbc"), MARGIN),
    Conclusion("covering the pool beats margin", ("Core-Set", "kcenter", "CoreSet"), MARGIN),
)


def narrowed(cells: pd.DataFrame, dataset: str | None, strategy: str | None) -> pd.DataFrame:
    """The cells of a dataset or a strategy; raises BadValue where no publication has it."""
    for column, wanted in (("dataset", dataset), ("strategy", strategy)):
        if wanted is None:
            continue
        known = sorted(set(cells[column]))
        cells = cells[cells[column] == wanted]
        if cells.empty:
            raise BadValue(
                f"no published number of {column} {wanted!r}; there are {', '.join(known[:12])}"
                + (", ..." if len(known) > 12 else "")
            )
    return cells


def pairs(cells: pd.DataFrame, conclusion: Conclusion, value: str) -> "pd.Series[float]":
    """The gap of each comparison in which both groups have the value, printed or ours."""
    groups = [
        cells[cells["strategy"].isin(names)].dropna(subset=value).groupby(PLACE)[value].mean()
        for names in (conclusion.one, conclusion.other)
    ]
    return (groups[0] - groups[1]).dropna()


def sign_p(ahead: int, behind: int) -> float:
    """Two-sided exact sign test; 1 without a difference."""
    from scipy.stats import binomtest

    return float(binomtest(ahead, ahead + behind).pvalue) if ahead + behind else 1.0


def verdict(ahead: int, behind: int) -> str:
    """`holds`, `reversed` or `not told`, by the sign test at .05."""
    if sign_p(ahead, behind) > LEVEL:
        return "not told"
    return "holds" if ahead > behind else "reversed"


def support(cells: pd.DataFrame) -> pd.DataFrame:
    """One row per conclusion: ahead of how many comparisons, printed and ours, and the verdicts.

    `comparisons` are printed ones; `repeated` those of which both cells were run here. Datasets of
    two publications are two comparisons, so that the sign test takes for independent what shares
    data: it says how often, not beyond these datasets.
    """
    rows = []
    for conclusion in CONCLUSIONS:
        row: dict[str, Any] = {"conclusion": conclusion.sentence}
        for value, n, name in (("printed", "comparisons", "printed"), ("ours", "repeated", "ours")):
            gap = pairs(cells, conclusion, value)
            ahead, behind = int((gap > 0).sum()), int((gap < 0).sum())
            row |= {n: len(gap), f"ahead {name}": ahead}
            row |= {f"mean {name}": float(gap.mean()) if len(gap) else float("nan")}
            row |= {f"verdict {name}": verdict(ahead, behind)}
        if row["comparisons"] or row["repeated"]:
            rows.append(row)
    return pd.DataFrame(rows)


def sentences(table: pd.DataFrame) -> Iterator[str]:
    """Each conclusion with its support."""
    for row in table.to_dict("records"):
        printed = (
            f"{row['conclusion']}: {row['verdict printed']} in print, ahead in "
            f"{row['ahead printed']} of {row['comparisons']} comparisons "
            f"(mean {row['mean printed']:+.4f})"
        )
        if not row["repeated"]:
            yield f"{printed}; none of them was repeated here"
            continue
        yield (
            f"{printed}; here {row['verdict ours']}, ahead in {row['ahead ours']} of "
            f"{row['repeated']} (mean {row['mean ours']:+.4f})"
        )
