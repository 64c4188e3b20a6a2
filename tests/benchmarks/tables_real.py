"""`new suite` on every data file of a folder: works, or says why not.

`python tests/benchmarks/tables_real.py [FOLDER]` (default ALBENCH_MIRROR). The target is the
attribute called class, or the last column. One line a file; exits with 1 after a traceback.
"""

import contextlib
import io
import os
import sys
import tempfile
import time
from pathlib import Path

from albench.cli import exit_code
from albench.core.errors import AlbenchError
from albench.datasets._look import OPTIONS, content_of, looked
from albench.datasets._read import format_of

NO_TABLE = (".names", ".md")
CLASS = ("class", "target", "label")


def target_of(path: Path) -> str:
    """The column that is most likely the class, or "" where there are no columns."""
    use = format_of(path, content_of(path))
    if use not in OPTIONS:
        return ""
    names = list(looked(path, "", {}).table.cells)
    return next((n for n in names if n.strip().lower() in CLASS), names[-1])


def fate(path: Path, folder: Path) -> str:
    """How `new suite` ended, in one line."""
    said = io.StringIO()
    try:
        target = target_of(path)
    except AlbenchError as error:
        return f"refused: {error}"
    words = ["new", "suite", "--data", str(path), "--to", str(folder / "s.toml"), "--force"]
    words += ["--target", target] if target else []
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = exit_code(words)
    last = said.getvalue().strip().splitlines()
    if code == 0:
        return next(line for line in last if " is a suite over " in line)
    return f"exit {code}: " + next(line for line in reversed(last) if "error:" in line)


def main() -> None:
    """Try every file."""
    root = Path(sys.argv[1] if sys.argv[1:] else os.environ["ALBENCH_MIRROR"])
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            if path.suffix in NO_TABLE:
                continue
            begin = time.process_time()
            try:
                told = fate(path, Path(folder))
            except Exception as error:
                bad, told = bad + 1, f"TRACEBACK {type(error).__name__}: {error}"
            for gone in (f"{folder}/s.toml is ", f"{path}: ", ". Next:"):
                told = told.replace(gone, "")
            seconds = time.process_time() - begin
            sys.stdout.write(f"{path.relative_to(root)} ({seconds:.1f} s): {told[:180]}\n")
            sys.stdout.flush()
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
