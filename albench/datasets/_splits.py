"""Split rules and start rules, by name; those of publications, seeded as their code seeds them.

A split rule is a function of a dataset and a spec; it draws from the `split` stream, or
seeds as published from the trial. It returns train and test rows; a published rule may
also fix the pool order and the start.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from albench.core.arrays import Ints
from albench.core.errors import BadData, BadValue
from albench.core.spec import Protocol, RunSpec

if TYPE_CHECKING:
    from albench.datasets._dataset import Dataset


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
            np.arange(dataset.n),
            train_size=keep,
            test_size=dataset.n - keep,
            stratify=dataset.y,
            random_state=seed,
        )
    except ValueError as error:
        raise BadData(f"no stratified split: {error}") from error
    return checked(Split(train, test), dataset, spec.protocol)


def groups_of(dataset: "Dataset") -> Ints:
    """The group of each row; raises BadData where the dataset has none."""
    if dataset.groups is None:
        raise BadData("the dataset has no groups; name their column with group = ... in its entry")
    return dataset.groups


@rule("group")
def group_split(dataset: "Dataset", spec: RunSpec) -> Split:
    """Whole groups as test rows, drawn until they come nearest to the size asked for.

    No group has rows on both sides; the test part is larger or smaller by what the last group
    adds or lacks.
    """
    if spec.protocol.test == "source":
        return source_split(dataset)
    groups = groups_of(dataset)
    found, sizes = np.unique(groups, return_counts=True)
    if len(found) < 2:
        raise BadData("split = group: all rows are of one group")
    order = spec.rng("split").permutation(len(found))
    wanted = dataset.n - n_train(dataset.n, spec.protocol.test)
    filled = np.cumsum(sizes[order])[:-1]
    n_groups = int(np.argmin(np.abs(filled - wanted))) + 1
    test = np.isin(groups, found[order[:n_groups]])
    return checked(Split(np.flatnonzero(~test), np.flatnonzero(test)), dataset, spec.protocol)


@rule("time")
def time_split(dataset: "Dataset", spec: RunSpec) -> Split:
    """The latest rows as test rows, the same in every trial; the start is drawn.

    Rows of one time stay on one side: the earlier one, unless no test row would be left.
    """
    if spec.protocol.test == "source":
        return source_split(dataset)
    if dataset.times is None:
        raise BadData("the dataset has no times; name their column with time = ... in its entry")
    times = dataset.times
    border = np.sort(times)[max(0, n_train(dataset.n, spec.protocol.test) - 1)]
    test = times > border if (times > border).any() else times >= border
    return checked(Split(np.flatnonzero(~test), np.flatnonzero(test)), dataset, spec.protocol)


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


ZHAN_SEED = 4666
ZHAN_LEAST = 2


@rule("lu2023")
def lu2023_split(dataset: "Dataset", spec: RunSpec) -> Split:
    """The split of Lu et al. (2023), bit for bit; the trial is their seed.

    All rows are shuffled by `default_rng(seed)`; the first `int(n * (1 - test))` are
    train rows. A new `default_rng(seed)` shuffles these; the first ones are the start
    and the pool keeps this order. Nothing is stratified.
    """
    order = np.arange(dataset.n)
    np.random.default_rng(spec.trial).shuffle(order)
    at = int(dataset.n * (1 - float(spec.protocol.test)))
    train, test = order[:at].copy(), order[at:]
    np.random.default_rng(spec.trial).shuffle(train)
    n = amount_of_start(spec.protocol, len(train))
    return checked(Split(train, test, np.arange(n)), dataset, spec.protocol)


@rule("zhan2021")
def zhan2021_split(dataset: "Dataset", spec: RunSpec) -> Split:
    """The split of the released code of Zhan et al. (2021); the trial counts from 0.

    One generator of the standard library, seeded with 4666 when the program starts, draws
    trial after trial: `int(n * test)` test rows, then start sets until every class has two
    rows. The start stands first, in the order drawn; the rest of the pool is in file order.
    """
    n_start = amount_of_start(spec.protocol, dataset.n)
    labels = tuple(int(label) for label in dataset.y)
    n_test = int(dataset.n * float(spec.protocol.test))
    # trials are drawn in sequence: draw by the hundred, so that each is drawn once
    test, start = zhan_draws(labels, n_test, n_start, -(-(spec.trial + 1) // 100) * 100)[spec.trial]
    others = np.setdiff1d(np.arange(dataset.n), np.concatenate([test, start]))
    split = Split(np.concatenate([start, others]), test, np.arange(n_start))
    return checked(split, dataset, spec.protocol)


@lru_cache(maxsize=4)
def zhan_draws(labels: tuple[int, ...], n_test: int, n: int, k: int) -> list[tuple[Ints, Ints]]:
    """Test rows and start rows of the first k trials.

    Raises BadData where a class is so rare that the published redraws never end.
    """
    y, n_classes = np.array(labels), max(labels) + 1
    generator = random.Random(ZHAN_SEED)
    found: list[tuple[Ints, Ints]] = []
    while len(found) < k:
        test = np.array(generator.sample(range(len(y)), n_test), dtype=np.intp)
        rest = np.setdiff1d(np.arange(len(y)), test)
        if np.bincount(y[rest], minlength=n_classes).min() < ZHAN_LEAST or n < 2 * n_classes:
            raise BadData(f"trial {len(found)}: no start of {n} rows can hold two of each class")
        while True:
            start = rest[generator.sample(range(len(rest)), n)]
            if np.bincount(y[start], minlength=n_classes).min() >= ZHAN_LEAST:
                break
        found.append((test, start))
    return found


@rule("benz2024")
def benz2024_split(dataset: "Dataset", spec: RunSpec) -> Split:
    """The split of Benz (2024), bit for bit; the trial is the seed. No start: see `start = 0`.

    scikit-learn's `train_test_split`, stratified, with a `RandomState(trial)`; the train part
    keeps the order that it gives.
    """
    from sklearn.model_selection import train_test_split

    test = float(spec.protocol.test)
    try:
        train, rest = train_test_split(
            np.arange(dataset.n),
            test_size=test,
            train_size=1 - test,
            stratify=dataset.y,
            random_state=np.random.RandomState(spec.trial),
        )
    except ValueError as error:
        raise BadData(f"no stratified split: {error}") from error
    n = amount_of_start(spec.protocol, len(train))
    return checked(Split(train, rest, np.arange(n)), dataset, spec.protocol)


@rule("alpbench")
def alpbench_split(dataset: "Dataset", spec: RunSpec) -> Split:
    """Stratified test rows and a stratified start; a class it lacks gets one row on top.

    The shares of the classes in the start are those of the train rows, rounded by largest
    remainder. The rows are ours: the published generator is not followed.
    """
    split = stratified_split(dataset, spec)
    train = spec.rng("start").permutation(split.train)
    y, k = dataset.y[train], len(dataset.classes)
    counts = np.bincount(y, minlength=k)
    due = amount_of_start(spec.protocol, len(train)) * counts / len(train)
    share = np.floor(due).astype(np.intp)
    left = round(float(due.sum())) - int(share.sum())
    share[np.argsort(share - due, kind="stable")[:left]] += 1
    share = np.minimum(np.maximum(share, 1), counts)
    start = np.sort(np.concatenate([np.flatnonzero(y == c)[: share[c]] for c in range(k)]))
    return Split(train, split.test, start)


@rule("folds")
def folds_split(dataset: "Dataset", spec: RunSpec) -> Split:
    """Cross-validation, stratified: split s is fold s % k of shuffle s // k, k = round(1 / test).

    The test parts of k successive splits partition the rows.
    """
    from dataclasses import replace

    from sklearn.model_selection import StratifiedKFold

    k = round(1 / float(spec.protocol.test))
    number, fold = divmod(spec.split_number, k)
    first = replace(spec, trial=number * k * spec.protocol.starts_per_split)
    seed = int(first.rng("split").integers(2**32))
    if np.bincount(dataset.y).min() < k:
        raise BadData(f"{k} stratified folds need {k} rows of each class")
    folds = StratifiedKFold(k, shuffle=True, random_state=seed).split(dataset.y, dataset.y)
    train, test = list(folds)[fold]
    return checked(Split(train, test), dataset, spec.protocol)
