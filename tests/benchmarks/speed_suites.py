"""Suites on worker processes: two cores, the published files, and areas of two SVCs."""

import resource
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from speed_loops import head, row, table
from threadpoolctl import threadpool_limits

import albench
from albench.analysis.comparison import summaries
from albench.runner import with_skipped
from albench.runner.worker import Options, run_one

# name: train rows and labels bought in all runs of Lu et al. (2023), trials; from their table
SIZES = {
    "appendicitis": 106,
    "sonar": 208,
    "parkinsons": 195,
    "ex8b": 210,
    "heart": 270,
    "haberman": 306,
    "ionosphere": 351,
    "clean1": 476,
    "breast": 478,
    "wdbc": 569,
    "australian": 690,
    "diabetes": 768,
    "mammographic": 830,
    "ex8a": 766,
    "tictactoe": 958,
    "german": 1000,
    "splice": 1000,
    "gcloudb": 1000,
    "gcloudub": 1000,
    "checkerboard": 1600,
    "spambase": 4601,
    "banana": 5300,
    "phoneme": 5404,
    "ringnorm": 7400,
    "twonorm": 7400,
    "phishing": 11055,
}
STRATEGIES = {"Uniform": "pool_order", "US-C": "margin", "Core-Set": "kcenter"}
MODELS = ("svc-rbf", "svc-rbf-libsvm")
MIXES = {("svc-rbf", "svc-rbf-libsvm", "logreg", "gnb"): 2, ("svc-rbf", "logreg"): 4}
MIXED = ['"random"', '"margin"', '"kcenter"', '"information_density"']
EXHAUSTION = '{use = "standard", batch = 1, budget = "pool"}'


def suite(folder, datasets, models, strategies, trials, protocol='"lu2023"'):
    """A suite file in a folder; strategies as they stand in TOML."""
    path = Path(folder) / "suite.toml"
    path.write_text(
        f'title = "speed"\nprotocol = {protocol}\ndatasets = [{", ".join(datasets)}]\n'
        f"models = {list(models)}\nstrategies = [{', '.join(strategies)}]\n"
        f'trials = {trials}\nmetrics = ["accuracy"]\nbaseline = "{BASE[strategies[0]]}"\n'
    )
    return path


BASE = {'"random"': "random", '{use = "pool_order", name = "Uniform"}': "Uniform"}


def lu_strategies(names):
    """Entries of a suite file."""
    return [f'{{use = "{STRATEGIES[name]}", name = "{name}"}}' for name in names]


def timed(path, jobs):
    """Run a suite anew: wall seconds, CPU seconds of workers and coordinator, the tables."""
    folder = tempfile.mkdtemp(dir=path.parent)
    before, own, begin = children(), time.process_time(), time.perf_counter()
    albench.run(path, folder, jobs=jobs)
    wall, own = time.perf_counter() - begin, time.process_time() - own
    return wall, (children() - before, own), albench.read_results(path, folder)


