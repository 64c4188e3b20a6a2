"""Variants of one base dataset: averaged before anything is counted or tested over datasets."""

from collections.abc import Mapping, Sequence

import pandas as pd

from albench.analysis.words import counted


def averaged(table: pd.DataFrame, base: Mapping[str, str] | None) -> pd.DataFrame:
    """Variants of one base dataset averaged, so that each base counts once."""
    if not base:
        return table
    return table.groupby([base.get(str(d), str(d)) for d in table.index], sort=False).mean()


def grouped(datasets: Sequence[str], base: Mapping[str, str] | None) -> dict[str, list[str]]:
    """The datasets of each base that has several of them."""
    out: dict[str, list[str]] = {}
    for name in datasets:
        out.setdefault((base or {}).get(name, name), []).append(name)
    return {unit: names for unit, names in out.items() if len(names) > 1}


def merged(datasets: Sequence[str], base: Mapping[str, str] | None) -> str:
    """`digits = mean of digits, digits8`; nothing where no base has several datasets."""
    found = grouped(datasets, base)
    return counted([f"{unit} = mean of {', '.join(names)}" for unit, names in found.items()])


def note(table: pd.DataFrame, base: Mapping[str, str] | None) -> str:
    """What is averaged into what, and where that counts; nothing where nothing is averaged."""
    names = [str(d) for d in table.index]
    text = merged(names, base)
    if not text:
        return ""
    return (
        f"{len(names)} datasets count as {len(averaged(table, base))} base datasets in ranks, "
        f"W/T/L and tests over datasets, as variants of one are averaged first: {text}. The table "
        "`within` has each dataset by itself"
    )


def opposed(table: pd.DataFrame, baseline: str, base: Mapping[str, str] | None) -> str:
    """Strategies that are ahead on one variant of a base and behind on another, or nothing.

    table: datasets x strategies, higher = better.
    """
    cells = []
    for unit, names in grouped([str(d) for d in table.index], base).items():
        part = table.loc[names]
        for strategy in (s for s in table.columns if s != baseline):
            gap = part[strategy] - part[baseline]
            if gap.min() < 0 < gap.max():
                told = ", ".join(f"{name} {value:+.3f}" for name, value in gap.items())
                cells.append(f"{strategy} on {unit} ({told})")
    if not cells:
        return ""
    return f"Ahead on one variant and behind on another, against {baseline}: {counted(cells)}."
