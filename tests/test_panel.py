"""What `new suite` makes of a table: the rules of the panel, and that options carry through."""

import tomllib
from pathlib import Path

import pytest

from albench.cli import exit_code
from albench.core import registry
from albench.core.errors import BadValue
from albench.suite.panel import Asked, Facts, panel
from albench.suite.toml import load_suite

ONE_NAME = {"margin", "entropy", "least_confident"}


def facts(*counts: int, width: int = 5, split: str = "random") -> Facts:
    return Facts({f"c{i:02}": n for i, n in enumerate(counts)}, width, split)


def test_two_classes_have_one_name_for_one_strategy() -> None:
    assert len(ONE_NAME & set(panel(facts(300, 200), Asked()).strategies)) == 1
    assert set(panel(facts(300, 200, 100), Asked()).strategies) >= ONE_NAME


def test_a_rare_class_is_looked_for_and_judged_by_average_precision() -> None:
    made = panel(facts(960, 40), Asked())
    assert made.primary == "average_precision_macro"
    families = {registry.entry("strategy", s).traits.family for s in made.strategies}
    assert "imbalance" in families
    assert made.protocol["start_rule"] == "cover"
    assert made.protocol["split"] == "stratified"
    assert any("'c01' is rare (4.0%)" in line for line in made.why)
    assert "start_rule" not in panel(facts(999, 1), Asked()).protocol  # no start can have it


def test_many_classes_wide_and_large_tables() -> None:
    many = panel(facts(*[40] * 26), Asked())
    assert "typiclust" in many.strategies
    assert many.protocol["budget"] == 260
    assert many.protocol["start"] >= 26
    wide = panel(facts(30, 30, width=2000), Asked())
    assert wide.models == ("logreg", "svc-linear")
    large = panel(facts(30_000, 20_000), Asked())
    assert "kcenter" not in large.strategies
    assert large.trials == 10


@pytest.mark.parametrize("counts", [(9, 9), (30, 10), (500, 20), (3, 2), (40, 40, 2), (5,) * 60])
def test_each_panel_is_of_entries_and_amounts_that_exist(counts: tuple[int, ...]) -> None:
    made = panel(facts(*counts), Asked())
    for kind, names in (
        ("strategy", made.strategies),
        ("model", made.models),
        ("metric", made.metrics),
    ):
        assert set(names) <= set(registry.names(kind))  # type: ignore[arg-type]
    start, batch, budget = (made.protocol[k] for k in ("start", "batch", "budget"))
    assert 1 <= start < budget <= max(3, int(0.6 * sum(counts)))
    assert batch >= 1
    assert made.why


def test_what_cannot_be_asked() -> None:
    for asked, said in (
        (Asked(budget=2), "--budget 2: from 3 to 300"),
        (Asked(budget=301), "--budget 301"),
        (Asked(batch=500), "--batch 500: from 1 to"),
        (Asked(session=-1.0), "--session -1"),
    ):
        with pytest.raises(BadValue, match=said):
            panel(facts(250, 250), asked)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command on a table with costs and groups, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALBENCH_DATA", str(tmp_path / "cache"))
    rows = (
        f"{i * 7 % 11}.5,p{i // 4},2020-01-{1 + i % 28:02},{'yn'[i * i % 3 == 1]}"
        for i in range(120)
    )
    Path("my table.csv").write_text("v,patient,day,label\n" + "\n".join(rows) + "\n")
    Path("prices.csv").write_text("row,cost\n" + "".join(f"{i},2\n" for i in range(120)))
    return [
        "new",
        "suite",
        "--data",
        "my table.csv",
        "--target",
        "label",
        "--to",
        "s.toml",
        "--force",
    ]


def test_options_carry_through_to_the_answer(
    mine: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--cost", "y=5", "--cost", "n=1", "--session", "20", "--batch", "2", "--budget", "24"]
    more += ["--seconds-per-label", "30", "--group", "patient", "--dates", "drop"]
    assert exit_code([*mine, *more]) == 0
    capsys.readouterr()
    suite = load_suite("s.toml")
    assert suite.axis == suite.question().axis == "cost"
    protocol = suite.protocols[0][1]
    assert (protocol.split, protocol.session, protocol.batch, protocol.budget) == (
        "group",
        20,
        2,
        24,
    )
    assert (
        exit_code(["run", "s.toml", "--trials", "2", "--only", "model=logreg", "--jobs", "1"]) == 0
    )
    assert "24 labels at 30 s are 0.2 hours of labelling" in capsys.readouterr().err
    assert exit_code(["compare", "s.toml", "--only", "model=logreg"]) == 0
    assert "answers are by cost" in capsys.readouterr().err
    labels = ["compare", "s.toml", "--only", "model=logreg", "--axis", "labels"]
    assert exit_code(labels) == 0
    assert "answers are by cost" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "cost"),
    [
        ("2.5", {"use": "constant", "label": 2.5}),
        ("prices.csv", {"use": "per_row"}),
        ("y=4", {"use": "per_class", "classes": ["y"], "prices": [4.0]}),
    ],
)
def test_costs(mine: list[str], given: str, cost: dict[str, object]) -> None:
    assert exit_code([*mine, "--drop", "patient", "--time", "day", "--cost", given]) == 0
    protocol = tomllib.loads(Path("s.toml").read_text())["protocol"]
    assert protocol["cost"].items() >= cost.items()
    assert protocol["split"] == "time"
    assert exit_code(["run", "s.toml", "--dry-run"]) == 0


def test_costs_that_are_none(mine: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for given, said in (
        ("z=4", "no such class"),
        ("y=x", "a price such as 2.5"),
        ("-1", "a price such as 2.5"),
    ):
        assert exit_code([*mine, "--dates", "drop", "--cost", given]) == 2
        assert said in capsys.readouterr().err


def test_the_command_is_quoted(mine: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code([*mine[:6], "--dates", "drop"]) == 0
    assert "albench run 'my table.toml'" in capsys.readouterr().out


def test_stopping_rules_are_declared_and_known() -> None:
    """The suite that is written names stopping rules, and each of them is an entry."""
    from albench.cli.tables import suite_text

    chosen = panel(Facts({"no": 200, "yes": 200}, 6), Asked())
    written = tomllib.loads(suite_text("Which?", {"use": "csv"}, chosen, []))
    assert written["stopping"] == ["classification_change", "stabilising_predictions"]
    assert set(written["stopping"]) <= set(registry.names("stopping"))
