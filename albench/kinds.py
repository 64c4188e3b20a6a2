"""What kinds of datasets a suite holds: with a rare class, with an oracle that errs."""

from typing import TYPE_CHECKING

from albench.cuts import cuts
from albench.tables import FULL_POOL
from albench.topics import Source

if TYPE_CHECKING:
    import pandas as pd

RARE = 0.15  # a class with a larger share is not rare, nor one with half its even share or more


def oracles(source: Source) -> dict[tuple[str, str], str]:
    """The name of the oracle by the labels of dataset and protocol."""
    return {
        (dataset.label, label): dataset.under(protocol).oracle.name
        for dataset in source.suite.datasets
        for label, protocol in source.suite.protocols
    }


def scarce(source: Source) -> set[str]:
    """The datasets with a rare class: at most 15 %, and less than half an even share."""
    share = prevalence(source)
    even = 1 / source.runs.groupby("dataset")["n_classes"].max().reindex(share.index)
    return set(share.index[(share <= RARE) & (share < even / 2)])


def prevalence(source: Source) -> "pd.Series[float]":
    """The share of the rare class in the pool, by dataset, on the cut of its first run."""
    import pandas as pd

    from albench.analysis import rare
    from albench.analysis.space import Space

    done = source.runs[source.runs["status"] == "done"].sort_values("trial", kind="stable")
    first = done[done["strategy"] != FULL_POOL].drop_duplicates("dataset")
    share = {}
    for cut in cuts(source.finished(first)):
        space = Space.of(cut.task)
        for label in first.loc[first["run"] == cut.run, "dataset"]:
            share[label] = float(space.class_shares[rare.rare_class(space)])
    return pd.Series(share, dtype=float)


def mistaken(source: Source) -> set[str]:
    """The datasets on which the oracle errs."""
    return {dataset for (dataset, _), name in oracles(source).items() if name != "exact"}
