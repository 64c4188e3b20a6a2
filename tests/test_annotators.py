"""Whom to ask: panels, pairs of row and annotator, asking again, baselines, ActiveLab, analysis."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import albench
from albench.analysis.bought.annotators import majority as most
from albench.analysis.bought.annotators import summary
from albench.cli import exit_code
from albench.core.errors import BadData, StrategyError
from albench.core.registry import build, entry, names, resolve
from albench.core.spec import Protocol, RunSpec
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.models.engines import learner
from albench.runner.worker import Options, run_one
from albench.simulation.annotators import UNASKED, Books, Panel
from albench.simulation.loop import simulate
from albench.simulation.oracles import oracle
from albench.simulation.query import Picks
from albench.strategies._crowd import activelab_scores, agreement, consensus, crowdlab, tempered
from albench.testing import experiments
from albench.testing.scenes import SCENES, Scene

LOGREG = resolve("model", "logreg")
PANEL = {"use": "panel", "names": ["crowd", "expert"], "rates": [0.3, 0.0], "prices": [1.0, 10.0]}
PANEL |= {"seconds": [5.0, 60.0], "count": [2, 1]}
CHOOSING = [n for n in names("strategy") if entry("strategy", n).traits.annotators]


def data(n: int = 120) -> Dataset:
    """Three clouds."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=n)
    return Dataset.of(
        rng.normal(size=(n, 2)) + 3 * np.eye(3)[y][:, :2], np.array(["a", "b", "c"])[y]
    )


def asking(strategy: Any, panel: Any = PANEL, change: Any = lambda t: t, **fields: Any) -> Any:
    """The rounds of a run with a panel, and its task."""
    name = strategy if isinstance(strategy, str) else "random"
    protocol = Protocol(start=6, batch=5, budget=31, oracle=resolve("oracle", panel), **fields)
    spec = RunSpec(resolve("dataset", "iris"), resolve("strategy", name), LOGREG, LOGREG, protocol)
    task = change(cut(data(), spec))
    fits = learner(LOGREG, task, lambda n: 0, engine="plain")
    made = build("strategy", spec.strategy) if isinstance(strategy, str) else strategy
    answers = oracle(protocol, task, spec.rng("oracle"))
    found = simulate(
        task, made, fits, fits, answers, metrics={}, rng=spec.rng("strategy"), sight="panel"
    )
    return list(found), task, answers


# ------------------------------------------------------------------ panels
def test_each_annotator_errs_at_its_rate_independently() -> None:
    protocol = Protocol(oracle=resolve("oracle", PANEL | {"rates": [0.4, 0.1]}))
    spec = RunSpec(
        resolve("dataset", "iris"), resolve("strategy", "random"), LOGREG, LOGREG, protocol
    )
    task = cut(data(6000), spec)
    panel = oracle(protocol, task, spec.rng("oracle")).panel
    assert panel is not None
    assert panel.names == ("crowd 1", "crowd 2", "expert")
    wrong = panel.labels != task.y[:, None]
    assert wrong.mean(axis=0) == pytest.approx([0.4, 0.4, 0.1], abs=0.03)
    assert (wrong[:, 0] & wrong[:, 1]).mean() == pytest.approx(0.16, abs=0.03)
    assert panel.prices[0].tolist() == [1.0, 1.0, 10.0]
    assert panel.seconds[0].tolist() == [5.0, 5.0, 60.0]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"rates": [0.1]}, "2 names, 1 rates"),
        ({"names": ["a", "a"]}, "each once"),
        ({"start": "nobody"}, "start = 'nobody' is no annotator"),
    ],
)
def test_panels_that_do_not_fit_are_named(more: Any, said: str) -> None:
    with pytest.raises(BadData, match=said):
        asking("random_annotator", PANEL | more)


