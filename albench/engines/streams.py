"""The random numbers of a forest's trees, as numpy's legacy generator would draw them.

A tree needs two draws from `RandomState(seed)`: its bootstrap sample and the seed of its
splitter, each from the beginning of the stream. Making a `RandomState` costs more than
growing a small tree, so where numba is installed the Mersenne Twister (Matsumoto and
Nishimura 1998) is run for all trees at once.
"""

import numpy as np

from albench.engines.compiled import NUMBA, compiled
from albench.learner import Floats, Ints

LARGEST = 2**31 - 1
WORDS, SHIFT = 624, 397
LOW = 0xFFFFFFFF


@compiled
def seeded(seed: int, state: Ints) -> None:
    """Fill the state from a seed."""
    state[0] = seed & LOW
    for i in range(1, WORDS):
        before = state[i - 1]
        state[i] = (1812433253 * (before ^ (before >> 30)) + i) & LOW


@compiled
def twisted(state: Ints) -> None:
    """Move the state on by a whole block."""
    for i in range(WORDS):
        y = (state[i] & 0x80000000) | (state[(i + 1) % WORDS] & 0x7FFFFFFF)
        state[i] = state[(i + SHIFT) % WORDS] ^ (y >> 1) ^ (0x9908B0DF if y & 1 else 0)


@compiled
def tempered(y: int) -> int:
    """The output that a word of the state stands for."""
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C5680
    y ^= (y << 15) & 0xEFC60000
    return y ^ (y >> 18)


@compiled
def draws(seeds: Ints, n: int, counts: Floats, first: Ints) -> None:
    """How often each of n rows is drawn (n draws below n), and one draw below `LARGEST`.

    Draws are masked to the bits of the largest value and repeated while too large.
    """
    state = np.empty(WORDS, dtype=np.int64)
    mask = 1
    while mask < n - 1:
        mask = mask * 2 + 1
    for t in range(seeds.size):
        seeded(seeds[t], state)
        twisted(state)
        at = 0
        while True:
            value = tempered(state[at]) & LARGEST
            at += 1
            if value < LARGEST:
                break
        first[t] = value
        at, drawn = 0, 0
        while drawn < n:
            if at == WORDS:
                twisted(state)
                at = 0
            value = tempered(state[at]) & mask
            at += 1
            if value < n:
                counts[t, value] += 1.0
                drawn += 1


def legacy_draws(seeds: Ints, n: int, counts: Floats, first: Ints) -> None:
    """As `draws`, by numpy's own generator."""
    for t, seed in enumerate(seeds):
        first[t] = np.random.RandomState(seed).randint(0, LARGEST)
        rows = np.random.RandomState(seed).randint(0, n, n)
        counts[t] = np.bincount(rows, minlength=n)


def tree_streams(seed: int, trees: int, n: int) -> tuple[Floats, Ints]:
    """(trees, n) bootstrap counts and (trees,) splitter seeds of a forest."""
    seeds = np.random.RandomState(seed).randint(LARGEST, size=trees)
    counts, first = np.zeros((trees, n)), np.empty(trees, dtype=np.int64)
    (draws if NUMBA and n > 1 else legacy_draws)(seeds, n, counts, first)
    return counts, first
