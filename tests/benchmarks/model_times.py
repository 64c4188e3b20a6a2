"""Seconds that a fit of each model takes, at 50, 500 and 5,000 labels.

    python tests/benchmarks/model_times.py [--only logreg forest] [--log FILE]

Each model is fitted as in a run with the plain learner, from scratch, on one thread; 20
standardised features, 3 overlapping classes. CPU time, the median of at least three fits where
three take less than ten seconds, else of those that do. A fit that takes longer than the limit
is not waited for, nor is a larger one of that model. Writes `albench/models/_times.py`, which
`albench show model` reads.
"""

import argparse
import json
import platform
import resource
import signal
import sys
import time
import warnings
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from albench.core.registry import entry, names, resolve
from albench.models.engines import learner
from albench.results.provenance import machine
from albench.simulation.task import Task

SIZES = (50, 500, 5_000)
FEATURES, CLASSES, POOL, TESTED = 20, 3, 10_000, 1_000
ENOUGH = 10.0
TO = Path(__file__).parents[2] / "albench" / "models" / "_times.py"
HEAD = '''"""CPU seconds of a fit by model, recorded: written by tests/benchmarks/model_times.py."""

LABELS = {sizes}
LIMIT = {limit}
WHERE = (
    "CPU time of a fit from scratch without engine, {features} features, {classes} classes; "
    "{where}"
)
SECONDS: dict[str, tuple[float | None, ...]] = {{
{rows}
}}
"""Model -> seconds at so many labels; None: longer than `LIMIT`."""
'''


def cut() -> Task:
    """A task with as many rows as the largest fit takes."""
    rng = np.random.default_rng(0)
    y = np.append(np.arange(CLASSES), rng.integers(CLASSES, size=POOL - CLASSES))
    X = rng.normal(size=(POOL, FEATURES)) + 0.5 * rng.normal(size=(CLASSES, FEATURES))[y]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    rows, start = np.arange(POOL), np.arange(SIZES[0])
    test = slice(POOL - TESTED, None)
    return Task(X, y, X[test], y[test], start, CLASSES, 1, 1, SIZES[0] + 1, rows, rows[test])


def measured(name: str, size: int, limit: float) -> float | None:
    """The median of a few fits in a process of its own; None where one takes too long."""
    near, far = get_context("fork").Pipe(False)
    process = get_context("fork").Process(target=child, args=(far, name, size, limit))
    process.start()
    far.close()
    try:
        found: float | None = near.recv()
    except EOFError:
        found = None
    process.join()
    if found is None and process.exitcode not in (-signal.SIGXCPU, -signal.SIGKILL):
        raise SystemExit(f"{name} at {size} labels: exit code {process.exitcode}")
    return found


def child(pipe: Any, name: str, size: int, limit: float) -> None:
    """Fit, with the clock of this process."""
    warnings.simplefilter("ignore")
    threadpool_limits(1)
    task = cut()
    fits = learner(resolve("model", name), task, lambda n: 0, engine="plain")
    fits.fit(np.arange(30), task.y[:30])  # imports, and what is made once
    threadpool_limits(1)  # of the libraries that came with those imports, too
    most = int(time.process_time() + limit) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
    spent: list[float] = []
    while len(spent) < 3 or (len(spent) < 25 and sum(spent) < 0.3):
        start = time.thread_time()  # a process with a limit has a clock that ticks coarsely
        fits.fit(np.arange(size), task.y[:size])
        spent.append(time.thread_time() - start)
        if sum(spent) + max(spent) > min(limit, ENOUGH):
            break
    pipe.send(median(spent))


def page(found: dict[str, list[float | None]], limit: float) -> str:
    """The module."""
    import sklearn

    rows = [
        f'    "{name}": ({", ".join(digits(t) for t in times)}),'
        for name, times in sorted(found.items())
    ]
    where = f"{machine()['cpu']}, Python {platform.python_version()}, "
    where += f"scikit-learn {sklearn.__version__}"
    return HEAD.format(
        sizes=SIZES,
        features=FEATURES,
        classes=CLASSES,
        where=where,
        rows="\n".join(rows),
        limit=limit,
    )


def digits(seconds: float | None) -> str:
    """Two digits that count."""
    return "None" if seconds is None else repr(float(f"{seconds:.2g}"))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--limit", type=float, default=60.0, help="CPU seconds of a fit")
    parser.add_argument("--log", type=Path, help="JSON lines; what it holds is not measured again")
    parser.add_argument("--to", type=Path, default=TO)
    given = parser.parse_args()
    lines = given.log.read_text().splitlines() if given.log and given.log.exists() else []
    known = {(name, size): seconds for name, size, seconds in map(json.loads, lines)}
    found: dict[str, list[float | None]] = {}
    for name in names("model"):
        if entry("model", name).plugin is not None or (given.only and name not in given.only):
            continue
        found[name] = []
        for size in SIZES:
            if (name, size) not in known:
                slow = None in found[name]
                known[name, size] = None if slow else measured(name, size, given.limit)
                if given.log:
                    with given.log.open("a") as log:
                        log.write(json.dumps([name, size, known[name, size]]) + "\n")
            found[name].append(known[name, size])
        sys.stdout.write(f"{name}: {found[name]}\n")
        sys.stdout.flush()
    given.to.write_text(page(found, given.limit))


if __name__ == "__main__":
    main()
