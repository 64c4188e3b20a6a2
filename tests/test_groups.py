"""Splits that respect the data: whole groups on one side, test later than train."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from albench.core.errors import BadData, BadValue
from albench.core.spec import Protocol, Ref, RunSpec
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.simulation.learner import Learner
from albench.simulation.loop import Bought

N = 60
RNG = np.random.default_rng(3)
GROUPS = RNG.permutation(np.repeat(np.arange(15), 4))
TIMES = RNG.permutation(np.arange(N) // 3).astype(float)
DATA = replace(Dataset.of(RNG.normal(size=(N, 2)), np.arange(N) % 2), groups=GROUPS, times=TIMES)


def spec(trial: int = 0, **fields: Any) -> RunSpec:
    protocol = Protocol(**{"start": 4, "batch": 5, "budget": 24, **fields})
    return RunSpec(Ref("d"), Ref("s"), Ref("gnb"), Ref("gnb"), protocol, trial)


def test_no_group_has_rows_on_both_sides() -> None:
    sides = set()
    for trial in range(20):
        task = cut(DATA, spec(trial, split="group"))
        assert not set(GROUPS[task.rows]) & set(GROUPS[task.rows_test])
        assert len(task.rows) + len(task.rows_test) == N
        assert len(task.rows_test) == 24  # 0.4 of 60 rows are six groups of four
        sides.add(frozenset(GROUPS[task.rows_test]))
    assert len(sides) > 10


def test_groups_of_unequal_size_come_nearest_to_the_share() -> None:
    sizes = [30, 10, 10, 5, 5]
    uneven = replace(DATA, groups=np.repeat(np.arange(5), sizes))
    for trial in range(20):
        n_test = len(cut(uneven, spec(trial, split="group")).rows_test)
        order = spec(trial, split="group").rng("split").permutation(5)
        filled = np.cumsum(np.array(sizes)[order])[:-1]
        assert abs(n_test - 24) == np.abs(filled - 24).min()


def test_test_rows_are_later_than_train_rows() -> None:
    for test in (0.4, 0.33, 7):
        task = cut(DATA, spec(split="time", test=test))
        assert TIMES[task.rows].max() < TIMES[task.rows_test].min()
    assert len(cut(DATA, spec(split="time")).rows_test) == 24
    last = replace(DATA, times=np.repeat([0.0, 1.0], [10, 50]))  # the border lies in a tie
    assert sorted(cut(last, spec(split="time", test=0.4)).rows_test) == list(range(10, 60))


def test_what_the_data_lack_is_said() -> None:
    plain = replace(DATA, groups=None, times=None)
    for fields, said in (
        ({"split": "group"}, "no groups; name their column with group"),
        ({"split": "time"}, "no times; name their column with time"),
        ({"groups": "one"}, "no groups"),
    ):
        with pytest.raises(BadData, match=said):
            cut(plain, spec(**fields))
    with pytest.raises(BadData, match="one group"):
        cut(replace(DATA, groups=np.zeros(N, dtype=np.intp)), spec(split="group"))
    with pytest.raises(
        BadData, match="start of 10 rows of different groups; the train rows have 9"
    ):
        cut(DATA, spec(split="group", groups="one", start=10))
    with pytest.raises(BadValue, match="groups = 'two'"):
        Protocol(groups="two")


@pytest.mark.parametrize("rule", ["random", "cover", "one_positive"])
def test_the_start_has_one_row_of_a_group(rule: str) -> None:
    data = replace(DATA, positive=1)
    for trial in range(10):
        task = cut(data, spec(trial, groups="one", start_rule=rule, start=6))
        assert len(set(GROUPS[task.rows[task.start]])) == len(task.start) == 6


def test_a_batch_has_one_row_of_a_group_and_the_budget_is_spent() -> None:
    from albench.core import registry
    from albench.models import engines
    from albench.simulation.loop import simulate
    from albench.simulation.oracles import oracle

    asked = spec(split="group", groups="one")
    task = cut(DATA, asked)
    model = registry.resolve("model", "gnb")
    learner: Learner = engines.learner(model, task, lambda n: n)
    rounds = list(
        simulate(
            task,
            lambda query: query.pool[: query.n],
            learner,
            learner,
            oracle(asked.protocol, task, asked.rng("oracle")),
            metrics={},
            rng=np.random.default_rng(0),
        )
    )
    batches = [GROUPS[task.rows[r.picks]] for r in rounds]
    assert all(len(set(groups)) == len(groups) for groups in batches)
    assert sum(map(len, batches)) == 24
    assert any(len(groups) < 5 for groups in batches[1:-1])


def test_the_first_pick_of_each_group_stays() -> None:
    bought = Bought(np.array([5, 3, 4, 1]), np.array([0.5, 0.4, 0.3, 0.2]))
    kept = bought.one_of_each(np.array([0, 7, 0, 7, 2, 9]))
    assert kept.picks.tolist() == [5, 3, 4]
    assert kept.probability is not None
    assert kept.probability.tolist() == [0.5, 0.4, 0.3]


def test_a_default_never_stands_in_the_json() -> None:
    assert "groups" not in Protocol().json
    assert Protocol.from_table(Protocol(groups="one").table()) == Protocol(groups="one")
    assert spec().key("split") == [
        "split",
        [Ref("d").table(), "random", 0.4, 4, "random", "allow", 0],
    ]
