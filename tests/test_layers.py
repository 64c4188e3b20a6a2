"""Imports go downwards only: rooms lie on floors, and a room imports only rooms below it.

The floors are read from the names of rooms. Inside a room files import downwards too: no
circle, wherever an import stands (at the top, in a function, under TYPE_CHECKING).
"""

import ast
import re
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import albench

ROOT = Path(albench.__file__).parent
FLOORS = (
    ("core",),
    ("analysis",),
    ("plots", "simulation"),
    ("datasets", "models", "strategies", "metrics", "stopping_rules"),
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


INNER_LOOPS = {"activeset.py", "logreg.py", "smo.py", "svm.py", "truncated.py"}  # of engines
EVENTS = {"watch.py"}  # the arguments of an audit event come as a tuple


def parcels(function: ast.FunctionDef) -> list[str]:
    """Parameters that are tuples of several things: arguments without names."""
    found = []
    for parameter in [*function.args.args, *function.args.kwonlyargs]:
        said = parameter.annotation
        if isinstance(said, ast.Constant) and isinstance(said.value, str):
            said = ast.parse(said.value, mode="eval").body
        for node in ast.walk(said) if said is not None else ():
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "tuple":
                inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                kinds = [ast.unparse(kind) for kind in inside]
                if kinds == ["Any", "..."] or (len(kinds) > 2 and "..." not in kinds):
                    found.append(f"{function.name}({parameter.arg}: tuple[{', '.join(kinds)}])")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_arguments_have_names(path: Path) -> None:
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found = [parcel for function in functions for parcel in parcels(function)]
    assert not found or path.name in EVENTS, "a record says what these are"
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and len(node.args) > 8]
    long = [f"line {call.lineno}: {ast.unparse(call.func)}" for call in calls]
    assert not long or path.name in INNER_LOOPS, "more than eight arguments: name them"


def test_a_parcel_of_arguments_is_seen() -> None:
    (bad, good) = ast.parse(
        "def f(where: 'tuple[int, str, str | None]', core: tuple[Any, ...]): ...\n"
        "def g(names: tuple[str, ...], shard: tuple[int, int] | None, n: int): ..."
    ).body
    assert isinstance(bad, ast.FunctionDef)
    assert isinstance(good, ast.FunctionDef)
    assert len(parcels(bad)) == 2
    assert parcels(good) == []


def squeezed(text: str) -> list[int]:
    """Lines kept from the formatter that are no matrix."""
    matrices = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.List | ast.Tuple)
        and len(node.elts) > 1
        and all(isinstance(row, ast.List | ast.Tuple) for row in node.elts)
    ]
    return [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(r"#\s*(fmt|yapf):\s*(skip|off)", line)
        and not any(m.lineno <= number <= (m.end_lineno or 0) for m in matrices)
    ]


TESTS = sorted(Path(__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", [*FILES, *TESTS], ids=lambda p: p.name)
def test_only_matrices_are_kept_from_the_formatter(path: Path) -> None:
    if path.name != Path(__file__).name:
        assert not squeezed(path.read_text())


def test_a_squeezed_line_is_seen() -> None:
    assert squeezed("M = [[1, 0],\n     [0, 1]]  # fmt: skip\n") == []
    assert squeezed("f(a,b,   c)  # fmt: skip\n") == [1]


def test_ruff_keeps_the_other_limits() -> None:
    """McCabe 12 and eight parameters, but for commands and inner loops."""
    lint = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert {"C901", "PLR0913"} <= set(lint["select"])
    assert lint["mccabe"]["max-complexity"] == 12
    assert lint["pylint"]["max-args"] == 8
    exempt = {Path(p).name for p, rules in lint["per-file-ignores"].items() if "PLR0913" in rules}
    assert exempt - {"*.py"} <= INNER_LOOPS
    assert not [p for p, rules in lint["per-file-ignores"].items() if "C901" in rules]
    noted = {p.name for p in FILES if "noqa: PLR0913" in p.read_text()}
    assert noted == {"loop.py"}
    assert not [p.name for p in FILES if "noqa: C901" in p.read_text()]


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
