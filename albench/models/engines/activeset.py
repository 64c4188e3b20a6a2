"""The optimum of a few rows' dual, directly: an active-set method with an inverse that is kept.

With F the free rows, the optimum over them solves K d + bias = f, sum d = 0. The inverse R of
that bordered matrix grows and shrinks by one row at a time (Cauwenberghs and Poggio 2001), so
a step costs the square of the free rows. A step that meets a bound frees F of that row; at
the optimum over F the row that violates most enters. What rounding leaves in R shows in the
kernel sums that the caller keeps, and is corrected when it calls again.
"""

import numpy as np

from albench.core.arrays import Bools, Floats, Ints
from albench.models.engines.compiled import compiled, relaxed

ROOM = 512  # free rows, above which the inverse would cost more than it saves
SINGULAR = 1e-7  # of a row's share that the others cannot make up
BOUND = 1e-12


@relaxed
def times(R: Floats, size: int, x: Floats, out: Floats) -> None:
    """out = R x for the leading square of a symmetric matrix."""
    for t in range(size):
        out[t] = 0.0
    for k in range(size):
        row, share = R[k], x[k]
        for t in range(size):
            out[t] += share * row[t]


@relaxed
def added(R: Floats, size: int, x: Floats, share: float) -> None:
    """R += share x x' for the leading square."""
    for k in range(size):
        row, part = R[k], share * x[k]
        for t in range(size):
            row[t] += part * x[t]


@compiled
def enter(R: Floats, m: int, q: Floats, own: float, work: Floats) -> bool:
    """Take in a row after the first m; returns whether the matrix stays regular.

    q    (m + 1,) one, then its kernel values with the rows inside
    own  its kernel value with itself
    """
    if m == 0:
        R[0, 0], R[0, 1], R[1, 0], R[1, 1] = -own, 1.0, 1.0, 0.0
        return True
    size = m + 1
    times(R, size, q, work)
    rest = own
    for t in range(size):
        rest -= q[t] * work[t]
    if rest <= SINGULAR * own:
        return False
    added(R, size, work, 1.0 / rest)
    for t in range(size):
        R[t, size] = R[size, t] = -work[t] / rest
    R[size, size] = 1.0 / rest
    return True


@compiled
def leave(R: Floats, m: int, k: int, work: Floats) -> None:
    """Take out the row at place k (from 1) of m; the last takes its place."""
    if m > 1:
        size = m + 1
        for t in range(size):
            work[t] = R[k, t]
        added(R, size, work, -1.0 / work[k])
        if k != m:
            for t in range(size):
                R[k, t] = R[m, t]
            for t in range(size):
                R[t, k] = R[t, m]
            R[k, k] = R[m, m]


@compiled
def direct(
    K: Floats,
    slots: Ints,
    active: Ints,
    f: Floats,
    b: Floats,
    top: Floats,
    bottom: Floats,
    own: Floats,
    tol: float,
    R: Floats,
    inside: Ints,
    m: int,
) -> tuple[bool, int]:
    """Move `b` and `f` of the active rows towards their optimum.

    R       inverse of the bordered kernel of the m rows `inside`, kept between calls
    Returns whether the optimum was reached, and the new m. If it was not, `b` and `f` still
    fit together, and `m` is 0: R holds nothing.
    """
    n = active.size
    x, work, at = np.empty(ROOM + 1), np.empty(ROOM + 1), np.empty(ROOM, dtype=np.intp)
    held = np.zeros(n, dtype=np.bool_)
    m = still_free(active, b, top, bottom, K.shape[1], R, inside, at, held, m, work)
    for t in range(n):
        if not held[t] and bottom[t] < b[t] < top[t]:
            m = admit(K, slots, active, own, R, inside, at, held, m, t, x, work)
            if m == 0:
                return False, 0
    for _ in range(4 * n + 20):
        if m == 0:
            return False, 0
        x[0] = 0.0
        for k in range(m):
            x[k + 1] = f[at[k]]
        times(R, m + 1, x, work)
        bias, before = work[0], m
        moved(K, slots, active, f, b, top, bottom, held, at, m, work)
        m = off_bounds(b, top, bottom, R, inside, at, held, m, work)
        if m < before:
            continue
        t = farthest(f, b, top, held, bias, tol)
        if t < 0:
            return True, m
        m = admit(K, slots, active, own, R, inside, at, held, m, t, x, work)
    return False, 0


