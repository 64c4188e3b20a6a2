"""The source of a function or class: its text, its digest, and the version that follows from it.

An entry of a file has the digest of the file for a version. One that is defined in a running
session (a notebook cell, a script) has that of its own source and of all that it reads of the
session: functions and classes by their source, values by their content.
"""

import ast
import dis
import hashlib
import inspect
import json
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from albench.core.errors import BadPlugin

SESSION = "<session>"
"""Stands for the file of an entry that is defined in a running session."""
SENT = "<another process>"
"""The same in a worker, which got the entry from the process that has the session."""
DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


FORMERLY = {
    "albench.models.estimators": "albench.estimators",
    "albench.datasets._dataset": "albench.data",
}
"""Module -> what it was called when the digests of stored results were taken: where a helper
lives is no behaviour, so a move changes no digest."""


def source_of(make: Any) -> str:
    """The text of a function or class with its decorators; raises OSError where there is none.

    The classes of a session have no file of their own: the text of the cell is taken from where
    Python keeps it for tracebacks.
    """
    try:
        return textwrap.dedent(inspect.getsource(make))
    except (OSError, TypeError):
        code = code_of(make)
        if not inspect.isclass(make) or code is None:
            raise OSError(f"no source of {make!r}") from None
    lines = linecache.getlines(code.co_filename)
    for node in ast.walk(ast.parse("".join(lines))):
        if isinstance(node, ast.ClassDef) and node.name == make.__name__:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            last = node.end_lineno or first
            if first <= code.co_firstlineno <= last:
                return textwrap.dedent("".join(lines[first - 1 : last]))
    raise OSError(f"no source of {make!r}")


def code_of(make: Any) -> CodeType | None:
    """The code of a function, or of the first method of a class."""
    if inspect.isclass(make):
        methods = [vars(make).get("__call__"), *vars(make).values()]
        found = (getattr(m, "__code__", None) for m in methods)
        return next((code for code in found if isinstance(code, CodeType)), None)
    code = getattr(make, "__code__", None)
    return code if isinstance(code, CodeType) else None


def bare(text: str) -> str:
    """Source without docstrings, comments and layout."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in FORMERLY:
            node.module = FORMERLY[node.module]
        if isinstance(node, DOCUMENTED) and len(node.body) > 1 and ast.get_docstring(node, False):
            del node.body[0]
    return ast.unparse(tree)


def digest_of(make: Any) -> str:
    """SHA-256 of the code, docstrings and comments aside."""
    return hashlib.sha256(bare(source_of(make)).encode()).hexdigest()


def file_of(make: Any) -> Path | None:
    """The file of the module that defines it; None in a session, which has none to go by."""
    name = getattr(make, "__module__", None)
    file = getattr(sys.modules.get(str(name)), "__file__", None)
    if name == "__main__" or file is None or not Path(file).is_file():
        return None
    return Path(file).resolve()


def place_of(make: Any) -> tuple[str, int]:
    """Qualified name and first line, which tell two definitions in one file apart."""
    code = code_of(make)
    return getattr(make, "__qualname__", repr(make)), code.co_firstlineno if code else 0


def session_version(make: Callable[..., Any]) -> str:
    """The version of what is defined in a session: the digest of its source and of what it reads.

    Raises BadPlugin where its source is not known, or a value that it reads has no content that
    could be told from another.
    """
    parts: dict[str, str] = {}
    gather(make, make.__module__, parts)
    told = json.dumps(parts, sort_keys=True)
    return "sha256:" + hashlib.sha256(told.encode()).hexdigest()[:16]


def gather(make: Any, home: str, parts: dict[str, str]) -> None:
    """Add the source of a function or class, and what it reads of its module, to `parts`."""
    name = make.__qualname__
    if name in parts:
        return
    try:
        parts[name] = bare(source_of(make))
    except (OSError, SyntaxError):
        raise BadPlugin(
            f"the source of {name!r} cannot be read, so its version is not known: write it with "
            "`def` or `class` in a notebook cell or in a file"
        ) from None
    for other, value in sorted(reads(make), key=lambda pair: pair[0]):
        if isinstance(value, ModuleType):
            continue
        inner = inspect.unwrap(value) if callable(value) else value
        if isinstance(inner, FunctionType | type):
            if inner.__module__ == home:
                gather(inner, home, parts)
        else:
            parts[f"{name}: {other}"] = content(inner, name, other)


def content(value: Any, reader: str, name: str) -> str:
    """What tells a value from others: itself where it is plain, else the digest of its content.

    Raises BadPlugin where it has none.
    """
    if is_plain(value):
        return repr(value)
    import joblib

    try:
        return str(joblib.hash(value, hash_name="sha1"))
    except Exception as error:
        raise BadPlugin(
            f"{reader!r} reads {name!r}, a {type(value).__name__} of the session of which no "
            f"version can be made ({error}); make it inside, or give it as a parameter"
        ) from None


def is_plain(value: Any) -> bool:
    """Whether a value is made of numbers and text, which always look the same in print."""
    if type(value) in (tuple, list):
        return all(map(is_plain, value))
    if type(value) is dict:
        return all(is_plain(k) and is_plain(v) for k, v in value.items())
    return value is None or type(value) in (bool, int, float, str)


def reads(make: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of all that a function or class reads from outside of itself."""
    if inspect.isclass(make):
        for base in make.__bases__:
            yield base.__qualname__, base
        for name, value in vars(make).items():
            inner = getattr(value, "__func__", getattr(value, "fget", value))
            if isinstance(inner, FunctionType):
                yield from reads(inner)
            elif not name.startswith("__") and not inspect.isroutine(value):
                yield name, value
        return
    if not isinstance(make, FunctionType):
        return
    yield "defaults", make.__defaults__
    yield "keyword defaults", make.__kwdefaults__
    for name in global_names(make.__code__):
        if name in make.__globals__:
            yield name, make.__globals__[name]
    for name, cell in zip(make.__code__.co_freevars, make.__closure__ or (), strict=True):
        # `super()` reads its own class; an empty cell is a name that is not bound yet
        if name != "__class__" and cell != type(cell)():
            yield name, cell.cell_contents


def global_names(code: CodeType) -> set[str]:
    """The global names that a code object reads, those of its inner functions included."""
    found = {
        str(step.argval)
        for step in dis.get_instructions(code)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= global_names(constant)
    return found
