# ruff: noqa: E402, T201
"""Whole runs with the engines against plain scikit-learn loops: `python tests/benchmarks/speed.py`.

Margin, start 20, batch 1, to pool exhaustion, one core, process CPU time, the two loops
interleaved, medians. Everything is counted but reading the file. Arguments: how often
(default 5), then the cases wanted (default all). Published files come from ALBENCH_MIRROR.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import platform
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import sklearn

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine_grid import CASES, mirrored, task_of

from albench import engines
from albench.learner import Constant
from albench.loop import simulate
from albench.oracle import oracle
from albench.registry import build, resolve

ROWS = {
    "svc-rbf": ("heart", "wdbc", "australian", "splice", "banana"),
    "logreg": ("heart", "wdbc", "australian", "splice"),
    "svc-rbf-libsvm": ("heart", "wdbc", "australian", "splice"),
    "forest": ("heart", "wdbc", "banana"),
}
BUDGET = {"forest": 120}


def plain_model(model, seed):
    """scikit-learn's classifier at its default tolerance."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    if model == "logreg":
        return LogisticRegression()
    if model == "forest":
        return RandomForestClassifier(random_state=seed)
    return SVC(gamma="auto")


def plain_loop(X, y, model, budget):
    """What a user writes: fit, score the test set, query the smallest margin."""
    task, _ = task_of(X, y, start=20, budget=budget)
    labeled, pool = task.start, np.setdiff1d(np.arange(len(task.y)), task.start)
    accuracies = []
    while True:
        made = plain_model(model, len(labeled)).fit(task.X[labeled], task.y[labeled])
        accuracies.append(float((made.predict(task.X_test) == task.y_test).mean()))
        if len(labeled) == task.budget:
            return accuracies
        if model in ("logreg", "forest"):
            best = np.sort(made.predict_proba(task.X[pool]), axis=1)
            margin = best[:, -1] - best[:, -2]
        else:
            margin = np.abs(made.decision_function(task.X[pool]))
        at = int(np.argmin(margin))
        labeled, pool = np.append(labeled, pool[at]), np.delete(pool, at)


def engine_loop(X, y, model, budget):
    """The same with albench."""
    task, spec = task_of(X, y, start=20, budget=budget)
    learner = engines.learner(resolve("model", model), task, lambda n: n)
    rounds = simulate(
        task, build("strategy", resolve("strategy", "margin")), learner, learner,
        oracle(spec.protocol, task, spec.rng("oracle")),
        metrics={"accuracy": build("metric", resolve("metric", "accuracy"))},
        rng=np.random.default_rng(0),
    )  # fmt: skip
    return [one.scores["accuracy"] for one in rounds]


def seconds(loop, *given):
    """CPU seconds of one whole run, and its accuracies."""
    start = time.process_time()
    accuracies = loop(*given)
    return time.process_time() - start, accuracies


def harness(rounds=2000):
    """Microseconds a round outside fit, scores, strategy and metrics (median of seven)."""
    X, y = np.random.default_rng(0).normal(size=(4000, 4)), np.arange(4000) % 2
    task, spec = task_of(X, y, start=20, budget=20 + rounds)
    constant = Constant(0)

    class Nothing:
        name = "nothing"

        def fit(self, labeled, y):
            return constant

    took = []
    for _ in range(7):
        answers = oracle(spec.protocol, task, spec.rng("oracle"))
        run = simulate(
            task, lambda query: query.pool[:1], Nothing(), Nothing(), answers, metrics={},
            rng=np.random.default_rng(0),
        )  # fmt: skip
        start = time.process_time()
        for _ in run:
            pass
        took.append((time.process_time() - start) / rounds * 1e6)
    return float(np.median(took))


def main(times=5, *wanted):
    warnings.simplefilter("ignore")
    print(
        f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, "
        f"numpy {np.__version__}, scikit-learn {sklearn.__version__}"
    )
    if not wanted or "harness" in wanted:
        print(f"harness: {harness():.1f} microseconds a round")
    print("| model | data | rounds | plain s | albench s | ratio |\n|---|---|---|---|---|---|")
    for model, names in ROWS.items():
        for name in names:
            if wanted and model not in wanted and f"{model}/{name}" not in wanted:
                continue
            found = CASES[name]() if name in CASES else mirrored(name)
            if found is None:
                print(f"| {model} | {name} | | | not in ALBENCH_MIRROR | |")
                continue
            given = (*found, model, BUDGET.get(model, "pool"))
            engine_loop(*given)
            pairs = [
                (seconds(plain_loop, *given), seconds(engine_loop, *given))
                for _ in range(int(times))
            ]
            plain, fast = (float(np.median([pair[i][0] for pair in pairs])) for i in (0, 1))
            rounds = len(pairs[0][1][1])
            cells = (model, name, rounds, f"{plain:.3f}", f"{fast:.4f}", f"{plain / fast:.1f} x")
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
