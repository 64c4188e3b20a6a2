"""Datasets that scikit-learn brings along: no network, no files of our own."""

from typing import Any

from albench.data import Dataset
from albench.registry import dataset


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
