"""The Python interface: every function, what it gives back, and strategies of a notebook."""

import ast
import doctest
import importlib
import io
import json
import os
import subprocess
import sys
import textwrap
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import albench
from albench.cli import exit_code
from albench.core import registry
from albench.core.errors import BadPlugin, BadResults, BadValue
from albench.core.source import SESSION, session_version

SMALL = """
title = "small"
protocol = {use = "standard", start = 6, batch = 3, budget = 12}
datasets = ["iris"]
models = ["gnb"]
strategies = ["random", "margin"]
trials = 2
metrics = ["accuracy", "log_loss"]
rope = {log_loss = 0.05}
"""
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _restore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a test registers."""
    registry.load()
    for kind, entries in registry.ENTRIES.items():
        monkeypatch.setitem(registry.ENTRIES, kind, dict(entries))
    monkeypatch.setattr(registry, "LOADED", dict(registry.LOADED))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a suite file and its results."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "small.toml").write_text(SMALL)
    albench.run(folder / "small.toml", folder / "results" / "small", jobs=1)
    return folder


def python(code: str, *, folder: Path | None = None) -> str:
    """What a process of its own prints."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Tags(HTMLParser):
    """Raises where tags are not nested; counts them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


# --- public names


def test_a_submodule_is_there_after_the_import() -> None:
    out = python("""
        import albench
        query = albench.testing.make_query(
            [[0.0], [1.0], [2.0], [3.0]], [0, 3], [0, 1], n=1, n_classes=2,
            proba=[[0.9, 0.1], [0.5, 0.5]],
        )
        print(albench.make_strategy("margin")(query))
    """)
    assert out.strip() == "[2]"


def test_the_import_stays_quick() -> None:
    """CPU seconds beyond those of Python itself, and nothing heavy with it."""
    out = python("""
        import sys, time
        begin = time.process_time()
        import albench
        print(time.process_time() - begin)
        heavy = ("numpy", "pandas", "sklearn", "matplotlib", "scipy", "joblib")
        print([m for m in heavy if m in sys.modules])
    """).split("\n")
    assert float(out[0]) < 0.1
    assert out[1] == "[]"


@pytest.mark.parametrize("name", albench.__all__)
def test_public_functions_say_what_they_take(name: str) -> None:
    value = getattr(albench, name)
    assert value.__doc__
    module = albench.HOME.get(name, "")
    if module.startswith("api."):
        assert all(part in value.__doc__ for part in ("Parameters\n", "Returns\n", "Raises\n"))


def test_the_types_of_public_names_are_those_of_their_homes() -> None:
    """What a type checker imports is what `HOME` loads."""
    tree = ast.parse(Path(albench.__file__).read_text())
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    told = {
        alias.name: node.module
        for node in ast.walk(typed)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("albench.")
        for alias in node.names
    }
    assert told == {name: f"albench.{home}" for name, home in albench.HOME.items()}
    assert set(albench.__all__) == set(albench.HOME) | set(albench.ROOMS)


@pytest.mark.parametrize(
    "name", ["albench.api.asking", "albench.api.running", "albench.suite.toml"]
)
def test_examples_run(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted
    assert not found.failed


# --- what comes back


def test_run_takes_a_part_and_says_how_it_ended(small: Path, tmp_path: Path) -> None:
    heard: list[int] = []
    ran = albench.run(
        small / "small.toml",
        tmp_path / "part",
        trials=1,
        only={"dataset": "iris", "strategy": ["margin"]},
        add=["entropy"],
        jobs=1,
        progress=lambda now: heard.append(now.done),
    )
    assert set(ran.runs["strategy"]) == {"random", "margin", "entropy", "all"}
    assert ran.progress.counts == {"done": 4} == {"done": len(ran.runs)}
    assert heard[0] == 0
    assert heard[-1] == 4
    assert not len(ran.failed)
    assert "4 runs were to do: 4 done" in repr(ran)
    again = albench.run(ran.suite, tmp_path / "part", trials=1, jobs=1)
    assert again.progress.total == 0
    assert ran.folder == tmp_path / "part"


def test_run_shows_its_progress(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite, only = small / "small.toml", {"strategy": ["random"]}
    albench.run(suite, tmp_path / "a", trials=1, only=only, jobs=1, progress=True)
    said = capsys.readouterr()
    assert "2 of 2 runs" in said.err
    assert not said.out
    albench.run(suite, tmp_path / "a", trials=1, only=only, jobs=1)
    assert capsys.readouterr() == ("", "")


def test_what_run_cannot_take(small: Path, tmp_path: Path) -> None:
    suite = small / "small.toml"
    with pytest.raises(BadValue, match=r"no option job; did you mean 'jobs'"):
        albench.run(suite, tmp_path, job=1)  # type: ignore[call-arg]
    with pytest.raises(BadValue, match="positive number of seconds"):
        albench.run(suite, tmp_path, timeout=0)
    with pytest.raises(BadPlugin, match="a name, a function or a class"):
        albench.run(suite, tmp_path, add=[print])
    with pytest.raises(BadValue, match="has no dataset 'irs'; did you mean 'iris'"):
        albench.run(suite, tmp_path, only={"dataset": ["irs"]})
    assert not any(tmp_path.iterdir())


def test_a_suite_a_path_and_a_name_are_one(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small)
    suite = albench.load_suite("small.toml")
    assert albench.load_suite(suite) == suite
    ways = (suite, "small.toml", small / "small.toml")
    for read in (albench.read_results, albench.curves):
        frames = [
            next(iter(vars(x).values())) if hasattr(x, "labels") else x.runs
            for x in map(read, ways)
        ]
        for frame in frames[1:]:
            assert_frame_equal(frame, frames[0])
    texts = {albench.compare(way).json() for way in ways}
    assert len(texts) == 1
    assert albench.load_suite("quickstart").name == "quickstart"
    assert "margin" in repr(suite)


def test_tables_are_those_of_the_commands(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(small)

    def printed(*words: str) -> pd.DataFrame:
        capsys.readouterr()
        assert exit_code([words[0], "small.toml", *words[1:], "--format", "csv"]) == 0
        return pd.read_csv(io.StringIO(capsys.readouterr().out))

    def same(frame: pd.DataFrame, words: tuple[str, ...]) -> None:
        theirs = printed(*words)
        text = io.StringIO(frame.to_csv(index=False))
        assert_frame_equal(pd.read_csv(text), theirs, check_dtype=False)

    same(albench.compare("small.toml").within, ("compare", "--table", "within"))
    same(
        albench.compare("small.toml", metric="log_loss").ranks,
        ("compare", "--table", "ranks", "--metric", "log_loss"),
    )
    same(albench.curves("small.toml").summary, ("curves",))
    same(albench.curves("small.toml").labels, ("curves", "--table", "labels"))
    same(albench.bias("small.toml", jobs=1).long, ("bias", "--long"))
    same(albench.bias("small.toml", jobs=1).overlap.table, ("bias", "--table", "overlap"))
    same(albench.coverage("small.toml", jobs=1).distance.table, ("coverage",))
    same(albench.rare("small.toml", jobs=1).table, ("rare",))
    same(albench.noise("small.toml", jobs=1).cost.table, ("noise", "--table", "cost"))
    same(albench.audit("small.toml", jobs=1).errors.table, ("audit",))


def test_everything_shows_itself(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small)
    suite = "small.toml"
    for found in (
        albench.load_suite(suite),
        albench.read_results(suite),
        albench.compare(suite),
        albench.curves(suite),
        albench.bias(suite, jobs=1),
        albench.noise(suite, jobs=1).cost,
        albench.verify(suite, sample=0),
    ):
        tags = Tags(found._repr_html_()).seen
        assert tags.count("table") == 1
        assert tags.count("tr") >= 2
        text = repr(found)
        assert "random" in text or "margin" in text
        assert "\n" in text
        assert "<" not in text


def test_what_is_shown_is_escaped_and_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    from albench.core.display import ROWS, Sheet, in_html, in_text

    frame = pd.DataFrame({"name": ["<b>&"] * (ROWS + 3), "x": [0.1 + 0.2] * (ROWS + 3)})
    sheet = Sheet("<i>", ["a < b"], frame, ["n & m"])
    page = in_html(sheet)
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;b&gt;&amp;" in page
    assert Tags(page).seen.count("tr") == ROWS + 1
    text = in_text(sheet)
    assert text.startswith("<i>\nA < b\n\nname    x\n<b>&  0.3\n")
    assert text.endswith("... and 3 more rows\n\nn & m")
    wide = pd.DataFrame([["v" * 30] * 20], columns=[f"c{i}" for i in range(20)])
    assert "left out, too wide: " in in_text(Sheet(frame=wide))


def test_a_comparison_has_its_tables_and_no_others(small: Path) -> None:
    import copy
    import pickle

    found = albench.compare(small / "small.toml", results=small / "results" / "small")
    assert_frame_equal(found.ranks, found.tables["ranks"])
    assert set(found.datasets["dataset"]) == {"iris"}
    assert {"ranks", "penalties"} <= set(dir(found))
    with pytest.raises(AttributeError, match="no 'rank'; tables: against"):
        _ = found.rank
    for twin in (copy.copy(found), pickle.loads(pickle.dumps(found))):
        assert twin.json() == found.json()
    with pytest.raises(AttributeError, match="no 'drit'; views: drift"):
        _ = albench.bias(small / "small.toml", small / "results" / "small", jobs=1).drit


def test_figures_are_those_that_the_command_writes(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small)
    from albench.reporting.figures import Figures

    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    assert exit_code(["figures", "small.toml", "--as", "svg", "--to", str(theirs)]) == 0
    found = albench.figures("small.toml")
    assert {f.stem for f in theirs.glob("*.svg")} == set(found)
    assert all(found.captions.values())
    assert "learning" in repr(found)
    assert found["learning"].axes
    found.save(ours, ["svg"])
    for file in theirs.glob("*.svg"):
        assert (ours / file.name).read_bytes() == file.read_bytes(), file.name
    one = Figures([found.pictures["learning"]])
    assert Tags(one._repr_html_()).seen.count("img") == 1


def test_report_and_what_is_not_there(small: Path, tmp_path: Path) -> None:
    results = small / "results" / "small"
    page = albench.report(small / "small.toml", results, to=tmp_path / "page.html")
    assert page.path.read_text() == page.text
    assert str(tmp_path / "page.html") in str(page)
    with pytest.raises(BadResults, match="no finished runs of suite 'small'"):
        albench.report(small / "small.toml", tmp_path / "none")
    with pytest.raises(BadResults, match="no finished runs"):
        albench.curves(small / "small.toml", tmp_path / "none")
    with pytest.raises(BadValue, match="no option modl; did you mean 'model'"):
        albench.curves(small / "small.toml", results, modl="gnb")
    with pytest.raises(BadValue, match=r"checkpoints \[2\]: shares from 0"):
        albench.bias(small / "small.toml", results, checkpoints=[2])


def test_verify_takes_a_suite_and_a_folder(small: Path) -> None:
    results = small / "results" / "small"
    suite = albench.load_suite(small / "small.toml")
    for found in (albench.verify(suite, results, sample=2), albench.verify(results, sample=2)):
        assert found.passed
        assert found.runs["verdict"].tolist() == ["same", "same"]
        assert "verified" in repr(found).lower()


# --- who an entry belongs to

MINE = """
from albench import strategy


