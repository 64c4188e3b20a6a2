"""CONTRIBUTING.md opens the right file: what it names is there."""

import re

import pytest
from test_layers import FLOORS, ROOT

PAGE = (ROOT.parent / "CONTRIBUTING.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`([a-z_/]+\.py|[a-z_]+/(?:[a-z_]+/?)*)`", PAGE)))
DEFINED = sorted(set(re.findall(r"`([a-z_/]+\.py)` \(`(\w+)`\)", PAGE)))
QUESTIONS = {
    "where do ties break": "simulation/query.py",
    "why was a run skipped": "core/reasons.py",
    "default of the rope": "suite/__init__.py",
    "how is the start set drawn": "datasets/_splits.py",
    "a figure's caption": "plots/figures.py",
}


@pytest.mark.parametrize("name", NAMED)
def test_what_it_names_is_there(name: str) -> None:
    assert any((folder / name).exists() for folder in (ROOT, ROOT.parent, ROOT / "models"))


@pytest.mark.parametrize(("file", "name"), DEFINED)
def test_what_it_points_to_is_defined_there(file: str, name: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert re.search(rf"^(def|class) {name}\b|^{name}\b.*=", text, re.M)


def test_every_room_has_its_line() -> None:
    rows = PAGE.partition("## From a suite")[0].splitlines()
    first = "".join(row.split("|")[1] for row in rows if row.startswith("| `"))
    named = [name.rstrip("/").removesuffix(".py") for name in re.findall(r"`([^`]+)`", first)]
    assert sorted(named) == sorted(room for rooms in FLOORS for room in rooms)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_first_file_named_is_the_right_one(question: str) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith("|") and question in line]
    assert re.findall(r"`([a-z_/]+\.py)`", row)[0] == QUESTIONS[question]


def test_readme_leads_there() -> None:
    readme = (ROOT.parent / "README.md").read_text("utf-8")
    assert "[CONTRIBUTING.md](CONTRIBUTING.md)" in readme
    assert len(PAGE.splitlines()) < 120
    assert "Linux and macOS" in readme
