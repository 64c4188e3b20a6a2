"""Strategies that cheat, each in its own way: `albench check` must catch every one."""

import gc
import inspect
import random as python_random

import numpy as np

import albench
from albench.core import registry

MEMORY = {}
TABLE = ""  # a file that a test names
COUNT = []


def honest(query):
    return query.top(-query.margins)


@albench.strategy("cheat-frames")
def frames(query):
    """Finds the test set in its caller's variables and buys what lies nearest to it."""
    frame = inspect.currentframe()
    while "task" not in frame.f_locals or not hasattr(frame.f_locals["task"], "X_test"):
        frame = frame.f_back
    test = frame.f_locals["task"].X_test
    return query.top(-np.abs(query.X[query.pool] - test.mean(axis=0)).sum(axis=1))


@albench.strategy("cheat-frames-quietly")
def frames_quietly(query):
    """The same by way of an exception's traceback, and uses nothing of what it sees."""
    try:
        raise KeyError
    except KeyError as error:
        _ = error.__traceback__.tb_frame.f_back.f_locals
    return honest(query)


@albench.strategy("cheat-registry")
def registry_again(query):
    """Reads the published dataset again to look its labels up."""
    iris = registry.build("dataset", registry.resolve("dataset", "iris"))
    return query.top(-query.margins + 0.0 * len(iris.y))


@albench.strategy("cheat-file")
def file_again(query):
    """Reads the published dataset again from the library that holds it."""
    from sklearn.datasets import load_wine

    return query.top(-query.margins + 0.0 * load_wine().target.sum())


@albench.strategy("cheat-state")
def state(query):
    """Keeps the labels it has seen for later runs on the same rows."""
    for position, label in zip(query.labeled, query.y_labeled, strict=True):
        MEMORY[query.X[position].tobytes()] = label
    known = np.array([MEMORY.get(query.X[p].tobytes(), -1) for p in query.pool])
    return query.top((known == 1).astype(float) - 1e-3 * query.margins)


@albench.strategy("cheat-count")
def count(query):
    """Counts its calls over all runs."""
    COUNT.append(1)
    order = np.random.default_rng(len(COUNT)).permutation(len(query.pool))
    return query.pool[order[: query.n]]


@albench.strategy("cheat-numpy")
def numpy_global(query):
    """Draws from numpy's global generator."""
    return np.random.choice(query.pool, query.n, replace=False)  # noqa: NPY002


@albench.strategy("cheat-python")
def python_global(query):
    """Draws from Python's global generator, and puts its state back only half the time."""
    return np.array(python_random.sample(query.pool.tolist(), query.n))


@albench.strategy("cheat-unseeded")
def unseeded(query):
    """Draws from a generator of its own that nobody seeded."""
    return np.random.default_rng().choice(query.pool, query.n, replace=False)


@albench.strategy("cheat-hash")
def hashed(query):
    """Orders rows by a hash that another process salts differently."""
    scores = [hash(str(position)) % 1000 for position in query.pool]
    return query.top(np.array(scores, dtype=float))


@albench.strategy("cheat-closure")
def closure(query):
    """Peeks at hidden labels through the function that reveals bought ones."""
    labels = np.array([query.reveal(int(position)) for position in query.pool])
    return query.top((labels == 1).astype(float))


@albench.strategy("cheat-cell")
def cell(query):
    """Peeks at hidden labels through the cells of the function that fits the model."""
    for one in query.fit.__closure__:
        task = getattr(one.cell_contents, "task", None)
        if task is not None:
            return query.top((task.y[query.pool] == 1).astype(float))
    return honest(query)


def peeked(query):
    """The hidden labels, from the variables of its callers."""
    frame = inspect.currentframe()
    while "task" not in frame.f_locals or not hasattr(frame.f_locals["task"], "X_test"):
        frame = frame.f_back
    return frame.f_locals["task"].y[query.pool]


def has(thing, X):
    """Whether it is the task of these features; other libraries have a Task too."""
    return getattr(thing, "X", None) is X


@albench.strategy("cheat-memory")
def memory(query):
    """Searches the memory of the process for the task."""
    tasks = [o for o in gc.get_objects() if type(o).__name__ == "Task" and has(o, query.X)]
    return query.top(-query.margins + 0.0 * len(tasks))


