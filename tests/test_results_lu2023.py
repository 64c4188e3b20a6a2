"""The committed results of lu2023: small, verified against the published table."""

import io
from pathlib import Path

import pandas as pd
import pytest

from albench import read_results
from albench.analysis.reproduce import claims, coinciding, reproduced, summary
from albench.cli import exit_code

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "results" / "lu2023"


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    return read_results(ROOT / "suites" / "lu2023.toml", FOLDER)


@pytest.fixture(scope="module")
def verdicts(tables: tuple[pd.DataFrame, pd.DataFrame]) -> pd.DataFrame:
    return reproduced(*tables, claims(ROOT / "suites" / "lu2023.published.csv"))


def test_they_are_small_and_complete() -> None:
    files = {path.name: path.stat().st_size for path in FOLDER.iterdir() if path.is_file()}
    assert {"runs.parquet", "rounds.parquet", "manifest.json", "reproduce.csv"} <= set(files)
    assert sum(files.values()) < 20e6


def test_the_printed_digits_of_uniform_and_us_c(verdicts: pd.DataFrame) -> None:
    cells = verdicts.set_index(["dataset", "strategy"])
    printed = {
        ("appendicitis", "Uniform"): (0.8395, 0.0363),
        ("appendicitis", "US-C"): (0.8454, 0.0333),
        ("parkinsons", "Uniform"): (0.8305, 0.0368),
        ("parkinsons", "US-C"): (0.8531, 0.0343),
    }
    for place, (mean, sd) in printed.items():
        row = cells.loc[place]
        assert row["verdict"] == "same"
        assert row["trials"] == 100
        assert round(row["ours"], 4) == mean
        assert round(row["ours_sd"], 4) == sd


@pytest.mark.parametrize(("suite", "digits"), [("lu2023", 4), ("zhan2021", 3)])
def test_claims_keep_the_zeros_that_were_printed(suite: str, digits: int) -> None:
    """A mean given as .73 and meant as .7300 would be the same as any number near it."""
    table = claims(ROOT / "suites" / f"{suite}.published.csv")
    assert set(table["digits"]) == {digits}


def test_no_cell_differs_without_a_word(verdicts: pd.DataFrame) -> None:
    text = (ROOT / "suites" / "lu2023.md").read_text()
    for row in verdicts[verdicts["verdict"] == "differs"].itertuples():
        assert f"{row.dataset}, {row.strategy}" in text


HERE = [
    *("appendicitis", "parkinsons", "ex8b", "heart", "haberman", "ionosphere", "australian"),
    *("diabetes", "mammographic", "ex8a", "splice", "checkerboard", "banana"),
]


def test_fewer_trials_than_published_are_said(verdicts: pd.DataFrame) -> None:
    text = (ROOT / "suites" / "lu2023.md").read_text()
    five = verdicts["strategy"].isin(["Uniform", "US-C", "US-NC", "QBC", "Core-Set"])
    cells = verdicts[verdicts["dataset"].isin(HERE) & five]
    assert len(cells) == 5 * len(HERE)
    for row in cells.itertuples():
        due = 10 if row.dataset == "banana" else 100
        if row.trials < due:
            assert f"- {row.dataset}, {row.strategy}: {row.trials} of {due}\n" in text
        else:
            assert f"- {row.dataset}, {row.strategy}: " not in text


def test_the_report_is_that_of_the_tables(verdicts: pd.DataFrame) -> None:
    report = pd.read_csv(FOLDER / "reproduce.csv")
    shown = verdicts[verdicts["trials"] > 0]
    assert report["verdict"].tolist() == shown["verdict"].tolist()
    assert report["ours"].to_numpy() == pytest.approx(shown["ours"].to_numpy(), abs=1e-5)


def test_infodiv_is_found_to_be_us_c(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    runs, rounds = tables
    few = runs[runs["dataset"].isin(["appendicitis", "heart"])]
    found = summary(coinciding(few, rounds[rounds["run"].isin(few["run"])]))
    assert {frozenset(p) for p in zip(found["strategy"], found["with"], strict=True)} == {
        frozenset(("US-C", "InfoDiv"))
    }
    assert found["trials"].tolist() == [200]


def test_what_else_is_selected_does_not_move_an_interval(
    verdicts: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["reproduce", "lu2023", "--results", str(FOLDER), "--format", "csv"]
    words += ["--only", "dataset=appendicitis", "--only", "strategy=Uniform"]
    assert exit_code(words) == 0
    row = pd.read_csv(io.StringIO(capsys.readouterr().out)).set_index("strategy").loc["Uniform"]
    due = verdicts.set_index(["dataset", "strategy"]).loc["appendicitis", "Uniform"]
    assert (row["low"], row["high"]) == (round(due["low"], 5), round(due["high"], 5))
