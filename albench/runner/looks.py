"""Trials in looks, until every comparison of a suite's question is decided.

The runs are those of a fixed design with as many trials: same specs, same names, same results.
Only when to stop is decided here, by the rules of `analysis.comparison.looks`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from albench.analysis.comparison import Comparison, compare, looks
from albench.analysis.comparison.looks import Decisions, Design, Open
from albench.analysis.comparison.paired import smallest_n
from albench.analysis.question import Options
from albench.core.errors import BadValue

if TYPE_CHECKING:
    import pandas as pd

    from albench.results.store import Store
    from albench.suite import Suite

Tables = tuple["pd.DataFrame", "pd.DataFrame"]
Key = tuple[str, str, str]
"""Protocol, model and strategy of a comparison."""


@dataclass(frozen=True)
class Look:
    """One look: trials so far, what was decided by then, what is open, and why it was the last.

    stop: "" (more trials are due), `decided`, `futile` or `limit`; hope: the largest chance of an
    open comparison to be decided at the last look.
    """

    trials: int
    decided: Mapping[Key, str]
    at: Mapping[Key, int]
    open: tuple[Key, ...]
    stop: str
    hope: float
    levels: Mapping[str, float] = field(default_factory=dict)


def design_of(suite: "Suite", most: int | None = None) -> Design:
    """The looks of a suite with at most so many trials (default: the suite's own)."""
    most = suite.trials.take if most is None else most
    if most < 2:
        raise BadValue(f"--max-trials {most}: a whole number of at least 2")
    question = suite.question()
    scope = cast(looks.Scope, suite.scope)
    return Design(looks.schedule(most), question.alpha, question.rope or 0.01, scope)


def until_decided(
    design: Design,
    question: Options,
    tables: Callable[[int], Tables],
) -> Iterator[Look]:
    """The looks, one by one; the last one says why it is.

    tables: the runs and rounds of a design with so many trials. Raises BadValue where the scope
    is beyond the datasets and there are too few of them for any verdict.
    """
    found = Decisions()
    for number, trials in enumerate(design.trials):
        compared = compare(*tables(trials), question)
        families = families_of(compared, design)
        if not number:
            refused(families, design)
        for family in families:
            found = looks.decide(design, number, family, found)
        open_ = tuple(k for family in families for k in family if k not in found.verdict)
        hope = hope_of(design, number, families, found) if open_ else 1.0
        yield Look(
            trials,
            dict(found.verdict),
            dict(found.at),
            open_,
            stop_of(design, number, bool(open_), hope),
            hope,
            {
                "differs": max((design.level(number, len(f)) for f in families), default=0.0),
                "equal": design.equal_level(number),
            },
        )
        if stop_of(design, number, bool(open_), hope):
            return


def stop_of(design: Design, number: int, any_open: bool, hope: float) -> str:
    """Why a look is the last one; empty where it is not."""
    if not any_open:
        return "decided"
    if number == len(design.trials) - 1:
        return "limit"
    return "futile" if hope < looks.FUTILE else ""


def families_of(compared: Comparison, design: Design) -> list[dict[Any, Open]]:
    """The comparisons with the baseline, by protocol and model: each is a family of Holm's."""
    options, out = compared.options, []
    against = compared.tables.get("against")
    for stack, about in zip(compared.stacks, compared.design, strict=True):
        if against is None:
            continue
        own = against[(against["protocol"] == stack.protocol) & (against["model"] == stack.model)]
        each = looks.of_stack(
            stack,
            own,
            baseline=options.baseline,
            summary=options.summary,
            scope=design.scope,
            left_out=about["left_out"],
            base=options.base,
        )
        out.append({(stack.protocol, stack.model, s): one for s, one in each.items()})
    return out


def refused(families: list[dict[Any, Open]], design: Design) -> None:
    """Raise BadValue where no number of trials can decide, since datasets are too few."""
    if design.scope == "these":
        return
    for family in families:
        most = max((len(one.gaps) for one in family.values()), default=0)
        level = design.level(len(design.trials) - 1, len(family))
        needed = smallest_n(1, level)
        if most < needed:
            raise BadValue(
                f"--until decided: with {most} datasets nothing can be decided beyond them, at any "
                f"number of trials ({len(family)} comparisons need {needed}); add datasets, or "
                'declare scope = "these" in the suite, for what holds on these datasets'
            )


def hope_of(
    design: Design, number: int, families: list[dict[Any, Open]], found: Decisions
) -> float:
    """The largest chance of an open comparison; 0 at the last look."""
    if number == len(design.trials) - 1:
        return 0.0
    best = 0.0
    for family in families:
        won = sum(found.verdict.get(k, "equal") != "equal" for k in family)
        for key, one in family.items():
            if key not in found.verdict and best < 1:
                best = max(best, looks.chance(design, number, one, len(family) - won))
    return best


def run_until_decided(
    suite: "Suite",
    store: "Store",
    design: Design,
    execute: Callable[["Suite"], Any],
) -> Iterator[Look]:
    """Run the trials of each look that are missing, look, and note it in the manifest.

    execute: runs what is missing of a suite into the store.
    """
    from albench.runner.grid import labelled

    def tables(trials: int) -> Tables:
        part = suite.with_trials(trials)
        execute(part)
        return labelled(part, store)

    told = []
    for look in until_decided(design, suite.question(), tables):
        told.append(
            {
                "trials": look.trials,
                "levels": dict(look.levels),
                "decided": {" / ".join(k): v for k, v in look.decided.items()},
                "stop": look.stop,
            }
        )
        store.note(
            looks={"rule": looks.RULE, "scope": design.scope, "most": design.trials[-1]}
            | {"planned": list(design.trials), "taken": told}
        )
        yield look


def sentence(look: Look, design: Design) -> str:
    """What a look found, in one line."""
    count = len(look.decided)
    total = count + len(look.open)
    start = f"{look.trials} trials: {count} of {total} comparisons decided"
    if look.stop == "decided":
        return f"{start}; nothing is open, so no more trials are run"
    names = sorted({key[2] for key in look.open})
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    left = f"open: {', '.join(names[:4])}{more}"
    if look.stop == "futile":
        return (
            f"{start}; {left}. Up to {design.trials[-1]} trials none of them would be decided "
            f"with a chance of {looks.FUTILE:.0%} (largest: {look.hope:.0%}), so no more are run"
        )
    if look.stop == "limit":
        return f"{start}; {left}. The most trials are reached"
    return f"{start}; {left}"


def verdicts_of(look: Look) -> list[dict[str, Any]]:
    """One row per comparison: protocol, model, strategy, verdict and the trials it took."""
    rows = [
        {"protocol": p, "model": m, "strategy": s, "verdict": v, "trials": look.at[p, m, s]}
        for (p, m, s), v in look.decided.items()
    ]
    return rows + [
        {"protocol": p, "model": m, "strategy": s, "verdict": "open", "trials": look.trials}
        for p, m, s in look.open
    ]
