"""Rows in coordinates of their own span: n of them need n numbers each, however wide they are.

A penalised linear model is a combination of its rows (Kimeldorf and Wahba 1971), and an
orthonormal basis leaves the penalty as it is. Each row adds one direction: what Gram and
Schmidt leave of it, taken twice (Giraud, Langou and Rozloznik 2005).
"""

from dataclasses import dataclass

import numpy as np

from albench.core.arrays import Floats

DEPENDENT = 1e-12


@dataclass(frozen=True, eq=False)
class Span:
    """Coordinates of rows that were added one after another.

    basis  (rank, d) orthonormal directions
    X      (n, rank + 1) coordinates of the rows, a column of ones last
    """

    basis: Floats
    X: Floats

    @classmethod
    def empty(cls, d: int) -> "Span":
        """That of no rows of d features."""
        return cls(np.empty((0, d)), np.empty((0, 1)))

    def more(self, rows: Floats) -> "Span":
        """The span with more rows (m, d), and the directions that they bring."""
        grown, rank = np.vstack([self.basis, np.empty_like(rows)]), len(self.basis)
        X = np.zeros((len(self.X) + len(rows), len(grown) + 1))
        X[: len(self.X), :rank] = self.X[:, :-1]
        for at, row in enumerate(rows, len(self.X)):
            basis = grown[:rank]
            along = basis @ row
            rest = row - along @ basis
            again = basis @ rest
            rest -= again @ basis
            X[at, :rank] = along + again
            left = float(np.linalg.norm(rest))
            if left > DEPENDENT * float(np.linalg.norm(row)):
                X[at, rank] = left
                rest /= left
                rest -= (basis @ rest) @ basis
                grown[rank] = rest / np.linalg.norm(rest)
                rank += 1
        X[:, rank] = 1.0
        return Span(grown[:rank], np.ascontiguousarray(X[:, : rank + 1]))

    def inside(self, W: Floats) -> Floats:
        """(k, rank + 1) coefficients of the directions, from those of the features (k, d + 1)."""
        return np.concatenate([W[:, :-1] @ self.basis.T, W[:, -1:]], axis=1)

    def full(self, W: Floats) -> Floats:
        """(k, d + 1) coefficients of the features, from those of the directions."""
        return np.concatenate([W[:, :-1] @ self.basis, W[:, -1:]], axis=1)
