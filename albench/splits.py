"""Split rules and start rules, by name.

A split rule is a function of a dataset and a spec; it draws from the `split` stream, or
seeds as published from the trial. It returns train and test rows; a published rule may
also fix the pool order and the start.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from albench.errors import BadData, BadValue
from albench.learner import Ints
from albench.spec import Protocol, RunSpec

if TYPE_CHECKING:
    from albench.data import Dataset


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers of the dataset; with `start` (positions) `train` is the pool order."""

    train: Ints
    test: Ints
    start: Ints | None = None


SplitRule = Callable[["Dataset", RunSpec], Split]
SPLITS: dict[str, SplitRule] = {}


def rule(name: str) -> Callable[[SplitRule], SplitRule]:
    """Name a split rule."""

    def enter(function: SplitRule) -> SplitRule:
        SPLITS[name] = function
        return function

    return enter


def split_rule(name: str) -> SplitRule:
    """The rule of that name; raises BadValue with the names there are."""
    import albench.published_splits  # noqa: F401  registers the rules of publications

    if name not in SPLITS:
        raise BadValue(f"protocol: split = {name!r}; it is one of {', '.join(sorted(SPLITS))}")
    return SPLITS[name]


def n_train(n: int, test: int | float | str) -> int:
    """How many of n rows are train rows: `int(n * (1 - test))`, or n less a count."""
    return int(n * (1 - test)) if isinstance(test, float) else n - int(test)


def amount_of_start(protocol: Protocol, n_rows: int) -> int:
    """Labels at round 0: the count, or the share of the train rows, at least one."""
    start = protocol.start
    return max(1, int(start * n_rows)) if isinstance(start, float) else int(start)


def source_split(dataset: "Dataset") -> Split:
    """The dataset's own test rows; raises BadData where it has none."""
    if dataset.test_rows is None:
        raise BadData('test = "source", but the dataset has no test rows of its own')
    train = np.setdiff1d(np.arange(dataset.n), dataset.test_rows)
    return Split(train, dataset.test_rows)


@rule("random")
def random_split(dataset: "Dataset", spec: RunSpec) -> Split:
    """Test rows drawn uniformly (passively), or the source's own."""
    if spec.protocol.test == "source":
        return source_split(dataset)
    order = spec.rng("split").permutation(dataset.n)
    cut_at = n_train(dataset.n, spec.protocol.test)
    return checked(Split(order[:cut_at], order[cut_at:]), dataset, spec.protocol)


@rule("stratified")
def stratified_split(dataset: "Dataset", spec: RunSpec) -> Split:
    """Test rows drawn uniformly within each class, in proportion to the classes."""
    if spec.protocol.test == "source":
        return source_split(dataset)
    from sklearn.model_selection import train_test_split

    seed = int(spec.rng("split").integers(2**32))
    keep = n_train(dataset.n, spec.protocol.test)
    try:
        train, test = train_test_split(
            np.arange(dataset.n), train_size=keep, test_size=dataset.n - keep,
            stratify=dataset.y, random_state=seed,
        )  # fmt: skip
    except ValueError as error:
        raise BadData(f"no stratified split: {error}") from error
    return checked(Split(train, test), dataset, spec.protocol)


def checked(split: Split, dataset: "Dataset", protocol: Protocol) -> Split:
    """The split; raises BadData where one side of it is empty."""
    if not len(split.train) or not len(split.test):
        raise BadData(f"test = {protocol.test} of {dataset.n} rows leaves no train or no test rows")
    return split


def drawn_start(dataset: "Dataset", protocol: Protocol, train: Ints, n: int) -> Ints:
    """Positions of the start in `train`, which stands in random order already.

    Raises BadData where the train rows cannot hold such a start.
    """
    y, k = dataset.y[train], len(dataset.classes)
    wanted = n * k if protocol.start_rule == "per_class" else n
    if wanted > len(train):
        raise BadData(f"a start of {wanted} labels is larger than the {len(train)} train rows")
    if protocol.start_rule == "random":
        return np.arange(n)
    if protocol.start_rule == "per_class":
        return np.concatenate([first_of(dataset, y, c, n) for c in range(k)])
    if protocol.start_rule == "one_positive":
        if dataset.positive is None:
            raise BadData("start_rule = one_positive needs a dataset with a positive class")
        one = first_of(dataset, y, dataset.positive, 1)
        return np.concatenate([one, np.flatnonzero(y != dataset.positive)[: n - 1]])
    if n < k:
        raise BadData(f"a start of {n} labels cannot hold {k} classes")
    one_each = np.concatenate([first_of(dataset, y, c, 1) for c in range(k)])
    others = np.setdiff1d(np.arange(len(train)), one_each)[: n - k]
    return np.sort(np.concatenate([one_each, others]))


def first_of(dataset: "Dataset", y: Ints, label: int, n: int) -> Ints:
    """The first n positions of a class; raises BadData where there are fewer."""
    found = np.flatnonzero(y == label)
    if len(found) < n:
        raise BadData(
            f"class {dataset.classes[label]!r} has {len(found)} train rows; "
            f"the start rule needs {n}"
        )
    return found[:n]
