"""What the harness costs: everything but fits, scores, metrics and the strategy's own time.

    python tests/benchmarks/overhead.py

The run: wdbc, `svc-rbf` through plain scikit-learn, batch 1, 200 rounds, one core. The time
inside the learner (fit, scores), the metrics and the strategy is taken out by timers around
them, in the same process; medians of five runs, CPU time.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import platform  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

from albench.core import registry  # noqa: E402
from albench.core.spec import Protocol, Ref, RunSpec  # noqa: E402
from albench.datasets._cut import cut  # noqa: E402
from albench.models import engines  # noqa: E402
from albench.simulation.loop import simulate  # noqa: E402
from albench.simulation.oracles import oracle  # noqa: E402


class Timer:
    """Adds up CPU seconds inside the functions it wraps, each counted once."""

    def __init__(self) -> None:
        self.seconds, self.inside = 0.0, False

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            if self.inside:
                return function(*args, **kwargs)
            self.inside, begin = True, time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.process_time() - begin
                self.inside = False

        return timed


class Timed:
    """A learner whose fits and scores are timed."""

    def __init__(self, learner: Any, timer: Timer) -> None:
        self.learner, self.timer, self.name = learner, timer, learner.name
        self.fit = timer.around(self._fit)
        self.make = learner.make

    def _fit(self, labeled: Any, y: Any) -> Any:
        fitted = self.learner.fit(labeled, y)
        for name in ("proba", "decision", "predicted"):
            setattr(fitted, name, self.timer.around(getattr(fitted, name)))
        return fitted


def one_run() -> tuple[float, float, int]:
    """CPU seconds of a run, of these outside what is timed, and its rounds."""
    protocol = Protocol(batch=1, budget=220)
    svc = registry.resolve("model", "svc-rbf")
    spec = RunSpec(Ref("wdbc"), Ref("margin"), svc, svc, protocol)
    timer = Timer()
    task = cut(registry.build("dataset", spec.dataset), spec)
    plain = engines.learner(svc, task, lambda n: 0, engine="plain")
    metric = timer.around(registry.build("metric", Ref("accuracy")))
    strategy = timer.around(registry.build("strategy", Ref("margin")))
    learner = Timed(plain, timer)
    begin = time.process_time()
    rounds = list(
        simulate(
            task,
            strategy,
            learner,
            learner,
            oracle(spec.protocol, task, spec.rng("oracle")),
            metrics={"accuracy": metric},
            rng=spec.rng("strategy"),
        )
    )
    whole = time.process_time() - begin
    return whole, whole - timer.seconds, len(rounds)


def main() -> None:
    """Print the share of the harness and its microseconds a round."""
    one_run()
    runs = [one_run() for _ in range(5)]
    share = statistics.median(outside / whole for whole, outside, _ in runs)
    each = statistics.median(outside / rounds * 1e6 for _, outside, rounds in runs)
    whole = statistics.median(whole for whole, _, _ in runs)
    sys.stdout.write(
        f"run {whole * 1e3:.0f} ms CPU, harness {share:.2%} of it, {each:.0f} us a round; "
        f"Python {platform.python_version()}, {platform.processor() or platform.machine()}\n"
    )


main()
