"""What a strategy is given leads to no task, test row, unbought label or row number."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import albench
from albench.core.errors import BadPlugin, StrategyError
from albench.core.spec import Protocol, Ref, RunSpec
from albench.core.traits import traits_of
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.models import engines
from albench.simulation.loop import simulate
from albench.simulation.oracles import oracle
from albench.simulation.query import FileQuery, Query
from albench.simulation.task import Task

MODELS = ("logreg", "svc-rbf", "forest", "knn", "gnb")


def a_task() -> Task:
    rng = np.random.default_rng(5)
    y = np.arange(90) % 3
    X = rng.normal(size=(90, 4)) + y[:, None]
    data = Dataset(X, y.astype(np.intp), ("a", "b", "c"), None)
    spec = RunSpec(Ref("d"), Ref("s"), Ref("logreg"), Ref("logreg"), Protocol(start=9, batch=5))
    return cut(data, spec)


def run(strategy: Any, model: str = "logreg", sight: Any = "pool") -> list[Any]:
    task = a_task()
    ref = albench.core.registry.resolve("model", model)
    learner = engines.learner(ref, task, lambda n: n)
    rounds = simulate(
        task,
        strategy,
        learner,
        learner,
        oracle(Protocol(), task, np.random.default_rng(0)),
        metrics={},
        rng=np.random.default_rng(1),
        sight=sight,
    )
    return [next(rounds), next(rounds)]


def within(thing: Any) -> Iterator[Any]:
    """What the attributes of a thing hold, whatever kind of thing it is."""
    yield from getattr(thing, "__dict__", {}).values()
    for kind in type(thing).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            yield getattr(thing, name, None)
    for name in ("__closure__", "__self__", "__func__", "__wrapped__", "func", "args", "keywords"):
        yield getattr(thing, name, None)
    for name in ("cell_contents", "base"):
        try:
            yield getattr(thing, name, None)
        except ValueError:  # an empty cell
            continue
    if isinstance(thing, dict):
        yield from (*thing, *thing.values())
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from thing


def reached(start: Any) -> list[Any]:
    """Everything that attributes lead to; modules and the registry of classes left out."""
    found: dict[int, Any] = {}
    left = [start]
    while left:
        thing = left.pop()
        if id(thing) in found or isinstance(thing, str | int | float | bytes | type | None):
            continue
        if type(thing).__name__ in ("module", "mappingproxy", "property", "Entry"):
            continue
        found[id(thing)] = thing
        left.extend(within(thing))
    return list(found.values())


@pytest.mark.parametrize("model", MODELS)
def test_no_attribute_leads_to_a_task(model: str) -> None:
    seen: list[Any] = []

    def look(query: Query) -> Any:
        fitted = query.fitted
        seen.append(query)
        held = [query, fitted, fitted.estimator, query.margins, query.fitted.predicted("train")]
        member = query.trained(query.make_model, 3, query.labeled, query.y_labeled)
        held += [member, member.predicted("train"), query.fitted.proba("train")]
        held += [query.once("distances", lambda: 1.0)]
        seen.extend(reached(held))
        return query.pool[: query.n]

    run(look, model)
    names = {type(thing).__name__ for thing in seen}
    assert not names & {"Task", "Asking", "Ledger", "Exact", "KernelRows", "Memo", "Shared"}
    task = a_task()
    arrays = [thing for thing in seen if isinstance(thing, np.ndarray)]
    assert len(arrays) > 5
    for array in arrays:
        assert array.shape[:1] != (len(task.X_test),)
        for hidden in (task.y, task.rows):
            assert array.shape != hidden.shape or not np.array_equal(array, hidden)


def test_names_of_hidden_things_are_gone() -> None:
    def look(query: Query) -> Any:
        for name in ("rows", "reveal", "task", "X_test", "y_test", "y"):
            assert not hasattr(query, name)
        for what in ("proba", "decision", "predicted"):
            with pytest.raises(StrategyError, match="train rows only"):
                getattr(query.fitted, what)("test")
        for sealed in (query.fit, query.tell, query.engine):
            for name in ("__closure__", "__self__", "__dict__", "func", "args"):
                assert not hasattr(sealed, name)
        return query.pool[: query.n]

    run(look)


def test_the_seal_answers_what_is_listed_alone() -> None:
    from albench.simulation.seal import Call

    def look(query: Query) -> Any:
        answer = query.fitted._answer
        for name in ("__dict__", "learner", "views", "task", "shared"):
            with pytest.raises(StrategyError, match="for a strategy"):
                answer(Call(name))
        with pytest.raises(StrategyError, match="train rows only"):
            answer(Call("proba", "test", None))
        return query.pool[: query.n]

    run(look)


def test_what_is_told_must_be_bought_however_it_was_asked() -> None:
    def clears(query: Query) -> Any:
        assert query.tell is not None
        query.ask(int(query.pool[-1]))
        query.log.clear()
        query.tell(int(query.pool[-2]))
        return query.pool[: query.n]

    with pytest.raises(StrategyError, match="and did not buy it"):
        run(clears)


def test_no_more_labels_are_told_than_rows_are_due() -> None:
    told: list[int] = []

    def greedy(query: Query) -> Any:
        assert query.tell is not None
        with pytest.raises(StrategyError, match="more labels than the 5 rows due"):
            told.extend(query.tell(int(position)) for position in query.pool)
        with pytest.raises(StrategyError, match="not in the pool"):
            query.tell(int(query.labeled[0]))
        return query.pool[: query.n]

    run(greedy)
    assert len(told) <= 5


def test_a_strategy_cannot_enlarge_its_batch() -> None:
    def more(query: Query) -> Any:
        vars(query).update(n=12, pool=np.arange(len(query.X)))
        return np.arange(12)

    with pytest.raises(StrategyError, match="5 are due"):
        run(more)


def test_row_numbers_are_a_declared_control() -> None:
    def look(query: Query) -> Any:
        assert isinstance(query, FileQuery)
        assert query.rows.tolist() == a_task().rows.tolist()
        return query.pool[: query.n]

    run(look, sight="file")
    with pytest.raises(BadPlugin, match="family = 'control'"):
        traits_of("strategy", "mine", "1", {"rows": True})
    assert traits_of("strategy", "mine", "1", {"rows": True, "family": "control"}).rows


def test_the_search_itself_finds_what_is_not_sealed() -> None:
    task = a_task()
    learner = engines.learner(albench.core.registry.resolve("model", "logreg"), task, lambda n: n)
    bare = learner.fit(task.start, task.y[task.start])
    assert "Task" in {type(thing).__name__ for thing in reached([lambda: bare])}
