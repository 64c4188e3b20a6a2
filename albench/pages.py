"""Pages without a network: templates, names as data, and what a browser may do with them."""

import base64
import hashlib
import html
import json
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib import resources
from math import isfinite
from typing import Any

from albench.errors import BadValue

DASH = "\N{EN DASH}"
NOISE = 12
"""Digits after the point from which on a number is float noise and shown as zero."""


def template_text(name: str) -> str:
    """The text of a template that comes with albench."""
    return resources.files("albench").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def environment() -> Any:
    """Templates; every value is escaped, and a name that a template misses is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        loader=FunctionLoader(template_text), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    made.filters["markup"] = markup
    return made


def markup(text: str) -> Any:
    """Text that is HTML of our own making."""
    from markupsafe import Markup

    return Markup(text)


def page(template: str, **values: Any) -> str:
    """A page from a template; style and script are inline, nothing else may be loaded."""
    style, script = template_text("style.css"), template_text("table.js")
    shared = {"style": markup(style), "script": markup(script), "policy": policy(style, script)}
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


def policy(style: str, script: str) -> str:
    """The content security policy: our script by its digest, no network at all."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
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
    return format(round(float(value), NOISE) + 0.0, form)


def spread(value: Any, low: Any, high: Any, form: str = ".2f") -> str:
    """A number with its interval."""
    if value is None or not isfinite(float(value)):
        return DASH
    if low is None or not isfinite(float(low)) or not isfinite(float(high)):
        return format(float(value), form)
    return f"{float(value):{form}} [{float(low):{form}}, {float(high):{form}}]"


def checked_label(name: str) -> str:
    """A label; raises BadValue for one that no page could show."""
    if not name.isprintable() or len(name) > 1000:
        raise BadValue(f"{name[:60]!r} is no name")
    return name
