"""Picks of others, replayed: bound to their run, checked, and the first difference named."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import albench
from albench.cli import exit_code
from albench.core import registry
from albench.core.errors import BadValue
from albench.core.spec import Protocol, RunSpec
from albench.datasets._cut import cut
from albench.runner.worker import Options, run_one
from albench.simulation.task import Task


def spec(strategy: Any, folder: Path, trial: int = 0, **fields: Any) -> RunSpec:
    model = registry.resolve("model", "logreg")
    made = registry.resolve("strategy", strategy, folder=folder)
    protocol = Protocol(**({"start": 10, "batch": 4, "budget": 22} | fields))
    return RunSpec(registry.resolve("dataset", "iris"), made, model, model, protocol, trial)


def finished(strategy: Any, folder: Path, trial: int = 0, **fields: Any) -> Any:
    return run_one(spec(strategy, folder, trial, **fields), Options(("accuracy",)))


def cut_of(folder: Path) -> Task:
    made = spec("margin", folder)
    return cut(registry.build("dataset", made.dataset), made)


def table_of(run: Any, trial: int = 0, start: bool = True) -> pd.DataFrame:
    """What anyone's stored rounds say, one row a pick."""
    rows = [
        {"dataset": "iris", "model": "logreg", "strategy": "theirs", "trial": trial}
        | {"round": entry["round"], "row": row}
        for entry in run.rounds
        for row in entry["picks"]
        if start or entry["round"]
    ]
    return pd.DataFrame(rows)


def replayed(folder: Path, table: pd.DataFrame, trial: int = 0, **more: Any) -> Any:
    path = folder / "picks.parquet"
    table.to_parquet(path)
    fields = more.pop("fields", {})
    entry = {"use": "recorded", "path": "picks.parquet", "strategy": "theirs", **more}
    return finished(entry, folder, trial, **fields)


@pytest.mark.parametrize("start", [True, False])
def test_a_replay_buys_and_scores_what_was_bought(tmp_path: Path, start: bool) -> None:
    theirs = finished("margin", tmp_path)
    ours = replayed(tmp_path, table_of(theirs, start=start))
    assert ours.run["status"] == "done", ours.run["reason"]
    for key in ("picks", "labels", "accuracy", "n_labeled"):
        assert [r[key] for r in ours.rounds] == [r[key] for r in theirs.rounds]


def test_positions_in_the_train_part_will_do(tmp_path: Path) -> None:
    theirs = finished("margin", tmp_path)
    task = cut(
        registry.build("dataset", spec("margin", tmp_path).dataset), spec("margin", tmp_path)
    )
    table = table_of(theirs)
    place = {int(row): at for at, row in enumerate(task.rows)}
    table["row"] = [place[row] for row in table["row"]]
    ours = replayed(tmp_path, table, positions="train")
    assert [r["picks"] for r in ours.rounds] == [r["picks"] for r in theirs.rounds]
    table.loc[12, "row"] = 90
    said = replayed(tmp_path, table, positions="train").run["reason"]
    assert "round 1: position 90, and the train part has 90 rows" in said


def test_each_run_gets_its_own_picks_and_ends_with_them(tmp_path: Path) -> None:
    runs = [finished("margin", tmp_path, trial) for trial in (0, 1)]
    table = pd.concat([table_of(run, trial) for trial, run in enumerate(runs)])
    for trial, theirs in enumerate(runs):
        ours = replayed(tmp_path, table, trial)
        assert [r["picks"] for r in ours.rounds] == [r["picks"] for r in theirs.rounds]
    short = replayed(tmp_path, table[table["round"] < 3], 1)
    assert [r["n_labeled"] for r in short.rounds] == [10, 14, 18]
    none = replayed(tmp_path, table, 5)
    assert none.run["status"] == "skipped"
    assert none.run["reason"] == (
        "no recorded picks of 'theirs' on iris with logreg, batch 4, trial 5"
    )


