"""Random suites: every printed claim against a plain recomputation, in small.

`tests/benchmarks/claims.py` is the search itself; here it runs on a few suites, and on a product
that was made to claim too much, which it must refute.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from albench.analysis.comparison import paired, verdicts

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import claims


def test_no_claim_of_random_suites_is_refuted() -> None:
    wrong, checked = claims.search(suites=15, seed=1)
    assert wrong == []
    assert checked > 200


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        (verdicts, "BEYOND", 1),
        (paired, "t_interval", lambda d, level=0.95: (-0.001, 0.001)),
        (verdicts, "varies_p", lambda gaps, variance, df: 1.0),
    ],
)
def test_a_product_that_claims_too_much_is_refuted(
    monkeypatch: pytest.MonkeyPatch, part: object, name: str, value: object
) -> None:
    monkeypatch.setattr(part, name, value)
    rng = np.random.default_rng(4)
    wrong: list[str] = []
    for _ in range(12):
        frame, bases = claims.drawn(rng)
        if set(frame["strategy"]) > {"random", "all"}:
            wrong += claims.refuted(frame, bases)[0]
    assert wrong
