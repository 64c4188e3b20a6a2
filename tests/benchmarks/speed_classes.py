"""Logistic regression with many classes and wide tables, with and without numba, against plain."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from speed_loops import (
    BUNDLED,
    engine,
    engine_loop,
    head,
    interleaved,
    plain_loop,
    row,
    table,
    task_of,
    times_faster,
)

CASES = {"digits": 6, "letter": 4, "vehicle": 3, "pendigits": 6, "optdigits": 6}
"""Dataset, and the goal against scikit-learn at its default tolerance."""
WIDE = ((80, 400, 10), (300, 784, 10), (83, 2308, 4), (200, 5000, 2))
LABELS = 120
PART = """
import sys
sys.modules["numba"] = None
sys.path[:0] = {path!r}
import json
from speed_classes import against
print(json.dumps([against(name, {times})[:2] for name in {names!r}]))
"""


def data(name):
    """Features and class numbers: bundled, or an ARFF file of numbers in the mirror; or None."""
    if name in BUNDLED:
        return table(name)
    files = sorted(Path(os.environ.get("ALBENCH_MIRROR", "")).rglob(f"{name}.arff"))
    if not files:
        return None
    lines = files[0].read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.lower().strip() == "@data")
    rows = [line.split(",") for line in lines[first + 1 :] if line.strip() and line[0] != "%"]
    labels = [row[-1].strip() for row in rows]
    X = np.array([row[:-1] for row in rows], dtype=np.float64)
    return X, np.unique(labels, return_inverse=True)[1]


def against(name, times):
    """Seconds of plain and of albench, and of the converged loop: margin, 20 to 120 labels."""
    X, y = data(name)
    protocol = {"budget": LABELS}
    engine_loop(X, y, "logreg", budget=25)
    return interleaved(
        times,
        lambda: plain_loop(X, y, "logreg", **protocol),
        lambda: engine_loop(X, y, "logreg", **protocol),
        lambda: converged(X, y, **protocol),
    )


def converged(X, y, **protocol):
    """The loop whose fits end where those of `logreg` end, every tenth of them."""
    task, _ = task_of(X, y, **protocol)
    order = np.arange(len(task.y))
    for n in range(20, task.budget + 1, 10):
        model = LogisticRegression(tol=1e-10, solver="newton-cg", max_iter=10_000)
        if len(np.unique(task.y[order[:n]])) > 1:
            model.fit(task.X[order[:n]], task.y[order[:n]])
            model.predict_proba(task.X[order[n:]])


def classes(times):
    """Many classes: with numba, and in a process without it."""
    names = [name for name in CASES if data(name) is not None]
    yield (
        f"`logreg`, margin, start 20, batch 1, {LABELS} labels, the cut, test accuracy and query "
        f"counted; medians of {times}, in turn. Plain is scikit-learn at its default tolerance; "
        "converged: its newton-cg at 1e-10, fits on every tenth number of labels, scaled. Without "
        "numba: a process of its own, plain beside it."
    )
    yield ""
    yield head(
        "data (train rows, d, classes)",
        "plain s",
        "albench s",
        "ratio",
        "goal",
        "",
        "converged",
        "without numba",
    )
    bare = without_numba(names, times)
    for name, (slow, arrays) in zip(names, bare, strict=True):
        task, _ = task_of(*data(name), budget=LABELS)
        plain, fast, tight = against(name, times)
        about = f"{name} ({len(task.y)}, {task.X.shape[1]}, {task.n_classes})"
        short = "" if plain / fast >= CASES[name] else "**short**"
        tight *= (LABELS - 19) / len(range(20, LABELS + 1, 10))
        yield row(
            about,
            f"{plain:.3f}",
            f"{fast:.3f}",
            times_faster(plain / fast),
            f"{CASES[name]} x",
            short,
            times_faster(tight / fast),
            times_faster(slow / arrays),
        )


def without_numba(names, times):
    """Seconds of plain and of albench by numpy alone."""
    here = Path(__file__).parent
    code = PART.format(path=[str(here.parent), str(here)], times=times, names=names)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def wide(times):
    """Few rows of many features: the fit of each number of labels up to 60, and its scores."""
    yield (
        "`logreg`, generated tables, margin, start 20, batch 1, 60 labels (all rows but a quarter, "
        f"where there are fewer); medians of {times}, in turn. Plain is scikit-learn at its "
        "default tolerance."
    )
    yield ""
    yield head("rows x features, classes", "engine", "plain s", "albench s", "ratio")
    for n, d, k in WIDE:
        rng = np.random.default_rng(d)
        y = np.arange(n) % k
        X = rng.normal(size=(n, d)) + 0.3 * rng.normal(size=(k, d))[y]
        budget = {"budget": min(60, n // 2)}
        engine_loop(X, y, "logreg", budget=22)
        task, _ = task_of(X, y, **budget)
        plain, fast = interleaved(
            times,
            lambda X=X, y=y, b=budget: plain_loop(X, y, "logreg", **b),
            lambda X=X, y=y, b=budget: engine_loop(X, y, "logreg", **b),
        )
        yield row(
            f"{n} x {d}, {k}",
            engine(task, "logreg").name,
            f"{plain:.3f}",
            f"{fast:.3f}",
            times_faster(plain / fast),
        )


def compiling(times):
    """Seconds of CPU until an engine has its machine code, in a new cache; once each."""
    import tempfile

    yield "A process whose cache of machine code is empty, numba imported before; once each."
    yield ""
    yield head("engine", "CPU s")
    for model, features, k in (
        ("logreg", 8, 2),
        ("logreg", 8, 3),
        ("logreg", 64, 10),
        ("svc-rbf", 8, 2),
        ("svc-rbf-libsvm", 8, 2),
        ("forest", 8, 2),
    ):
        with tempfile.TemporaryDirectory() as folder:
            here = Path(__file__).parent
            code = FIRST.format(path=[str(here.parent), str(here)], model=model, d=features, k=k)
            env = {**os.environ, "NUMBA_CACHE_DIR": folder}
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", code],
                env=env,
                capture_output=True,
                text=True,
                check=True,
            )
        yield row(f"{model}, {k} classes, d = {features}", f"{float(done.stdout):.1f}")


FIRST = """
import sys, time
sys.path[:0] = {path!r}
import numpy as np, numba
from numba import njit
njit(lambda x: x + 1)(1)
from speed_loops import engine_loop
rng = np.random.default_rng(0)
y = np.arange(200) % {k}
X = rng.normal(size=(200, {d})) + rng.normal(size=({k}, {d}))[y]
def spent():
    begin = time.process_time()
    engine_loop(X, y, {model!r}, budget=60)
    return time.process_time() - begin
first = spent()
print(first - spent())
"""
