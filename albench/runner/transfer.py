"""Stored picks scored with another task model: nothing is queried again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from albench.core import registry
from albench.core.arrays import Ints
from albench.core.spec import Ref
from albench.core.tables import KEY
from albench.models import engines
from albench.runner.cuts import Cut
from albench.simulation.learner import Learner
from albench.simulation.task import Outcome

if TYPE_CHECKING:
    import pandas as pd


def learner_for(cut: Cut, model: Ref) -> Learner:
    """A learner of any model on a cut, made once; for the run's own the fits of the run."""
    key = ("transfer", model)
    if key not in cut.task.memo:
        spec = replace(cut.spec, model=model)
        cut.task.memo[key] = engines.learner(
            model,
            cut.task,
            lambda n: spec.seed("model", n) % 2**32,
            rescale=spec.protocol.scale == "labeled",
        )
    made: Learner = cut.task.memo[key]
    return made


def at_rounds(n_labeled: Ints, points: int) -> Ints:
    """Rounds at which a run is scored: the first and last with labels, others evenly between."""
    some = np.flatnonzero(n_labeled > 0)
    if len(some) <= points:
        return some
    spread: Ints = some[np.unique(np.linspace(0, len(some) - 1, points).round().astype(int))]
    return spread


def rescored(
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    cuts: Iterable[Cut],
    *,
    models: Sequence[tuple[str, Ref]],
    metric: Ref,
    points: int = 10,
) -> "pd.DataFrame":
    """The picks of finished runs, scored with every given model.

    models  label and model of each; the run's own model gives its stored scores
    points  evaluations of a run: the first, the last, and others evenly between them
    Columns: dataset, protocol, model (with which was queried), strategy, trial, scored (the
    model that scores), round, n_labeled, score.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    named = runs[runs["status"] == "done"].drop_duplicates("run").set_index("run")
    bought = dict(iter(rounds.sort_values("round").groupby("run", sort=False)))
    function = registry.build("metric", metric)
    for cut in cuts:
        place = {key: named.loc[cut.run, key] for key in KEY}
        part = bought[cut.run]
        n_labeled = part["n_labeled"].to_numpy()
        given = list(answers(cut, part))
        for label, model in models:
            learner = learner_for(cut, model)
            for number in at_rounds(n_labeled, points):
                known = given[: n_labeled[number]]
                at, y = (np.array(c, dtype=np.intp) for c in zip(*sorted(known), strict=True))
                outcome = Outcome(cut.task, at, y, learner.fit(at, y))
                score = {
                    "round": int(number),
                    "n_labeled": len(at),
                    "score": float(function(outcome)),
                }
                rows.append({**place, "scored": label, **score})
    return pd.DataFrame(rows)


def answers(cut: Cut, part: "pd.DataFrame") -> Iterator[tuple[int, int]]:
    """Position and label of what a run bought and got an answer to, in order."""
    for picks, labels in zip(part["picks"], part["labels"], strict=True):
        positions = cut.positions(np.asarray(picks, dtype=np.intp))
        for position, label in zip(positions, labels, strict=True):
            if label is not None and label == label and label >= 0:
                yield int(position), int(label)
