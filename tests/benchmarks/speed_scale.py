"""Memory of a worker, large pools, a bound to the kernel, and time a round by size."""

import multiprocessing
import time
from pathlib import Path
from statistics import median

import numpy as np
from engine_grid import run
from speed_loops import engine, engine_loop, engine_rounds, head, made, row, table, task_of

from albench.models import engines

POOLS, LABELS = (500, 2000, 10_000, 50_000), (50, 200, 1000, 5000)
MODELS = ("svc-rbf", "svc-rbf-libsvm", "svc-linear", "logreg", "forest", "knn", "gnb")


def peak():
    """The most memory this process has held, in MB (`ru_maxrss` would count the parent's)."""
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1]) / 1024


def child(pipe, model, strategy, n_train, protocol):
    """One run in this process: CPU seconds with the cut, peak memory, engine, rounds."""
    X, y = made(int(n_train / 0.6) + 1)
    base, begin = peak(), time.process_time()
    task, spec = task_of(X, y, **protocol)
    learner = engine(task, model)
    rounds = sum(1 for _ in engine_rounds(task, spec, learner, strategy))
    took = time.process_time() - begin
    pipe.send((took, base, peak(), learner.name, len(task.y), rounds))


def measured(model, strategy, n_train, **protocol):
    """What `child` found, in a process of its own."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=child, args=(there, model, strategy, n_train, protocol)
    )
    process.start()
    there.close()
    found = here.recv()
    process.join()
    return found


def memory(times):
    """Pools of 7,000 rows (d = 20, 4,667 test rows); goal 600 MB."""
    yield (
        "One run in a process of its own, generated data, d = 20, 4,667 test rows, batch 100 to "
        "pool exhaustion; peak of resident memory, imports included. One run each. "
        f"A full kernel would take 653 MB; the bound is {engines.MEMORY >> 20} MB."
    )
    yield ""
    yield head(
        "model",
        "strategy",
        "train rows",
        "rounds",
        "engine",
        "MB before",
        "peak MB",
        "goal",
        "",
        "CPU s",
    )
    for model in ("svc-rbf", "logreg"):
        for strategy in ("margin", "random"):
            took, base, most, engine, n, rounds = measured(model, strategy, 7000, batch=100)
            short = "" if most < 600 else "**short**"
            yield row(
                model,
                strategy,
                n,
                rounds,
                engine,
                f"{base:.0f}",
                f"{most:.0f}",
                600,
                short,
                f"{took:.1f}",
            )


def large(times):
    """A pool of 50,000 rows with logreg and margin, batch 100, 2,000 labels; goal 60 s."""
    yield f"`logreg`, margin, start 20, batch 100, 2,000 labels, d = 20; medians of {times}."
    yield ""
    yield head("train rows", "rounds", "engine", "CPU s", "goal", "", "peak MB")
    found = [measured("logreg", "margin", 50_000, batch=100, budget=2000) for _ in range(times)]
    took, most = median(f[0] for f in found), max(f[2] for f in found)
    short = "" if took < 60 else "**short**"
    _, _, _, engine, n, rounds = found[0]
    yield row(n, rounds, engine, f"{took:.2f}", "60 s", short, f"{most:.0f}")


def bound(times):
    """Whole runs with a kernel that holds few rows: the same picks, and what it costs."""
    yield (
        "Margin, start 20, batch 1, 300 labels; kernel rows stored under a small bound against "
        "the default. `plain ...` as engine: the support vectors did not fit any more."
    )
    yield ""
    yield head(
        "model",
        "data (train rows)",
        "bound MB",
        "rows it holds",
        "engine",
        "same picks",
        "CPU s",
        "unbounded s",
    )
    for model in ("svc-rbf", "svc-rbf-libsvm"):
        engine_loop(*made(100), model, budget=60)  # loads or compiles what all others use
        for name, share in (("australian", 0.6), ("australian", 0.2), ("banana", 0.1)):
            found = table(name)
            task, spec = task_of(*found, budget=300)
            n, rows = len(task.y), len(task.y) + len(task.y_test)
            limit, took, records = int(8 * rows * n * share), [], []
            for given in (engines.MEMORY, limit):
                task, spec = task_of(*found, budget=300)
                begin = time.process_time()
                records.append(run(task, spec, model, "margin", "auto", given))
                took.append(time.process_time() - begin)
            pairs = zip(records[0].picks, records[1].picks, strict=True)
            same = all(np.array_equal(a, b) for a, b in pairs)
            yield row(
                model,
                f"{name} ({n})",
                f"{limit / 2**20:.2f}",
                limit // (8 * rows),
                records[1].engine,
                "yes" if same else "**no**",
                f"{took[1]:.3f}",
                f"{took[0]:.3f}",
            )


def one_round(model, n_train, labels, rounds):
    """Median CPU milliseconds of a round, the first two left out, and the engine's name."""
    X, y = made(n_train + 1000)
    task, spec = task_of(X, y, test=1000, start=labels, budget=labels + rounds + 2)
    learner, took, begin = engine(task, model), [], time.process_time()
    for _ in engine_rounds(task, spec, learner):
        took.append(time.process_time() - begin)
        begin = time.process_time()
    return 1e3 * median(took[3:]), learner.name


def exponent(sizes, took):
    """Slopes of log time over log size: of a line through all, and of the last step."""
    x, y = np.log(sizes), np.log(took)
    return f"{np.polyfit(x, y, 1)[0]:.2f}", f"{(y[-1] - y[-2]) / (x[-1] - x[-2]):.2f}"


def scaling(times):
    """CPU time a round against train rows (at 100 labels) and labels (at 10,000 rows)."""
    yield (
        "Milliseconds a round, everything but the cut and the first rounds: margin, batch 1, "
        "generated data, d = 20, two classes, 1,000 test rows; a start of so many random rows, "
        "median of ten later rounds (forest: five). Exponents: of a line through all sizes in "
        "logarithms, and of the last step. *: the engine gave up and scikit-learn took over."
    )
    yield ""
    yield head(
        "model",
        *(f"{n:,} rows" for n in POOLS),
        "exponent",
        "last step",
        *(f"{n:,} labels" for n in LABELS),
        "exponent",
        "last step",
    )
    for model in MODELS:
        rounds = 5 if model == "forest" else 10
        by_pool = [one_round(model, n, 100, rounds) for n in POOLS]
        by_label = [one_round(model, 10_000, n, rounds) for n in LABELS]
        cells = []
        for sizes, took in ((POOLS, by_pool), (LABELS, by_label)):
            cells += [f"{t:.3g}{'*' * name.startswith('plain (')}" for t, name in took]
            cells += exponent(sizes, [t for t, _ in took])
        yield row(model, *cells)
