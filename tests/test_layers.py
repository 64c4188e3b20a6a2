"""Imports go downwards only: a module may import its own floor and the floors below."""

import ast
from pathlib import Path

import pytest

import albench

ROOT = Path(albench.__file__).parent
# one line a module, so that two additions do not clash
FLOOR = {
    "errors": 0,
    "ref": 1,
    "spec": 1,
    "learner": 1,
    "ties": 1,
    "query": 1,
    "answers": 1,
    "asking": 1,
    "loop": 1,
    "tables": 1,
    "files": 1,
    "applies": 2,
    "intake": 2,
    "data": 2,
    "scaling": 2,
    "suspects": 2,
    "splits": 2,
    "published_splits": 2,
    "published_protocols": 2,
    "cache": 2,
    "download": 2,
    "parsed": 2,
    "columns": 2,
    "openml_api": 2,
    "inventory": 2,
    "encode": 2,
    "params": 2,
    "entries": 2,
    "registry": 2,
    "protocols": 2,
    "oracle": 2,
    "annotators": 2,
    "costs": 2,
    "priced": 2,
    "datasets": 3,
    "strategies": 3,
    "models": 3,
    "estimators": 3,
    "metrics": 3,
    "engines": 3,
    "testing": 3,
    "suite": 3,
    "judging": 3,
    "suitefile": 3,
    "store": 3,
    "union": 3,
    "provenance": 4,
    "clock": 4,
    "execute": 4,
    "pool": 4,
    "runner": 4,
    "grid": 4,
    "merging": 4,
    "plan": 4,
    "preflight": 4,
    "cuts": 4,
    "passes": 4,
    "python": 4,
    "checks": 5,
    "analysis": 5,
    "plots": 5,
    "drawing": 6,
    "ceilings": 6,
    "recommend": 6,
    "abridged": 6,
    "topics": 6,
    "kinds": 6,
    "views": 6,
    "pages": 6,
    "evidence": 6,
    "alone": 6,
    "parts": 6,
    "board": 6,
    "leaderboard": 6,
    "site": 6,
    "report": 6,
    "replay": 6,
    "verify": 6,
    "show": 7,
    "commands": 7,
    "cli": 7,
}
FILES = sorted(
    p for p in ROOT.rglob("*.py") if p.name != "__main__.py" and p.parent.name != "shipped"
)


def unit(path: Path) -> str:
    """The module or package of a file, as the floors name it."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The albench modules and packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("albench"):
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("albench.")}
    return {name for name in found if not name.startswith("__")}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_downwards(path: Path) -> None:
    name = unit(path)
    if name == "__init__":
        return
    for other in imported(path):
        assert FLOOR[other] <= FLOOR[name], f"{name} imports {other}, which lies above it"
        if name in ("analysis", "plots"):
            assert other in ("analysis", "plots", "tables", "errors")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_matplotlib_only_in_plots_and_report(path: Path) -> None:
    roots = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
    }
    if unit(path) not in ("plots", "report"):
        assert not roots & {"matplotlib", "seaborn"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, node.name


def test_no_module_is_called_utils() -> None:
    assert not [p for p in FILES if p.stem in ("utils", "util", "helpers", "common", "misc")]
