"""What a dry run estimates."""

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from albench.datasets._cut import cut
from albench.runner import plan
from albench.runner.worker import resident
from albench.suite.toml import load_suite


def test_a_dry_run_times_refits_that_engines_cannot_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        """Takes time for rows that are new since its last fit, as engines do."""

        def __init__(self) -> None:
            self.rows = np.empty(0, dtype=int)

        def fit(self, rows: Any, y: Any) -> Any:
            time.sleep(0.01 * (len(np.setdiff1d(rows, self.rows)) > 0))
            self.rows = rows
            return SimpleNamespace(predicted=lambda part: None)

    spec = next(s for s in load_suite("quickstart").specs if s.dataset.name == "wdbc")
    task = cut(resident(spec.dataset), spec)
    monkeypatch.setattr(plan.engines, "learner", lambda *args, **kwargs: Slow())
    round_, whole = plan.timed_fits(spec, task)
    assert 0.01 <= round_ < 0.1
    assert whole >= 0.01 * len(task.y) / task.budget


def test_stored_trials_tell_what_further_ones_take(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from albench import runner
    from albench.core.errors import BadValue
    from albench.results.store import Store
    from albench.runner import run
    from albench.runner.grid import missing

    file = tmp_path / "s.toml"
    file.write_text(
        """
        datasets = ["iris"]
        models = ["gnb"]
        strategies = ["random", "margin"]
        trials = 2
        protocol = {start = 5, budget = 20}
        """
    )
    suite = load_suite(file)
    said: list[str] = []
    monkeypatch.setattr(runner, "notices", lambda: ["numba is not installed"])
    run(suite, tmp_path / "r", jobs=1, report=said.append)
    assert said.count("numba is not installed") == 1
    run(suite, tmp_path / "r", jobs=1, report=said.append)
    assert said.count("numba is not installed") == 1  # nothing was to do
    store, more = Store(tmp_path / "r"), load_suite(file).with_trials(5)
    told = plan.seconds_stored(store)
    assert {cell[-1] for cell in told} == {"all", "random", "margin"}
    found = plan.plan(more, store, None, lambda sentence: None)
    todo = missing(more, store)
    assert found["runs"] == found["measured"] == len(todo) == 9
    due = sum(told[plan.cell_of(spec)] + plan.A_RUN for spec in todo)
    assert found["rows"][0]["hours"] * 3600 == pytest.approx(due)
    # made elsewhere, they say nothing of this machine
    with store.writing():
        store.note(machine={"cpu": "another", "cores": 1})
    assert plan.seconds_stored(store) == {}
    with pytest.raises(BadValue):
        plan.plan(more, store, (3, 2), lambda sentence: None)


def test_a_profile_names_models_strategies_and_waiting() -> None:
    from albench.runner import Progress

    progress = Progress(3, workers=2)
    progress.began = time.monotonic() - 10
    progress.parts = {
        ("logreg", "margin"): {"fit": 3.0, "strategy": 1.0},
        ("logreg", "random"): {"fit": 2.0},
        ("gnb", "margin"): {"fit": 4.0},
    }
    progress.storing = 1.0
    rows = plan.profiled(progress)
    totals = {
        (row["model"], row["strategy"], row["part"]): row
        for row in rows
        if row["part"] not in plan.PARTS
    }
    assert list(totals)[:2] == [("logreg", "", "all"), ("gnb", "", "all")]
    assert totals["logreg", "", "all"]["seconds"] == 6.0
    assert totals["", "margin", "all"]["seconds"] == 8.0
    assert totals["", "margin", "all"]["share"] == pytest.approx(8 / 20, abs=0.01)
    assert totals["", "", "idle"]["share"] == pytest.approx(10 / 20, abs=0.01)
    assert totals["", "", "store"]["share"] == pytest.approx(1 / 20, abs=0.01)
    models = sum(r["share"] for key, r in totals.items() if key[0])
    assert models + totals["", "", "idle"]["share"] == pytest.approx(1, abs=0.01)
