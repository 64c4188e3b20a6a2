"""The dual of the support vector classifier, solved by steps on pairs, from a warm start.

libsvm trains on kernel values rounded to single precision and predicts with values in
double; where rows repeat, the rounding alone moves decision values by up to 1e-5. So this
solver rounds as well: `h` holds (K b) of the rounded kernel, which decides optimality and
the bias, and `g` that of the kernel itself, which gives decision values.

With b_i = y_i a_i the dual is: maximise  y'b - b'Kb / 2  subject to  sum b = 0 and b_i
between 0 and y_i C_i. With f_i = y_i - (K b)_i a point is optimal when no f of a variable
that can rise exceeds an f of one that can fall (Keerthi et al. 2001). The variable that
can rise with the largest f is paired with the one whose step gains most (Fan, Chen and
Lin 2005). Only free and violating rows take part; the others are looked at again after.
"""

from typing import Any

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.models.engines.activeset import direct
from albench.models.engines.compiled import compiled, relaxed

TINY = 1e-12
DIRECT = 3  # times that the direct method is tried before steps on pairs take over
FEW, MANY = 8, 1024  # violating rows, and they times the free ones, up to which it is tried
STEPS = 10_000_000  # what `svc-rbf` allows libsvm


@compiled
def candidates(
    members: Ints,
    sign: Floats,
    beta: Floats,
    h: Floats,
    bound: Floats,
    tol: float,
    active: Ints,
    far: Floats,
) -> tuple[int, float]:
    """How many rows are free or violate optimality (0: solved), and the bias.

    The rows are written to `active`, how much each violates to `far`. The bias is the mean f
    of free rows, else the middle of the interval that the bounds leave.
    """
    up, low, total, free = -np.inf, np.inf, 0.0, 0
    for i in members:
        f = sign[i] - h[i]
        rise = beta[i] < (bound[i] if sign[i] > 0 else 0.0)
        fall = beta[i] > (0.0 if sign[i] > 0 else -bound[i])
        if rise and f > up:
            up = f
        if fall and f < low:
            low = f
        if rise and fall:
            total += f
            free += 1
    if up - low <= tol:
        return 0, (total / free if free else (up + low) / 2)
    n = 0
    for i in members:
        f = sign[i] - h[i]
        rise = beta[i] < (bound[i] if sign[i] > 0 else 0.0)
        fall = beta[i] > (0.0 if sign[i] > 0 else -bound[i])
        if (rise and fall) or (rise and f > low) or (fall and f < up):
            far[n] = max(f - low if rise else -np.inf, up - f if fall else -np.inf)
            active[n] = i
            n += 1
    return n, 0.0


