"""What the commands say: where they looked, and what to type next."""

from pathlib import Path

import pytest

from albench.cli import exit_code
from albench.commands.options import retyped
from albench.suitefile import load_suite

SUITE = """
datasets = ["iris"]
models = ["gnb"]
strategies = ["random"]
trials = 1
"""
FAILS = """
from albench import strategy

@strategy("{}")
def fails(query):
    raise KeyError("x")
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a suite in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(SUITE)
    return tmp_path


def test_where_nothing_is_stored_the_folder_is_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["compare", "mine.toml"]) == 2
    said = capsys.readouterr().err
    assert f"in {here / 'results' / 'mine'}, which does not exist" in said
    assert "--results" in said
    assert "`albench run mine.toml`" in said


def test_what_failed_is_shown_by_the_command_that_is_suggested(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "own.py").write_text(FAILS.format("fails-here"))
    words = ["--plugin", "own.py", "--add", "fails-here", "--results", "out"]
    assert exit_code(["run", "mine.toml", *words, "--jobs", "1"]) == 1
    said = capsys.readouterr().err
    suggested = "albench status mine.toml --plugin own.py --results out --failed"
    assert f"`{suggested}` shows why" in said
    assert exit_code(suggested.split()[1:]) == 0
    assert "KeyError" in capsys.readouterr().out


def test_a_shipped_suite_is_suggested_by_its_name(here: Path) -> None:
    suite = load_suite("quickstart")
    assert retyped("run", suite, Path("results/quickstart")) == "albench run quickstart"
    given = retyped("run", suite, Path("my results"))
    assert given == "albench run quickstart --results 'my results'"
