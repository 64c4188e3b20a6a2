"""Is every printed claim true? Random suites, their sentences, and a plain recomputation.

    python tests/benchmarks/claims.py [--suites 500] [--first 0] [--seed 0]

Draws small suites of every kind (tiny, mixed and skewed effects, ties, gaps, single trials,
variants, identical strategies, datasets on which nothing can be learnt or gained), takes the
lines that a comparison prints apart, and checks every number and word against the definitions,
computed anew by enumeration from the frame alone; nothing of the product is used but `compare`.
Ends with 1 where a claim is refuted, and prints it.
"""

import argparse
import re
import sys
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from albench import compare

ROPE, ALPHA = 0.01, 0.05
X = r"[+-]\d+\.\d{3}"
ITEM = re.compile(
    rf"(?P<name>s\d)(?: \(= (?P<same>[^)]*)\))? (?P<mean>{X})(?: \[(?P<low>{X}), (?P<high>{X})\])?"
    rf"(?:, (?P<mid>{X}) \[(?P<midlow>{X}), (?P<midhigh>{X})\])? "
    r"\((?P<said>(?:[^()]|\([^()]*\))*)\)"
)
LEADS = {
    "beats random": "better",
    "worse than random": "worse",
    "practically equal to random (within 0.01)": "equal",
    "depends on the dataset (beyond 0.01 on either side)": "depends on the dataset",
    "the data cannot tell": "unclear",
    "nothing to win on any of these datasets": "no room",
    "Here": "untold",
}
LEAD = re.compile("(" + "|".join(re.escape(k) for k in LEADS) + "): ")


def drawn(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, str]]:
    """A suite as curves of two checkpoints, and the base of its datasets."""
    n, k, trials = (int(rng.integers(1, high)) for high in (13, 5, 9))
    noise, digits = rng.choice([0.0, 0.002, 0.02]), int(rng.choice([2, 3, 9]))
    full = bool(rng.random() < 0.5)
    rows: list[dict[str, Any]] = []
    effects = [effect(rng, n) for _ in range(k)]
    if k > 1 and rng.random() < 0.3:
        effects[-1] = effects[0]
    for d in range(n):
        base = rng.uniform(0.6, 0.8)
        luck = rng.normal(0, 0.01, trials)
        top = base + rng.choice([0.005, 0.1, 0.2])
        classes = [0] * int(rng.choice([5, 5, 6, 8])) + [1] * 5
        own = [e[d] + rng.normal(0, noise, trials) for e in effects]
        if effects[-1] is effects[0]:
            own[-1] = own[0]
        lost = rng.random(k) < rng.choice([0, 0, 0.15])
        for t in range(trials):
            where = {"dataset": f"d{d}", "protocol": "p", "model": "m", "trial": t}
            scores = {"random": base + luck[t]}
            scores |= {f"s{i}": base + luck[t] + own[i][t] for i in range(k) if not lost[i]}
            for name, score in scores.items():
                if name != "random" and rng.random() < 0.01:
                    continue
                for labels, value in ((10, 0.5), (20, round(score, digits))):
                    row = {"strategy": name, "n_labeled": labels, "accuracy": value}
                    rows.append(where | row)
            if full:
                one = {"strategy": "all", "n_labeled": 99, "accuracy": top, "labels": classes}
                rows.append(where | one)
    bases = {"d0": "x", "d1": "x"} if n > 2 and rng.random() < 0.2 else {}
    return pd.DataFrame(rows), bases


def effect(rng: np.random.Generator, n: int) -> np.ndarray:
    """True differences to random, one per dataset."""
    kind = rng.integers(6)
    size = rng.choice([0.0005, 0.003, 0.008, 0.015, 0.04]) * rng.choice([-1, 1])
    if kind == 0:
        return np.zeros(n)
    if kind == 1:
        return np.full(n, size)
    if kind == 2:
        return size + rng.normal(0, abs(size), n)
    if kind == 3:
        return np.where(rng.random(n) < 0.5, size, -size)
    if kind == 4:
        return np.where(rng.random(n) < 0.2, -20 * size, size)
    return size * rng.standard_t(2, n)


@dataclass
class Row:
    """What is true of a strategy over datasets."""

    d: "pd.Series[float]"
    counted: "pd.Series[float]"
    noise: list[tuple[float, int]]
    lacks: list[str]


