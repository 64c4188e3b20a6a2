# ruff: noqa: E402, T201
"""What albench takes, next to other ways to do the same: the record is speed.md.

    python tests/benchmarks/speed.py [PART ...] [--times 5] [--whole] [--record FILE]

Without a name all parts are measured, one after the other. One core, one BLAS thread, CPU
time of the process, what is compared in turn, medians; wall time only where several
processes work (`cores`, `published`), which needs a quiet machine. Published files come
from ALBENCH_MIRROR. Each part prints a section of Markdown; with --record it takes the
place of the section of that title in the file, and all other sections stay.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import importlib
import platform
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

PARTS = {
    "engines": ("Against a plain scikit-learn loop", "speed_engines.against_plain"),
    "classes": ("Many classes", "speed_classes.classes"),
    "wide": ("Wide tables", "speed_classes.wide"),
    "compiling": ("Compiling", "speed_classes.compiling"),
    "skactiveml": ("Against scikit-activeml's own loop", "speed_others.own_loop"),
    "quire": ("QUIRE against the per-candidate formula", "speed_others.quire"),
    "eer": ("Expected error reduction against refits", "speed_others.expected_error"),
    "harness": ("The loop itself", "speed_engines.harness"),
    "cores": ("Two cores", "speed_suites.cores"),
    "memory": ("Memory of a worker", "speed_scale.memory"),
    "large": ("A pool of 50,000 rows", "speed_scale.large"),
    "bound": ("Kernel rows under a bound", "speed_scale.bound"),
    "scaling": ("Time a round by pool and labels", "speed_scale.scaling"),
    "published": ("Published files, and all of Lu et al. (2023)", "speed_suites.published"),
    "areas": ("Areas of svc-rbf and svc-rbf-libsvm", "speed_suites.areas"),
}
TITLE = "# Speed"
LIBRARIES = ("numpy", "scipy", "scikit-learn", "numba", "scikit-activeml", "joblib")


def machine():
    """Processor and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    found = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    cpu = found[0] if found else platform.processor() or platform.machine()
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{cpu}, Python {platform.python_version()}, {libraries}"


def section(name, times, whole):
    """The lines of one part, printed as they come."""
    title, function = PARTS[name]
    module, function = function.split(".")
    measure = getattr(importlib.import_module(module), function)  # a child process pays for none
    begin, lines = time.process_time(), []
    more = {"whole": True} if whole and name in ("engines", "published") else {}

    def say(line):
        lines.append(line)
        print(line, flush=True)

    say(f"## {title} (`speed.py {name}`)")
    for line in measure(times, **more):
        say(line)
    say("")
    say(
        f"{machine()}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} "
        f"cores; {time.process_time() - begin:.0f} s of CPU in this process."
    )
    return lines


def recorded(path, lines):
    """Put a section in the place of the one of its title, else at the end of the file."""
    text = path.read_text() if path.exists() else TITLE + "\n"
    parts = text.rstrip("\n").split("\n## ")
    new = "\n".join(lines).removeprefix("## ")
    title = new.split(" (`")[0]
    at = [i for i, part in enumerate(parts) if i and part.split(" (`")[0] == title]
    if at:
        parts[at[0]] = new + "\n"
    else:
        parts.append(new + "\n")
    path.write_text("\n## ".join(part.rstrip("\n") + "\n" for part in parts))


def main():
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--times", type=int, default=5, help="measurements behind each median")
    parser.add_argument("--whole", action="store_true", help="what is scaled otherwise, in full")
    parser.add_argument("--record", type=Path, help="the file whose sections are replaced")
    given = parser.parse_args()
    unknown = set(given.parts) - PARTS.keys()
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; they are {', '.join(PARTS)}")
    warnings.simplefilter("ignore")
    for name in given.parts or PARTS:
        lines = section(name, given.times, given.whole)
        print(flush=True)
        if given.record:
            recorded(given.record, lines)


if __name__ == "__main__":
    main()
