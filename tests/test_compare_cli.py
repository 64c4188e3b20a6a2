"""`compare`, `curves` and `figures` on a small suite that has been run."""

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import albench
from albench.cli import exit_code

SUITE = """
title = "small"
protocol = {use = "standard", start = 10, batch = 10, budget = 40}
datasets = ["iris", "wine"]
models = ["gnb"]
strategies = ["random", "margin", "kcenter"]
trials = 6
metrics = ["accuracy", "log_loss"]
targets = ["random", "gap:0.5", 0.9]
checkpoints = [0.5]
rope = {log_loss = 0.05}
"""
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("suite")
    (path / "small.toml").write_text(SUITE)
    albench.run(path / "small.toml", path / "results" / "small", jobs=1)
    return path


@pytest.fixture
def command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.chdir(folder)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = exit_code([arguments[0], "small.toml", *arguments[1:]])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def test_first_line_says_that_two_datasets_cannot_tell(command: Command) -> None:
    code, out, _ = command("compare")
    assert code == 0
    first, second = out.splitlines()[:2]
    assert first.startswith("gnb, ")
    assert "whether a strategy beats random beyond these datasets cannot be told: " in first
    assert "cannot reach 0.05 with 2 datasets (2 tests need 7)" in first
    assert "Nor can it be told on these datasets alone" in second  # six trials, four tests


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare"],
        *(["compare", "--table", t] for t in ("datasets", "pairs", "ranks", "omnibus", "within")),
        *(["compare", "--table", t] for t in ("aggregates", "penalties")),
        ["curves"],
        ["curves", "--table", "labels", "--metric", "log_loss"],
        ["compare", "--axis", "cost", "--summary", "alc", "--missing", "refuse"],
    ],
)
def test_every_table(command: Command, arguments: list[str]) -> None:
    code, out, _ = command(*arguments, "--format", "json")
    assert code == 0
    table = json.loads(out)
    assert set(table) == {"columns", "rows", "notes"}
    assert table["rows"]
    assert all(set(row) == set(table["columns"]) for row in table["rows"])
    code, out, _ = command(*arguments, "--format", "latex")
    assert code == 0
    assert r"\toprule" in out
    assert out.count(r"\begin{table}") == out.count(r"\end{table}") == 1


@pytest.mark.parametrize("which", ["compare", "curves"])
def test_every_format(command: Command, which: str) -> None:
    code, out, _ = command(which, "--format", "csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == (2 if which == "compare" else 6)
    code, out, _ = command(which, "--format", "markdown")
    assert code == 0
    assert "| --- |" in out
    code, out, _ = command(which)
    assert code == 0
    assert "kcenter" in out


def test_one_dataset_is_answered_from_its_trials(command: Command) -> None:
    code, out, err = command("compare", "--only", "dataset=iris")
    assert code == 0
    assert out.startswith("gnb, ")
    assert "on iris only, 6 paired trials" in out.splitlines()[0]
    assert "trials W/T/L" in out
    assert "next: `albench curves small.toml --table labels`" in err
    csv_out = command("compare", "--only", "dataset=iris", "--format", "csv")[1]
    assert "boot_low" in csv_out.splitlines()[0]
    asked = command("compare", "--only", "dataset=iris", "--table", "against", "--format", "csv")[1]
    assert "verdict" in asked.splitlines()[0]
    assert "next: " not in command("compare")[2]


def test_json_answers_first_and_has_null_for_undefined(command: Command) -> None:
    table = json.loads(command("compare", "--format", "json")[1])
    assert table["notes"][0].startswith("gnb, ")
    assert all(row["holm_p"] is None for row in table["rows"])
    loss = json.loads(command("compare", "--metric", "log_loss", "--format", "json")[1])
    assert "log_loss is negated, so that higher is better everywhere" in loss["notes"]


def test_stats_json_lies_beside_the_results(command: Command, folder: Path) -> None:
    command("compare")
    stats = json.loads((folder / "results/small/stats.json").read_text())
    assert stats["design"][0]["dataset_names"] == ["iris", "wine"]
    assert stats["design"][0]["trials_min"] == 6
    assert any("cannot reach 0.05 with 2 datasets" in g for g in stats["guards"])


def test_curves_have_the_declared_targets_and_checkpoints(command: Command) -> None:
    labels = json.loads(command("curves", "--table", "labels", "--format", "json")[1])
    assert {row["target"] for row in labels["rows"]} == {"random", "gap:0.5", "0.9"}
    summary = json.loads(command("curves", "--format", "json")[1])
    assert "at_50" in summary["columns"]
    assert all(row["full"] is not None for row in summary["rows"])


def test_same_start_for_all_strategies(command: Command) -> None:
    rows = json.loads(command("curves", "--format", "json")[1])["rows"]
    for dataset in ("iris", "wine"):
        assert len({row["start"] for row in rows if row["dataset"] == dataset}) == 1


def test_figures_with_captions_and_equal_bytes(command: Command, folder: Path) -> None:
    for to in ("one", "two"):
        code, out, err = command("figures", "--to", to, "--as", "svg")
        assert code == 0
        assert f"in {to}" in err
        assert "2 datasets, 6 trials each." in " ".join(out.split())
    names = sorted(os.listdir(folder / "one"))
    assert {"learning.svg", "gain.svg", "heat.svg", "runtime.svg", "captions.tex"} <= set(names)
    assert {"tv.svg", "audit.svg", "picks-iris.svg", "captions-audit.md"} <= set(names)
    assert "no figure of wrong labels: the oracle is exact" in err
    for name in names:
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


def test_default_folder_of_the_figures(command: Command, folder: Path) -> None:
    given = ("figures", "--as", "png", "--format", "json", "--bought", "0")
    table = json.loads(command(*given)[1])
    assert "tv" not in {row["figure"] for row in table["rows"]}
    for row in table["rows"]:
        assert (folder / "results/small/figures" / f"{row['figure']}.png").stat().st_size > 0


def test_mistakes_are_one_sentence(command: Command) -> None:
    for arguments, words in {
        ("compare", "--baseline", "badge"): "baseline 'badge' is not among the strategies",
        ("figures", "--as", "gif"): "pdf, svg, png; not as gif",
        ("curves", "--metric", "f1_macro"): "the suite has accuracy, log_loss",
    }.items():
        code, out, err = command(*arguments)
        assert code == 2
        assert words in err
        assert out == ""
        assert err.count("\n") == 1


def test_one_strategy_is_no_crash(command: Command) -> None:
    code, out, _ = command("compare", "--only", "strategy=random")
    assert code == 0
    assert out.startswith("gnb, ")
    assert "nothing to compare with random." in out
