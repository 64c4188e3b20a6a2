"""Datasets that scikit-learn brings along, and their rare-event versions."""

from typing import Annotated, Any

import numpy as np
from annotated_types import Gt, Lt

from albench.core.arrays import Ints
from albench.core.errors import BadData
from albench.core.parameters import DatasetParam
from albench.core.registry import dataset
from albench.datasets._dataset import Dataset


def bundled(loader: str, positive: str | None = None) -> Dataset:
    """A dataset of `sklearn.datasets`, classes by their names there."""
    import sklearn.datasets

    found: Any = getattr(sklearn.datasets, loader)()
    names = [str(name) for name in found.target_names]
    index = None if positive is None else str(names.index(positive))
    columns = [str(name) for name in found.feature_names]
    return Dataset.of(found.data, found.target, positive=index, classes=names, features=columns)


@dataset("iris", cite="Fisher 1936", n=150, d=4, classes=3)
def iris() -> Dataset:
    """Three species of iris by sepal and petal size."""
    return bundled("load_iris")


@dataset(
    "wine", cite="Aeberhard, Coomans and de Vel 1994", n=178, d=13, classes=3, source="scikit-learn"
)
def wine() -> Dataset:
    """Three cultivars of wine by chemical analysis."""
    return bundled("load_wine")


@dataset(
    "wdbc",
    cite="Street, Wolberg and Mangasarian 1993",
    n=569,
    d=30,
    classes=2,
    source="scikit-learn",
)
def wdbc() -> Dataset:
    """Breast cancer Wisconsin (diagnostic): malignant (positive) or benign."""
    return bundled("load_breast_cancer", positive="malignant")


@dataset("digits", cite="Alpaydin and Kaynak 1998", n=1797, d=64, classes=10)
def digits() -> Dataset:
    """Handwritten digits of 8 x 8 pixels."""
    return bundled("load_digits")


@dataset("imbalanced", cite="one class against the rest, the class subsampled")
def imbalanced(
    *, base: DatasetParam, positive: str, share: Annotated[float, Gt(0), Lt(1)] = 0.02
) -> Dataset:
    """One class of another dataset against the rest, at a given share of the rows.

    base      the dataset
    positive  name of its class that becomes the positive class; all others become `rest`
    share     positives among all rows. All other rows stay; of the positives as many as give
              the share (rounded, at least one) are drawn without replacement by
              `numpy.random.Generator(PCG64(0))`, so that the dataset is one and the same in
              every trial. Rows keep their order
    Raises BadData where the class is unknown or has too few rows for the share.
    """
    if positive not in base.classes:
        raise BadData(
            f"imbalanced: positive = {positive!r} is none of the classes {', '.join(base.classes)}"
        )
    if base.test_rows is not None:
        raise BadData("imbalanced: a base with test rows of its own cannot be thinned out")
    label = base.classes.index(positive)
    kept = thinned(base.y == label, share)
    y = (base.y[kept] == label).astype(np.intp)
    X = base.X[kept] if isinstance(base.X, np.ndarray) else base.X.iloc[kept].reset_index(drop=True)
    return Dataset(X, y, ("rest", positive), 1).checked()


def thinned(is_positive: np.ndarray[tuple[int], np.dtype[np.bool_]], share: float) -> Ints:
    """Row numbers of all other rows and of the positives that stay, ascending."""
    positives, others = np.flatnonzero(is_positive), np.flatnonzero(~is_positive)
    wanted = max(1, round(share / (1.0 - share) * len(others)))
    if wanted > len(positives):
        most = len(positives) / (len(positives) + len(others))
        raise BadData(
            f"imbalanced: share = {share} needs {wanted} positive rows; there are "
            f"{len(positives)}, which is a share of {most:.4f}"
        )
    stay = np.random.Generator(np.random.PCG64(0)).choice(positives, size=wanted, replace=False)
    return np.sort(np.concatenate([others, stay]))
