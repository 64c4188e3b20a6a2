"""The whole comparison: from the stored tables to frames, sentences and `stats.json`."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.comparison import (
    across,
    cells,
    chance,
    control,
    hierarchical,
    ratings,
    room,
    scopes,
    shares,
    words,
)
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
from albench.analysis.question import ROPE, Options, rope_of
from albench.core.display import Displayed, Sheet
from albench.core.errors import BadResults, UnknownName

DERIVED = ("datasets", "penalties", "hierarchical")


def table_of(found: "Comparison", name: str) -> pd.DataFrame:
    """A table of the comparison: one of its own, or one of `DERIVED`, made when it is asked for.

    datasets: mean per cell with the half width of its interval and its mark;
    penalties: the pairwise penalty matrix, a description and no test; hierarchical: the
    sensitivity check of that name. Raises UnknownName.
    """
    if name in found.tables:
        return found.tables[name]
    if name == "everywhere" and found.tables:
        return found.tables["against"]
    if name not in DERIVED:
        if len(found.stacks[0].strategies) < 2:
            return pd.DataFrame({"strategy": found.stacks[0].strategies})
        raise UnknownName(f"no table {name!r}: {', '.join((*found.tables, *DERIVED))}")
    options = found.options
    parts: list[pd.DataFrame] = []
    for stack, design in zip(found.stacks, found.design, strict=True):
        if name == "datasets":
            part = cell_table(stack, summary=options.summary, alpha=options.alpha)
        elif name == "hierarchical":
            part = hierarchical.table(stack, options, design["left_out"])
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
    trials = trials_text([b for s in found.stacks for b in s.all_blocks(options.baseline)])
    return (
        f"Each strategy against {options.baseline}: mean paired difference in {design['signed']} "
        f"over {units(design)}, {trials} trials each, with its 95 % t interval; pseudo-median "
        "with the exact 95 % interval of the signed ranks; datasets won/tied/lost; datasets within "
        f"{options.rope:g} by shrunken estimates; two-sided exact Wilcoxon signed-rank p, raw and "
        "after Holm; matched rank-biserial correlation; Bayesian signed-rank probability of better "
        "and of practically "
        f"equal (within {options.rope:g}); difference detectable with 80 % power, the spread over "
        "datasets being an estimate."
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
        k, joint, alpha = len(d["strategies"]), len(d["joint"]), d["alpha"]
        shared = {"protocol": d["protocol"], "model": d["model"], "alpha": alpha, "sides": 2}
        across = {"unit": "dataset", "test": "exact Wilcoxon signed-rank, zeros split"}
        sizes = {
            "against": (d["tests"], d["datasets"]),
            "pairs": (joint * (joint - 1) // 2, len(d["joint_datasets"])),
        }
        for name, (tests, n) in sizes.items():
            least = smallest_n(tests, alpha) if tests else 0
            least = max(least, PAIRS_MIN) if name == "pairs" else least
            out.append(
                {**shared, **across, "n": n, "table": name, "tests": tests, "adjustment": "Holm"}
                | {"headline": name == "against", "needs": least}
            )
        cells = (k - 1) * len(d["dataset_names"])
        out.append(
            {**shared, "table": "within", "unit": "trial", "n": d["trials_min"]}
            | {"test": "exact Wilcoxon signed-rank, zeros split; conditional on the dataset"}
            | {"tests": cells, "adjustment": "Holm", "headline": False}
            | {"needs": smallest_n(cells, alpha)}
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

    def stamp(self, changed: Sequence[str] | None = None) -> dict[str, Any]:
        """What was fixed, and what of it was changed after the first run.

        changed: the names of what was changed; None: not known.
        """
        return {
            "primary_metric": self.options.metric,
            "better": self.options.better,
            "summary": self.options.summary,
            "baseline": self.options.baseline,
            "rope": self.options.rope,
            "alpha": self.options.alpha,
            "families": [
                {key: f[key] for key in ("protocol", "model", "table", "tests", "adjustment")}
                for f in families(self.design)
            ],
            "learnable_from": chance.LEARNABLE,
            "head_room_from": chance.ROPES * (self.options.rope or ROPE),
            "changed_after_first_run": None if changed is None else list(changed),
        }

    def stats(self, changed: Sequence[str] | None = None) -> dict[str, Any]:
        """The content of `stats.json`: stamp, design, families, tests, guards, answers, notes.

        changed: see `stamp`.
        """
        found = families(self.design)
        return {
            "stamp": self.stamp(changed),
            "design": list(self.design),
            "families": found,
            "tests": {name: records(frame) for name, frame in self.tables.items()},
            "guards": guards(found),
            "answers": list(self.lines),
            "notes": list(self.notes),
        }

    def json(self, changed: Sequence[str] | None = None) -> str:
        """`stats` as JSON text; undefined numbers are null."""
        found = self.stats(changed)
        return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

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
    options = replace(options, rope=rope_of(options.rope, options.metric, *_range(frame, options)))
    found = stacks(
        frame,
        options.baseline,
        missing=options.missing,
        unranked=options.unranked,
        unranked_models=options.unranked_models,
        axis=options.axis,
    )
    notes += [
        f"{model}: a bound, which looks at the test set; its curves are shown, and nothing is "
        "compared"
        for model in sorted(set(options.unranked_models) & set(frame["model"]))
    ]
    if not found:
        raise BadResults("only whole-pool runs and bounds are here: there is nothing to compare")
    notes += [f"{s.model}, {s.protocol}: {unpaired(s, options)}" for s in found if not s.blocks]
    if not any(s.blocks for s in found):
        if not any(options.baseline in s.strategies for s in found):
            raise UnknownName(unpaired(found[0], options))
        raise BadResults(unpaired(found[0], options))
    found = [s for s in found if s.blocks]
    several = len({stack.protocol for stack in found}) > 1
    parts = [_compared(stack, options, several) for stack in found]
    return _together(parts, notes, frame)


def _range(frame: pd.DataFrame, options: Options) -> tuple[float, float]:
    """Lowest and highest value of the metric, in its own direction."""
    values = (-1 if options.lower else 1) * frame["score"]
    return float(values.min()), float(values.max())


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of the tables; an empty one, whose columns have no type yet, gives none."""
    return pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)


