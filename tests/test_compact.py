"""Tables read compactly say the same as tables read whole."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from generated import curves_of, tables_of

from albench.analysis.comparison import compare
from albench.analysis.comparison.cells import each, repeated
from albench.analysis.comparison.options import beside
from albench.analysis.comparison.typeset import curve_tables
from albench.analysis.comparison.weighted import one_class_starts
from albench.analysis.question import Options
from albench.core.tables import lists, set_digests
from albench.results.reading import compact_kind

SHIPPED = Path(__file__).parents[1] / "results" / "leaderboard"


def compactly(rounds: pd.DataFrame) -> pd.DataFrame:
    """Rounds as `Reader.read` gives them compactly."""
    import pyarrow as pa

    table = pa.Table.from_pandas(rounds, preserve_index=False)
    return table.to_pandas(types_mapper=compact_kind, categories=["run"])


def some_tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Generated runs and rounds with picks and labels; two strategies are one competitor."""
    runs, rounds = tables_of(curves_of(6, 4, 5))
    rng = np.random.default_rng(0)
    rounds["picks"] = [rng.permutation(50)[: i % 4] for i in range(len(rounds))]
    rounds["labels"] = [np.array([0, 1, -1, i % 3]) for i in range(len(rounds))]
    first, second = [s for s in dict.fromkeys(runs["strategy"]) if s != "random"][:2]
    strategy = runs.set_index("run")["strategy"].reindex(rounds["run"]).to_numpy()
    ours, theirs = strategy == first, strategy == second
    assert ours.sum() == theirs.sum() > 0
    rounds.loc[theirs, "accuracy"] = rounds.loc[ours, "accuracy"].to_numpy()
    turned = pd.Series([x[::-1] for x in rounds.loc[ours, "picks"]], index=rounds.index[theirs])
    rounds.loc[theirs, "picks"] = turned
    return runs, rounds


def test_comparisons_are_equal() -> None:
    runs, rounds = some_tables()
    small = compactly(rounds)
    assert isinstance(small["run"].dtype, pd.CategoricalDtype)
    assert isinstance(small["picks"].dtype, pd.ArrowDtype)
    for missing in ("complete", "impute"):
        asked = Options("accuracy", "higher", missing=missing, rope=0.01)
        one, other = (compare(runs, table, asked) for table in (rounds, small))
        assert one.json() == other.json()
        assert one.lines == other.lines
        assert one.notes == other.notes
        assert any(stack.alike for stack in one.stacks)  # by their picks, in whatever order
    tables = [curve_tables(runs, table, asked) for table in (rounds, small)]
    pd.testing.assert_frame_equal(tables[0].summary, tables[1].summary)
    pd.testing.assert_frame_equal(one_class_starts(runs, rounds), one_class_starts(runs, small))


def test_other_picks_make_two_competitors() -> None:
    runs, rounds = some_tables()
    at = rounds.index[rounds["picks"].map(len) == 3]
    rounds["picks"] = [p + 1 if i in set(at[::7]) else p for i, p in rounds["picks"].items()]
    for table in (rounds, compactly(rounds)):
        found = compare(runs, table, Options("accuracy", "higher", rope=0.01))
        assert not any(stack.alike for stack in found.stacks)


def test_rounds_are_joined_as_a_merge_does() -> None:
    runs, rounds = some_tables()
    runs = pd.concat([runs, runs.iloc[3:5].assign(strategy="again")])  # one run, two labels
    runs = pd.concat([runs, runs.iloc[:1].assign(run="none", strategy="empty")])
    for table in (rounds, compactly(rounds), rounds.sample(frac=1.0, random_state=0)):
        found = beside(runs, table, "accuracy")
        due = runs.merge(table.assign(run=table["run"].astype(str)), on="run", how="inner")
        for column in ("strategy", "dataset", "trial", "n_labeled", "accuracy"):
            assert found[column].astype(str).tolist() == due[column].astype(str).tolist(), column


def test_digests_tell_sets_apart() -> None:
    held = [[1, 2, 3], [3, 1, 2], [1, 2], [], None, [1, 2, 3, 3], [0], [2, 1]]
    column = pd.Series([None if x is None else np.array(x, dtype=np.int32) for x in held])
    found = set_digests(column)
    assert found[4] == 0
    assert found[0] == found[1]
    assert found[2] == found[7]
    assert len({*found.tolist()}) == 6
    small = compactly(pd.DataFrame({"run": "a", "picks": column}))["picks"]
    assert set_digests(small).tolist() == found.tolist()
    for whole, one in zip(column, lists(small), strict=True):
        assert (whole is None and one is None) or whole.tolist() == one.tolist()


def test_parts_come_in_the_order_of_their_texts() -> None:
    rows = pd.DataFrame({"dataset": pd.Categorical(["b", "a", "b", "c", "a"]), "n": range(5)})
    found = {name: part["n"].tolist() for name, part in each(rows, "dataset")}
    assert found == {"b": [0, 2], "a": [1, 4], "c": [3]}
    assert list(found) == ["b", "a", "c"]


def test_repeated_rows_are_those_of_pandas() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({c: rng.integers(0, 4, 300) for c in "abc"})
    rows["a"] = pd.Categorical(rows["a"].astype(str))
    assert repeated([rows[c] for c in "abc"]).tolist() == rows.duplicated().tolist()


def test_the_shipped_results_compactly() -> None:
    """Columns that were not asked for are not read; one that is missing makes all be read."""
    from albench.results.store import Store

    if not SHIPPED.is_dir():
        pytest.skip("the shipped results are not here")
    _, rounds = Store(SHIPPED).read(["run", "round", "picks"])
    assert list(rounds.columns) == ["run", "round", "picks"]
    assert rounds["run"].dtype == "category"
    _, rounds = Store(SHIPPED).read(["run", "nothing of this name"])
    assert "accuracy" in rounds.columns
