"""Datasets, and the passive split that makes a `Task` of one.

`cut` draws the test rows before and independent of any query, from the `split` stream
alone, and the start from the `start` stream. Preprocessing never sees a test row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from albench.errors import BadData, Skip
from albench.learner import Floats, Ints
from albench.loop import Task
from albench.scaling import standardised
from albench.spec import Protocol, RunSpec
from albench.splits import Split, drawn_start, split_rule

REDRAWS = 1000
MOST_CLASSES = 500
DENSE_BYTES = 2**31


@dataclass(frozen=True, eq=False)
class Dataset:
    """A classification table.

    X          (n, d) float64, or a raw data frame that `cut` encodes on the train rows
    y          (n,) class indices
    classes    names of the classes, in index order
    positive   index of the positive class, or None
    test_rows  the source's own test rows, for protocols with test = "source"
    features   names of the columns of a matrix X, or nothing
    """

    X: Any
    y: Ints
    classes: tuple[str, ...]
    positive: int | None = None
    test_rows: Ints | None = None
    features: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        X: Any,
        labels: Sequence[Any] | np.ndarray[Any, Any],
        positive: Any = None,
        classes: Sequence[str] | None = None,
        features: Sequence[str] = (),
    ) -> "Dataset":
        """A dataset from features and labels of any type.

        Classes are the sorted distinct labels (numbers by value, else as text), renamed by
        `classes`; `positive` is one of the labels; `features` names the columns of a matrix.
        Raises BadData for features or labels that cannot be used.
        """
        values = np.asarray(labels)
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise BadData(f"{int(np.isnan(values).sum())} labels are missing")
        if values.dtype.kind == "O":
            values = values.astype(str)
        found, y = np.unique(values, return_inverse=True)
        names = tuple(classes) if classes is not None else tuple(label_name(v) for v in found)
        index = None
        if positive is not None:
            at = np.flatnonzero(found.astype(str) == str(positive))
            if not len(at):
                raise BadData(
                    f"positive class {positive!r} is none of {', '.join(map(str, found))}"
                )
            index = int(at[0])
        columns = tuple(str(name) for name in features)
        made = cls(checked_features(X), y.astype(np.intp), names, index, features=columns)
        return made.checked()

    def checked(self) -> "Dataset":
        """Itself; raises BadData where no classification task can be made of it."""
        if len(self.X) != len(self.y):
            raise BadData(f"{len(self.X)} rows of features, {len(self.y)} labels")
        if self.features and len(self.features) != self.d:
            raise BadData(f"{len(self.features)} names of features, {self.d} columns")
        if len(self.classes) < 2:
            raise BadData(f"one class only ({self.classes[0] if self.classes else 'none'})")
        if len(self.classes) > MOST_CLASSES:
            raise BadData(f"{len(self.classes)} classes; is this a regression target?")
        return self

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def d(self) -> int:
        """Number of feature columns, before any encoding."""
        return int(self.X.shape[1])


def label_name(value: Any) -> str:
    """A label as text; whole numbers without a decimal point."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def checked_features(X: Any) -> Any:
    """Features as float64, or a frame as it is; raises BadData for what cannot be used."""
    if hasattr(X, "columns"):
        return X
    if hasattr(X, "toarray"):
        raise BadData("sparse features are not supported; densify them if memory allows")
    try:
        X = np.ascontiguousarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadData(f"features are not numbers: {error}") from error
    if X.ndim != 2 or not X.shape[1]:
        raise BadData(f"features have shape {X.shape}; rows and columns are due")
    wrong = ~np.isfinite(X)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise BadData(
            f"{int(wrong.sum())} feature values are NaN or infinite, "
            f"the first in row {row}, column {column}"
        )
    return X


def within_bound(n_bytes: float, what: str) -> None:
    """Raises BadData where a dense table would need more memory than `DENSE_BYTES`."""
    if n_bytes > DENSE_BYTES:
        raise BadData(
            f"{what} needs {n_bytes / 2**30:.1f} GB as a dense table; "
            f"the bound is {DENSE_BYTES / 2**30:g} GB"
        )


