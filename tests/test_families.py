"""Generated datasets of `families`: their definitions, and that suites may hold variants."""

from pathlib import Path

import numpy as np
import pytest

from albench.core import registry
from albench.core.errors import UnknownName
from albench.core.spec import Ref
from albench.suite.toml import load_suite

NAMES = [n for n in registry.names("dataset") if n.startswith("synthetic-")]


@pytest.mark.parametrize("name", NAMES)
def test_data_depend_on_the_parameters_alone(name: str) -> None:
    entry = registry.entry("dataset", name)
    one, same = (registry.build("dataset", registry.resolve("dataset", name)) for _ in range(2))
    other = registry.build("dataset", registry.resolve("dataset", {"use": name, "seed": 1}))
    assert (one.X == same.X).all()
    assert (one.y == same.y).all()
    assert not np.array_equal(one.X, other.X)
    assert (one.n, one.d, len(one.classes)) == tuple(
        getattr(entry.traits, k) for k in ("n", "d", "classes")
    )
    assert len(np.unique(one.y)) == len(one.classes)


def test_led_without_noise_shows_the_digit() -> None:
    from albench.datasets.synthetic import SEGMENTS, led

    found = led(noise=0.0)
    shown = ["".join(str(int(v)) for v in row) for row in found.X]
    assert shown == [SEGMENTS[digit] for digit in found.y]


def test_parity_tells_nothing_by_one_feature_and_all_by_two() -> None:
    from albench.datasets.synthetic import parity

    found = parity(n=4000)
    for column in found.X.T:
        assert abs(np.corrcoef(column, found.y)[0, 1]) < 0.05
    assert (((found.X[:, 0] < 0) ^ (found.X[:, 1] < 0)) == (found.y == 0)).all()


def test_shell_is_balanced_and_round() -> None:
    from albench.datasets.synthetic import shell

    found = shell(n=5000)
    assert abs(found.y.mean() - 0.5) < 0.03
    assert ((found.X**2).sum(axis=1)[found.y == 1] > 9.34).all()


VARIANTS = """
models = ["gnb"]
strategies = ["random"]
trials = 1
[[datasets]]
use = "iris"
[[datasets]]
use = "iris"
name = "wrong"
group = "noisy"
base = "iris"
protocol = {oracle = {use = "uniform", rate = 0.3}, budget = 60}
"""


def test_a_variant_has_fields_of_its_own_and_counts_with_its_base(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(VARIANTS)
    suite = load_suite(path)
    assert suite.bases == {"iris": "iris", "wrong": "iris"}
    assert [d.group for d in suite.datasets] == ["", "noisy"]
    cells = {c.dataset: c for c in suite.cells() if c.strategy == "random"}
    assert cells["iris"].protocol == cells["wrong"].protocol == "standard"
    ours = cells["wrong"].spec.protocol
    assert ours.oracle == Ref("uniform", params=(("rate", 0.3),))
    assert ours.budget == 60
    assert cells["iris"].spec.protocol.budget == 200
    same = [c.spec.seed("split") for c in cells.values()]
    assert same[0] == same[1]


def test_a_variant_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(VARIANTS.replace("budget = 60", "bugdet = 60"))
    with pytest.raises(UnknownName, match="'bugdet'; did you mean 'budget'"):
        load_suite(path)


def test_the_leaderboard_has_the_bases_that_its_tests_need() -> None:
    suite = load_suite("leaderboard")
    assert len(set(suite.bases.values())) >= 15
    assert {len(registry.build("dataset", d.ref).classes) for d in suite.datasets} >= {2, 3, 10}
    assert len(suite.models) == 2
    assert len(suite.metrics) == 3
    assert suite.trials.take >= 20
    groups = {d.group for d in suite.datasets}
    assert groups == {"measured", "generated", "imbalanced", "noisy oracle"}
