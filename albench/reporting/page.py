"""Pages without a network: templates, names as data, tables, figures, facts."""

import base64
import hashlib
import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from math import isfinite
from typing import TYPE_CHECKING, Any

from albench.analysis.question import ROPE
from albench.core import registry
from albench.core.rounding import without_noise
from albench.core.safe import printable
from albench.plots import vega
from albench.results import provenance
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.plots.style import About


DASH = "\N{EN DASH}"


def template_text(name: str) -> str:
    """The text of a template that comes with albench."""
    return (
        resources.files("albench.reporting").joinpath("templates", name).read_text(encoding="utf-8")
    )


@cache
def environment() -> Any:
    """Templates; every value is escaped, and a name that a template misses is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        loader=FunctionLoader(template_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["markup"] = markup
    return made


def markup(text: str) -> Any:
    """Text that is HTML of our own making."""
    from markupsafe import Markup

    return Markup(text)


SCRIPTS = ("table.js", "charts.js", "board.js")
VEGA = "vega.js"
"""The file beside the pages of a site that holds the script of its charts."""


def page(template: str, *, bundled: bool = False, **values: Any) -> str:
    """A page from a template; style and own scripts are inline, and no network is asked.

    bundled: the script of the charts is inline, too, for a page that travels alone.
    """
    style = template_text("style.css")
    script = "".join(template_text(name) for name in SCRIPTS)
    charted = bool(values.get("charts")) or any(part.charts for part in values.get("parts", ()))
    bundle = vega.script() if charted and bundled else ""
    shared = {
        "style": markup(style),
        "script": markup(script),
        "bundle": markup(bundle),
        "charted": charted,
        "vega": VEGA,
        "policy": policy([script, bundle] if bundle else [script], beside=charted and not bundled),
    }
    text: str = environment().get_template(template).render(**shared, **values)
    return classed(re.sub(r"[ \t]+\n", "\n", text))


DRAWING = re.compile(r"(?<=<title>)[^<]*</title>(?:(?!</?svg\b).)*</svg>", re.S)
"""A drawing after its opening tag, which has a class of its own."""
STYLED = re.compile(r' style="([^"]{12,})"')
OFTEN = 3


def classed(text: str) -> str:
    """The page with styles that its drawings repeat named once, which halves large drawings."""
    counts = Counter(style for svg in DRAWING.findall(text) for style in STYLED.findall(svg))
    names = {style: f"s{place}" for place, (style, n) in enumerate(counts.items()) if n >= OFTEN}
    if not names:
        return text

    def named(tag: "re.Match[str]") -> str:
        return f' class="{names[tag[1]]}"' if tag[1] in names else tag[0]

    rules = "".join(f"svg .{name}{{{style}}}" for style, name in names.items())
    text = DRAWING.sub(lambda svg: STYLED.sub(named, svg[0]), text)
    return text.replace("</head>", f"<style>{html.unescape(rules)}</style>\n</head>", 1)


def policy(scripts: Sequence[str], *, beside: bool) -> str:
    """The content security policy: our scripts by their digests, no network at all.

    beside: a script from the folder of the page is run, too.
    """
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    allowed = [f"'sha256-{digest}'" for digest in digests] + (["'self'"] if beside else [])
    return (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src {' '.join(allowed)}; base-uri 'none'; form-action 'none'"
    )


def embedded(value: Any) -> Any:
    """JSON for a `<script type="application/json">`; no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def slugs(names: Iterable[str], prefix: str) -> dict[str, str]:
    """File names for labels: letters, digits and hyphens, each different."""
    found: dict[str, str] = {}
    for name in names:
        stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "x"
        slug, number = f"{prefix}-{stem}", 2
        while slug in found.values():
            slug, number = f"{prefix}-{stem}-{number}", number + 1
        found[name] = slug
    return found


def number(value: Any, form: str = ".3f") -> str:
    """A number for people, a dash where it is undefined."""
    if value is None or not isfinite(float(value)):
        return DASH
    return format(without_noise(value), form)


