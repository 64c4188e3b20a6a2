"""The engines against a plain scikit-learn loop, and what the loop itself costs."""

from statistics import median

import numpy as np
from speed_loops import (
    engine_loop,
    engine_part,
    head,
    interleaved,
    made,
    plain_loop,
    plain_part,
    row,
    seconds,
    table,
    task_of,
    times_faster,
)

from albench.simulation.learner import Constant
from albench.simulation.loop import simulate
from albench.simulation.oracles import oracle

EVERY = 20
SVC = {"svc-rbf": (40, 70), "svc-rbf-libsvm": (8, 20)}
CASES = (
    ("heart", SVC),
    ("breast", SVC),
    ("wdbc", SVC),
    ("australian", SVC),
    ("splice", SVC),
    ("banana", SVC | {"svc-rbf": (100, 180)}),
    ("heart", {"logreg": (12, 60)}),
    ("breast", {"logreg": (12, 60)}),
    ("wdbc", {"logreg": (12, 60)}),
    ("australian", {"logreg": (12, 60)}),
    ("splice", {"logreg": (7, 20)}),
    ("heart", {"forest": (10, 17)}),
    ("wdbc", {"forest": (10, 17)}),
    ("banana", {"forest": (5, 8)}),
)
"""Dataset, and for each model: the goal, what to reach for."""


def against_plain(times, whole=False):
    """Margin, start 20, batch 1, to pool exhaustion; forests 100 rounds.

    times  how often each loop is run
    whole  the loops on banana in full, once, instead of every 20th round
    """
    yield (
        "Margin, start 20, batch 1, to pool exhaustion (forest: 100 rounds), all counted but "
        "reading the file: the cut, the kernel, every fit, test accuracy and query. Plain is "
        "scikit-learn at its default tolerance. Loops in turn, medians of "
        f"{times}. svc-rbf and svc-rbf-libsvm share the plain loop."
    )
    yield ""
    yield head(
        "engine",
        "data (train rows, d)",
        "rounds",
        "plain s",
        "albench s",
        "ratio",
        "goal",
        "reach for",
        "",
    )
    for name, models in CASES:
        found = table(name)
        if found is None:
            yield row("", name, *[""] * 6, "not in ALBENCH_MIRROR")
            continue
        yield from case(name, found, models, times, whole)


def case(name, found, models, times, whole):
    """The rows of one dataset and the models that share a plain loop."""
    budget = {"budget": 120} if "forest" in models else {}
    first, note = next(iter(models)), ""
    for model in models:
        engine_loop(*made(100), model, budget=60)  # compiles; the datasets need not pay twice
    calls = [lambda m=model: engine_loop(*found, m, **budget) for model in models]
    if name == "banana" and not budget and not whole:
        plain, fast, note = thinned(found, models, times)
    else:
        times = 1 if name == "banana" and not budget else times
        plain, *fast = interleaved(times, lambda: plain_loop(*found, first, **budget), *calls)
    task, _ = task_of(*found, **budget)
    for (model, goals), took in zip(models.items(), fast, strict=True):
        short = "" if plain / took >= goals[0] else "**short**"
        yield row(
            model,
            f"{name} ({len(task.y)}, {task.X.shape[1]})",
            task.rounds + 1,
            f"{plain:.3f}",
            f"{took:.4f}",
            times_faster(plain / took),
            *(f"{goal} x" for goal in goals),
            "; ".join(filter(None, (short, note))),
        )


def thinned(found, models, times):
    """Seconds of the plain loop, of each engine, and how they were taken: a long run."""
    first, *others = models
    order = np.concatenate([one.picks for one in engine_loop(*found, first)])
    plain, fast = interleaved(
        times,
        lambda: plain_part(*found, first, order, EVERY),
        lambda: engine_loop(*found, first),
    )
    plain *= (len(order) - 19) / len(range(20, len(order) + 1, EVERY))
    rest = [
        median(engine_part(*found, model, order, EVERY) for _ in range(times)) for model in others
    ]
    note = f"{' and '.join(['plain', *others])}: every {EVERY}th round, scaled"
    return plain, [fast, *rest], note


class Nothing:
    """A learner that costs nothing."""

    name = "nothing"

    def __init__(self):
        self.constant = Constant(0)

    def fit(self, labeled, y):
        return self.constant


def bare(task, spec, rounds):
    """Microseconds a round of a run that fits, scores and measures nothing."""
    answers, learner = oracle(spec.protocol, task, spec.rng("oracle")), Nothing()
    run = simulate(
        task,
        lambda query: query.pool[:1],
        learner,
        learner,
        answers,
        metrics={},
        rng=np.random.default_rng(0),
    )
    return seconds(lambda: list(run)) / rounds * 1e6


def harness(times):
    """Microseconds a round outside fit, scores, strategy and metrics; goal 20."""
    yield f"A run whose fits, scores and strategy cost nothing; medians of {max(times, 7)}."
    yield ""
    yield head("train rows", "rounds", "microseconds a round", "goal", "")
    for n, rounds in ((162, 142), (600, 580), (4000, 2000), (4000, 3980)):
        X, y = np.random.default_rng(0).normal(size=(n, 4)), np.arange(n) % 2
        X, y = np.vstack([X, X[: n // 4]]), np.append(y, y[: n // 4])
        task, spec = task_of(X, y, test=n // 4, budget=20 + rounds)
        bare(task, spec, rounds)
        took = median(bare(task, spec, rounds) for _ in range(max(times, 7)))
        yield row(n, rounds, f"{took:.1f}", 20, "" if took <= 20 else "**short**")
