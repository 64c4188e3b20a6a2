"""The table of comparisons: complete, and every test it names is there."""

import ast
from pathlib import Path

import pytest
from typer.testing import CliRunner

from albench.core.registry import ENTRIES, names
from albench.strategies._checked import CHECKED, checked

ROOT = Path(__file__).parents[1]


def own() -> list[str]:
    """albench's own strategies."""
    return [name for name in names("strategy") if ENTRIES["strategy"][name].plugin is None]


def test_every_strategy_has_a_comparison_and_no_other() -> None:
    assert [name for name in own() if checked(name) is None] == []
    assert set(CHECKED) <= set(own())
    assert checked("of-a-plugin") is None


@pytest.mark.parametrize("name", sorted({*CHECKED, "ska:margin"}))
def test_the_named_test_is_there(name: str) -> None:
    found = checked(name)
    assert found is not None
    file, function = found.test.split("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    functions = {n.name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)}
    assert function in functions, f"{file} has no {function}"
    assert found.against
    assert found.data


def test_show_strategy_says_it() -> None:
    from albench.cli import app

    shown = CliRunner().invoke(app, ["show", "strategy", "bait", "--format", "csv"])
    assert shown.exit_code == 0
    assert "greedy search with whole inverses" in shown.output
    assert "test_strategies_fisher.py::test_bait_by_brute_force" in shown.output
