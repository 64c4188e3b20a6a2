"""Which model with which strategy is best, where a suite runs several models."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from albench.analysis.cells import Stack
from albench.analysis.summaries import wide
from albench.analysis.variants import averaged
from albench.analysis.words import counted, several

if TYPE_CHECKING:
    from albench.analysis.comparison import Comparison


def best_of_models(comparison: "Comparison") -> list[str]:
    """One sentence for each protocol under which several models were run.

    The best strategy of each model by its mean over the datasets that all models have, those
    left out that were not run on all of a model's datasets; the recommendations of single models
    say nothing of each other.
    """
    protocols = dict.fromkeys(stack.protocol for stack in comparison.stacks)
    stacks = {p: [s for s in comparison.stacks if s.protocol == p] for p in protocols}
    return [line for p, of in stacks.items() if len(of) > 1 for line in told(comparison, p, of)]


def told(comparison: "Comparison", protocol: str, stacks: list[Stack]) -> Iterator[str]:
    """The sentence of one protocol."""
    options = comparison.options
    shared = [d for d in stacks[0].datasets if all(d in s.datasets for s in stacks)]
    if not shared:
        return
    found, n = [], 0
    for stack in stacks:
        table = averaged(wide(stack, options.summary).loc[shared], options.base)
        filled = {s for block in stack.blocks for s in block.imputed}
        means, n = table.drop(columns=list(filled)).mean(), len(table)
        found.append((float(means.max()), stack.model, str(means.idxmax())))
    found.sort(key=lambda row: -row[0])
    sign = -1 if options.better == "lower" else 1
    cells = [f"{model} with {strategy} {sign * mean:.3f}" for mean, model, strategy in found]
    measure = comparison.design[comparison.stacks.index(stacks[0])]["measure"]
    where = f" under {protocol}" if protocol and len(comparison.stacks) > len(stacks) else ""
    yield (
        f"Of all models and strategies{where}, {cells[0]} is best by the mean {measure} over "
        f"{several(n, 'dataset')}; then "
        f"{counted(cells[1:])}. Means, no test: the strategy named for a model is the one to use "
        "with that model, not a reason to choose the model."
    )
