"""`run --until decided`: looks at a suite's runs, and when they end."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from generated import curves_of

from albench.analysis.comparison import looks
from albench.analysis.question import Options
from albench.cli import exit_code
from albench.core.errors import BadValue
from albench.runner import looks as sequential
from albench.suite.toml import load_suite

ASK = Options("accuracy", "higher", rope=0.01)


def first(frame: pd.DataFrame) -> Callable[[int], sequential.Tables]:
    """The tables of the first trials of a frame of curves."""
    return lambda n: (frame[frame["trial"] < n], None)  # type: ignore[return-value]


def test_a_clear_difference_is_decided_before_all_trials() -> None:
    frame = curves_of(12, 2, 20, effect=0.05)
    design = looks.Design(looks.schedule(20))
    found = list(sequential.until_decided(design, ASK, first(frame)))
    last = found[-1]
    assert last.stop == "decided"
    assert last.trials < 20
    assert last.decided == {("standard", "logreg", "margin"): "better"}
    assert [look.stop for look in found[:-1]] == [""] * (len(found) - 1)
    told = sequential.sentence(last, design)
    assert told == (
        f"{last.trials} trials: 1 of 1 comparisons decided; nothing is open, so no more trials are "
        "run"
    )


def test_what_more_trials_cannot_decide_ends_as_futile() -> None:
    """Half of the datasets at +.04 and half at -.04: neither ahead nor equal at any number."""
    frame = curves_of(12, 2, 20, effect=0.0)
    sign = frame["dataset"].str[-1].astype(int).mod(2).map({0: 1, 1: -1})
    hump = (frame["n_labeled"] > 20) & (frame["strategy"] == "margin")
    frame = frame.assign(accuracy=frame["accuracy"] + 0.04 * sign * hump)
    design = looks.Design(looks.schedule(20))
    (*_, last) = sequential.until_decided(design, ASK, first(frame))
    assert (last.stop, last.trials) == ("futile", 4)
    assert "so no more are run" in sequential.sentence(last, design)
    assert sequential.verdicts_of(last)[0]["verdict"] == "open"


def test_the_last_look_is_the_limit() -> None:
    frame = curves_of(12, 3, 4, effect=0.002)
    design = looks.Design(looks.schedule(4))
    (only,) = sequential.until_decided(design, ASK, first(frame))
    assert only.stop in ("limit", "decided")
    assert only.levels["equal"] == pytest.approx(0.05)


def test_too_few_datasets_are_refused_with_what_helps() -> None:
    design = looks.Design(looks.schedule(20))
    with pytest.raises(BadValue, match='declare scope = "these"'):
        next(sequential.until_decided(design, ASK, first(curves_of(4, 3, 20))))
    these = looks.Design(looks.schedule(20), scope="these")
    next(sequential.until_decided(these, ASK, first(curves_of(4, 3, 20))))


SUITE = """
title = "tiny"
protocol = { name = "p", use = "standard", start = 6, batch = 10, budget = 26 }
models = ["gnb"]
strategies = ["random", "margin"]
trials = 4
metrics = ["accuracy"]
scope = "these"
datasets = ["iris"]
"""


def test_runs_are_those_of_a_fixed_design(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(SUITE)
    one, two = tmp_path / "one", tmp_path / "two"
    shared = ["--jobs", "1", "--results"]
    sequence = ["--until", "decided", "--max-trials", "8"]
    assert exit_code(["run", str(file), *shared, str(one), *sequence]) == 0
    said = capsys.readouterr().err
    assert "looks at 4, 8 trials, on these datasets; alpha spending" in said
    noted = json.loads((one / "manifest.json").read_text())["looks"]
    trials = noted["taken"][-1]["trials"]
    assert noted["planned"] == [4, 8]
    assert exit_code(["run", str(file), *shared, str(two), "--trials", str(trials)]) == 0
    columns = ["run", "accuracy"]
    tables = [
        pd.read_parquet(folder / "rounds.parquet")[columns].sort_values(columns)
        for folder in (one, two)
    ]
    pd.testing.assert_frame_equal(*(t.reset_index(drop=True) for t in tables))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-trials", "9"], "--max-trials is of --until decided"),
        (["--until", "decided", "--trials", "3"], "--trials and --until decided contradict"),
        (["--until", "decided", "--shard", "1/2"], "cannot run with --shard"),
        (["--until", "decided", "--max-trials", "1"], "a whole number of at least 2"),
        (["--until", "bored"], "bored"),
    ],
)
def test_options_that_contradict_are_refused(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(SUITE)
    assert exit_code(["run", str(file), "--results", str(tmp_path / "r"), *options]) == 2
    assert said in capsys.readouterr().err


def test_a_suite_declares_its_scope(tmp_path: Path) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(SUITE)
    assert load_suite(file).scope == "these"
    file.write_text(SUITE.replace('"these"', '"everywhere"'))
    with pytest.raises(BadValue, match="'beyond'"):
        load_suite(file)
