"""Do the statistics keep their promises? Simulated suites with known truth, in parts.

    python tests/benchmarks/calibration.py [--parts families,means,...] [--scale 1] [--seed 0]

Prints rows of a Markdown table; the last ones are recorded in calibration.md. Each part takes a few
minutes on one core. Tests are those of the product's own null distributions, on whole arrays of
suites at once (`signed_p`, checked against `paired.wilcoxon_p` in every part); intervals are the
product's functions. Promises: familywise error at most .055, at least .025 from 12 datasets on;
intervals .93 to .97; false equality at most .05; each with two standard errors of its simulation.
Ends with 1 where a promise is broken.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from albench.analysis import intervals
from albench.analysis.bought import noise
from albench.analysis.comparison import (
    across,
    aggregate,
    hierarchical,
    paired,
    places,
    ratings,
    signedrank,
    verdicts,
)

Array = np.ndarray
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]
NOISES: dict[str, Draw] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "t(4)": lambda rng, size: rng.standard_t(4, size) / np.sqrt(2),
    "skewed": lambda rng, size: (rng.gamma(4, 1, size) - 4) / 2,
}


@dataclass(frozen=True)
class Finding:
    """One line of the record: a share that was found, and between which it should lie."""

    what: str
    low: float
    high: float
    found: float
    n: int

    @property
    def kept(self) -> bool:
        """Within what is promised and two standard errors of the simulation."""
        slack = 2 * np.sqrt(max(self.found * (1 - self.found), 0.01) / max(self.n, 1))
        return self.low - slack <= self.found <= self.high + slack

    def row(self) -> str:
        """A row of the table."""
        promise = f"<= {self.high:g}" if self.low == 0 else f"{self.low:g} to {self.high:g}"
        if self.high == 1:
            promise = f">= {self.low:g}"
        return (
            f"| {self.what} | {promise} | {self.found:.3f} | {self.n} "
            f"| {'kept' if self.kept else 'BROKEN'} |"
        )


def signed_p(d: Array) -> Array:
    """Two-sided exact signed-rank p along the last axis, of differences without ties."""
    n = d.shape[-1]
    ranks = np.abs(d).argsort(axis=-1).argsort(axis=-1) + 1
    plus = np.where(d > 0, ranks, 0).sum(axis=-1)
    tails = signedrank.upper_tails(tuple(range(1, n + 1)))
    found = np.minimum(1.0, 2 * tails[np.maximum(plus, n * (n + 1) // 2 - plus)])
    some = d.reshape(-1, n)[:50]
    assert np.allclose(found.ravel()[:50], [paired.wilcoxon_p(x) for x in some])
    return found


def holm_any(p: Array, alpha: float = 0.05) -> Array:
    """Whether Holm rejects anything of the last axis: whether the smallest p times m does."""
    return p.min(axis=-1) * p.shape[-1] <= alpha


def fwe(what: str, n: int, hit: Array) -> Finding:
    """A familywise error over so many datasets or trials."""
    return Finding(what, 0.025 if n >= 12 else 0.0, 0.055, float(hit.mean()), len(hit))


def covered(what: str, ends: Array, truth: float | Array, units: int = 0) -> Finding:
    """Coverage of intervals (low, high) in the last axis; NaN: not printed. units: of them, n."""
    low, high = ends[..., 0], ends[..., 1]
    told = np.isfinite(low)
    hit = ((low <= truth) & (truth <= high))[told]
    return Finding(what, 0.93, 0.97, float(hit.mean()), units or int(told.sum()))


def gaps_of(rng: np.random.Generator, size: tuple[int, int, int], kind: str) -> Array:
    """(suites, strategies, datasets) mean differences to random under no difference.

    Each dataset has random's own deviation in all differences, each strategy one of its own, and
    a scale of its own.
    """
    suites, k, n = size
    draw = NOISES[kind]
    scale = rng.uniform(0.5, 1.5, (suites, 1, n))
    return scale * (draw(rng, (suites, k, n)) - 0.7 * rng.normal(size=(suites, 1, n)))


def families(scale: float, seed: int) -> Iterator[Finding]:
    """Familywise errors of better and worse, of all pairs, of the omnibus and over trials."""
    m = int(8000 * scale)
    for kind in ("normal", "t(4)"):
        for n in (6, 8, 9, 10, 11, 12, 14, 15, 20, 26):
            rng = np.random.default_rng([seed, n, len(kind)])
            for k in (1, 9):
                if n < paired.smallest_n(k):
                    continue
                hit = holm_any(signed_p(gaps_of(rng, (m, k, n), kind)))
                yield fwe(f"better or worse, {k} tests, {n} datasets, {kind}", n, hit)
    for n in (15, 20, 26):
        rng = np.random.default_rng([seed, n, 2])
        scores = rng.uniform(0.5, 1.5, (m // 2, 1, n)) * rng.normal(size=(m // 2, 6, n))
        p = [signed_p(scores[:, a] - scores[:, b]) for a, b in combinations(range(6), 2)]
        hit = holm_any(np.stack(p, axis=-1))
        yield Finding(f"all 15 pairs, {n} datasets", 0.0, 0.055, float(hit.mean()), len(hit))
    for n in (6, 12, 20):
        rng = np.random.default_rng([seed, n, 3])
        tables = (pd.DataFrame(rng.normal(size=(n, 6))) for _ in range(m // 8))
        p = np.array([across.friedman(t)["p"] for t in tables])
        yield Finding(
            f"omnibus (Iman-Davenport), {n} datasets", 0.03, 0.065, (p <= 0.05).mean(), len(p)
        )
    for j in (12, 20, 50):
        rng = np.random.default_rng([seed, j, 4])
        trials = rng.normal(size=(m // 10, 10, 9, j)) - 0.7 * rng.normal(size=(m // 10, 10, 1, j))
        hit = holm_any(signed_p(trials).reshape(m // 10, -1))
        yield Finding(f"on these datasets, 90 cells, {j} trials", 0.0, 0.055, hit.mean(), len(hit))
    for j in (9, 12, 20):
        rng = np.random.default_rng([seed, j, 5])
        hit = holm_any(signed_p(gaps_of(rng, (m, 9, j), "t(4)")))
        yield fwe(f"one dataset, 9 tests, {j} trials, t(4)", j, hit)
    for j in (4, 10, 20):
        rng = np.random.default_rng([seed, j, 6])
        below = rng.normal(0.1, 0.004, (m // 20, 20, j))
        above = rng.binomial(60, 0.1, (m // 20, 20, j)) / 60
        p = np.array(
            [
                [noise.chance_p(a, b) for a, b in zip(*one, strict=True)]
                for one in zip(above, below, strict=True)
            ]
        )
        hit = holm_any(np.where(np.isnan(p), 1.0, p))
        yield Finding(
            f"drawn to wrong labels, 20 cells, {j} trials", 0.0, 0.055, hit.mean(), len(hit)
        )


def t_ends(d: Array) -> Array:
    """The product's t interval along the last axis, checked against `paired.t_interval`."""
    n = d.shape[-1]
    half = intervals.t_quantile(n - 1) * d.std(axis=-1, ddof=1) / np.sqrt(n)
    out = np.stack([d.mean(axis=-1) - half, d.mean(axis=-1) + half], axis=-1)
    assert np.allclose(out.reshape(-1, 2)[0], paired.t_interval(d.reshape(-1, n)[0]))
    return out


