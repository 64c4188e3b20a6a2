"""Strategies on their own: a `Query` from plain arrays, without a suite or a loop.

query = make_query(X, labeled, y_labeled, n=5, n_classes=3, proba=P)
rows = albench.make_strategy("entropy")(query)
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from albench.core.arrays import Floats, Ints
from albench.core.errors import BadValue, Skip
from albench.simulation.learner import Aligned, Fitted, FromScratch, Part, TrainOnly, fit_aligned
from albench.simulation.query import FileQuery, OracleQuery, Query

__all__ = ["Options", "make_query"]

PARTIAL = "this query was made with scores of its pool rows only, and without a model"


class Options(TypedDict, total=False):
    """What else `make_query` takes.

    decision   decision values, in the shape of `proba`, or flat for two classes
    pool       positions that can be picked; default: all without a label
    waiting    positions bought whose labels are outstanding
    positive   index of the positive class
    batch      rows per round by the protocol; default: n
    remaining  labels that the budget still allows; default: n
    y          (n_train,) hidden labels: they answer `Query.ask`
    test       (X_test, y_test), which bounds look at
    hidden     give an `OracleQuery`, which shows `y` and `test` to the strategy
    rows       row numbers in the dataset: give a `FileQuery`, which shows them
    """

    decision: npt.ArrayLike
    pool: npt.ArrayLike
    waiting: npt.ArrayLike
    positive: int | None
    batch: int
    remaining: int
    y: npt.ArrayLike
    test: tuple[npt.ArrayLike, npt.ArrayLike]
    hidden: bool
    rows: npt.ArrayLike


def make_query(
    X: npt.ArrayLike,
    labeled: npt.ArrayLike,
    y_labeled: npt.ArrayLike,
    n: int,
    n_classes: int,
    proba: npt.ArrayLike | None = None,
    model: Any = None,
    seed: int = 0,
    **options: Unpack[Options],
) -> Query:
    """A query on which any strategy can be called.

    X          (n_train, d) features of all train rows, in pool order (ties: first wins)
    labeled    (l,) distinct positions with a label, in any order
    y_labeled  (l,) their classes, in 0 .. n_classes - 1
    n          how many rows to ask for; at most the pool
    proba      (m, n_classes) probabilities of the pool rows, ascending, or (n_train,
               n_classes) of all rows; they stand in for what the model would say
    model      a scikit-learn classifier. Unfitted, it is fitted on the labelled rows when
               first asked for. Copies of it make committees
    seed       seeds the strategy's generator, and the model where it takes a seed
    options    see `Options`
    Raises BadValue where the arrays do not fit together.
    """
    features = fixed(np.ascontiguousarray(X, dtype=np.float64))
    if not np.isfinite(features).all():
        raise BadValue(f"{int((~np.isfinite(features)).sum())} values of X are NaN or infinite")
    rows, classes = labels(labeled, y_labeled, n_classes)
    taken = np.append(rows, np.asarray(options.get("waiting", ()), dtype=np.intp))
    pool = positions(options.get("pool", np.setdiff1d(np.arange(len(features)), taken)), "pool")
    for name, at in (("labeled", rows), ("pool", pool)):
        if len(at) and not 0 <= at[0] <= at[-1] < len(features):
            raise BadValue(f"{name} holds positions outside the {len(features)} rows of X")
    fit = trained(model, TrainOnly(features, n_classes), rows, classes, seed)
    tables = {"proba": proba, "decision": options.get("decision")}
    if any(table is not None for table in tables.values()):
        fit = given(tables, pool, len(features), n_classes, fit if model is not None else None)
    n = min(n, len(pool))
    y = np.asarray(options["y"], dtype=np.intp) if "y" in options else None
    query = Query(
        X=features,
        labeled=rows,
        y_labeled=classes,
        pool=pool,
        n=n,
        n_classes=n_classes,
        positive=options.get("positive"),
        remaining=options.get("remaining", n),
        rng=np.random.default_rng(seed),
        fit=fit,
        make_model=copies(model),
        batch=options.get("batch", n),
        waiting=positions(options.get("waiting", ()), "waiting"),
        tell=None if y is None else lambda position: int(y[position]),
    )
    if "rows" in options:
        known = {f.name: getattr(query, f.name) for f in fields(Query) if f.init}
        return FileQuery(**known, rows=fixed(np.asarray(options["rows"], dtype=np.intp)))
    return seeing(query, y, options) if options.get("hidden") else query


def seeing(query: Query, y: Ints | None, options: Options) -> OracleQuery:
    """The same query, which also shows the hidden labels, and the test set where it was given."""
    if y is None:
        raise BadValue("hidden = True needs y, the labels of all train rows")
    more: dict[str, Any] = {}
    if "test" in options:
        more["X_test"] = fixed(np.ascontiguousarray(options["test"][0], dtype=np.float64))
        more["y_test"] = fixed(np.asarray(options["test"][1], dtype=np.intp))
    known = {f.name: getattr(query, f.name) for f in fields(Query) if f.init}
    return OracleQuery(**known, y=fixed(y), **more)


def fixed(array: Any) -> Any:
    """A read-only view of an array."""
    view = array.view()
    view.flags.writeable = False
    return view


def positions(given: npt.ArrayLike, name: str) -> Ints:
    """Distinct positions, ascending."""
    rows = np.atleast_1d(np.asarray(given, dtype=np.intp))
    ordered = np.unique(rows)
    if len(ordered) != len(rows):
        raise BadValue(f"{name} holds a position twice")
    return fixed(ordered)  # type: ignore[no-any-return]


def labels(labeled: npt.ArrayLike, y_labeled: npt.ArrayLike, n_classes: int) -> tuple[Ints, Ints]:
    """Labelled positions, ascending, and their classes."""
    rows, classes = np.asarray(labeled, dtype=np.intp), np.asarray(y_labeled, dtype=np.intp)
    if rows.shape != classes.shape or rows.ndim != 1:
        raise BadValue(f"labeled has shape {rows.shape}, y_labeled {classes.shape}")
    if len(classes) and not 0 <= classes.min() <= classes.max() < n_classes:
        raise BadValue(f"y_labeled holds classes outside 0 .. {n_classes - 1}")
    return positions(rows, "labeled"), fixed(classes[np.argsort(rows, kind="stable")])


def copies(model: Any) -> Callable[[int], Any]:
    """seed -> an unfitted copy of the model."""

    def make(seed: int) -> Any:
        if model is None:
            raise Skip("this query was made without a model")
        from sklearn.base import clone

        copy = clone(model)
        seeded = "random_state" in copy.get_params()
        return copy.set_params(random_state=seed % 2**32) if seeded else copy

    return make


def trained(
    model: Any, views: TrainOnly, rows: Ints, classes: Ints, seed: int
) -> Callable[[], Fitted]:
    """What fits the model on the labelled rows, or hands over a fitted one."""

    @cache
    def fit() -> Fitted:
        if hasattr(model, "classes_"):
            return Aligned(model, views)
        return fit_aligned(lambda: copies(model)(seed), views, rows, classes)

    return fit


class Silent:
    """Stands for a model of which only the scores of some rows are known."""


class Scored(Silent):
    """The same, with probabilities."""

    def predict_proba(self, X: Floats) -> Floats:
        """Raises Skip: other rows than those given have no scores."""
        raise Skip(PARTIAL)


@dataclass(frozen=True, eq=False)
class Given(FromScratch):
    """`Fitted` over arrays: what a model said of some rows.

    tables  by name (`proba`, `decision`): ascending positions, and their scores
    fit     the model behind them, for other rows; or None
    """

    tables: dict[str, tuple[Ints, Floats]]
    fit: Callable[[], Fitted] | None

    @property
    def estimator(self) -> Any:
        """The model that was passed along, or a stand-in."""
        if self.fit is not None:
            return self.fit().estimator
        return Scored() if "proba" in self.tables else Silent()

    @property
    def has_proba(self) -> bool:
        """Whether probabilities were passed along, or the model behind them has some."""
        return "proba" in self.tables or (self.fit is not None and self.fit().has_proba)

    def of(self, what: str, part: Part, rows: Ints | None) -> Floats | None:
        """The scores of some train rows; those of others come from the model."""
        if what in self.tables:
            known, scores = self.tables[what]
            if part == "train" and rows is not None and np.isin(rows, known).all():
                return scores[np.searchsorted(known, rows)]
        elif self.fit is None:
            return None
        if self.fit is None:
            raise Skip(PARTIAL)
        modelled: Floats | None = getattr(self.fit(), what)(part, rows)
        return modelled

    def proba(self, part: Part, rows: Ints | None = None) -> Floats | None:
        """See `albench.simulation.learner.Fitted.proba`."""
        return self.of("proba", part, rows)

    def decision(self, part: Part, rows: Ints | None = None) -> Floats | None:
        """See `albench.simulation.learner.Fitted.decision`."""
        return self.of("decision", part, rows)

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """(n,) most probable classes, else those of the largest decision value."""
        scores = self.of("proba" if "proba" in self.tables else "decision", part, rows)
        assert scores is not None
        return np.asarray(scores > 0 if scores.ndim == 1 else scores.argmax(axis=1), dtype=np.intp)


def given(
    tables: dict[str, Any], pool: Ints, n_train: int, n_classes: int, fit: Any
) -> Callable[[], Fitted]:
    """What stands for a fitted model of which the scores are known."""
    arrays: dict[str, tuple[Ints, Floats]] = {}
    for name, table in tables.items():
        if table is None:
            continue
        array = np.asarray(table, dtype=np.float64)
        width = () if name == "decision" and n_classes == 2 else (n_classes,)
        if len(array) not in (len(pool), n_train) or array.shape[1:] != width:
            raise BadValue(
                f"{name} has shape {array.shape}; {(len(pool), *width)} is due (pool rows), "
                f"or {(n_train, *width)} (all rows)"
            )
        arrays[name] = (np.arange(n_train) if len(array) == n_train else pool, array)
    return lambda: Given(arrays, fit)
