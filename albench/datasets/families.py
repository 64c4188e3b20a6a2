"""Further seeded generators, of other kinds: more classes, more features, rules, digits.

As in `synthetic`, the data depend on the parameters alone, never on the trial.
"""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from albench.data import Dataset
from albench.datasets.synthetic import Count, Positive, Seed, Share, Size, made
from albench.registry import dataset

Classes = Annotated[int, Ge(2), Le(26)]

SEGMENTS = ("1110111", "0010010", "1011101", "1011011", "0111010",
            "1101011", "1101111", "1010010", "1111111", "1111011")  # fmt: skip
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


@dataset("synthetic-shell", cite="Hastie, Tibshirani and Friedman 2009, 10.1", n=1000, d=10,
         classes=2)  # fmt: skip
def shell(*, n: Count = 1000, noise: Share = 0.0, seed: Seed = 0) -> Dataset:
    """Ten Gaussian features; positive where their sum of squares is above its median, 9.34."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 10))
    y = ((X**2).sum(axis=1) > 9.34).astype(np.intp)
    return made(X, np.where(rng.random(n) < noise, 1 - y, y))


@dataset("synthetic-spirals", cite="textbook", n=900, d=2, classes=3)
def spirals(
    *, n: Count = 900, classes: Classes = 3, turns: Positive = 1.0,
    noise: Annotated[float, Ge(0)] = 0.1, seed: Seed = 0,
) -> Dataset:  # fmt: skip
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
    *, n: Count = 1000, d: Annotated[int, Gt(5)] = 50, classes: Classes = 5,
    distance: Positive = 2.5, seed: Seed = 0,
) -> Dataset:  # fmt: skip
    """Classes that differ in the mean of five features; all others are heavy-tailed noise."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % classes)
    X = rng.standard_t(3, (n, d))
    centres = rng.standard_normal((classes, 5))
    centres *= distance / np.linalg.norm(centres, axis=1, keepdims=True)
    X[:, :5] = centres[y] + rng.standard_normal((n, 5))
    return made(X, y, classes)
