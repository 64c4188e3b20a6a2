"""The whole comparison: from the stored tables to frames, sentences and `stats.json`."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.comparison import across, cells, words
from albench.analysis.comparison.across import PAIRS_MIN
from albench.analysis.comparison.aggregate import aggregates, penalties
from albench.analysis.comparison.cells import Stack, stacks
from albench.analysis.comparison.options import curves_frame
from albench.analysis.comparison.paired import smallest_n
from albench.analysis.comparison.summaries import wide
from albench.analysis.comparison.typeset import (
    cell_caption,
    cell_latex,
    cell_table,
    foot_rows,
    headline_table,
    trials_text,
    within_table,
)
from albench.analysis.comparison.within import per_dataset
from albench.analysis.comparison.words import several, units
from albench.analysis.question import Options
from albench.core.display import Displayed, Sheet
from albench.core.errors import BadResults, UnknownName

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


def plain(value: Any) -> Any:
    """A number, text or truth value as JSON has it; undefined and infinite become None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None if value is pd.NaT or value is pd.NA else value


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One dict per row."""
    columns = [str(c) for c in frame.columns]
    rows = frame.itertuples(index=False, name=None)
    return [dict(zip(columns, map(plain, row), strict=True)) for row in rows]


def table(frame: pd.DataFrame, notes: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON form of every printed table: columns, rows, notes."""
    return {
        "columns": [str(c) for c in frame.columns],
        "rows": records(frame),
        "notes": list(notes),
    }


