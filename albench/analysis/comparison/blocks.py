"""The runs of one dataset, and the paired blocks and stacks that are made of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from albench.core.arrays import Floats
from albench.core.errors import BadResults

Curve = tuple[Floats, Floats]
"""Checkpoints and scores of one run."""


@dataclass(frozen=True)
class Block:
    """The paired curves of one dataset under one protocol and model.

    grid: (T,) labels or cost; scores: (K, J, T), higher = better, for K strategies and
    the J trials that all of them finished; full: (J,) score of the whole pool, NaN
    where it was not run; imputed: strategies filled with the baseline's curves; chance: the
    score that needs no features, NaN where it is not known; of_trials: how many trials any
    strategy of the dataset finished, of which J are here (0: not known).
    """

    dataset: str
    protocol: str
    model: str
    grid: Floats
    strategies: tuple[str, ...]
    trials: tuple[object, ...]
    scores: Floats
    full: Floats
    n_train: float = float("nan")
    n_test: float = float("nan")
    imputed: frozenset[str] = frozenset()
    chance: float = float("nan")
    of_trials: int = 0

    def of(self, strategy: str) -> Floats:
        """(J, T) curves of a strategy."""
        curves: Floats = self.scores[self.strategies.index(strategy)]
        return curves

    def only(self, strategies: Iterable[str]) -> "Block":
        """The block with these strategies, in this order."""
        kept = tuple(strategies)
        places = [self.strategies.index(s) for s in kept]
        return replace(
            self,
            strategies=kept,
            scores=self.scores[places],
            imputed=self.imputed & frozenset(kept),
        )


@dataclass(frozen=True)
class Stack:
    """All blocks of one protocol and model, and what had to be said on the way.

    blocks: the joint ones, of `strategies` (baseline first): what ranks and all pairs rest on.
    pairs: strategy -> its blocks beside the baseline, on all datasets and trials that both
    have; a gap of another strategy never touches them. It holds every strategy with any, also
    those that are not among the joint ones. alike: strategy -> those with the same picks in
    every common run, which are one competitor with it.
    """

    protocol: str
    model: str
    blocks: tuple[Block, ...]
    strategies: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())
    pairs: Mapping[str, tuple[Block, ...]] = field(default_factory=dict, repr=False)
    alike: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets of the joint blocks, in order."""
        return [b.dataset for b in self.blocks]

    @property
    def everyone(self) -> tuple[str, ...]:
        """All strategies, baseline first: the joint ones, then those with too many gaps."""
        return tuple(dict.fromkeys((*self.strategies, *self.pairs)))

    def beside(self, baseline: str, strategy: str) -> tuple[Block, ...]:
        """The blocks of a strategy and the baseline, on what both have."""
        if strategy in self.pairs:
            return self.pairs[strategy]
        return tuple(b.only(dict.fromkeys((baseline, strategy))) for b in self.blocks)

    def pair(self, baseline: str, strategy: str) -> "Stack":
        """The stack of the baseline and one strategy, on what both have."""
        blocks = self.beside(baseline, strategy)
        names = tuple(dict.fromkeys((baseline, strategy)))
        return replace(self, blocks=blocks, strategies=names, pairs={strategy: blocks})

    def all_blocks(self, baseline: str) -> tuple[Block, ...]:
        """One block of every dataset that any strategy shares with the baseline.

        Of a dataset that several pairs have, the one with most trials.
        """
        found: dict[str, Block] = {}
        for strategy in (s for s in self.everyone if s != baseline):
            for block in self.beside(baseline, strategy):
                kept = found.get(block.dataset)
                if kept is None or len(block.trials) > len(kept.trials):
                    found[block.dataset] = block
        return tuple(found.values()) or self.blocks


@dataclass(frozen=True)
class Runs:
    """The finished runs of one dataset, whatever each strategy has.

    curves: strategy -> trial -> checkpoints and scores, finite ones only; trials: those that
    any strategy began; full: trial -> score of the whole pool.
    """

    dataset: str
    protocol: str
    model: str
    curves: Mapping[str, Mapping[Any, Curve]]
    trials: tuple[Any, ...]
    full: Mapping[Any, float]
    n_train: float
    n_test: float
    chance: float

    def has(self, strategy: str) -> frozenset[Any]:
        """The trials of a strategy."""
        return frozenset(self.curves.get(strategy, {}))

    def block(
        self, names: Sequence[str], trials: Iterable[Any], found: dict[str, list[str]]
    ) -> Block:
        """The block of these strategies and trials; all must be there.

        found: what is said of the grid -> the datasets that it is said of.
        """
        chosen = sorted(trials)
        curves = [[self.curves[s][t] for t in chosen] for s in names]
        grid, scores = on_grid(self.dataset, tuple(names), curves, found)
        return Block(
            dataset=self.dataset,
            protocol=self.protocol,
            model=self.model,
            grid=grid,
            strategies=tuple(names),
            trials=tuple(chosen),
            scores=scores,
            full=np.array([self.full.get(t, np.nan) for t in chosen], dtype=np.float64),
            n_train=self.n_train,
            n_test=self.n_test,
            chance=self.chance,
            of_trials=len(self.trials),
        )


def on_grid(
    dataset: str,
    names: tuple[str, ...],
    curves: Sequence[Sequence[Curve]],
    found: dict[str, list[str]],
) -> tuple[Floats, Floats]:
    """(T,) and (K, J, T): as they are where all runs share their checkpoints, else linear."""
    flat = [x for row in curves for x, _ in row]
    if all(len(x) == len(flat[0]) and np.array_equal(x, flat[0]) for x in flat):
        return flat[0], np.array([[y for _, y in row] for row in curves])
    start, stop = max(x[0] for x in flat), min(x[-1] for x in flat)
    if stop < start:
        raise BadResults(f"{dataset}: the curves share no range of labels, so nothing is paired")
    grid = np.unique(np.concatenate([[start, stop], *flat]))
    grid = grid[(grid >= start) & (grid <= stop)]
    ends = {s: max(x[-1] for x, _ in row) for s, row in zip(names, curves, strict=True)}
    told = ", ".join(f"{s} {end:g}" for s, end in ends.items())
    text = "the checkpoints of runs differ; interpolated linearly"
    if len(set(ends.values())) > 1:
        text = f"unequal budgets ({told}); compared up to {stop:g}"
    if dataset not in found.setdefault(text, []):
        found[text].append(dataset)
    return grid, np.array([[np.interp(grid, x, y) for x, y in row] for row in curves])
