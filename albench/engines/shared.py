"""Fits shared by the strategies of one trial: what picks alike is fitted once.

With two classes margin, entropy and least confident rank alike, and many strategies
begin with the same rows. Run side by side, each with a learner of its own that shares
one `Cache`, they pay for a labelled set once.
"""

from collections import OrderedDict
from typing import Any, Literal

import numpy as np

from albench.learner import Fitted, Floats, Ints, Learner, Part

What = Literal["proba", "decision", "predicted"]


class Cache:
    """Scores by labelled set, the set used longest ago forgotten first.

    limit  bytes of scores that are kept
    """

    def __init__(self, limit: int = 64 << 20) -> None:
        self.limit, self.size, self.hits = limit, 0, 0
        self.kept: OrderedDict[bytes, Shared] = OrderedDict()

    def find(self, key: bytes) -> "Shared | None":
        """What is known of a labelled set."""
        found = self.kept.get(key)
        if found is not None:
            self.kept.move_to_end(key)
            self.hits += 1
        return found

    def add(self, key: bytes, shared: "Shared") -> None:
        """Remember the fit of a labelled set."""
        self.kept[key] = shared

    def grew(self, by: int) -> None:
        """Take note of new scores; forget old sets where they exceed the limit."""
        self.size += by
        while self.size > self.limit and len(self.kept) > 1:
            dropped = self.kept.popitem(last=False)[1]
            self.size -= dropped.bytes
            dropped.counted = False


class Shared:
    """`Fitted` that keeps what it was asked for, and stays valid after other fits.

    Scores that nobody asked for while the model was live are had by fitting it again.
    """

    def __init__(self, memo: "Memo", labeled: Ints, y: Ints) -> None:
        self.memo, self.labeled, self.y = memo, labeled.copy(), y.copy()
        self.scores: dict[tuple[What, Part], Any] = {}
        self.bytes, self.counted = 0, True
        self.proba_known: bool | None = None

    def live(self) -> Fitted:
        """The fitted model behind it."""
        return self.memo.live(self)

    @property
    def estimator(self) -> Any:
        """See `Fitted.estimator`."""
        return self.live().estimator

    @property
    def has_proba(self) -> bool:
        """See `Fitted.has_proba`."""
        if self.proba_known is None:
            self.proba_known = self.live().has_proba
        return self.proba_known

    def of(self, what: What, part: Part, rows: Ints | None) -> Any:
        """Scores of all rows of a part, computed once; a copy of those asked for."""
        key = (what, part)
        if key not in self.scores:
            scores = getattr(self.live(), what)(part)
            self.scores[key] = None if scores is None else np.array(scores)
            size = 0 if scores is None else self.scores[key].nbytes
            self.bytes += size
            if self.counted:
                self.memo.cache.grew(size)
        scores = self.scores[key]
        return scores if scores is None else scores[slice(None) if rows is None else rows].copy()

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


class Memo:
    """A learner that asks a cache before it fits.

    learner  the learner of one strategy; each strategy has its own, so that warm starts
             follow its own path
    cache    shared by the strategies of a trial, for one model only
    """

    def __init__(self, learner: Learner, cache: Cache) -> None:
        self.learner, self.cache = learner, cache
        self.make = getattr(learner, "make", None)
        self.owner: Shared | None = None
        self.fitted: Fitted | None = None

    @property
    def name(self) -> str:
        """The name of the learner."""
        return self.learner.name

    def fit(self, labeled: Ints, y: Ints) -> Shared:
        """See `Learner.fit`; the model itself is fitted when it is first asked."""
        key = labeled.tobytes() + y.tobytes()
        found = self.cache.find(key)
        if found is None:
            found = Shared(self, labeled, y)
            self.cache.add(key, found)
        return found

    def live(self, shared: Shared) -> Fitted:
        """The model fitted on the rows of `shared`, fitted again if another came between."""
        if self.owner is not shared or self.fitted is None:
            self.fitted = self.learner.fit(shared.labeled, shared.y)
            self.owner = shared
        return self.fitted
