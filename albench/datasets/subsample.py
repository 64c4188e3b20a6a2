"""Part of a larger dataset, so that a suite ends in good time."""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from albench.core.arrays import Ints
from albench.core.errors import BadData
from albench.core.parameters import DatasetParam
from albench.core.registry import dataset
from albench.datasets._dataset import Dataset


@dataset("subsample", cite="a stratified part of another dataset")
def subsample(
    *, base: DatasetParam, n: Annotated[int, Ge(2)], seed: Annotated[int, Ge(0)] = 0
) -> Dataset:
    """So many rows of another dataset, in each class in proportion and at least one.

    base  the dataset
    n     rows to draw, without replacement, by `numpy.random.Generator(PCG64(seed))`, so that
          they are the same in every trial; rows keep their order
    Raises BadData where the base has fewer rows or more classes than that.
    """
    if base.test_rows is not None:
        raise BadData("subsample: a base with test rows of its own cannot be thinned out")
    if not len(base.classes) <= n <= base.n:
        raise BadData(
            f"subsample: n = {n}: between the {len(base.classes)} classes and the {base.n} rows "
            "of the base"
        )
    rng = np.random.Generator(np.random.PCG64(seed))
    sizes = allotted(np.bincount(base.y, minlength=len(base.classes)), n)
    drawn = [
        rng.choice(np.flatnonzero(base.y == label), size=size, replace=False)
        for label, size in enumerate(sizes)
    ]
    kept = np.sort(np.concatenate(drawn))
    X = base.X[kept] if isinstance(base.X, np.ndarray) else base.X.iloc[kept].reset_index(drop=True)
    return Dataset(X, base.y[kept], base.classes, base.positive, features=base.features).checked()


def allotted(counts: Ints, n: int) -> Ints:
    """How many of n rows each class has: one, and of the rest in proportion to its other rows.

    What is left over goes by largest remainder, the first class among equals.
    """
    rest, others = n - len(counts), counts - 1
    exact = others * rest / max(1, int(others.sum()))
    sizes = np.floor(exact).astype(np.intp)
    left = rest - int(sizes.sum())
    sizes[np.argsort(sizes - exact, kind="stable")[:left]] += 1
    return sizes + 1
