"""Oracles, what labels cost, and the limits that a protocol sets."""

import numpy as np
import pytest

from albench.core.errors import BadData, BadValue, RunError, Skip, UnknownName
from albench.core.registry import build, resolve
from albench.core.spec import Protocol, RunSpec
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.models.engines import learner
from albench.simulation.loop import simulate
from albench.simulation.oracles import oracle, scaled_to

LOGREG = resolve("model", "logreg")


def spec(protocol: Protocol, strategy: str = "random", trial: int = 0) -> RunSpec:
    return RunSpec(
        resolve("dataset", "wdbc"), resolve("strategy", strategy), LOGREG, LOGREG, protocol, trial
    )


def table() -> Dataset:
    """Two overlapping clouds with names for the classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=400)
    return Dataset.of(rng.normal(size=(400, 3)) + y[:, None], np.array(["no", "yes"])[y], "yes")


def asked(given: object = "exact", cost: object = None, trial: int = 0, **fields: object):
    """The oracle of a protocol on one cut, and the task."""
    protocol = Protocol(
        oracle=resolve("oracle", given),
        cost=None if cost is None else resolve("cost", cost),
        **fields,
    )
    one = spec(protocol, trial=trial)
    task = cut(table(), one)
    return oracle(protocol, task, one.rng("oracle")), task


def rounds(protocol: Protocol, strategy: str = "random", data: Dataset | None = None):
    """The rounds of one run."""
    one = spec(protocol, strategy)
    task = cut(data or table(), one)
    fit = learner(LOGREG, task, lambda n: 0)
    answers = oracle(protocol, task, one.rng("oracle"))
    return list(
        simulate(
            task,
            build("strategy", one.strategy),
            fit,
            fit,
            answers,
            metrics={},
            rng=one.rng("strategy"),
            trace=True,
        )
    )


def everything(given: object, **more: object):
    source, task = asked(given, **more)
    return source.answer(np.arange(len(task.y))), task


# ------------------------------------------------------------------ who answers
def test_the_default_protocol_keeps_its_identity() -> None:
    assert Protocol().table() == {}
    assert Protocol(session=3.0).table() == {"session": 3.0}


def test_exact_answers_are_true_and_cost_one() -> None:
    source, task = asked()
    rows = np.array([3, 1, 7])
    assert source.answer(rows).tolist() == task.y[rows].tolist()
    assert source.prices(rows).tolist() == [1.0, 1.0, 1.0]
    assert source.overhead == 0.0


@pytest.mark.parametrize("name", ["uniform", "boundary", "pairflip"])
def test_the_share_of_mistakes_is_the_rate(name: str) -> None:
    shares = []
    for trial in range(40):
        answers, task = everything({"use": name, "rate": 0.2}, trial=trial)
        shares.append(np.mean(answers != task.y))
    assert np.mean(shares) == pytest.approx(0.2, abs=0.015)


def test_mistakes_depend_on_row_and_trial_only() -> None:
    one, _ = everything({"use": "uniform", "rate": 0.2})
    again, _ = everything({"use": "uniform", "rate": 0.2})
    other, _ = everything({"use": "uniform", "rate": 0.2}, trial=1)
    longer, _ = everything({"use": "uniform", "rate": 0.2}, budget=120, batch=5)
    assert (one == again).all()
    assert (one == longer).all()
    assert (one != other).any()
    asks, _ = asked({"use": "uniform", "rate": 0.2})
    rows = np.array([5, 2, 2, 9])
    assert asks.answer(rows).tolist() == one[rows].tolist() == asks.answer(rows).tolist()


def test_two_strategies_meet_the_same_mistakes() -> None:
    protocol = Protocol(oracle=resolve("oracle", {"use": "uniform", "rate": 0.3}), budget=200)
    seen: dict[int, int] = {}
    shared = 0
    for name in ("random", "margin"):
        for part in rounds(protocol, name):
            for pick, label in zip(part.picks, part.labels, strict=True):
                shared += pick in seen
                assert seen.setdefault(int(pick), int(label)) == label
    assert shared > 20


def test_boundary_mistakes_crowd_where_classes_meet() -> None:
    from albench.simulation.oracles import reference_proba
    from albench.simulation.query import gap

    near, far = [], []
    for trial in range(20):
        answers, task = everything({"use": "boundary", "rate": 0.1}, trial=trial)
        margin = gap(reference_proba(task))
        wrong, order = answers != task.y, np.argsort(margin)
        near.append(wrong[order[: len(order) // 5]].mean())
        far.append(wrong[order[-len(order) // 5 :]].mean())
    assert np.mean(near) > 5 * np.mean(far)


def test_scaled_weights_have_the_mean_asked_for_and_stay_below_one() -> None:
    weights = np.random.default_rng(1).exponential(size=1000) ** 3
    for rate in (0.01, 0.3, 0.9):
        chance = scaled_to(weights, rate)
        assert chance.mean() == pytest.approx(rate, abs=1e-12)
        assert chance.max() <= 1.0
        free = chance < 1
        assert np.allclose(chance[free] / weights[free], chance[free][0] / weights[free][0])


def test_confusion_follows_its_matrix() -> None:
    matrix = [[1.0, 0.0], [0.25, 0.75]]
    wrong = []
    for trial in range(30):
        answers, task = everything({"use": "confusion", "matrix": matrix}, trial=trial)
        assert (answers[task.y == 0] == 0).all()
        wrong.append(np.mean(answers[task.y == 1] == 0))
    assert np.mean(wrong) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("matrix", [[[1.0]], [[0.5, 0.6], [0.0, 1.0]], [[1.0, 0.0], [1.0]]])
def test_a_matrix_that_does_not_fit_is_refused(matrix: list[list[float]]) -> None:
    with pytest.raises(BadData, match="confusion"):
        asked({"use": "confusion", "matrix": matrix})


def test_abstained_rows_cost_leave_the_pool_and_carry_no_label() -> None:
    answers, task = everything({"use": "abstaining", "rate": 0.3, "base": "uniform"})
    assert 0.2 < np.mean(answers == -1) < 0.4
    assert 0 < np.mean(answers[answers >= 0] != task.y[answers >= 0]) < 0.2
    protocol = Protocol(oracle=resolve("oracle", {"use": "abstaining", "rate": 0.3}), budget=80)
    parts = rounds(protocol, "margin")
    bought = np.concatenate([part.picks for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    assert len(bought) == len(set(bought)) == parts[-1].cost == 80
    assert parts[-1].n_labeled == np.sum(labels >= 0) < 80


def test_an_oracle_that_never_answers_costs_the_run_with_a_message() -> None:
    from albench.simulation.oracles import Answers, Priced, Prices

    class Mute:
        overhead = 0.0
        answer = staticmethod(lambda rows: np.full(len(rows), -1))
        prices = staticmethod(lambda rows: np.ones(len(rows)))

    assert Priced(Answers.of(np.array([-1])), Prices(np.ones(1))).answer(np.array([0])) == [-1]
    one = spec(Protocol())
    task = cut(table(), one)
    fit = learner(LOGREG, task, lambda n: 0)
    with pytest.raises(RunError, match="abstained on all 20"):
        next(
            simulate(
                task,
                build("strategy", one.strategy),
                fit,
                fit,
                Mute(),
                metrics={},
                rng=one.rng("strategy"),
            )
        )


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"use": "uniform", "rate": 1.5}, BadValue),
        ({"use": "uniform", "rat": 0.1}, UnknownName),
        ("unifrom", UnknownName),
        ({"use": "confusion"}, BadValue),
        ({"use": "recorded", "path": "no/such.csv"}, BadValue),
    ],
)
def test_a_wrong_oracle_is_one_clear_message(given: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"protocol: .*(oracle|uniform|no such file)"):
        resolve("oracle", given, "protocol")


# ------------------------------------------------------------ recorded annotators
def recorded_file(tmp_path, rows=range(400), header="row,annotator,label,seconds", seconds="2"):
    """Three annotators a row: two say what is true, the third the opposite."""
    data = table()
    lines = [header]
    for row in rows:
        true, other = data.classes[data.y[row]], data.classes[1 - data.y[row]]
        lines += [
            f"{row},{who},{said},{seconds}"
            for who, said in (("ann", true), ("bob", other), ("cid", true))
        ]
    path = tmp_path / "annotators.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_a_majority_of_all_recorded_annotators_is_right_here(tmp_path) -> None:
    given = {"use": "recorded", "path": recorded_file(tmp_path), "votes": "all"}
    source, task = asked(given, cost={"use": "seconds", "rate": 0.5})
    rows = np.arange(len(task.y))
    assert (source.answer(rows) == task.y).all()
    assert source.prices(rows[:2]).tolist() == [3.0, 3.0]
    assert asked(given)[0].prices(rows[:1]).tolist() == [3.0]


def test_one_vote_is_a_draw_among_the_annotators(tmp_path) -> None:
    given = {"use": "recorded", "path": recorded_file(tmp_path)}
    wrong = [
        np.mean(np.not_equal(*(lambda a, t: (a, t.y))(*everything(given, trial=trial))))
        for trial in range(20)
    ]
    assert np.mean(wrong) == pytest.approx(1 / 3, abs=0.03)
    assert asked(given)[0].prices(np.arange(1)).tolist() == [1.0]


def test_the_content_of_a_recorded_table_is_its_identity(tmp_path) -> None:
    path = recorded_file(tmp_path)
    here = resolve("oracle", {"use": "recorded", "path": path})
    (tmp_path / "sub").mkdir()
    moved = resolve("oracle", {"use": "recorded", "path": recorded_file(tmp_path / "sub")})
    assert here == moved
    assert here.source != moved.source
    protocol = Protocol(oracle=here)
    with open(path, "a") as file:
        file.write("0,dan,yes,1\n")
    with pytest.raises(BadData, match="content changed"):
        oracle(protocol, cut(table(), spec(protocol)), np.random.default_rng(0))
    again = Protocol.from_table(protocol.table())
    with pytest.raises(BadData, match="name its path"):
        oracle(again, cut(table(), spec(again)), np.random.default_rng(0))


def test_a_table_that_lacks_a_row_is_refused_or_abstains(tmp_path) -> None:
    path = recorded_file(tmp_path, rows=range(300))
    with pytest.raises(BadData, match=r"no label of dataset row 30.* more train rows"):
        asked({"use": "recorded", "path": path})
    answers, task = everything({"use": "recorded", "path": path, "missing": "abstain"})
    assert ((answers == -1) == (task.rows >= 300)).all()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"header": "line,annotator,label,seconds"}, "no column 'row'"),
        ({"seconds": "-1"}, "missing or negative"),
        ({"rows": [0], "header": "row,label,annotator,seconds"}, "is no class of the dataset"),
    ],
)
def test_a_recorded_table_of_another_shape_is_refused(tmp_path, change, match) -> None:
    with pytest.raises(BadData, match=match):
        asked({"use": "recorded", "path": recorded_file(tmp_path, **change)})


# ------------------------------------------------------------------ what it costs
def test_a_price_per_class_and_a_fee_per_batch() -> None:
    cost = {"use": "per_class", "classes": ["yes"], "prices": [5.0], "other": 2.0, "batch": 10.0}
    source, task = asked(cost=cost)
    assert source.prices(np.arange(50)).tolist() == np.where(task.y[:50] == 1, 5.0, 2.0).tolist()
    assert source.overhead == 10.0
    parts = rounds(Protocol(cost=resolve("cost", cost), budget=40))
    for part in parts:
        picks = np.concatenate([p.picks for p in parts[: part.round + 1]])
        assert part.cost == pytest.approx(10.0 * (part.round + 1) + source.prices(picks).sum())


def test_lognormal_prices_have_the_mean_asked_for_and_stay_put() -> None:
    cost = {"use": "lognormal", "mean": 3.0, "sigma": 0.5}
    all_prices = [asked(cost=cost, trial=t)[0].prices(np.arange(240)) for t in range(20)]
    assert np.mean(all_prices) == pytest.approx(3.0, rel=0.03)
    assert (all_prices[0] == asked(cost=cost)[0].prices(np.arange(240))).all()


def test_prices_by_row_come_from_a_table(tmp_path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("row,cost\n" + "".join(f"{i},{i / 2}\n" for i in range(400)))
    source, task = asked(cost={"use": "per_row", "path": str(path)})
    assert source.prices(np.arange(9)).tolist() == (task.rows[:9] / 2).tolist()


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ("".join(f"{i},1\n" for i in range(100)), "no cost of dataset row"),
        ("".join(f"{i},-1\n" for i in range(400)), "is negative"),
        ("".join(f"{i},\n" for i in range(400)), "no cost of dataset row"),
        ("".join(f"{i},dear\n" for i in range(400)), "something else than numbers"),
        ("".join(f"{i % 399},1\n" for i in range(400)), "stands twice"),
    ],
)
def test_a_table_of_prices_that_cannot_be_used_is_refused(tmp_path, rows, match) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("row,cost\n" + rows)
    with pytest.raises(BadData, match=match):
        asked(cost={"use": "per_row", "path": str(path)})


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"use": "constant", "label": -1.0}, "greater than 0"),
        ({"use": "constant", "label": 0.0}, "greater than 0"),
        ({"use": "constant", "batch": -1.0}, "greater than or equal to 0"),
        ({"use": "constant", "label": float("nan")}, "greater than 0"),
    ],
)
def test_costs_that_are_negative_or_null_are_refused(given: object, match: str) -> None:
    with pytest.raises(BadValue, match=match):
        resolve("cost", given, "protocol")


def test_costs_that_do_not_fit_the_dataset_are_refused() -> None:
    with pytest.raises(BadData, match="'maybe' is no class"):
        asked(cost={"use": "per_class", "classes": ["maybe"], "prices": [2.0]})
    with pytest.raises(BadData, match="2 classes, 1 prices"):
        asked(cost={"use": "per_class", "classes": ["yes", "no"], "prices": [2.0]})
    dear, task = asked(cost={"use": "per_class", "positive": 5.0})
    assert dear.prices(np.arange(60)).tolist() == (1.0 + 4.0 * task.y[:60]).tolist()
    with pytest.raises(BadData, match="recorded seconds"):
        asked(cost="seconds")


# --------------------------------------------------- budget, session, delay
def test_buying_stops_before_the_cost_budget_is_exceeded() -> None:
    cost = resolve("cost", {"use": "constant", "label": 2.0, "batch": 1.0})
    parts = rounds(Protocol(cost=cost, cost_budget=76.0, budget=200), "margin")
    assert [len(part.picks) for part in parts] == [20, 10, 6]
    assert [part.cost for part in parts] == [41.0, 62.0, 75.0]
    assert all(len(part.margin_rank) == len(part.picks) for part in parts[1:])
    whole = rounds(Protocol(cost=cost, budget=36), "margin")
    assert parts[2].picks.tolist() == whole[2].picks[:6].tolist()


def test_a_cost_budget_that_buys_nothing() -> None:
    only_start = rounds(Protocol(cost_budget=20.5))
    assert [len(part.picks) for part in only_start] == [20]
    with pytest.raises(Skip, match="the start costs 20, above the cost budget of 19"):
        rounds(Protocol(cost_budget=19.0))
    for wrong in (0, -5.0, "much", True):
        with pytest.raises(BadValue, match="cost_budget"):
            Protocol(cost_budget=wrong)


def test_a_session_cuts_its_last_batch_short() -> None:
    parts = rounds(Protocol(session=25.0, budget=80))
    assert [len(part.picks) for part in parts] == [20, 10, 10, 5, 10, 10, 5, 10]
    dear = rounds(
        Protocol(session=3.0, cost=resolve("cost", {"use": "constant", "label": 5.0}), budget=23)
    )
    assert [len(part.picks) for part in dear] == [20, 1, 1, 1]
    with pytest.raises(BadValue, match="session"):
        Protocol(session=0.0)


def test_delayed_labels_arrive_later_and_are_paid_at_once() -> None:
    parts = rounds(Protocol(delay=2, budget=60), "margin")
    assert [part.n_labeled for part in parts] == [20, 20, 20, 30, 40, 50, 60]
    assert [part.cost for part in parts] == [20, 30, 40, 50, 60, 60, 60]
    bought = np.concatenate([part.picks for part in parts])
    assert len(set(bought)) == len(bought) == 60
    short = rounds(Protocol(delay=2, cost_budget=45.0), "margin")
    assert [part.n_labeled for part in short] == [20, 20, 20, 30, 40, 45]


def test_oracles_and_costs_are_listed_and_shown(capsys) -> None:
    from albench.cli import exit_code

    for kind, name in (("oracles", "boundary"), ("costs", "per_class")):
        assert exit_code(["list", kind, "--format", "csv"]) == 0
        assert f"\n{name}," in capsys.readouterr().out
        assert exit_code(["show", kind[:-1], name]) == 0
        assert f"{kind[:-1]} {name}, version 1" in capsys.readouterr().out


def test_a_suite_names_oracle_and_cost_with_paths_relative_to_it(tmp_path) -> None:
    from albench.suite.toml import load_suite

    recorded_file(tmp_path)
    (tmp_path / "s.toml").write_text(
        'datasets = ["wdbc"]\nmodels = ["logreg"]\nstrategies = ["random"]\n'
        "[protocol]\n"
        'oracle = {use = "recorded", path = "annotators.csv", votes = 3}\n'
        'cost = {use = "seconds", rate = 0.5}\ncost_budget = 300.0\nsession = 60.0\n'
    )
    protocol = load_suite(tmp_path / "s.toml").specs[0].protocol
    assert protocol.oracle.source == str(tmp_path / "annotators.csv")
    assert dict(protocol.oracle.params)["votes"] == 3
    assert protocol.cost == resolve("cost", {"use": "seconds", "rate": 0.5})
    (tmp_path / "s.toml").write_text(
        'datasets = ["wdbc"]\nmodels = ["logreg"]\nstrategies = ["random"]\n'
        'protocol = {oracle = {use = "unifrom"}}\n'
    )
    with pytest.raises(UnknownName, match=r"s.toml: protocol: oracle: .*did you mean 'uniform'"):
        load_suite(tmp_path / "s.toml")