def facts(frame: pd.DataFrame, bases: dict[str, str], rules: bool = True) -> dict[str, Any]:
    """The truth of a suite: rows by strategy, rooms by dataset, cells of single datasets."""
    end = frame[frame["n_labeled"] == 20].pivot_table(
        index=["dataset", "trial"], columns="strategy", values="accuracy", sort=False
    )
    names = [s for s in dict.fromkeys(frame["strategy"]) if s not in ("random", "all")]
    cells = {
        (s, d): (part[s] - part["random"]).round(12).dropna()
        for s in names
        for d, part in end.groupby(level=0, sort=False)
    }
    cells = {key: v for key, v in cells.items() if len(v)}
    rooms = room_of(frame, end, cells)
    gone = {d for d, (_, _, why) in rooms.items() if why == "nothing learnable"}
    gone = set() if len(gone) == len(rooms) or not rules else gone
    flat = {d for d, (_, _, why) in rooms.items() if why} if rules else set()
    everywhere = [d for d in dict.fromkeys(frame["dataset"]) if d in rooms and d not in gone]
    rows = {}
    for s in names:
        mine = [d for d in everywhere if (s, d) in cells]
        if not mine:
            continue
        units: dict[str, list[str]] = {}
        for d in mine:
            units.setdefault(bases.get(d, d), []).append(d)
        means = {u: np.mean([cells[s, d].mean() for d in of]) for u, of in units.items()}
        value = pd.Series(means).round(12)
        room = pd.Series({u: any(d not in flat for d in of) for u, of in units.items()})
        keep = room | (value < -ROPE)
        noise = [
            (
                sum(cells[s, d].var(ddof=1) / len(cells[s, d]) for d in of) / len(of) ** 2,
                sum(len(cells[s, d]) - 1 for d in of),
            )
            for u, of in units.items()
            if keep[u]
        ]
        rows[s] = Row(value, value[keep], noise, [d for d in everywhere if d not in mine])
    return {"rows": rows, "rooms": rooms, "cells": cells, "gone": gone, "flat": flat}


def room_of(frame: pd.DataFrame, end: pd.DataFrame, cells: Any) -> dict[str, Any]:
    """Dataset -> learnable, head-room, why it does not count."""
    out = {}
    for d in dict.fromkeys(d for _, d in cells):
        whole = frame[(frame["dataset"] == d) & (frame["strategy"] == "all")]
        if whole.empty:
            out[d] = (np.nan, np.nan, "")
            continue
        most = max((v for (_, e), v in cells.items() if e == d), key=len)
        labels = whole["labels"].iloc[0]
        chance = max(labels.count(0), labels.count(1)) / len(labels)
        top = whole["accuracy"].mean()
        room = top - end.loc[most.index, "random"].mean()
        why = "no room" if round(room, 12) < 2 * ROPE else ""
        why = "nothing learnable" if round(top - chance, 12) < 0.05 else why
        out[d] = (top - chance, room, why)
    return out


def signed_p(d: Any) -> float:
    """Two-sided signed-rank p by all signs; zeros share their ranks."""
    d = np.asarray(d, dtype=float)
    if not d.any():
        return 1.0
    ranks = stats.rankdata(np.abs(d))
    moving = ranks[d != 0]
    signs = (np.arange(2 ** len(moving))[:, None] >> np.arange(len(moving))) & 1
    far = np.abs(signs @ moving - moving.sum() / 2)
    seen = abs(ranks[d > 0].sum() - moving.sum() / 2)
    return float(np.mean(far >= seen - 1e-9))


def middle(d: Any) -> tuple[float, float, float]:
    """Hodges-Lehmann estimate and exact interval, the null distribution by enumeration."""
    n = len(d)
    walsh = sorted((a + b) / 2 for a, b in combinations_with_replacement(list(d), 2))
    sums = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) @ np.arange(1, n + 1)
    out = 0
    while np.mean(sums <= out) <= 0.025:
        out += 1
    value = float(np.median(walsh))
    return (value, walsh[out - 1], walsh[-out]) if out else (value, np.nan, np.nan)


def holm(p: dict[str, float]) -> dict[str, float]:
    """Holm's adjusted p-values."""
    out, worst = {}, 0.0
    for place, (name, value) in enumerate(sorted(p.items(), key=lambda x: x[1])):
        worst = max(worst, min(1.0, value * (len(p) - place)))
        out[name] = worst
    return out