def test_books_keep_the_majority_and_who_is_left_to_ask() -> None:
    labels = np.array([[0, 1, 1], [2, 2, -1]])
    can = np.array([[True, True, True], [True, False, True]])
    books = Books(
        Panel(("a", "b", "c"), labels, can, np.ones((2, 3)), np.full((2, 3), np.nan)),
        np.empty(0, dtype=int),
    )
    row, second = np.array([0]), np.array([1])
    books.bought(row, np.array([0]))
    assert books.arrived(row, np.array([0])).tolist() == [0]
    books.bought(row, np.array([1]))
    assert books.arrived(row, np.array([1])).tolist() == [0], "a draw goes to the first"
    books.bought(row, np.array([2]))
    assert books.arrived(row, np.array([2])).tolist() == [1]
    books.bought(second, np.array([2]))
    assert books.arrived(second, np.array([2])).tolist() == [-1]
    seen = books.seen()
    assert seen.askable.tolist() == [[False] * 3, [True, False, False]]
    assert seen.answers.tolist() == [[0, 1, 1], [UNASKED, UNASKED, -1]]
    assert most([2, 1, 1, 2]) == 2


# ------------------------------------------------------------------ the contract
@pytest.mark.parametrize("name", CHOOSING)
@pytest.mark.parametrize("scene", [SCENES[0], SCENES[3]], ids=lambda s: s.name)
def test_strategies_keep_the_contract_of_check(name: str, scene: Scene) -> None:
    chosen = resolve("strategy", name)
    for experiment in (experiments.again, experiments.test_set, experiments.hidden_labels):
        assert experiment(chosen, scene, 0) is None, experiment.__name__


@pytest.mark.parametrize("name", CHOOSING)
def test_no_pair_is_asked_twice_and_everything_is_paid(name: str) -> None:
    found, _task, answers = asking(name)
    pairs = [
        (int(row), int(who))
        for part in found
        for row, who in zip(part.picks, part.annotators, strict=True)
    ]
    assert len(set(pairs)) == len(pairs) == 31
    rows, who = np.array(pairs).T
    assert found[-1].cost == pytest.approx(answers.panel.prices[rows, who].sum())
    given = np.concatenate([part.labels for part in found])
    assert (given == answers.panel.labels[rows, who]).all()
    assert found[-1].n_labeled == len(set(rows.tolist()))
    again = [(p.picks.tolist(), p.annotators.tolist()) for p in asking(name)[0]]
    assert again == [(p.picks.tolist(), p.annotators.tolist()) for p in found]


@pytest.mark.parametrize("name", CHOOSING)
def test_answers_that_were_not_bought_change_nothing(name: str) -> None:
    found, task, answers = asking(name)
    known = np.zeros(answers.panel.labels.shape, dtype=bool)
    for part in found:
        known[part.picks, part.annotators] = True
    other = np.where(known, answers.panel.labels, (answers.panel.labels + 1) % 3)
    changed = replace(
        answers,
        answers=replace(answers.answers, panel=replace(answers.answers.panel, labels=other)),
    )
    protocol = Protocol(start=6, batch=5, budget=31, oracle=resolve("oracle", PANEL))
    spec = RunSpec(resolve("dataset", "iris"), resolve("strategy", name), LOGREG, LOGREG, protocol)
    fits = learner(LOGREG, task, lambda n: 0, engine="plain")
    again = simulate(
        task,
        build("strategy", spec.strategy),
        fits,
        fits,
        changed,
        metrics={},
        rng=spec.rng("strategy"),
        sight="panel",
    )
    assert [p.picks.tolist() for p in again] == [p.picks.tolist() for p in found]


BAD = [
    (lambda q: Picks(q.pool[:2], None, np.array([0, 7])), "there is no row .* with an annotator 7"),
    (lambda q: Picks(q.pool[:2], None, np.array([0])), "2 rows and 1 annotators; 1 to 5"),
    (
        lambda q: Picks(q.labeled[:1], None, np.array([0])),
        r"'crowd 1' cannot be asked .* \(again\)",
    ),
    (lambda q: Picks(q.pool[[0, 0]], None, np.array([1, 1])), "a row twice for one annotator"),
    (lambda q: Picks(q.pool[:1], None, np.array([0.5])), "whole numbers is due"),
    (lambda q: Picks(q.pool[:0], None, q.pool[:0]), "it returned 0 rows"),
    (lambda q: q.pool[:2], "it returned 2 rows; 5 are due"),
]


@pytest.mark.parametrize(("strategy", "said"), BAD)
def test_bad_answers_are_named(strategy: Any, said: str) -> None:
    with pytest.raises(StrategyError, match=said):
        asking(strategy)