@strategy("theirs", cite="t", family="t", cost="n")
def theirs(query):
    '''Smallest gap.'''
    return query.top(-query.margins)
"""


def test_a_module_that_is_imported_and_named_as_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for order in ("module first", "plugin first"):
        file = tmp_path / f"mine_{order[:3]}.py"
        file.write_text(MINE.replace("theirs", file.stem))
        monkeypatch.syspath_prepend(tmp_path)
        steps = [
            lambda f=file: importlib.import_module(f.stem),
            lambda f=file: registry.load_plugin(f),
        ]
        versions = set()
        for step in steps if order == "module first" else reversed(steps):
            step()
            found = registry.entry("strategy", file.stem)
            assert found.plugin == str(file)
            versions.add(found.version)
        importlib.reload(sys.modules[file.stem])
        versions.add(registry.entry("strategy", file.stem).version)
        assert len(versions) == 1
        del sys.modules[file.stem]


def test_an_edited_plugin_takes_the_place_of_itself(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MINE + MINE.replace("theirs", "gone"))
    registry.load_plugin(file)
    before = registry.entry("strategy", "theirs").version
    file.write_text(MINE + "# edited\n")
    registry.load_plugin(file)
    assert registry.entry("strategy", "theirs").version != before
    assert "gone" not in registry.names("strategy")
    file.write_text(MINE + "1 / 0\n")
    with pytest.raises(BadPlugin, match="ZeroDivisionError"):
        registry.load_plugin(file)
    assert "theirs" in registry.names("strategy")  # the one before


def test_two_of_one_name_are_refused_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "two_of_one.py").write_text(MINE + MINE.replace("def theirs", "def other"))
    with pytest.raises(BadPlugin, match="registered twice"):
        importlib.import_module("two_of_one")
    (tmp_path / "one.py").write_text(MINE.replace("theirs", "ours"))
    (tmp_path / "two.py").write_text(MINE.replace("theirs", "ours"))
    registry.load_plugin(tmp_path / "one.py")
    with pytest.raises(BadPlugin, match=r"twice: in .*one.py and in .*two.py"):
        registry.load_plugin(tmp_path / "two.py")


def test_an_imported_module_reaches_the_workers(small: Path, tmp_path: Path) -> None:
    (tmp_path / "by_hand.py").write_text(MINE.replace("theirs", "by_hand"))
    out = python(
        f"""
        import albench, by_hand
        from albench.core import registry
        assert registry.adopt(by_hand.by_hand) == "by_hand"
        ran = albench.run({str(small / "small.toml")!r}, "r", trials=1, add=["by_hand"], jobs=1)
        print(ran.progress.counts)
        """,
        folder=tmp_path,
    )
    assert out.splitlines() == ["{'done': 4}"]


# --- strategies of a notebook

NOTEBOOK = '''
import linecache, sys, types

main = types.ModuleType("__main__")
sys.modules["__main__"] = main
count = 0

def cell(text):
    """Run a cell as IPython does: its text is kept where tracebacks look for it."""
    global count
    count += 1
    name = f"<ipython-input-{count}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), main.__dict__)
'''


def notebook(*cells: str, folder: Path) -> str:
    """What cells print that run one after the other in a process of their own."""
    calls = "".join(f"cell({textwrap.dedent(text)!r})\n" for text in cells)
    return python(NOTEBOOK + calls, folder=folder)


def test_a_strategy_of_a_notebook_runs_in_workers(small: Path, tmp_path: Path) -> None:
    out = notebook(
        f"""
        import json
        import albench
        SUITE = {str(small / "small.toml")!r}
        """,
        """
        COLUMN = 2

        def scores(query):
            return query.X[query.pool, COLUMN]

        def widest(query):
            "Largest petal."
            return query.top(scores(query))

        class Widest:
            "The same, with a memory."

            def __init__(self):
                self.calls = 0

            def __call__(self, query):
                self.calls += 1
                return query.top(scores(query))

        @albench.strategy("decorated", cite="me")
        def decorated(query):
            "The same, decorated."
            return widest(query)
        """,
        """
        for jobs in (1, 2):
            ran = albench.run(SUITE, f"r{jobs}", trials=1, jobs=jobs,
                              add=[widest, Widest, "decorated"])
            print(json.dumps(ran.progress.counts))
            picks = ran.runs.merge(ran.rounds, on="run").sort_values(["strategy", "trial", "round"])
            print(json.dumps({s: [list(map(int, p)) for p in part["picks"]]
                              for s, part in picks.groupby("strategy")}))
        print(open("r1/manifest.json").read().replace("\\n", ""))
        """,
        """
        def widest(query):
            "Largest petal, said otherwise."
            # the same code
            return query.top(scores(query))

        print(albench.run(SUITE, "r1", trials=1, add=[widest], jobs=1).progress.total)
        COLUMN = 0
        print(albench.run(SUITE, "r1", trials=1, add=[widest], jobs=1).progress.counts)
        print(sorted(set(albench.curves(SUITE, "r1").summary["strategy"])))
        """,
        folder=tmp_path,
    ).splitlines()
    assert json.loads(out[0]) == json.loads(out[2]) == {"done": 6}
    picks = json.loads(out[1])
    assert picks == json.loads(out[3])
    assert picks["widest"] == picks["Widest"] == picks["decorated"]
    assert picks["widest"] != picks["margin"]
    entries = json.loads(out[4])["entries"]
    own = {name: e for name, e in entries.items() if e.get("origin") == "session"}
    assert set(own) == {"strategy:widest", "strategy:Widest", "strategy:decorated"}
    assert all(e["version"].startswith("sha256:") for e in own.values())
    assert out[5] == "0"
    # of all three, since each reads the helper that reads the constant
    assert out[6] == "{'done': 3}"
    # all three pick alike, and are one competitor
    assert out[7] == "['margin', 'random', 'widest']"


def test_a_notebook_s_strategy_can_be_checked(tmp_path: Path) -> None:
    out = notebook(
        """
        import albench

        def cheat(query):
            "Applies to nothing."
            raise albench.Skip("never")

        found = albench.check(cheat, seed=3)
        print(found.findings["verdict"].tolist(), found.findings["found"].tolist())
        print(found.passed, "cheat" in repr(found))
        print("<table>" in found._repr_html_())
        """,
        folder=tmp_path,
    )
    assert out.splitlines() == ["['not applicable'] ['never']", "True True", "True"]


def test_what_has_no_version_is_refused(small: Path, tmp_path: Path) -> None:
    space: dict[str, object] = {"__name__": "__main__"}
    exec("def mine(query):\n    return query.pool[:query.n]\n", space)
    with pytest.raises(BadPlugin, match="source of 'mine' cannot be read"):
        albench.run(small / "small.toml", tmp_path, add=[space["mine"]])
    out = notebook(
        """
        import albench
        stream = open("x", "w")

        def mine(query):
            stream.write("x")
            return query.pool[:query.n]

        try:
            albench.check(mine)
        except albench.AlbenchError as error:
            print(error)

        def margin(query):
            return query.pool[:query.n]

        try:
            albench.check(margin)
        except albench.AlbenchError as error:
            print(error)
        """,
        folder=tmp_path,
    )
    first, second = out.splitlines()
    assert first.startswith("'mine' reads 'stream', a TextIOWrapper of the session")
    assert "'margin' is registered twice" in second


def outer(query: object) -> object:
    return inner(query)


def inner(query: object, factor: int = 2) -> object:
    return query


def test_a_version_is_that_of_all_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    first = session_version(outer)
    assert first == session_version(outer)
    monkeypatch.setattr(inner, "__defaults__", (3,))
    assert session_version(outer) != first
    monkeypatch.setattr(inner, "__defaults__", (2,))
    assert session_version(outer) == first
    monkeypatch.setitem(globals(), "inner", test_a_suite_a_path_and_a_name_are_one)
    assert session_version(outer) != first
    registry.adopt(outer)
    assert registry.entry("strategy", "outer").plugin == SESSION


def test_a_suite_made_before_a_cell_ran_again_is_refused(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = albench.load_suite(small / "small.toml").adding([registry.adopt(outer)])
    monkeypatch.setattr(inner, "__defaults__", (7,))
    registry.resolve("strategy", "outer")
    with pytest.raises(BadValue, match="'outer' was defined anew since this suite was made"):
        albench.run(suite, tmp_path, jobs=1)


def test_startup_of_the_command_line() -> None:
    """CPU seconds of `albench --help`, the best of three."""
    import resource

    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "albench", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) < 0.45  # 0.3 on an idle machine; tests run beside others
