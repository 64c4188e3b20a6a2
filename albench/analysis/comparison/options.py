"""The rows of the tables that the options select."""

import numpy as np
import pandas as pd

from albench.analysis.comparison import words
from albench.analysis.comparison.alike import PICKS, codes
from albench.analysis.comparison.cells import FULL, NUMBERS, TEXT, as_text, tidy
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
        joined = beside(runs, rounds, options.metric)
    if "status" in runs.columns:
        notes += not_done(runs)
    frame = tidy(joined, options.metric, options.better)
    frame = _defined(frame, options, notes)
    for column, wanted in (("model", options.model), ("protocol", options.protocol)):
        if wanted is not None:
            known_values = sorted(frame[column].unique())
            frame = frame[frame[column] == wanted]
            if frame.empty:
                raise UnknownName(
                    f"no {column} {wanted!r} in the results: {', '.join(known_values)}"
                )
    if options.strategies is not None:
        keep = {*options.strategies, options.baseline, FULL}
        frame = frame[frame["strategy"].isin(keep)]
    names = sorted(set(frame["strategy"].unique()) - {FULL, *options.unranked})
    if options.baseline not in names:
        raise UnknownName(
            f"baseline {options.baseline!r} is not among the strategies with finished runs: "
            f"{', '.join(names) or 'none'}"
        )
    return frame, notes


NEEDED = (*TEXT, "trial", *NUMBERS, "n_classes", "seconds_query", PICKS, "labels", "round")
DUE = {"dataset", "strategy", "n_labeled"}


def beside(runs: pd.DataFrame, rounds: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rounds in the order of their finished runs, with what a comparison needs of both."""
    if "status" in runs.columns and (done := runs["status"].astype(str) == "done").any():
        runs = runs[done]
    if DUE - {*runs.columns, *rounds.columns}:
        extra = [c for c in rounds.columns if c == "run" or c not in runs.columns]
        return runs.merge(rounds[extra], on="run", how="inner")
    if isinstance(rounds["run"].dtype, pd.CategoricalDtype):
        code, names = codes(rounds["run"]), rounds["run"].cat.categories
    else:
        code, names = pd.factorize(rounds["run"])
    order = np.arange(len(code)) if (np.diff(code) >= 0).all() else np.argsort(code, kind="stable")
    ends = np.searchsorted(code[order], np.arange(-1, len(names)), side="right")
    of_run = pd.Index(names).get_indexer(runs["run"])
    # a run without rounds is none of the names
    first, last = ends[:-1][of_run], np.where(of_run < 0, ends[:-1][of_run], ends[1:][of_run])
    many = last - first
    left = np.repeat(np.arange(len(runs)), many)
    right = order[np.arange(len(left)) + np.repeat(first - np.cumsum(many) + many, many)]
    out = {}
    for column in dict.fromkeys([*NEEDED, metric]):
        if column in runs.columns:
            held = as_text(runs[column]) if column in TEXT else runs[column]
            out[column] = held.iloc[left].array
        elif column in rounds.columns:
            out[column] = rounds[column].iloc[right].array
    return pd.DataFrame(out)


def _defined(frame: pd.DataFrame, options: Options, notes: list[str]) -> pd.DataFrame:
    """The frame without models that the metric is not defined for."""
    known = frame.loc[frame["score"].notna(), "model"].unique()
    undefined = ~frame["model"].isin(known)
    models = sorted(frame.loc[undefined, "model"].unique())
    notes += [f"{options.metric} is undefined for {model}, which is left out" for model in models]
    if options.lower:
        notes.append(f"{options.metric} is negated, so that higher is better everywhere")
    return frame[~undefined] if undefined.any() else frame


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