def test_a_labelled_row_may_be_asked_again_and_its_label_revised() -> None:
    def second_opinion(query: Any) -> Picks:
        seen = query.annotators
        rows = [r for r in query.labeled if seen.askable[r, 2]][:5]
        return Picks(np.array(rows), None, np.full(len(rows), 2))

    found, task, _ = asking(second_opinion, change=lambda t: replace(t, budget=11))
    assert found[1].picks.tolist() == sorted(task.start.tolist())[:5]
    assert found[1].n_labeled == 6, "no row more, five answers more"
    assert found[1].cost == 6 + 50


def test_without_a_panel_nobody_can_be_chosen() -> None:
    spec = RunSpec(resolve("dataset", "iris"), resolve("strategy", "always_expert"), LOGREG, LOGREG)
    run = run_one(spec, Options(("accuracy",))).run
    assert run["status"] == "skipped"
    assert "the oracle has none to choose of" in run["reason"]


def test_a_plain_strategy_asks_the_first_and_is_the_single_annotator_run() -> None:
    protocol = Protocol(start=10, batch=5, budget=30, oracle=resolve("oracle", PANEL))
    specs = [
        RunSpec(resolve("dataset", "iris"), resolve("strategy", s), LOGREG, LOGREG, protocol)
        for s in ("margin", {"use": "fixed_annotator", "annotator": "crowd 1"})
    ]
    one, two = (run_one(spec, Options(("accuracy",))) for spec in specs)
    keys = ("picks", "labels", "annotators", "cost", "accuracy")
    assert [[r[k] for k in keys] for r in one.rounds] == [[r[k] for k in keys] for r in two.rounds]
    assert set(one.rounds[-1]["annotators"]) == {0}
    assert one.run["engine"] == "plain"


# ------------------------------------------------------------------ baselines
def test_always_expert_asks_the_dearest() -> None:
    found, _, _ = asking("always_expert")
    assert {int(w) for part in found[1:] for w in part.annotators} == {2}
    assert found[0].annotators.tolist() == [0] * 6


def test_repeat_until_agreement_asks_the_cheapest_until_two_agree() -> None:
    found, _task, _answers = asking("repeat_until_agreement")
    said: dict[int, list[int]] = {}
    for part in found:
        for row, who, label in zip(part.picks, part.annotators, part.labels, strict=True):
            before = said.setdefault(int(row), [])
            assert len(before) < 2 or before[0] != before[1], "they agreed already"
            assert int(who) == len(before), "the cheapest who was not asked"
            before.append(int(label))
    assert max(map(len, said.values())) == 3


def test_random_annotator_asks_all_of_them() -> None:
    found, _, _ = asking("random_annotator")
    assert {int(w) for part in found[1:] for w in part.annotators} == {0, 1, 2}


# ------------------------------------------------------------------ ActiveLab
FROZEN = json.loads((Path(__file__).parent / "frozen.json").read_text())["activelab"]


@pytest.mark.parametrize("case", FROZEN["cases"], ids=range(len(FROZEN["cases"])))
def test_scores_are_those_of_the_authors_library(case: Any) -> None:
    labelled, pool = (np.array(case[k]) for k in ("labelled", "pool"))
    ours, theirs = activelab_scores(np.array(case["answers"]), labelled, pool, 1.0)
    assert ours == pytest.approx(case["scores"], abs=1e-12)
    assert theirs == pytest.approx(case["pool_scores"], abs=1e-12)


def test_activelab_by_hand() -> None:
    # one answer each: all weights are 1, (quality * 2 + 1 * 1/2) / 3 and (largest + 1/2) / 2
    answers = np.array([[0, -1], [-1, 1]])
    labelled, pool = np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([[0.3, 0.7]])
    ours, theirs = activelab_scores(answers, labelled, pool)
    assert ours == pytest.approx([(0.9 * 2 + 0.5) / 3, (0.4 * 2 + 0.5) / 3])
    assert theirs == pytest.approx([0.6])


