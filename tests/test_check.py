"""Every cheat is caught by the check that is made for it, and honest strategies pass."""

import sys
from pathlib import Path

import pytest

from albench.cli import exit_code
from albench.core import registry
from albench.testing import behaviour, disguise
from albench.testing import behaviour as disguises
from albench.testing.audit import (
    ANSWERS,
    APART,
    BEYOND,
    EXPERIMENTS,
    GLOBAL,
    check_strategy,
    over,
)
from albench.testing.behaviour import elsewhere, likeness
from albench.testing.disguise import recognises
from albench.testing.scenes import SCENES, drawn
from albench.testing.watch import Libraries

CHEATS = Path(__file__).parent / "cheats.py"
SEED = 20261122
WIDE, SORTED = SCENES[17:18], SCENES[18:19]
RIGHT, LOOKS = "returns the rows that are due", "opens nothing, looks nowhere else"


@pytest.fixture(autouse=True, scope="module")
def cheats() -> None:
    registry.load_plugin(CHEATS)


def found(name: str, check: str, seed: int = SEED) -> str:
    """What a check says of a strategy; empty where it passes."""
    experiment, scenes = EXPERIMENTS[check]
    few = {"cheat-short": scenes[5:6], "cheat-wide": WIDE, "cheat-sorted": SORTED}.get(
        name, scenes[:3]
    )
    finding = over(check, experiment, registry.resolve("strategy", name), few, seed)
    return finding.found if finding.verdict == "fail" else ""


@pytest.mark.parametrize(
    ("name", "check", "said"),
    [
        ("frames", "blind to the test set", "test set was replaced"),
        ("frames", "opens nothing, looks nowhere else", "frames of its callers"),
        ("frames-quietly", "opens nothing, looks nowhere else", "frames of its callers"),
        ("registry", "opens nothing, looks nowhere else", "dataset 'iris' from the registry"),
        ("file", "opens nothing, looks nowhere else", "wine_data.csv"),
        ("memory", "opens nothing, looks nowhere else", "searches the memory"),
        ("memory-in-a-thread", "opens nothing, looks nowhere else", "searches the memory"),
        ("ctypes", "opens nothing, looks nowhere else", "compiled code through ctypes"),
        ("listing", "opens nothing, looks nowhere else", "lists the files"),
        ("rows", "returns the rows that are due", "no attribute 'rows'"),
        ("state", "keeps nothing between runs", "keeps something between runs"),
        ("count", "keeps nothing between runs", "keeps something between runs"),
        ("numpy", "leaves global generators alone", "global generator of numpy"),
        ("python", "leaves global generators alone", "global generator of Python"),
        ("numpy", "same spec, same picks", "run again"),
        ("unseeded", "same spec, same picks", "run again"),
        ("closure", "returns the rows that are due", "no attribute 'reveal'"),
        ("cell", "returns the rows that are due", "no attribute '__closure__'"),
        ("layout", "blind to the memory layout", "by column"),
        ("strides", "blind to the memory layout", "stored"),
        ("outside", "returns the rows that are due", "not in the pool"),
        ("twice", "returns the rows that are due", "a row twice"),
        ("short", "returns the rows that are due", "rows; "),
        ("writes", "writes to nothing it is given", "array of its query"),
    ],
)
def test_cheats_are_caught(name: str, check: str, said: str) -> None:
    assert said in found(f"cheat-{name}", check)


@pytest.mark.parametrize("name", ["honest", "kcenter"])
def test_honest_strategies_pass(name: str) -> None:
    assert {check: found(name, check) for check in EXPERIMENTS} == dict.fromkeys(EXPERIMENTS, "")


def test_a_draw_that_no_pick_depends_on_is_a_warning() -> None:
    experiment, scenes = EXPERIMENTS["leaves global generators alone"]
    vain = registry.resolve("strategy", "draws-in-vain")
    finding = over("", experiment, vain, scenes[:2], SEED)
    assert finding.verdict == "warning"
    assert "no pick depends on it" in finding.found


def test_another_process_catches_a_salted_hash() -> None:
    cheat = registry.resolve("strategy", "cheat-hash")
    assert not found("cheat-hash", "same spec, same picks")
    assert "in another process" in (elsewhere(cheat, SCENES[:2], SEED) or "")


def test_a_file_read_at_import_is_noticed(tmp_path: Path) -> None:
    plugin = tmp_path / "reader.py"
    plugin.write_text(
        "import albench\nfrom sklearn.datasets import load_iris\nY = load_iris().target\n"
        "@albench.strategy('cheat-import')\n"
        "def early(query):\n    return query.pool[: query.n]\n"
    )
    registry.load_plugin(plugin)
    said = elsewhere(registry.resolve("strategy", "cheat-import"), SCENES[:1], SEED)
    assert "iris.csv" in (said or "")


HONEST = """
import albench
import pandas
import sklearn.cluster
import sklearn.metrics
import sklearn.neighbors

{}
@albench.strategy("{}")
def first(query):
    return query.pool[: query.n]
"""


