"""The page that `strategies_cost.py` writes: its tables, and what falls short of the targets."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

Record = dict[str, Any]
FIVE_TIMES = ("margin", "entropy", "least_confident", "kcenter", "badge")
LARGE = (50_000, 100)  # pool and batch at which k-center and BADGE have a limit
LIBRARIES = ("numpy", "scipy", "scikit-learn", "scikit-activeml")


def page(records: list[Record], about: dict[str, Any]) -> str:
    """The whole page in markdown."""
    cells = {(r["name"], r["pool"], r["batch"]): r for r in records}
    columns = sorted({(r["pool"], r["batch"]) for r in records})
    ours = [n for n in dict.fromkeys(r["name"] for r in records) if not n.startswith("ska:")]
    theirs = {n: f"ska:{t}" for n, t in about["theirs"].items()}
    lines = [*head(about), *costs(cells, columns, ours, theirs), *refusals(records)]
    lines += ["", "## Next to scikit-activeml", "", COMPARED, "", *titles(columns, ())]
    for name in [n for n in ours if n in theirs]:
        both = [(cells.get((name, *c)), cells.get((theirs[name], *c))) for c in columns]
        lines.append(f"| `{name}` | " + " | ".join(ratio(*pair) for pair in both) + " |")
    return "\n".join([*lines, *targets(cells, columns, ours, theirs), *REASONS]) + "\n"


COMPARED = (
    "How many times as long the library's query takes: the strategy alone, and (after the comma) "
    "with the scores of the query model, as each makes them. Empty where one of the two did not "
    "run."
)


REASONS = [
    "",
    "## Why a cell is empty or cut off",
    "",
    "- `ens`, `facility_location`, `graph_density`, `probcover`: the first query of a run measures "
    "all rows against all others, block by block; that takes time, not memory.",
    "- `eer_01`, `eer_log`, `greedy_oracle`, `beam_oracle`: a fit for each candidate (and class or "
    "pick); as many candidates as rows are asked for, if that is more.",
    "- `batch_bald`: the joint entropy of the batch over the whole pool, once per pick.",
    "- The library's EER and QUIRE are cut off at larger pools, so ours stand alone there; its "
    "ProbCover would need two matrices of all rows by all rows.",
    "- With scores, margins and entropies are nearer to the library at larger pools: both then "
    "spend most of their time on the probabilities of the query model.",
    "- `activelab` and the other strategies that choose whom to ask have three annotators, of whom "
    "two have answered for each row of the start. ActiveLab's refits, one a fold, are counted.",
    "- Not in the table, as no query of this kind can be put to them: `file_order`, which is told "
    "the places of rows in a file, and `recorded`, which replays the picks that a file holds.",
]


def head(about: dict[str, Any]) -> list[str]:
    """What was measured, where and how."""
    info = Path("/proc/cpuinfo").read_text().split("\n")
    cpu = next((x for x in info if "model name" in x), "").split(": ")[-1]
    used = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return [
        "# What a query costs beyond the fit",
        "",
        f"Milliseconds of {about['clock']} on one core ({cpu}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[2]:.1f}; Python {platform.python_version()}, {used}), "
        f"d = {about['features']}, k = {about['classes']}, {about['labeled']} labels at the first "
        "query. Medians over the later queries of a run; in brackets the first query, where what "
        "is computed once per run makes it much longer. Neither the fit of the query model nor "
        "its scores are counted, nor the fits of a committee; the refits of expected error (20 "
        f"candidates) are. Lines in italics: scikit-activeml, in turn with ours. `> "
        f"{about['limit']} s` (three times that for the library): one query takes longer, or did "
        "with a smaller pool or batch. "
        "`refused`: would need more memory than is allowed, see below. The last column is the "
        "memory in MB added at the largest pool and batch that ran. Written by "
        "`strategies_cost.py` in one run; its head says what is counted.",
        "",
    ]


def titles(columns: list[tuple[int, int]], more: tuple[str, ...]) -> list[str]:
    """Head and rule of a table."""
    names = ["strategy", *(f"pool {pool:,}, batch {batch}" for pool, batch in columns), *more]
    return ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]


def costs(
    cells: dict[Any, Record], columns: list[Any], ours: list[str], theirs: dict[str, str]
) -> list[str]:
    """One line for each strategy, the library's below it."""
    lines = titles(columns, ("MB",))
    for name in ours:
        for line in (name, theirs.get(name)):
            row = [cells.get((line, *column)) for column in columns]
            if any(row):
                ran = [r["mb"] for r in row if r and "mb" in r]
                label = f"*{line}*" if line != name else f"`{line}`"
                memory = f"{ran[-1]:.0f}" if ran else ""
                lines.append(f"| {label} | {' | '.join(map(shown, row))} | {memory} |")
    return lines


def shown(found: Record | None) -> str:
    """One cell: the next query, and the first where it takes much longer."""
    if found is None:
        return ""
    if "refused" in found:
        return found["refused"] if found["refused"].startswith(">") else "refused"
    first = f" (first {number(found['first'])})" if found["first"] > 3 * found["next"] + 1 else ""
    return number(found["next"]) + first


def number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def refusals(records: list[Record]) -> list[str]:
    """Why a cell says `refused`."""
    refused = {(r["name"], r["refused"]) for r in records if r.get("refused", ">")[0] != ">"}
    lines = ["", "Refused:", ""] if refused else []
    return lines + [f"- `{name}`: {why}" for name, why in sorted(refused)]


def times(ours: Record | None, theirs: Record | None) -> tuple[float, float] | None:
    """Their time over ours, alone and with scores; None where one of the two did not run."""
    if not ours or not theirs or "refused" in ours or "refused" in theirs:
        return None
    alone, scored = (theirs[key] / max(ours[key], 1e-9) for key in ("next", "scored"))
    return alone, scored


def ratio(ours: Record | None, theirs: Record | None) -> str:
    """Their time over ours as a cell."""
    found = times(ours, theirs)
    if found is None:
        return ""
    return f"{found[0]:.3g}" if found[0] == found[1] else f"{found[0]:.3g}, {found[1]:.3g}"


def targets(
    cells: dict[Any, Record], columns: list[Any], ours: list[str], theirs: dict[str, str]
) -> list[str]:
    """Each target with what was measured against it."""
    compared = {
        (name, *column): found
        for name in ours
        for column in columns
        if name in theirs
        and (found := times(cells.get((name, *column)), cells.get((theirs[name], *column))))
    }
    slower = [
        f"`{n}` at pool {p:,}, batch {b} ({alone:.2g})"
        for (n, p, b), (alone, _) in compared.items()
        if alone < 1.0
    ]
    fast = [
        f"`{n}` batch {b}: {alone:.3g} alone, {scored:.3g} with scores"
        for (n, p, b), (alone, scored) in compared.items()
        if n in FIVE_TIMES and p == 500
    ]
    large = [
        f"`{n}` {found['first'] / 1e3:.2g} s (first query), {found['mb']:.0f} MB"
        for n in ("kcenter", "badge")
        if (found := cells.get((n, *LARGE), {})) and "mb" in found
    ]
    return [
        "",
        "## Targets",
        "",
        f"- No slower than scikit-activeml: of {len(compared)} cells in which both ran, slower in "
        f"{len(slower)}{': ' + '; '.join(slower) if slower else ''}.",
        f"- Five times faster at pool 500: {'; '.join(fast)}.",
        f"- Pool {LARGE[0]:,}, batch {LARGE[1]}, below 2 s and 1 GB: {'; '.join(large)}.",
    ]
