"""Fits shared by the strategies of one trial: what picks alike is fitted once.

With two classes margin, entropy and least confident rank alike, and all strategies begin
with the same rows. Only learners are shared whose fits do not depend, to the bit, on what
they fitted before (`repeatable`): which run comes first must not show in any number.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.simulation.learner import Fitted, FromScratch, Learner, Part, Trainer

What = Literal["proba", "decision", "predicted"]
PARTS = {"train": "pool", "test": "test"}


class Cache:
    """Scores by labelled set, the set used longest ago forgotten first.

    limit  bytes of scores that are kept
    clock  () -> seconds
    """

    def __init__(self, clock: Callable[[], float], limit: int = 64 << 20) -> None:
        self.clock, self.limit, self.size, self.hits = clock, limit, 0, 0
        self.kept: OrderedDict[bytes, Shared] = OrderedDict()

    def find(self, key: bytes) -> "Shared | None":
        """What is known of a labelled set."""
        found = self.kept.get(key)
        if found is not None:
            self.kept.move_to_end(key)
            self.hits += 1
        return found

    def grew(self, by: int) -> None:
        """Take note of new scores; forget old sets where they exceed the limit."""
        self.size += by
        while self.size > self.limit and len(self.kept) > 1:
            dropped = self.kept.popitem(last=False)[1]
            self.size -= dropped.bytes
            dropped.counted = False


class Shared:
    """What was asked of one fit, by any strategy; it stays valid after other fits.

    Scores that nobody asked for while the model was live are had by fitting it again.
    seconds  what the fit took
    """

    def __init__(self, memo: "Memo", labeled: Ints, y: Ints) -> None:
        self.memo, self.labeled, self.y = memo, labeled.copy(), y.copy()
        self.scores: dict[tuple[What, Part], tuple[Ints | None, Any, float]] = {}
        self.bytes, self.counted, self.seconds = 0, True, 0.0
        self.proba_known: bool | None = None

    def of(self, what: What, part: Part, rows: Ints | None) -> tuple[Any, float]:
        """Read-only scores, and the seconds that they took another strategy (else 0).

        Those of the rows first asked for are kept: the pool, or all test rows.
        """
        kept = self.scores.get((what, part))
        if kept is not None and same(kept[0], rows):
            return kept[1], kept[2]
        begin = self.memo.cache.clock()
        scores = getattr(self.memo.live(self), what)(part, rows)
        if kept is None:
            took, size = self.memo.cache.clock() - begin, 0
            if scores is not None:
                scores.flags.writeable = False
                size = scores.nbytes + (0 if rows is None else rows.nbytes)
            self.scores[what, part] = rows, scores, took
            self.bytes += size
            if self.counted:
                self.memo.cache.grew(size)
        return scores, 0.0


def same(a: Ints | None, b: Ints | None) -> bool:
    """Whether two choices of rows are equal."""
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


class View(FromScratch):
    """`Fitted` over a `Shared`, for one strategy.

    lend  (part of a run, seconds) -> None: told what another strategy has paid for
    """

    def __init__(self, shared: Shared, lend: Callable[[str, float], None]) -> None:
        self.shared, self.lend = shared, lend

    @property
    def estimator(self) -> Any:
        """See `Fitted.estimator`."""
        return self.shared.memo.live(self.shared).estimator

    @property
    def has_proba(self) -> bool:
        """See `Fitted.has_proba`."""
        if self.shared.proba_known is None:
            self.shared.proba_known = self.shared.memo.live(self.shared).has_proba
        return self.shared.proba_known

    def of(self, what: What, part: Part, rows: Ints | None) -> Any:
        """Scores, as `Shared.of` has them."""
        scores, seconds = self.shared.of(what, part, rows)
        if seconds:
            self.lend(PARTS[part], seconds)
        return scores

    def proba(self, part: Part, rows: Ints | None = None) -> Floats | None:
        """See `Fitted.proba`."""
        proba: Floats | None = self.of("proba", part, rows)
        return proba

    def decision(self, part: Part, rows: Ints | None = None) -> Floats | None:
        """See `Fitted.decision`."""
        decision: Floats | None = self.of("decision", part, rows)
        return decision

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """See `Fitted.predicted`."""
        return np.asarray(self.of("predicted", part, rows))


class Memo(Trainer):
    """A learner that asks a cache before it fits.

    learner  the learner of one run
    cache    shared by the runs of a trial, for one model only
    """

    def __init__(self, learner: Learner, cache: Cache, lend: Callable[[str, float], None]) -> None:
        self.learner, self.cache, self.lend = learner, cache, lend
        self.make, self.member = learner.make, learner.member
        self.owner: Shared | None = None
        self.fitted: Fitted | None = None

    @property
    def name(self) -> str:
        """The name of the learner."""
        return self.learner.name

    def fit(self, labeled: Ints, y: Ints) -> View:
        """See `Learner.fit`."""
        key = labeled.tobytes() + y.tobytes()
        found = self.cache.find(key)
        if found is None:
            found = Shared(self, labeled, y)
            begin = self.cache.clock()
            self.live(found)
            found.seconds = self.cache.clock() - begin
            self.cache.kept[key] = found
        else:
            self.lend("fit", found.seconds)
        return View(found, self.lend)

    def fit_repeated(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit_repeated`; not shared."""
        self.owner = None
        return self.learner.fit_repeated(labeled, y)

    def live(self, shared: Shared) -> Fitted:
        """The model fitted on the rows of `shared`, fitted again if another came between."""
        if self.owner is not shared or self.fitted is None:
            self.fitted = self.learner.fit(shared.labeled, shared.y)
            self.owner = shared
        return self.fitted