def elsewhere_of(folder: Path, name: str, lines: str) -> str | None:
    """What another process says of a plugin that imports libraries and has these lines."""
    plugin = folder / "plugin.py"
    plugin.write_text(HONEST.format(lines, name))
    registry.load_plugin(plugin)
    return elsewhere(registry.resolve("strategy", name), SCENES[:1], SEED)


def test_what_libraries_open_when_imported_is_no_leak(tmp_path: Path) -> None:
    assert elsewhere_of(tmp_path, "imports-much", "") is None


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("cheat-pandas", "pandas.read_csv({!r})\n"),
        ("cheat-exec", 'import pathlib; exec("pathlib.Path({!r}).read_text()")\n'),
        ("cheat-module", "import sys; sys.path.append({folder!r}); import beside\n"),
    ],
)
def test_what_a_plugin_reads_when_imported_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, lines: str
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("a,b\n1,2\n")
    monkeypatch.setattr("sys.path", [*sys.path])
    (tmp_path / "beside.py").write_text(f"import pandas\npandas.read_csv({str(table)!r})\n")
    said = elsewhere_of(tmp_path, name, lines.format(str(table), folder=str(tmp_path)))
    assert "labels.csv" in (said or "")


def test_a_library_imported_by_a_query_is_no_leak() -> None:
    check = "opens nothing, looks nowhere else"
    assert not found("imports-late", check)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("random-in-disguise", "draws at random"),
        ("shuffle-in-disguise", "draws at random"),
        ("random", "draws at random"),
        ("order-in-disguise", "pool in its order"),
        ("constant-in-disguise", "same score"),
        ("entropy-in-disguise", "the same rows as `entropy`"),
        ("kcenter-in-disguise", "`kcenter`"),
    ],
)
def test_disguises_are_warned_of(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    few = (disguises.LARGE[0], SCENES[1])
    monkeypatch.setattr(disguises, "LOOKED", few)
    assert said in (likeness(registry.resolve("strategy", name), SEED) or "")


def test_what_is_nothing_simpler_is_not_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disguises, "LOOKED", disguises.LARGE)
    for name in ("margin", "typiclust", "badge", "half-random", "ens"):
        assert likeness(registry.resolve("strategy", name), SEED) is None, name
    twin = likeness(registry.resolve("strategy", "kcenter"), SEED)
    assert twin == "picks the same rows as `greedy_sampling_x`"  # of two papers, one rule


def test_data_are_new_for_each_seed_and_the_same_for_one() -> None:
    for scene in SCENES:
        one, same, other = drawn(scene, 1), drawn(scene, 1), drawn(scene, 2)
        assert (one.X == same.X).all()
        assert not (one.X == other.X).any()
        assert one.classes != other.classes


def test_the_command_says_what_it_cannot_catch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behaviour, "POOLS", (250,))
    monkeypatch.setattr(disguise, "PUBLISHED", ("iris",))
    assert exit_code(["check", "cheat-twice", "--plugin", str(CHEATS), "--seed", "3"]) == 1
    out, err = capsys.readouterr()
    assert "a row twice" in out
    assert "what this cannot catch" in err
    assert "seed 3" in err
    assert exit_code(["check", "no-such-strategy"]) == 2


def test_the_audit_passes_an_honest_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behaviour, "POOLS", (250, 500))
    monkeypatch.setattr(disguise, "PUBLISHED", ("iris",))
    for check, (experiment, scenes) in EXPERIMENTS.items():
        monkeypatch.setitem(EXPERIMENTS, check, (experiment, scenes[:2]))
    findings = check_strategy("honest", SEED)
    assert [f.check for f in findings if f.verdict == "fail"] == []
    growth = next(f for f in findings if f.check == "time per query")
    assert "growing as the pool" in growth.found


def verdicts(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str]]:
    """Check -> verdict and what was found, on few scenes."""
    monkeypatch.setattr(behaviour, "POOLS", (250,))
    monkeypatch.setattr(disguise, "PUBLISHED", ("iris",))
    few = (*SCENES[:2], SCENES[3], SCENES[12])
    for check, (experiment, _) in EXPERIMENTS.items():
        monkeypatch.setitem(EXPERIMENTS, check, (experiment, few))
    return {f.check: (f.verdict, f.found) for f in check_strategy(name, SEED)}


def failed(found: dict[str, tuple[str, str]]) -> set[str]:
    """The checks that fail for a cause of their own."""
    return {check for check, (verdict, _) in found.items() if verdict == "fail"}


def test_drawing_from_a_global_generator_is_one_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    found = verdicts("cheat-numpy", monkeypatch)
    assert failed(found) == {GLOBAL}
    verdict, said = found["blind to the test set"]
    assert verdict == "follows"
    assert GLOBAL in said
    assert found["same picks in another process"][0] == "follows"


def test_a_second_cause_is_not_hidden_by_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = verdicts("cheat-global-and-peek", monkeypatch)
    assert {GLOBAL, "blind to labels it has not bought"} <= failed(found)


def test_picks_that_differ_anyway_are_one_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    found = verdicts("cheat-unseeded", monkeypatch)
    assert failed(found) <= {"same spec, same picks", "keeps nothing between runs"}
    assert "nothing is changed" in found["blind to the test set"][1]


