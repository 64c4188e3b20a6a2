"""The command line as a user meets it: exit codes, messages, formats."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SMALL = """
datasets = ["iris"]
models = ["gnb"]
strategies = ["random", "margin"]
trials = 2
"""


def albench(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "albench", *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small suite that has been run."""
    path = tmp_path_factory.mktemp("cli")
    (path / "small.toml").write_text(SMALL)
    done = albench("run", "small.toml", "--jobs", "1", cwd=path)
    assert done.returncode == 0, done.stderr
    assert "margin" in done.stdout
    return path


def test_run_again_does_nothing_and_prints_the_same(folder: Path) -> None:
    first = albench("compare", "small.toml", cwd=folder)
    again = albench("run", "small.toml", "--jobs", "1", cwd=folder)
    assert again.returncode == 0
    assert again.stdout == first.stdout
    assert "of 6 runs" not in again.stderr


def test_status(folder: Path) -> None:
    done = albench("status", "small.toml", "--format", "json", cwd=folder)
    table = json.loads(done.stdout)
    assert {row["strategy"]: row["done"] for row in table["rows"]} == {
        "all": 2,
        "random": 2,
        "margin": 2,
    }
    assert table["notes"] == ["6 done, 0 missing, 0 failed, 0 timeout, 0 skipped, 6 runs in all"]


@pytest.mark.parametrize("command", ["compare", "curves"])
def test_json_is_columns_rows_notes(folder: Path, command: str) -> None:
    done = albench(command, "small.toml", "--format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout)
    assert set(table) >= {"columns", "rows", "notes"}
    assert all(set(row) == set(table["columns"]) for row in table["rows"])


def test_dry_run_runs_nothing(folder: Path) -> None:
    done = albench("run", "small.toml", "--trials", "5", "--dry-run", cwd=folder)
    assert done.returncode == 0
    assert "9 runs to do" in done.stdout
    assert "6 runs are stored already" in done.stdout
    assert "an estimate" in done.stderr


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s"), (0.06, "less than 0.1 s"), (59, "59.0 s"), (90, "1.5 min"), (9e6, "2,500.0 h")],
)
def test_times_of_a_dry_run_are_in_human_units(seconds: float, words: str) -> None:
    from albench.cli.run import lasting

    assert lasting(seconds) == words


def test_an_edited_suite_keeps_what_did_not_change(folder: Path) -> None:
    (folder / "edit").mkdir()
    file = folder / "edit" / "small.toml"
    file.write_text(SMALL)
    results = ["--results", str(folder / "edited"), "--jobs", "1"]
    assert albench("run", str(file), *results).returncode == 0
    file.write_text(SMALL.replace('"margin"', '"margin", "entropy"'))
    done = albench("run", str(file), *results)
    assert "the suite has changed since: 6 stored runs are kept, 2 are to do" in done.stderr


def test_new_strategy_runs_at_once(folder: Path) -> None:
    assert albench("new", "strategy", "mine", cwd=folder).returncode == 0
    done = albench(
        "run", "small.toml", "--plugin", "mine.py", "--add", "mine", "--jobs", "1", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout
    assert "mine" in albench("compare", "small.toml", "--plugin", "mine.py", cwd=folder).stdout
    # without its plugin, and after a run that added another, what is stored is still shown
    (folder / "other.py").write_text(
        "from albench import strategy\n@strategy('other')\ndef f(query): raise KeyError('x')\n"
    )
    other = albench(
        "run", "small.toml", "--plugin", "other.py", "--add", "other", "--jobs", "1", cwd=folder
    )
    assert other.returncode == 1
    assert "mine" in albench("compare", "small.toml", cwd=folder).stdout
    failed = albench("status", "small.toml", "--failed", cwd=folder)
    assert "KeyError: 'x'" in failed.stdout
    again = albench("new", "strategy", "mine", cwd=folder)
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_new_suite_for_a_table_of_ones_own(folder: Path) -> None:
    lines = [f"{i % 7},{(i * 13) % 11},{'ab'[i % 3 == 0]}" for i in range(120)]
    (folder / "mine.csv").write_text("u,v,label\n" + "\n".join(lines) + "\n")
    made = albench("new", "suite", "--data", "mine.csv", "--target", "label", cwd=folder)
    assert made.returncode == 0, made.stderr
    done = albench(
        "run", "mine.toml", "--trials", "2", "--only", "model=logreg", "--jobs", "1", cwd=folder
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trails = 3", "unknown key 'trails'; did you mean 'trials'?"),
        ("protocol = {test = 1.5}", "test = 1.5"),
        ("protocol = {batch = 0}", "batch = 0"),
        ("protocol = {budget = 10}", "budget = 10 is below start = 20"),
        ("protocol = {start = 100}", "start of 100 labels is larger than the 90 train rows"),
        ("protocol = {splitt = 'x'}", "unknown field 'splitt'; did you mean 'split'?"),
        ("protocol = {split = 'x'}", "split = 'x'; it is one of"),
        ("protocol = 'standrad'", "unknown protocol 'standrad'; did you mean 'standard'?"),
        ("metrics = ['acuracy']", "unknown metric 'acuracy'; did you mean 'accuracy'?"),
        ("primary = 'ece'", "primary = 'ece' is none of the metrics"),
        ("baseline = 'margn'", "did you mean 'margin'?"),
        ("trials = 0", "trials = 0"),
        ("alpha = 2.0", "alpha = 2.0"),
        ("rope = 0.0", "rope = 0.0: a number above 0"),
        ("targets = ['randm']", "targets: 'randm': 'random', 'gap:SHARE'"),
        ("targets = ['gap:1.5']", "targets: 'gap:1.5'"),
        ("targets = [true]", "targets: True"),
        ("targets = [nan]", "targets: nan"),
        ("plugins = ['none.py']", "no such file"),
        ("title = 3", "title = 3"),
        ("title = ", "not valid TOML"),
    ],
)
def test_mistakes_in_a_suite(tmp_path: Path, text: str, message: str) -> None:
    key = text.split()[0]
    kept = [line for line in SMALL.strip().splitlines() if not line.startswith(key)]
    (tmp_path / "s.toml").write_text("\n".join([*kept, text]))
    check_refused(albench("run", "s.toml", cwd=tmp_path), message)


