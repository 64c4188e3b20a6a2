"""Split rules of publications, seeded as their released code seeds them."""

import random
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from albench.errors import BadData
from albench.learner import Ints
from albench.spec import RunSpec
from albench.splits import Split, amount_of_start, checked, rule, stratified_split

if TYPE_CHECKING:
    from albench.data import Dataset

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