def test_a_crash_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = verdicts("cheat-crash", monkeypatch)
    assert failed(found) == {ANSWERS}
    assert "one label, so one class" in found[ANSWERS][1]
    assert "not tried on 1 scenes" in found["blind to the test set"][1]


def test_after_a_crash_no_other_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    found = verdicts("cheat-always", monkeypatch)
    assert failed(found) == {ANSWERS}
    verdict, said = found["blind to the test set"]
    assert verdict == "not applicable"
    assert "on which it fails" in said
    assert "probabilities" not in said


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of results beside the checks, which the cheats know of."""
    import pyarrow
    import pyarrow.parquet

    file = tmp_path / "rounds.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"labels": list(range(9000))}), file)
    for entry in registry.ENTRIES["strategy"].values():
        if entry.plugin == str(CHEATS.resolve()):
            monkeypatch.setitem(entry.make.__globals__, "TABLE", str(file))
    return file


NINE = {
    "table-pandas": (LOOKS, "bytes by compiled code"),
    "table-arrow": (LOOKS, "bytes by compiled code"),
    "worker-cache": (LOOKS, "datasets that a worker holds"),
    "library-read": (LOOKS, "compiled code through ctypes"),
    "listing": (LOOKS, "lists the files"),
    "memory-in-a-thread": (LOOKS, "searches the memory"),
    "cell": (RIGHT, "no attribute '__closure__'"),
    "wide": (RIGHT, "no attribute 'reveal'"),
    "sorted": (RIGHT, "no attribute 'rows'"),
}
"""Cheats that an earlier check let pass, and the check that catches each."""


@pytest.mark.parametrize("name", NINE)
def test_what_once_passed_is_caught(name: str, table: Path) -> None:
    check, said = NINE[name]
    if "bytes" in said:
        linux_only()
    caught = found(f"cheat-{name}", check)
    # pandas before 3 opens the file itself, and is seen to
    assert said in caught or (name == "table-pandas" and "opens the file" in caught)


def linux_only() -> None:
    """Skip where the system does not count what a process reads."""
    if sys.platform != "linux":
        pytest.skip("this system does not count the bytes that a process reads")


@pytest.mark.parametrize("name", ["frames", "registry", "file", "memory", "cell"])
def test_a_process_without_data_has_nothing_to_find(name: str) -> None:
    """In process these read what they should not; there it fails, or they pick as others do."""
    said = found(f"cheat-{name}", APART)
    assert not said or "in a process that holds no" in said


def test_honest_strategies_pick_the_same_there() -> None:
    for name in ("honest", "margin", "kcenter", "badge", "random", "qbc"):
        assert found(name, APART) == "", name


@pytest.mark.parametrize(("name", "what"), [("patch", "query.gap"), ("patch-method", "predict")])
def test_a_changed_library_is_found(name: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.naive_bayes import GaussianNB

    from albench.simulation import query as module

    monkeypatch.setattr(module, "gap", module.gap)  # as they are, after the test
    monkeypatch.setattr(GaussianNB, "predict", GaussianNB.predict)
    libraries = Libraries()
    assert libraries.changed() is None
    found(f"cheat-{name}", RIGHT, SEED + 1)
    assert what in (libraries.changed() or "")


@pytest.fixture
def by_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    """What some cheats know of published data; the check looks at one dataset, which is quicker."""
    import sklearn.datasets

    known = registry.entry("strategy", "cheat-knows-wine").make.__globals__["KNOWN"]
    for name in ("wine", "digits"):
        found = getattr(sklearn.datasets, f"load_{name}")()
        monkeypatch.setitem(known, name, (found.data, found.target))
    monkeypatch.setattr(disguise, "PUBLISHED", ("wine",))


def test_published_data_known_by_heart_show_in_disguise(by_heart: None) -> None:
    said = recognises(registry.resolve("strategy", "cheat-knows-wine"), SEED)
    assert said is not None
    assert said.startswith("wine: it buys other rows in round 1 where its features are rotated")


@pytest.mark.parametrize("name", ["margin", "kcenter", "badge", "typiclust", "honest"])
def test_who_knows_nothing_is_not_accused(name: str, by_heart: None) -> None:
    assert recognises(registry.resolve("strategy", name), SEED) is None


PASSES = ("notices", "knows-digits", "tuned", "large", "table-mapped", "tie-order", "generator")
PASSES += ("patch-briefly",)


@pytest.mark.parametrize("number", range(len(PASSES)))
def test_what_cannot_be_caught_is_not(number: int, table: Path, by_heart: None) -> None:
    """One cheat for each sentence of the list, which passes every check as it says."""
    name = f"cheat-{PASSES[number]}"
    for check, (experiment, scenes) in EXPERIMENTS.items():
        finding = over(check, experiment, registry.resolve("strategy", name), scenes[:2], SEED)
        assert finding.verdict == "pass", (check, finding.found)
    assert recognises(registry.resolve("strategy", name), SEED) is None


def test_the_list_names_each_of_them() -> None:
    assert len(BEYOND) == len(PASSES)
