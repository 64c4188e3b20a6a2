"""The rows of the tables that the options select."""

import pandas as pd

from albench.analysis.comparison import words
from albench.analysis.comparison.cells import FULL, tidy
from albench.analysis.question import Options
from albench.core.errors import BadValue, UnknownName


def curves_frame(
    runs: pd.DataFrame, rounds: pd.DataFrame | None, options: Options
) -> tuple[pd.DataFrame, list[str]]:
    """The tidy frame that the options select, and what was left out."""
    notes: list[str] = []
    if rounds is None:
        joined = runs
    else:
        if "run" not in runs.columns or "run" not in rounds.columns:
            raise BadValue("runs and rounds are joined by their column 'run', which one lacks")
        if options.metric not in rounds.columns:
            known = ", ".join(map(str, rounds.columns))
            raise UnknownName(f"no metric {options.metric!r} in the results; columns: {known}")
        runs = _sized(runs, notes)
        extra = [c for c in rounds.columns if c == "run" or c not in runs.columns]
        joined = runs.merge(rounds[extra], on="run", how="inner")
    if "status" in runs.columns:
        notes += not_done(runs)
    frame = tidy(joined, options.metric, options.better)
    frame = _defined(frame, options, notes)
    for column, wanted in (("model", options.model), ("protocol", options.protocol)):
        if wanted is not None:
            known_values = sorted(set(frame[column]))
            frame = frame[frame[column] == wanted]
            if frame.empty:
                raise UnknownName(
                    f"no {column} {wanted!r} in the results: {', '.join(known_values)}"
                )
    if options.strategies is not None:
        keep = {*options.strategies, options.baseline, FULL}
        frame = frame[frame["strategy"].isin(keep)]
    names = sorted(set(frame["strategy"]) - {FULL, *options.unranked})
    if options.baseline not in names:
        raise UnknownName(
            f"baseline {options.baseline!r} is not among the strategies with finished runs: "
            f"{', '.join(names) or 'none'}"
        )
    return frame, notes


def _defined(frame: pd.DataFrame, options: Options, notes: list[str]) -> pd.DataFrame:
    """The frame without models that the metric is not defined for."""
    undefined = ~frame["score"].notna().groupby(frame["model"]).transform("any")
    models = sorted(set(frame.loc[undefined, "model"]))
    notes += [f"{options.metric} is undefined for {model}, which is left out" for model in models]
    if options.lower:
        notes.append(f"{options.metric} is negated, so that higher is better everywhere")
    return frame[~undefined]


def _sized(runs: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The runs, without sizes where the source fixes the test rows.

    The corrected t test is about redrawn splits; without sizes it is left out.
    """
    if "spec" not in runs.columns or "n_test" not in runs.columns:
        return runs
    fixed = runs["spec"].fillna("").astype(str).str.contains('"test":"source"', regex=False)
    if not fixed.any():
        return runs
    notes.append("no corrected t test where the source fixes the test rows")
    return runs.assign(n_test=runs["n_test"].astype(float).where(~fixed))


def not_done(runs: pd.DataFrame) -> list[str]:
    """A sentence per kind and reason of runs that did not end well."""
    other = runs[runs["status"].astype(str) != "done"].copy()
    if "reason" not in other.columns:
        other["reason"] = ""
    # of a traceback the last line says what was raised
    other["reason"] = [
        str(r).strip().splitlines()[-1] if isinstance(r, str) and r.strip() else ""
        for r in other["reason"]
    ]
    notes = []
    for (status, reason), part in other.groupby(["status", "reason"], sort=True):
        who = words.counted(sorted(set(part["strategy"].astype(str))), 6)
        why = f" ({reason})" if reason else ""
        notes.append(f"{len(part)} {status} runs are left out{why}: {who}")
    return notes
