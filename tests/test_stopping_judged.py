"""Stopping rules judged: numbers worked out by hand, sentences, cache, command, Python, report."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import albench
from albench.analysis.question import Options
from albench.analysis.stopping import (
    Price,
    by_dataset,
    by_run,
    evaluations,
    flatness,
    over_datasets,
)
from albench.analysis.stopping.words import advice, judge
from albench.cli import exit_code
from albench.core import registry
from albench.core.errors import BadResults, BadValue, UnknownName
from albench.core.registry import resolve
from albench.core.spec import Protocol, RunSpec
from albench.core.tables import rounds_table
from albench.reporting import ORDER, stopped
from albench.reporting.stopping import section
from albench.runner.stops import FILE
from albench.runner.worker import Options as How
from albench.runner.worker import run_one
from albench.suite.stopping import rules_of
from albench.suite.toml import load_suite
from albench.testing.compared import difference

QUESTION = Options("accuracy", "higher", "random", rope=0.01)
PRICE = Price(1000.0)


def stored(scores: dict[tuple[str, int], list[float]], batch: int = 10) -> Any:
    """`runs` and `rounds`: accuracy of each evaluation by dataset and trial, 20 labels first."""
    runs, rounds = [], []
    for (dataset, trial), curve in scores.items():
        run = f"{dataset}-{trial}"
        key = {"dataset": dataset, "protocol": "p", "model": "m", "strategy": "margin"}
        runs.append({"run": run, "status": "done", "trial": trial} | key)
        for number, score in enumerate(curve):
            picks = list(range(20 if not number else batch))
            rounds.append({"run": run, "round": number, "picks": picks, "accuracy": score})
    return pd.DataFrame(runs), pd.DataFrame(rounds)


def stops(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    """run, rule, round, spent."""
    frame = pd.DataFrame(rows, columns=["run", "rule", "round", "spent"])
    return frame.assign(why="because", refused=None)


def test_a_run_by_hand() -> None:
    runs, rounds = stored({("d", 0): [0.7, 0.8, 0.83, 0.84]})
    at = evaluations(rounds, QUESTION, PRICE)
    assert at["bought"].tolist() == [20, 30, 40, 50]
    # 20 + 300, 30 + 200, 40 + 170, 50 + 160
    assert at["cost"].tolist() == pytest.approx([320, 230, 210, 210])
    found = by_run(
        stops(("d-0", "r", 1, 30), ("d-0", "never", -1, 50)), runs, rounds, QUESTION, PRICE
    )
    one, never = found.set_index("rule").loc["r"], found.set_index("rule").loc["never"]
    assert (one["saved"], one["saved_share"]) == (20, 0.4)
    assert one["lost"] == pytest.approx(0.04)
    assert one["cheaper"] == pytest.approx(-20)
    assert one["best_cost"] == pytest.approx(210)
    assert one["best_at"] == 40
    assert (one["regret"], one["end_regret"]) == pytest.approx((20, 0))
    assert not never["stopped"]
    assert (never["saved"], never["lost"], never["regret"]) == (0, 0, pytest.approx(0))


def test_held_out_labels_count_as_spent() -> None:
    runs, rounds = stored({("d", 0): [0.7, 0.8, 0.83, 0.84]})
    found = by_run(stops(("d-0", "held", 1, 60)), runs, rounds, QUESTION, PRICE).iloc[0]
    assert (found["spent"], found["end_spent"], found["saved"]) == (60, 50, -10)
    assert found["cost"] == pytest.approx(60 + 200)
    assert found["regret"] == pytest.approx(50)


def test_where_labels_have_a_price_it_stands_for_their_number() -> None:
    runs, rounds = stored({("d", 0): [0.7, 0.8, 0.83]})
    rounds["cost"] = [40.0, 60.0, 80.0]
    question = Options("accuracy", "higher", "random", rope=0.01, axis="cost")
    known = stops(("d-0", "r", 1, 30), ("d-0", "held", 1, 60))
    found = by_run(known, runs, rounds, question, PRICE).set_index("rule")
    assert found.loc["r", "cost"] == pytest.approx(60 + 200)
    assert found.loc["held", "cost"] == pytest.approx(60 + 30 * 2 + 200)
    assert found.loc["r", "end_cost"] == pytest.approx(80 + 170)


def test_a_metric_that_is_better_lower() -> None:
    runs, rounds = stored({("d", 0): [0.7, 0.5, 0.4]})
    question = Options("accuracy", "lower", "random", rope=0.01)
    found = by_run(stops(("d-0", "r", 1, 30)), runs, rounds, question, PRICE).iloc[0]
    assert found["lost"] == pytest.approx(0.1)
    assert found["cost"] == pytest.approx(30 + 500)


def test_flat_is_shown_not_assumed() -> None:
    rising = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]  # 20 .. 80 labels; the last third from 60
    still = [0.5, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
    noisy = [[0.5, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9 + e] for e in (0.03, -0.03)]
    curves = {("rises", t): rising for t in (0, 1)} | {("still", t): still for t in (0, 1)}
    curves |= {("noisy", t): noisy[t] for t in (0, 1)} | {("alone", 0): still}
    found = flatness(*stored(curves), QUESTION, PRICE, 0.01).set_index("dataset")
    assert found["flat"].to_dict() == {
        "rises": False,
        "still": True,
        "noisy": False,
        "alone": False,
    }
    assert found.loc["rises", "rise"] == pytest.approx(0.99 - 0.9)
    assert found.loc["noisy", "rise"] == pytest.approx(0.0)


def many(n: int, loss: float) -> Any:
    """n datasets that flatten, and a rule that gives up about `loss` there."""
    rng = np.random.default_rng(0)
    curves, rows = {}, []
    for d in range(n):
        for trial in (0, 1):
            end = 0.9 + rng.normal(scale=1e-4)
            curves[f"d{d}", trial] = [0.5, end - loss - 1e-3 * d, end, end, end, end, end]
            rows.append((f"d{d}-{trial}", "r", 1, 30))
            rows.append((f"d{d}-{trial}", "never", -1, 80))
    return stops(*rows), *stored(curves)


def test_over_datasets_is_the_house_statistics() -> None:
    from scipy.stats import wilcoxon

    known, runs, rounds = many(9, 0.02)
    each = by_run(known, runs, rounds, QUESTION, PRICE)
    flat = flatness(runs, rounds, QUESTION, PRICE, 0.01)
    datasets = by_dataset(each, flat)
    found = over_datasets(datasets, QUESTION, PRICE, 0.01).set_index("rule")
    lost = datasets[datasets["rule"] == "r"]["lost"].to_numpy()
    assert lost == pytest.approx([0.02 + 1e-3 * d for d in range(9)], abs=1e-3)
    row = found.loc["r"]
    assert row["lost"] == pytest.approx(lost.mean())
    # two rules: Holm doubles the smaller p
    assert row["lost_p"] == pytest.approx(2 * wilcoxon(lost, mode="exact").pvalue)
    assert (row["lost_verdict"], row["harmed"], row["datasets"]) == ("worse", 9, 9)
    assert found.loc["never", "lost_verdict"] == "equal"
    cheaper = 50 - 1000 * lost
    assert row["cheaper"] == pytest.approx(cheaper.mean())
    assert row["cheaper_verdict"] == "better"
    assert row["saved_share"] == pytest.approx(50 / 80)
    base = Options(
        "accuracy", "higher", "random", rope=0.01, base={f"d{d}": "one" for d in range(4)}
    )
    assert over_datasets(datasets, base, PRICE, 0.01)["datasets"].tolist() == [6, 6]


def test_datasets_that_are_truncated_do_not_count_and_are_named() -> None:
    known, runs, rounds = many(7, 0.0)
    late = (rounds["run"].isin(["d6-0", "d6-1"])) & (rounds["round"] < 6)
    rounds.loc[late, "accuracy"] = 0.5
    found = judge(known, runs, rounds, QUESTION, PRICE)
    assert found.rules["datasets"].unique().tolist() == [6]
    assert "the curves of 6 of 7 datasets are shown to flatten" in found.lines[0]
    assert found.lines[0].endswith("do not count: d6.")
    told = "\n".join(found.lines)
    assert "r stops 100 % of the runs, at 30 of 80 labels on average" in told
    assert "never stopped: never" in told
    assert "one label is worth 0.1 points" in found.notes[-1]


def test_one_dataset_is_told_in_the_words_of_a_user() -> None:
    known, runs, rounds = many(1, 0.003)
    found = judge(known, runs, rounds, QUESTION, PRICE)
    (line,) = advice(found, "margin")
    assert line.startswith(
        "On d0, by r you would have stopped at 30 of 80 labels on average, 0.3 points below the end"
    )
    assert "which flatters it" in line


def test_rules_that_do_not_apply_are_counted() -> None:
    known, runs, rounds = many(6, 0.0)
    known.loc[known["rule"] == "never", "refused"] = "needs something"
    found = judge(known, runs, rounds, QUESTION, PRICE)
    assert found.notes[0] == "never: not on 12 runs (needs something)"
    assert set(found.rules["rule"]) == {"r"}
    with pytest.raises(BadResults, match="no stopping rule applies"):
        judge(known.assign(refused="no"), runs, rounds, QUESTION, PRICE)
    with pytest.raises(BadValue, match="price of mistakes"):
        Price(0.0)


# ------------------------------------------------------------------ the command, on a real run
SUITE = """
datasets = ["iris", "wine"]
models = ["logreg", "svc-rbf"]
strategies = ["random", "margin"]
trials = 2
protocol = {use = "standard", start = 10, batch = 10, budget = 60}
stopping = ["classification_change", {use = "budget", labels = 30, name = "thirty"}]
price_of_mistakes = 500
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small suite that was run."""
    folder = tmp_path_factory.mktemp("stop")
    (folder / "small.toml").write_text(SUITE)
    albench.run(folder / "small.toml", folder / "out", jobs=1)
    return folder


def test_the_command_its_cache_and_its_formats(
    ran: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["stop", str(ran / "small.toml"), "--results", str(ran / "out"), "--jobs", "1"]
    before = {p.name: p.read_bytes() for p in (ran / "out").glob("r*.parquet")}
    assert exit_code([*words, "--format", "json", "--table", "datasets"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert {row["rule"] for row in first["rows"]} == {"classification_change", "thirty"}
    thirty = [row for row in first["rows"] if row["rule"] == "thirty"]
    assert {row["spent"] for row in thirty} == {30.0}
    assert any("500 x (1 - accuracy)" in note for note in first["notes"])
    assert (ran / "out" / FILE).is_file()
    assert before == {p.name: p.read_bytes() for p in (ran / "out").glob("r*.parquet")}

    def never(*given: Any, **more: Any) -> None:
        raise AssertionError("it was refitted")

    monkeypatch.setattr("albench.runner.stops.over_cuts", never)
    assert exit_code([*words, "--format", "json", "--table", "datasets"]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert exit_code([*words, "--format", "csv", "--rule", "thirty", "--to", str(ran / "fig")]) == 0
    out = capsys.readouterr()
    assert out.out.startswith("protocol,model,strategy,rule,datasets,") or "rule" in out.out


def test_python_gives_the_same_and_names_mistakes(ran: Path) -> None:
    found = albench.stop(ran / "small.toml", ran / "out", jobs=1)
    assert set(found.runs["rule"]) == {"classification_change", "thirty"}
    assert len(found.runs) == 2 * 2 * 2 * 2 * 2  # datasets, models, strategies, trials, rules
    assert "labels" in str(found)
    other = albench.stop(ran / "small.toml", ran / "out", rules=["selected_accuracy"], jobs=1)
    assert set(other.runs["rule"]) == {"selected_accuracy"}
    with pytest.raises(UnknownName, match="no stopping rule 'thirti'; did you mean 'thirty'"):
        albench.stop(ran / "small.toml", ran / "out", rules=["thirti"], jobs=1)


def test_the_report_says_when_one_would_have_stopped(ran: Path) -> None:
    suite = load_suite(ran / "small.toml").only({"model": ["logreg"]})
    runs, rounds = albench.read_results(suite, ran / "out")
    comparison = albench.compare(suite, results=ran / "out")
    told: list[str] = []
    (part,) = section(suite, runs, rounds, comparison, told.append)
    assert part is not None
    assert part.title == "By a stopping rule"
    assert told == ["asking stopping rules about margin"]
    starts = [line.split(",")[0] for line in part.lines if "you would have stopped at" in line]
    assert starts == ["On iris", "On wine"]
    made = [one for _, sections in ORDER for one in sections]
    inside = [cell.cell_contents for one in made for cell in one.__closure__ or ()]
    assert stopped in inside, "it is a section of the page"


def test_without_a_key_every_rule_is_judged() -> None:
    suite = load_suite("quickstart")
    known = rules_of(suite)
    assert {"held_out", "held_out(rows=60)", "stabilising_predictions"} <= set(known)
    assert len(known) >= 12


def test_a_new_rule_runs_as_it_is_written(
    ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = dict(registry.ENTRIES["stopping"])
    try:
        assert exit_code(["new", "stopping", "my-rule"]) == 0
        assert "albench stop" in capsys.readouterr().out
        words = ["--results", str(ran / "out"), "--rule", "my-rule", "--plugin", "my_rule.py"]
        assert exit_code(["stop", str(ran / "small.toml"), *words, "--jobs", "1"]) == 0
        assert "my-rule" in capsys.readouterr().out
        assert exit_code(["new", "stopping", "my-rule"]) == 2
    finally:
        registry.ENTRIES["stopping"] = before


def test_a_forged_stop_is_found() -> None:
    stop = resolve("stopping", "classification_change")
    protocol = Protocol(start=10, batch=10, budget=60, stop=stop)
    model = resolve("model", "logreg")
    spec = RunSpec(
        resolve("dataset", "iris"), resolve("strategy", "margin"), model, model, protocol
    )
    first, again = (run_one(spec, How(("accuracy",))) for _ in range(2))
    row, mine = first.run, rounds_table(first.rounds).to_pandas()
    assert row["stopped"].startswith("classification_change: no pool row changed its class")
    assert difference(row, mine, again, ["accuracy"]) == ""
    assert "stopped_at" in difference(row | {"stopped_at": 5}, mine, again, ["accuracy"])
    assert "stopped: None stored" in difference(row | {"stopped": None}, mine, again, ["accuracy"])