@compiled
def still_free(
    active: Ints,
    b: Floats,
    top: Floats,
    bottom: Floats,
    n_rows: int,
    R: Floats,
    inside: Ints,
    at: Ints,
    held: Bools,
    m: int,
    work: Floats,
) -> int:
    """Find the rows inside among the active ones, and take out those at a bound; the new m."""
    local = np.empty(n_rows, dtype=np.intp)
    for t in range(n_rows):
        local[t] = -1
    for t in range(active.size):
        local[active[t]] = t
    k = 0
    while k < m:
        t = local[inside[k]]
        if t >= 0 and bottom[t] < b[t] < top[t]:
            at[k], held[t] = t, True
            k += 1
        else:
            leave(R, m, k + 1, work)
            m -= 1
            inside[k] = inside[m]
    return m


@compiled
def off_bounds(
    b: Floats,
    top: Floats,
    bottom: Floats,
    R: Floats,
    inside: Ints,
    at: Ints,
    held: Bools,
    m: int,
    work: Floats,
) -> int:
    """Take out the rows that have come to a bound; the new m.

    What rounding leaves of the way to a bound would pass for a free row, and set the bias.
    """
    k = 0
    while k < m:
        t = at[k]
        close = BOUND * (top[t] - bottom[t])
        high = top[t] - b[t] <= close
        if high or b[t] - bottom[t] <= close:
            b[t], held[t] = (top[t] if high else bottom[t]), False
            leave(R, m, k + 1, work)
            m -= 1
            at[k], inside[k] = at[m], inside[m]
        else:
            k += 1
    return m


@compiled
def farthest(f: Floats, b: Floats, top: Floats, held: Bools, bias: float, tol: float) -> int:
    """The row at a bound that violates optimality most; -1 where none does by more than tol."""
    worst, found = tol, -1
    for t in range(f.size):
        if not held[t]:
            far = f[t] - bias if b[t] < top[t] else bias - f[t]
            if far > worst:
                worst, found = far, t
    return found


@compiled
def admit(
    K: Floats,
    slots: Ints,
    active: Ints,
    own: Floats,
    R: Floats,
    inside: Ints,
    at: Ints,
    held: Bools,
    m: int,
    t: int,
    x: Floats,
    work: Floats,
) -> int:
    """Take the active row t into the inverse; the new m, or 0 where that cannot be."""
    if m + 1 >= R.shape[0]:
        return 0
    row = K[slots[t]]
    x[0] = 1.0
    for k in range(m):
        x[k + 1] = np.float64(np.float32(row[inside[k]]))
    if not enter(R, m, x, own[t], work):
        return 0
    at[m], inside[m], held[t] = t, active[t], True
    return m + 1


@compiled
def moved(
    K: Floats,
    slots: Ints,
    active: Ints,
    f: Floats,
    b: Floats,
    top: Floats,
    bottom: Floats,
    held: Bools,
    at: Ints,
    m: int,
    step: Floats,
) -> None:
    """Go as far as the bounds allow: `step` is the bias at its end, then each row's change."""
    share = 1.0
    for k in range(m):
        t, d = at[k], step[k + 1]
        room = (top[t] if d > 0.0 else bottom[t]) - b[t]
        if abs(d) * share > abs(room):
            share = room / d
    for k in range(m):
        t = at[k]
        b[t] += share * step[k + 1]
        f[t] += share * (step[0] - f[t])
    for t in range(f.size):
        if not held[t]:
            row, total = K[slots[t]], 0.0
            for k in range(m):
                total += step[k + 1] * np.float64(np.float32(row[active[at[k]]]))
            f[t] -= share * total
