"""Compiled kernels where numba is installed (the extra `fast`), cached on disk."""

import contextlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
NUMBA = find_spec("numba") is not None


def compiled(function: F) -> F:
    """The function, compiled by numba at its first call where numba is installed.

    Without numba it stays what it is; engines then choose a numpy version (`NUMBA`).
    """
    return jit(function, False)


def relaxed(function: F) -> F:
    """As `compiled`, for loops without NaN whose sums may be fused and reordered."""
    return jit(function, {"nnan", "nsz", "contract", "reassoc"})


def jit(function: F, fastmath: Any) -> F:
    """Compile by numba, machine code cached on disk."""
    if not NUMBA:
        return function
    import numba

    made: F = numba.njit(cache=True, nogil=True, fastmath=fastmath)(function)
    return made


def forget_stale(folder: Path) -> None:
    """Delete cached machine code that is older than any source beside it.

    numba looks at the file of a kernel only, not at those of the kernels that it calls.
    """
    newest = max(source.stat().st_mtime for source in folder.glob("*.py"))
    for kept in (folder / "__pycache__").glob("*.nb[ic]"):
        with contextlib.suppress(OSError):  # another process was faster, or may write here
            if kept.stat().st_mtime < newest:
                kept.unlink()


if NUMBA:
    forget_stale(Path(__file__).parent)
