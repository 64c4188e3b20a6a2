"""Split rules of publications, replayed by hand, and the protocols built on them."""

import random
from typing import Any

import numpy as np
import pytest

from albench.core.errors import BadData, Skip
from albench.core.spec import Protocol, Ref, RunSpec
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.datasets._splits import split_rule
from albench.simulation.task import Task
from albench.suite.protocols import PROTOCOLS, PUBLISHED, protocol

R = Ref("none")


def table(n: int = 120, k: int = 2, d: int = 3, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    y = np.sort(np.concatenate([np.arange(k).repeat(4), rng.integers(k, size=n - 4 * k)]))
    return Dataset(rng.normal(size=(n, d)), y, tuple(map(str, range(k))))


def spec(value: Protocol | str, trial: int = 0) -> RunSpec:
    value = protocol(value) if isinstance(value, str) else value
    return RunSpec(R, R, R, R, value, trial)


@pytest.mark.parametrize("seed", [0, 7, 149])
def test_the_split_of_lu_bit_for_bit(seed: int) -> None:
    data = table(103)
    order = np.arange(103)
    np.random.default_rng(seed).shuffle(order)
    train, test = order[:61], order[61:]
    np.random.default_rng(seed).shuffle(train)
    try:
        task = cut(data, spec("lu2023", seed))
    except Skip:
        assert len(np.unique(data.y[train[:20]])) < 2
        return
    assert task.rows.tolist() == train.tolist()
    assert task.rows_test.tolist() == test.tolist()
    assert task.start.tolist() == list(range(20))
    assert (task.batch, task.rounds) == (1, 41)
    assert np.allclose(task.X.mean(axis=0), 0)
    assert np.allclose(task.X.std(axis=0), 1)


def test_a_seed_without_a_class_is_skipped_and_says_so() -> None:
    data = table(103)
    rare = Dataset(data.X, (np.arange(103) < 3).astype(np.intp), data.classes)
    reasons = set()
    for seed in range(30):
        try:
            cut(rare, spec("lu2023", seed))
        except Skip as skip:
            reasons.add(str(skip))
    assert reasons == {"the start lacks 1 of 2 classes"}


def by_hand(data: Dataset, trials: int) -> list[tuple[list[int], list[int], list[int]]]:
    """Test rows, start and pool of Zhan et al., with lists as their code has them."""
    generator, found, y = random.Random(4666), [], data.y.tolist()
    for _ in range(trials):
        left = list(range(len(y)))
        test = generator.sample(range(len(y)), int(len(y) * 0.4))
        for row in test:
            left.remove(row)
        while True:
            start = [left[i] for i in generator.sample(range(len(left)), 20)]
            if min(sum(y[r] == c for r in start) for c in set(y)) >= 2:
                break
        found.append((test, start, [row for row in left if row not in start]))
    return found


def test_the_trials_of_zhan_follow_from_one_generator() -> None:
    data = table(107, 3)
    for trial, (test, start, pool) in enumerate(by_hand(data, 4)):
        task = cut(data, spec("zhan2021", trial))
        assert task.rows_test.tolist() == test
        assert task.rows.tolist() == start + pool
        assert pool == sorted(pool)
        assert task.start.tolist() == list(range(20))
        assert np.array_equal(task.X, data.X[task.rows])
    assert spec("zhan2021").protocol.scale == "labeled"


def test_a_start_that_zhan_would_redraw_for_ever_is_an_error() -> None:
    data = table(40)
    rare = Dataset(data.X, (np.arange(40) < 2).astype(np.intp), data.classes)
    with pytest.raises(BadData, match="no start of 20 rows can hold two of each class"):
        cut(rare, spec("zhan2021", 20))


@pytest.mark.parametrize("seed", [0, 3])
def test_the_split_of_benz_bit_for_bit(seed: int) -> None:
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    data = table(150, 3)
    train, test = train_test_split(
        np.arange(150),
        test_size=0.3,
        train_size=1 - 0.3,
        stratify=data.y,
        random_state=np.random.RandomState(seed),
    )
    task = cut(data, spec("benz2024", seed))
    assert task.rows.tolist() == train.tolist()
    assert task.rows_test.tolist() == test.tolist()
    assert len(task.start) == 0
    assert (task.batch, task.budget) == (10, 105)
    scaler = StandardScaler().fit(np.asarray(data.X)[train])
    assert np.array_equal(task.X, scaler.transform(np.asarray(data.X)[train]))


def test_ties_to_the_bit_are_a_protocol_of_their_own() -> None:
    exact, usual = protocol("lu2023-exact"), protocol("lu2023")
    assert exact.tolerance == 0.0
    assert usual.tolerance is None
    data = table(103)
    one, other = (cut(data, spec(name, 1)) for name in ("lu2023-exact", "lu2023"))
    assert one.rows.tolist() == other.rows.tolist()
    assert (one.tolerance, other.tolerance) == (0.0, None)


def test_folds_partition_the_rows() -> None:
    data, value = table(123, 3), protocol("desreumaux2020")
    for first in (0, 5):
        tests = [split_rule("folds")(data, spec(value, first + t)).test for t in range(5)]
        assert sorted(np.concatenate(tests).tolist()) == list(range(123))
    one, other = (split_rule("folds")(data, spec(value, t)).test.tolist() for t in (0, 5))
    assert one != other


def test_the_start_of_alpbench_is_stratified_and_complete() -> None:
    data = table(600, 6)
    y = np.concatenate([data.y, np.full(8, 6)])
    data = Dataset(np.vstack([data.X, data.X[:8]]), y, (*data.classes, "rare"))
    task = cut(data, spec("alpbench-small"))
    counts = np.bincount(task.y[task.start], minlength=7)
    assert counts.min() >= 1
    assert 30 <= counts.sum() <= 31
    share = np.bincount(task.y, minlength=7) / len(task.y) * 30
    assert np.abs(counts - share)[:6].max() < 1
    assert len(task.y_test) == pytest.approx(0.33 * data.n, abs=1)


def shape(name: str, data: Dataset) -> Task:
    return cut(data, spec(name))


def test_the_sizes_of_the_settings() -> None:
    big = table(6000, 2)
    for size, (start, batch) in {"small": (30, 10), "medium": (100, 50)}.items():
        for family in ("alpbench", "bahri2022"):
            task = shape(f"{family}-{size}", big)
            assert (len(task.start), task.batch, task.rounds) == (start, batch, 20)
    task = shape("openal", table(45211, 2))
    assert (len(task.start), task.batch) == (45, 45)
    assert 10 <= (task.budget - 45) / 45 < 10.1
    task = shape("ogal-5", table(2000, 4))
    assert (len(task.start), task.batch, task.budget) == (4, 5, 500)
    assert len({spec("ogal", t).split_number for t in range(100)}) == 5
    data = table(500, 2)
    fixed = Dataset(data.X, data.y, data.classes, test_rows=np.arange(300, 500))
    task = shape("cdalbench-tabular", fixed)
    assert task.rows_test.tolist() == list(range(300, 500))
    assert len(task.start) == 2


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_published_protocol_says_what_is_known_of_it(name: str) -> None:
    text: Any = PROTOCOLS[name][1]
    for word in ("Verified", "Inferred", "Differs"):
        assert word in text
    assert "\n\n" in text
    assert len(text.splitlines()[0]) <= 100
