"""CPU seconds and memory of `albench data look` on a CSV of 500,000 rows and 50 columns.

`python tests/benchmarks/tables_large.py`: 44 columns of numbers with six decimals, three of
whole numbers, two of texts, and a target with three classes. Bounds: 20 s, 2 GB.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROWS, FLOATS = 500_000, 44
SECONDS, BYTES = 20, 2 * 2**30


def write(path: Path) -> None:
    """The table, a part at a time."""
    rng = np.random.default_rng(0)
    for part in range(10):
        n = ROWS // 10
        frame = pd.DataFrame(rng.normal(size=(n, FLOATS)).round(6)).add_prefix("x")
        for i in range(3):
            frame[f"count{i}"] = rng.integers(0, 1000, size=n)
        frame["colour"] = rng.choice(["red", "blue", "tan"], size=n)
        frame["place"] = rng.choice([f"place {i}" for i in range(90)], size=n)
        frame["label"] = rng.choice(["a", "b", "c"], size=n)
        frame.to_csv(path, mode="a", header=part == 0, index=False)


def main() -> None:
    """Write it, look at it, say what it took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.csv"
        write(path)
        size = path.stat().st_size
        command = [sys.executable, "-m", "albench", "data", "look", str(path), "--target", "label"]
        done = subprocess.run([*command, "--format", "csv"], check=False, capture_output=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, memory = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
    sys.stdout.write(
        f"{size / 2**20:.0f} MB: exit {done.returncode}, {seconds:.1f} CPU s, "
        f"{memory / 2**30:.2f} GB\n"
    )
    sys.exit(not (done.returncode == 0 and seconds < SECONDS and memory < BYTES))


if __name__ == "__main__":
    main()
