"""The tables of a comparison by name, and their captions."""

from typing import TYPE_CHECKING

import pandas as pd

from albench.analysis.overall import penalties
from albench.analysis.typeset import cell_caption, cell_latex, cell_table, foot_rows, trials_text
from albench.analysis.words import units
from albench.errors import UnknownName

if TYPE_CHECKING:
    from albench.analysis.comparison import Comparison

DERIVED = ("datasets", "penalties")


def table_of(found: "Comparison", name: str) -> pd.DataFrame:
    """A table of the comparison: one of its own, `datasets` or `penalties`.

    datasets: mean per cell with the half width of its interval and its mark;
    penalties: the pairwise penalty matrix, a description and no test. Raises
    UnknownName.
    """
    if name in found.tables:
        return found.tables[name]
    if name not in DERIVED:
        if len(found.stacks[0].strategies) < 2:
            return pd.DataFrame({"strategy": found.stacks[0].strategies})
        raise UnknownName(f"no table {name!r}: {', '.join((*found.tables, *DERIVED))}")
    options, parts = found.options, []
    for stack in found.stacks:
        if name == "datasets":
            part = cell_table(stack, summary=options.summary, alpha=options.alpha)
        else:
            part = penalties(stack, options.baseline, options.alpha)
            part = part.rename_axis("strategy").reset_index()
        part.insert(0, "model", stack.model)
        part.insert(0, "protocol", stack.protocol)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def dataset_tables(found: "Comparison") -> list[str]:
    """LaTeX tables of datasets x strategies, one per protocol and model."""
    options, out = found.options, []
    for stack, design in zip(found.stacks, found.design, strict=True):
        cells = cell_table(stack, summary=options.summary, alpha=options.alpha)
        foot = foot_rows(stack, options.baseline, options.summary, options.base)
        caption = cell_caption(stack, design, options.baseline, options.alpha)
        out.append(cell_latex(cells, foot, caption, options.baseline, options.better))
    return out


def headline_caption(found: "Comparison") -> str:
    """What must stand beside the table against the baseline in print."""
    options, design = found.options, found.design[0]
    trials = trials_text([b for s in found.stacks for b in s.blocks])
    return (
        f"Each strategy against {options.baseline}: mean paired difference in {design['signed']} "
        f"over {units(design)}, {trials} trials each, with its 95 % t interval; "
        "datasets won/tied/lost; two-sided Wilcoxon signed-rank p, raw and after Holm; matched "
        "rank-biserial correlation; Bayesian signed-rank probability of better and of practically "
        f"equal (within {options.rope:g}); difference detectable with 80 % power."
    )