def check_refused(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ('datasets = ["iriss"]', "unknown dataset 'iriss'; did you mean 'iris'?"),
        ('models = ["forrest"]', "unknown model 'forrest'; did you mean 'forest'?"),
        ('models = [{use = "forest", trees = 0}]', "trees = 0"),
        ('models = [{use = "forest", trees = "x"}]', "trees = 'x'"),
        ('models = [{use = "forest", tree = 3}]', "no parameter 'tree'; did you mean 'trees'?"),
        ('strategies = ["random", "random"]', "two entries are called 'random'"),
        ("strategies = []", "strategies: at least one is needed"),
    ],
)
def test_mistakes_in_entries(tmp_path: Path, entries: str, message: str) -> None:
    key = entries.split()[0]
    kept = [line for line in SMALL.strip().splitlines() if not line.startswith(key)]
    (tmp_path / "s.toml").write_text("\n".join([*kept, entries]))
    check_refused(albench("run", "s.toml", cwd=tmp_path), message)


def test_mistakes_on_the_command_line(folder: Path) -> None:
    (folder / "file").write_text("")
    (folder / "broken.py").write_text("import no_such_module")
    (folder / "twice.py").write_text(
        "from albench import strategy\n@strategy('margin')\ndef m(query): ...\n"
    )
    for words, message in {
        ("run", "quickstrat"): "did you mean 'quickstart'?",
        ("run", "none.toml"): "no such file",
        ("run", "small.toml", "--only", "dataset=iriss"): "did you mean 'iris'?",
        ("run", "small.toml", "--only", "dataset"): "KIND=A,B",
        ("run", "small.toml", "--shard", "3/2"): "--shard 3/2",
        ("run", "small.toml", "--trials", "0"): "--trials 0",
        ("run", "small.toml", "--timeout", "-1"): "--timeout",
        ("run", "small.toml", "--memory", "0"): "--memory",
        ("run", "small.toml", "--add", "nobody"): "unknown strategy 'nobody'",
        ("run", "small.toml", "--results", "file"): "is a file",
        ("run", "small.toml", "--plugin", "none.py"): "no such file",
        ("run", "small.toml", "--plugin", "broken.py"): "ModuleNotFoundError",
        ("run", "small.toml", "--plugin", "twice.py"): "registered twice",
        ("run", "quickstart", "--results", "results/small"): "holds the results of suite 'small'",
        ("compare", "small.toml", "--results", "nowhere"): "which does not exist",
        ("compare", "small.toml", "--metric", "ece"): "the suite has accuracy",
        ("compare", "small.toml", "--model", "ece"): "the suite has gnb",
        ("show", "strategy", "margn"): "did you mean 'margin'?",
        ("merge", "nowhere", "--into", "merged"): "no such results folder",
        ("run", "small.toml", "--bogus"): "No such option",
    }.items():
        check_refused(albench(*words, cwd=folder), message)