def _together(parts: list[Comparison], notes: list[str], frame: pd.DataFrame) -> Comparison:
    """The comparisons of all protocols and models as one."""
    names = dict.fromkeys(name for part in parts for name in part.tables)
    tables = {name: _stacked([p.tables[name] for p in parts if name in p.tables]) for name in names}
    return Comparison(
        options=parts[0].options,
        lines=(
            *(line for part in parts for line in part.lines),
            *([told] if (told := words.families([d for p in parts for d in p.design])) else []),
        ),
        tables=tables,
        notes=(*notes, *(note for part in parts for note in part.notes)),
        design=tuple(d for part in parts for d in part.design),
        stacks=tuple(stack for part in parts for stack in part.stacks),
        frame=frame,
    )


def unpaired(stack: Stack, options: Options) -> str:
    """Why a stack without blocks allows no comparison."""
    if options.baseline not in stack.strategies:
        return f"baseline {options.baseline!r} has no finished runs with {stack.model}"
    return (
        f"no strategy shares a finished trial with {options.baseline}, so nothing is paired and no "
        f"test is possible ({words.counted(stack.notes)}). Leave strategies out, or use "
        "missing='impute'"
    )


def _compared(stack: Stack, options: Options, protocols: bool) -> Comparison:
    """One protocol and model; with several `protocols` its sentences name the protocol."""
    base, rope = options.baseline, options.rope
    assert rope is not None
    everywhere = stack.all_blocks(base)
    found = room.rooms(everywhere, base, options.summary, rope)
    left_out = room.unlearnable(found)
    tables = _tables(stack, options, found) if len(stack.everyone) > 1 else {}
    design = _design(stack, options, left_out, tables)
    for frame in tables.values():
        for column in ("model", "protocol"):
            if column not in frame.columns:
                frame.insert(0, column, getattr(stack, column))
    _project(stack, options, design, tables)
    named = [w for w in (stack.model, stack.protocol if protocols else "") if w]
    lines = _lines(tables, design, named)
    if told := shares.deciding(tables.get("undecided", pd.DataFrame()), named):
        lines.append(told)
    if "everywhere" in tables:
        lines.append(words.changed(tables["against"], tables["everywhere"], found))
    each = _per_dataset_means(stack, options)
    lines += [line for line in (cells.opposed(each, base, options.base),) if line]
    remarks = (words.counted(stack.notes, 6), cells.note(each, options.base))
    notes = tuple(remark for remark in remarks if remark)
    return Comparison(options, tuple(lines), tables, notes, (design,), (stack,), pd.DataFrame())