def ends(function: Callable[[Array], tuple[float, ...]], d: Array) -> Array:
    """An interval for each row."""
    return np.array([function(x)[-2:] for x in d])


def means(scale: float, seed: int) -> Iterator[Finding]:
    """Intervals of means, pseudo-medians, ratios, labels saved, and for rows like these."""
    m = int(3000 * scale)
    for kind, draw in NOISES.items():
        for n in (2, 3, 4, 6, 8, 10, 15, 20, 26, 50, 100):
            d = draw(np.random.default_rng([seed, n, 10]), (4 * m, n))
            yield covered(f"t interval of a mean, {n} {kind}", t_ends(d), 0.0)
    for n in (6, 8, 10, 12, 20, 26):
        d = np.random.default_rng([seed, n, 11]).normal(size=(m, n))
        yield covered(f"pseudo-median, exact, {n}", ends(paired.hodges_lehmann, d), 0.0)
        tied = ends(paired.hodges_lehmann, np.round(2 * d) / 2)
        hit = float(((tied[:, 0] <= 0) & (tied[:, 1] >= 0)).mean())
        yield Finding(f"pseudo-median, exact, {n} with ties", 0.93, 1.0, hit, m)
    for n in (3, 4, 6, 10, 20):
        rng = np.random.default_rng([seed, n, 12])
        below = rng.normal(0.1, 0.004, (m, n))
        above = rng.binomial(60, np.clip(rng.normal(0.13, 0.02, (m, n)), 0, 1)) / 60
        found = np.array([intervals.ratio(a, b) for a, b in zip(above, below, strict=True)])
        yield covered(f"affinity to wrong labels (Fieller), {n} trials", found, 1.3)
        below = rng.normal(0.08, 0.02, (m, n))
        above = 0.4 * below + rng.normal(0, 0.01, (m, n))
        found = np.array([intervals.ratio(a, b) for a, b in zip(above, below, strict=True)])
        yield covered(f"normalised gain (Fieller), {n} trials", found, 0.4)
    for name, draw in SAVED.items():
        rng = np.random.default_rng([seed, 13, len(name)])
        truth = float(draw(rng, (1_000_000,)).mean())
        for n in (10, 15, 20, 50):
            found = ends(intervals.skewed, draw(rng, (m, n)))
            yield covered(f"labels saved, {name}, {n} trials", found, truth)
    for j in (4, 10, 20):
        rng = np.random.default_rng([seed, j, 14])
        shared, own = rng.normal(0, np.sqrt(1 / 3), (4 * m, 1)), np.sqrt(2 / 3)
        d = shared + own * rng.normal(size=(4 * m, j))  # 100 test rows to 200: correlation 1/3
        half = intervals.t_quantile(j - 1) * d.std(axis=1, ddof=1) * np.sqrt(1 / j + 0.5)
        found = np.stack([d.mean(axis=1) - half, d.mean(axis=1) + half], axis=1)
        yield covered(f"rows like these (corrected), {j} trials", found, 0.0)