def children():
    """CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cores(times):
    """200 runs of mixed datasets through `albench.run`, one worker and two; goal 1.8 x."""
    names = [n for n in ("heart", "australian", "splice", "checkerboard") if table(n)]
    names = [f'"{n}"' for n in ("wdbc", *names)]
    yield (
        f"200 runs ({', '.join(names)}; random, margin, k-center, density, the whole pool; batch "
        "1 to pool exhaustion), through `albench.run`: worker start, imports and storing counted. "
        f"Wall time, in turn, medians of {times}."
    )
    yield ""
    yield head(
        "models", "trials", "jobs", "wall s", "CPU s, workers", "coordinator", "ratio", "goal", ""
    )
    with tempfile.TemporaryDirectory() as folder:
        for models, trials in MIXES.items():
            path = suite(folder, names, models, MIXED, trials, EXHAUSTION)
            yield from one_and_two(path, times, 40 * len(names), (", ".join(models), trials))


def one_and_two(path, times, due, described):
    """The rows of one mix: one worker, and two."""
    took = {1: [], 2: []}
    for _ in range(times):
        for jobs, walls in took.items():
            wall, cpu, (runs, _) = timed(path, jobs)
            states = runs["status"].value_counts().to_dict()
            if states != {"done": due}:
                raise RuntimeError(f"not all runs ended well: {states}")
            walls.append((wall, *cpu))
    medians = {j: [median(column) for column in zip(*w, strict=True)] for j, w in took.items()}
    for jobs, (wall, *cpu) in medians.items():
        ratio = medians[1][0] / wall
        short = "" if jobs == 1 or ratio >= 1.8 else "**short**"
        goal = ("", "") if jobs == 1 else (f"{ratio:.2f} x", "1.8 x")
        yield row(*described, jobs, f"{wall:.1f}", *(f"{s:.1f}" for s in cpu), *goal, short)


def trials_of(name):
    """How many trials Lu et al. (2023) ran of a dataset."""
    return 100 if SIZES[name] < 2000 else 10


def published(times, whole=False):
    """Uniform, US-C and Core-Set on the files at hand, and what all datasets would take.

    times  seeds, at most 3; one of the larger files
    whole  all published seeds, on two workers, by the wall clock
    """
    at_hand = [n for n in SIZES if table(n) is not None]
    few = {n: min(times, 3) if SIZES[n] < 2000 else 1 for n in at_hand}
    takes = {n: trials_of(n) for n in at_hand} if whole else few
    with tempfile.TemporaryDirectory() as folder:
        datasets = [
            f'{{use = "{n}", trials = {{seeds = "0-149", take = {take}}}}}'
            for n, take in takes.items()
        ]
        path = suite(folder, datasets, MODELS, lu_strategies(STRATEGIES), 3)
        found, how = by_wall(path) if whole else by_cpu(path)
    yield (
        f"{len(at_hand)} files of Lu et al. (2023) at hand, their protocol, batch 1 to pool "
        f"exhaustion. {how} Scaled to the published trials (100, or 10 from 2,000 rows on). The "
        f"{26 - len(at_hand)} other datasets are extrapolated: seconds a run as a power of the "
        "rounds, fitted on the files at hand of 300 rounds and more; phishing, ringnorm and "
        "twonorm lie beyond the largest of them. Seeds run: "
        + ", ".join(f"{n} {take}" for n, take in takes.items())
        + "."
    )
    yield ""
    yield from estimates(found, at_hand)
    yield ""
    yield from by_dataset(found, at_hand)


def by_wall(path):
    """Seconds of two workers' wall time by model, strategy and dataset, and a sentence."""
    wall, cpu, (runs, _) = timed(path, 2)
    done = runs[runs["status"] == "done"]
    busy = float(done["seconds"].sum())
    means = done.groupby(["model", "strategy", "dataset"])["seconds"].mean() * wall / busy
    return means.to_dict(), (
        f"`albench.run` with two workers: {len(done)} runs in {wall / 60:.1f} minutes of wall "
        f"time ({sum(cpu) / 60:.1f} of CPU). Minutes below are wall time on two cores."
    )


def by_cpu(path):
    """Half the CPU seconds of a run by model, strategy and dataset, and a sentence."""
    cells = list(with_skipped(albench.load_suite(path)).cells())
    took, shared, options = {}, {}, Options(("accuracy",))
    with threadpool_limits(limits=1):
        for cell in sorted(cells, key=lambda c: (c.dataset, c.trial)):
            begin = time.process_time()
            status = run_one(cell.spec, options, shared).run["status"]
            spent = time.process_time() - begin
            if status == "done":
                took.setdefault((cell.model, cell.strategy, cell.dataset), []).append(spent)
            elif status != "skipped":
                raise RuntimeError(f"{cell}: {status}")
    n, total = sum(map(len, took.values())), sum(map(sum, took.values()))
    return {key: sum(spent) / len(spent) / 2 for key, spent in took.items()}, (
        f"{n} runs in this process, {total:.0f} s of CPU. Minutes below are half the CPU time: "
        "wall time on two cores if both were always busy (see the section on two cores)."
    )


def rounds_of(name):
    """Labels bought in a run: all train rows but the start."""
    return int(SIZES[name] * 0.6) - 20