@compiled
def keep_farthest(active: Ints, far: Floats, n: int, most: int) -> None:
    """Keep the `most` of the first n active rows whose `far` is largest, in their order.

    Of equals the first are kept. The smallest that is kept is found by selection (Hoare 1961).
    """
    values, low, high = far.copy(), 0, n - 1
    while low < high:
        pivot, i, j = values[(low + high) // 2], low, high
        while i <= j:
            while values[i] > pivot:
                i += 1
            while values[j] < pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if most - 1 <= j:
            high = j
        elif most - 1 >= i:
            low = i
        else:
            break
    least, equal = values[most - 1], most
    for t in range(n):
        equal -= far[t] > least
    k = 0
    for t in range(n):
        if far[t] > least or (far[t] == least and equal > 0):
            equal -= far[t] == least
            active[k] = active[t]
            k += 1


@relaxed
def moved(f: Floats, step: float, Qi: Floats, Qj: Floats, rise: Floats, fall: Floats) -> Any:
    """Update f after a step; the largest f that can rise and the smallest that can fall.

    rise, fall  0 where a variable can, else -inf and +inf: additions, so that the loop
                is free of branches and runs in vector registers
    """
    up, low = -np.inf, np.inf
    for t in range(f.size):
        new = f[t] - step * (Qi[t] - Qj[t])
        f[t] = new
        high, deep = new + rise[t], new + fall[t]
        up = high if high > up else up
        low = deep if deep < low else low
    return up, low


@relaxed
def gains(f: Floats, up: float, fall: Floats, inverse: Floats, gain: Floats) -> float:
    """What a step with each variable would gain (twice), written to `gain`; the largest."""
    best = 0.0
    for t in range(f.size):
        gap = up - (f[t] + fall[t])
        gap = gap if gap > 0.0 else 0.0
        value = gap * gap * inverse[t]
        gain[t] = value
        best = value if value > best else best
    return best


@compiled
def gather(K: Floats, slots: Ints, active: Ints, i: int, own: Floats, Q: Floats, R: Floats) -> None:
    """Row i of the kernel among the active rows, and one over the curvature of its pairs."""
    row = K[slots[i]]
    for t in range(active.size):
        Q[i, t] = np.float64(np.float32(row[active[t]]))
        R[i, t] = 1.0 / max(own[i] + own[t] - 2.0 * Q[i, t], TINY)


@compiled
def steps(
    K: Floats,
    slots: Ints,
    active: Ints,
    f: Floats,
    b: Floats,
    top: Floats,
    bottom: Floats,
    own: Floats,
    tol: float,
) -> bool:
    """Solve for the active rows alone: `b` and `f` are moved to their optimum.

    Returns whether `STEPS` were enough.
    """
    n = active.size
    Q, R, gain = np.empty((n, n)), np.empty((n, n)), np.empty(n)
    known, rise, fall = np.zeros(n, dtype=np.bool_), np.empty(n), np.empty(n)
    for t in range(n):
        rise[t] = 0.0 if b[t] < top[t] else -np.inf
        fall[t] = 0.0 if b[t] > bottom[t] else np.inf
    up, low = moved(f, 0.0, f, f, rise, fall)
    for _ in range(STEPS):
        if up - low <= tol:
            return True
        i = 0
        while f[i] + rise[i] != up:
            i += 1
        if not known[i]:
            gather(K, slots, active, i, own, Q, R)
            known[i] = True
        best, j = gains(f, up, fall, R[i], gain), 0
        while gain[j] != best:
            j += 1
        if not known[j]:
            gather(K, slots, active, j, own, Q, R)
            known[j] = True
        step, over, under = (up - f[j]) * R[i, j], top[i] - b[i], b[j] - bottom[j]
        step = min(step, over, under)
        # what rounding leaves of the way to a bound would pass for a free row, and set the bias
        b[i] = top[i] if over - step <= TINY * (top[i] - bottom[i]) else b[i] + step
        b[j] = bottom[j] if under - step <= TINY * (top[j] - bottom[j]) else b[j] - step
        rise[i], rise[j] = (0.0 if b[i] < top[i] else -np.inf), 0.0
        fall[j], fall[i] = (0.0 if b[j] > bottom[j] else np.inf), 0.0
        up, low = moved(f, step, Q[i], Q[j], rise, fall)
    return False


@relaxed
def apply(K: Floats, slots: Ints, change: Floats, g: Floats, h: Floats) -> None:
    """Add `change` times the kernel rows to `g`, and the rounded rows to the first, `h`."""
    n, t = change.size, 0
    single, double = np.float32, np.float64
    while t + 4 <= n:
        a, b, c, d = K[slots[t]], K[slots[t + 1]], K[slots[t + 2]], K[slots[t + 3]]
        wa, wb, wc, wd = change[t], change[t + 1], change[t + 2], change[t + 3]
        for k in range(h.size):
            h[k] += wa * double(single(a[k])) + wb * double(single(b[k]))
            h[k] += wc * double(single(c[k])) + wd * double(single(d[k]))
        for k in range(g.size):
            g[k] += wa * a[k] + wb * b[k] + wc * c[k] + wd * d[k]
        t += 4
    for rest in range(t, n):
        w, row = change[rest], K[slots[rest]]
        for k in range(h.size):
            h[k] += w * double(single(row[k]))
        for k in range(g.size):
            g[k] += w * row[k]


@compiled
def promising(f: Floats, b: Floats, top: Floats, bottom: Floats, tol: float) -> bool:
    """Whether so few rows violate optimality that to take them in one by one is cheap."""
    free, total, n = 0, 0.0, 0
    for t in range(f.size):
        if bottom[t] < b[t] < top[t]:
            free += 1
            total += f[t]
    bias = total / free if free else 0.0
    for t in range(f.size):
        if (b[t] < top[t] and f[t] > bias + tol) or (b[t] > bottom[t] and f[t] < bias - tol):
            n += 1
    return n <= FEW or n * free <= MANY


@compiled
def solve(
    K: Floats,
    slot: Ints,
    diagonal: Floats,
    members: Ints,
    sign: Floats,
    beta: Floats,
    g: Floats,
    h: Floats,
    bound: Floats,
    tol: float,
    active: Ints,
    most: int,
    R: Floats,
    inside: Ints,
    m: int,
) -> tuple[int, float, int]:
    """Move `beta`, `g` and `h` to the optimum, solving for `most` rows at a time.

    R, inside, m  what `direct` keeps
    Returns 0 and the bias; or, when the kernel rows of some of the first n positions in
    `active` are not stored yet, n: the caller stores them and calls again; or -1 where
    `STEPS` were not enough; and the new m.
    """
    tries, far = 0, np.empty(members.size)
    while True:
        n, bias = candidates(members, sign, beta, h, bound, tol, active, far)
        if n == 0:
            return 0, bias, m
        if n > most:
            keep_farthest(active, far, n, most)
            n = most
        at, slots = active[:n], np.empty(n, dtype=np.intp)
        for t in range(n):
            slots[t] = slot[at[t]]
            if slots[t] < 0:
                return n, 0.0, m
        f, b = np.empty(n), np.empty(n)
        top, bottom, own = np.empty(n), np.empty(n), np.empty(n)
        for t in range(n):
            i = at[t]
            f[t], b[t], own[t] = sign[i] - h[i], beta[i], diagonal[i]
            top[t] = bound[i] if sign[i] > 0 else 0.0
            bottom[t] = 0.0 if sign[i] > 0 else -bound[i]
        found = tries < DIRECT and promising(f, b, top, bottom, tol)
        if found:
            tries += 1
            found, m = direct(K, slots, at, f, b, top, bottom, own, tol * 0.5, R, inside, m)
        if not found and not steps(K, slots, at, f, b, top, bottom, own, tol * 0.5):
            return -1, 0.0, 0
        change, where, k = np.empty(n), np.empty(n, dtype=np.intp), 0
        for t in range(n):
            if b[t] != beta[at[t]]:
                change[k], where[k] = b[t] - beta[at[t]], slots[t]
                beta[at[t]] = b[t]
                k += 1
        apply(K, where[:k], change[:k], g, h)


@compiled
def grown(
    label: Ints,
    n_known: int,
    labeled: Ints,
    y: Ints,
    members: Ints,
    n: int,
    sign: Floats,
    a: int,
    b: int,
) -> int:
    """Take in what a labelled set has more than the known one; the new number of members.

    -1, and nothing is changed, where the set did not only grow by rows of classes a and b.
    """
    same = 0
    for t in range(labeled.size):
        known = label[labeled[t]]
        if known == y[t]:
            same += 1
        elif known >= 0 or (y[t] != a and y[t] != b):
            return -1
    if same == 0 or same != n_known:
        return -1
    for t in range(labeled.size):
        i = labeled[t]
        if label[i] < 0:
            label[i] = y[t]
            sign[i] = 1.0 if y[t] == a else -1.0
            members[n] = i
            n += 1
    return n


@compiled
def advance(
    K: Floats,
    slot: Ints,
    diagonal: Floats,
    label: Ints,
    n_known: int,
    labeled: Ints,
    y: Ints,
    members: Ints,
    n: int,
    sign: Floats,
    beta: Floats,
    g: Floats,
    h: Floats,
    bound: Floats,
    tol: float,
    active: Ints,
    most: int,
    a: int,
    b: int,
    R: Floats,
    inside: Ints,
    m: int,
) -> tuple[int, int, float, int]:
    """`grown`, then `solve`, in one call: the members (or -1), and what `solve` returns."""
    n = grown(label, n_known, labeled, y, members, n, sign, a, b)
    if n < 0:
        return -1, 0, 0.0, m
    missing, bias, m = solve(
        K, slot, diagonal, members[:n], sign, beta, g, h, bound, tol, active, most, R, inside, m
    )
    return n, missing, bias, m


@compiled
def signed(g: Floats, bias: float, doubt: float, first: int, second: int) -> tuple[Ints, int]:
    """The class on whose side each decision value lies, and how many values are near zero."""
    classes, near = np.empty(g.size, dtype=np.intp), 0
    for i in range(g.size):
        value = g[i] + bias
        classes[i] = first if value > 0 else second
        near += abs(value) < doubt
    return classes, near


@compiled
def opposite(g: Floats, bias: float, rows: Ints, offset: int) -> Floats:
    """Decision values of some rows, positive for the second class."""
    values = np.empty(rows.size)
    for t in range(rows.size):
        values[t] = -(g[rows[t] + offset] + bias)
    return values
