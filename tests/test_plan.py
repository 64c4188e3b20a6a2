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
