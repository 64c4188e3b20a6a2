"""Isolation by process: the same picks as in process, and what it costs.

    python tests/benchmarks/isolation.py picks [STRATEGY ...]
    python tests/benchmarks/isolation.py cost

`picks`: every strategy of albench that is given a plain query, on three datasets with logistic
regression, and some on the other models; parts with their picks out of process and in it.
`cost`: seconds beside the child's own fit of the query model, per round and per run.
The last figures are in isolation.md.
"""

import os
import statistics
import sys
import time
from collections.abc import Iterator

from albench.core import registry
from albench.core.spec import Protocol, RunSpec
from albench.runner import isolation
from albench.runner.clock import one_thread
from albench.runner.worker import Finished, Options, run_one

DATASETS = ("iris", "wine", "wdbc")
MODELS = ("svc-rbf", "svc-linear-libsvm", "gnb", "knn", "forest")
SOME = ("margin", "random", "kcenter", "qbc", "badge", "eer_01", "typiclust")
RULES = Protocol(start=8, batch=4, budget=20)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def spec(strategy: str, model: str, dataset: str, rules: Protocol = RULES) -> RunSpec:
    """The run of a strategy by name."""
    ref = registry.resolve("model", model)
    data, chosen = registry.resolve("dataset", dataset), registry.resolve("strategy", strategy)
    return RunSpec(data, chosen, ref, ref, rules)


def run(one: RunSpec, apart: bool) -> Finished:
    """A run in this process, or apart."""
    isolation.isolates = lambda spec, in_process: apart  # albench's own never are
    return run_one(one, Options(("accuracy",)))


def plain(name: str) -> bool:
    """Whether a strategy of albench can be built by its name, and is given a plain query."""
    entry = registry.entry("strategy", name)
    if entry.plugin is not None or isolation.privileged(entry):
        return False
    return all(p.default is not p.empty for p in entry.parameters.values())


def cases(names: list[str]) -> Iterator[RunSpec]:
    """What is compared."""
    for dataset in DATASETS:
        yield from (spec(name, "logreg", dataset) for name in names)
    known = [name for name in SOME if name in names]
    for model in MODELS:
        yield from (spec(name, model, "iris") for name in known)
    for ties in ("random", "row"):
        rules = Protocol(start=8, batch=4, budget=20, ties=ties)
        yield from (spec(name, "gnb", "iris", rules) for name in known)


def picks(names: list[str]) -> int:
    """Compare; the number of runs that part."""
    same = parted = skipped = 0
    for one in cases(names):
        here, apart = run(one, False), run(one, True)
        where = f"{one.strategy.label} {one.model.label} {one.dataset.label} {one.protocol.ties}"
        if here.run["status"] == apart.run["status"] == "skipped":
            skipped += 1
        elif [row["picks"] for row in here.rounds] != [row["picks"] for row in apart.rounds]:
            parted += 1
            say(f"PARTED {where}")
        elif here.run["status"] != "done" or apart.run["status"] != "done":
            parted += 1
            say(f"FAILED {where} {here.run['reason']} {apart.run['reason']}")
        else:
            same += 1
    say(f"{same} runs with the same picks, {parted} others, {skipped} skipped in both")
    return parted


def cost() -> None:
    """Seconds per round (from long runs) and per run (from those of one round)."""
    for name, model in (("random", "gnb"), ("margin", "logreg"), ("margin", "svc-rbf")):
        few = spec(name, model, "iris", Protocol(start=8, batch=1, budget=9))
        many = spec(name, model, "iris", Protocol(start=8, batch=1, budget=88))
        took = {}
        for apart in (False, True):
            laps: dict[str, list[float]] = {"few": [], "many": []}
            for turn in range(32):
                for key, one in (("few", few), ("many", many)):
                    begin = time.perf_counter()
                    done = run(one, apart)
                    lap = time.perf_counter() - begin - done.parts.get("fit again", 0.0)
                    if turn > 1:  # the first load code
                        laps[key].append(lap)
            took[apart] = {key: statistics.median(values) for key, values in laps.items()}
            took[apart] |= {f"least {key}": min(values) for key, values in laps.items()}
        for least in ("", "least "):
            run_ = took[True][f"{least}few"] - took[False][f"{least}few"]
            rounds = took[True][f"{least}many"] - took[False][f"{least}many"] - run_
            say(
                f"{name} {model}: {least or 'median '}{run_ * 1e3:.1f} ms a run, "
                f"{rounds / 79 * 1e6:.0f} us a round; load {os.getloadavg()[0]:.1f}"
            )


if __name__ == "__main__":
    registry.load()
    with one_thread():
        if sys.argv[1] == "picks":
            chosen = sys.argv[2:] or [n for n in registry.names("strategy") if plain(n)]
            raise SystemExit(bool(picks(chosen)))
        cost()
