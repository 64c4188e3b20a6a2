"""Whether `check` accuses a strategy of albench of knowing published data: none does.

    python tests/benchmarks/disguise.py SEED [PART/PARTS]

One line per strategy: what was said of it, and the seconds that took. The last figures are in
disguise.md.
"""

import sys
import time
import warnings

from albench.core import registry
from albench.core.errors import Skip
from albench.runner.clock import one_thread
from albench.testing.disguise import recognises


def said(name: str, seed: int) -> str:
    """What the experiment says of a strategy."""
    try:
        return recognises(registry.resolve("strategy", name), seed) or "passes"
    except Skip as skip:
        return f"not applicable: {skip}"


def main(seed: int, part: int, parts: int) -> None:
    """All strategies that can be built by their name, or a part of them."""
    registry.load()
    names = registry.names("strategy")[part - 1 :: parts]
    for name in names:
        entry = registry.entry("strategy", name)
        if any(p.default is p.empty for p in entry.parameters.values()):
            continue
        begin = time.perf_counter()
        found = said(name, seed)
        sys.stdout.write(f"{name}: {found} ({time.perf_counter() - begin:.0f} s)\n")
        sys.stdout.flush()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    first, _, many = (sys.argv[2] if len(sys.argv) > 2 else "1/1").partition("/")
    with one_thread():
        main(int(sys.argv[1]), int(first), int(many))
