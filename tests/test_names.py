"""Names that nobody should choose, and results of which a part is there: nothing ends a command."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from albench.cli import exit_code
from albench.core.files import stems

LONG = "x" * 300
KANJI = "\u4e3b\u52d5 \U0001f600"
ODD = ("m/1", "m 1", "M 1", "$a_{b}$ \\frac", LONG, KANJI, "")
SUITE = f"""
title = "Odd"
models = [{{ use = "gnb", name = "m/1" }}, {{ use = "gnb", name = "m 1", query = "logreg" }}]
strategies = ["random", {{ use = "margin", name = "$a_{{b {KANJI}" }}]
trials = 1
metrics = ["accuracy"]
protocol = {{ use = "standard", budget = 30 }}
datasets = [
  {{ use = "iris", name = "d/1" }}, {{ use = "wine", name = "{LONG}" }},
]
"""


def test_every_name_has_a_file_of_its_own() -> None:
    found = stems(ODD)
    assert list(found) == list(ODD)
    folded = [stem.casefold() for stem in found.values()]
    assert len(set(folded)) == len(ODD)
    assert all(re.fullmatch(r"[A-Za-z0-9.-]{1,43}", stem) for stem in found.values())
    assert stems(["svc-rbf", "digits8", "a.b"]) == {n: n for n in ("svc-rbf", "digits8", "a.b")}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The arguments of a suite with odd names that was run."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "s.toml").write_text(SUITE, encoding="utf-8")
    where = [str(folder / "s.toml"), "--results", str(folder / "r")]
    assert exit_code(["run", *where, "--jobs", "1"]) == 0
    return where


def test_figures_of_odd_names_keep_apart(odd: list[str], tmp_path: Path) -> None:
    assert exit_code(["figures", *odd, "--to", str(tmp_path), "--as", "svg"]) == 0
    names = {path.stem for path in tmp_path.glob("*.svg")}
    assert {"learning-m-1", "learning-m-1-2"} <= names
    assert len({name.casefold() for name in names}) == len(names)
    captions = re.findall(r"\\caption{(.*)}", (tmp_path / "captions-m-1.tex").read_text())
    assert captions
    assert not [c for c in captions if re.search(r"(?<!\\)[%#&_]", c)]


def test_pages_of_odd_names_are_whole(odd: list[str], tmp_path: Path) -> None:
    assert exit_code(["leaderboard", *odd, "--to", str(tmp_path / "site")]) == 0
    assert exit_code(["report", *odd, "--to", str(tmp_path / "report.html")]) == 0
    pages = list((tmp_path / "site").glob("*.html"))
    assert len([p for p in pages if p.name.startswith("dataset-")]) == 2
    assert "Not available" not in (tmp_path / "report.html").read_text()


NOISY = (
    '{ use = "wine", name = "noisy", base = "wine", protocol = { oracle = { use = "uniform" } } }'
)
RARE = 'use = "imbalanced", base = "wdbc", positive = "malignant", share = 0.05, name = "rare"'
BASE = f"""
title = "Part"
models = ["gnb"]
strategies = ["random", "margin"]
trials = 2
metrics = ["accuracy"]
protocol = {{ use = "standard", budget = 30 }}
datasets = [
  {{ use = "iris", group = "a" }}, {{ use = "wine", group = "b" }},
  {{ {RARE}, group = "b" }}, {NOISY},
]
"""
PARTS = {
    "the baseline only": [["strategy=random"]],
    "neither rare nor noisy": [["dataset=iris,wine"]],
    "a strategy on one dataset": [["strategy=random"], ["strategy=margin", "dataset=rare"]],
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_the_results_is_shown_and_the_rest_named(
    part: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.toml").write_text(BASE)
    where = [str(tmp_path / "s.toml"), "--results", str(tmp_path / "r")]
    for only in PARTS[part]:
        asked = [word for item in only for word in ("--only", item)]
        assert exit_code(["run", *where, "--jobs", "1", *asked]) == 0
    assert exit_code(["leaderboard", *where, "--to", str(tmp_path / "site")]) == 0, part
    assert exit_code(["report", *where, "--to", str(tmp_path / "report.html")]) == 0, part
    assert "Traceback" not in capfd.readouterr().err
    for page in (tmp_path / "site" / "index.html", tmp_path / "report.html"):
        assert "These results are partial" in page.read_text(), page.name
    told = (tmp_path / "site" / "index.html").read_text()
    if part == "the baseline only":
        assert "No run is finished of the strategy margin." in told
    if part == "neither rare nor noisy":
        assert "No run is finished of 2 datasets: rare, noisy." in told


def test_a_sweep_of_protocols_is_shown_under_the_first_and_says_so() -> None:
    from albench.reporting.gaps import of_one_protocol
    from albench.suite.toml import load_suite

    suite = load_suite("quickstart")
    frame = pd.DataFrame({"protocol": ["a", "b", "a"], "n": [1, 2, 3]})
    assert of_one_protocol(suite, frame)[0] is frame
    sweep = replace(suite, protocols=(("a", suite.protocols[0][1]), ("b", suite.protocols[0][1])))
    kept, said = of_one_protocol(sweep, frame)
    assert kept["n"].tolist() == [1, 3]
    assert "under the protocol a; not shown here: b" in said[0]


def test_trials_that_are_missing_are_counted(tmp_path: Path) -> None:
    """As of a run that was stopped: trial 0 of one strategy is gone."""
    (tmp_path / "s.toml").write_text(BASE)
    where = [str(tmp_path / "s.toml"), "--results", str(tmp_path / "r")]
    assert exit_code(["run", *where, "--jobs", "1", "--only", "dataset=iris,wine"]) == 0
    from albench.api.tables import read_results
    from albench.reporting.gaps import lacking
    from albench.suite.toml import load_suite

    runs, _ = read_results(str(tmp_path / "s.toml"), tmp_path / "r")
    gone = (runs["trial"] == 0) & (runs["strategy"] == "margin")
    part = runs.assign(status=runs["status"].mask(gone, "missing"))
    said = " ".join(lacking(load_suite(tmp_path / "s.toml"), pd.DataFrame(part)))
    assert "2 cells that ran have fewer trials than the 2 that were due, the least 1." in said
    assert json.dumps(said)
