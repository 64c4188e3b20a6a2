"""What `albench curves` shows: summaries and labels to target, for people and machines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from albench.analysis.cells import stacks
from albench.analysis.efficiency import TARGETS, Target, label_table
from albench.analysis.selection import Options, curves_frame
from albench.analysis.summaries import summarise
from albench.errors import BadResults


@dataclass(frozen=True)
class CurveTables:
    """summary: one row per cell; labels: one row per cell and target; notes."""

    summary: pd.DataFrame
    labels: pd.DataFrame
    notes: tuple[str, ...]


def curve_tables(
    runs: pd.DataFrame,
    rounds: pd.DataFrame | None,
    options: Options,
    *,
    targets: Sequence[Target] = (),
    checkpoints: Sequence[float] = (0.1, 0.25, 0.5),
) -> CurveTables:
    """Summaries of all protocols and models; bounds are among them, marked so.

    Raises a UsageError with the reason where there is nothing to sum up.
    """
    frame, notes = curves_frame(runs, rounds, options)
    lower = options.better == "lower"
    summary, labels = [], []
    for stack in stacks(frame, options.baseline, missing=options.missing, axis=options.axis):
        notes += stack.notes
        if not stack.blocks:
            continue
        summary.append(summarise(stack, options.baseline, checkpoints, options.seed))
        labels.append(
            label_table(stack, options.baseline, targets or TARGETS, lower=lower, seed=options.seed)
        )
    if not summary:
        raise BadResults("no dataset has trials that all strategies finished: " + "; ".join(notes))
    table = pd.concat(summary, ignore_index=True)
    bound = table["strategy"].isin(set(options.unranked))
    comma = table["flag"].where(table["flag"] == "", table["flag"] + ", ")
    table["flag"] = table["flag"].where(~bound, comma + "bound, not ranked")
    if not np.isfinite(table["full"]).any():
        notes.append("no whole-pool runs: normalised gain, deficiency and gap targets are null")
    return CurveTables(table, pd.concat(labels, ignore_index=True), tuple(dict.fromkeys(notes)))


def for_people(found: CurveTables, table: str) -> pd.DataFrame:
    """The recommended columns as text: intervals in brackets, bounds as bounds."""
    return _labels(found.labels) if table == "labels" else _summary(found)


def _summary(found: CurveTables) -> pd.DataFrame:
    s = found.summary
    out = s[[*_keys(s), "strategy", "trials"]].copy()
    out["area"] = _with_interval(s, "aubc", "aubc_low", "aubc_high", "{:.3f}")
    out["gain"] = _with_interval(s, "gain", "gain_low", "gain_high", "{:+.3f}")
    out["norm. gain"] = _with_interval(s, "normalised_gain", "ng_low", "ng_high", "{:+.2f}")
    out["end"] = [_number(x, "{:.3f}") for x in s["end"]]
    if not found.labels.empty:
        first = found.labels["target"].iloc[0]
        part = found.labels[found.labels["target"] == first]
        key = ["protocol", "model", "dataset", "strategy"]
        text = _labels(part).set_axis(part.index)
        told = part[key].assign(
            labels=text["median"] + " (" + text["reached"] + ")", use=text["use"]
        )
        merged = s[key].merge(told, on=key, how="left").fillna("-")
        out[f"labels to {first}"] = merged["labels"].to_numpy()
        out["utilisation"] = merged["use"].to_numpy()
    out["harm"] = [_number(x, "{:.2f}") for x in s["harm_rate"]]
    out["stability"] = [_number(x, "{:.2f}") for x in s["stability"]]
    out["worst"] = [_number(x, "{:+.3f}") for x in s["worst_loss"]]
    if (s["flag"] != "").any():
        out["flag"] = s["flag"]
    return out


def _labels(labels: pd.DataFrame) -> pd.DataFrame:
    if labels.empty:
        return labels
    out = labels[[*_keys(labels), "target", "strategy"]].copy()
    out["score"] = [_number(x, "{:.3f}") for x in labels["value"]]
    out["reached"] = [f"{r}/{t}" for r, t in zip(labels["reached"], labels["trials"], strict=True)]
    out["95 % of share"] = _interval(labels, "share_low", "share_high", "{:.2f}")
    out["median"] = [
        _number(m, "{:.0f}", f"> {b:.0f}")
        for m, b in zip(labels["median"], labels["budget"], strict=True)
    ]
    out["restricted mean"] = [_number(x, "{:.1f}") for x in labels["restricted_mean"]]
    for name, title in (("utilisation", "use"), ("saving", "saving")):
        pairs = zip(labels[f"{name}_sign"], labels[name], strict=True)
        out[title] = [
            f"{'' if sign == '=' else sign + ' '}{x:.2f}" if sign else "-" for sign, x in pairs
        ]
    out["labels fewer"] = _with_interval(labels, "fewer", "fewer_low", "fewer_high", "{:+.1f}")
    return out


def _keys(frame: pd.DataFrame) -> list[str]:
    """The key columns that tell rows apart."""
    several = [c for c in ("protocol", "model") if frame[c].nunique() > 1]
    return [*several, "dataset"]


def _number(x: float, form: str, otherwise: str = "-") -> str:
    return form.format(x) if np.isfinite(x) else otherwise


def _interval(frame: pd.DataFrame, low: str, high: str, form: str) -> list[str]:
    pairs = zip(frame[low], frame[high], strict=True)
    return [
        f"[{form.format(a)}, {form.format(b)}]" if np.isfinite(a) and np.isfinite(b) else ""
        for a, b in pairs
    ]


def _with_interval(frame: pd.DataFrame, value: str, low: str, high: str, form: str) -> list[str]:
    values = [_number(x, form) for x in frame[value]]
    return [
        f"{x} {i}".strip() for x, i in zip(values, _interval(frame, low, high, form), strict=True)
    ]


def caption(options: Options, table: str) -> str:
    """What must stand beside these tables in print."""
    base = options.baseline
    if table == "labels":
        return (
            f"Labels to target in {options.metric}, held for two checkpoints. Reached: trials that "
            "did, with the Wilson 95 % interval of their share; median: Kaplan-Meier, '>' where it "
            f"lies beyond the budget; use: our median over that of {base}, with bounds where one "
            f"is censored; labels fewer: saved per trial up to the budget, paired, 95 % bootstrap."
        )
    return (
        f"Learning curves in {options.metric}: area under the curve and paired gain over {base} "
        "with 95 % t intervals over trials, normalised gain (whole pool = 1) with a bootstrap "
        f"interval, share of checkpoints below {base} (harm), stability, and worst paired loss."
    )
