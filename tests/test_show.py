"""Tables on a terminal: what fits is shown, what does not is named."""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from albench.cli import exit_code
from albench.cli.output import fitting, heads

ROOT = Path(__file__).parents[1]
CODE = """
from albench.cli.output import show
names = ["strategy", "verdict", "difference", "interval", "Holm p", "p", "posterior", "detectable"]
cells = ["least_confident", "better", "+0.0123", "[+0.0100, +0.0150]"] + ["0.0012"] * 4
show([dict(zip(names, cells))], names)
"""


def on_a_terminal(width: int) -> str:
    """What `CODE` prints where standard output is a terminal of that width."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": str(width), "PYTHONPATH": str(ROOT), "TERM": "xterm"},
    )
    _, errors = process.communicate(timeout=60)
    os.close(theirs)
    seen = os.read(ours, 65536).decode()
    os.close(ours)
    assert process.returncode == 0, errors
    return re.sub(r"\x1b\[[\d;]*m", "", seen) + errors


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_narrow_terminal_shows_the_first_columns_and_names_the_others() -> None:
    text = on_a_terminal(80)
    lines = text.splitlines()
    head = next(line for line in lines if "strategy" in line)
    assert max(map(len, lines[:4])) <= 80
    assert "Holm p" in head
    assert "detectable" not in head
    assert "[+0.0100, +0.0150]" in text
    told = " ".join(lines[next(i for i, line in enumerate(lines) if "left out" in line) :])
    assert "detectable" in told
    assert "--format csv or json has all" in told


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_wide_terminal_shows_all() -> None:
    text = on_a_terminal(200)
    assert "detectable" in text
    assert "left out" not in text


@pytest.mark.parametrize(("width", "whole"), [("80", False), ("200", True), ("", True)])
def test_what_is_piped_is_as_wide_as_columns_says_and_else_whole(width: str, whole: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": width, "PYTHONPATH": str(ROOT)},
    )
    assert ("detectable" in done.stdout) == whole
    assert ("left out: " in done.stderr) != whole
    if not whole:
        assert max(map(len, done.stdout.splitlines())) <= int(width)


def test_two_columns_stay_whatever_the_width() -> None:
    assert fitting([["a" * 50, "b" * 50, "c"]], ["x", "y", "z"], 10) == [0, 1]
    assert fitting([["a" * 50, "b" * 50, "c"]], ["x", "y", "z"], 57) == [0, 1, 2]
    assert fitting([], ["x"], 1) == [0]


def test_a_kept_column_stays_and_others_go_first() -> None:
    cells = [["iris", "standard", "gnb", "mine", "KeyError: 'x'" * 9]]
    columns = ["dataset", "protocol", "model", "strategy", "reason"]
    assert fitting(cells, columns, 60, ["strategy", "reason"]) == [0, 1, 3, 4]
    assert fitting(cells, columns, 20, ["strategy", "reason"]) == [3, 4]
    assert fitting(cells, columns, 60) == [0, 1, 2, 3]


def test_what_is_the_same_in_every_row_goes_first() -> None:
    cells = [["iris", "standard", "gnb", "mine", "0.5"], ["wine", "standard", "gnb", "yours", "1"]]
    columns = ["dataset", "protocol", "model", "strategy", "found"]
    assert fitting(cells, columns, 40) == [0, 1, 3, 4]
    assert fitting(cells, columns, 30) == [0, 3, 4]
    assert fitting(cells, columns, 30, ["protocol", "found"]) == [0, 1, 4]
    assert fitting(cells, columns, 80) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("compare", ["detectable", "P(equal)"]),
        ("curves", ["utilisation", "stability"]),
        ("rare", ["discovery", "found"]),
        ("bias", ["ess", "tv"]),
        ("noise", ["misled", "affinity"]),
        ("audit", ["tau", "regret"]),
        ("coverage", ["nearest_mean"]),
    ],
)
def test_help_says_what_columns_hold(
    command: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code([command, "--help"]) == 0
    said = capsys.readouterr().out.partition("Columns:")[2]
    for word in words:
        assert re.search(rf"^ +{re.escape(word)} ", said, re.M), word


def test_every_measure_that_is_shown_is_explained() -> None:
    from albench.analysis.bought import bias, coverage, rare

    assert set(bias.SHOWN) <= set(heads("bias"))
    assert set(coverage.SHOWN) <= set(heads("coverage"))
    assert set(rare.SHOWN) <= set(heads("rare"))
    assert {"wrong", "base", "affinity", "misled", "memorised"} <= set(heads("noise"))


def test_prose_is_wrapped_at_words_and_nothing_long_is_cut() -> None:
    from albench.core.display import line_width, wrapped

    path = "/a/" + "x" * 40
    assert wrapped(f"one two three four five six\n\nsee {path}", 20).split("\n") == [
        "one two three four",
        "five six",
        "",
        "see",
        path,
    ]
    assert wrapped("one two three four five six", None) == "one two three four five six"
    pipe = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for given, found in (("90", 90), ("", None), ("0", None), ("wide", None)):
            patch.setenv("COLUMNS", given)
            assert line_width(pipe) == found