def test_several_batch_sizes_in_one_file(tmp_path: Path) -> None:
    four, two = finished("margin", tmp_path), finished("margin", tmp_path, batch=2)
    table = pd.concat([table_of(four).assign(batch=4), table_of(two).assign(batch=2)])
    ours = replayed(tmp_path, table, fields={"batch": 2})
    assert [r["picks"] for r in ours.rounds] == [r["picks"] for r in two.rounds]


def changed(table: pd.DataFrame, at: int, row: int) -> pd.DataFrame:
    table = table.copy()
    table.loc[at, "row"] = row
    return table


def test_the_first_difference_is_named(tmp_path: Path) -> None:
    theirs = finished("margin", tmp_path)
    table = table_of(theirs)
    other = finished("margin", tmp_path, 1)
    task = cut(
        registry.build("dataset", spec("margin", tmp_path).dataset), spec("margin", tmp_path)
    )
    test_row, bought = int(task.rows_test[0]), int(table["row"].iloc[11])
    cases = {
        f"round 1: dataset row {test_row} is a test row here: the split differs": changed(
            table, 11, test_row
        ),
        "round 2: dataset row 150 is no row: the data differ": changed(table, 15, 150),
        "round 1: 3 rows, where a batch is 4": table.drop(index=11),
        "round 2: 0 rows, where a batch is 4": table[table["round"] != 2],
        "round 2: position": changed(table, 14, bought),
    }
    for words, wrong in cases.items():
        run = replayed(tmp_path, wrong).run
        assert run["status"] == "failed"
        assert words in run["reason"]
    start = table[table["round"] == 0].index[0]
    spare = int(np.setdiff1d(task.rows, table["row"])[0])
    said = replayed(tmp_path, changed(table, start, spare)).run["reason"]
    assert "round 0: the recorded start is another" in said
    mixed = pd.concat([table[table["round"] == 0], table_of(other)[10:]])
    assert replayed(tmp_path, mixed).run["status"] == "failed"


def test_a_file_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    table = table_of(finished("margin", tmp_path))
    for wrong, words in (
        (table.drop(columns="row"), "no column row"),
        (table.astype({"row": float}), "column row holds other than whole numbers"),
    ):
        assert words in replayed(tmp_path, wrong).run["reason"]
    with pytest.raises(BadValue, match="no such file"):
        registry.resolve("strategy", {"use": "recorded", "path": "gone.parquet"}, folder=tmp_path)
    assert finished("recorded", tmp_path).run["status"] == "skipped"
    entry = {"use": "recorded", "path": "picks.parquet", "strategy": "theirs"}
    known = spec(entry, tmp_path)
    (tmp_path / "picks.parquet").write_bytes(b"other")
    assert "its content changed" in run_one(known, Options(("accuracy",))).run["reason"]


def test_it_is_a_control_that_is_never_ranked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a suite, through the command line, from a file of text."""
    runs = [finished("margin", tmp_path, trial) for trial in range(3)]
    table = pd.concat([table_of(run, trial) for trial, run in enumerate(runs)])
    table.to_csv(tmp_path / "picks.csv", index=False)
    suite = tmp_path / "s.toml"
    suite.write_text(
        'datasets = ["iris"]\nmodels = ["logreg"]\ntrials = 3\n'
        'strategies = ["random", "margin",\n'
        '  {use = "recorded", path = "picks.csv", strategy = "theirs", name = "theirs"}]\n'
        'protocol = {use = "standard", start = 10, batch = 4, budget = 22}\n'
    )
    results = ["--results", str(tmp_path / "r")]
    assert exit_code(["run", str(suite), *results, "--jobs", "1"]) == 0
    found = albench.compare(suite, results=tmp_path / "r")
    assert "theirs" not in set(found.against["strategy"])
    _, rounds = albench.read_results(suite, tmp_path / "r")
    by = rounds.merge(albench.read_results(suite, tmp_path / "r")[0][["run", "strategy", "trial"]])
    wide = by.pivot_table(index=["trial", "round"], columns="strategy", values="accuracy")
    assert (wide["theirs"] == wide["margin"]).all()
    assert exit_code(["verify", str(suite), *results]) == 0
