"""Standardised features."""

import numpy as np

from albench.learner import Floats


def standardised(X: Floats, X_test: Floats) -> tuple[Floats, Floats]:
    """Both tables less the column means of `X`, over its standard deviations.

    Constant columns are only centred. Equal to scikit-learn's `StandardScaler` to the bit:
    the two-pass variance with its correction (Chan, Golub and LeVeque 1983), and a column is
    constant where its variance lies within the rounding error of that algorithm.
    """
    n, eps = float(len(X)), np.finfo(np.float64).eps
    mean = X.sum(axis=0) / n
    centred = X - mean
    correction = centred.sum(axis=0)
    variance = ((centred * centred).sum(axis=0) - correction * correction / n) / n
    constant = variance <= n * eps * variance + (n * mean * eps) ** 2
    deviation = np.where(constant, 1.0, np.sqrt(np.maximum(variance, 0.0)))
    centred /= deviation
    return centred, (X_test - mean) / deviation