def posterior(d: Any) -> float:
    """Probability of practical equality of the Bayesian signed-rank test, by other draws."""
    z = np.concatenate([[0.0], d])
    w = np.random.default_rng(5).dirichlet([0.5] + [1.0] * len(d), 20_000)
    mean = (z[:, None] + z[None, :]) / 2
    hits = ((mean > ROPE).astype(float), (mean < -ROPE).astype(float))
    shares = [((w @ hit) * w).sum(axis=1) for hit in hits]
    middle_ = 1 - shares[0] - shares[1]
    return float(np.mean((middle_ > shares[0]) & (middle_ > shares[1])))


def t_interval(d: Any, level: float) -> tuple[float, float]:
    """Student's interval of the mean."""
    if len(d) < 2:
        return np.nan, np.nan
    half = stats.t.ppf(0.5 + level / 2, len(d) - 1) * np.std(d, ddof=1) / np.sqrt(len(d))
    return float(np.mean(d) - half), float(np.mean(d) + half)


def verdicts(rows: dict[str, Row], nobody: bool) -> tuple[dict[str, set[str]], dict[str, float]]:
    """The verdicts that are allowed (several next to the border of the posterior), and Holm p."""
    p = {s: signed_p(r.d) for s, r in rows.items() if len(r.d) >= 6}
    adjusted = holm(p)
    if not any(2.0 ** (1 - len(r.d)) * max(len(p), 1) <= ALPHA for r in rows.values()):
        adjusted = {}
    return {s: allowed(r, adjusted.get(s, np.nan), nobody) for s, r in rows.items()}, adjusted


def allowed(row: Row, p: float, nobody: bool) -> set[str]:
    """The verdicts that the definitions allow for a strategy."""
    d, c = row.d, row.counted
    if nobody:
        return {"no room"}
    if p <= ALPHA and np.sign(plus_minus(d)) * np.mean(d) > 0:
        side = "better" if np.mean(d) > 0 else "worse"
        return {"no room"} if side == "better" and not len(c) else {side}
    if not len(c):
        return {"no room"}
    where = places(row)
    inside, beyond = where.count("inside"), where.count("ahead") + where.count("behind")
    low, high = t_interval(c, 0.9)
    tost = len(c) > 1 and round(low, 12) >= -ROPE and round(high, 12) <= ROPE
    sure = posterior(c.to_numpy()) if len(c) >= 6 else 0.0
    out = set()
    for typical in {sure >= 0.94, sure >= 0.96}:
        if typical and tost and 5 * (len(c) - inside) <= len(c):
            out.add("equal")
        elif np.isfinite(p) and (5 * beyond >= len(c) or (typical and beyond)) and varied(row):
            out.add("depends on the dataset")
        else:
            out.add("unclear")
    return out


def places(row: Row) -> list[str]:
    """Where each counted dataset lies: by empirical Bayes (Morris 1983), one by one."""
    x = row.counted.to_numpy(dtype=float)
    v, df = (np.array(a, dtype=float) for a in zip(*row.noise, strict=True))
    known = [i for i in range(len(x)) if np.isfinite(v[i])]
    if not known:
        return [region(value) for value in x]
    n, mean = len(known), float(np.mean(x[known]))
    between = max(0.0, float(np.var(x[known], ddof=1) - np.mean(v[known]))) if n > 1 else 0.0
    out = ["noisy"] * len(x)
    for i in known:
        pull = 0.0
        if n >= 4 and v[i] + between > 0:
            pull = (n - 3) / (n - 1) * v[i] / (v[i] + between)
        centre = x[i] - pull * (x[i] - mean)
        square = v[i] * (1 - pull * (n - 1) / n)
        square += 2 * pull**2 * (x[i] - mean) ** 2 / (n - 3) if n >= 4 else 0.0
        half = stats.t.ppf(0.975, max(df[i], 1)) * np.sqrt(square)
        low, high = round(centre - half, 12), round(centre + half, 12)
        if low > ROPE or high < -ROPE:
            out[i] = "ahead" if low > ROPE else "behind"
        elif round(2 * half, 12) <= 2 * ROPE:
            out[i] = region(centre)
    return out


def region(value: float) -> str:
    """Where a number lies about the rope."""
    if abs(round(value, 12)) <= ROPE:
        return "inside"
    return "ahead" if value > 0 else "behind"


def plus_minus(d: Any) -> float:
    """Rank sum of the positive less that of the negative differences."""
    moving = np.asarray(d)[np.asarray(d) != 0]
    return float((stats.rankdata(np.abs(moving)) * np.sign(moving)).sum())


