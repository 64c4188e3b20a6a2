"""A campaign of faults against stores and runs, for a person to start; see `faults.md`.

python tests/benchmarks/faults.py [--scale 1.0] [--only packing,flips] [--seed 0]
    [--part 1/4] [--record FILE]

Each fault is followed by a look at what is stored. Counted are runs lost (stored before, not
there after, or with other numbers), wrong numbers accepted, and tracebacks in what a user sees.
At scale 1 it takes about an hour on two cores; `--scale 0.1` a few minutes. With --record it can
be done in parts: a kind, seed and scale that the file holds is not done again, and the table
sums up all that it holds.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import forgeries  # noqa: E402
from test_faults import there  # noqa: E402
from test_writers import NOBODY, bought, row  # noqa: E402

from albench.core.errors import BadResults  # noqa: E402
from albench.results.repair import repaired  # noqa: E402
from albench.results.store import Store  # noqa: E402

SUITE = """
datasets = ["iris", "wine"]
models = ["gnb"]
strategies = ["random", "margin", "kcenter"]
trials = {trials}
metrics = ["accuracy"]
protocol = {{start = 10, batch = 10, budget = 60}}
"""
WRITER = f"""
import sys
sys.path.insert(0, {str(HERE.parent)!r})
from test_writers import row, bought
from albench.results.store import Store
store = Store(sys.argv[1])
with store.writing(wait=60):
    number = len(store.runs())
    while True:
        for _ in range(4):
            store.add([row(f"r{{number:05d}}")], bought(f"r{{number:05d}}"))
            print(number, flush=True)
            number += 1
        store.pack(suite="s")
"""
FULL = f"""
import resource, sys
sys.path.insert(0, {str(HERE.parent)!r})
from test_writers import row, bought
from albench.core.errors import BadResults
from albench.results.store import Store
store = Store(sys.argv[1])
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with store.writing():
        store.add([row("new")], bought("new"))
        store.pack(suite="s")
except BadResults as error:
    print(error)
"""


def say(text: str) -> None:
    """A line for the person who runs this."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Tally:
    """What was done and found, by kind of fault.

    part, parts  of a list of named faults this is the share that is worked on
    """

    def __init__(self, part: int = 1, parts: int = 1) -> None:
        self.rows: dict[str, dict[str, int]] = {}
        self.part, self.parts = part, parts

    def mine(self, names: Iterable[str]) -> list[str]:
        """The share of named faults that is worked on."""
        return sorted(names)[self.part - 1 :: self.parts]

    def add(self, kind: str, **counts: int) -> None:
        """Count for a kind."""
        mine = self.rows.setdefault(kind, dict.fromkeys(("faults", "lost", "false", "traces"), 0))
        for name, count in counts.items():
            mine[name] += count

    def table(self) -> str:
        """As Markdown, with the sums."""
        frame = pd.DataFrame(self.rows).T
        frame.loc["all"] = frame.sum()
        lines = ["| kind | faults | runs lost | falsely accepted | tracebacks |"]
        lines += ["|---|---|---|---|---|"]
        lines += [f"| {kind} | {' | '.join(map(str, row))} |" for kind, row in frame.iterrows()]
        return "\n".join(lines)


def command(*words: str) -> subprocess.Popen[str]:
    """`albench` in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "albench", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def children(pid: int) -> list[int]:
    """Processes that a process started."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def numbers(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables, what varies from run to run left out."""
    runs, rounds = Store(folder).read()
    return (
        runs.drop(columns=["seconds"]).sort_values("run", ignore_index=True),
        rounds.drop(columns=["seconds_fit", "seconds_query"]).sort_values(
            ["run", "round"], ignore_index=True
        ),
    )


def kills(tally: Tally, work: Path, rng: random.Random, scale: float) -> None:
    """Coordinator, worker or whole group killed at a random time, with a reader beside it."""
    suite = work / "kills.toml"
    suite.write_text(SUITE.format(trials=max(2, round(20 * scale))))
    words = ("run", str(suite), "--jobs", "2", "--results")
    out, _ = command(*words, str(work / "reference")).communicate()
    assert "Traceback" not in out, out
    for number in range(max(3, round(180 * scale))):
        kind = ("coordinator", "worker", "group")[number % 3]
        target = work / f"killed-{number // 30}"
        before = set(Store(target).runs()["run"])
        process = command(*words, str(target))
        time.sleep(rng.uniform(1.0, 8.0))
        workers = children(process.pid)
        if kind == "worker" and workers:
            os.kill(rng.choice(workers), signal.SIGKILL)
        elif kind == "group":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        shown = command("status", str(suite), "--results", str(target))
        said = shown.communicate()[0] + process.communicate()[0]
        deadline = time.monotonic() + 10
        while any(map(there, workers)) and time.monotonic() < deadline:
            time.sleep(0.1)
        orphans = sum(map(there, workers))
        if orphans:
            say(f"{kind}: {orphans} orphans")
        lost = len(before - set(Store(target).runs()["run"])) + orphans
        tally.add(kind, faults=1, lost=lost, traces=said.count("Traceback"))
    for target in work.glob("killed-*"):
        command(*words, str(target)).communicate()
        for one, other in zip(numbers(target), numbers(work / "reference"), strict=True):
            tally.add("coordinator", false=int(not one.equals(other)))


