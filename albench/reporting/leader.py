"""Who leads, by how much and how sure: one sentence on the standings of a view."""

from typing import TYPE_CHECKING

from albench.core.rounding import without_noise

if TYPE_CHECKING:
    import pandas as pd


def answer(table: "pd.DataFrame", base: str, scope: str, metric: str) -> str:
    """The answer of one view, by the verdicts of its table.

    table: as `standings` gives it, best mean rank first; scope: model, datasets, labels.
    What is recommended is what `analysis.comparison.advice` would: of those that beat the
    baseline (Holm) the one of the largest mean difference.
    """
    others = table[(table["strategy"] != base) & table["rank"].notna()]
    if others.empty:
        return f"{scope}: there is nothing to compare with {base}."
    better = others[others["verdict"] == "better"]
    if len(better):
        return _use(others, better, base, scope, metric)
    if (others["verdict"] == "too few datasets").all():
        return (
            f"{scope}: {_first(table)} {_has(table)} the best mean rank, but these are too few "
            "datasets for a test, so nothing is claimed beyond them."
        )
    return _keep(table, others, base, scope)


def _leaders(table: "pd.DataFrame") -> list[str]:
    """The strategies of the best mean rank: more than one where it is shared."""
    rank = table["rank"].round(9)
    return [str(name) for name in table.loc[rank == rank.min(), "strategy"]]


def _first(table: "pd.DataFrame") -> str:
    return " and ".join(_leaders(table))


def _has(table: "pd.DataFrame") -> str:
    return "share" if len(_leaders(table)) > 1 else "has"


def _use(others: "pd.DataFrame", better: "pd.DataFrame", base: str, scope: str, metric: str) -> str:
    from albench.analysis.comparison.words import p_text, several

    best = better.sort_values("mean_difference", kind="stable").iloc[-1]
    name, sides = str(best["strategy"]), int(best[["wins", "ties", "losses"]].sum())
    size = f"{without_noise(best['mean_difference']):+.3f}"
    if best["low"] == best["low"]:
        size += f" [{best['low']:+.3f}, {best['high']:+.3f}]"
    text = (
        f"{scope}, use {name}: it beats {base} by {size} {metric} (area under the curve; Holm "
        f"{p_text(best['holm_p'])}), ahead on {best['wins']:.0f} of {several(sides, 'dataset')} "
        "with room to gain"
    )
    more = len(better) - 1
    text += f"; {more} more beat{'s' if more == 1 else ''} {base}, too." if more else "."
    first = _leaders(others)
    s = "" if len(first) > 1 else "s"
    text += f" By mean rank {' and '.join(first)} stand{s} first." if name not in first else ""
    return text


def _keep(table: "pd.DataFrame", others: "pd.DataFrame", base: str, scope: str) -> str:
    counts = others["verdict"].value_counts()
    said = [
        f"{counts[verdict]} {word}"
        for verdict, word in (
            ("worse", "worse"),
            ("equal", "practically equal"),
            ("depends on the dataset", "better or worse by dataset"),
            ("not told apart", "not told apart from it"),
        )
        if counts.get(verdict, 0)
    ]
    text = f"{scope}, keep to {base}: no strategy is shown to beat it"
    text += f" (of {len(others)}: {', '.join(said)})." if said else "."
    if base not in _leaders(table):
        text += f" {_first(table)} {_has(table)} the best mean rank, which is no finding by itself."
    return text