def varied(row: Row) -> bool:
    """Whether datasets differ by more than the noise of trials, where that is known."""
    v, df = (np.array(x, dtype=float) for x in zip(*row.noise, strict=True))
    if len(v) < 2 or not np.isfinite(v).all() or not (df > 0).all() or v.sum() <= 1e-18:
        return True
    ratio = row.counted.var(ddof=1) / v.mean()
    freedom = v.sum() ** 2 / (v**2 / df).sum()
    return bool(stats.f.sf(ratio, len(v) - 1, freedom) <= ALPHA)


def near(text: str | None, value: float) -> bool:
    """Whether a printed number is the value, to its digits."""
    return text is None or abs(float(text) - value) <= 0.5e-3 + 1e-9


def refuted(frame: pd.DataFrame, bases: dict[str, str]) -> tuple[list[str], int]:
    """The claims that are not true, and how many were checked."""
    found = compare(frame, metric="accuracy", summary="end", base=bases)
    truth = facts(frame, bases)
    wrong: list[str] = []
    checked = 0
    same = {o: f for f, others in found.stacks[0].alike.items() for o in others}
    for other, first in same.items():
        checked += 1
        for d in dict.fromkeys(frame["dataset"]):
            one, two = (truth["cells"].get((s, d)) for s in (first, other))
            if two is not None and (one is None or not one.reindex(two.index).equals(two)):
                wrong.append(f"{first} and {other} are not identical on {d}")
    harm = next((line for line in found.lines if ", harm (" in line), "")
    if len(set(frame["dataset"]) - truth["gone"]) > 1:
        more = harmed(harm, truth, same)
        wrong, checked = wrong + more[0], checked + more[1]
    for line in found.lines:
        if " on d" in line.split(":")[0] and "paired trial" in line:
            more = on_one(line, truth, same)
        elif line.startswith("On these datasets only"):
            more = conditional(line, truth, same)
        elif line.startswith("By rules"):
            more = by_rules(line, truth, facts(frame, bases, rules=False), same)
        elif ", harm (" not in line and LEAD.search(line):
            more = headline(line, truth, same)
        else:
            continue
        wrong += more[0]
        checked += more[1]
    return wrong, checked


def headline(line: str, truth: Any, same: dict[str, str]) -> tuple[list[str], int]:
    """Every item of the answer over datasets."""
    rows = {s: r for s, r in truth["rows"].items() if s not in same}
    nobody = len(truth["rooms"]) > 0 and all(
        why == "nothing learnable" for _, _, why in truth["rooms"].values()
    )
    may, adjusted = verdicts(rows, nobody)
    leads = [(m.start(), LEADS[m.group(1)]) for m in LEAD.finditer(line)]
    items = [m for m in ITEM.finditer(line) if m.start() > leads[0][0]]
    wrong = [] if {m["name"] for m in items} == set(rows) else ["not every strategy is named"]
    for m in items:
        row, lead = rows[m["name"]], [v for at, v in leads if at < m.start()][-1]
        low, high = t_interval(row.d, 0.95)
        mid = middle(row.d)
        pairs = zip(
            ("mean", "low", "high", "mid", "midlow", "midhigh"),
            (np.mean(row.d), low, high, *mid),
            strict=True,
        )
        wrong += [f"{m[0]}: {key} is {v:+.4f}" for key, v in pairs if not near(m[key], v)]
        if lead == "untold" and (adjusted or nobody):
            wrong.append(f"{m[0]}: it can be told")
        if lead != "untold" and lead not in may[m["name"]]:
            wrong.append(f"{m[0]}: called {lead}, allowed {sorted(may[m['name']])}")
        wrong += [f"{m[0]}: {w}" for w in brackets(m["said"], row, adjusted.get(m["name"]))]
    return wrong, 8 * len(items)