def families(design: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Which tests were adjusted together, per protocol and model; all are two-sided."""
    out = []
    for d in design:
        k, n, alpha = len(d["strategies"]), d["datasets"], d["alpha"]
        shared = {"protocol": d["protocol"], "model": d["model"], "alpha": alpha, "sides": 2}
        across = {"unit": "dataset", "n": n, "test": "Wilcoxon signed-rank, zeros split"}
        sizes = {"against": k - 1, "pairs": k * (k - 1) // 2}
        for name, tests in sizes.items():
            least = smallest_n(tests, alpha) if tests else 0
            least = max(least, PAIRS_MIN) if name == "pairs" else least
            out.append(
                {**shared, **across, "table": name, "tests": tests, "adjustment": "Holm"}
                | {"headline": name == "against", "needs": least}
            )
        out.append(
            {**shared, "table": "within", "unit": "trial", "n": d["trials_min"]}
            | {"test": "Wilcoxon signed-rank, zeros split; conditional on the dataset"}
            | {"tests": (k - 1) * len(d["dataset_names"]), "adjustment": "Holm", "headline": False}
            | {"needs": smallest_n((k - 1) * len(d["dataset_names"]), alpha)}
        )
    return out


def guards(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for every family that is too small for its level."""
    said = []
    for family in found:
        if family["tests"] and family["n"] < family["needs"]:
            where = ", ".join(x for x in (family["model"], family["protocol"]) if x)
            said.append(
                f"{family['table']}{f' ({where})' if where else ''}: cannot reach "
                f"{family['alpha']:g} with {several(family['n'], family['unit'])}; "
                f"{several(family['tests'], 'test')} need{'s' if family['tests'] == 1 else ''} "
                f"{family['needs']}"
            )
    return said


@dataclass(frozen=True, repr=False)
class Comparison(Displayed):
    """lines: the answer in words; tables: tidy frames, each with protocol and model;
    notes: what a reader must know; design: what was compared, per protocol and model;
    stacks: the paired arrays behind it; frame: the tidy curves that went in.

    Each table is an attribute, too: `against`, `pairs`, `within`, ..., see `table_of`."""

    options: Options
    lines: tuple[str, ...]
    tables: dict[str, pd.DataFrame]
    notes: tuple[str, ...]
    design: tuple[dict[str, Any], ...]
    stacks: tuple[Stack, ...] = field(repr=False)
    frame: pd.DataFrame = field(repr=False)

    def stats(self) -> dict[str, Any]:
        """The content of `stats.json`: design, families, tests, guards, answers, notes."""
        found = families(self.design)
        return {
            "design": list(self.design),
            "families": found,
            "tests": {name: records(frame) for name, frame in self.tables.items()},
            "guards": guards(found),
            "answers": list(self.lines),
            "notes": list(self.notes),
        }

    def json(self) -> str:
        """`stats` as JSON text; undefined numbers are null."""
        return json.dumps(self.stats(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @property
    def main(self) -> str:
        """The table that answers: against the baseline; of one dataset, that over its trials."""
        alone = all(d["datasets"] == len(d["dataset_names"]) == 1 for d in self.design)
        return "within" if alone else "against"

    def sheet(self) -> Sheet:
        """The answer and its table, for people."""
        frame = table_of(self, self.main)
        if self.main == "within" and "note" in frame.columns:
            frame = within_table(frame, self.options.alpha)
        if self.main == "against" and "verdict" in frame.columns:
            frame = headline_table(frame)
        return Sheet(lines=self.lines, frame=frame, notes=self.notes)

    def __getattr__(self, name: str) -> pd.DataFrame:
        # only for what is no field; while a copy is made there are no tables yet
        tables = self.__dict__.get("tables", {})
        if name in tables or (tables and name in DERIVED):
            return table_of(self, name)
        raise AttributeError(f"a comparison has no {name!r}; tables: {', '.join(tables)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.tables, *DERIVED]

    def __str__(self) -> str:
        return "\n".join(self.lines)


def compare(runs: pd.DataFrame, rounds: pd.DataFrame | None, options: Options) -> Comparison:
    """Compare all strategies with the baseline, and with each other.

    runs, rounds: the stored tables, joined by `run`; or, with `rounds` left out, one
    frame of curves from anywhere (columns dataset, strategy, trial, n_labeled and the
    metric). One comparison per protocol and model, never pooled. Raises a UsageError
    with the reason where nothing can be said at all. `albench.compare` asks the question
    of a suite.
    """
    frame, notes = curves_frame(runs, rounds, options)
    found = stacks(
        frame,
        options.baseline,
        missing=options.missing,
        unranked=options.unranked,
        axis=options.axis,
    )
    if not found:
        raise BadResults("only whole-pool runs and bounds are here: there is nothing to compare")
    notes += [f"{s.model}, {s.protocol}: {unpaired(s)}" for s in found if not s.blocks]
    if not any(s.blocks for s in found):
        raise BadResults(unpaired(found[0]))
    found = [s for s in found if s.blocks]
    several = len({stack.protocol for stack in found}) > 1
    parts = [_compared(stack, options, several) for stack in found]
    return _together(parts, notes, frame)


def _together(parts: list[Comparison], notes: list[str], frame: pd.DataFrame) -> Comparison:
    """The comparisons of all protocols and models as one."""
    names = dict.fromkeys(name for part in parts for name in part.tables)
    tables = {
        name: pd.concat([p.tables[name] for p in parts if name in p.tables], ignore_index=True)
        for name in names
    }
    return Comparison(
        options=parts[0].options,
        lines=tuple(line for part in parts for line in part.lines),
        tables=tables,
        notes=(*notes, *(note for part in parts for note in part.notes)),
        design=tuple(d for part in parts for d in part.design),
        stacks=tuple(stack for part in parts for stack in part.stacks),
        frame=frame,
    )


def unpaired(stack: Stack) -> str:
    """Why a stack without blocks allows no comparison."""
    return (
        "no dataset has trials that all strategies finished, so nothing is paired and no test is "
        f"possible ({words.counted(stack.notes)}). Leave strategies out, or use missing='impute'"
    )


def _compared(stack: Stack, options: Options, protocols: bool) -> Comparison:
    """One protocol and model; with several `protocols` its sentences name the protocol."""
    base = options.baseline
    if base not in stack.strategies:
        raise UnknownName(f"baseline {base!r} has no finished runs with {stack.model}")
    each = wide(stack, options.summary)
    table = cells.averaged(each, options.base)
    design = _design(stack, table, options)
    tables = _tables(stack, table, options) if len(stack.strategies) > 1 else {}
    for frame in tables.values():
        for column in ("model", "protocol"):
            if column not in frame.columns:
                frame.insert(0, column, getattr(stack, column))
    against = tables.get("against", pd.DataFrame())
    where = (stack.model, stack.protocol if protocols else "")
    named = [w for w in where if w]
    alone = bool(tables) and len(stack.blocks) == 1
    lines = [
        words.on_one(tables["within"], design, named)
        if alone
        else words.headline(against, design, named)
    ]
    if tables and not alone and against["holm_p"].isna().all():
        lines.append(words.conditional(tables["within"], design))
    lines += [line for line in (cells.opposed(each, base, options.base),) if line]
    remarks = (words.counted(stack.notes, 6), cells.note(each, options.base))
    notes = tuple(remark for remark in remarks if remark)
    return Comparison(options, tuple(lines), tables, notes, (design,), (stack,), pd.DataFrame())


def _tables(stack: Stack, table: pd.DataFrame, options: Options) -> dict[str, pd.DataFrame]:
    base, seed, alpha, summary = options.baseline, options.seed, options.alpha, options.summary
    against = _against(table, options)
    filled = [sum(s in b.imputed for b in stack.blocks) for s in against["strategy"]]
    against.insert(len(against.columns) - 1, "imputed", filled)
    return {
        "against": against,
        "pairs": across.pairs(table, alpha=alpha, seed=seed),
        "ranks": across.ranks(table).rename_axis("strategy").rename("rank").reset_index(),
        "omnibus": across.friedman(table).to_frame().T.reset_index(drop=True),
        "aggregates": aggregates(stack, base, summary=summary, base=options.base, seed=seed),
        "within": per_dataset(stack, base, summary=summary, alpha=alpha, seed=seed),
    }


def _against(table: pd.DataFrame, options: Options) -> pd.DataFrame:
    out = across.against(table, options.baseline, alpha=options.alpha, seed=options.seed)
    posterior = {
        s: across.signed_rank_rope(table, str(s), options.baseline, options.rope, options.seed)
        for s in out.index
    }
    # With fewer datasets than one test needs the prior, not the data, makes the posterior.
    told = len(table) >= smallest_n(1, options.alpha)
    for name in across.Rope._fields:
        column = [getattr(posterior[s], name) if told else nan for s in out.index]
        out.insert(len(out.columns) - 1, name, column)
    out = out.reset_index()
    out.insert(1, "verdict", [words.verdict(row, options.alpha) for _, row in out.iterrows()])
    order = {"better": 0, "equal": 1, "unclear": 1, "worse": 2}
    rank = out["verdict"].map(order)
    keyed = out.assign(_rank=rank, _size=-out["mean_difference"])
    return (
        keyed.sort_values(["_rank", "_size"], kind="stable")
        .drop(columns=["_rank", "_size"])
        .reset_index(drop=True)
    )


def _design(stack: Stack, table: pd.DataFrame, options: Options) -> dict[str, Any]:
    trials = [len(b.trials) for b in stack.blocks]
    pairing = json.dumps([[b.dataset, [str(t) for t in b.trials]] for b in stack.blocks])
    unit = {"aubc": "area under", "alc": "log area under", "end": "end"}[options.summary]
    return {
        "protocol": stack.protocol,
        "model": stack.model,
        "metric": options.metric,
        "better": options.better,
        "summary": options.summary,
        "axis": options.axis,
        "baseline": options.baseline,
        "strategies": list(stack.strategies),
        "unranked": sorted(options.unranked),
        "datasets": len(table),
        "dataset_names": stack.datasets,
        "merged": cells.merged(stack.datasets, options.base),
        "trials_min": min(trials),
        "trials_max": max(trials),
        "pairing": hashlib.sha256(pairing.encode()).hexdigest()[:16],
        "alpha": options.alpha,
        "rope": options.rope,
        "missing": options.missing,
        "imputed_cells": sum(len(b.imputed) for b in stack.blocks),
        "seed": options.seed,
        "measure": f"{unit} {options.metric}",
        "signed": f"{unit} {options.metric}" + (" (negated)" if options.lower else ""),
    }
