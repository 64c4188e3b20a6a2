"""How sure the standings are: what they rest on, what was tested, what can be checked."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from albench.analysis.question import ROPE
from albench.reporting import page
from albench.reporting.board import Board
from albench.reporting.page import Part, sheet

if TYPE_CHECKING:
    import pandas as pd


def facts(board: Board, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the results rest on and where they were made."""
    suite, versions = board.suite, manifest.get("versions", {})
    machine = manifest.get("machine", {})
    return [
        ("base datasets", str(len(set(suite.bases.values())))),
        ("datasets with variants", str(len(suite.datasets))),
        ("trials of a cell", f"{suite.trials.take} due"),
        ("strategies", str(len(suite.strategies))),
        ("models", ", ".join(board.models)),
        ("level and correction", f"{suite.alpha:g}, Holm over the strategies of a model"),
        ("made with", ", ".join(f"{k} {v}" for k, v in sorted(versions.items())) or "unknown"),
        ("machine", f"{machine.get('cpu', 'unknown')}, {machine.get('cores', '?')} cores"),
        ("albench revision", str(manifest.get("revision") or "unknown")),
    ]


def parts(board: Board, missing: Sequence[str]) -> list[Part]:
    """What was tested and what could have been seen; gaps; how to check all of it."""
    name = board.suite.name
    tests = [
        "An interval of a gain covers what other trials and datasets would move: it is a 95 % "
        "bootstrap interval, trials and datasets drawn. An interval of a mean rank draws datasets "
        "only.",
        "A verdict is an exact Wilcoxon test over base datasets, paired by dataset, with Holm's "
        "correction over the strategies of one model. Every view of the first page is a family "
        "of its own: who searches many views for a winner finds one by luck, so the view that "
        f"counts is the first: {board.question.metric}, all datasets, the whole budget.",
        "Not shown to be better is not the same as equal: equal is said only where the posterior, "
        "the mean's interval and four datasets in five lie within the rope "
        f"({board.question.rope or ROPE:g}).",
    ]
    code = (
        f"albench verify {name} --sample 40      # replays stored runs, pick by pick\n"
        f"albench compare {name}                 # every test with its numbers\n"
        f"albench plan {name}                    # trials and datasets that a difference needs"
    )
    checks = [
        "Nothing on these pages says that the results were verified; who reads them can. A "
        "sample of the stored runs is replayed from the specification of each: picks must be the "
        "same, and scores agree within 1e-9."
    ]
    gaps = list(missing) or ["Every run that was due is finished or was skipped with a reason."]
    return [
        Part("What was tested", lines=tests),
        Part("What could have been seen", tables=[vars(t) for t in seen(board)]),
        Part("What is missing", lines=gaps),
        Part("Check it", lines=checks, code=code),
    ]


def seen(board: Board) -> list[page.Sheet]:
    """The differences that the tests would have found four times in five, by model."""
    from albench.analysis.comparison.control import table
    from albench.analysis.comparison.room import rooms
    from albench.analysis.comparison.standings import with_rope

    found = []
    for place, model in enumerate(board.models):
        stack = board.stacks.get((model, board.question.metric))
        if stack is None or len(stack.strategies) < 2:
            continue
        asked = with_rope(stack, board.question)
        assert asked.rope is not None
        room = rooms(stack.all_blocks(asked.baseline), asked.baseline, asked.summary, asked.rope)
        rows = table(stack, asked, room)
        if rows.empty:
            continue
        found.append(detectable(rows, model, place))
    return found


def detectable(rows: "pd.DataFrame", model: str, place: int) -> page.Sheet:
    """A row per strategy: the difference, its interval, what would have been seen, the verdict."""
    names = {
        "mean_difference": "difference",
        "low": "from",
        "high": "to",
        "mde": "would have been seen",
        "holm_p": "Holm p",
    }
    kept = rows[["strategy", *names, "verdict"]].rename(columns=names)
    forms = dict.fromkeys(("difference", "from", "to"), "+.3f") | {
        "would have been seen": ".3f",
        "Holm p": ".3f",
    }
    kept["verdict"] = kept["verdict"].replace("unclear", "not told apart")
    caption = (
        f"Against the baseline with {model}; a true difference as large as 'would have been seen' "
        "is found four times in five"
    )
    return sheet(kept, f"seen-{place}", caption, forms)
