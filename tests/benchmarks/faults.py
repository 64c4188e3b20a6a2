"""A campaign of faults against stores and runs, for a person to start; see `faults.md`.

python tests/benchmarks/faults.py [--scale 1.0] [--only pack,flips] [--seed 0]

Each fault is followed by a look at what is stored. Counted are runs lost (stored before, not
there after, or with other numbers), wrong numbers accepted, and tracebacks in what a user sees.
At scale 1 it takes about half an hour on two cores; `--scale 0.1` a few minutes.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

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
    """What was done and found, by kind of fault."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, int]] = {}

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


KINDS: dict[str, Callable[[Tally, Path, random.Random, float], None]] = {
    "flips": flips,
    "full": full,
    "permissions": read_only,
    "packing": packing,
    "kills": kills,
    "dask": dask,
}


def main() -> None:
    """Run the campaign and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tally, begun = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        for kind in given.only.split(","):
            KINDS[kind](tally, Path(work), random.Random(f"{given.seed} {kind}"), given.scale)
            say(f"{kind}: {tally.rows}")
    say(f"scale {given.scale:g}, seed {given.seed}, {time.monotonic() - begun:.0f} s\n")
    say(tally.table())


if __name__ == "__main__":
    main()
