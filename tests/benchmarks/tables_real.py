"""`new suite` on every data file of a folder: works, or says why not.

`python tests/benchmarks/tables_real.py [FOLDER] [--run] [--record FILE] [--minutes M]` (default
ALBENCH_MIRROR). The target is the attribute called class, or the last column. With --run each
suite is run, too: one trial of its baseline and its cheapest other strategy, with its first model.
With --record what the file holds is not done again, and after M minutes no other file is begun.
One line a file; exits with 1 after a traceback or a run that failed.
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from albench.cli import exit_code
from albench.core.errors import AlbenchError
from albench.datasets._look import OPTIONS, content_of, looked
from albench.datasets._read import format_of
from albench.results.store import Store
from albench.suite import Suite
from albench.suite.toml import load_suite

NO_TABLE = (".names", ".md")
CLASS = ("class", "target", "label")


def target_of(path: Path) -> str:
    """The column that is most likely the class, or "" where there are no columns."""
    use = format_of(path, content_of(path))
    if use not in OPTIONS:
        return ""
    names = list(looked(path, "", {}).table.cells)
    return next((n for n in names if n.strip().lower() in CLASS), names[-1])


def cheapest(suite: Suite) -> str:
    """The strategy that costs least beside the baseline."""
    others = [s for s in suite.strategies if s.label not in (suite.baseline, *suite.bounds)]
    plain = [s.label for s in others if s.ref.name in ("margin", "entropy", "least_confident")]
    return (plain or [s.label for s in others])[0]


def ran(file: Path, results: Path) -> str:
    """How one trial of two strategies ended."""
    suite = load_suite(file)
    words = ["run", str(file), "--results", str(results), "--jobs", "1", "--trials", "1"]
    words += ["--only", f"strategy={cheapest(suite)}", "--only", f"model={suite.models[0].label}"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = exit_code(words)
    runs, rounds = Store(results).read()
    counts = runs.groupby("status").size().to_dict()
    told = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
    scores = rounds[suite.primary]
    fine = code == 0 and set(counts) == {"done"} and scores.notna().all()
    if fine:
        return (
            f"{told}, {len(rounds)} rounds, {suite.primary} {scores.min():.2f}-{scores.max():.2f}"
        )
    why = [*runs.loc[runs["status"] != "done", "reason"], *said.getvalue().splitlines()[-2:]]
    return f"RUN FAILED (exit {code}): {told}: {' / '.join(map(str, why))}"


def fate(path: Path, folder: Path, run: bool) -> str:
    """How `new suite`, and a run of what it wrote, ended, in one line."""
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
        told = next(line for line in last if " is a suite over " in line)
        results = folder / "results"
        shutil.rmtree(results, ignore_errors=True)
        return f"{told}; {ran(folder / 's.toml', results)}" if run else told
    return f"exit {code}: " + next(line for line in reversed(last) if "error:" in line)


def main() -> None:
    """Try every file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get("ALBENCH_MIRROR"))
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--record", type=Path)
    parser.add_argument("--minutes", type=float, default=1e9)
    given = parser.parse_args()
    root, begun = Path(given.folder), time.monotonic()
    held = json.loads(given.record.read_text()) if given.record and given.record.exists() else {}
    files = sorted(p for p in root.rglob("*") if p.is_file() and p.suffix not in NO_TABLE)
    for path in files:
        name = str(path.relative_to(root))
        if name in held or time.monotonic() - begun > 60 * given.minutes:
            continue
        begin = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            try:
                told = fate(path, Path(folder), given.run)
            except Exception as error:
                told = f"TRACEBACK {type(error).__name__}: {error}"
            for gone in (f"{folder}/s.toml is ", f"{path}: ", ". Next:"):
                told = told.replace(gone, "")
        held[name] = f"({time.process_time() - begin:.1f} s): {told[:400]}"
        sys.stdout.write(f"{name} {held[name]}\n")
        sys.stdout.flush()
        if given.record:
            given.record.write_text(json.dumps(held, indent=1))
    bad = [name for name, told in held.items() if "TRACEBACK" in told or "FAILED" in told]
    sys.stdout.write(f"{len(held)} of {len(files)} files, {len(bad)} went wrong: {bad}\n")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
