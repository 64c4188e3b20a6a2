"""What trials can decide on one dataset: these rows, and rows like these.

these rows       the mean difference over splits of this very table; its interval shrinks with
                 trials
rows like these  other rows from where these came. Trials over the same rows overlap, so the
                 variance of their mean is (1 / J + n_test / n_train) s^2 (Nadeau and Bengio
                 2003): its second part is a floor that more trials never pass. Said only of
                 tables of at least `ROWS` rows

Where a dataset lies about the rope is told by `places`.
"""

from collections.abc import Sequence
from math import nan, sqrt

import numpy as np
import pandas as pd

from albench.analysis import intervals
from albench.analysis.comparison import paired
from albench.analysis.comparison.blocks import Block, Stack
from albench.analysis.comparison.places import AHEAD, BEHIND, INSIDE, NOISY, Measured, placed
from albench.analysis.comparison.summaries import areas
from albench.core.arrays import Floats

ROWS = 500
"""Rows of a table from which on something is said of rows like its own."""
NORMAL = 1.959963984540054
COLUMNS = [
    "dataset",
    "strategy",
    "rows",
    "trials",
    "difference",
    "low",
    "high",
    "like_low",
    "like_high",
    "floor",
    "shrunken",
    "shrunken_low",
    "shrunken_high",
    "place",
    "note",
]


def corrected_interval(
    d: Floats, n_train: float, n_test: float, level: float = 0.95
) -> tuple[float, float, float]:
    """Interval of the mean for rows like these, and half of its width at endless trials.

    NaN where sizes are unknown, or below two trials, or without spread.
    """
    sized = n_train > 0 and n_test > 0
    spread = float(np.std(d, ddof=1)) if len(d) > 1 else 0.0
    if not sized or spread <= intervals.NO_SPREAD:
        return nan, nan, nan
    ratio, mean = n_test / n_train, float(np.mean(d))
    half = intervals.t_quantile(len(d) - 1, level) * spread * sqrt(1 / len(d) + ratio)
    return mean - half, mean + half, NORMAL * spread * sqrt(ratio)


def scopes(
    stack: Stack, baseline: str, *, summary: str = "aubc", rope: float = 0.01
) -> pd.DataFrame:
    """One row per dataset and strategy: both scopes and where it lies about the rope.

    Columns: dataset, strategy, rows (of the table; NaN unknown), trials, difference, low, high
    (these rows: t interval over trials), like_low, like_high (rows like these, NaN below `ROWS`),
    floor (half of that interval at endless trials), shrunken, shrunken_low, shrunken_high, place
    (inside, ahead, behind, too noisy to say), note.
    """
    parts = [
        _of_strategy(stack.beside(baseline, s), baseline, s, summary, rope)
        for s in stack.everyone
        if s != baseline
    ]
    rows = [row for part in parts for row in part]
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_strategy(
    blocks: Sequence[Block], baseline: str, strategy: str, summary: str, rope: float
) -> list[dict[str, object]]:
    found = [areas(b.only((baseline, strategy)), summary) for b in blocks]
    gaps = [paired.differences(v[1] - v[0]) for v in found]
    means = np.array([d.mean() for d in gaps], dtype=np.float64)
    errors = np.array([d.var(ddof=1) / len(d) if len(d) > 1 else nan for d in gaps])
    at = placed(Measured(means, errors, np.array([len(d) - 1.0 for d in gaps])), rope)
    out: list[dict[str, object]] = []
    for place, (block, d) in enumerate(zip(blocks, gaps, strict=True)):
        low, high = paired.t_interval(d)
        like_low, like_high, floor = corrected_interval(d, block.n_train, block.n_test)
        rows = block.n_train + block.n_test
        few = not rows >= ROWS
        out.append(
            {
                "dataset": block.dataset,
                "strategy": strategy,
                "rows": rows,
                "trials": len(d),
                "difference": float(means[place]),
                "low": low,
                "high": high,
                "like_low": nan if few else like_low,
                "like_high": nan if few else like_high,
                "floor": floor,
                "shrunken": float(at.value[place]),
                "shrunken_low": float(at.low[place]) if at.noise else nan,
                "shrunken_high": float(at.high[place]) if at.noise else nan,
                "place": at.place[place] if at.noise else NOISY,
                "note": _note(rows),
            }
        )
    return out


def _note(rows: float) -> str:
    """Why nothing is said of rows like these; empty where it is."""
    if not np.isfinite(rows):
        return "how many rows there are is not known"
    if rows < ROWS:
        return f"{rows:.0f} rows: nothing on rows like these below {ROWS}"
    return ""


def beyond_rows(found: pd.DataFrame, dataset: str) -> str:
    """What holds for rows like those of one dataset, in a sentence, or why nothing is said.

    found: as `scopes`. Nothing where the sizes of its tables are not known.
    """
    mine = found[(found["dataset"] == dataset) & np.isfinite(found["rows"])]
    if mine.empty:
        return ""
    few = mine[mine["note"] != ""]
    if len(few):
        why = few["note"].iloc[0]
        return f"For rows like those of {dataset} beyond this table nothing is said: {why}."
    known = mine[np.isfinite(mine["like_low"])].sort_values("difference", ascending=False)
    cells = [
        f"{r['strategy']} {r['difference']:+.3f} [{r['like_low']:+.3f}, {r['like_high']:+.3f}], "
        f"with endless trials still +- {r['floor']:.3f}"
        for _, r in known.iterrows()
    ]
    return (
        f"For rows like those of {dataset} beyond this table (corrected for splits that overlap): "
        f"{'; '.join(cells)}."
        if cells
        else ""
    )


def told(found: pd.DataFrame, strategy: str) -> str:
    """`inside the rope on 5, ahead on 2, behind on 0, too noisy to say on 6 of 13 datasets`."""
    own = found[found["strategy"] == strategy]
    count = own["place"].value_counts()
    words = {INSIDE: "inside the rope", AHEAD: "ahead", BEHIND: "behind", NOISY: NOISY}
    said = ", ".join(f"{w} on {int(count.get(k, 0))}" for k, w in words.items())
    return f"{said} of {len(own)} dataset{'' if len(own) == 1 else 's'}"