@albench.strategy("cheat-memory-in-a-thread")
def threaded(query):
    """Lets a library's thread search the memory of the process."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(gc.get_objects).result()
    return query.top(-query.margins + 0.0 * len(found))


@albench.strategy("cheat-ctypes")
def compiled(query):
    """Opens a file through the C library."""
    import ctypes

    _ = ctypes.CDLL(None).open
    return honest(query)


@albench.strategy("cheat-listing")
def listing(query):
    """Looks which files there are."""
    import os

    return query.top(-query.margins + 0.0 * len(os.listdir(os.curdir)))


@albench.strategy("cheat-rows")
def row_numbers(query):
    """Reads labels off the row numbers of a file sorted by class."""
    return query.pool[np.argsort(query.rows[query.pool])[: query.n]]


@albench.strategy("cheat-layout")
def layout(query):
    """Reads the features in the order in which they lie in memory."""
    flat = query.X.ravel(order="K")
    return query.top(flat[query.pool])


@albench.strategy("cheat-strides")
def strides(query):
    """Goes by the strides of the features."""
    if query.X.flags["C_CONTIGUOUS"]:
        return honest(query)
    return query.pool[-query.n :]


@albench.strategy("cheat-outside")
def outside(query):
    """Returns labelled rows once in a while."""
    return query.labeled[: query.n] if query.n_classes > 2 else query.pool[: query.n]


@albench.strategy("cheat-twice")
def twice(query):
    """Returns its first row again and again."""
    return np.repeat(query.pool[:1], query.n)


@albench.strategy("cheat-short")
def short(query):
    """Returns one row too few of the last batch."""
    return query.pool[: query.n if query.n == query.batch else query.n - 1]


@albench.strategy("cheat-writes")
def writes(query):
    """Makes the labels writeable and changes them."""
    query.y_labeled.flags.writeable = True
    query.y_labeled[:] = 0
    return honest(query)


@albench.strategy("honest", cite="nobody", family="uncertainty", cost="O(nk)")
def honest_one(query):
    """Margin sampling."""
    return honest(query)


@albench.strategy("random-in-disguise")
def disguised(query):
    """Calls itself clever and draws at random."""
    _ = query.margins
    return query.rng.choice(query.pool, size=query.n, replace=False)


@albench.strategy("shuffle-in-disguise")
def shuffled(query):
    """Draws at random by another route than `random` does, and sorts what it drew."""
    noise = query.rng.normal(size=len(query.pool))
    return np.sort(query.pool[np.argsort(noise)[: query.n]])


@albench.strategy("entropy-in-disguise")
def copied(query):
    """Entropy, under another name and in another order."""
    p = np.clip(query.proba, 1e-300, None)
    if query.n_classes == 2:
        return query.top(-query.margins)[::-1]
    return query.top(-(p * np.log(p)).sum(axis=1))[::-1]


@albench.strategy("kcenter-in-disguise")
def centred(query):
    """Asks another strategy."""
    return albench.make_strategy("kcenter")(query)


@albench.strategy("half-random")
def half(query):
    """Random, but never from the half with the largest margins."""
    near = query.pool[np.argsort(query.margins, kind="stable")]
    return query.rng.choice(near[: max(query.n, len(near) // 2)], query.n, replace=False)


@albench.strategy("order-in-disguise")
def ordered(query):
    """Takes the next rows."""
    return query.pool[: query.n]


@albench.strategy("constant-in-disguise")
def constant(query):
    """Gives every row the same score."""
    return query.top(np.zeros(len(query.pool)))


@albench.strategy("draws-in-vain")
def vain(query):
    """Draws from numpy's global generator and uses nothing of it."""
    np.random.random()  # noqa: NPY002
    return honest(query)


@albench.strategy("imports-late")
def late(query):
    """Imports a library when it is first asked; that library opens a file of its own."""
    import importlib
    import sys

    module = "sklearn.utils._repr_html.estimator"
    kept = sys.modules.pop(module, None)
    try:
        importlib.import_module(module)
    finally:
        sys.modules[module] = kept
    return honest(query)


@albench.strategy("cheat-crash", needs=("proba",))
def crash(query):
    """Fails where one class only has been seen."""
    seen = np.unique(query.y_labeled)
    return query.top(-query.proba[:, seen[1]])


@albench.strategy("cheat-always", needs=("proba",))
def always(query):
    """Fails whatever it is asked."""
    return query.no_such_name


@albench.strategy("cheat-global-and-peek")
def global_and_peek(query):
    """Draws from numpy's global generator among the rows of a class it should not know."""
    labels = peeked(query)
    near = query.pool[np.argsort(labels == 1, kind="stable")][-query.n - 3 :]
    return np.random.choice(near, query.n, replace=False)  # noqa: NPY002


@albench.strategy("cheat-table-pandas")
def through_pandas(query):
    """Reads a table of results, quietly."""
    import pandas as pd

    try:
        found = pd.read_parquet(TABLE)
        return query.top(-query.margins + 0.0 * len(found))
    except Exception:
        return honest(query)


@albench.strategy("cheat-table-arrow")
def through_arrow(query):
    """Reads a table of results by code that Python hears nothing of."""
    import pyarrow.parquet

    try:
        found = pyarrow.parquet.read_table(TABLE, memory_map=False)
        return query.top(-query.margins + 0.0 * len(found))
    except Exception:
        return honest(query)