def test_contradictions_are_named(folder: Path, tmp_path: Path) -> None:
    import pyarrow as pa

    from albench.results.store import Store

    runs, rounds = Store(folder / "results" / "small").arrow()
    assert rounds is not None
    at = rounds.column_names.index("accuracy")
    wrong = rounds.set_column(at, "accuracy", pa.array([0.5] * len(rounds)))
    Store(tmp_path / "altered").write_shard(runs, wrong)
    done = albench(
        "merge", str(folder / "results" / "small"), "altered", "--into", "m", cwd=tmp_path
    )
    assert done.returncode == 1
    assert "contradiction: run" in done.stderr
    assert "accuracy" in done.stderr


def test_interrupted(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SMALL.replace("trials = 2", "trials = 4000"))
    process = subprocess.Popen(
        [sys.executable, "-m", "albench", "run", "s.toml", "--jobs", "2"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        # what was started in the background inherits that interrupts are ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    shards = tmp_path / "results" / "s" / "shards"
    for _ in range(300):
        if shards.is_dir() and len(list(shards.glob("*.runs.parquet"))) > 1:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)  # all of it takes a minute
    assert process.returncode == 130
    assert "goes on from there" in errors
    assert "Traceback" not in errors


def test_rows_without_a_label_are_left_out_in_so_many_words(tmp_path: Path) -> None:
    lines = [f"{i},{'ab'[i % 2] if i else ''}" for i in range(60)]
    (tmp_path / "mine.csv").write_text("u,label\n" + "\n".join(lines) + "\n")
    done = albench("new", "suite", "--data", "mine.csv", "--target", "label", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 of 60 rows have no value in the target 'label'" in done.stderr
    assert "'label' has no value in 1 rows, which are left out" in done.stderr
    assert 'unlabeled = "drop"' in (tmp_path / "mine.toml").read_text()


def test_progress_names_a_file_as_the_suite_does(tmp_path: Path) -> None:
    lines = [f"{i % 7},{(i * 13) % 11},{'ab'[i % 3 == 0]}" for i in range(120)]
    (tmp_path / "mine.csv").write_text("u,v,label\n" + "\n".join(lines) + "\n")
    text = SMALL.replace('"iris"', '{use = "csv", path = "mine.csv", target = "label"}')
    (tmp_path / "s.toml").write_text(text)
    done = albench("run", "s.toml", "--jobs", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "on mine\n" in done.stderr
    assert "sha256" not in done.stderr


def test_another_question_leaves_the_statistics_of_the_suite_alone(folder: Path) -> None:
    stats = folder / "results" / "small" / "stats.json"
    assert albench("compare", "small.toml", cwd=folder).returncode == 0
    before = stats.read_bytes()
    done = albench("compare", "small.toml", "--summary", "end", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert stats.read_bytes() == before
    other = json.loads((stats.parent / "stats-end.json").read_text())
    assert other["design"][0]["summary"] == "end"
    assert "stats-end.json" in done.stderr


def test_a_protocol_without_a_name_is_told_by_what_differs(folder: Path) -> None:
    fields = 'protocol = {use = "standard", batch = 1, budget = 30}\n'
    (folder / "p.toml").write_text(SMALL + fields)
    done = albench("status", "p.toml", "--format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    from albench.suite.toml import load_suite

    assert [label for label, _ in load_suite(folder / "p.toml").protocols] == [
        "standard (batch 1, budget 30)"
    ]
    assert load_suite(folder / "p.toml").only({"protocol": ["standard (batch 1, budget 30)"]})
    run = albench(
        "run",
        "p.toml",
        "--only",
        "protocol=standard (batch 1, budget 30)",
        "--trials",
        "1",
        "--jobs",
        "1",
        cwd=folder,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    "words",
    [("strategy", "qbc"), ("protocol", "standard"), ("suite", "quickstart"), ("metric", "ece")],
)
def test_show_has_every_format(words: tuple[str, str]) -> None:
    table = json.loads(albench("show", *words, "--format", "json").stdout)
    assert table["columns"] == ["property", "value"]
    assert table["notes"]
    assert albench("show", *words, "--format", "csv").stdout.startswith("property,value\n")


def test_startup_is_quick() -> None:
    for code, limit in {"import albench": 0.5, "from albench.cli import app": 0.7}.items():
        taken = []
        for _ in range(3):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            taken.append(time.perf_counter() - begin)
        assert min(taken) < limit


def test_list_everything() -> None:
    done = albench("list", "--format", "json")
    rows = json.loads(done.stdout)["rows"]
    assert {"dataset", "strategy", "model", "metric", "protocol", "suite"} <= {
        row["kind"] for row in rows
    }
    assert all(row["summary"] for row in rows)
