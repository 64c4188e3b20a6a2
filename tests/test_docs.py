"""The documentation that is made from the registry, and the pages written by hand."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from albench.core import registry

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_card_is_that_of_the_registry(generate: ModuleType) -> None:
    made = (DOCS / "card.md").read_text(encoding="utf-8")
    assert made == generate.card(), "python docs/generate.py writes it"
    assert "@" not in made


@pytest.mark.parametrize("kind", ["strategy", "dataset", "model", "metric", "oracle", "cost"])
def test_every_entry_has_a_section(generate: ModuleType, kind: str) -> None:
    text = generate.entry_page(kind)
    assert re.findall(r"^## `(.*)`$", text, re.M) == list(registry.names(kind))  # type: ignore[arg-type]
    assert text.count("- **source**: ") == text.count("\n## `")


def test_text_of_entries_is_no_markup(generate: ModuleType) -> None:
    assert generate.plain("a_b <c> $x$ `d_e`") == r"a\_b \<c\> \$x\$ `d_e`"


def test_every_page_is_in_a_table_of_contents_and_links_lead_somewhere() -> None:
    pages = [
        p for p in DOCS.rglob("*.md") if "reference" not in p.parts and "_build" not in p.parts
    ]
    told = {
        (page.parent / name).resolve()
        for page in pages
        for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(), re.S)
        for name in re.findall(r"^([a-z/]+)$", block, re.M)
    }
    for page in pages:
        if page.name not in ("index.md", "card.tmpl.md"):
            assert page.with_suffix("").resolve() in told, page
        for link in re.findall(r"\]\(([^)#:]+\.md)", page.read_text()):
            if "reference/" not in link:
                assert (page.parent / link).is_file(), f"{page.name}: {link}"
