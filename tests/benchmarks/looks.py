"""Sequential looks and detectable effects, whole: error over the path, power, trials saved.

    python tests/benchmarks/looks.py [--runs 4000] [--results results] [--parts power,errors,...]

Simulation first: familywise error of better and worse over all looks, false equality, and the
power at the detectable effect, each against its bounds. Then the stored results are replayed in
looks: at how many of their trials everything is decided, and whether the verdicts are those of
all trials. Exit 1 where a bound does not hold.
"""

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from albench.analysis.comparison import compare, looks, paired, signedrank
from albench.analysis.comparison.looks import Decisions, Design, Open, Scope
from albench.analysis.comparison.paired import differences
from albench.results.store import Store
from albench.runner import looks as sequential
from albench.runner.grid import labelled
from albench.suite.toml import load_suite

Finding = tuple[str, float, float, float]


def path(
    rng: np.random.Generator, design: Design, between: float, mean: float, tests: int, n: int
) -> Decisions:
    """One sequential run: normal datasets and trials."""
    last = design.trials[-1]
    truth = mean + between * rng.standard_normal((tests, n))
    trials = truth[:, :, None] + 0.05 * rng.standard_normal((tests, n, last))
    found = Decisions()
    for look, j in enumerate(design.trials):
        part = trials[:, :, :j]
        units = part.mean(axis=2 if design.scope == "beyond" else 1)
        errors, df = part.var(axis=2, ddof=1) / j, np.full(n, j - 1.0)
        family = {k: Open(units[k], part[k].mean(axis=1), errors[k], df) for k in range(tests)}
        found = looks.decide(design, look, family, found)
    return found


def errors(runs: int, scope: Scope) -> Iterator[Finding]:
    """Familywise error of better and worse, and false equality, over the whole path."""
    upper = 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)
    for most in (20, 100):
        for n in (12, 24):
            for between in (0.0, 0.02, 0.2) if scope == "beyond" else (0.0,):
                design = Design(looks.schedule(most), rope=1e-9, scope=scope)
                rng = np.random.default_rng([most, n, int(between * 100), scope == "these"])
                wrong = sum(
                    bool(path(rng, design, between, 0.0, 5, n).verdict) for _ in range(runs)
                )
                name = f"familywise error, {scope}, {most} trials, {n} datasets, sd {between}"
                yield name, wrong / runs, 0.0, upper
    design = Design(looks.schedule(20), rope=0.01, scope=scope)
    rng = np.random.default_rng([3, scope == "these"])
    said = sum(path(rng, design, 0.004, 0.01, 1, 24).verdict.get(0) == "equal" for _ in range(runs))
    yield f"false equality at the border, {scope}", said / runs, 0.0, upper


def detectable(runs: int) -> Iterator[Finding]:
    """Power of the exact test at the detectable effect of a pilot of as many datasets.

    Averaged over pilots, each with its own standard deviation, alone and in families of 9.
    """
    for n in (6, 8, 9, 10, 11, 14, 20, 26, 40, 60):
        for tests in (1, 9):
            if n < paired.smallest_n(tests):
                continue
            rng = np.random.default_rng([n, tests])
            hit = 0
            for pilot, d in rng.normal(0, 1, (runs, 2, n)):
                seen = paired.detectable(pilot, tests=tests)
                hit += signedrank.signed_rank_p(differences(d + seen)) * tests <= 0.05
            name = f"power at the detectable effect of a pilot, {n} datasets, {tests} tests"
            yield name, hit / runs, 0.77, 0.83


def replay(name: str, folder: Path, scope: Scope) -> Iterator[str]:
    """The looks over stored results; where they end, and whether verdicts agree."""
    suite = load_suite(name)
    runs, rounds = labelled(suite, Store(folder / name))
    question = suite.question()
    most = int(runs.groupby("dataset")["trial"].nunique().max())
    design = Design(looks.schedule(most), question.alpha, question.rope or 0.01, scope)
    order = {d: sorted(set(part["trial"])) for d, part in runs.groupby("dataset")}

    def first(n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        kept = [t in order[d][:n] for d, t in zip(runs["dataset"], runs["trial"], strict=True)]
        return runs[kept], rounds[rounds["run"].isin(set(runs.loc[kept, "run"]))]

    for look in sequential.until_decided(design, question, first):
        yield f"  {sequential.sentence(look, design)}"
    yield (
        f"  {name}, {scope}: ended at {look.trials} of {most} trials "
        f"({1 - look.trials / most:.0%} saved)"
    )
    against = compare(runs, rounds, question).tables["against"]
    fixed = {
        (r["protocol"], r["model"], r["strategy"]): r["verdict"] for _, r in against.iterrows()
    }
    other = [f"{k[1]} {k[2]}: {v}, {fixed[k]}" for k, v in look.decided.items() if fixed[k] != v]
    yield (
        f"  {len(look.decided) - len(other)} of {len(look.decided)} decided verdicts are those of "
        f"all {most} trials beyond these datasets; others: {'; '.join(other) or 'none'}"
    )


def say(text: str) -> None:
    """A line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--parts", default="power,errors-beyond,errors-these,leaderboard,lu2023")
    asked = parser.parse_args()
    bad, n = 0, asked.runs
    simulated: dict[str, Callable[[], Iterator[Finding]]] = {
        "power": lambda: detectable(n),
        "errors-beyond": lambda: errors(n, "beyond"),
        "errors-these": lambda: errors(n, "these"),
    }
    warnings.simplefilter("ignore")
    for part in asked.parts.split(","):
        for what, value, low, high in simulated[part]() if part in simulated else ():
            ok = low <= value <= high
            bad += not ok
            say(f"{'ok ' if ok else 'BAD'} {value:.3f} [{low:.3f}, {high:.3f}] {what}")
        for scope in ("beyond", "these") if part not in simulated else ():
            say(f"{part}, {scope}")
            for line in replay(part, asked.results, scope):
                say(line)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
