"""Stored picks scored with other models: equal to what is stored, paired, and added up."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import albench
from albench.analysis.transfer import STEPS, made_of, matrix, sentences
from albench.cli import exit_code
from albench.core import registry
from albench.core.errors import BadResults
from albench.core.spec import Ref
from albench.runner.cuts import cuts
from albench.runner.transfer import at_rounds, rescored

SUITE = (
    'datasets = ["iris", "wine"]\nmodels = ["logreg", "gnb"]\ntrials = 2\n'
    'strategies = ["random", "margin"]\nmetrics = ["accuracy", "log_loss"]\n'
    'protocol = {use = "standard", start = 10, batch = 5, budget = 30, oracle = {use = '
    '"abstaining", rate = 0.2}}\n'
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("transfer")
    (folder / "s.toml").write_text(SUITE)
    run = ["run", str(folder / "s.toml"), "--results", str(folder / "r"), "--jobs", "1"]
    assert exit_code(run) == 0
    return folder


def test_with_its_own_model_a_run_has_its_stored_scores(ran: Path) -> None:
    suite = albench.load_suite(ran / "s.toml")
    runs, rounds = albench.read_results(suite, ran / "r")
    runs = runs[runs["strategy"] != "all"]
    specs = [spec for spec in suite.specs if spec.id in set(runs["run"])]
    models = [(m.label, m.ref) for m in suite.models]
    for name in ("accuracy", "log_loss"):
        table = rescored(runs, rounds, cuts(specs), models=models, metric=Ref(name), points=99)
        own = table[table["model"] == table["scored"]]
        key = ["dataset", "model", "strategy", "trial", "round"]
        stored = runs.merge(rounds, on="run")[[*key, name]]
        both = own.merge(stored, on=key)
        assert len(both) == len(own) == len(stored)
        assert both["score"].to_numpy() == pytest.approx(both[name].to_numpy(), abs=1e-9)
        assert len(table) == 2 * len(own)


def test_rounds_are_spread_evenly_and_those_without_labels_left_out() -> None:
    assert at_rounds(np.arange(5), 10).tolist() == [1, 2, 3, 4]
    assert at_rounds(np.arange(10, 110), 4).tolist() == [0, 33, 66, 99]


def frame(curves: dict[tuple[str, str, str, str, int], tuple[float, float]]) -> pd.DataFrame:
    """dataset, model, strategy, scored, trial -> scores at 10 and 20 labels."""
    rows = [
        {"dataset": d, "protocol": "p", "model": m, "strategy": s, "trial": t, "scored": scored}
        | {"n_labeled": n, "score": score}
        for (d, m, s, scored, t), both in curves.items()
        for n, score in zip((10, 20), both, strict=True)
    ]
    return pd.DataFrame(rows)


def by_hand() -> pd.DataFrame:
    curves = {}
    for i, dataset in enumerate("abcd"):
        for queried in ("lr", "rf"):
            for scored in ("lr", "rf"):
                for trial in (0, 1):
                    place = (dataset, queried, "random", scored, trial)
                    curves[place] = (0.5, 0.7 + trial / 10)
                    gain = 0.10 if queried == scored else 0.02 + i / 100
                    at = (dataset, queried, "margin", scored, trial)
                    curves[at] = (0.5 + gain, 0.7 + trial / 10 + gain)
    return frame(curves)


def test_the_matrix_by_hand() -> None:
    found = matrix(by_hand(), "random", "higher").set_index(["queried", "scored"])
    home, away = found.loc[("lr", "lr")], found.loc[("lr", "rf")]
    assert home["gain"] == pytest.approx(0.10)
    assert home["lost"] == 0
    assert home["units"] == 4
    assert away["gain"] == pytest.approx(0.035)
    assert away["own"] == pytest.approx(0.10)
    assert away["lost"] == pytest.approx(-0.065)
    half = 3.182446305 * np.std([2, 3, 4, 5], ddof=1) / 100 / 2
    assert away["low"] == pytest.approx(0.035 - half)
    assert away["lost_high"] == pytest.approx(-0.065 + half)
    assert away["kept"] == pytest.approx(0.35)
    said = sentences(found.reset_index())
    assert said == [
        "margin (p): of 2 pairs of a query model and another task model, the picks of the task "
        "model itself gain surely more in 2, surely less in 0; in the others it is not told"
    ]


def test_a_lower_metric_gains_where_it_falls_and_a_baseline_is_needed() -> None:
    table = by_hand()
    found = matrix(table, "random", "lower")
    assert (found["gain"] < 0).all()
    assert found["kept"].isna().all()
    only = table[table["strategy"] == "margin"]
    with pytest.raises(BadResults, match="'random' has no runs"):
        matrix(only, "random", "higher")


def test_of_one_dataset_the_unit_is_the_trial() -> None:
    one = by_hand().query("dataset == 'a'")
    assert set(matrix(one, "random", "higher")["units"]) == {2}


def test_the_steps_add_up_to_the_whole_gain() -> None:
    levels = {"plain": 0.6, "weighted": 0.65, "both": 0.63}
    curves: dict[Any, Any] = {}
    for name, level in levels.items():
        for strategy, more in (("random", 0.0), ("margin", 0.08)):
            curves["a", "lr", strategy, name, 0] = (level + more, level + more)
    names = {name: name for name in levels}
    row = made_of(frame(curves), "random", "higher", names).iloc[0]
    assert [row[step] for step in STEPS] == pytest.approx([0.05, -0.02, 0.08])
    assert row["gain"] == pytest.approx(0.71 - 0.6)


def test_the_command(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["transfer", str(ran / "s.toml"), "--results", str(ran / "r"), "--format", "csv"]
    assert exit_code([*words, "--models", "gnb, logreg(C=0.1),logreg"]) == 0
    said = capsys.readouterr()
    table = pd.read_csv(io.StringIO(said.out))
    assert set(table["scored"]) == {"gnb", "logreg", "logreg(C=0.1)"}
    assert len(table) == 2 * 3
    assert table["units"].tolist() == [2] * 6
    figure = ran / "f.svg"
    assert exit_code([*words, "--parts", "--points", "2", "--figure", str(figure)]) == 0
    assert figure.stat().st_size > 1000
    parts = pd.read_csv(io.StringIO(capsys.readouterr().out.split("\n" + str(figure))[0]))
    assert parts["gain"].to_numpy() == pytest.approx(
        parts[list(STEPS)].sum(axis=1).to_numpy(), abs=2e-5
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "which models score"),
        (["--models", "logreg", "--points", "1"], "at least 2 evaluations"),
        (["--models", "no such"], "a name is due"),
        (["--models", "nosuch"], "unknown model 'nosuch'"),
        (["--models", "logreg(3)"], "key=value is due"),
        (["--models", "logreg", "--figure", "x.svg"], "needs --parts"),
    ],
)
def test_mistakes(
    ran: Path, more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["transfer", str(ran / "s.toml"), "--results", str(ran / "r"), *more]) == 2
    assert words in capsys.readouterr().err


def test_every_model_named_is_built_as_the_registry_says() -> None:
    from albench.cli.transfer import stack

    assert [label for label, _ in stack()] == [
        "logreg",
        "logreg(class_weight=balanced)",
        "logreg-cv(class_weight=balanced)",
    ]
    assert stack()[0][1] == registry.resolve("model", "logreg")
