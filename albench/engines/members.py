"""Members of committees: fits on rows that may repeat, through engines that are exact.

A committee fits each member anew in every round, on a bootstrap sample. Only engines whose
solution is scikit-learn's to the bit are used, and members are recognised by what they
are, class and parameters, whoever named them; any other is left to scikit-learn.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from albench.engines import MEMORY, compiled, lbfgs, libsvm
from albench.engines.kernels import KernelRows
from albench.learner import Fitted, Ints, Plain, TrainOnly
from albench.query import Query


def member(query: Query, make: Callable[[], Any], rows: Ints, y: Ints) -> Fitted:
    """The classifier fitted on train rows (repeats allowed): the answers of `Query.member`."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    made = make()
    if type(made) is SVC and y.min() != y.max():
        plainly = SVC(kernel=made.kernel, C=made.C, tol=made.tol, gamma=made.gamma)
        width = {"linear": None, "rbf": 1 / query.X.shape[1]}
        known = made.kernel == "linear" or (made.kernel == "rbf" and made.gamma == "auto")
        if known and vars(made) == vars(plainly) and compiled.NUMBA and libsvm.works(True):
            return of_support_vectors(query, make, width[made.kernel], rows, y)
    if type(made) is LogisticRegression:
        plainly = LogisticRegression(C=made.C, max_iter=made.max_iter)
        if vars(made) == vars(plainly) and lbfgs.works():
            views = TrainOnly(query.X, query.n_classes)
            plain = Plain(lambda seed: make(), views, int)
            return lbfgs.Lbfgs(views, made.C, made.max_iter, plain).fit(rows, y)
    return query.member(make, rows, y)


def of_support_vectors(
    query: Query, make: Callable[[], Any], gamma: float | None, rows: Ints, y: Ints
) -> Fitted:
    """A support vector classifier on the kernel that all members of a cut share."""
    views, made = TrainOnly(query.X, query.n_classes), make()
    kernel = query.once(
        ("kernel of members", gamma), lambda: KernelRows(views, gamma, MEMORY, bitwise=True)
    )
    distinct = np.unique(rows)
    if not kernel.ensure(distinct, distinct):
        return query.member(make, rows, y)
    plain = Plain(lambda seed: make(), views, int)
    learner = libsvm.Libsvm(kernel, query.n_classes, made.C, made.tol, True, plain)
    return learner.fit(rows, y)
