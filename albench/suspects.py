"""What in a table is probably a mistake, though runs on it would go through."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from albench.data import Dataset

FEWEST = 20  # rows below which whole numbers may be distinct by chance


def suspects(dataset: Dataset) -> Iterator[str]:
    """One sentence for each column that looks like row numbers, each class with one row."""
    for name, values in columns(dataset):
        if numbered(values):
            yield (
                f"column {name!r} looks like the number of the row (distinct whole numbers "
                f"{how(values)}); in a sorted table it gives the classes away: drop it"
            )
    counts = np.bincount(dataset.y, minlength=len(dataset.classes))
    for index in np.flatnonzero(counts == 1):
        yield (
            f"class {dataset.classes[index]!r} has one row: it is either never tested or never "
            "learned; leave it out or merge it with another"
        )


def columns(dataset: Dataset) -> Iterator[tuple[str, Any]]:
    """Names and values of the numeric columns."""
    X = dataset.X
    if isinstance(X, np.ndarray):
        names = dataset.features or tuple(str(i) for i in range(X.shape[1]))
        yield from zip(names, X.T, strict=True)
        return
    for name in X.columns:
        if X[name].dtype.kind in "iuf":
            yield str(name), X[name].to_numpy(dtype=np.float64)


def numbered(values: Any) -> bool:
    """Whether values are distinct whole numbers in steps of one, or rise with the row."""
    if len(values) < FEWEST or not np.isfinite(values).all() or (values % 1).any():
        return False
    ordered = np.sort(values)
    return bool((np.diff(ordered) == 1).all() or (np.diff(values) > 0).all())


def how(values: Any) -> str:
    """How they are numbered, for the sentence."""
    return "in steps of one" if np.ptp(values) == len(values) - 1 else "rising with the row"
