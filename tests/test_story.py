"""Someone adds a strategy of her own to a leaderboard, and a maintainer verifies it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sitemaker import stored

from albench.cli import exit_code
from albench.results.store import Store
from albench.runner import run
from albench.suite.toml import load_suite

MINE = """
import albench

@albench.strategy("mine", cite="me 2026", family="uncertainty", cost="O(nk)")
def mine(query):
    \"\"\"Largest margin first, against all reason.\"\"\"
    return query.top(query.margins)
"""


def test_an_added_strategy_runs_alone_and_is_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(stored(), tmp_path / "copy"))
    plugin, suite, results = folder / "mine.py", folder / "s.toml", folder / "results"
    plugin.write_text(MINE)
    before = set(Store(results).runs()["run"])
    progress = run(load_suite(suite, [plugin]).adding(["mine"]), results, jobs=1)
    assert progress.total == 1 * 2 * 3  # one strategy, two datasets, three trials
    runs = Store(results).runs(["strategy"])
    assert set(runs.loc[~runs["run"].isin(before), "strategy"]) == {"mine"}
    where = [str(suite), "--results", str(results), "--plugin", str(plugin)]
    assert exit_code(["leaderboard", *where, "--to", str(folder / "site")]) == 0
    assert "mine" in (folder / "site" / "index.html").read_text()
    assert (folder / "site" / "strategy-mine.html").is_file()
    assert exit_code(["verify", str(results), "--sample", "8", "--plugin", str(plugin)]) == 0
    assert "mine" in capsys.readouterr().out
    without = subprocess.run(  # a verifier who was not given the file
        [sys.executable, "-m", "albench", "verify", str(results), "--sample", "8"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert without.returncode == 0
    assert "not replayed: strategy 'mine' is unknown here; give the file" in without.stderr
