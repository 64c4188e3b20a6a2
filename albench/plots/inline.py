"""Figures as SVG inside a page: no outside fonts or scripts, identifiers of their own."""

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

from matplotlib.figure import Figure

from albench.plots.style import theme


@contextmanager
def page_theme() -> Iterator[None]:
    """`theme` for pages: text stays text, and a dollar sign in a name is one."""
    import matplotlib as mpl

    with theme(), mpl.rc_context({"svg.fonttype": "none", "text.parse_math": False}):
        yield


def inline(fig: Figure, key: str, title: str) -> str:
    """The figure as an `<svg>` element; equal figures give equal text.

    key     begins every identifier, so that figures of one page do not clash
    title   what a reader who does not see the figure is told
    Call inside `page_theme`.
    """
    buffer = io.StringIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.S)
    text = re.sub(r'<style type="text/css">.*?</style>', "", text, flags=re.S)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{key}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", text)
    text = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{key}-\1"', text)
    text = re.sub(r"(\d+\.\d\d)\d+", r"\1", text)
    text = re.sub(r"\s*\n\s*", "\n", text)
    head, rest = text.split(">", 1)
    box = re.search(r'viewBox="[^"]+"', head)
    wide = re.search(r'width="([\d.]+)pt"', head)
    limit = f' style="max-width:{float(wide[1]) * 1.25:.0f}px"' if wide else ""
    opened = f'<svg xmlns="http://www.w3.org/2000/svg" {box[0] if box else ""} class="figure"'
    said = f"<title>{html.escape(title)}</title>"
    return f'{opened} role="img"{limit}>{said}{rest}'.strip()
