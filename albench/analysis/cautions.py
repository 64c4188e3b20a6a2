"""What a recommendation must add where a suite has a rare class or an oracle that errs.

Rules: a difference in positives found counts where its 95 % interval over trials leaves
zero out; an attraction to wrong labels where the interval of the affinity leaves one out.
Under uniform flips no strategy can be drawn to wrong labels, so nothing is claimed there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from albench.analysis.against import sure
from albench.analysis.words import counted


@dataclass(frozen=True)
class Observed:
    """What the bought rows show.

    found     positives found on datasets with a rare class, at the end, one row per cell, as
              `against.over_trials` gives them (measure `found`)
    affinity  as `noise.affinity` gives it, datasets with wrong labels only
    oracles   (dataset, protocol) -> name of its oracle
    trials    how many trials both rest on
    """

    found: pd.DataFrame
    affinity: pd.DataFrame
    oracles: Mapping[tuple[str, str], str]
    trials: int


def cautions(seen: Observed, place: tuple[str, str], name: str, base: str) -> Iterator[str]:
    """The sentences for one protocol and model. name: what is recommended, maybe the baseline."""
    found, wrong = at(seen.found, place), at(seen.affinity, place)
    reach = f"(first {seen.trials} trials)" if seen.trials > 1 else "(one trial)"
    if len(found):
        yield from on_rare(found, name, base, reach)
    if len(wrong):
        yield from on_wrong(wrong, seen.oracles, name, reach)


def at(frame: pd.DataFrame, place: tuple[str, str]) -> pd.DataFrame:
    """The rows of a protocol and model."""
    if frame.empty:
        return frame
    protocol, model = place
    return frame[(frame["protocol"] == protocol) & (frame["model"] == model)]


def on_rare(found: pd.DataFrame, name: str, base: str, reach: str) -> Iterator[str]:
    """Whether it finds more of the rare class, or what does where the baseline is kept."""
    of = found["dataset"].nunique()
    own = found[found["strategy"] == name]
    if name == base:
        better = {
            str(strategy): told(rows, 1)
            for strategy, rows in found[found["strategy"] != base].groupby("strategy", sort=False)
            if told(rows, 1) and not told(rows, -1)
        }
        most = sorted(better, key=lambda s: -len(better[s]))[:3]
        said = [f"{s} on {len(better[s])} of {of} ({counted(better[s], 3)})" for s in most]
        yield (
            f"If the rare class is what matters, more of its positives are found by "
            f"{'; '.join(said)} {reach}."
            if said
            else f"Nor is any strategy shown to find more of the rare class than {base} {reach}."
        )
        return
    for sign, word in ((1, "more"), (-1, "fewer")):
        cells = told(own, sign)
        if cells:
            start = "It finds" if sign > 0 else "Beware: it finds"
            text = f"{start} {word} positives of the rare class than {base} on "
            yield f"{text}{len(cells)} of {of} datasets that have one: {counted(cells)} {reach}."
    if not told(own, 1) and not told(own, -1):
        yield f"It is not shown to find more or fewer positives of the rare class {reach}."


def told(rows: pd.DataFrame, sign: int) -> list[str]:
    """The datasets on which the share of positives found differs that way, with how much."""
    return [
        f"{row['dataset']} {100 * row['difference']:+.0f} percentage points"
        for _, row in rows.iterrows()
        if sure(row) == sign
    ]


def on_wrong(
    wrong: pd.DataFrame, oracles: Mapping[tuple[str, str], str], name: str, reach: str
) -> Iterator[str]:
    """Whether it is drawn to rows that the oracle labels wrong."""
    own = wrong[wrong["strategy"] == name]
    seek = [row for _, row in own.iterrows()
            if oracles.get((row["dataset"], row["protocol"])) != "uniform"]  # fmt: skip
    drawn = [
        f"{row['dataset']} {row['affinity']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
        for row in seek
        if row["low"] > 1
    ]
    if drawn:
        yield (
            f"Beware: it is drawn to rows that are labelled wrong, buying more of them than "
            f"chance (1) on {counted(drawn)} {reach}."
        )
    elif seek:
        yield f"It is not shown to be drawn to rows that are labelled wrong {reach}."
    elif len(own):
        share = float(own["wrong"].mean())
        yield (
            f"The oracle's mistakes are uniform, so nothing can be drawn to them: {share:.0%} of "
            f"the labels that {name} bought there were wrong."
        )
