"""Small suites with hand-made numbers: the score of each run at the end of its curve."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from albench import compare
from albench.analysis.comparison import Comparison

BASE = 0.7


def suite_of(
    gaps: Mapping[str, Sequence[float | None]],
    trials: int = 2,
    noise: float = 0.0,
    *,
    model: str = "m",
    metric: str = "accuracy",
    base: float = BASE,
    full: Mapping[str, float] | None = None,
    labels: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Curves of two checkpoints.

    gaps: strategy -> difference to random on d1, d2, ... (None: not run).
    noise: trials are alternately above and below the gap by it; full: dataset -> score of the
    whole pool; labels: the classes of its rows.
    """
    rows: list[dict[str, Any]] = []
    count = max(len(g) for g in gaps.values())
    for d in range(count):
        name = f"d{d + 1}"
        for t in range(trials):
            luck = 0.001 * t
            sign = 1 if t % 2 else -1
            where = {"dataset": name, "model": model, "protocol": "p", "trial": t}
            runs = {"random": 0.0, **{s: g[d] for s, g in gaps.items() if d < len(g)}}
            for strategy, gap in runs.items():
                if gap is None:
                    continue
                own = gap + (sign * noise if strategy != "random" else 0.0)
                for n, score in ((10, 0.5), (20, base + luck + own)):
                    rows.append(where | {"strategy": strategy, "n_labeled": n, metric: score})
            if full and name in full:
                one = {"strategy": "all", "n_labeled": 100, metric: full[name]}
                rows.append(where | one | {"labels": list(labels) if labels else None})
    return pd.DataFrame(rows)


def told(frame: pd.DataFrame, metric: str = "accuracy", **options: Any) -> Comparison:
    """The comparison by the last score."""
    return compare(frame, metric=metric, summary="end", **options)


def bracketed(found: Comparison, strategy: str, line: int = 0) -> str:
    """What stands in brackets after a strategy in a line."""
    text = found.lines[line]
    rest = text[text.index(f"{strategy} ") :]
    return rest[rest.index("(") + 1 : rest.index(")")]
