"""What active learning does to the data: the simulations that must show it.

    python tests/benchmarks/labels.py [FOLDER] [null] [audit] [noise] [rare] [speed]

FOLDER keeps the runs of the suites (default: a temporary folder). Without names all parts
are run, which takes about half an hour on one core. Prints one line per statement; exits 1
where one fails.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.bought import audit, errors, noise, over_trials, rare
from albench.analysis.bought.bias import CHEAP, NESTED, null, z_score
from albench.analysis.bought.space import Space
from albench.core.registry import build, resolve
from albench.core.spec import Protocol, RunSpec
from albench.datasets._cut import cut
from albench.runner import open_store, run
from albench.runner.cuts import cuts
from albench.runner.grid import labelled
from albench.simulation.oracles import oracle
from albench.suite.toml import load_suite

failed: list[str] = []


def check(what: str, found: str, holds: bool) -> None:
    """One statement."""
    sys.stdout.write(f"| {what} | {found} | {'holds' if holds else 'FAILS'} |\n")
    sys.stdout.flush()
    if not holds:
        failed.append(what)


def tables(folder: Path, suite: str, **only: list[str]) -> tuple[Any, Any, list[RunSpec]]:
    """Tables and finished specs of a part of a shipped suite, run where it is missing."""
    part = load_suite(suite).only(only)
    run(part, folder / suite, jobs=1)
    runs, rounds = labelled(part, open_store(part, folder / suite))
    done = set(runs.loc[(runs["status"] == "done") & (runs["strategy"] != "all"), "run"])
    return runs, rounds, [spec for spec in part.specs if spec.id in done]


def at_end(summary: pd.DataFrame, *index: str) -> pd.DataFrame:
    return summary[summary["checkpoint"] == 1].set_index(list(index))


def show_null(folder: Path) -> None:
    """Random labelled sets on real pools: |z| <= 2 in nine of ten of 200 trials."""
    logreg = resolve("model", "logreg")
    for name in ("digits", "wdbc"):
        z: dict[str, list[float]] = {measure: [] for measure in CHEAP}
        data, ref = build("dataset", resolve("dataset", name)), resolve("dataset", name)
        for trial in range(200):
            spec = RunSpec(ref, resolve("strategy", "random"), logreg, logreg, Protocol(), trial)
            task = cut(data, spec)
            space = Space.of(task)
            rest = np.setdiff1d(space.pool, task.start)
            order = np.concatenate([task.start, spec.rng("strategy").permutation(rest)[:180]])
            known = null(space, task.start, [200]).set_index("measure")
            for measure in CHEAP:
                value = NESTED[measure](space, order, np.array([200]))
                row = known.loc[measure]
                sd = np.array([row["null_sd"]])
                z[measure].append(float(z_score(value, row["null_mean"], sd)[0]))
        for measure, values in z.items():
            inside = float(np.mean(np.abs(values) <= 2))
            check(f"{name}: random within +-2, {measure}", f"{inside:.3f}", inside >= 0.9)


def show_audit(folder: Path) -> None:
    """The ranking inversion on digits."""
    runs, rounds, specs = tables(folder, "audit", dataset=["digits"])
    frame = audit.measured(runs, rounds, cuts(specs), checkpoints=(1.0,))
    table = errors.errors(frame).set_index(["estimator", "strategy"])
    for name in audit.ESTIMATORS:
        row = table.loc[name]
        shown = ", ".join(
            f"{s} {v:+.3f} (sd {sd:.3f})"
            for s, v, sd in zip(row.index, row["bias"], row["sd"], strict=True)
        )
        sys.stdout.write(f"  {name}: {shown}\n")
    cv, truth = table.loc["cv", "estimate"], table.loc["cv", "truth"]
    check(
        "digits: cross-validation ranks margin below random, the passive test above",
        f"CV {cv['random']:.3f} > {cv['margin']:.3f}; test {truth['margin']:.3f} > "
        f"{truth['random']:.3f}",
        cv["margin"] < cv["random"] - 0.1 and truth["margin"] > truth["random"],
    )
    matched, lure = (
        table.loc[(name, "softmax"), "bias"] for name in ("cv_matched", "lure_matched")
    )
    check(
        "digits, softmax: LURE takes most of the bias of cross-validation away",
        f"{matched:+.3f} to {lure:+.3f}",
        abs(lure) < abs(matched) / 2,
    )
    ranking = errors.ranking(frame).set_index("estimator")
    for name, row in ranking.iterrows():
        sys.stdout.write(
            f"  {name}: tau {row['tau']:+.2f}, best right {row['best_right']:.2f}, "
            f"regret {row['regret']:.3f}\n"
        )


def uniform_affinity(trials: int = 3000) -> tuple[float, float]:
    """Affinity of random picks to uniform flips, and its standard error."""
    logreg, ref = resolve("model", "logreg"), resolve("dataset", "digits")
    data, bought, base = build("dataset", ref), [], []
    protocol = Protocol(oracle=resolve("oracle", {"use": "uniform", "rate": 0.1}))
    for trial in range(trials):
        spec = RunSpec(ref, resolve("strategy", "random"), logreg, logreg, protocol, trial)
        task = cut(data, spec)
        wrong = oracle(protocol, task, spec.rng("oracle")).answer(np.arange(len(task.y))) != task.y
        rest = np.setdiff1d(np.arange(len(task.y)), task.start)
        picks = spec.rng("strategy").choice(rest, size=180, replace=False)
        bought.append(wrong[picks].mean())
        base.append(wrong[rest].mean())
    gap = np.array(bought) - np.array(base)
    return 1 + gap.mean() / np.mean(base), gap.std(ddof=1) / np.sqrt(trials) / np.mean(base)


def show_noise(folder: Path) -> None:
    """Instance-dependent mistakes attract margin, uniform ones nobody."""
    runs, rounds, specs = tables(
        folder,
        "noisy-oracle",
        dataset=["digits"],
        protocol=["uniform", "boundary"],
        strategy=["random", "margin"],
    )
    drawn = noise.affinity(noise.measured(runs, rounds, cuts(specs)))
    drawn = drawn.set_index(["protocol", "strategy"])
    for place, row in drawn.iterrows():
        sys.stdout.write(
            f"  {place}: {row['affinity']:.2f} [{row['low']:.2f}, {row['high']:.2f}]\n"
        )
    ratio, error = uniform_affinity()
    check(
        "digits: affinity of random, uniform, 3,000 trials, within three standard errors of 1",
        f"{ratio:.3f} +- {error:.3f}",
        abs(ratio - 1) < 3 * error,
    )
    to_margin = drawn.loc[("boundary", "margin")]
    check(
        "digits: affinity of margin to mistakes near the boundary",
        f"{to_margin['affinity']:.2f}",
        to_margin["low"] > 1.2,
    )
    for place in (("boundary", "random"), ("uniform", "margin")):
        value = drawn.loc[place, "affinity"]
        check(
            f"digits: affinity of {place[1]}, {place[0]}, about 1",
            f"{value:.2f}",
            abs(value - 1) < 0.15,
        )


def show_rare(folder: Path) -> None:
    """Two positives in a hundred, clean and with 10 % flips."""
    runs, rounds, specs = tables(
        folder, "imbalance", dataset=["digits-8"], strategy=["random", "margin"]
    )
    summary = over_trials(rare.measured(runs, rounds, cuts(specs))[0], "random")
    end = at_end(summary, "protocol", "strategy", "measure")["value"].sort_index()
    for measure in (*rare.SHOWN, "accuracy", "average_precision_macro"):
        shown = {p: f"{end[p, 'margin', measure]:.3f}" for p in ("clean", "flips")}
        sys.stdout.write(f"  margin, {measure}: {shown}\n")
    clean, flips = end["clean", "margin"], end["flips", "margin"]
    check(
        "2 % positives: margin's ambiguous-negative rate rises under flips",
        f"{clean['ambiguous_negative']:.3f} to {flips['ambiguous_negative']:.3f}",
        flips["ambiguous_negative"] > clean["ambiguous_negative"],
    )
    check(
        "its average precision falls, accuracy hardly moves",
        f"{clean['average_precision_macro']:.3f} to {flips['average_precision_macro']:.3f}; "
        f"{clean['accuracy']:.3f} to {flips['accuracy']:.3f}",
        flips["average_precision_macro"] < 0.6 * clean["average_precision_macro"]
        and clean["accuracy"] - flips["accuracy"] < 0.03,
    )


def show_speed(folder: Path) -> None:
    """The commands on five datasets, six strategies, twenty trials, on two processes."""
    suite = load_suite(Path(__file__).with_name("labels-cost.toml"))
    run(suite, folder / suite.name, jobs=-1)
    spent = {}
    for command in ("bias", "coverage", "rare", "noise", "audit"):
        wall, cpu, peak = watched([command, str(suite.path), "--results", str(folder / suite.name)])
        spent[command] = (wall, cpu)
        sys.stdout.write(f"  {command}: {wall:.0f} s, {cpu:.0f} CPU s, {peak:.0f} MB\n")
        check(f"{command}: memory of all processes below 1 GB", f"{peak:.0f} MB", peak < 1000)
    wall, cpu = np.sum([spent[c] for c in ("bias", "coverage", "rare", "noise")], axis=0)
    check(
        "bias, coverage, rare, noise below 3 minutes on two cores",
        f"{wall:.0f} s, {cpu:.0f} CPU s",
        cpu < 2 * 180,
    )
    wall, cpu = spent["audit"]
    check("audit below 10 minutes on two cores", f"{wall:.0f} s, {cpu:.0f} CPU s", cpu < 2 * 600)


def watched(arguments: list[str]) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak memory (MB) of a command with its worker processes.

    CPU seconds do not depend on what else the machine does; shared pages count once.
    """
    begin = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "albench", *arguments, "--jobs", "2"],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    ticks: dict[str, int] = {}
    peak = 0.0
    while child.poll() is None:
        memory = 0.0
        for process in Path("/proc").glob("[0-9]*"):
            try:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) != child.pid:
                    continue
                ticks[process.name] = int(fields[11]) + int(fields[12])
                rollup = (process / "smaps_rollup").read_text()
                memory += int(rollup.partition("\nPss:")[2].split()[0]) / 1024
            except (OSError, IndexError, ValueError):
                continue  # ended while it was looked at
        peak = max(peak, memory)
        time.sleep(0.1)
    if child.returncode:
        raise SystemExit(f"{arguments} ended with {child.returncode}")
    hertz = os.sysconf("SC_CLK_TCK")
    return time.perf_counter() - begin, sum(ticks.values()) / hertz, peak


PARTS = {
    "null": show_null,
    "audit": show_audit,
    "noise": show_noise,
    "rare": show_rare,
    "speed": show_speed,
}


def main(arguments: list[str]) -> int:
    wanted = [a for a in arguments if a in PARTS] or list(PARTS)
    folders = [a for a in arguments if a not in PARTS]
    with tempfile.TemporaryDirectory() as temporary:
        for part in wanted:
            PARTS[part](Path(folders[0] if folders else temporary))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