def test_crowdlab_by_hand() -> None:
    answers = np.array([[0, 0], [1, 1], [0, 1], [1, 1]])
    proba = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.4, 0.6]])
    # they agree on 3 of 4 rows; the draw goes to class 0 by the model
    assert agreement(answers).tolist() == [0.75, 0.75]
    assert consensus(answers, proba).tolist() == [0, 1, 0, 1]
    found = crowdlab(answers, proba)
    # the most frequent class errs on half: weights 1 - .25 / .5; the model is never wrong: sqrt 2
    assert found.annotators.tolist() == [0.5, 0.5]
    assert found.model == pytest.approx(np.sqrt(2))
    # an annotator gives the consensus with 7/8: rows of two right answers, and of one of each
    total = np.sqrt(2) + 1
    assert found.quality == pytest.approx(
        [
            (0.8 * np.sqrt(2) + 0.875) / total,
            (0.7 * np.sqrt(2) + 0.875) / total,
            (0.6 * np.sqrt(2) + 0.5) / total,
            (0.6 * np.sqrt(2) + 0.875) / total,
        ]
    )


def test_the_temperature_is_the_least_surprised_one_of_its_grid() -> None:
    from scipy.optimize import minimize_scalar

    rng = np.random.default_rng(1)
    y = rng.integers(2, size=400)
    answers = np.stack([y, np.where(rng.random(400) < 0.2, 1 - y, y)], axis=1)
    logit = np.where(y == 1, 1, -1) * rng.normal(4, 4, size=400)  # surer than it deserves
    p = 1 / (1 + np.exp(-logit))
    proba = np.stack([1 - p, p], axis=1)

    def loss(t: float) -> float:
        shares = (answers == 1).mean(axis=1)
        q = 1 / (1 + np.exp(-logit / t))
        return float(-(shares * np.log(q) + (1 - shares) * np.log(1 - q)).mean())

    best = minimize_scalar(loss, bounds=(0.1, 8), method="bounded").x
    assert tempered(answers, proba) == pytest.approx(best, abs=0.5)
    assert best > 1.2


