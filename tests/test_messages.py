"""What the commands say: where they looked, and what to type next."""

import json
from pathlib import Path

import pytest

from albench.cli import exit_code
from albench.cli.options import retyped
from albench.cli.report import OWNER, pages_of
from albench.core import registry
from albench.core.errors import BadValue
from albench.suite.toml import load_suite

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
    for kind, entries in registry.ENTRIES.items():
        monkeypatch.setitem(registry.ENTRIES, kind, dict(entries))
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


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The message with which a command ends that is a mistake."""
    assert exit_code(words) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("run mine.toml --jobs 0 --dry-run", "--jobs 0"),
        ("run mine.toml --scheduler foo", "--backend dask"),
        ("verify results/nothere", "results/nothere: no such folder"),
        ("compare out", "SUITE --results out"),
        ("list stratgies", "there is no 'stratgies'; did you mean 'strategies'?"),
        ("compare mine.toml --format tabel", "did you mean 'table'?"),
        ("run mine.toml --only strategy=nobody", "has no strategy 'nobody'"),
    ],
)
def test_mistakes_are_refused_at_once(
    here: Path, capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    (here / "out").mkdir()
    said = refused(words.split(), capsys)
    assert message in said
    assert "Value error" not in said


@pytest.mark.parametrize("words", [[], ["new"], ["data"]])
def test_without_a_command_the_help_is_shown(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(words) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage:")
    assert not err


def test_status_says_that_nothing_is_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["status", "mine.toml", "--results", "nothere"]) == 0
    assert f"there is no folder {here / 'nothere'}" in capsys.readouterr().err
    (here / "nothere").mkdir()
    assert exit_code(["status", "mine.toml", "--results", "nothere", "--failed"]) == 0
    assert "none of 2 runs failed" in capsys.readouterr().err


def test_a_plugin_that_registers_nothing_is_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "empty.py").write_text("def mine(query):\n    return query.pool[: query.n]\n")
    for words in (["list", "metrics"], ["status", "mine.toml"]):
        assert exit_code([*words, "--plugin", "empty.py"]) == 0
        assert "empty.py registers nothing" in capsys.readouterr().err


def test_only_may_name_what_is_added(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "first.py").write_text(
        "from albench import strategy\n@strategy('first-rows')\n"
        "def first(query):\n    return query.pool[: query.n]\n"
    )
    words = ["mine.toml", "--plugin", "first.py", "--only", "strategy=first-rows"]
    assert exit_code(["run", *words, "--add", "first-rows", "--jobs", "1"]) == 0
    capsys.readouterr()
    assert exit_code(["compare", *words, "--format", "csv"]) == 0
    assert "first-rows" in capsys.readouterr().out
    assert (
        exit_code(["run", "mine.toml", "--add", "margin", "--only", "strategy=margin", "--dry-run"])
        == 0
    )
    assert "1 runs to do" in capsys.readouterr().out


def test_the_site_of_another_suite_is_left_alone(tmp_path: Path) -> None:
    assert pages_of(tmp_path, "mine") == []
    held = {"suite": "mine", "pages": ["index.html", "../else.html", "notes.txt"]}
    (tmp_path / OWNER).write_text(json.dumps(held))
    assert pages_of(tmp_path, "mine") == [tmp_path / "index.html"]
    with pytest.raises(BadValue, match="leaderboard of suite 'mine', not of 'other'"):
        pages_of(tmp_path, "other")
    (tmp_path / OWNER).write_text("[]")
    with pytest.raises(BadValue, match="damaged"):
        pages_of(tmp_path, "mine")