def _project(
    stack: Stack, options: Options, design: Mapping[str, Any], tables: dict[str, pd.DataFrame]
) -> None:
    """Add the tables shares, undecided and scopes: where variance lies and what would decide."""
    base, summary, rope = options.baseline, options.summary, options.rope or ROPE
    if not tables:
        return
    names = ["scopes"]
    tables["scopes"] = scopes.scopes(stack, base, summary=summary, rope=rope)
    if len(design["dataset_names"]) > 1:
        found = shares.shares(stack, base, summary, design["left_out"])
        tables["shares"] = shares.table(found)
        tables["undecided"] = shares.undecided(
            tables["against"], found, rope=rope, tests=design["tests"], alpha=options.alpha
        )
        names += ["shares", "undecided"]
    for name in names:
        for column in ("model", "protocol"):
            tables[name].insert(0, column, getattr(stack, column))


def _lines(
    tables: Mapping[str, pd.DataFrame], design: dict[str, Any], named: Sequence[str]
) -> list[str]:
    """The answer: over datasets, or on the only one; then what holds on those at hand."""
    against = tables.get("against", pd.DataFrame())
    if tables and len(design["dataset_names"]) == 1:
        told = scopes.beyond_rows(tables["scopes"], design["dataset_names"][0])
        return [words.on_one(tables["within"], design, named), *([told] if told else [])]
    lines = [words.headline(against, design, named)]
    if tables and against["holm_p"].isna().all():
        lines.append(words.conditional(tables["within"], design))
    return lines + ([told] if (told := words.harm(against, design, named)) else [])


def _per_dataset_means(stack: Stack, options: Options) -> pd.DataFrame:
    """Datasets x strategies: mean difference to the baseline, NaN where one was not run."""
    cell = control.per_cell(stack, options.baseline, options.summary)
    wide_ = cell.pivot(index="dataset", columns="strategy", values="difference")
    order = [s for s in stack.everyone if s in wide_.columns]
    out = wide_.reindex(index=list(dict.fromkeys(cell["dataset"])), columns=order)
    out.insert(0, options.baseline, 0.0)
    return out if len(cell) else wide(stack, options.summary)


def _tables(stack: Stack, options: Options, rooms: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """All tables of one protocol and model.

    rooms: as `room.rooms`; where its rules concern any dataset, the table `everywhere` has the
    comparison without them.
    """
    base, seed, alpha, summary = options.baseline, options.seed, options.alpha, options.summary
    against, left_out = control.table(stack, options, rooms), room.unlearnable(rooms)
    if (rooms["room"] == chance.NOTHING).all():
        against["verdict"] = "no room"
    each = wide(stack, summary)
    kept = each.loc[[d for d in each.index if d not in left_out]]
    tables = {"against": against}
    if len(kept) and len(stack.strategies) > 1:
        table = cells.averaged(kept, options.base)
        tables |= {
            "pairs": across.pairs(table, alpha=alpha, seed=seed),
            "ranks": across.rank_intervals(table, seed).rename_axis("strategy").reset_index(),
            "omnibus": across.friedman(table).to_frame().T.reset_index(drop=True),
            "ratings": ratings.ratings(table, base, lower=options.lower, seed=seed),
        }
    tables["aggregates"] = aggregates(stack, base, summary=summary, base=options.base, seed=seed)
    tables["within"] = per_dataset(
        stack, base, summary=summary, alpha=alpha, rope=options.rope or ROPE, seed=seed
    )
    if (rooms["room"] != "").any():
        tables["everywhere"] = control.table(stack, options)
    tables["room"] = rooms.reset_index()
    return tables


def _design(
    stack: Stack,
    options: Options,
    left_out: Sequence[str],
    tables: Mapping[str, pd.DataFrame],
) -> dict[str, Any]:
    """What was compared with what."""
    everywhere = stack.all_blocks(options.baseline)
    kept = [b for b in everywhere if b.dataset not in left_out]
    against = tables.get("against", pd.DataFrame())
    trials = [len(b.trials) for b in kept]
    pairing = json.dumps([[b.dataset, [str(t) for t in b.trials]] for b in kept])
    unit = {"aubc": "area under", "alc": "log area under", "end": "end"}[options.summary]
    names = [b.dataset for b in kept]
    return {
        "protocol": stack.protocol,
        "model": stack.model,
        "metric": options.metric,
        "better": options.better,
        "summary": options.summary,
        "axis": options.axis,
        "baseline": options.baseline,
        "strategies": list(stack.everyone),
        "joint": list(stack.strategies),
        "joint_datasets": [d for d in stack.datasets if d not in left_out],
        "alike": {name: list(others) for name, others in stack.alike.items()},
        "unranked": sorted(options.unranked),
        "datasets": len({(options.base or {}).get(d, d) for d in names}),
        "dataset_names": names,
        "left_out": list(left_out),
        "merged": cells.merged(names, options.base),
        "tests": 0 if against.empty else int(against["wilcoxon_p"].notna().sum()) or len(against),
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