# ------------------------------------------------------------------ recorded, from table to answer
def recorded(folder: Path) -> Path:
    """A table of 90 rows, three recorded annotators, and a suite over both."""
    rng = np.random.default_rng(3)
    y = np.tile([0, 1], 45)
    X = rng.normal(size=(90, 2)) + 2.5 * y[:, None]
    classes = np.array(["no", "yes"])
    table = pd.DataFrame({"u": X[:, 0], "v": X[:, 1], "label": classes[y]})
    table.to_csv(folder / "mine.csv", index=False)
    rows = []
    for who, rate, seconds, cost in (
        ("ann", 0.25, 4.0, 1.0),
        ("bob", 0.25, 6.0, 1.0),
        ("expert", 0.02, 40.0, 8.0),
    ):
        said = np.where(rng.random(90) < rate, 1 - y, y)
        rows += [
            (i, who, classes[said[i]], seconds, cost) for i in range(90) if who != "bob" or i % 3
        ]
    frame = pd.DataFrame(rows, columns=["row", "annotator", "label", "seconds", "cost"])
    frame.to_csv(folder / "answers.csv", index=False)
    (folder / "mine.toml").write_text(
        """
datasets = [{use = "csv", path = "mine.csv", target = "label", name = "mine"}]
models = ["logreg"]
strategies = [
  {use = "fixed_annotator", annotator = "ann", name = "ann alone"},
  {use = "always_expert", name = "expert"},
  {use = "repeat_until_agreement", name = "until two agree"},
  "activelab",
]
baseline = "ann alone"
trials = 4

[protocol]
use = "standard"
start = 10
batch = 10
budget = 50
oracle = {use = "recorded_panel", path = "answers.csv"}
"""
    )
    return folder / "mine.toml"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worked example, run."""
    suite = recorded(tmp_path_factory.mktemp("annotators"))
    albench.run(suite, suite.parent / "out", jobs=1)
    return suite


def test_recorded_annotators_from_table_to_answer(
    example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = example.parent / "out"
    runs, rounds = albench.read_results(example, out)
    assert (runs["status"] == "done").all()
    table = pd.read_csv(example.parent / "answers.csv")
    said = table.set_index(["row", "annotator"])
    names_of = sorted(set(table["annotator"]))
    label = {"no": 0, "yes": 1}
    mine = rounds[rounds["annotators"].notna()].merge(runs[["run", "strategy"]], on="run")
    assert len(mine) == 4 * 4 * 5
    for _, part in mine.iterrows():
        for row, who, given in zip(part["picks"], part["annotators"], part["labels"], strict=True):
            assert label[said.loc[(row, names_of[int(who)]), "label"]] == given
    words = ["noise", str(example), "--results", str(out), "--table", "annotators", "--jobs", "1"]
    assert exit_code([*words, "--format", "json", "--to", str(example.parent / "fig")]) == 0
    told = json.loads(capsys.readouterr().out)
    found = {row["strategy"]: row for row in told["rows"]}
    expert, alone = found["expert"], found["ann alone"]
    # 40 answers of the expert at 8, ten of the start at 1; 40 x 40 and 10 x 4 seconds
    assert expert["money"] == pytest.approx(40 * 8 + 10)
    assert expert["hours"] == pytest.approx((40 * 40 + 10 * 4) / 3600)
    assert alone["money"] == 50
    assert expert["right"] > alone["right"]
    assert expert["right_ahead"] == pytest.approx(expert["right"] - alone["right"])
    assert any(line.startswith("mine, logreg: expert has 50 rows") for line in told["notes"])
    assert (example.parent / "fig" / "annotators.svg").is_file()
    assert "Whom to ask." in (example.parent / "fig" / "captions-annotators.md").read_text()
    again = ["verify", str(example), "--results", str(out), "--sample", "2", "--seed", "1"]
    assert exit_code(again) == 0


def test_tables_of_annotators_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    suite = recorded(tmp_path)
    answers = pd.read_csv(tmp_path / "answers.csv")
    pd.concat([answers, answers.head(1)]).to_csv(tmp_path / "answers.csv", index=False)
    with pytest.raises(BadData, match="annotator 'ann' answers row 0 twice"):
        once(suite)
    answers[answers["row"] != 5].to_csv(tmp_path / "answers.csv", index=False)
    with pytest.raises(BadData, match="no label of dataset row 5"):
        once(suite)
    answers.assign(cost=-1).to_csv(tmp_path / "answers.csv", index=False)
    with pytest.raises(BadData, match="column 'cost' is missing, negative"):
        once(suite)


def once(suite: Path) -> None:
    """The oracle of the first trial whose train rows hold row 5."""
    loaded = albench.load_suite(suite)
    for spec in loaded.specs:
        task = cut(build("dataset", spec.dataset), spec)
        if 5 in task.rows:
            oracle(spec.protocol, task, spec.rng("oracle"))


def test_money_per_point_by_hand() -> None:
    rows = []
    for trial, (money, score) in enumerate([(100, 0.8), (120, 0.85), (110, 0.8)]):
        shared = {
            "dataset": "d",
            "protocol": "p",
            "model": "m",
            "trial": trial,
            "answers": 9,
            "rows": 9,
        }
        for strategy, end, price in (("dear", score, money), ("cheap", 0.75, 60)):
            key = shared | {"strategy": strategy, "right": 0.9 if strategy == "dear" else 0.8}
            rows.append(key | {"round": 0, "money": 20.0, "hours": 0.1, "score": 0.7})
            rows.append(key | {"round": 1, "money": 60.0, "hours": 0.2, "score": 0.74})
            rows.append(key | {"round": 2, "money": float(price), "hours": 0.3, "score": end})
    frame = pd.DataFrame(rows).sort_values(["strategy", "trial", "round"], kind="stable")
    found = summary(frame, "cheap").set_index("strategy")
    dear = found.loc["dear"]
    # (80 + 100 + 90) / 3 over (10 + 15 + 10) / 3 points
    assert dear["money_point"] == pytest.approx(270 / 35)
    assert dear["hours_point"] == pytest.approx(0.2 / (35 / 3))
    assert dear["money_point_low"] < 270 / 35 < dear["money_point_high"]
    # at the 60 that both have spent: .74 against .75
    assert dear["ahead"] == pytest.approx(-0.01)
    assert dear["right_ahead"] == pytest.approx(0.1)
    assert np.isnan(found.loc["cheap", "ahead"])
