"""The queries of one run, made from what the ledger of its loop holds."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from albench.learner import Fitted, Ints, Learner
from albench.query import OracleQuery, Query

if TYPE_CHECKING:
    from albench.loop import Ledger, Task

Sight = Literal["pool", "train", "all"]


@dataclass(frozen=True, eq=False)
class Asking:
    """Makes the queries of one run."""

    task: "Task"
    ledger: "Ledger"
    learner: Learner
    query_learner: Learner
    rng: np.random.Generator
    sight: Sight

    def query(self, labeled: Ints, y_labeled: Ints, fitted: Fitted) -> Query:
        """The query after an evaluation."""
        task, pool = self.task, self.ledger.open.nonzero()[0]
        for array in (labeled, y_labeled, pool):
            array.setflags(write=False)

        def fit() -> Fitted:
            same = self.query_learner is self.learner
            return fitted if same else self.query_learner.fit(labeled, y_labeled)

        query: Query = object.__new__(Query if self.sight == "pool" else OracleQuery)
        # a frozen dataclass sets field after field, which takes longer than many a fit
        vars(query).update(
            self.lasting, labeled=labeled, y_labeled=y_labeled, pool=pool, fit=fit, log={},
            n=self.ledger.affordable(), remaining=task.budget - self.ledger.n_bought,
            priority=self.priority(), waiting=self.ledger.waiting(),
        )  # fmt: skip
        return query

    @cached_property
    def lasting(self) -> dict[str, Any]:
        """The fields of a query that stay the same over the run."""
        task, asked = self.task, self.query_learner
        make = getattr(asked, "make", None) or (lambda seed: None)
        hidden: dict[str, Any] = {} if self.sight == "pool" else {"y": task.y}
        if self.sight != "pool":
            seen = (task.X_test, task.y_test) if self.sight == "all" else (None, None)
            hidden |= dict(zip(("X_test", "y_test"), seen, strict=True))
        return hidden | {
            "X": task.X, "n_classes": task.n_classes, "positive": task.positive,
            "rng": self.rng, "make_model": make, "memo": task.memo, "select": None,
            "engine": getattr(asked, "member", None), "batch": task.batch, "rows": task.rows,
            "reveal": None if task.delay else self.reveal,
        }  # fmt: skip

    def reveal(self, position: int) -> int:
        """The label of one row inside a batch; not where labels arrive with a delay."""
        return int(self.ledger.oracle.answer(np.array([position]))[0])

    def priority(self) -> Ints | None:
        """The order in which ties are broken; None is the pool order itself."""
        if self.task.ties == "pool-order":
            return None
        return self.task.rows if self.task.ties == "row" else self.rng.permutation(len(self.task.y))
