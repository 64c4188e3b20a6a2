"""The parts that report and leaderboard pages are made of: tables, figures, facts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from albench import provenance, registry
from albench.pages import number
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.plots.about import About


@dataclass(frozen=True)
class Part:
    """A section of a page."""

    title: str
    id: str = ""
    lines: Sequence[str] = ()
    figures: Sequence[Mapping[str, str]] = ()
    tables: Sequence[Mapping[str, Any]] = ()
    code: str = ""


@dataclass(frozen=True)
class Sheet:
    """A table on a page: id, caption, columns, rows, and which column heads a row."""

    id: str
    caption: str
    columns: Sequence[Mapping[str, Any]]
    rows: Sequence[Mapping[str, Any]]
    head: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


def sheet(
    frame: "pd.DataFrame", id: str, caption: str, forms: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
) -> Sheet:  # fmt: skip
    """A frame as a table; forms: column -> format of its numbers; links: first cell -> page."""
    import pandas as pd

    forms, links = forms or {}, links or {}
    text = [not pd.api.types.is_numeric_dtype(frame[c]) for c in frame.columns]
    columns = [
        {"name": str(c), "text": t, "help": "", "first": "ascending" if t else "descending"}
        for c, t in zip(frame.columns, text, strict=True)
    ]
    rows = []
    for values in frame.itertuples(index=False, name=None):
        cells = [
            str(v) if t else number(v, forms.get(str(c), ".3g"))
            for c, v, t in zip(frame.columns, values, text, strict=True)
        ]
        rows.append({"cells": cells, "link": links.get(cells[0], ""), "pinned": False})
    return Sheet(id, caption, columns, rows)


def drawn(
    frames: Mapping[str, "pd.DataFrame"], about: "About", key: str, only: Iterable[str] = ()
) -> Iterator[dict[str, str]]:
    """The figures of the frames as inline SVG with captions; `only` names some."""
    from albench.plots.figures import pictures
    from albench.plots.inline import inline, page_theme

    wanted = {name: frame for name, frame in frames.items() if not only or name in set(only)}
    with page_theme():
        for picture in pictures(wanted, about):
            title = picture.caption.split(". ")[0]
            svg = inline(picture.figure, f"{key}-{picture.name}", title)
            yield {"svg": svg, "caption": picture.caption, "name": picture.name}


def drawn_bought(
    frames: Mapping[str, "pd.DataFrame"], strategies: Sequence[str], baseline: str, key: str
) -> Iterator[dict[str, str]]:
    """The figures of what was bought as inline SVG with captions.

    frames: of a view (`albench.views`); strategies: all of the suite, in its order.
    """
    from albench.plots.inline import inline, page_theme
    from albench.plots.labels import pictures

    with page_theme():
        for picture in pictures(frames, strategies, baseline):
            svg = inline(picture.figure, f"{key}-{picture.name}", picture.caption.split(". ")[0])
            yield {"svg": svg, "caption": picture.caption, "name": picture.name}


def drawn_alone(frame: "pd.DataFrame", about: "About", key: str) -> dict[str, str]:
    """One dataset's learning curves as inline SVG with its caption."""
    from albench.plots.inline import inline, page_theme
    from albench.plots.single import alone

    with page_theme():
        fig, caption = alone(frame, about)
        svg = inline(fig, f"{key}-learning", caption.split(". ")[0])
    return {"svg": svg, "caption": caption, "name": "learning"}


def safely(section: Callable[[], Part | None]) -> Part | None:
    """A section, or one that says why it cannot be had."""
    from albench.errors import AlbenchError

    try:
        return section()
    except AlbenchError as error:
        return Part("Not available", lines=[str(error)])


def where_from(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Suite digest, revision, versions and machine of stored results."""
    versions = manifest.get("versions", {})
    machine = manifest.get("machine", {})
    facts = [
        ("suite file (SHA-256)", str(manifest.get("suite_sha256", "unknown"))),
        ("albench revision", str(manifest.get("revision") or "unknown")),
        ("versions", ", ".join(f"{k} {v}" for k, v in sorted(versions.items())) or "unknown"),
        ("machine", f"{machine.get('cpu', 'unknown')}, {machine.get('cores', '?')} cores"),
    ]
    facts += [(f"SHA-256 of {k}", str(v)) for k, v in sorted(manifest.get("sha256", {}).items())]
    return facts


def protocol_facts(suite: Suite) -> list[tuple[str, str]]:
    """Every field of the suite's protocols, and of datasets that differ."""
    facts = []
    for label, protocol in suite.protocols:
        facts += [(f"{label}: {name}", text) for name, text in protocol.shown().items()]
    for dataset in suite.datasets:
        if dataset.fields:
            told = ", ".join(f"{k} = {getattr(v, 'label', v)}" for k, v in dataset.fields)
            facts.append((f"{dataset.label} differs in", told))
    facts.append(("trials", str(suite.trials.take)))
    facts.append(("models", ", ".join(m.label for m in suite.models)))
    facts.append(("metrics", f"{', '.join(suite.metrics)}; primary: {suite.primary}"))
    facts.append(("alpha, rope", f"{suite.alpha:g}, {suite.rope:g}"))
    return facts


def references(suite: Suite) -> list[dict[str, str]]:
    """What a suite uses and where each comes from: kind, name, reference."""
    rows = [{"kind": "suite", "name": suite.name, "reference": line}
            for line in suite.cite.splitlines()]  # fmt: skip
    for name in provenance.entries(suite):
        kind, _, entry = name.partition(":")
        about = registry.entry(kind, entry).about if kind in registry.ENTRIES else {}  # type: ignore[arg-type]
        rows.append({"kind": kind, "name": entry, "reference": str(about.get("cite") or "none")})
    rows += [{"kind": "statistics", "name": n, "reference": r} for n, r in STATISTICS]
    return rows


STATISTICS = (
    ("comparison across datasets", "Demsar 2006, JMLR 7; Benavoli et al. 2016, JMLR 17"),
    ("Holm's correction", "Holm 1979, Scandinavian Journal of Statistics 6"),
    ("Bayesian signed-rank test", "Benavoli et al. 2017, JMLR 18"),
    ("corrected resampled t test", "Nadeau and Bengio 2003, Machine Learning 52"),
    ("interquartile mean, probability of improvement", "Agarwal et al. 2021, NeurIPS 34"),
    ("area under the budget curve", "Zhan et al. 2021, IJCAI"),
)  # fmt: skip
