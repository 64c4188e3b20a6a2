"""One question: commands, pages and Python ask a suite's results the same, and guess nothing."""

import ast
import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import albench
from albench.analysis.comparison import Comparison
from albench.analysis.question import Options
from albench.cli import compare, exit_code
from albench.core.errors import BadValue

ROOT = Path(__file__).parent.parent
SHIPPED = {"leaderboard": "leaderboard", "lu2023": str(ROOT / "suites" / "lu2023.toml")}
# What each shipped result is cut down to: statistics over all of it take half a minute.
KEPT = {
    "leaderboard": (
        ["iris", "wine", "moons", "moons-noisy", "sine"],
        ["random", "margin", "greedy_oracle"],
    ),
    "lu2023": (["appendicitis", "haberman", "ex8b"], ["Uniform", "US-C", "QBC"]),
}
TABLES = ("against", "pairs", "ranks", "omnibus", "aggregates", "within")


@dataclass
class Stored:
    """A shipped result cut down, and a folder that the commands may write to."""

    name: str
    suite: str
    runs: pd.DataFrame
    rounds: pd.DataFrame
    folder: Path


@pytest.fixture(scope="module", params=list(SHIPPED))
def few(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    name = request.param
    source = ROOT / "results" / name
    runs, rounds = albench.read_results(SHIPPED[name], source)
    datasets, strategies = KEPT[name]
    mine = runs["dataset"].isin(datasets) & runs["strategy"].isin([*strategies, "full_pool"])
    runs = runs[mine & (runs["trial"] < 3)].reset_index(drop=True)
    rounds = rounds[rounds["run"].isin(runs["run"])].reset_index(drop=True)
    folder = tmp_path_factory.mktemp(name)
    shutil.copy(source / "manifest.json", folder)
    return Stored(name, SHIPPED[name], runs, rounds, folder)


@pytest.fixture
def stored(few: Stored, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    """Commands and Python read the small tables; what they ask of them is their own."""

    def labelled(*_: object) -> tuple[pd.DataFrame, pd.DataFrame]:
        runs, rounds = few.runs.copy(), few.rounds.copy()
        runs.attrs, rounds.attrs = {}, {}
        return runs, rounds

    monkeypatch.setattr("albench.runner.grid.labelled", labelled)
    monkeypatch.setattr("albench.api.tables.labelled", labelled)
    return few


def test_python_and_command_line_give_equal_tables(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Comparison] = []
    monkeypatch.setattr(compare, "show_comparison", lambda found, *_: shown.append(found))
    metrics = albench.load_suite(stored.suite).metrics
    assert len(metrics) >= 2
    for metric in metrics:
        words = ["compare", stored.suite, "--results", str(stored.folder), "--metric", metric]
        assert exit_code(words) == 0
        theirs = shown.pop()
        assert set(TABLES) <= set(theirs.tables)
        ours = albench.compare(*albench.read_results(stored.suite, stored.folder), metric=metric)
        assert ours.json() == theirs.json()
        for name, frame in theirs.tables.items():
            assert_frame_equal(ours.tables[name], frame)


@pytest.mark.parametrize("few", ["leaderboard"], indirect=True)
def test_what_the_shipped_leaderboard_says(
    stored: Stored, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--results", str(stored.folder), "--model", "logreg"]
    words = ["compare", "leaderboard", *where, "--metric", "accuracy", "--format", "csv"]
    assert exit_code(words) == 0
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out))
    runs, rounds = albench.read_results("leaderboard", stored.folder)
    found = albench.compare(runs, rounds, metric="accuracy", model="logreg")
    row = found.tables["against"].iloc[0]
    assert printed["strategy"].tolist() == ["margin"]
    assert row["strategy"] == "margin"
    assert printed["mean_difference"].iloc[0] == pytest.approx(row["mean_difference"], abs=1e-5)
    (design,) = found.design
    assert design["unranked"] == ["greedy_oracle"]
    assert len(design["dataset_names"]) == 5  # greedy_oracle was run on three of them
    assert design["datasets"] == 4  # moons and moons-noisy are one


QUICK = """
title = "quick"
protocol = {use = "standard", start = 10, batch = 10, budget = 30}
datasets = ["iris", "wine"]
models = ["gnb"]
strategies = ["random", "margin"]
trials = 3
metrics = ["accuracy", "log_loss"]
targets = ["gap:0.5", 0.9]
alpha = 0.1
rope = {accuracy = 0.02, log_loss = 0.05}
"""


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quick")
    (folder / "quick.toml").write_text(QUICK)
    albench.run(folder / "quick.toml", folder / "results" / "quick", jobs=1)
    return folder


def test_the_example_of_the_readme_is_the_command(
    quick: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(quick)
    text = (ROOT / "README.md").read_text()
    block = re.search(r"## From Python\n\n```python\n(.*?)```", text, re.DOTALL)
    assert block is not None
    code = block.group(1).replace('"quickstart"', '"quick.toml"')
    assert code.count("albench.compare(") >= 2
    capsys.readouterr()
    exec(compile(code, "README.md", "exec"), {})
    printed = [line for line in capsys.readouterr().out.splitlines() if line]
    expected = []
    for words in ([], ["--metric", "log_loss"]):
        assert exit_code(["compare", "quick.toml", *words, "--format", "latex"]) == 0
        out = capsys.readouterr().out
        expected += [line[2:] for line in out.splitlines() if line.startswith("% ")]
    assert printed == expected


def test_a_loss_is_lower_from_python_too(quick: Path) -> None:
    runs, rounds = albench.read_results(quick / "quick.toml", quick / "results" / "quick")
    found = albench.compare(runs, rounds, metric="log_loss")
    assert found.options.better == "lower"
    assert found.options.alpha == 0.1
    area = runs.merge(rounds[["run", "log_loss"]], on="run")
    mean = area[area["dataset"] == "iris"].groupby("strategy")["log_loss"].mean()
    within = found.tables["within"].set_index(["dataset", "strategy"])["mean_difference"]
    # less loss than the baseline is a positive difference
    assert (within["iris", "margin"] > 0) == (mean["margin"] < mean["random"])
    plain = [frame.copy() for frame in (runs, rounds)]
    for frame in plain:
        frame.attrs = {}
    assert albench.compare(*plain, metric="log_loss", rope=0.05).options.better == "lower"
    with pytest.raises(BadValue, match="log_loss is no share between 0 and 1"):
        albench.compare(*plain, metric="log_loss")
    assert (found.options.rope, albench.compare(runs, rounds).options.rope) == (0.05, 0.02)


def test_the_question_is_plain_and_survives_what_pandas_does(quick: Path, tmp_path: Path) -> None:
    suite = albench.load_suite(quick / "quick.toml")
    runs, rounds = albench.read_results(suite, quick / "results" / "quick")
    asked = suite.question()
    plain = replace(asked, unranked=[], unranked_models=[], targets=list(asked.targets))
    assert json.loads(json.dumps(runs.attrs)) == runs.attrs
    assert runs.attrs["directions"] == {"accuracy": "higher", "log_loss": "lower"}
    for frame in (
        runs.copy(),
        runs[runs["model"] == "gnb"],
        pd.concat([runs.iloc[:3], runs.iloc[3:]]),
    ):
        carried = frame.attrs["question"]
        assert plain == Options(**carried)
        assert (
            albench.compare(frame, rounds).json()
            == albench.compare(suite, results=quick / "results/quick").json()
        )
    runs.to_parquet(tmp_path / "runs.parquet")
    again = pd.read_parquet(tmp_path / "runs.parquet")
    assert again.attrs == runs.attrs
    assert albench.compare(again, rounds).options == albench.compare(runs, rounds).options


def test_suite_name_and_object_and_what_is_asked_differently(quick: Path) -> None:
    suite = albench.load_suite(quick / "quick.toml")
    results = quick / "results" / "quick"
    ours = albench.compare(suite, results=results, metric="log_loss", summary="end", rope=0.1)
    assert ours.design[0]["measure"] == "end log_loss"
    runs, rounds = albench.read_results(suite, results)
    theirs = albench.compare(runs, rounds, metric="log_loss", summary="end", rope=0.1)
    assert ours.json() == theirs.json()
    assert ours.options == replace(suite.question("log_loss"), summary="end", rope=0.1)
    with pytest.raises(BadValue, match="metric 'f1_macro': the suite has accuracy, log_loss"):
        suite.question("f1_macro")
    with pytest.raises(BadValue, match=r"no option alhpa; did you mean 'alpha'\?"):
        albench.compare(suite, results=results, alhpa=0.1)
    with pytest.raises(BadValue, match="these are tables, already read"):
        albench.compare(runs, rounds, results=results)
    with pytest.raises(BadValue, match="rounds goes with the table runs"):
        albench.compare(suite, rounds, results=results)


def foreign() -> pd.DataFrame:
    rows = [
        {
            "dataset": f"d{d}",
            "strategy": strategy,
            "trial": trial,
            "n_labeled": n,
            "regret": 0.5 / n + 0.01 * d + shift + 0.001 * trial,
            "accuracy": 0.5 + 0.01 * n - shift,
        }
        for d in range(8)
        for trial in range(2)
        for strategy, shift in (("random", 0.02), ("mine", 0.0), ("greedy_oracle", -0.02))
        for n in (10, 20, 30)
    ]
    return pd.DataFrame(rows)


def test_a_direction_that_nobody_knows_is_refused() -> None:
    with pytest.raises(BadValue, match=r"metric 'regret'.*pass better='higher' or better='lower'"):
        albench.compare(foreign(), metric="regret")
    with pytest.raises(BadValue, match=r"no suite's question: pass metric="):
        albench.compare(foreign())
    told = albench.compare(foreign(), metric="regret", better="lower", rope=0.01).tables["against"]
    assert told["strategy"].tolist() == ["mine"]
    assert told["mean_difference"].iloc[0] == pytest.approx(0.02)
    wrong = albench.compare(foreign(), metric="regret", better="higher", rope=0.01).tables[
        "against"
    ]
    assert wrong["mean_difference"].iloc[0] == pytest.approx(-0.02)


def test_bounds_of_the_registry_are_not_ranked_in_frames_from_anywhere() -> None:
    found = albench.compare(foreign(), metric="accuracy")
    assert found.tables["against"]["strategy"].tolist() == ["mine"]
    ranked = albench.compare(foreign(), metric="accuracy", unranked=[])
    assert ranked.tables["against"]["strategy"].tolist() == ["greedy_oracle", "mine"]


def test_tables_of_two_suites_and_of_a_later_version_are_refused(quick: Path) -> None:
    runs, rounds = albench.read_results(quick / "quick.toml", quick / "results" / "quick")
    other = rounds.copy()
    other.attrs["question"]["baseline"] = "margin"
    with pytest.raises(BadValue, match="the questions of two suites"):
        albench.compare(runs, other)
    for frame in (runs, rounds):
        frame.attrs["question"]["seconds"] = 3
    with pytest.raises(BadValue, match="has seconds, which this version of albench does not know"):
        albench.compare(runs, rounds)


def test_the_question_is_derived_in_one_place() -> None:
    """Nobody but the suite reads a metric's direction or builds options of a suite."""
    said = []
    for path in sorted((ROOT / "albench").rglob("*.py")):
        name = str(path.relative_to(ROOT / "albench"))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node).endswith("traits.better"):
                said.append((name, "direction"))
            if (
                isinstance(node, ast.Attribute)
                and node.attr in ("alpha", "rope", "targets", "bounds", "baseline")
                and ast.unparse(node.value).split(".")[-1] == "suite"
            ):
                said.append((name, node.attr))
    # the protocol sheet and `albench show` print the declared values themselves
    prints = {(f"reporting/{file}.py", "alpha") for file in ("page", "sure")}
    prints |= {("cli/status.py", "baseline")}
    assert set(said) - prints == {("suite/__init__.py", "direction")}