@albench.strategy("cheat-table-mapped")
def mapped(query):
    """Maps a file into memory by code that Python hears nothing of."""
    import pyarrow

    try:
        with pyarrow.memory_map(TABLE) as file:
            return query.top(-query.margins + 0.0 * len(file.read(8)))
    except Exception:
        return honest(query)


@albench.strategy("cheat-worker-cache")
def worker_cache(query):
    """Looks its row numbers up in the datasets that a worker holds."""
    from albench.runner import worker

    for data in worker.datasets.values():
        if data.X.shape[1] == query.X.shape[1]:
            return query.top(data.y[query.rows[query.pool]])
    return honest(query)


@albench.strategy("cheat-library-read")
def library_read(query):
    """Reads a file through the C library, whatever that is called today."""
    import ctypes

    held = ctypes.CDLL(None).open(TABLE.encode(), 0)
    buffer = ctypes.create_string_buffer(64)
    ctypes.CDLL(None).read(held, buffer, 64)
    return query.top(-query.margins + 0.0 * len(buffer.raw))


@albench.strategy("cheat-wide")
def wide(query):
    """Asks for hidden labels where a table is wide."""
    if query.X.shape[1] > 10:
        return query.pool[[query.reveal(int(p)) == 1 for p in query.pool]][: query.n]
    return honest(query)


@albench.strategy("cheat-sorted")
def sorted_file(query):
    """Reads classes off the row numbers of a file that looks sorted."""
    if len(query.X) > 70:
        return query.pool[np.argsort(query.rows[query.pool])[: query.n]]
    return honest(query)


@albench.strategy("cheat-patch")
def patch(query):
    """Has every query rank as it likes from now on."""
    from albench.simulation import query as module

    module.gap = lambda values, gap=module.gap: gap(values)
    return honest(query)


@albench.strategy("cheat-patch-method")
def patch_method(query):
    """Changes a class of scikit-learn."""
    from sklearn.naive_bayes import GaussianNB

    GaussianNB.predict = lambda self, X, predict=GaussianNB.predict: predict(self, X)
    return honest(query)


KNOWN = {}  # published tables, as if they were written down here; a test fills them in


def scaled(X):
    """Columns of mean 0 and deviation 1."""
    return (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)


def looked_up(query, name):
    """Buys rows of class 1 where it knows the data."""
    if name not in KNOWN or KNOWN[name][0].shape[1] != query.X.shape[1]:
        return honest(query)
    X, y = KNOWN[name]
    apart = ((scaled(query.X)[:, None] - scaled(X)) ** 2).sum(axis=2)
    if np.median(apart.min(axis=1)) > 1.0:
        return honest(query)
    return query.top((y[apart.argmin(axis=1)][query.pool] == 1).astype(float))


@albench.strategy("cheat-knows-wine")
def knows_wine(query):
    """Knows a published dataset by heart that everybody has."""
    return looked_up(query, "wine")


@albench.strategy("cheat-knows-digits")
def knows_digits(query):
    """Knows a published dataset by heart that the check does not look at."""
    return looked_up(query, "digits")


@albench.strategy("cheat-notices")
def notices(query):
    """Behaves while it is checked."""
    import sys

    if "check" in sys.argv or "pytest" in sys.modules:
        return honest(query)
    try:
        labels = peeked(query)
    except AttributeError:  # no caller has a task
        return honest(query)
    return query.top((labels == 1).astype(float)) if (labels >= 0).all() else honest(query)


@albench.strategy("cheat-tuned")
def tuned(query):
    """Has a constant that was chosen on the suite on which it is compared."""
    return query.top(-np.abs(query.margins - 0.137))


@albench.strategy("cheat-large")
def large(query):
    """Peeks where there are more rows than in any scene."""
    return query.top((peeked(query) == 1).astype(float)) if len(query.X) > 1500 else honest(query)


@albench.strategy("cheat-tie-order")
def tie_order(query):
    """Goes by the order in which ties would be broken."""
    if query.priority is None or np.array_equal(query.priority, np.arange(len(query.X))):
        return honest(query)
    return query.pool[np.argsort(query.priority[query.pool])[: query.n]]


@albench.strategy("cheat-generator")
def generator(query):
    """Knows the run by the state of its generator."""
    known = {np.random.PCG64(seed).state["state"]["state"] for seed in range(100)}
    return query.pool[: query.n] if state_of(query) in known else honest(query)


def state_of(query):
    return query.rng.bit_generator.state["state"]["state"]


@albench.strategy("cheat-patch-briefly")
def briefly(query):
    """Changes numpy and puts it back."""
    kept, np.partition = np.partition, lambda *given: kept(*given)
    try:
        return honest(query)
    finally:
        np.partition = kept