def spread(value: Any, low: Any, high: Any, form: str = ".2f") -> str:
    """A number with its interval; a zero has no sign."""
    if value is None or not isfinite(float(value)):
        return DASH
    if low is None or not isfinite(float(low)) or not isfinite(float(high)):
        return unsigned(value, form)
    return f"{unsigned(value, form)} [{unsigned(low, form)}, {unsigned(high, form)}]"


def unsigned(value: float, form: str) -> str:
    """A number, without a minus where its digits are all zero."""
    text = format(float(value), form)
    return text.lstrip("-") if not text.strip("-0.") else text


@dataclass(frozen=True)
class Part:
    """A section of a page."""

    title: str
    id: str = ""
    lines: Sequence[str] = ()
    figures: Sequence[Mapping[str, str]] = ()
    tables: Sequence[Mapping[str, Any]] = ()
    code: str = ""
    charts: Sequence[Mapping[str, Any]] = ()
    level: int = 2


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
    frame: "pd.DataFrame",
    id: str,
    caption: str,
    forms: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
) -> Sheet:
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
    from albench.plots.svg import inline, page_theme

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

    frames: of a view (`albench.reporting.views`); strategies: all of the suite, in its order.
    """
    from albench.plots.bought import pictures
    from albench.plots.svg import inline, page_theme

    with page_theme():
        for picture in pictures(frames, strategies, baseline):
            svg = inline(picture.figure, f"{key}-{picture.name}", picture.caption.split(". ")[0])
            yield {"svg": svg, "caption": picture.caption, "name": picture.name}


def safely(section: Callable[[], Part | None]) -> Part | None:
    """A section, or one that says why it cannot be had."""
    from albench.core.errors import AlbenchError

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
    for label, why in sorted(provenance.in_process([manifest]).items()):
        facts += [("ran beside the data", printable(f"{label}: {why}"))]
    facts += [(f"SHA-256 of {k}", str(v)) for k, v in sorted(manifest.get("sha256", {}).items())]
    return facts


def stamp(suite: Suite, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What of the question was fixed, and whether it was changed after the first run."""
    asked = suite.question()
    changed = provenance.changed_since(suite, manifest)
    told = "not known" if changed is None else ", ".join(changed) or "nothing"
    return [
        ("primary metric", f"{asked.metric} ({asked.better} is better), {asked.summary}"),
        ("baseline", asked.baseline),
        ("rope", f"{asked.rope or ROPE:g}"),
        ("alpha", f"{asked.alpha:g}, Holm within each model and protocol"),
        ("changed after the first run", told),
    ]


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
    declared = ", ".join(f"{rope:g} ({metric})" for metric, rope in suite.ropes)
    rope = declared or f"{ROPE:g} (the usual one of a share)"
    facts.append(("alpha; rope", f"{suite.alpha:g}; {rope}"))
    return facts


def references(suite: Suite) -> list[dict[str, str]]:
    """What a suite uses and where each comes from: kind, name, reference."""
    rows = [
        {"kind": "suite", "name": suite.name, "reference": line} for line in suite.cite.splitlines()
    ]
    for name in provenance.entries(suite):
        kind, _, entry = name.partition(":")
        cite = registry.entry(kind, entry).traits.cite if kind in registry.ENTRIES else ""  # type: ignore[arg-type]
        rows.append({"kind": kind, "name": entry, "reference": cite or "none"})
    rows += [{"kind": "statistics", "name": n, "reference": r} for n, r in STATISTICS]
    return rows


STATISTICS = (
    ("comparison across datasets", "Demsar 2006, JMLR 7; Benavoli et al. 2016, JMLR 17"),
    ("Holm's correction", "Holm 1979, Scandinavian Journal of Statistics 6"),
    ("Bayesian signed-rank test", "Benavoli et al. 2017, JMLR 18"),
    ("corrected resampled t test", "Nadeau and Bengio 2003, Machine Learning 52"),
    ("interquartile mean, probability of improvement", "Agarwal et al. 2021, NeurIPS 34"),
    ("area under the budget curve", "Zhan et al. 2021, IJCAI"),
)
