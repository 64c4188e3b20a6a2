"""What the pages of strategies and datasets say of them beside their numbers."""

from typing import TYPE_CHECKING

from albench.reporting.board import Board
from albench.suite import Labelled

if TYPE_CHECKING:
    import pandas as pd

    from albench.core.registry import Entry

Facts = list[tuple[str, str]]


def of_strategy(entry: "Entry") -> Facts:
    """Paper, source file, what it was checked against, what it needs and costs."""
    from albench.strategies._checked import checked

    traits, known = entry.traits, checked(entry.name)
    return [
        ("paper", traits.cite or "not given"),
        ("code", written_in(entry)),
        ("checked against", f"{known.against}; on {known.data}" if known else "nothing else"),
        ("test", known.test if known else "the contract that every strategy keeps"),
        ("family", traits.family or "not given"),
        ("cost of a query", traits.cost or "not given"),
        ("needs", ", ".join(traits.needs) or "nothing in particular"),
        ("version", entry.version),
    ]


def written_in(entry: "Entry") -> str:
    """The file that an entry is written in: of albench its path there, else the file's name."""
    from albench.core.source import file_of

    path = file_of(entry.make)
    if path is None:
        return "no file: it was given in a session"
    parts = path.parts
    if entry.plugin is None and "albench" in parts:
        return "/".join(parts[len(parts) - 1 - parts[::-1].index("albench") :])
    return f"{path.name}, from outside albench"


def of_dataset(board: Board, dataset: Labelled, entry: "Entry") -> Facts:
    """Origin, size, place in the suite, and what is changed for it."""
    about = entry.traits
    facts = [("source", about.cite or "not given"), *size_of(board, dataset.label)]
    facts += [("had from", about.source)] if about.source else []
    facts += [("known faults", about.known)] if about.known else []
    facts += [
        ("in this suite", dataset.ref.label),
        ("base", board.suite.bases[dataset.label]),
        ("group", dataset.group or "none"),
    ]
    facts += [(f"protocol: {k}", str(getattr(v, "label", v))) for k, v in dataset.fields]
    return facts


def size_of(board: Board, label: str) -> Facts:
    """Rows, features and classes, as the stored runs say."""
    row = board.sizes.get(label)
    if row is None:
        return [("size", "no run tells it")]
    train, test, features, classes = row
    return [
        (
            "size",
            f"{train + test:,} rows ({train:,} to train on, {test:,} to test), {features:,} "
            f"features as the model sees them, {classes} classes",
        )
    ]


def who_wins(rows: "pd.DataFrame", label: str, base: str) -> str:
    """Which strategies are ahead of the baseline on a dataset, each by its own interval.

    rows: of `summarise`, best area first.
    """
    up = [str(r["strategy"]) for _, r in rows.iterrows() if r["gain_low"] > 0]
    down = [str(r["strategy"]) for _, r in rows.iterrows() if r["gain_high"] < 0]
    said = [
        f"{word} {base} on {label} with a 95 % interval that leaves zero out: {_listed(names)}."
        for word, names in (("Ahead of", up), ("Behind", down))
        if names
    ]
    if not said:
        return f"On {label} no strategy has an interval that leaves zero out."
    return " ".join([*said, "Each interval stands by itself: no correction for their number."])


def _listed(names: list[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")