def brackets(said: str, row: Row, p: float | None) -> list[str]:
    """What stands in brackets after a strategy."""
    c, d, wrong, where = row.counted, row.d, [], places(row) if len(row.counted) else []
    ahead, behind = where.count("ahead"), where.count("behind")
    counts = {
        r"ahead on (\d+) of (\d+)": ((c > 0).sum(), len(c)),
        r"(\d+) of (\d+) datasets within": (where.count("inside"), len(c)),
        r"(\d+) above and (\d+) below of (\d+)": (ahead, behind, len(c)),
        r"(\d+) too noisy to say": (where.count("noisy"),),
        r"behind by more on (\d+)": (behind,),
        r"ahead by more on (\d+)": (ahead,),
        r"no room on (\d+)": (len(d) - len(c),),
    }
    for pattern, value in counts.items():
        hit = re.search(pattern, said)
        if hit and tuple(map(int, hit.groups())) != tuple(map(int, value)):
            wrong.append(f"{hit[0]!r}, but {value}")
    hit = re.search(r"Holm p = ([\d.e-]+\d)", said)
    if hit and (p is None or abs(float(hit[1]) - p) > 0.051 * p):
        wrong.append(f"{hit[0]!r}, but {p}")
    low, high = t_interval(d, 0.95)
    tiny = len(d) > 1 and max(abs(round(x, 12)) for x in (low, high, np.mean(d))) <= ROPE
    if ("though by less" in said) and not tiny:
        wrong.append("not all of mean and interval lie within the rope")
    if "the interval of the mean holds 0" in said and not low <= 0 <= high:
        wrong.append("the interval of the mean leaves 0 out")
    if "the interval of the mean leaves 0 out" in said and low <= 0 <= high:
        wrong.append("the interval of the mean holds 0")
    if "signed ranks reject" in said and signed_p(d) > ALPHA:
        wrong.append("the signed ranks do not reject")
    if "ranks do not reject" in said and signed_p(d) <= ALPHA:
        wrong.append("the signed ranks reject")
    if "point apart" in said and plus_minus(d) * np.mean(d) >= 0:
        wrong.append("ranks and mean point the same way")
    return wrong + named(said, row)


def named(said: str, row: Row) -> list[str]:
    """The datasets that a bracket names: the worst one, and those that are lacking."""
    c, wrong = row.counted, []
    if hit := re.search(r"(?:worst|most on) (\S+?)(?: ([+-][\d.]+))?(?:[;)]|$)", said):
        behind = [d for d, p in zip(c.index, places(row), strict=True) if p == "behind"]
        low = c[behind].min() if behind else c.min()
        if not (near(f"{c[hit[1]]:.3f}", low) and near(hit[2], low)):
            wrong.append(f"{hit[0]!r}, but {low:+.3f}")
    if ("by one trial each" in said) and any(np.isfinite(v) for v, _ in row.noise):
        wrong.append("there is more than one trial")
    if ("lacks" in said) != bool(row.lacks):
        wrong.append(f"gaps: {row.lacks}")
    if row.lacks and row.lacks[0] not in said:
        wrong.append(f"{row.lacks[0]} is not named")
    return wrong


def harmed(line: str, truth: Any, same: dict[str, str]) -> tuple[list[str], int]:
    """`m, harm (...): s1 on 2 of 8 (most on d3 -0.120); not shown on any dataset: s2`; no line."""
    rows = {s: r for s, r in truth["rows"].items() if s not in same and len(r.counted)}
    losses = {s: places(r).count("behind") for s, r in rows.items()}
    items = re.findall(r"(s\d) on (\d+) of (\d+) \(most on (\S+) ([+-][\d.]+)\)", line)
    wrong = [
        f"{s} loses on {k} of {n}, but {losses[s]} of {len(rows[s].counted)}"
        for s, k, n, _, _ in items
        if (int(k), int(n)) != (losses[s], len(rows[s].counted))
    ]
    wrong += [
        f"{s}: {d} is {rows[s].counted[d]:+.3f}"
        for s, _, _, d, x in items
        if not near(x, rows[s].counted[d])
    ]
    none = re.search(r"not shown on any dataset: ([^.(]*)", line)
    clear = {s.strip() for s in none[1].split(",")} if none else set()
    if {s for s, *_ in items} != {s for s, k in losses.items() if k}:
        wrong.append(f"harm: {items}, but {losses}")
    if line and clear != {s for s, k in losses.items() if not k}:
        wrong.append(f"without harm: {clear}, but {losses}")
    return wrong, 3 * len(items) + len(clear)


def within(truth: Any, same: dict[str, str]) -> dict[tuple[str, str], float]:
    """Holm p of each cell over its trials; NaN where its trials are too few for the family."""
    cells = {k: v for k, v in truth["cells"].items() if k[0] not in same}
    p = {f"{s} {d}": signed_p(v) for (s, d), v in cells.items() if len(v) >= 6}
    tests, adjusted = len(p) or len(cells), holm(p)
    return {
        (s, d): adjusted[f"{s} {d}"]
        if f"{s} {d}" in p and 2.0 ** (1 - len(v)) * tests <= ALPHA
        else np.nan
        for (s, d), v in cells.items()
    }


