"""The contract and leak audit of a strategy: which experiments, on which scenes, and a table."""

import contextlib
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from albench.core import registry
from albench.core.errors import AlbenchError, Skip
from albench.core.spec import Ref
from albench.testing import experiments
from albench.testing.behaviour import STEEP, elsewhere, growth, likeness
from albench.testing.disguise import recognises
from albench.testing.scenes import SCENES, Scene, pins
from albench.testing.watch import Libraries

Verdict = Literal["pass", "fail", "follows", "warning", "not applicable"]
Experiment = Callable[[Ref, Scene, int], str | None]

ANSWERS, AGAIN, GLOBAL = (
    "returns the rows that are due",
    "same spec, same picks",
    "leaves global generators alone",
)
APART = "same picks in a process that holds no data"
CHANGES = "changes nothing of albench, numpy, scipy, scikit-learn"
DISGUISED = "does not know published data in disguise"
KEEPS, ELSEWHERE = "keeps nothing between runs", "same picks in another process"
EXPERIMENTS: dict[str, tuple[Experiment, Sequence[Scene]]] = {
    ANSWERS: (experiments.answers, SCENES),
    AGAIN: (experiments.again, SCENES),
    KEEPS: (experiments.between_runs, SCENES[:7]),
    GLOBAL: (experiments.global_state, SCENES),
    "writes to nothing it is given": (experiments.inputs, SCENES),
    "blind to the test set": (experiments.test_set, SCENES),
    "blind to labels it has not bought": (experiments.hidden_labels, SCENES),
    "blind to the memory layout": (experiments.layout, SCENES[:12]),
    "opens nothing, looks nowhere else": (experiments.reach, SCENES),
    APART: (experiments.apart, SCENES),
}
BEYOND = (
    "what this cannot catch: a strategy that notices being checked and behaves meanwhile "
    "(it may read the clock or the command line); in a run of its own process it finds nothing "
    "to cheat with but what its file holds",
    "labels of published datasets built into its code, of others than iris, wine and wdbc: "
    "nothing else shows them; read the source, and compare it on data that are not public",
    "parameters tuned on the very suite it is compared on",
    "leaks through conditions that none of the scenes has, such as thousands of rows; in a run "
    "of its own process there is nothing to find",
    "a file mapped into memory by compiled code; in a run, where the system can fence a process "
    "(Linux), it cannot be opened",
    "the order of rows in a file, where a protocol breaks ties by it (`ties = 'row'`): it is "
    "given with the ties, and tells the classes of a sorted file",
    "the run recognised by its generator's state, by one who knows the suite: the state is what "
    "its picks depend on; it tells the dataset, and no label",
    "a library changed for the length of a query and put back, which in a run harms that process "
    "alone",
)


@dataclass(frozen=True)
class Finding:
    """One row of the audit.

    verdict `follows`: it fails, but for a cause that another check names
    tried   on how many scenes it was tried, those that do not apply left out
    found   for a failure the smallest example; else what was seen
    """

    check: str
    verdict: Verdict
    tried: int
    found: str = ""


def check_strategy(name: str, seed: int) -> list[Finding]:
    """The audit of a registered strategy, one row per check.

    seed  draws the data; the same seed gives the same audit
    Raises UnknownName where there is no such strategy.
    """
    strategy = registry.resolve("strategy", name)
    experiments.usual.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [*tried(strategy, seed)]


def tried(strategy: Ref, seed: int) -> Iterator[Finding]:
    """All checks, one after the other."""
    done: dict[str, Finding] = {}
    libraries = Libraries()
    for check, (experiment, scenes) in EXPERIMENTS.items():
        look = partial(over, check, experiment, strategy, scenes, seed)
        done[check] = traced(look(), look, done, strategy, seed)
        yield done[check]
        first = done[check]
        if check == ANSWERS and first.verdict in ("fail", "not applicable") and not first.tried:
            return
    look = partial(one, ELSEWHERE, partial(elsewhere, strategy, SCENES[:7], seed))
    yield traced(look(), look, done, strategy, seed)
    yield one(CHANGES, libraries.changed)
    yield one(DISGUISED, partial(recognises, strategy, seed))
    yield one("is not another in disguise", lambda: likeness(strategy, seed), "warning")
    yield time_taken(strategy, seed)
    yield described(strategy)


