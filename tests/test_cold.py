"""Trials that start from nothing: who chooses first, and what is made of rounds without a score."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albench.cli import exit_code
from albench.core import registry
from albench.core.errors import NoLabels
from albench.core.spec import Protocol, Ref, RunSpec
from albench.datasets._cut import cut
from albench.runner.worker import Options, run_one
from albench.simulation.seal import ABSENT

EVERY = [name for name in registry.names("strategy") if not name.startswith("ska:")]
NOT_COLD = {"greedy_oracle", "beam_oracle"}
CHOOSES = {
    *("random", "kcenter", "typiclust", "probcover", "facility_location", "graph_density"),
    *("kmeans", "pool_order", "file_order", "maxherding", "greedy_sampling_x", "same_as"),
    *("graph_density_unlabeled", "quire"),
}
"""Strategies that need neither labels nor a model: they choose the first rows themselves."""


def run(strategy: str, dataset: str = "iris", model: str = "logreg", **fields: Any) -> Any:
    resolved = [registry.resolve("model", model)] * 2
    protocol = Protocol(**({"start": 0, "batch": 5, "budget": 15} | fields))
    data = registry.resolve("dataset", dataset)
    spec = RunSpec(data, registry.resolve("strategy", strategy), *resolved, protocol)
    return run_one(spec, Options(("accuracy", "log_loss")))


def first_rows(finished: Any) -> list[int]:
    assert finished.run["status"] == "done", finished.run["reason"]
    picks: list[int] = finished.rounds[1]["picks"]
    return picks


def test_round_0_stays_without_a_score() -> None:
    finished = run("margin")
    rounds = finished.rounds
    assert [r["n_labeled"] for r in rounds] == [0, 5, 10, 15]
    assert rounds[0]["picks"] == []
    assert rounds[0]["cost"] == 0
    assert np.isnan(rounds[0]["accuracy"])
    assert np.isnan(rounds[0]["log_loss"])
    assert all(0 <= r["accuracy"] <= 1 for r in rounds[1:])
    assert len({row for r in rounds for row in r["picks"]}) == 15


@pytest.mark.parametrize("strategy", [s for s in EVERY if s not in NOT_COLD])
def test_every_strategy_chooses_or_leaves_it_to_the_rule(strategy: str) -> None:
    """None breaks where there is no label; those that choose do so whatever the rule is."""
    found = run(strategy, "synthetic-two-gaussians", budget=10)
    if found.run["status"] == "skipped":
        assert run(strategy, "synthetic-two-gaussians", start=5).run["status"] == "skipped"
        return
    ruled = run(strategy, "synthetic-two-gaussians", budget=10, cold=Ref("pool_order"))
    fell_back = first_rows(found) != first_rows(ruled)
    assert fell_back != (strategy in CHOOSES)


@pytest.mark.parametrize(
    "use",
    [
        lambda y: y[0],
        len,
        list,
        np.unique,
        np.asarray,
        lambda y: y == 1,
        lambda y: 1 - y,
        lambda y: y.max(),
        lambda y: y(3),
        lambda y: np.zeros(2) == y,
        np.bincount,
    ],
)
def test_whatever_use_of_labels_says_that_there_are_none(use: Callable[[Any], Any]) -> None:
    with pytest.raises(NoLabels, match="no label is in hand"):
        use(ABSENT)


def test_what_stands_for_no_labels_travels_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(ABSENT)) is ABSENT
    assert repr(ABSENT) == "ABSENT"


def test_those_that_fall_back_begin_with_the_same_rows_and_then_differ() -> None:
    one, two, cold = (
        run(s, cold=registry.resolve("strategy", c)).rounds
        for s, c in (("margin", "kcenter"), ("entropy", "kcenter"), ("kcenter", "random"))
    )
    assert one[1]["picks"] == two[1]["picks"] == cold[1]["picks"]
    assert one[2]["picks"] != cold[2]["picks"]
    drawn = [run(s).rounds[1]["picks"] for s in ("margin", "qbc", "badge")]
    assert drawn[0] == drawn[1] == drawn[2]
    assert run("random").rounds[1]["picks"] != drawn[0]


def test_a_rule_that_needs_labels_itself_is_said() -> None:
    finished = run("margin", cold=Ref("entropy"))
    assert finished.run["status"] == "skipped"
    assert finished.run["reason_code"] == "does_not_apply"
    assert "cold = entropy" in finished.run["reason"]


def test_late_labels_and_abstentions_leave_later_rounds_without_a_score() -> None:
    late = run("margin", delay=2, budget=25).rounds
    assert [r["n_labeled"] for r in late] == [0, 0, 0, 5, 10, 15, 20, 25]
    assert [bool(np.isnan(r["accuracy"])) for r in late] == [True] * 3 + [False] * 5
    shy = registry.resolve("oracle", {"use": "abstaining", "rate": 0.9})
    silent = run("random", batch=1, budget=30, oracle=shy).rounds
    answered = [r["n_labeled"] > 0 for r in silent]
    assert not answered[1]
    assert answered == [not np.isnan(r["accuracy"]) for r in silent]


def suite(folder: Path, more: str = "") -> Path:
    file = folder / "cold.toml"
    file.write_text(
        'datasets = ["iris", "wine"]\nmodels = ["logreg"]\ntrials = 2\n'
        'strategies = ["random", "margin", "kcenter"]\n'
        'protocols = [{start = 0, batch = 5, budget = 20, name = "drawn"},\n'
        '  {start = 0, batch = 5, budget = 20, cold = "kcenter", name = "spread"}]\n'
        'metrics = ["accuracy", "log_loss"]\n' + more
    )
    return file


def test_every_command_copes_with_rounds_before_the_first_label(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Areas start at round 1: a curve without round 0 gives the same numbers."""
    import albench

    file, results = suite(tmp_path), ["--results", str(tmp_path / "r")]
    assert exit_code(["run", str(file), *results, "--jobs", "1"]) == 0
    for command in ("compare", "curves", "bias", "audit", "stop"):
        assert exit_code([command, str(file), *results]) == 0, command
    assert exit_code(["verify", str(file), *results, "--sample", "6"]) == 0
    assert exit_code(["figures", str(file), *results, "--to", str(tmp_path / "f")]) == 0
    capsys.readouterr()
    runs, rounds = albench.read_results(file, tmp_path / "r")
    later = rounds[rounds["n_labeled"] > 0]
    assert len(rounds) - len(later) == len(runs[runs["strategy"] != "all"])
    later.attrs.update(rounds.attrs)
    whole, cut_off = albench.compare(runs, rounds), albench.compare(runs, later)
    assert str(whole) == str(cut_off)
    first = rounds[rounds["round"] == 1].merge(runs, on="run")
    drawn = first[(first["protocol"] == "spread") & first["strategy"].isin(["margin", "kcenter"])]
    by_trial = drawn.groupby(["dataset", "trial"])["accuracy"].nunique()
    assert (by_trial == 1).all()


