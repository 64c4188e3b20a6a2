"""Stopping rules on their own: a `StopQuery` from plain arrays, without a suite or a loop."""

from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from albench.core.errors import BadValue
from albench.simulation.stopping import StopQuery
from albench.testing import copies, fixed, given, labels, positions


class More(TypedDict, total=False):
    """What else `make_stop_query` takes.

    before     (n_train, n_classes) what the model of the question before said of all rows
    picks      positions bought since then, in the order bought; y_picks: their answers
    held       positions of the held-out sample; y_held: their labels
    round      default: 0 without `before`, else 1
    n_bought   labels bought so far; default: those in hand
    remaining  labels that the budget still allows; default: the rows of the pool
    model      a scikit-learn classifier, for committees
    seed       of the rule's generator
    """

    before: npt.ArrayLike
    picks: npt.ArrayLike
    y_picks: npt.ArrayLike
    held: npt.ArrayLike
    y_held: npt.ArrayLike
    round: int
    n_bought: int
    remaining: int
    model: Any
    seed: int


def make_stop_query(
    X: npt.ArrayLike,
    labeled: npt.ArrayLike,
    y_labeled: npt.ArrayLike,
    proba: npt.ArrayLike,
    **more: Unpack[More],
) -> StopQuery:
    """A question on which any stopping rule can be called.

    X          (n_train, d) features of all train rows
    labeled    (l,) distinct positions with a label, y_labeled their classes
    proba      (n_train, n_classes) what the model says of all train rows
    more       see `More`
    Raises BadValue where the arrays do not fit together.
    """
    features = fixed(np.ascontiguousarray(X, dtype=np.float64))
    every = fixed(np.asarray(proba, dtype=np.float64))
    if every.ndim != 2 or len(every) != len(features):
        raise BadValue(f"proba has shape {every.shape}; a row for each of {len(features)} is due")
    n_classes = every.shape[1]
    rows, classes = labels(labeled, y_labeled, n_classes)
    held = positions(more.get("held", ()), "held")
    pool = np.setdiff1d(np.arange(len(features)), np.append(rows, held))
    before = more.get("before")
    query = StopQuery(
        X=features,
        labeled=rows,
        y_labeled=classes,
        pool=fixed(pool),
        picks=fixed(np.asarray(more.get("picks", ()), dtype=np.intp)),
        y_picks=fixed(np.asarray(more.get("y_picks", ()), dtype=np.intp)),
        n_classes=n_classes,
        positive=None,
        round=more.get("round", 0 if before is None else 1),
        n_bought=more.get("n_bought", len(rows)),
        remaining=more.get("remaining", len(pool)),
        rng=np.random.default_rng(more.get("seed", 0)),
        fit=given({"proba": every}, pool, len(features), n_classes, None),
        make_model=copies(more.get("model")),
        before=None if before is None else fixed(np.asarray(before, dtype=np.float64)),
        held=held,
        y_held=fixed(np.asarray(more.get("y_held", ()), dtype=np.intp)),
    )
    vars(query)["every"] = every
    return query