def estimates(seconds, at_hand):
    """Minutes of wall time on two cores by model and strategy, and for all datasets."""
    yield head(
        "model",
        "strategy",
        "files at hand, min",
        "exponent of the rounds",
        "all 26, min",
        "of these phishing",
        "ringnorm and twonorm",
    )
    sums = np.zeros(2)
    for model in MODELS:
        for strategy in STRATEGIES:
            known = {n: seconds[model, strategy, n] for n in at_hand}
            fit = [n for n in at_hand if rounds_of(n) >= 300]
            slope, level = np.polyfit(
                np.log([rounds_of(n) for n in fit]), np.log([known[n] for n in fit]), 1
            )
            guess = {n: np.exp(level) * rounds_of(n) ** slope for n in SIZES} | known
            minutes = {n: guess[n] * trials_of(n) / 60 for n in SIZES}
            here, everything = sum(minutes[n] for n in at_hand), sum(minutes.values())
            sums += here, everything
            both = minutes["ringnorm"] + minutes["twonorm"]
            cells = (here, slope, everything, minutes["phishing"], both)
            yield row(model, strategy, *(f"{cell:.2f}" for cell in cells))
    yield row("both", "all three", f"{sums[0]:.1f}", "", f"{sums[1]:.1f}", "", "")


def by_dataset(seconds, at_hand):
    """Milliseconds of one core a run on each file."""
    pairs = [(m, s) for m in MODELS for s in STRATEGIES]
    yield head("ms of one core a run", "rounds", *(f"{m} {s}" for m, s in pairs))
    for n in at_hand:
        yield row(n, rounds_of(n), *(f"{2e3 * seconds[m, s, n]:.0f}" for m, s in pairs))


def areas(times):
    """Mean areas of accuracy of the canonical and the libsvm-exact classifier, paired."""
    seeds = 4 * times
    names = [
        n
        for n in (
            "heart",
            "haberman",
            "ionosphere",
            "wdbc",
            "australian",
            "diabetes",
            "mammographic",
        )
        if table(n)
    ]
    with tempfile.TemporaryDirectory() as folder:
        datasets = [f'"{n}"' for n in names]
        strategies = lu_strategies(("Uniform", "US-C"))
        path = suite(folder, datasets, MODELS, strategies, f'{{seeds = "0-149", take = {seeds}}}')
        _, _, (runs, rounds) = timed(path, 2)
    found = area_of_runs(runs[runs["status"] == "done"], rounds)
    yield (
        f"Area of test accuracy over the labels, protocol of Lu et al. (2023), {seeds} seeds, "
        "paired by seed: svc-rbf less svc-rbf-libsvm, its standard error over the seeds, and "
        "the largest difference of one seed. *agree*: zero within two standard errors."
    )
    yield ""
    yield head(
        "data",
        "strategy",
        "svc-rbf",
        "svc-rbf-libsvm",
        "difference",
        "standard error",
        "largest of a seed",
        "",
    )
    for name in names:
        for strategy in ("Uniform", "US-C"):
            ours, theirs = (found.loc[name, strategy, model] for model in MODELS)
            apart = (ours - theirs).to_numpy()
            error = apart.std(ddof=1) / np.sqrt(len(apart))
            agree = "agree" if abs(apart.mean()) <= 2 * error + 1e-12 else "**differ**"
            yield row(
                name,
                strategy,
                f"{ours.mean():.5f}",
                f"{theirs.mean():.5f}",
                f"{apart.mean():+.6f}",
                f"{error:.6f}",
                f"{np.abs(apart).max():.5f}",
                agree,
            )


def area_of_runs(runs, rounds):
    """The area of each run, by dataset, strategy, model and trial."""
    joined = rounds.merge(runs[["run", "dataset", "strategy", "model", "trial"]], on="run")
    keys = ["dataset", "strategy", "model", "trial"]
    return (
        joined.sort_values("round")
        .groupby(keys)[["n_labeled", "accuracy"]]
        .apply(lambda curve: float(summaries.aubc(curve["n_labeled"], curve["accuracy"])))
    )