def cut(x: Array, budget: float = 200) -> Array:
    """Runs that are cut off at the budget."""
    return np.minimum(x, budget)


SAVED: dict[str, Draw] = {
    "both log-normal (.6)": lambda rng, s: (
        cut(rng.lognormal(4.3, 0.6, s)) - cut(rng.lognormal(4, 0.6, s))
    ),
    "theirs log-normal (1), ours sharp": lambda rng, s: (
        cut(rng.lognormal(4, 1, s)) - rng.normal(50, 4, s)
    ),
    "ours log-normal (1), theirs sharp": lambda rng, s: (
        rng.normal(90, 4, s) - cut(rng.lognormal(4, 1, s))
    ),
    "half cut off": lambda rng, s: (
        cut(rng.lognormal(5.3, 0.5, s)) - cut(rng.lognormal(4.6, 0.4, s))
    ),
    "exponential": lambda rng, s: rng.exponential(30, s),
    "batches of ten": lambda rng, s: np.round(cut(rng.lognormal(4.3, 0.8, s)) / 10) * 10,
}


def places_(scale: float, seed: int) -> Iterator[Finding]:
    """Shrunken intervals of datasets, and how often they are placed on a side they are not on."""
    m = int(1500 * scale)
    for n in (3, 6, 12, 20, 26):
        for j in (4, 10, 20):
            rng = np.random.default_rng([seed, n, j, 20])
            for between in (0.002, 0.01, 0.04):
                hit, opposed = 0, 0
                for _ in range(m // 3):
                    truth = rng.normal(0.003, between, n)
                    d = truth[:, None] + rng.uniform(0.005, 0.03, (n, 1)) * rng.normal(size=(n, j))
                    found = places.placed(
                        places.Measured(
                            d.mean(axis=1), d.var(axis=1, ddof=1) / j, np.full(n, j - 1.0)
                        ),
                        0.01,
                    )
                    hit += int(((found.low <= truth) & (truth <= found.high)).sum())
                    side = np.array([{"ahead": 1, "behind": -1}.get(p, 0) for p in found.place])
                    opposed += int((side * truth < 0).sum())
                what = f"shrunken, {n} datasets, {j} trials, sd {between}"
                of = n * (m // 3)
                yield Finding(f"interval, {what}", 0.93, 0.98, hit / of, m // 3)
                yield Finding(
                    f"placed beyond the rope on the wrong side, {what}",
                    0.0,
                    0.05,
                    opposed / of,
                    m // 3,
                )


def equality(scale: float, seed: int) -> Iterator[Finding]:
    """False "equal", and "depends on the dataset" where only trials vary."""
    m = int(1500 * scale)
    for n in (6, 8, 12, 20, 26):
        for name in ("mean at the rope", "over a third beyond", "nothing but noise"):
            for sd in (0.0, 0.01, 0.03):
                if name == "nothing but noise" and not sd:
                    continue
                rng = np.random.default_rng([seed, n, len(name), int(sd * 100), 30])
                said = [said_of(rng, n, name, sd) for _ in range(m)]
                wrong = "depends on the dataset" if name == "nothing but noise" else "equal"
                share = float(np.mean([s == wrong for s in said]))
                what = f'false "{wrong}", {name}, {n} datasets, 10 trials of sd {sd}'
                yield Finding(what, 0.0, 0.05, share, m)


def said_of(rng: np.random.Generator, n: int, name: str, sd: float) -> str:
    """The verdict on a suite of n datasets with 10 trials, rope .01."""
    if name == "mean at the rope":
        truth = rng.normal(0.01, 0.006, n)
    elif name == "nothing but noise":
        truth = np.full(n, rng.choice([0.0, 0.008, 0.012]))
    else:
        beyond = np.arange(n) <= n // 3
        truth = np.where(beyond, rng.choice([-1, 1]) * 0.015, 0.0) + rng.normal(0, 0.002, n)
    trials = truth[:, None] + sd * rng.normal(size=(n, 10))
    d = pd.Series(trials.mean(axis=1))
    variance, df = trials.var(axis=1, ddof=1) / 10, np.full(n, 9.0)
    row = across.versus({"s": d}).iloc[0].to_dict()
    row |= verdicts.spread(d, 0.01, 0.05, variance, df) | {"counted": n}
    row |= {"varies_p": verdicts.varies_p(d, variance, df)}
    row |= across.posterior(d, 0.01)._asdict()
    return str(verdicts.verdict(row, 0.05))


def totals(scale: float, seed: int) -> Iterator[Finding]:
    """Aggregates over runs and datasets: probability of improvement, IQM, profiles."""
    m = int(400 * scale)
    for j in (3, 4, 10, 20):
        rng = np.random.default_rng([seed, j, 40])
        shift = rng.normal(0.3, 0.8, 10)
        truth = float(stats.norm.cdf(shift / np.sqrt(2)).mean())
        better, iqm, high = np.zeros((m, 2)), np.zeros((m, 2)), np.zeros((m, 2))
        middle = middle_of(shift)
        over = float(stats.norm.sf(0.5 - shift).mean())
        for i in range(m):
            drawn = [rng.normal([0, s], 1, (j, 2)) for s in shift]
            better[i] = [x[1] for x in aggregate.improvement_interval(drawn, 0, rng, 300)[1:]]
            iqm[i] = [x[1] for x in aggregate.iqm_interval(drawn, rng, 200)[1:]]
            high[i] = [x[1, 0] for x in aggregate.profile(drawn, [0.5], rng, 300)[1:]]
        yield covered(f"P(improvement) over trials, 10 datasets, {j} trials", better, truth)
        yield covered(f"IQM over trials, 10 datasets, {j} trials", iqm, middle)
        yield covered(f"performance profile, 10 datasets, {j} trials", high, over)
    for n in (4, 6, 10, 15, 20, 26):
        rng = np.random.default_rng([seed, n, 41])
        ends_ = np.zeros((2 * m, 2))
        for i in range(2 * m):
            drawn = [rng.normal([0, s], 1, (5, 2)) for s in rng.normal(0.5, 1, n)]
            units = [str(d) for d in range(n)]
            found = aggregate.improvement_interval(drawn, 0, rng, 300, units)
            ends_[i] = found.low[1], found.high[1]
        truth = float(stats.norm.cdf(0.5 / np.sqrt(3)))
        yield covered(f"P(improvement) over datasets, {n} datasets", ends_, truth)


def middle_of(shift: Array) -> float:
    """Interquartile mean of equal shares of normal values about these means."""
    many = np.random.default_rng(0).normal(np.repeat(shift, 200_000), 1)
    return aggregate.iqm(many)


def ranking(scale: float, seed: int) -> Iterator[Finding]:
    """Mean ranks, Elo ratings, improvability and the hierarchical mean, over datasets."""
    m = int(600 * scale)
    shift = np.linspace(0, 1.2, 5)
    big = pd.DataFrame(np.random.default_rng(5).normal(shift, 1, (100_000, 5)))
    rank = big.rank(axis=1, ascending=False).mean().to_numpy()
    elo = ratings.elo(
        np.mean([ratings.games(big.iloc[i::50]).mean(axis=0) for i in range(50)], axis=0),
        0,
        prior=0.0,
    )
    error = 0.2 * np.exp(-0.1 * big.to_numpy())
    room = ratings.improvability(error).mean(axis=0)
    for n in (3, 4, 6, 10, 15, 20, 26):
        rng = np.random.default_rng([seed, n, 50])
        found = {"mean rank": [], "Elo": [], "improvability": []}
        for _ in range(m):
            table = pd.DataFrame(rng.normal(shift, 1, (n, 5)))
            one = across.rank_intervals(table, 0, draws=500).sort_index()
            found["mean rank"].append(one[["rank_low", "rank_high"]].to_numpy())
            if n < ratings.LEAST:
                continue
            two = ratings.ratings(table, 0).set_index("strategy").sort_index()
            found["Elo"].append(two[["elo_low", "elo_high"]].to_numpy()[1:])
            three = ratings.ratings(1 - 0.2 * np.exp(-0.1 * table), 0)
            three = three.set_index("strategy").sort_index()
            found["improvability"].append(
                three[["improvability_low", "improvability_high"]].to_numpy()
            )
        truth = {"mean rank": rank, "Elo": elo[1:], "improvability": room}
        for name, parts in found.items():
            if parts:
                yield covered(
                    f"{name}, 5 strategies, {n} datasets", np.array(parts), truth[name], m
                )
    for n in (4, 8, 15, 26):
        rng = np.random.default_rng([seed, n, 51])
        out = []
        for _ in range(m):
            v = rng.uniform(1e-5, 4e-4, n)
            d = rng.normal(0.02, 0.015, n) + rng.normal(0, np.sqrt(v))
            out.append(hierarchical.random_effects(d, v * rng.chisquare(9, n) / 9)[1:3])
        yield covered(f"hierarchical mean, {n} datasets", np.array(out), 0.02)


def bands(scale: float, seed: int) -> Iterator[Finding]:
    """Simultaneous coverage of the max-T band over 19 checkpoints; bootstrap-t intervals."""
    m = int(600 * scale)
    for j in (6, 8, 10, 20, 50):
        rng = np.random.default_rng([seed, j, 60])
        hit = 0
        for _ in range(m):
            d = np.cumsum(rng.normal(size=(j, 19)), axis=1)
            d[:, 0] = 0
            _, low, high = paired.band(d, rng, 1000)
            hit += bool(((low <= 0) & (high >= 0)).all())
        yield Finding(f"max-T band, {j} units, 19 checkpoints", 0.93, 0.985, hit / m, m)
    for kind, draw in NOISES.items():
        for j in (3, 4, 6, 10, 20, 50):
            rng = np.random.default_rng([seed, j, 61])
            found = np.array([paired.studentised_interval(d, rng, 600) for d in draw(rng, (m, j))])
            yield covered(f"bootstrap t, {j} {kind} trials", found, 0.0)


PARTS = {
    "families": families,
    "means": means,
    "places": places_,
    "equality": equality,
    "totals": totals,
    "ranking": ranking,
    "bands": bands,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", default=",".join(PARTS))
    given = parser.parse_args()
    broken = 0
    for name in given.parts.split(","):
        for finding in PARTS[name](given.scale, given.seed):
            broken += not finding.kept
            sys.stdout.write(finding.row() + "\n")
            sys.stdout.flush()
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
