"""A small suite with names that nobody should trust, run once for the tests of pages."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

EVIL = "<script>alert(1)</script>"
WORSE = "\"onload=x=1 '{{7*7}} $x_1$ | & ../../up"
SUITE = f'''
title = "A <b>bold</b> claim"
cite = "Nobody <i>1999</i>"
models = ["gnb"]
strategies = [
  "random", "margin",
  {{ use = "kcenter", name = {EVIL!r} }},
  {{ use = "entropy", name = """{WORSE}""" }},
  {{ use = "worst", name = "=cmd" }},
  {{ use = "greedy_oracle", name = "<i>bound</i>", candidates = 2, datasets = ["iris"] }},
]
trials = 3
metrics = ["accuracy", "f1_macro"]
protocol = {{ use = "standard", budget = 60 }}
[[datasets]]
use = "iris"
group = "flowers"
[[datasets]]
use = "wine"
name = "<img src=x onerror=alert(2)>"
group = "drinks"
'''


@cache
def stored() -> Path:
    """A folder with `s.toml` and its `results`."""
    from albench.runner import run
    from albench.suite.toml import load_suite

    folder = Path(mkdtemp(prefix="albench-site-"))
    (folder / "s.toml").write_text(SUITE)
    run(load_suite(folder / "s.toml"), folder / "results", jobs=1)
    return folder


@cache
def site() -> Path:
    """The folder of the site and the report of that suite."""
    from albench.cli import exit_code

    folder = stored()
    where = [str(folder / "s.toml"), "--results", str(folder / "results")]
    assert exit_code(["leaderboard", *where, "--to", str(folder / "site")]) == 0
    assert exit_code(["report", *where, "--to", str(folder / "site" / "report.html")]) == 0
    return folder / "site"
