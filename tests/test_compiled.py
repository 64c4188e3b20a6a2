"""Machine code: where it is kept, what is said of it, and that waiting for it is no run's time."""

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from albench.core.errors import RunTimeout
from albench.models.engines import compiled
from albench.models.engines.compiled import OWN, working_time
from albench.runner.clock import Parts, can_ring, limited

numba = pytest.mark.skipif(not compiled.NUMBA, reason="numba is not installed")


def compile_for(seconds: float) -> None:
    """What numba does while it compiles."""
    OWN.waiting.more()
    time.sleep(seconds / 2)
    OWN.waiting.more()  # one kernel asks for another
    time.sleep(seconds / 2)
    OWN.waiting.less()
    OWN.waiting.less()


def test_a_run_does_not_pay_for_compiling() -> None:
    parts, begin = Parts(), working_time()
    with parts.running("fit"):
        compile_for(0.2)
        time.sleep(0.02)
    assert 0.02 <= working_time() - begin < 0.15
    assert 0.02 <= parts.seconds["fit"] < 0.15


@numba
def test_numba_tells_when_it_compiles() -> None:
    before = OWN.waiting.seconds
    made = compiled.jit(lambda x: x * 2.5 + 1.25, False)
    assert made(2.0) == 6.25
    assert OWN.waiting.seconds > before
    after = OWN.waiting.seconds
    assert made(4.0) == 11.25
    assert OWN.waiting.seconds == after


@pytest.mark.skipif(not can_ring(), reason="no alarm signal")
def test_a_time_limit_waits_for_the_compiler() -> None:
    with limited(0.15):
        compile_for(0.3)
    with limited(0.2):
        compile_for(0.15)
    with pytest.raises(RunTimeout), limited(0.1):
        time.sleep(5)
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0.0


@numba
def test_where_sources_may_not_be_written_beside_code_goes_to_the_cache_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from numba.core import config

    monkeypatch.setenv("ALBENCH_DATA", str(tmp_path))
    may_write, before = compiled.may_write, config.CACHE_DIR
    monkeypatch.setattr(
        compiled, "may_write", lambda folder: tmp_path in folder.parents and may_write(folder)
    )
    for known in (compiled.place, compiled.elsewhere):
        known.cache_clear()
    try:
        assert compiled.notices() == [
            "engines are compiled once now, some seconds each; that is no run's time"
        ]
        made = compiled.jit(kernel, False)
        assert made(3) == 10
        kept = list(tmp_path.rglob("*.nbi"))
        assert len(kept) == 1
        assert compiled.elsewhere() in kept[0].parents
        assert compiled.notices() == []
        monkeypatch.setattr(compiled, "may_write", lambda folder: False)
        compiled.place.cache_clear()
        said = compiled.notices()
        assert len(said) == 1
        assert "each process compiles its engines anew" in said[0]
        assert compiled.jit(kernel, False)(4) == 17  # compiled all the same, and not kept
        assert before == config.CACHE_DIR
    finally:
        for known in (compiled.place, compiled.elsewhere):
            known.cache_clear()


def kernel(x: int) -> int:
    return x * x + 1


def test_without_numba_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "NUMBA", False)
    assert len(compiled.notices()) == 1
    assert "numba is not installed" in compiled.notices()[0]


def test_loops_and_arrays_say_the_same() -> None:
    """What is compiled, run as Python, against what replaces it without numba."""
    from albench.models.engines import newton, softmax, truncated, vectors

    rng = np.random.default_rng(0)
    n, p, k = 12, 5, 3
    X = np.hstack([rng.normal(size=(n, p - 1)), np.ones((n, 1))])
    v, W = rng.random(n) + 0.5, rng.normal(size=(k, p))
    Z = rng.normal(size=(n, k))
    P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    y, two = rng.integers(0, k, n).astype(float), rng.integers(0, 2, n).astype(float)
    A, D = rng.normal(size=(n, k)), rng.random((k, p)) + 0.5
    M = np.eye(p) + 0.1
    empty = np.zeros
    cases = [
        (vectors, "dot", (W[0], W[1])), (vectors, "add", (0.5, W[0], W[1])),
        (vectors, "product", (M, W[0], empty(p))), (vectors, "copy", (W[0], empty(p))),
        (vectors, "away", (W[0], 0.3, W[1], empty(p))), (vectors, "largest", (W[0],)),
        (vectors, "inner", (W, D)), (vectors, "copied", (W, empty((k, p), np.float32))),
        (vectors, "departed", (W, 0.3, D, empty((k, p)))), (vectors, "greatest", (W,)),
        (softmax, "shares", (Z, y, v, empty((n, k)))),
        (softmax, "shares", (Z[:, :1], two, v, empty((n, 1)))),
        (softmax, "curve", (A, P, v)), (softmax, "penalise", (W, D)),
        (newton, "binary_gradient", (X, two, v, W[0], empty(p), empty(n))),
        (newton, "binary_objective", (X, two, v, W[0])),
        (newton, "with_row", (M, X[0], 0.2, empty(p))),
        (truncated, "diagonal", (X, P, v, empty((k, p)))),
        (truncated, "begin", (W, D, W + 1, empty((k, p)), empty((k, p)))),
        (truncated, "along", (0.3, W, D, W + 1, D + 1)),
        (truncated, "turned", (0.7, W, D, W + 1)),
    ]  # fmt: skip
    for module, name, arguments in cases:
        loop = getattr(module, name)
        results = []
        for function in (getattr(loop, "py_func", loop), getattr(module, f"{name}_numpy")):
            given = [np.array(a) if isinstance(a, np.ndarray) else a for a in arguments]
            results.append([function(*given), *given])
        for one, other in zip(*results, strict=True):
            if one is not None:
                np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-12, err_msg=name)


def test_the_farthest_are_those_of_a_stable_sort() -> None:
    from albench.models.engines.smo import keep_farthest

    rng = np.random.default_rng(0)
    for trial in range(200):
        n = int(rng.integers(2, 40))
        most = int(rng.integers(1, n))
        far = rng.integers(0, 6, n) / 2.0 if trial % 2 else rng.normal(size=n)
        active = rng.permutation(100)[:n]
        due = active[np.sort(np.argsort(-far, kind="mergesort")[:most])]
        given = active.copy()
        getattr(keep_farthest, "py_func", keep_farthest)(given, far, n, most)
        np.testing.assert_array_equal(given[:most], due)
