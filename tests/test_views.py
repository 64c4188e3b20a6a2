"""The views of what was bought: whole suites, in any number of processes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bought_runs import ran

from albench.analysis.bought import audit, coverage
from albench.analysis.comparison import compare
from albench.core.errors import BadResults, BadValue
from albench.reporting.page import drawn_bought
from albench.reporting.source import Source
from albench.reporting.views import VIEWS, figured
from albench.runner import cuts, open_store, run
from albench.runner.grid import labelled
from albench.suite.toml import load_suite

SUITE = """
datasets = ["iris"]
models = ["logreg"]
strategies = ["random", "margin"]
trials = 4
trace = true
protocol = {use = "standard", start = 10, budget = 30, audit = 30}
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    folder = tmp_path_factory.mktemp("views")
    (folder / "s.toml").write_text(SUITE)
    suite = load_suite(folder / "s.toml")
    run(suite, folder / "r", jobs=1)
    return suite, *labelled(suite, open_store(suite, folder / "r"))


def test_processes_do_not_change_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuts, "FEW", 1)
    runs, rounds, specs = ran()
    for analysis in (coverage.measured, audit.measured):
        alone = cuts.over_cuts(analysis, runs, rounds, specs, 1)
        together = cuts.over_cuts(analysis, runs, rounds, specs, 2)
        at_once = analysis(runs, rounds, cuts.cuts(cuts.blocks(specs)[0]))
        for one, two, first in zip(*map(as_tuple, (alone, together, at_once)), strict=True):
            pd.testing.assert_frame_equal(one, two)
            same = one[one["trial"] == 0].dropna(axis=1, how="all").reset_index(drop=True)
            pd.testing.assert_frame_equal(
                same, first[first["trial"] == 0][list(same)], check_dtype=False
            )


def as_tuple(found: Any) -> tuple[pd.DataFrame, ...]:
    return found if isinstance(found, tuple) else (found,)


def test_every_view_has_its_table_and_words(tables: tuple[Any, ...]) -> None:
    source = Source(*tables)
    for topic, views in VIEWS.items():
        for name, make in views.items():
            view = make(source)
            assert (view.topic, view.name) == (topic, name)
            assert len(view.table)
            assert len(view.long)
            assert view.title
            assert all(line.endswith(".") for line in view.lines)


def test_what_does_not_apply_is_left_out_with_a_reason(tables: tuple[Any, ...]) -> None:
    source = Source(*tables)
    views, left_out = figured(source)
    assert [view.name for view in views] == ["drift", "focus", "distance", "errors"]
    assert len(left_out) == 3
    assert "rarest class" in left_out[0]
    assert "exact" in left_out[1]
    assert "annotators" in left_out[2]
    order = [s.label for s in source.suite.strategies]
    names = [p["name"] for v in views for p in drawn_bought(v.frames(), order, "random", "x")]
    assert names == [
        "tv",
        "energy",
        "picks-iris",
        "boundary",
        "nearest-mean",
        "cluster-tv",
        "composition-iris",
        "audit",
    ]


def test_few_trials_are_said_to_be_few(tables: tuple[Any, ...]) -> None:
    source = Source(*tables, most=5)
    assert (source.trials, source.of_trials) == (2, 4)
    view = VIEWS["bias"]["drift"](source)
    assert set(view.table["trials"]) == {2}
    assert view.notes[0] == "rests on the first 2 of 4 trials"
    assert Source(*tables, most=1).trials == 1


def test_checkpoints_are_chosen_and_nulls_have_reasons(tables: tuple[Any, ...]) -> None:
    source = Source(*tables, checkpoints=(0.0, 1.0))
    errors = VIEWS["audit"]["errors"](source).long
    assert set(errors["checkpoint"]) == {0.0, 1.0}
    gone = errors[errors["bias"].isna()]
    assert len(gone)
    assert (gone["reason"] != "").all()
    assert (gone["trials"] == 0).all()
    assert (errors.loc[errors["bias"].notna(), "reason"] == "").all()
    focus = VIEWS["bias"]["focus"](source).long
    start = focus[focus["checkpoint"] == 0]
    assert start["value"].isna().all()
    assert start["reason"].str.contains("queried").all()


def test_a_suite_without_finished_runs_and_a_wrong_baseline(tables: tuple[Any, ...]) -> None:
    suite, runs, rounds = tables
    with pytest.raises(BadResults, match="no finished run"):
        VIEWS["bias"]["drift"](Source(suite, runs.assign(status="failed"), rounds))
    with pytest.raises(BadValue, match="nobody"):
        Source(suite, runs, rounds, baseline="nobody")


def test_plugins_reach_the_workers(
    tmp_path: Path, tables: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, runs, rounds = tables
    monkeypatch.setattr(cuts, "FEW", 1)
    (tmp_path / "mine.py").write_text("raise RuntimeError('was imported')\n")
    source = Source(replace(suite, plugins=(str(tmp_path / "mine.py"),)), runs, rounds, jobs=2)
    with pytest.raises(Exception, match="was imported"):
        VIEWS["bias"]["drift"](source)


def test_a_figure_is_a_function_and_an_entry(
    tables: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It then is drawn, has its caption, and stands in its section of the report."""
    from albench.plots import bought, figures
    from albench.plots.style import figure
    from albench.reporting import page_of
    from albench.reporting.figures import draw, draw_bought

    def mine(frame: pd.DataFrame, about: Any) -> Any:
        figure_of_mine = figure(2, 2)
        figure_of_mine.subplots().plot(frame["n"], frame["mean"])
        return figure_of_mine, f"My curves of {about.metric}."

    def theirs(frame: pd.DataFrame, look: Any) -> list[figures.Picture]:
        figure_of_theirs = figure(2, 2)
        figure_of_theirs.subplots().plot(frame["jaccard"])
        return [figures.Picture("theirs", figure_of_theirs, f"Theirs, {len(look)} strategies.")]

    entry = figures.Drawing(mine, figures.panels.learning_panel, "Gain", curves=True)
    monkeypatch.setitem(figures.FIGURES, "mine", entry)  # type: ignore[arg-type]
    drawing = bought.Drawing(("bias", "overlap"), theirs)
    monkeypatch.setitem(bought.FIGURES, "theirs", drawing)  # type: ignore[arg-type]
    suite, runs, rounds = tables
    comparison = compare(runs, rounds, suite.question())
    assert [name for name, _ in draw(comparison, tmp_path, ["svg"])][-1] == "mine"
    assert "My curves of accuracy." in (tmp_path / "captions.md").read_text()
    drawn, left_out = draw_bought(Source(*tables), tmp_path, ["svg"])
    assert "theirs" in dict(drawn), left_out
    store = open_store(suite, tmp_path / "nothing")
    text = page_of(suite, store, runs, rounds)
    gain, _, rest = text.partition("My curves of accuracy.")
    title = gain[gain.rindex("<h3") : gain.rindex("</h3>")]
    assert title.partition(">")[2].startswith("Gain"), title
    assert "Theirs, 2 strategies." in rest
