"""Sphinx: pages by hand, notebooks executed, the reference generated from the registry."""

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import generate

from albench import __version__

project = "albench"
author = "The albench developers"
version = release = __version__
html_title = f"albench {__version__}"
extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
]
exclude_patterns = ["_build", "jupyter_execute", "card.tmpl.md"]
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
html_show_sourcelink = False
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_execution_in_temp = True
numpydoc_show_class_members = False
autodoc_typehints = "none"
autosummary_generate = True
highlight_language = "none"

generate.write(Path(__file__).parent / "reference")

ITEM = re.compile(r"^(\w[\w, ]*?)  +(\S.*)$")


def listed(_app: Any, _what: str, _name: str, _of: Any, _options: Any, lines: list[str]) -> None:
    """Names with what they mean, set out in two columns in the source, as a list."""
    out: list[str] = []
    inside = False
    for line in lines:
        item = ITEM.match(line)
        if item and item[1].strip():
            out += [] if inside else [""]
            out.append(f"- **{item[1]}**: {item[2]}")
            inside = True
        elif inside and line.startswith("  ") and line.strip():
            out.append(f"  {line.strip()}")
        else:
            out += [""] if inside and line.strip() else []
            out.append(line)
            inside = False
    lines[:] = out


def setup(app: Any) -> None:
    """Before numpydoc reads the docstrings."""
    app.connect("autodoc-process-docstring", listed, priority=100)
