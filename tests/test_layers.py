"""Imports go downwards only: rooms lie on floors, and a room imports only rooms below it.

The floors are read from the names of rooms. Inside a room files import downwards too: no
circle, wherever an import stands (at the top, in a function, under TYPE_CHECKING).
"""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import albench

ROOT = Path(albench.__file__).parent
FLOORS = (
    ("core",),
    ("analysis",),
    ("plots", "simulation"),
    ("datasets", "models", "strategies", "metrics"),
    ("suite",),
    ("results",),
    ("runner",),
    ("reporting", "testing"),
    ("api",),
    ("cli",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# all that analyses know of albench besides each other
GROUND = {"core.arrays", "core.display", "core.errors", "core.files", "core.tables"}
TOP = {"__init__.py", "__main__.py"}  # the package itself: names of all rooms, loaded when used
FILES = sorted(p for p in ROOT.rglob("*.py") if "shipped" not in p.parts)
MODULES = {
    ".".join(("albench", *p.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): p
    for p in FILES
}


def room(module: str) -> str:
    """The room of a module: `core` of `albench.core.spec`."""
    return module.split(".")[1]


def imported(path: Path) -> set[str]:
    """The albench modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "albench":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else str(node.module))
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name in MODULES}
    return found - {"albench"}


ARROWS = {module: imported(path) for module, path in MODULES.items() if module != "albench"}


def test_every_room_has_a_floor() -> None:
    rooms = {p.relative_to(ROOT).parts[0].removesuffix(".py") for p in FILES}
    assert rooms - {"__init__", "__main__"} == set(FLOOR)


@pytest.mark.parametrize(
    "module", [m for m in MODULES if MODULES[m].name not in TOP or m.count(".")]
)
def test_imports_go_downwards(module: str) -> None:
    if module == "albench.__main__":
        return
    own = room(module)
    for other in ARROWS[module]:
        allowed = room(other) == own or FLOOR[room(other)] < FLOOR[own]
        assert allowed, f"{module} imports {other}, which lies on its floor or above"
        if own == "analysis" and room(other) != "analysis":
            assert other.removeprefix("albench.") in GROUND, f"{module} knows {other}"


def test_no_circles_inside_a_room() -> None:
    try:
        TopologicalSorter(ARROWS).prepare()
    except CycleError as error:
        raise AssertionError("circle: " + " -> ".join(error.args[1])) from None


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_matplotlib_only_in_plots_and_reporting(path: Path) -> None:
    roots = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
    }
    if path.relative_to(ROOT).parts[0] not in ("plots", "reporting"):
        assert not roots & {"matplotlib", "seaborn"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_readable(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 500
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name


def test_no_module_is_called_utils() -> None:
    assert not [p for p in FILES if p.stem in ("utils", "util", "helpers", "common", "misc")]


@pytest.mark.parametrize(
    ("what", "home"),
    [
        (r"^def sha256\(", "core/files.py"),
        (r"mkstemp\(", "core/files.py"),
        (r"\bos\.fsync\(", "core/files.py"),
        (r"^RARE = ", "analysis/bought/rare.py"),
        (r"^FAR = ", "analysis/bought/words.py"),
        (r"^NOISE = ", "core/rounding.py"),
    ],
)
def test_each_rule_lives_in_one_file(what: str, home: str) -> None:
    found = [p for p in FILES if re.search(what, p.read_text(), re.MULTILINE)]
    assert [p.relative_to(ROOT).as_posix() for p in found] == [home]
