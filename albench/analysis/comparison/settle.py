"""Who is compared on what: pairs on their own runs, ranks on runs that are complete.

A strategy and the baseline are compared on all datasets and trials that both have. Ranks and
all pairs need complete blocks; `complete` finds the largest ones, so that a strategy that was run
on little is left out of them and costs the others nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from albench.analysis.comparison.blocks import Block, Runs
from albench.analysis.question import Missing
from albench.core.arrays import Floats
from albench.core.errors import BadResults


def gaps(runs: Sequence[Runs], names: Sequence[str]) -> tuple[list[str], list[str]]:
    """What strategies lack, as sentences: whole datasets, then trials of datasets they have."""
    holes = {s: sum(not r.has(s) for r in runs) for s in names}
    lacking = [f"{s} lacks {k} of {len(runs)} datasets" for s, k in holes.items() if k]
    short: dict[str, list[str]] = {}
    for r in runs:
        few = {s: len(r.has(s)) for s in names if 0 < len(r.has(s)) < len(r.trials)}
        if few:
            told = ", ".join(f"{s} has {k}" for s, k in few.items())
            short.setdefault(f"of {len(r.trials)} trials {told}", []).append(r.dataset)
    return lacking, [f"{several(where)}: {text}" for text, where in short.items()]


def several(names: Sequence[str]) -> str:
    """`a, b, c and 4 more`."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def paired(
    runs: Sequence[Runs],
    names: Sequence[str],
    baseline: str,
    missing: Missing,
    found: dict[str, list[str]],
) -> dict[str, tuple[Block, ...]]:
    """Strategy -> its blocks beside the baseline, on the datasets and trials that both have.

    With missing="impute" a dataset without any such trial is filled with the baseline's curves.
    """
    out = {}
    for name in (s for s in names if s != baseline):
        blocks = []
        for r in runs:
            shared = r.has(name) & r.has(baseline)
            if shared:
                blocks.append(r.block((baseline, name), shared, found))
            elif missing == "impute" and r.has(baseline):
                alone = r.block((baseline,), r.has(baseline), found)
                blocks.append(filled(alone, (baseline, name), baseline, {}))
        if blocks:
            out[name] = tuple(blocks)
    return out


def complete(
    runs: Sequence[Runs], names: Sequence[str], baseline: str
) -> tuple[tuple[str, ...], dict[str, frozenset[Any]]]:
    """The strategies of the joint blocks (baseline first), and their trials by dataset.

    The strategies are taken in the order of how much of the baseline's runs they share (each
    dataset weighs one), and as many of them as make strategies x shared datasets largest; two
    at least. So one that was run on little drops out rather than shrink all others.
    """
    own = [r for r in runs if r.has(baseline)]
    share = {
        s: sum(len(r.has(s) & r.has(baseline)) / len(r.has(baseline)) for r in own) for s in names
    }
    order = [s for s in names if s != baseline and share[s] > 0]
    order.sort(key=lambda s: -share[s])
    best: tuple[float, int] = (-1.0, 0)
    trials = {r.dataset: r.has(baseline) for r in own}
    for place, name in enumerate(order):
        trials = {r.dataset: trials[r.dataset] & r.has(name) for r in own}
        room = sum(len(trials[r.dataset]) / len(r.has(baseline)) for r in own)
        value = round((place + 2) * room, 9)
        if value >= best[0] and room > 0:
            best = (value, place + 1)
    members = set(order[: best[1]])
    kept = (baseline, *(s for s in names if s in members))
    shared = {r.dataset: frozenset.intersection(*(r.has(s) for s in kept)) for r in own}
    return kept, {d: t for d, t in shared.items() if t}


def joint(
    runs: Sequence[Runs], names: Sequence[str], baseline: str, found: dict[str, list[str]]
) -> tuple[tuple[str, ...], list[Block], list[str]]:
    """Strategies, complete blocks and what has to be said of them."""
    kept, trials = complete(runs, names, baseline)
    blocks = [r.block(kept, trials[r.dataset], found) for r in runs if r.dataset in trials]
    told = []
    out = [s for s in names if s not in kept]
    if out:
        told.append(
            f"not in ranks and all pairs, which need complete runs: {', '.join(out)} "
            "(compared with the baseline on what they have)"
        )
    others = [s for s in kept if s != baseline] or [baseline]
    most = {r.dataset: max(len(r.has(s) & r.has(baseline)) for s in others) for r in runs}
    lost = [d for d, n in most.items() if n and d not in trials]
    part = [d for d, t in trials.items() if len(t) < most[d]]
    if lost or part:
        some = f", with fewer trials on {several(part)}" if part else ""
        told.append(
            f"ranks and all pairs rest on the {len(blocks)} datasets that all of their strategies "
            f"share{some}"
        )
    return kept, blocks, told


def imputed(
    runs: Sequence[Runs], names: Sequence[str], baseline: str, found: dict[str, list[str]]
) -> list[Block]:
    """Blocks of all strategies on every dataset of the baseline, gaps filled.

    A strategy without runs on a dataset has the baseline's curves; one with too few trials for
    the dataset's complete block has the baseline's curves plus its mean difference in the
    trials it has.
    """
    out = []
    for r in (r for r in runs if r.has(baseline)):
        here = [s for s in names if r.has(s) & r.has(baseline)]
        kept, trials = complete([r], here, baseline) if len(here) > 1 else ((baseline,), {})
        block = r.block(kept, trials.get(r.dataset, r.has(baseline)), found)
        shifts = {s: shift(r, s, baseline, block.grid, found) for s in here if s not in kept}
        out.append(filled(block, names, baseline, shifts))
    return out


def shift(
    runs: Runs, name: str, baseline: str, grid: Floats, found: dict[str, list[str]]
) -> Floats:
    """(T,) mean difference to the baseline in the trials that both have, on a grid."""
    block = runs.block((baseline, name), runs.has(name) & runs.has(baseline), found)
    mean = (block.of(name) - block.of(baseline)).mean(axis=0)
    return np.asarray(np.interp(grid, block.grid, mean), dtype=np.float64)


def filled(
    block: Block, names: Sequence[str], baseline: str, shifts: Mapping[str, Floats]
) -> Block:
    """The block with all of `names`; those it lacks as the baseline, plus a shift if any."""
    lacking = frozenset(names) - frozenset(block.strategies)
    base = block.of(baseline)
    rows = [base + shifts.get(s, 0.0) if s in lacking else block.of(s) for s in names]
    return replace(
        block,
        strategies=tuple(names),
        scores=np.array(rows),
        imputed=lacking - frozenset(shifts),
    )


def refused(lacking: Sequence[str], notes: Sequence[str]) -> None:
    """Raise BadResults where anything is missing."""
    if lacking or notes:
        raise BadResults(
            "the results are not complete: " + "; ".join([*lacking, *notes]) + ". Compare what is "
            "there with missing='complete', or leave strategies out"
        )
