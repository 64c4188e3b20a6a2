"""Do the statistics keep their promises? Simulated suites with known truth.

    python tests/benchmarks/calibration.py [--suites 1000] [--seed 0] [--parts A,B]

Prints a Markdown table; the last one is recorded in calibration.md. A suite is drawn per
dataset: a difficulty, a true difference of each strategy to random that varies over
datasets (mean zero where there is no difference), and paired noise per trial, of which a
share is common to all strategies. A row says what was promised and what was found; the
process ends with 1 where a promise is broken by more than simulation noise allows.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from albench.analysis.comparison import across, aggregate, paired, verdicts

DATASETS = (15, 20, 26)
STRATEGIES = 10
TRIALS = 20


@dataclass(frozen=True)
class Finding:
    """One line of the record."""

    what: str
    promised: str
    low: float
    high: float
    found: float
    suites: int

    @property
    def kept(self) -> bool:
        return self.low <= self.found <= self.high

    def row(self) -> str:
        verdict = "kept" if self.kept else "BROKEN"
        return f"| {self.what} | {self.promised} | {self.found:.3f} | {self.suites} | {verdict} |"


def suite(
    rng: np.random.Generator,
    datasets: int,
    strategies: int = STRATEGIES,
    *,
    effect: float = 0.0,
    varying: float = 0.01,
    tail: float = np.inf,
) -> np.ndarray:
    """(datasets, strategies, trials) areas; strategy 0 is random, 1 is ahead by `effect`.

    varying: sd over datasets of a strategy's true difference, as large as the noise of a
    trial; tail: degrees of freedom of the noise (inf: normal).
    """
    easy = rng.uniform(0.6, 0.95, (datasets, 1, 1))
    true = rng.normal(0, varying, (datasets, strategies, 1))
    true[:, 0] = 0
    true[:, 1] += effect
    scale = rng.uniform(0.5, 1.5, (datasets, 1, 1)) * 0.01
    shared = _noise(rng, (datasets, 1, TRIALS), tail)
    own = _noise(rng, (datasets, strategies, TRIALS), tail)
    return easy + true + scale * (0.7 * shared + 0.7 * own)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], tail: float) -> np.ndarray:
    if np.isinf(tail):
        return rng.normal(size=shape)
    return rng.standard_t(tail, shape) / np.sqrt(tail / (tail - 2))


def frame(areas: np.ndarray) -> pd.DataFrame:
    names = ["random", *(f"s{k}" for k in range(1, areas.shape[1]))]
    return pd.DataFrame(areas.mean(axis=2), columns=names)


def family(n: int, seed: int, datasets: int, tail: float) -> Iterator[Finding]:
    """Rejections of the headline family, of its single tests, and coverage, without effect."""
    rng = np.random.default_rng([seed, datasets, 1 if np.isinf(tail) else 2])
    any_holm = single = pairs = friedman = flip = covered = 0
    every = STRATEGIES - 1
    for _ in range(n):
        # Random differs from the others in having no own effect: centre it like them.
        areas = suite(rng, datasets, tail=tail)
        table = frame(areas)
        out = across.against(table, "random")
        any_holm += bool((out["holm_p"] <= 0.05).any())
        single += int((out["wilcoxon_p"] <= 0.05).sum())
        flip += int((out["sign_flip_p"] <= 0.05).sum())
        covered += int(((out["low"] <= 0) & (out["high"] >= 0)).sum())
        # A null for all pairs and the omnibus: every strategy varies alike.
        table["random"] += rng.normal(0, 0.01, datasets)
        found = across.friedman(table)
        friedman += bool(found["p"] <= 0.05)
        p = [
            paired.wilcoxon_p(table[a] - table[b])
            for i, a in enumerate(table)
            for b in list(table)[:i]
        ]
        pairs += bool((across.holm(p) <= 0.05).any())
    kind = "normal noise" if np.isinf(tail) else f"t({tail:g}) noise"
    where = f"{datasets} datasets, {kind}"
    yield Finding(f"headline family (Holm), {where}", "<= .06", 0, 0.06, any_holm / n, n)
    yield Finding(f"single Wilcoxon, {where}", ".03-.06", 0.03, 0.06, single / n / every, n)
    yield Finding(f"sign flips, {where}", ".03-.06", 0.03, 0.06, flip / n / every, n)
    yield Finding(
        f"t interval over datasets, {where}", ".93-.97", 0.93, 0.97, covered / n / every, n
    )
    yield Finding(f"all pairs (Holm), {where}", "<= .06", 0, 0.06, pairs / n, n)
    yield Finding(f"Iman-Davenport, {where}", ".03-.07", 0.03, 0.07, friedman / n, n)


def pooled(n: int, seed: int) -> Iterator[Finding]:
    """The wrong test, which takes dataset x trial as its unit, must be seen to fail."""
    rng = np.random.default_rng([seed, 10])
    wrong = right = 0
    for _ in range(n):
        areas = suite(rng, 15, 2)
        d = areas[:, 1] - areas[:, 0]
        wrong += stats.ttest_1samp(d.ravel(), 0).pvalue <= 0.05
        right += stats.ttest_1samp(d.mean(axis=1), 0).pvalue <= 0.05
    yield Finding(
        "pooled t over dataset x trial (wrong), 15 datasets", "> .30", 0.3, 1, wrong / n, n
    )
    yield Finding("t over dataset means, 15 datasets", ".03-.07", 0.03, 0.07, right / n, n)


def two_names(n: int, seed: int) -> Iterator[Finding]:
    """Random under two names, each with its own stream: p-values are flat."""
    rng = np.random.default_rng([seed, 11])
    p, flips = [], []
    for _ in range(n):
        areas = suite(rng, 20, 2, varying=0.0)
        d = (areas[:, 1] - areas[:, 0]).mean(axis=1)
        p.append(paired.wilcoxon_p(d))
        flips.append(paired.sign_flip_p(d, rng, 2000))
    flat = stats.kstest(flips, "uniform").pvalue
    yield Finding("two names for random, sign flips flat: KS p", "> .01", 0.01, 1, flat, n)
    # Ranks are discrete: their p-values may lie above the uniform ones, not below.
    small = stats.kstest(p, "uniform", alternative="greater").pvalue
    yield Finding("two names for random, Wilcoxon not too small: KS p", "> .01", 0.01, 1, small, n)
    share = float(np.mean(np.array(p) <= 0.05))
    yield Finding("two names for random, 20 datasets: p <= .05", ".03-.06", 0.03, 0.06, share, n)
    within = [
        paired.wilcoxon_p(areas[0, 1] - areas[0, 0])
        for areas in (suite(rng, 1, 2, varying=0.0) for _ in range(n))
    ]
    share = float(np.mean(np.array(within) <= 0.05))
    yield Finding("two names for random, 20 trials of a dataset", ".03-.06", 0.03, 0.06, share, n)


def intervals(n: int, seed: int) -> Iterator[Finding]:
    """Coverage of the intervals of a paired mean over trials."""
    shapes: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
        "normal": lambda rng, j: rng.normal(size=j),
        "t(4)": lambda rng, j: rng.standard_t(4, j),
        "skewed": lambda rng, j: rng.gamma(4, 1, j) - 4,
    }
    for j in (10, 20, 50):
        for name, draw in shapes.items():
            rng = np.random.default_rng([seed, 12, j, len(name)])
            t = boot = 0
            for _ in range(n):
                d = draw(rng, j)
                low, high = paired.t_interval(d)
                t += low <= 0 <= high
                low, high = paired.studentised_interval(d, rng, 1000)
                boot += low <= 0 <= high
            # Ten skewed differences are beyond what either interval promises.
            floor = 0.93 if name != "skewed" or j > 10 else 0.90
            promise = f"{floor:.2f}-.97".lstrip("0")
            yield Finding(f"t interval, {j} {name} trials", promise, floor, 0.97, t / n, n)
            yield Finding(f"bootstrap t, {j} {name} trials", promise, floor, 0.97, boot / n, n)


def medians(n: int, seed: int) -> Iterator[Finding]:
    """Coverage of the exact interval of the pseudo-median, ties or not."""
    for j in (6, 8, 12, 20):
        rng = np.random.default_rng([seed, 16, j])
        smooth = tied = 0
        for _ in range(n):
            d = rng.normal(size=j)
            _, low, high = paired.hodges_lehmann(d)
            smooth += low <= 0 <= high
            _, low, high = paired.hodges_lehmann(np.round(2 * d) / 2)
            tied += low <= 0 <= high
        yield Finding(f"pseudo-median, {j} normal", ".93-.98", 0.93, 0.98, smooth / n, n)
        yield Finding(f"pseudo-median, {j} tied", ">= .93", 0.93, 1.0, tied / n, n)


def equality(n: int, seed: int) -> Iterator[Finding]:
    """False "equal": the mean on the border of the rope, or more than a third beyond it."""
    for datasets in (8, 12, 20):
        for name in ("mean at the rope", "over a third beyond"):
            rng = np.random.default_rng([seed, 17, datasets, len(name)])
            hit = 0
            for _ in range(n):
                d = pd.Series(unequal(rng, datasets, name))
                row = across.versus({"s": d}).iloc[0].to_dict()
                row |= verdicts.spread(d, 0.01, 0.05) | {"counted": len(d), "varies_p": np.nan}
                row |= across.posterior(d, 0.01)._asdict()
                hit += verdicts.verdict(row, 0.05) == "equal"
            what = f'false "equal", {name}, {datasets} datasets'
            yield Finding(what, "<= .05", 0, 0.05 + 2 * np.sqrt(0.05 / n), hit / n, n)


def unequal(rng: np.random.Generator, datasets: int, name: str) -> np.ndarray:
    """Differences of which "equal" would be false, with a rope of .01."""
    if name == "mean at the rope":
        return rng.normal(0.01, 0.006, datasets)
    beyond = np.arange(datasets) <= datasets // 3
    return np.where(beyond, rng.choice([-1, 1]) * 0.015, 0.0) + rng.normal(0, 0.002, datasets)


def bands(n: int, seed: int) -> Iterator[Finding]:
    """Simultaneous coverage of the max-T band over 19 checkpoints."""
    for j in (10, 20, 50):
        rng = np.random.default_rng([seed, 13, j])
        hit = 0
        for _ in range(n):
            d = np.cumsum(rng.normal(size=(j, 19)), axis=1)
            d[:, 0] = 0
            _, low, high = paired.band(d, rng, 1000)
            hit += bool(((low <= 0) & (high >= 0)).all())
        yield Finding(
            f"max-T band, {j} trials, all 19 checkpoints", ".93-.97", 0.93, 0.97, hit / n, n
        )


def aggregates(n: int, seed: int) -> Iterator[Finding]:
    """Coverage of the bootstrap intervals of the aggregates, 15 datasets."""
    rng = np.random.default_rng([seed, 14])
    inner = outer = iqm = 0
    for _ in range(n):
        areas = suite(rng, 15, 2)
        blocks = [a.T for a in areas]
        # Given these datasets: the truth of dataset d is known from many more trials.
        fixed = np.random.default_rng(rng.integers(2**32))
        noise = fixed.normal(0, 1, (15, 2, TRIALS)) * 0.007
        true = areas.mean(axis=2)
        drawn = [(true[d][:, None] + noise[d]).T for d in range(15)]
        shift = (true[:, 1] - true[:, 0]) / (0.007 * np.sqrt(2))
        truth = float(np.mean(stats.norm.cdf(shift)))
        narrow = aggregate.improvement_interval(drawn, 0, rng, 500)
        inner += narrow.low[1] <= truth <= narrow.high[1]
        units = [str(d) for d in range(15)]
        wide = aggregate.improvement_interval(blocks, 0, rng, 500, units)
        outer += wide.low[1] <= 0.5 <= wide.high[1]
        gains = [b - b[:, [0]].mean() for b in blocks]
        low, high = aggregate.iqm_interval(gains, rng, 300, datasets=True)[1:]
        iqm += low[1] <= 0 <= high[1]
    yield Finding("P(improvement) over trials, 15 datasets", ".92-.98", 0.92, 0.98, inner / n, n)
    yield Finding("P(improvement) over datasets, 15 datasets", ".90-.98", 0.90, 0.98, outer / n, n)
    yield Finding("IQM over datasets, 15 datasets", ".90-.98", 0.90, 0.98, iqm / n, n)


def power(n: int, seed: int) -> Iterator[Finding]:
    """The detectable difference is found with 80 % power, by a single test."""
    rng = np.random.default_rng([seed, 15])
    hit = 0
    for _ in range(n):
        d = rng.normal(0, 1, 20)
        effect = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) / np.sqrt(20)
        hit += paired.wilcoxon_p(d + effect) <= 0.05
    yield Finding(
        "power at the detectable difference, 20 datasets", ".70-.85", 0.70, 0.85, hit / n, n
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", help="family,pooled,names,intervals,medians,...")
    given = parser.parse_args()
    n, seed = given.suites, given.seed
    parts: dict[str, list[Iterator[Finding]]] = {
        "family": [*(family(n, seed, d, np.inf) for d in DATASETS), family(n, seed, 20, 4.0)],
        "pooled": [pooled(n, seed)],
        "names": [two_names(4 * n, seed)],
        "intervals": [intervals(2 * n, seed)],
        "bands": [bands(n, seed)],
        "medians": [medians(2 * n, seed)],
        "equality": [equality(n // 2, seed)],
        "aggregates": [aggregates(n // 2, seed)],
        "power": [power(4 * n, seed)],
    }
    write = sys.stdout.write
    write("| what | promised | found | suites | |\n| --- | --- | --- | --- | --- |\n")
    broken = 0
    chosen = given.parts.split(",") if given.parts else list(parts)
    for finding in (f for name in chosen for part in parts[name] for f in part):
        broken += not finding.kept
        write(finding.row() + "\n")
        sys.stdout.flush()
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