def packing(tally: Tally, work: Path, rng: random.Random, scale: float) -> None:
    """A packing writer killed at a random time, beside readers and a second writer."""
    store = work / "packing"
    words = [sys.executable, "-c", WRITER, str(store)]
    for _ in range(max(5, round(150 * scale))):
        one = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        two = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        seen, wrong = len(Store(store).runs()), 0
        until = time.monotonic() + rng.uniform(1.5, 4.0)
        while time.monotonic() < until:
            runs, rounds = Store(store).read()
            whole = len(runs) >= seen and (rounds.groupby("run").size() == 2).all()
            wrong += not (whole and rounds["run"].nunique() == len(runs))
            seen = max(seen, len(runs))
        said = ""
        acknowledged = seen
        for process in (one, two):
            process.kill()
            told, errors = process.communicate()
            said += errors
            acknowledged = max([acknowledged, *(int(n) + 1 for n in told.split())])
        left = len(Store(store).runs())
        found = {"faults": 2, "lost": max(0, acknowledged - left), "false": wrong}
        tally.add("packing", **found, traces=said.count("Traceback"))
        if left > 3000:
            shutil.rmtree(store)


def filled(folder: Path) -> Store:
    """A store with packed tables and two shards."""
    store = Store(folder)
    for name in "abcdefgh":
        store.add([row(name)], bought(name))
    store.pack(suite="s", versions={"numpy": "2"})
    for name in "ij":
        store.add([row(name)], bought(name))
    return store


def full(tally: Tally, work: Path, rng: random.Random, scale: float) -> None:
    """No room: files end at a size limit, at every size in turn."""
    for number in range(max(5, round(60 * scale))):
        store = filled(work / f"full-{number}")
        limit = str(rng.randrange(0, 9000))
        words = [sys.executable, "-c", FULL, str(store.folder), limit]
        done = subprocess.run(words, capture_output=True, text=True)
        held = set(Store(store.folder).runs()["run"])
        lost = len(set("abcdefghij") - held)
        tally.add("full disk", faults=1, lost=lost, traces=done.stderr.count("Traceback"))


def read_only(tally: Tally, work: Path, rng: random.Random, scale: float) -> None:
    """A user without rights reads, and is told what may not be done."""
    if os.getuid() != 0:
        say("read-only: left out, it needs root to give up its rights")
        return
    work.chmod(0o755)
    store = filled(work / "guarded")
    names = ["", "shards", "runs.parquet", "rounds.parquet", "manifest.json"]
    for _ in range(max(5, round(30 * scale))):
        path = store.folder / rng.choice(names)
        before = path.stat().st_mode
        path.chmod(rng.choice([0, before & 0o7755, before & 0o7711]))
        done = subprocess.run(
            [sys.executable, "-c", NOBODY, str(store.folder)], capture_output=True, text=True
        )
        path.chmod(before)
        told = done.stdout.splitlines()
        clear = bool(told) and ("cannot be read" in told[0] or "cannot write" in told[-1])
        whole = "cannot be read" in done.stdout or f"{sorted('abcdefghij')} s" in done.stdout
        counts = {"false": int(not (clear and whole)), "traces": done.stderr.count("Traceback")}
        tally.add("permissions", faults=1, lost=int(len(store.runs()) != 10), **counts)


def scores(folder: Path) -> dict[str, list[float]]:
    """Run -> what was measured in its rounds."""
    return Store(folder).read()[1].groupby("run")["accuracy"].apply(list).to_dict()


def flips(tally: Tally, work: Path, rng: random.Random, scale: float) -> None:
    """A byte of some file is another: refused or left out, never read as other numbers."""
    origin = filled(work / "origin")
    due = dict(scores(origin.folder))
    for number in range(max(10, round(400 * scale))):
        folder = work / "flipped"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(origin.folder, folder)
        files = [p for p in folder.rglob("*") if p.suffix in (".parquet", ".json")]
        path = rng.choice(files)
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
        path.write_bytes(data)
        wrong = traces = 0
        for repair in (False, True):
            try:
                if repair:
                    repaired(folder)
                wrong += any(due[run] != part for run, part in scores(folder).items())
            except BadResults:
                wrong += repair  # a repaired store is readable
            except Exception as error:
                say(f"flip {number} of {path.name}: {type(error).__name__}: {error}")
                traces += 1
        outside = set("abcdefgh") if path.parent == folder and path.suffix == ".parquet" else set()
        outside |= {"i", "j"} if path.parent != folder else set()
        lost = len(set(due) - outside - set(Store(folder).runs()["run"]))
        tally.add("flips", faults=1, lost=lost, false=wrong, traces=traces)


