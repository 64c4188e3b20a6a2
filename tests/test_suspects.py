"""Tables in which something is probably wrong: said before the first run, or refused."""

from pathlib import Path

import numpy as np
import pytest

from albench.cli import exit_code
from albench.datasets._dataset import Dataset, suspects

N = 60
Y = np.arange(N) % 2
RNG = np.random.default_rng(0)


def said_of(**columns: object) -> str:
    """What is said of a table with these columns."""
    X = np.column_stack([np.asarray(column, dtype=float) for column in columns.values()])
    return "\n".join(suspects(Dataset.of(X, Y, features=list(columns))))


def test_row_numbers_are_suspected() -> None:
    assert "'id' looks like the number of the row" in said_of(u=RNG.normal(size=N), id=np.arange(N))
    assert "in steps of one" in said_of(id=RNG.permutation(N) + 1000)
    assert "rising with the row" in said_of(id=np.cumsum(RNG.integers(1, 9, size=N)))


def test_measurements_are_not_suspected() -> None:
    count = RNG.integers(0, 30, size=N)
    assert not said_of(u=RNG.normal(size=N), sorted=np.sort(RNG.normal(size=N)), count=count)


def test_a_class_with_one_row_is_told() -> None:
    data = Dataset.of(RNG.normal(size=(N, 2)), ["once", *("ab"[i % 2] for i in range(N - 1))])
    assert "class 'once' has one row" in "\n".join(suspects(data))


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table that has numbers and texts that name the rows."""
    monkeypatch.chdir(tmp_path)
    for name, key in (("number", "{0}"), ("text", "row{0}")):
        lines = [f"{key.format(i)},{(i * 13) % 11},{'ab'[i % 3 == 0]}" for i in range(200)]
        (tmp_path / f"{name}.csv").write_text("id,v,label\n" + "\n".join(lines) + "\n")
    return tmp_path


def test_new_suite_looks_as_run_does(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, said in (("text", "'id' holds 200 distinct texts"), ("number", "'id' looks like")):
        assert exit_code(["new", "suite", "--data", f"{name}.csv", "--target", "label"]) == 0
        assert said in capsys.readouterr().err
        text = (table / f"{name}.toml").read_text()
        assert 'drop = ["id"]' in text
        assert exit_code(["run", f"{name}.toml", "--dry-run"]) == 0
        assert said not in capsys.readouterr().err
        (table / "all.toml").write_text(text.replace('drop = ["id"]', ""))
        assert exit_code(["run", "all.toml", "--dry-run"]) == (2 if name == "text" else 0)
        assert said in capsys.readouterr().err


def test_new_suite_takes_a_budget(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["new", "suite", "--data", "number.csv", "--target", "label", "--budget"]
    assert exit_code([*words, "500"]) == 2
    assert "from 3 to 120" in capsys.readouterr().err
    assert exit_code([*words, "45"]) == 0
    assert "budget = 45" in (table / "number.toml").read_text()


def test_show_names_the_keys_that_a_suite_gives(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["show", "dataset", "csv", "--format", "csv"]) == 0
    out = capsys.readouterr().out
    assert "parameter path" in out
    assert 'sha256,"text, default needed' not in out
    assert "taken from the file" in out


def test_a_budget_beyond_the_pool_is_told(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (table / "all.toml").write_text(
        'datasets = ["iris"]\nmodels = ["gnb"]\nstrategies = ["random"]\n'
        "protocol = {budget = 100000}\n"
    )
    assert exit_code(["run", "all.toml", "--dry-run"]) == 0
    said = capsys.readouterr().err
    assert "budget = 100000 is more than there is; it buys the whole pool of iris (90" in said