def traced(
    finding: Finding,
    look: Callable[[], Finding],
    done: dict[str, Finding],
    strategy: Ref,
    seed: int,
) -> Finding:
    """A finding; a failure that has the cause of another, as one that follows from it.

    look  makes the finding again
    done  the findings so far
    """
    if finding.verdict != "fail" or finding.check in (ANSWERS, GLOBAL):
        return finding
    first = done.get(ANSWERS)
    if first and first.verdict == "fail" and what(finding) == what(first):
        return follows(finding, ANSWERS, "the same failure")
    if draws_globally(done, strategy, seed):
        with pinned():
            held = look()
        if held.verdict != "fail":
            return follows(finding, GLOBAL, "with those seeded alike it passes")
        finding = held
    unsteady = done.get(AGAIN)
    moved = " became " in finding.found and finding.check != KEEPS
    if moved and unsteady and unsteady.verdict == "fail":
        return follows(finding, AGAIN, "its picks differ when nothing is changed")
    return finding


def draws_globally(done: dict[str, Finding], strategy: Ref, seed: int) -> bool:
    """Whether picks depend on a global generator; that check comes after those it explains."""
    if GLOBAL not in done and GLOBAL in EXPERIMENTS:
        experiment, scenes = EXPERIMENTS[GLOBAL]
        return over(GLOBAL, experiment, strategy, scenes, seed).verdict == "fail"
    return GLOBAL in done and done[GLOBAL].verdict == "fail"


@contextlib.contextmanager
def pinned() -> Iterator[None]:
    """Every run in the block begins with the same state of the global generators."""
    pins.append(1)
    experiments.usual.cache_clear()
    try:
        yield
    finally:
        pins.pop()
        experiments.usual.cache_clear()


def what(finding: Finding) -> str:
    """What was found, without the scene."""
    return finding.found.partition(": ")[2]


def follows(finding: Finding, cause: str, why: str) -> Finding:
    """A failure as one that follows from another."""
    return replace(finding, verdict="follows", found=f"from `{cause}`: {why}")


def over(
    check: str, experiment: Experiment, strategy: Ref, scenes: Sequence[Scene], seed: int
) -> Finding:
    """One check over its scenes, smallest first, until one fails."""
    count, reason, warned, broken = 0, "", "", 0
    for scene in scenes:
        try:
            if experiment is not experiments.answers and not runs(strategy, scene, seed):
                broken += 1
                continue
            said = experiment(strategy, scene, seed)
        except Skip as skip:
            reason = reason or str(skip)
            continue
        except AlbenchError as error:
            said = str(error)
        except Exception as error:
            said = f"{type(error).__name__}: {error} ({place(error)})"
        count += 1
        if said and said.startswith(experiments.HARMLESS):
            warned = warned or f"{scene.name}: {said.removeprefix(experiments.HARMLESS)}"
        elif said:
            return Finding(check, "fail", count, f"{scene.name}: {said}")
    if warned:
        return Finding(check, "warning", count, warned)
    if broken:
        reason = f"not tried on {broken} scenes on which it fails (`{ANSWERS}`)"
        return Finding(check, "pass" if count else "not applicable", count, reason)
    if not count:
        return Finding(check, "not applicable", 0, reason)
    return Finding(check, "pass", count, f"skips elsewhere: {reason}" if reason else "")


def runs(strategy: Ref, scene: Scene, seed: int) -> bool:
    """Whether the strategy runs on a scene at all; if not, the first check has said so."""
    try:
        experiments.usual(strategy, scene, seed)
    except Skip:
        raise
    except Exception:
        return False
    return True


def place(error: Exception) -> str:
    """Where an exception was raised, for people."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"


def one(check: str, look: Callable[[], str | None], wrong: Verdict = "fail") -> Finding:
    """A check that has no scenes of its own."""
    try:
        said = look()
    except Skip as skip:
        return Finding(check, "not applicable", 0, str(skip))
    except AlbenchError as error:
        said = str(error)
    except Exception as error:
        said = f"{type(error).__name__}: {error} ({place(error)})"
    return Finding(check, wrong if said else "pass", 1, said or "")


def time_taken(strategy: Ref, seed: int) -> Finding:
    """Time per query; a warning where it grows much faster than the pool."""
    check = "time per query"
    try:
        found = growth(strategy, seed)
    except Exception as error:
        return Finding(check, "not applicable", 0, str(error))
    steep = found.exponent > STEEP and max(found.seconds.values()) > 0.1
    return Finding(check, "warning" if steep else "pass", len(found.seconds), found.words)


def described(strategy: Ref) -> Finding:
    """Whether it says what it is and where it comes from."""
    entry = registry.entry("strategy", strategy.name)
    lacking = [word for word in ("cite", "family", "cost") if not getattr(entry.traits, word)]
    lacking += [] if entry.summary else ["a docstring"]
    said = f"does not say: {', '.join(lacking)}" if lacking else ""
    return Finding("says what it is", "warning" if lacking else "pass", 1, said)


__all__ = ["Finding", "check_strategy"]