DASK = """
import os
from albench import strategy

@strategy("campaign_dies")
def dies(query):
    os._exit(3)
"""


def dask(tally: Tally, work: Path, rng: random.Random, scale: float) -> None:
    """A strategy that ends its worker, on a local cluster: it is given up, the rest is done."""
    (work / "dies.py").write_text(DASK)
    suite = work / "dask.toml"
    text = SUITE.format(trials=1).replace('"kcenter"', '"campaign_dies"')
    suite.write_text(text.replace(', "wine"', "") + 'plugins = ["dies.py"]\n')
    for number in range(max(1, round(5 * scale))):
        words = ("run", str(suite), "--backend", "dask", "--jobs", "2", "--results")
        out = command(*words, str(work / f"dask-{number}")).communicate()[0]
        statuses = Store(work / f"dask-{number}").runs().groupby("status").size().to_dict()
        wrong = statuses != {"done": 3, "failed": 1}
        tally.add("dask", faults=1, lost=int(wrong), traces=out.count("Traceback"))


PLUGINS = {
    "crashes": "raise ValueError('of mine')",
    "crashes with a bomb": "raise ValueError('x' * 10_000_000)",
    "crashes with control characters": "raise ValueError('red\\x1b[31m \\u202e')",
    "crashes on a later round": "assert len(query.labeled) < 20; return query.pool[: query.n]",
    "raises BaseException": "raise BaseException('of mine')",
    "raises KeyboardInterrupt": "raise KeyboardInterrupt",
    "raises SystemExit 0": "raise SystemExit(0)",
    "raises GeneratorExit": "raise GeneratorExit",
    "raises MemoryError": "raise MemoryError",
    "raises Skip of its own": "from albench.core.errors import Skip; raise Skip('not I')",
    "recurses for ever": "f = lambda g: g(g); f(f)",
    "sleeps for ever": "time.sleep(10**6)",
    "loops for ever": "while True: pass",
    "loops and swallows": "while True:\n        try: time.sleep(1)\n"
    "        except BaseException: pass",
    "exits": "os._exit(3)",
    "exits with 0": "os._exit(0)",
    "aborts": "os.abort()",
    "kills itself": "os.kill(os.getpid(), 9)",
    "segfaults": "import ctypes; ctypes.string_at(0)",
    "chatters": "print('noise ' * 10**5); return query.pool[: query.n]",
    "chatters below Python": "os.write(1, b'noise ' * 10**4); return query.pool[: query.n]",
    "closes its files": "os.closerange(0, 3); return query.pool[: query.n]",
    "leaves its folder": "os.chdir('/'); return query.pool[: query.n]",
    "changes the environment": "os.environ.clear(); return query.pool[: query.n]",
    "turns warnings to errors": "import warnings; warnings.simplefilter('error'); "
    "return query.pool[: query.n]",
    "seeds the global generator": "np.random.seed(0); return query.pool[: query.n]",
    "writes to the features": "query.X[:] = 0; return query.pool[: query.n]",
    "writes to the pool": "query.pool[:] = 0; return query.pool[: query.n]",
    "starts a thread": "import threading; threading.Thread(target=time.sleep, args=(9,), "
    "daemon=True).start(); return query.pool[: query.n]",
    "starts a child": "import subprocess; subprocess.Popen(['sleep', '20']); "
    "return query.pool[: query.n]",
    "returns nothing": "return None",
    "returns text": "return 'abc'",
    "returns too few": "return query.pool[: query.n - 1]",
    "returns a row twice": "return [query.pool[0]] * query.n",
    "returns rows beyond the pool": "return query.pool[: query.n] + 10**6",
    "returns halves": "return query.pool[: query.n] + 0.5",
    "returns a generator": "return (row for row in query.pool[: query.n])",
    "returns an endless generator": "import itertools; return itertools.count()",
    "patches numpy": "np.mean = np.argmax = np.lexsort = lambda *a, **k: 0; "
    "return query.pool[: query.n]",
    "patches the metrics": "import albench.metrics as m; "
    "[setattr(m, k, lambda o: 1.0) for k in vars(m) if k[0] != '_']; return query.pool[: query.n]",
    "patches the model": "from sklearn.naive_bayes import GaussianNB as G; "
    "G.predict = lambda self, X: np.zeros(len(X), int); return query.pool[: query.n]",
}
"""What a strategy does when it is asked."""
PLUGIN = """
import os, time
import numpy as np
from albench import strategy

@strategy("bad")
def bad(query):
    {body}
"""


