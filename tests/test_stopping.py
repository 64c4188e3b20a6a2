"""Stopping rules: each against numbers worked out by hand, the contract of all, and in a run."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from albench.core import registry
from albench.core.errors import BadValue, Skip, StrategyError, UnknownName
from albench.core.registry import build, names, resolve
from albench.core.spec import Protocol, RunSpec
from albench.core.tables import rounds_table, runs_table
from albench.datasets._cut import cut
from albench.models.engines import learner
from albench.runner.cuts import cuts
from albench.runner.stops import replayed
from albench.runner.worker import Options, resident, run_one
from albench.simulation.loop import simulate
from albench.simulation.oracles import oracle
from albench.simulation.stopping import Watch, checked, entropy, probabilities, sigmoid
from albench.stopping_rules import converged, disagreement, kappa
from albench.testing.stopping import make_stop_query

RULES = [n for n in names("stopping") if registry.entry("stopping", n).plugin is None]
LOGREG = resolve("model", "logreg")
EVEN = np.array([0.5, 0.5])


def rule(name: str, **params: Any) -> Any:
    """A new rule."""
    return build("stopping", resolve("stopping", {"use": name, **params}))


def asked(proba: Any, labeled: Any = (0, 1), **more: Any) -> Any:
    """A question about as many rows as there are probabilities; the first two are labelled."""
    table = np.asarray(proba, dtype=float)
    return make_stop_query(
        np.arange(2.0 * len(table)).reshape(-1, 2),
        labeled,
        [0, 1, *[0] * (len(labeled) - 2)],
        table,
        **more,
    )


def rows(*first: float) -> Any:
    """Probabilities of two classes by that of the first."""
    return np.array([[p, 1 - p] for p in first])


# ------------------------------------------------------------------ each by hand
def test_entropy_is_shannons_in_nats() -> None:
    assert entropy(rows(0.5, 1.0, 0.9)).tolist() == pytest.approx(
        [np.log(2), 0.0, -0.9 * np.log(0.9) - 0.1 * np.log(0.1)]
    )


def test_budget() -> None:
    query = asked(rows(0.5, 0.5, 0.5))
    assert rule("budget", labels=2)(query) == "2 labels are bought"
    assert not rule("budget", labels=3)(query)


def test_max_confidence_looks_at_each_row_bought_before_it_was_learnt() -> None:
    # entropies of .9999 and .999 are .00102 and .00791; the present model's do not count
    before = rows(0.5, 0.5, 0.9999, 0.999)
    query = asked(rows(*EVEN, *EVEN), before=before, picks=[2, 3], y_picks=[0, 0])
    assert not rule("max_confidence", threshold=0.005)(query)
    assert rule("max_confidence", threshold=0.008)(query)
    assert rule("selected_uncertainty", threshold=0.005)(query)  # their mean is .00447
    assert not rule("selected_uncertainty", threshold=0.0044)(query)
    first = asked(rows(*EVEN, 1.0, 1.0))
    assert not rule("max_confidence")(first), "there was no model before the first"


def test_uncertainty_of_the_pool_largest_and_mean() -> None:
    query = asked(rows(0.5, 0.5, 0.999, 0.9999))  # pool: entropies .00791 and .00102
    assert rule("max_uncertainty", threshold=0.0080)(query)
    assert not rule("max_uncertainty", threshold=0.0079)(query)
    assert rule("overall_uncertainty", threshold=0.0045)(query)
    assert not rule("overall_uncertainty", threshold=0.0044)(query)


def test_expected_error_is_the_mean_of_what_is_left_of_the_largest() -> None:
    query = asked(rows(0.5, 0.5, 0.9, 0.2))  # (.1 + .2) / 2
    assert rule("minimum_expected_error", threshold=0.1501)(query) == (
        "expected error on the pool 0.15"
    )
    assert not rule("minimum_expected_error", threshold=0.149)(query)


def test_selected_accuracy_counts_what_was_answered() -> None:
    before = rows(0.5, 0.5, 0.9, 0.8, 0.3, 0.6)
    more = {"before": before, "picks": [2, 3, 4, 5], "y_picks": [0, 1, 1, -1]}
    query = asked(before, **more)  # right, wrong, right, no answer
    assert rule("selected_accuracy", threshold=0.66)(query)
    assert not rule("selected_accuracy", threshold=0.67)(query)


def test_classification_change_is_of_the_rows_still_in_the_pool() -> None:
    one = rule("classification_change")
    assert not one(asked(rows(0.9, 0.9, 0.9, 0.9)))
    assert not one(asked(rows(0.9, 0.9, 0.9, 0.1)))
    assert not one(asked(rows(0.9, 0.9, 0.1, 0.1)))
    assert one(asked(rows(0.1, 0.9, 0.1, 0.1))), "row 0 is labelled"


def test_kappa_of_a_table_worked_out_by_hand() -> None:
    # Cohen 1960: 20 yes-yes, 5 and 10 disagree, 15 no-no: (.7 - .5) / (1 - .5)
    a = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    b = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert kappa(a, b) == pytest.approx(0.4)
    assert kappa(a, a) == 1.0
    assert kappa(np.zeros(3), np.zeros(3)) == 1.0


def test_stabilising_predictions_needs_a_window_of_agreements() -> None:
    said = [rows(0.5, 0.5, *p) for p in ((0.9, 0.9, 0.1, 0.1), (0.9, 0.1, 0.1, 0.1))]
    one = rule("stabilising_predictions", window=2, threshold=0.7)
    # kappas of successive models: .5 ((.75 - .5) / .5), 1, 1; their means of two: .75, 1
    answers = [bool(one(asked(said[i]))) for i in (0, 1, 1, 1)]
    assert answers == [False, False, True, True]
    strict = rule("stabilising_predictions", window=2, threshold=0.8)
    assert [bool(strict(asked(said[i]))) for i in (0, 1, 1, 1)] == [False, False, False, True]


def test_converged_wants_a_new_top_and_a_small_rise() -> None:
    # windows of 2: means .75 and .85, a rise of .1
    assert converged([0.7, 0.8, 0.9], 2, 0.11, "mean")
    assert not converged([0.7, 0.8, 0.9], 2, 0.09, "mean")
    assert not converged([0.7, 0.9, 0.8], 2, 0.11, "mean"), "the last is not the largest"
    assert not converged([0.8, 0.8, 0.8], 2, 0.11, "mean"), "nothing rises"
    assert not converged([0.8, 0.9], 2, 0.5, "mean"), "two windows need three values"
    # medians of (1, 2, 9) and (2, 9, 9): 2 and 9
    assert converged([1, 2, 9, 9], 3, 7.1, "median")
    assert not converged([1, 2, 9, 9], 3, 7.0, "median")


def test_performance_convergence_is_on_the_expected_f() -> None:
    one = rule("performance_convergence", window=1, threshold=0.06)
    # all over the two pool rows: F is the mean of the largest probability: .7, .8, .85
    answers = [
        bool(one(asked(rows(0.5, 0.5, a, b)))) for a, b in ((0.6, 0.8), (0.8, 0.8), (0.8, 0.9))
    ]
    assert answers == [False, False, True]
    assert one.scores == pytest.approx([0.7, 0.8, 0.85])


def test_uncertainty_gradient_is_on_the_least_sure_row_bought() -> None:
    one = rule("uncertainty_gradient", window=1, threshold=0.2)
    for p in (0.7, 0.9, 0.92):
        before = rows(0.5, 0.5, p, 0.99)
        last = one(asked(before, before=before, picks=[2, 3], y_picks=[0, 0]))
    expected = [1 - entropy(rows(p))[0] / np.log(2) for p in (0.7, 0.9, 0.92)]
    assert one.confidence == pytest.approx(expected)
    assert last, "the rise from .9 to .92 is below .2"


def contradicting(one: Any, wrong: int) -> Any:
    """Ask about a batch of three, of which some were wrong."""
    before = rows(0.5, 0.5, 0.9, 0.8, 0.7)
    truth = [1 if i < wrong else 0 for i in range(3)]
    return one(asked(before, before=before, picks=[2, 3, 4], y_picks=truth))


def test_contradicting_information_falls_in_a_row() -> None:
    one = rule("contradicting_information", rounds=2)
    # uncertainties .1, .2, .3, mean .2: three wrong make 3, two 1.5, one .5, none 0
    assert not contradicting(one, 3)
    assert one.last == pytest.approx(3.0)
    assert not contradicting(one, 2)
    assert one.last == pytest.approx(1.5)
    assert not contradicting(one, 3), "a rise begins anew"
    assert not contradicting(one, 1)
    assert one.last == pytest.approx(0.5)
    assert contradicting(one, 0)


def test_uncertainty_variance_falls_by_at_least_the_drop() -> None:
    def batch(one: Any, *p: float) -> Any:
        before = rows(0.5, 0.5, *p)
        return one(asked(before, before=before, picks=[2, 3], y_picks=[0, 0]))

    one = rule("uncertainty_variance", drop=0.001)
    # variances of (.1, .3), (.1, .2), (.1, .19), (.1, .1): .01, .0025, .002025, 0
    steps = [bool(batch(one, 0.9, p)) for p in (0.7, 0.8, 0.81, 0.9)]
    assert steps == [False, False, False, False], "the third fall is too small"
    plain = rule("uncertainty_variance", drop=0.0)
    assert [bool(batch(plain, 0.9, p)) for p in (0.7, 0.8, 0.81)] == [False, False, True]


def test_vote_entropy_is_a_share_of_the_largest() -> None:
    votes = np.array([[0, 0], [0, 1], [0, 0], [0, 1]])
    assert disagreement(votes, 2).tolist() == pytest.approx([0.0, 1.0])
    three = np.array([[0], [1], [2], [0], [0]])  # shares .6, .2, .2
    shares = np.array([0.6, 0.2, 0.2])
    assert disagreement(three, 3)[0] == pytest.approx(-(shares * np.log(shares)).sum() / np.log(3))


def test_a_committee_that_agrees_on_the_batch_as_on_the_pool_stops() -> None:
    one = rule("committee_agreement", members=2, rows=2)
    one.votes, one.sample = np.array([[0, 0, 0, 0, 0], [0, 1, 0, 1, 1]]), np.array([2, 3])
    query = asked(rows(*[0.5] * 5), picks=[2], y_picks=[0], before=rows(*[0.5] * 5))
    assert one(query) == "vote entropy 0 on the rows bought last, 0.5 on the pool"
    again = rule("committee_agreement", members=2, rows=2)
    again.votes, again.sample = np.array([[0, 0, 0, 0, 0], [0, 1, 1, 0, 1]]), np.array([3, 4])
    more = {"picks": [2], "y_picks": [0], "before": rows(*[0.5] * 5), "model": LogisticRegression()}
    assert not again(asked(rows(*[0.5] * 5), **more)), "1 on the batch, .5 on the pool"
    assert again.votes.shape == (2, 5)


def test_held_out_waits_for_its_patience() -> None:
    one = rule("held_out", rows=2, patience=2)
    assert one.held == 2

    def ask(*p: float) -> Any:
        return one(asked(rows(0.5, 0.5, 0.5, *p), held=[3, 4], y_held=[0, 0]))

    scores = [bool(ask(a, b)) for a, b in ((0.1, 0.9), (0.9, 0.9), (0.9, 0.1), (0.9, 0.9))]
    assert scores == [False, False, False, True], "1 is reached, and two rounds do not better it"
    assert one.best == 1.0


# ------------------------------------------------------------------ models without probabilities
def test_the_sigmoid_is_the_optimum_of_platts_loss() -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(0)
    decision, hits = rng.normal(size=40), rng.random(40) < 0.4
    decision[hits] += 1.0
    high, low = (hits.sum() + 1) / (hits.sum() + 2), 1 / ((~hits).sum() + 2)
    target = np.where(hits, high, low)

    def loss(ab: Any) -> float:
        p = 1 / (1 + np.exp(ab[0] * decision + ab[1]))
        return float(-(target * np.log(p) + (1 - target) * np.log(1 - p)).sum())

    best = minimize(loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    assert sigmoid(decision, hits) == pytest.approx(best.x.tolist(), abs=1e-5)


@pytest.mark.parametrize("dataset", ["iris", "wdbc"])
def test_a_model_without_probabilities_has_rows_that_sum_to_one(dataset: str) -> None:
    model = resolve("model", "svc-rbf")
    spec = RunSpec(resolve("dataset", dataset), resolve("strategy", "random"), model, model)
    task = cut(resident(spec.dataset), spec)
    labeled = np.sort(task.start)
    fitted = learner(model, task, lambda n: 0).fit(labeled, task.y[labeled])
    proba = probabilities(fitted, labeled, task.y[labeled], task.n_classes)
    assert proba.sum(axis=1) == pytest.approx(np.ones(len(task.y)))
    agreed = proba.argmax(axis=1) == fitted.predicted("train")
    assert agreed.mean() > 0.85


# ------------------------------------------------------------------ the contract
@pytest.mark.parametrize(
    ("answer", "said"), [(True, "the rule said stop"), (False, None), (None, None), ("why", "why")]
)
def test_what_a_rule_may_answer(answer: Any, said: str | None) -> None:
    assert checked(answer) == said
    assert checked(np.bool_(True)) == "the rule said stop"


@pytest.mark.parametrize("answer", [1, 0, "", 0.5, [True]])
def test_other_answers_are_named(answer: Any) -> None:
    with pytest.raises(StrategyError, match="True, False, or a sentence on why is due"):
        checked(answer)


def spec_of(name: str | None, dataset: str = "iris", **fields: Any) -> RunSpec:
    """A short run under a stopping rule."""
    stop = None if name is None else resolve("stopping", name)
    protocol = Protocol(start=10, batch=5, budget=45, stop=stop, **fields)
    return RunSpec(
        resolve("dataset", dataset), resolve("strategy", "margin"), LOGREG, LOGREG, protocol
    )


def stopped(
    spec: RunSpec, one: Any, change: Any = lambda task: task
) -> list[tuple[int, str | None]]:
    """(labels, why) of each round of a run that a rule watches."""
    task = change(cut(resident(spec.dataset), spec))
    fits = learner(LOGREG, task, lambda n: 0)
    watch = Watch({"it": one}, task, fits, lambda: np.random.default_rng(5))
    found = simulate(
        task,
        build("strategy", spec.strategy),
        fits,
        fits,
        oracle(spec.protocol, task, spec.rng("oracle")),
        metrics={},
        rng=spec.rng("strategy"),
        watch=watch,
    )
    return [(r.n_labeled, r.stopped and r.stopped.why) for r in found]


@pytest.mark.parametrize("name", RULES)
def test_same_run_same_stop(name: str) -> None:
    first = stopped(spec_of(None), rule(name))
    assert stopped(spec_of(None), rule(name)) == first


@pytest.mark.parametrize("name", RULES)
def test_blind_to_test_rows_and_hidden_labels(name: str) -> None:
    def other(task: Any) -> Any:
        rng = np.random.default_rng(1)
        return replace(
            task, X_test=rng.normal(size=task.X_test.shape), y_test=task.y_test[::-1].copy()
        )

    spec = spec_of(None)
    first = stopped(spec, rule(name))
    assert stopped(spec, rule(name), other) == first

    def relabelled(task: Any) -> Any:
        known = np.zeros(len(task.y), dtype=bool)
        known[bought] = True
        return replace(task, y=np.where(known, task.y, (task.y + 1) % task.n_classes))

    task = cut(resident(spec.dataset), spec)
    fits = learner(LOGREG, task, lambda n: 0)
    watch = Watch({"it": rule(name)}, task, fits, lambda: np.random.default_rng(5))
    made = simulate(
        task,
        build("strategy", spec.strategy),
        fits,
        fits,
        oracle(spec.protocol, task, spec.rng("oracle")),
        metrics={},
        rng=spec.rng("strategy"),
        watch=watch,
    )
    bought = np.concatenate([*(r.picks for r in made), *watch.held.values()])
    assert stopped(spec, rule(name), relabelled) == first


def test_a_rule_cannot_reach_the_test_set_or_write() -> None:
    def peeks(query: Any) -> bool:
        return query.fitted.proba("test") is None

    with pytest.raises(StrategyError, match="a strategy has train rows only"):
        stopped(spec_of(None), peeks)

    def writes(query: Any) -> bool:
        query.X[0] = 0
        return False

    with pytest.raises(StrategyError, match="wrote to an array"):
        stopped(spec_of(None), writes)
    names_seen: list[str] = []

    def looks(query: Any) -> bool:
        names_seen.extend(vars(query))
        return False

    stopped(spec_of(None), looks)
    assert not {"y", "X_test", "y_test", "task", "rows", "scores"} & set(names_seen)


# ------------------------------------------------------------------ in a run, and judged later
def finished(spec: RunSpec) -> Any:
    """A run of one spec."""
    return run_one(spec, Options(("accuracy",)))


@pytest.mark.parametrize(
    "name", ["budget", "classification_change", "committee_agreement", "selected_accuracy"]
)
def test_a_run_that_stops_is_the_beginning_of_the_one_that_goes_on(name: str) -> None:
    table = {"use": name} | ({"labels": 25} if name == "budget" else {})
    whole, short = finished(spec_of(None)), finished(spec_of(table))  # type: ignore[arg-type]
    n = len(short.rounds)
    assert short.run["status"] == "done"
    assert 1 <= n <= len(whole.rounds)
    for a, b in zip(short.rounds, whole.rounds, strict=False):
        assert (a["picks"], a["labels"], a["accuracy"]) == (b["picks"], b["labels"], b["accuracy"])
    assert short.run["stopped"].startswith(f"{resolve('stopping', table).label}: ")
    assert short.run["stopped_at"] == short.rounds[-1]["n_labeled"]
    assert "stopped" not in whole.run
    # `albench stop` says the same of the stored run that went on
    spec = spec_of(None)
    runs, rounds = (t.to_pandas() for t in (runs_table([whole.run]), rounds_table(whole.rounds)))
    judged = replayed(runs, rounds, cuts([spec]), [resolve("stopping", table)]).iloc[0]
    assert judged["round"] == n - 1
    assert judged["spent"] == short.run["stopped_at"]
    assert short.run["stopped"].endswith(judged["why"])


def test_held_out_labels_are_paid_and_kept_from_model_and_strategy() -> None:
    spec = spec_of({"use": "held_out", "rows": 8, "patience": 2})  # type: ignore[arg-type]
    run = finished(spec)
    task = cut(resident(spec.dataset), spec)
    watch = Watch(
        {"it": rule("held_out", rows=8)},
        task,
        learner(LOGREG, task, lambda n: 0),
        lambda: spec.rng("stopping"),
    )
    held = set(task.rows[watch.held["it"]].tolist())
    assert len(held) == 8
    bought = {row for part in run.rounds for row in part["picks"]}
    assert not held & bought
    assert run.rounds[0]["cost"] == 18.0
    assert run.rounds[0]["n_labeled"] == 10
    assert run.run["stopped_at"] == run.rounds[-1]["n_labeled"] + 8
    larger = Watch(
        {"it": rule("held_out", rows=12)},
        task,
        learner(LOGREG, task, lambda n: 0),
        lambda: spec.rng("stopping"),
    )
    assert held < set(task.rows[larger.held["it"]].tolist()), "smaller samples are part of larger"


def test_a_held_out_sample_beyond_the_budget_is_a_skip() -> None:
    run = finished(spec_of({"use": "held_out", "rows": 36})).run  # type: ignore[arg-type]
    assert run["status"] == "skipped"
    assert "start and held-out sample (10 + 36) exceed the budget" in run["reason"]
    with pytest.raises(Skip):
        stopped(spec_of(None), rule("held_out", rows=36))


def test_names_and_ranges_of_rules_are_checked() -> None:
    with pytest.raises(UnknownName, match="did you mean 'stabilising_predictions'"):
        resolve("stopping", "stabilizing_predictions")
    with pytest.raises(BadValue, match="greater than 0"):
        resolve("stopping", {"use": "max_confidence", "threshold": 0.0})
    assert Protocol(stop=None).table() == {}
    assert len(RULES) >= 10


def test_what_a_rule_raises_is_told_in_a_sentence_with_its_place() -> None:
    """Type, message, file and line, whatever was raised, an exit too."""
    from albench.simulation.stopping import raised

    for error in (ZeroDivisionError("no"), SystemExit(3)):
        with pytest.raises(type(error)) as caught:
            raise error
        said = raised(caught.value)
        assert said.startswith(f"the stopping rule raised {type(error).__name__}: {error} (")
        assert "test_stopping.py, line " in said
