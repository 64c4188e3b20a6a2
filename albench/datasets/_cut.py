"""The passive split: a dataset cut into pool, first labels and test rows, as numbers."""

from typing import Any

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.core.errors import BadData, TrialSkip
from albench.core.spec import Protocol, RunSpec
from albench.datasets._dataset import Dataset
from albench.datasets._splits import Split, drawn_start, groups_of, split_rule
from albench.simulation.task import Task


def encoded(frame: Any, train: Ints, test: Ints) -> tuple[Floats, Floats]:
    """Train and test features as float64 matrices with the same columns.

    Numeric columns: missing values become the median, with an indicator column where any
    is missing. Other columns: one column per category of the train rows; a missing value
    is a category of its own, a category unseen in the train rows is all zeros. Raises
    BadData where the dense result would be larger than `data.DENSE_BYTES`.
    """
    fitted, table = fitted_encoder(frame, train)
    return fitted.transform(table.iloc[train]), fitted.transform(table.iloc[test])


def column_names(frame: Any, train: Ints) -> tuple[str, ...]:
    """Names of the columns that `encoded` gives: `age`, `age missing`, `colour = red`."""
    fitted, _ = fitted_encoder(frame, train)
    imputer, text = fitted.transformers_[0], fitted.transformers_[1]
    numeric, other = list(imputer[2]), list(text[2])
    names = [str(c) for c in numeric]
    if numeric:
        names += [f"{numeric[i]} missing" for i in imputer[1].indicator_.features_]
    if other:
        categories = zip(other, text[1].categories_, strict=True)
        names += [f"{column} = {value}" for column, values in categories for value in values]
    return tuple(names)


def fitted_encoder(frame: Any, train: Ints) -> tuple[Any, Any]:
    """The encoder, fitted on the train rows, and the whole table as it takes it."""
    import numpy as np
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    from albench.datasets._dataset import within_bound

    # whole numbers as names would be taken for positions
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    numeric = [c for c in frame.columns if frame[c].dtype.kind in "biuf"]
    other = [c for c in frame.columns if c not in numeric]
    text = frame[other].astype(object).where(frame[other].notna(), "(missing)").astype(str)
    width = 2 * len(numeric) + sum(int(text[c].iloc[train].nunique()) for c in other)
    within_bound(8.0 * len(frame) * width, f"the table with its categories as {width} columns")
    table = frame[numeric].astype(np.float64).join(text)
    encoder = make_column_transformer(
        (SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), numeric),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), other),
    )
    return encoder.fit(table.iloc[train]), table


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


REDRAWS = 1000


def cut(dataset: Dataset, spec: RunSpec) -> Task:
    """The task of one trial. A pure function of the dataset and the spec.

    Raises BadData where the dataset is too small for the protocol, and TrialSkip where the
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
        X=X,
        y=dataset.y[train],
        X_test=X_test,
        y_test=dataset.y[split.test],
        start=start,
        n_classes=len(dataset.classes),
        batch=batch,
        rounds=-(-(budget - n_start) // batch),
        budget=budget,
        rows=train,
        rows_test=split.test,
        positive=dataset.positive,
        withheld=withheld,
        ties=protocol.ties,
        delay=protocol.delay,
        cost_budget=protocol.cost_budget,
        session=protocol.session,
        classes=dataset.classes,
        groups=groups_of(dataset)[train] if protocol.groups == "one" else None,
        tolerance=protocol.tolerance,
    )


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
        train = one_a_group(dataset, protocol, rng.permutation(split.train))
        start = drawn_start(dataset, protocol, train, amount(protocol.start, len(train)))
        if protocol.missing != "redraw" or seen(dataset, train, start) == len(dataset.classes):
            return complete(dataset, protocol, train, start)
    raise TrialSkip(f"no start with every class in {REDRAWS} draws")


def one_a_group(dataset: Dataset, protocol: Protocol, train: Ints) -> Ints:
    """Train rows in the order drawn; where groups count, the first row of each group first.

    Raises BadData where there are fewer groups than rows of the start.
    """
    if protocol.groups == "many":
        return train
    first = np.sort(np.unique(groups_of(dataset)[train], return_index=True)[1])
    k = len(dataset.classes) if protocol.start_rule == "per_class" else 1
    wanted = k * amount(protocol.start, len(train))
    if wanted > len(first):
        raise BadData(
            f"groups = one: a start of {wanted} rows of different groups; the train rows have "
            f"{len(first)} groups"
        )
    return np.concatenate([train[first], np.delete(train, first)])


def seen(dataset: Dataset, train: Ints, start: Ints) -> int:
    """How many classes a start holds."""
    return len(np.unique(dataset.y[train[start]]))


def complete(dataset: Dataset, protocol: Protocol, train: Ints, start: Ints) -> tuple[Ints, Ints]:
    """The start; raises TrialSkip where it lacks a class and the protocol skips such trials."""
    held, k = seen(dataset, train, start), len(dataset.classes)
    if protocol.groups == "one" and repeated(groups_of(dataset)[train[start]]):
        raise BadData("groups = one: the start rule finds no rows of different groups")
    if protocol.missing == "skip" and held < k:
        raise TrialSkip(f"the start lacks {k - held} of {k} classes")
    return train, start


def repeated(values: Ints) -> bool:
    """Whether a value stands twice."""
    return len(np.unique(values)) < len(values)


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
        X, X_test = encoded(dataset.X, train, test)
    if scale == "train":
        X, X_test = standardised(X, X_test)
    return np.ascontiguousarray(X), np.ascontiguousarray(X_test)
