"""Pages made from the registry: the reference, and the card of the benchmark.

`python docs/generate.py` writes `docs/card.md`; `conf.py` writes the reference at each build.
"""

import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import albench
from albench.core import registry
from albench.datasets.uci import marks
from albench.strategies._checked import checked
from albench.suite.protocols import PROTOCOLS
from albench.suite.toml import load_suite, shipped

HEAD = "<!-- made from the registry by docs/generate.py -->\n\n"
TITLES = {
    "strategy": "Strategies",
    "dataset": "Datasets",
    "model": "Models",
    "metric": "Metrics",
    "oracle": "Oracles",
    "cost": "Costs of labels",
}


def plain(text: str) -> str:
    """Text that Markdown shows as it is, code between backticks aside."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(
        part if part.startswith("`") else re.sub(r"([\\*_\[\]<>$|{}#])", r"\\\1", part)
        for part in parts
    )


def cell(text: object) -> str:
    """A cell of a table; code is kept, but no bar in it."""
    return plain(str(text)).replace("|", "\\|").replace("\\\\|", "\\|") or "none"


def fence(text: str) -> str:
    """Text as it stands."""
    return f"```text\n{text.strip()}\n```\n"


def entry_page(kind: str) -> str:
    """All entries of one kind: what each is, formula, citation, cost, parameters, check."""
    lines = [HEAD + f"# {TITLES[kind]}\n"]
    for name in registry.names(kind):
        lines += entry_section(kind, name)
    return "\n".join(lines) + "\n"


def entry_section(kind: str, name: str) -> Iterator[str]:
    """One entry."""
    entry = registry.entry(kind, name)
    first, _, rest = inspect.cleandoc(entry.doc).partition("\n\n")
    yield f"## `{name}`\n\n{plain(first)}\n"
    if rest.strip():
        yield fence(rest)
    for key, value in told(kind, name):
        yield f"- **{key}**: {cell(value)}"
    yield ""


def told(kind: str, name: str) -> Iterator[tuple[str, object]]:
    """What an entry says of itself, as a reader asks for it."""
    entry = registry.entry(kind, name)
    traits = entry.traits
    yield "source", traits.cite or "not given"
    if kind == "strategy":
        yield "cost of a query", traits.cost or "not given"
        yield "needs", ", ".join(traits.needs) or "any query model"
        known = checked(name)
        yield "checked against", f"{known.against}; on {known.data}" if known else "its contract"
    if kind == "dataset":
        size = [f"{n:,} {w}" for n, w in ((traits.n, "rows"), (traits.d, "features")) if n]
        size += [f"{traits.classes} classes"] if traits.classes else []
        yield "size", ", ".join(size) or "by its parameters or its file"
        yield "tags", " ".join(marks(name)) or "none"
        if traits.known:
            yield "known faults", traits.known
    if kind == "metric":
        yield "better", traits.better
    yield "version", entry.version


def protocols() -> str:
    """Every named protocol with its fields."""
    lines = [HEAD + "# Protocols\n"]
    for name, (protocol, text) in PROTOCOLS.items():
        lines.append(f"## `{name}`\n\n{plain(text)}\n")
        lines += [f"- **{key}**: {cell(value)}" for key, value in protocol.shown().items()]
        lines.append("")
    return "\n".join(lines) + "\n"


def suites() -> str:
    """Every shipped suite, as its file says."""
    lines = [HEAD + "# Suites\n"]
    for name, path in shipped().items():
        lines.append(f"## `{name}`\n\n{plain(load_suite(name).title)}\n")
        lines.append(f"```toml\n{Path(path).read_text(encoding='utf-8').strip()}\n```\n")
    return "\n".join(lines) + "\n"


def api() -> str:
    """Every public name."""
    names = [name for name in albench.__all__ if name != "testing"]
    rows = "\n".join(f"   {name}" for name in names)
    return (
        HEAD
        + "# Python interface\n\n```{eval-rst}\n.. currentmodule:: albench\n\n.. autosummary::\n"
        + "   :toctree: generated\n   :nosignatures:\n\n"
        + rows
        + "\n```\n"
    )


def write(folder: Path) -> None:
    """Write the reference."""
    folder.mkdir(exist_ok=True)
    pages = {TITLES[kind].split()[0].lower(): entry_page(kind) for kind in TITLES}
    pages |= {"protocols": protocols(), "suites": suites(), "python": api()}
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def card() -> str:
    """The card: what population, what claims, what assumptions and limits."""
    kinds = {kind: registry.names(kind) for kind in ("dataset", "strategy", "model", "metric")}
    generated = [n for n in kinds["dataset"] if n.startswith("synthetic")]
    tags = Counter(tag for name in kinds["dataset"] for tag in marks(name))
    unchecked = [n for n in kinds["strategy"] if checked(n) is None]
    families = Counter(
        registry.entry("strategy", n).traits.family or "none" for n in kinds["strategy"]
    )
    faults = [n for n in kinds["dataset"] if registry.entry("dataset", n).traits.known]
    text = (Path(__file__).parent / "card.tmpl.md").read_text(encoding="utf-8")
    values = {
        "datasets": len(kinds["dataset"]),
        "synthetic": len(generated),
        "tags": ", ".join(f"{tag} {n}" for tag, n in sorted(tags.items())) or "none",
        "faults": len(faults),
        "strategies": len(kinds["strategy"]),
        "families": ", ".join(f"{name} {n}" for name, n in sorted(families.items())),
        "checked": len(kinds["strategy"]) - len(unchecked),
        "models": ", ".join(f"`{n}`" for n in kinds["model"]),
        "metrics": ", ".join(f"`{n}`" for n in kinds["metric"]),
        "suites": ", ".join(f"`{n}`" for n in shipped()),
        "protocols": ", ".join(f"`{n}`" for n in PROTOCOLS),
    }
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    return HEAD + text


if __name__ == "__main__":
    (Path(__file__).parent / "card.md").write_text(card(), encoding="utf-8")
