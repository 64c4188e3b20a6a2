"""What the commands on bought labels share: reading a suite, showing a view of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench.commands import papers
from albench.commands.options import stored, suite_of
from albench.errors import BadValue
from albench.show import Format, emit, note, show_frame

if TYPE_CHECKING:
    from albench.topics import Source

ANSWERS = {
    ("bias", "drift"): ("tv", "z tv"),
    ("bias", "overlap"): ("other", "excess"),
    ("coverage", "distance"): ("nearest_mean", "z nearest_mean"),
    ("rare", "discovery"): ("found", "discovery"),
    ("noise", "affinity"): ("affinity", "low", "high"),
    ("audit", "errors"): ("estimator", "bias", "low", "high"),
    ("audit", "ranking"): ("estimator", "tau", "regret"),
}
"""The columns that answer the question of a table: they stay, however narrow the terminal."""


def read(
    suite: str, plugin: Any, only: Any, results: Path | None, model: str | None,
    baseline: str | None, checkpoints: str | None, jobs: int,
) -> "Source":  # fmt: skip
    """The suite of a command and its tables."""
    from albench.runner import workers_of
    from albench.topics import Source

    workers_of(jobs)
    shares = shares_of(checkpoints)
    loaded = suite_of(suite, plugin, only)
    runs, rounds = stored(loaded, results, model)
    return Source(loaded, runs, rounds, baseline=baseline, checkpoints=shares, jobs=jobs)


def shares_of(text: str | None) -> tuple[float, ...] | None:
    """`--checkpoints 0,0.5,1` as numbers."""
    if text is None:
        return None
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if not shares or any(not 0 <= share <= 1 for share in shares):
        raise BadValue(f"--checkpoints {text}: shares from 0 (start) to 1 (end), such as 0,0.5,1")
    return shares


def tell(
    source: "Source", topic: str, table: str, long: bool, to: Path | None, fmt: Format,
    **more: Any,
) -> None:  # fmt: skip
    """A view: its table, then what was found in words (in the notes of JSON and CSV)."""
    from albench.views import VIEWS

    view = VIEWS[topic][str(table)](source, **more)
    apart = fmt in (Format.json, Format.csv)
    shown = view.long if long else view.table
    if fmt is Format.latex:
        emit("\n".join("% " + line[:1].upper() + line[1:] for line in view.lines))
        emit(papers.of_view(view, shown, source.suite.protocol_words))
        for sentence in view.notes:
            note(sentence)
        return None if to is None else draw(source, view.frames(), to)
    kept = ("dataset", "strategy", *ANSWERS.get((topic, str(table)), ()))
    show_frame(shown, fmt=fmt, notes=[*view.notes, *(view.lines if apart else ())], kept=kept)
    if not apart:
        emit("\n".join(line[:1].upper() + line[1:] for line in view.lines))
    return None if to is None else draw(source, view.frames(), to)


def draw(source: "Source", frames: Any, to: Path, formats: Sequence[str] = ()) -> None:
    """Write the figures of a view."""
    from albench.plots.labels import write

    order = [s.label for s in source.suite.strategies]
    for name, _ in write(frames, order, source.baseline, to, protocols=source.suite.protocol_words):
        note(f"wrote {to / name}")
