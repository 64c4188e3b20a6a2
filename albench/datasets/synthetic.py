"""Seeded generators, most with a known Bayes-optimal classifier.

The data depend on the parameters alone, never on the trial. Where the best possible
classifier is known, the entry's `bayes` says what it predicts:
`entry("dataset", name).about["bayes"](X, **parameters)` gives class indices; its accuracy
on the data bounds what any model can reach in expectation.
"""

from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le

from albench.data import Dataset
from albench.learner import Floats, Ints
from albench.registry import dataset

Count = Annotated[int, Ge(10)]
Seed = Annotated[int, Ge(0)]
Share = Annotated[float, Ge(0), Le(0.5)]
Size = Annotated[int, Ge(1)]
Positive = Annotated[float, Gt(0)]


def made(X: Floats, y: Ints, classes: int = 2) -> Dataset:
    """A dataset of integer labels; the last of two classes is positive."""
    names = [str(c) for c in range(classes)]
    return Dataset(X, y.astype(np.intp), tuple(names), 1 if classes == 2 else None).checked()


def flipped(y: Ints, noise: float, rng: np.random.Generator) -> Ints:
    """Two-class labels, each turned over with probability `noise`."""
    return np.where(rng.random(len(y)) < noise, 1 - y, y)


def sides(X: Any, **_: Any) -> Ints:
    """Bayes rule of `synthetic-two-gaussians`: the sign of the first feature."""
    above: Ints = (np.asarray(X)[:, 0] > 0).astype(np.intp)
    return above


@dataset("synthetic-two-gaussians", cite="textbook", n=1000, d=2, classes=2, bayes=sides)
def two_gaussians(
    *, n: Count = 1000, d: Size = 2, distance: Positive = 2.0, seed: Seed = 0
) -> Dataset:
    """Two unit Gaussians whose means lie `distance` apart along the first feature.

    The best accuracy is Phi(distance / 2): .841 at the default.
    """
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = rng.standard_normal((n, d))
    X[:, 0] += (y - 0.5) * distance
    return made(X, y)


def squares(X: Any, *, cells: int = 4, **_: Any) -> Ints:
    """Bayes rule of `synthetic-checkerboard`: the colour of the square."""
    colour: Ints = (np.floor(np.asarray(X) * cells).astype(np.intp).sum(axis=1) % 2).astype(np.intp)
    return colour


@dataset("synthetic-checkerboard", cite="textbook", n=1000, d=2, classes=2, bayes=squares)
def checkerboard(
    *, n: Count = 1000, cells: Size = 4, noise: Share = 0.0, seed: Seed = 0
) -> Dataset:
    """A board of cells x cells squares in two colours, labels turned over with prob. `noise`.

    The best accuracy is 1 - noise.
    """
    rng = np.random.default_rng(seed)
    X = rng.random((n, 2))
    return made(X, flipped(squares(X, cells=cells), noise, rng))


@dataset("synthetic-two-moons", cite="scikit-learn make_moons", n=1000, d=2, classes=2)
def two_moons(*, n: Count = 1000, noise: Annotated[float, Ge(0)] = 0.2, seed: Seed = 0) -> Dataset:
    """Two interleaved half circles with Gaussian noise.

    Without noise they are separable; with noise the best classifier has no closed form.
    """
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    angle = rng.random(n) * np.pi
    upper = np.column_stack([np.cos(angle), np.sin(angle)])
    lower = np.column_stack([1 - np.cos(angle), 0.5 - np.sin(angle)])
    X = np.where(y[:, None] == 0, upper, lower) + noise * rng.standard_normal((n, 2))
    return made(X, y)


def above_sine(X: Any, **_: Any) -> Ints:
    """Bayes rule of `synthetic-divergent-sine`: above or below the swelling wave."""
    X = np.asarray(X)
    above: Ints = (X[:, 1] > X[:, 0] * np.sin(4 * np.pi * X[:, 0])).astype(np.intp)
    return above


@dataset(
    "synthetic-divergent-sine",
    cite="after the idea of Werner et al. 2024",
    n=1000,
    d=2,
    classes=2,
    bayes=above_sine,
)
def divergent_sine(*, n: Count = 1000, noise: Share = 0.0, seed: Seed = 0) -> Dataset:
    """Points above or below a sine whose amplitude grows, y = x sin(4 pi x).

    The best accuracy is 1 - noise.
    """
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.random(n), rng.uniform(-1, 1, n)])
    return made(X, flipped(above_sine(X), noise, rng))


@dataset("synthetic-imbalanced-clusters", cite="textbook", n=2000, d=2, classes=2)
def imbalanced_clusters(
    *,
    n: Count = 2000,
    clusters: Size = 6,
    minority: Annotated[float, Gt(0), Le(0.5)] = 0.05,
    seed: Seed = 0,
) -> Dataset:
    """Gaussian clusters on a ring; a share of the rows, in half of the clusters, is positive.

    Clusters alternate in class, so that a rare cluster can be missed altogether.
    """
    rng = np.random.default_rng(seed)
    y = (np.arange(n) < round(n * minority)).astype(np.intp)
    half = max(1, clusters // 2)
    place = 2 * rng.integers(half, size=n) + y
    angle = 2 * np.pi * place / (2 * half)
    radius = 2.0 * max(1.0, half / 3)
    X = radius * np.column_stack([np.cos(angle), np.sin(angle)])
    order = rng.permutation(n)
    return made((X + 0.5 * rng.standard_normal((n, 2)))[order], y[order])


@dataset("synthetic-redundant", cite="textbook", n=1000, d=2, classes=2, bayes=sides)
def redundant(
    *, n: Count = 1000, copies: Size = 5, distance: Positive = 2.0, seed: Seed = 0
) -> Dataset:
    """Two Gaussians of which each point occurs `copies` times: a pool with exact duplicates.

    The last point fills up to n rows. A copy has the features and the label of its point.
    """
    rng = np.random.default_rng(seed)
    points = -(-n // copies)
    y = np.arange(points) % 2
    X = rng.standard_normal((points, 2))
    X[:, 0] += (y - 0.5) * distance
    rows = rng.permutation(np.repeat(np.arange(points), copies)[:n])
    return made(X[rows], y[rows])
