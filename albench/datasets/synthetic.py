"""Seeded generators, most with a known Bayes-optimal classifier.

The data depend on the parameters alone, never on the trial. Where the best possible
classifier is known, the entry's `bayes` says what it predicts:
`entry("dataset", name).traits.bayes(X, **parameters)` gives class indices; its accuracy
on the data bounds what any model can reach in expectation.

As in `synthetic`, the data depend on the parameters alone, never on the trial.
"""

from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le

from albench.core.arrays import Floats, Ints
from albench.core.registry import dataset
from albench.datasets._dataset import Dataset

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


Classes = Annotated[int, Ge(2), Le(26)]

SEGMENTS = (
    "1110111",
    "0010010",
    "1011101",
    "1011011",
    "0111010",
    "1101011",
    "1101111",
    "1010010",
    "1111111",
    "1111011",
)
"""Which of the seven lights of a digit display burn for 0 to 9."""


@dataset("synthetic-led", cite="Breiman et al. 1984", n=1000, d=7, classes=10)
def led(*, n: Count = 1000, noise: Share = 0.1, seed: Seed = 0) -> Dataset:
    """The ten digits of a seven-segment display, each light wrong with probability `noise`.

    Binary features, many rows alike; at noise .1 the best accuracy is about .74.
    """
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 10)
    lights = np.array([[int(c) for c in digit] for digit in SEGMENTS])[y]
    wrong = rng.random(lights.shape) < noise
    return made(np.where(wrong, 1 - lights, lights).astype(np.float64), y, 10)


@dataset("synthetic-waveform", cite="Breiman et al. 1984", n=1000, d=21, classes=3)
def waveform(*, n: Count = 1000, seed: Seed = 0) -> Dataset:
    """Three classes, each a random mixture of two of three triangular waves, with unit noise.

    The best accuracy is about .86.
    """
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 3)
    place = np.arange(1, 22)
    waves = np.maximum(6.0 - np.abs(place - np.array([[7], [15], [11]])), 0.0)
    first, second = waves[np.array([0, 0, 1])[y]], waves[np.array([1, 2, 2])[y]]
    share = rng.random((n, 1))
    return made(share * first + (1 - share) * second + rng.standard_normal((n, 21)), y, 3)


@dataset("synthetic-ringnorm", cite="Breiman 1996", n=1000, d=20, classes=2)
def ringnorm(*, n: Count = 1000, d: Size = 20, seed: Seed = 0) -> Dataset:
    """A wide Gaussian around a narrow one whose mean is 2 / sqrt(d) in every feature."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    noise = rng.standard_normal((n, d))
    return made(np.where(y[:, None] == 0, 2.0 * noise, 2.0 / np.sqrt(d) + noise), y)


@dataset(
    "synthetic-shell", cite="Hastie, Tibshirani and Friedman 2009, 10.1", n=1000, d=10, classes=2
)
def shell(*, n: Count = 1000, noise: Share = 0.0, seed: Seed = 0) -> Dataset:
    """Ten Gaussian features; positive where their sum of squares is above its median, 9.34."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 10))
    y = ((X**2).sum(axis=1) > 9.34).astype(np.intp)
    return made(X, np.where(rng.random(n) < noise, 1 - y, y))


@dataset("synthetic-spirals", cite="textbook", n=900, d=2, classes=3)
def spirals(
    *,
    n: Count = 900,
    classes: Classes = 3,
    turns: Positive = 1.0,
    noise: Annotated[float, Ge(0)] = 0.1,
    seed: Seed = 0,
) -> Dataset:
    """Interleaved arms of a spiral, one for each class, with Gaussian noise."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % classes)
    radius = np.sqrt(rng.random(n)) * 2 + 0.1
    angle = radius * turns * np.pi + y * 2 * np.pi / classes
    X = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return made(X + noise * rng.standard_normal((n, 2)), y, classes)


@dataset("synthetic-blobs", cite="textbook", n=1000, d=8, classes=8)
def blobs(
    *, n: Count = 1000, d: Size = 8, classes: Classes = 8, spread: Positive = 1.0, seed: Seed = 0
) -> Dataset:
    """Elliptic Gaussians, one a class, sizes falling from class to class as 1 / (class + 1)."""
    rng = np.random.default_rng(seed)
    weight = 1.0 / np.arange(1, classes + 1)
    y = np.concatenate(
        [np.arange(classes), rng.choice(classes, n - classes, p=weight / weight.sum())]
    )
    centres = 2.0 * rng.standard_normal((classes, d))
    shapes = rng.standard_normal((classes, d, d)) * spread / np.sqrt(d)
    X = centres[y] + np.einsum("nij,nj->ni", shapes[y], rng.standard_normal((n, d)))
    order = rng.permutation(n)
    return made(X[order], y[order], classes)


@dataset("synthetic-parity", cite="textbook", n=1000, d=8, classes=2)
def parity(
    *, n: Count = 1000, relevant: Size = 2, noisy: Annotated[int, Ge(0)] = 6, seed: Seed = 0
) -> Dataset:
    """Positive where an even number of the relevant features is negative; others are noise.

    No feature tells anything by itself, and no linear classifier beats chance.
    """
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, relevant + noisy))
    return made(X, ((X[:, :relevant] < 0).sum(axis=1) % 2 == 0).astype(np.intp))


@dataset("synthetic-sparse", cite="textbook", n=1000, d=50, classes=5)
def sparse(
    *,
    n: Count = 1000,
    d: Annotated[int, Gt(5)] = 50,
    classes: Classes = 5,
    distance: Positive = 2.5,
    seed: Seed = 0,
) -> Dataset:
    """Classes that differ in the mean of five features; all others are heavy-tailed noise."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % classes)
    X = rng.standard_t(3, (n, d))
    centres = rng.standard_normal((classes, 5))
    centres *= distance / np.linalg.norm(centres, axis=1, keepdims=True)
    X[:, :5] = centres[y] + rng.standard_normal((n, 5))
    return made(X, y, classes)
