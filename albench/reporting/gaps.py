"""What stored results lack of the suite's grid, in sentences."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from albench.core.tables import FULL_POOL
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

NAMED = 6
"""So many names are said before the rest is counted."""


def lacking(suite: Suite, runs: "pd.DataFrame") -> list[str]:
    """What did not run, or not yet; nothing where the grid is whole.

    runs: the suite's grid with a status of every run, missing ones among them.
    """
    due = runs[(runs["strategy"] != FULL_POOL) & (runs["status"] != "skipped")]
    open_ones = due[due["status"] != "done"]
    if due.empty or open_ones.empty:
        return []
    return [line for line in _told(suite, due, len(open_ones)) if line]


def of_one_protocol(suite: Suite, runs: "pd.DataFrame") -> "tuple[pd.DataFrame, list[str]]":
    """The runs under the suite's first protocol, and what is left out by that."""
    first, *rest = [label for label, _ in suite.protocols]
    if not rest:
        return runs, []
    said = (
        f"Standings are those under the protocol {first}; not shown here: {_listed(rest)} "
        f"(`albench report {suite.name}` has them)."
    )
    return runs[runs["protocol"] == first], [said]


def _told(suite: Suite, due: "pd.DataFrame", short: int) -> Iterator[str]:
    done = due[due["status"] == "done"]
    yield (
        f"These results are partial: {len(done):,} of {len(due):,} runs are finished, "
        f"{short:,} failed or are missing."
    )
    kinds = {
        "strategy": [s.label for s in suite.strategies],
        "dataset": [d.label for d in suite.datasets],
        "model": [m.label for m in suite.models],
    }
    for kind, names in kinds.items():
        wanted, found = set(due[kind]), set(done[kind])
        none = [n for n in names if n in wanted and n not in found]
        if none:
            plural = {"strategy": "strategies"}.get(kind, f"{kind}s")
            which = f"{len(none)} {plural}:" if len(none) > 1 else f"the {kind}"
            yield f"No run is finished of {which} {_listed(none)}."
    yield _some(done, due)
    yield _trials(done, due)


def _some(done: "pd.DataFrame", due: "pd.DataFrame") -> str:
    """The strategies that were run on some of their datasets only."""
    on, of = (frame.groupby("strategy")["dataset"].nunique() for frame in (done, due))
    known = {str(name): int(n) for name, n in of.items()}
    part = [f"{name} ({n} of {known[str(name)]})" for name, n in on.items() if n < known[str(name)]]
    return f"Run on some of their datasets only: {_listed(part)}." if part else ""


def _trials(done: "pd.DataFrame", due: "pd.DataFrame") -> str:
    """Whether cells that ran have fewer trials than were due."""
    keys = ["dataset", "protocol", "model", "strategy"]
    ran, all_ = done.groupby(keys)["trial"].nunique(), due.groupby(keys)["trial"].nunique()
    short = ran[ran < all_.reindex(ran.index)]
    if short.empty:
        return ""
    least, most = int(short.min()), int(all_.max())
    return (
        f"{len(short):,} cells that ran have fewer trials than the {most} that were due, the least "
        f"{least}."
    )


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + rest