def conditional(line: str, truth: Any, same: dict[str, str]) -> tuple[list[str], int]:
    """`s1 ahead on 2, behind on 0 of 3`."""
    p, wrong, items = (
        within(truth, same),
        [],
        re.findall(r"(s\d) ahead on (\d+), behind on (\d+) of (\d+)", line),
    )
    for s, *told in items:
        mine = {d: x for (t, d), x in p.items() if t == s and d not in rooms_off(truth)}
        sides = [np.sign(plus_minus(truth["cells"][s, d])) for d, x in mine.items() if x <= ALPHA]
        value = (sides.count(1), sides.count(-1), len(mine))
        if tuple(map(int, told)) != value:
            wrong.append(f"{s} ahead, behind, of: told {told}, but {value}")
    return wrong, len(items)


def rooms_off(truth: Any) -> set[str]:
    """The datasets that count neither as won nor as lost by their trials."""
    return {d for d, (_, _, why) in truth["rooms"].items() if why}


def on_one(line: str, truth: Any, same: dict[str, str]) -> tuple[list[str], int]:
    """The answer on a suite's only dataset."""
    p, wrong, n = within(truth, same), [], 0
    pattern = rf"(s\d) ({X})(?: \[({X}), ({X})\])? \(ahead in (\d+) of (\d+) trials"
    words = "ahead of random|behind random|not told apart|neither ahead nor level|cannot be told"
    kinds = [(m.start(), m[1]) for m in re.finditer(f"({words})", line)]
    for m in re.finditer(pattern, line):
        ((_, d),) = [key for key in truth["cells"] if key[0] == m[1]]
        v, n = truth["cells"][m[1], d], n + 1
        low, high = t_interval(v, 0.95)
        if not (near(m[2], v.mean()) and near(m[3], low) and near(m[4], high)):
            wrong.append(f"{m[0]}: {v.mean():+.4f} [{low:+.4f}, {high:+.4f}]")
        if (int(m[5]), int(m[6])) != (int((v > 0).sum()), len(v)):
            wrong.append(f"{m[0]}: ahead in {(v > 0).sum()} of {len(v)}")
        kind = [k for at, k in kinds if at < m.start()][-1]
        value, side = p[m[1], d], np.sign(plus_minus(v)) * (plus_minus(v) * v.mean() > 0)
        due = "cannot be told" if np.isnan(value) else "not told apart"
        if value <= ALPHA and side:
            due = "ahead of random" if side > 0 else "behind random"
        due = "neither ahead nor level" if d in rooms_off(truth) else due
        if kind != due:
            wrong.append(f"{m[0]}: {kind!r}, but {due!r}")
    return wrong, 4 * n


def by_rules(line: str, truth: Any, free: Any, same: dict[str, str]) -> tuple[list[str], int]:
    """Which datasets the rules concern, and what changes without them."""
    wrong = []
    items = re.findall(rf"(d\d+) \((nothing learnable|no room): ({X})", line)
    for d, why, value in items:
        learnable, room, truly = truth["rooms"][d]
        if why != truly or not near(value, learnable if why == "nothing learnable" else room):
            wrong.append(f"{d} ({why}: {value}), but {truth['rooms'][d]}")
    may, _ = verdicts({s: r for s, r in free["rows"].items() if s not in same}, False)
    moved = re.findall(r"(s\d) ([a-z ]+?) becomes ([a-z ]+?)(?=[;.]| and )", line)
    for s, _, new in moved:
        if new not in may[s]:
            wrong.append(f"{s} becomes {new}, but {sorted(may[s])}")
    return wrong, len(items) + len(moved)


def search(suites: int, seed: int, first: int = 0) -> tuple[list[str], int]:
    """Refuted claims over random suites from number `first` on, and how many were checked."""
    wrong, checked = [], 0
    for number in range(first, first + suites):
        frame, bases = drawn(np.random.default_rng([seed, number]))
        ranked = set(frame["strategy"]) - {"random", "all"}
        if not ranked:
            continue
        found, n = refuted(frame, bases)
        wrong += [f"suite {seed}/{number}: {text}" for text in found]
        checked += n
    return wrong, checked


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    wrong, checked = search(given.suites, given.seed, given.first)
    for text in wrong:
        sys.stdout.write(text + "\n")
    sys.stdout.write(f"{given.suites} suites, {checked} claims checked, {len(wrong)} refuted\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
