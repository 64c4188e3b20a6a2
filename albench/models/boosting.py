"""Gradient boosting of other libraries: models that are there where the library is installed.

The installed version is part of each entry's version, as it can move a number. Listing the
models imports none of the libraries.
"""

from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Le

from albench.core.registry import model
from albench.models.options import ClassWeight, Count, Positive

F = TypeVar("F", bound=Callable[..., Any])


def optional(name: str, *distributions: str, **about: Any) -> Callable[[F], F]:
    """`model` where one of the distributions is installed, its version part of the entry's."""
    for distribution in distributions:
        try:
            return model(name, version=f"1+{name}-{version(distribution)}", **about)
        except PackageNotFoundError:
            continue
    return lambda make: make


@optional(
    "lightgbm",
    "lightgbm",
    proba=True,
    linear=False,
    seeded=True,
    cite="Ke et al. 2017; LightGBM",
)
def lightgbm(
    seed: int,
    *,
    trees: Count = 100,
    learning_rate: Positive = 0.1,
    leaves: Annotated[int, Ge(2)] = 31,
    min_samples_leaf: Count = 20,
    class_weight: ClassWeight = None,
) -> Any:
    """Gradient boosting by LightGBM, its defaults: below 40 labels it cannot split."""
    from albench.models.boosters import Boosted, light

    make = partial(light, seed, trees, learning_rate, leaves, min_samples_leaf)
    return Boosted(make, class_weight)


@optional(
    "xgboost",
    "xgboost",
    "xgboost-cpu",
    proba=True,
    linear=False,
    seeded=True,
    cite="Chen and Guestrin 2016; XGBoost",
)
def xgboost(
    seed: int,
    *,
    trees: Count = 100,
    learning_rate: Positive = 0.3,
    max_depth: Count = 6,
    class_weight: ClassWeight = None,
) -> Any:
    """Gradient boosting by XGBoost, histograms, its defaults."""
    from albench.models.boosters import Boosted, extreme

    return Boosted(partial(extreme, seed, trees, learning_rate, max_depth), class_weight)


@optional(
    "catboost",
    "catboost",
    proba=True,
    linear=False,
    seeded=True,
    cite="Prokhorenkova et al. 2018; CatBoost",
)
def catboost(
    seed: int,
    *,
    trees: Count = 100,
    learning_rate: Positive | None = None,
    max_depth: Annotated[int, Ge(1), Le(16)] = 6,
    class_weight: ClassWeight = None,
) -> Any:
    """Gradient boosting by CatBoost, its defaults but for 100 trees in place of 1,000."""
    from albench.models.boosters import Boosted, ordered

    return Boosted(partial(ordered, seed, trees, learning_rate, max_depth), class_weight)
