"""Every shipped suite and protocol is readable; what a suite's keys mean."""

from pathlib import Path

import pytest

from albench.core.errors import BadValue
from albench.core.spec import Protocol
from albench.suite import Trials
from albench.suite.protocols import PROTOCOLS, protocol, protocol_name
from albench.suite.toml import load_suite, shipped


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_suites_are_readable(name: str) -> None:
    suite = load_suite(name)
    assert suite.title
    assert suite.primary in suite.metrics
    cells = list(suite.cells())
    assert len({cell[:5] for cell in cells}) == len(cells)
    assert len({spec.id for spec in suite.specs}) == len(suite.specs)


RARE = '{ use = "imbalanced", base = "wdbc", positive = "malignant", share = 0.05 }'


@pytest.mark.parametrize(
    ("datasets", "more", "wanted"),
    [
        (f"[{RARE}]", "", "average_precision_macro"),
        ('["sick"]', "", "average_precision_macro"),  # 6.1 %, as its catalogue says
        (f'[{RARE}, "mine"]', "", "average_precision_macro"),
        (f'[{RARE}, "iris"]', "", "accuracy"),  # not all are rare
        ('["digits"]', "", "accuracy"),  # ten even classes of a tenth are not rare
        (f"[{RARE.replace('0.05', '0.11')}]", "", "accuracy"),
        (f"[{RARE}]", 'primary = "accuracy"', "accuracy"),
        ("[{ use = 'openml', id = 40701 }]", "", "accuracy"),  # not known without a download
    ],
)
def test_the_primary_metric_of_rare_classes(
    tmp_path: Path, datasets: str, more: str, wanted: str
) -> None:
    (tmp_path / "d.csv").write_text("x,y\n" + "".join(f"{i},{int(i < 4)}\n" for i in range(100)))
    mine = '{ use = "csv", path = "d.csv", target = "y", name = "mine" }'
    file = tmp_path / "s.toml"
    file.write_text(
        f"datasets = {datasets.replace(chr(34) + 'mine' + chr(34), mine)}\n"
        'models = ["gnb"]\nstrategies = ["random", "margin"]\n'
        f'metrics = ["accuracy", "f1_macro"]\n{more}\n'
    )
    suite = load_suite(file)
    assert suite.primary == suite.question().metric == wanted
    beside = wanted != "accuracy"
    kept = ("average_precision_macro",) * beside + ("accuracy", "f1_macro")
    assert suite.metrics == kept + ("balanced_accuracy",) * beside


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_protocols(name: str) -> None:
    value, text = PROTOCOLS[name]
    assert text
    assert Protocol.from_table(value.table()) == value
    assert protocol(protocol_name(value)) == value


def test_standard_is_what_it_says() -> None:
    standard = protocol("standard")
    assert (standard.test, standard.start, standard.batch, standard.budget) == (0.4, 20, 10, 200)
    assert (standard.scale, standard.missing, standard.ties) == ("train", "allow", "pool-order")
    assert standard.table() == {}


def suite_file(folder: Path, **lines: str) -> Path:
    text = {
        "datasets": '["iris"]',
        "models": '["gnb"]',
        "strategies": '["random", "margin"]',
    } | lines
    file = folder / "s.toml"
    file.write_text("\n".join(f"{key} = {value}" for key, value in text.items()))
    return file


def test_labels_are_not_identity(tmp_path: Path) -> None:
    plain = load_suite(suite_file(tmp_path))
    named = load_suite(suite_file(tmp_path, strategies='["random", {use="margin", name="US"}]'))
    assert plain.specs == named.specs
    assert [s.label for s in named.strategies] == ["random", "US"]
    assert [s.label for s in named.only({"strategy": ["US"]}).strategies] == ["random", "US"]


def test_query_models(tmp_path: Path) -> None:
    models = '["gnb", {use = "svc-rbf", query = "logreg"}]'
    strategies = '["random", {use = "entropy", name = "E", query = {use = "logreg", C = 0.1}}]'
    suite = load_suite(suite_file(tmp_path, models=models, strategies=strategies, trials="1"))
    found = {(c.model, c.strategy): c.spec.query_model.label for c in suite.cells()}
    assert found["svc-rbf (query: logreg)", "random"] == "logreg"
    assert found["gnb", "random"] == "gnb"
    assert found["gnb", "E"] == "logreg(C=0.1)"


def test_trials(tmp_path: Path) -> None:
    datasets = '["iris", {use = "wine", trials = {seeds = "5-7,9", take = 2}}]'
    suite = load_suite(suite_file(tmp_path, datasets=datasets, trials="3"))
    trials = {
        d: [c.trial for c in suite.cells() if c[0::3][:2] == (d, "margin")]
        for d in ("iris", "wine")
    }
    assert trials == {"iris": [0, 1, 2], "wine": [5, 6]}
    assert Trials((0, 1, 2, 3, 4), 2).standing([0, 2]) == (0, 1, 2, 3)
    assert suite.with_trials(1).trials.standing(()) == (0,)
    for wrong in ('"many"', "{seeds = 'x'}", "{take = 0}", "{seeds = '0-3', take = 9}", "-1"):
        with pytest.raises(BadValue, match="trials"):
            load_suite(suite_file(tmp_path, trials=wrong))


def test_sweep_of_protocols(tmp_path: Path) -> None:
    suite = load_suite(
        suite_file(tmp_path, protocols='["standard", {use="standard", batch=1, name="one"}]')
    )
    assert {c.protocol for c in suite.cells()} == {"standard", "one"}
    with pytest.raises(BadValue, match="give one of the two"):
        load_suite(suite_file(tmp_path, protocols='["standard"]', protocol='"standard"'))


def test_the_full_pool_run_is_part_of_the_grid(tmp_path: Path) -> None:
    suite = load_suite(suite_file(tmp_path, trials="2"))
    assert [c.strategy for c in suite.cells()] == ["all", "random", "margin"] * 2


def test_a_bound_may_be_run_on_some_datasets_only(tmp_path: Path) -> None:
    text = BOUNDED.replace("WHERE", "iris")
    (tmp_path / "s.toml").write_text(text)
    suite = load_suite(tmp_path / "s.toml")
    bought = {(c.dataset, c.strategy) for c in suite.cells() if c.strategy != "all"}
    assert bought == {("iris", "random"), ("wine", "random"), ("iris", "greedy_oracle")}
    (tmp_path / "s.toml").write_text(BOUNDED.replace("WHERE", "irs"))
    with pytest.raises(BadValue, match=r"datasets: there is no 'irs'; did you mean 'iris'"):
        load_suite(tmp_path / "s.toml")
    (tmp_path / "s.toml").write_text(text.replace("greedy_oracle", "margin"))
    with pytest.raises(BadValue, match="is for bounds; what is ranked runs on all"):
        load_suite(tmp_path / "s.toml")


BOUNDED = """
datasets = ["iris", "wine"]
models = ["gnb"]
trials = 2
strategies = ["random", { use = "greedy_oracle", name = "greedy_oracle", datasets = ["WHERE"] }]
"""