MINE = '''
import numpy as np
from albench import strategy

@strategy("mine_far")
def far(query):
    """Rows far from the mean; needs no label."""
    return query.top(np.linalg.norm(query.X[query.pool], axis=1))

@strategy("mine_tree")
def tree(query):
    """Fits a tree of its own."""
    from sklearn.tree import DecisionTreeClassifier
    fitted = DecisionTreeClassifier(random_state=0).fit(query.X[query.labeled], query.y_labeled)
    return query.top(-fitted.predict_proba(query.X[query.pool]).max(axis=1))

@strategy("mine_margin")
def margin(query):
    """As margin."""
    return query.top(-query.margins)

@strategy("mine_tied")
def tied(query):
    """Scores that differ by less than the ordinary tie window."""
    return query.top(np.arange(len(query.pool)) * 1e-8)
'''


@pytest.mark.parametrize("more", [[], ["--in-process"]])
def test_strategies_from_a_file_start_from_nothing_too(tmp_path: Path, more: list[str]) -> None:
    """In a process of their own and beside the data: the same picks."""
    import albench

    (tmp_path / "mine.py").write_text(MINE)
    names = ["mine_far", "mine_tree", "mine_margin", "mine_tied"]
    (tmp_path / "s.toml").write_text(
        'datasets = ["iris"]\nmodels = ["logreg"]\ntrials = 1\nplugins = ["mine.py"]\n'
        f'strategies = ["random", "margin", {json.dumps(names)[1:-1]}]\n'
        'protocol = {use = "standard", start = 0, batch = 3, budget = 9, tolerance = 0.0}\n'
    )
    words = ["run", str(tmp_path / "s.toml"), "--results", str(tmp_path / "r"), "--jobs", "1"]
    assert exit_code([*words, *more]) == 0
    runs, rounds = albench.read_results(tmp_path / "s.toml", tmp_path / "r")
    assert set(runs["status"]) == {"done"}
    table = rounds.merge(runs[["run", "strategy"]], on="run").set_index(["strategy", "round"])
    picks = table["picks"].map(list)
    assert picks["mine_margin"].tolist() == picks["margin"].tolist()
    assert picks["mine_tree", 1] == picks["margin", 1]
    assert picks["mine_far", 1] != picks["margin", 1]
    protocol = Protocol(start=0, batch=3, budget=9)
    spec = RunSpec(*(Ref(n) for n in ("iris", "margin", "logreg", "logreg")), protocol)
    task = cut(registry.build("dataset", spec.dataset), spec)
    assert picks["mine_tied", 1] == task.rows[[89, 88, 87]].tolist()


def test_a_timeout_at_the_first_query_is_no_reason_to_fall_back() -> None:
    from albench.core.errors import RunTimeout
    from albench.simulation.loop import Cold, chosen

    def late(query: Any) -> Any:
        raise RunTimeout("too long")

    with pytest.raises(RunTimeout):
        chosen(late, Cold(lambda query: [0], np.random.default_rng(0)))(None)  # type: ignore[arg-type]