def dense(X: Any, what: str) -> Floats:
    """A sparse matrix as a dense one; raises BadData beyond `DENSE_BYTES`."""
    within_bound(float(X.shape[0]) * X.shape[1] * 8, f"{what} (sparse)")
    return np.asarray(X.toarray(), dtype=np.float64)


def cut(dataset: Dataset, spec: RunSpec) -> Task:
    """The task of one trial. A pure function of the dataset and the spec.

    Raises BadData where the dataset is too small for the protocol, and Skip where the
    protocol asks to skip a start that lacks a class.
    """
    protocol = spec.protocol
    split = split_rule(protocol.split)(dataset, spec)
    train, start = starting(dataset, spec, split)
    withheld = audit_sample(spec, len(train), start)
    X, X_test = features(dataset, train, split.test, protocol.scale)
    n_start, room = len(start), len(train) - len(withheld)
    batch = amount(protocol.batch, len(train))
    budget = room if protocol.budget == "pool" else amount(protocol.budget, len(train))
    budget = min(budget, room)
    if budget < n_start:
        raise BadData(f"the budget of {budget} labels is below the start of {n_start}")
    return Task(
        X, dataset.y[train], X_test, dataset.y[split.test], start, len(dataset.classes), batch,
        -(-(budget - n_start) // batch), budget, train, split.test, dataset.positive, withheld,
        protocol.ties, protocol.delay, protocol.cost_budget, protocol.session, dataset.classes,
    )  # fmt: skip


def amount(value: int | float | str, n_train: int) -> int:
    """A count, or a share of the train rows, at least one."""
    return max(1, int(value * n_train)) if isinstance(value, float) else int(value)


def starting(dataset: Dataset, spec: RunSpec, split: Split) -> tuple[Ints, Ints]:
    """Train rows in pool order, and the positions of the start in them."""
    protocol = spec.protocol
    if split.start is not None:
        return complete(dataset, protocol, split.train, split.start)
    rng = spec.rng("start")
    for _ in range(REDRAWS if protocol.missing == "redraw" else 1):
        train = rng.permutation(split.train)
        start = drawn_start(dataset, protocol, train, amount(protocol.start, len(train)))
        if protocol.missing != "redraw" or seen(dataset, train, start) == len(dataset.classes):
            return complete(dataset, protocol, train, start)
    raise Skip(f"no start with every class in {REDRAWS} draws")


def seen(dataset: Dataset, train: Ints, start: Ints) -> int:
    """How many classes a start holds."""
    return len(np.unique(dataset.y[train[start]]))


def complete(dataset: Dataset, protocol: Protocol, train: Ints, start: Ints) -> tuple[Ints, Ints]:
    """The start; raises Skip where it lacks a class and the protocol skips such trials."""
    held, k = seen(dataset, train, start), len(dataset.classes)
    if protocol.missing == "skip" and held < k:
        raise Skip(f"the start lacks {k - held} of {k} classes")
    return train, start


def audit_sample(spec: RunSpec, n_train: int, start: Ints) -> Ints:
    """Positions withheld from the pool, drawn at random from the rows not in the start."""
    n = spec.protocol.audit
    rest = n_train - len(start)
    if n >= rest:
        raise BadData(f"an audit sample of {n} leaves no pool: {rest} rows besides the start")
    if n == 0:
        return np.empty(0, dtype=np.intp)
    others = np.setdiff1d(np.arange(n_train), start)
    return np.sort(spec.rng("audit").choice(others, size=n, replace=False))


def features(dataset: Dataset, train: Ints, test: Ints, scale: str) -> tuple[Floats, Floats]:
    """Train and test features, encoded and scaled on the train rows."""
    if isinstance(dataset.X, np.ndarray):
        X, X_test = dataset.X[train], dataset.X[test]
    else:
        from albench.encode import encoded

        X, X_test = encoded(dataset.X, train, test)
    if scale == "train":
        X, X_test = standardised(X, X_test)
    return np.ascontiguousarray(X), np.ascontiguousarray(X_test)