def bad(tally: Tally, work: Path, rng: random.Random, scale: float) -> None:
    """Strategies that misbehave: the runs of the others are there, with the numbers due."""
    text = SUITE.format(trials=1).replace('"kcenter"', '"bad"').replace(', "wine"', "")
    reference = work / "reference.toml"
    reference.write_text(text.replace(', "bad"', ""))
    command("run", str(reference), "--jobs", "1", "--results", str(work / "right")).communicate()
    due = scores(work / "right")
    for number, name in enumerate(tally.mine(PLUGINS)):
        (work / "bad.py").write_text(PLUGIN.format(body=PLUGINS[name]))
        suite, target = work / "bad.toml", work / f"bad-{number}"
        suite.write_text(text + 'plugins = ["bad.py"]\n')
        limits = ("--jobs", rng.choice("12"), "--timeout", "3")
        out = command("run", str(suite), *limits, "--results", str(target)).communicate()[0]
        shown = command("status", str(suite), "--failed", "--results", str(target)).communicate()[0]
        got = scores(target)
        runs = Store(target).runs().set_index("run")["status"]
        lost = sum(run not in got for run in due) + int(len(runs) != len(due) + 1)
        wrong = sum(run in got and got[run] != right for run, right in due.items())
        traces = out.count("Traceback") + int(forgeries.is_raw(out + shown))
        if lost or wrong or traces:
            say(
                f"a strategy that {name}: lost {lost}, wrong {wrong}, traces {traces}\n{out[-900:]}"
            )
        tally.add("bad strategies", faults=1, lost=lost, false=wrong, traces=traces)


DRAWN, VERIFIED = ("figures", "report", "leaderboard"), ("verify", "reuse", "repair")
READ = tuple(name for name in forgeries.COMMANDS if name not in (*DRAWN, *VERIFIED))


def forged(
    commands: tuple[str, ...], tally: Tally, work: Path, rng: random.Random, scale: float
) -> None:
    """Forged stores before commands that read: refused or read, never a traceback.

    Falsely accepted: `verify` of all runs that passes, a merge of what contradicts itself.
    """
    suite, true = forgeries.made(work)
    due = scores(true)
    for name in tally.mine(forgeries.FORGERIES):
        forgery = forgeries.FORGERIES[name]
        wrong = traces = 0
        for kind in commands:
            folder, out = work / "forged", work / "out"
            for old in (folder, out):
                shutil.rmtree(old, ignore_errors=True)
            shutil.copytree(true, folder)
            forgeries.apply(forgery, folder)
            got = forgeries.called(kind, suite, folder, out)
            passes = kind == "verify" or (kind in ("merge", "reuse") and not forgery.silent)
            accepted = passes and got.code == 0 and not forgery.harmless
            if got.code is None or got.raw or accepted:
                say(f"{name}, {kind}: code {got.code}, raw {got.raw}: {got.said[-900:]}")
            wrong, traces = wrong + accepted, traces + int(got.code is None or got.raw)
        lost = int(scores(true) != due)
        tally.add(f"forged, {commands[0]} ...", faults=1, lost=lost, false=wrong, traces=traces)


KINDS: dict[str, Callable[[Tally, Path, random.Random, float], None]] = {
    "flips": flips,
    "full": full,
    "permissions": read_only,
    "packing": packing,
    "kills": kills,
    "dask": dask,
    "bad": bad,
    "forged": partial(forged, READ),
    "forged-drawn": partial(forged, DRAWN),
    "forged-verified": partial(forged, VERIFIED),
}


def main() -> None:
    """Run the campaign and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--part", default="1/1", help="I/N of the named faults (bad, forged)")
    given = parser.parse_args()
    held = json.loads(given.record.read_text()) if given.record and given.record.exists() else {}
    begun = time.monotonic()
    for kind in given.only.split(","):
        named = kind == "bad" or kind.startswith("forged")
        part = f"{kind} {given.part if named else f'{given.seed} {given.scale:g}'}"
        if part not in held:
            tally = Tally(*map(int, given.part.split("/")))
            with tempfile.TemporaryDirectory() as work:
                KINDS[kind](tally, Path(work), random.Random(f"{given.seed} {kind}"), given.scale)
            held[part] = tally.rows
            if given.record:
                given.record.write_text(json.dumps(held, indent=1))
        say(f"{part}: {held[part]}")
    together = Tally()
    for rows in held.values():
        for kind, counts in rows.items():
            together.add(kind, **counts)
    say(f"{time.monotonic() - begun:.0f} s\n")
    say(together.table())


if __name__ == "__main__":
    main()
