"""Query by committee, and BatchBALD: rows on which several models disagree.

Members are copies of the query model, or models of the suite's choosing, each fitted on
its own bootstrap sample of the labelled rows. How samples are drawn is a parameter
(`bootstrap`), because libraries differ in it:

classes     n of n with replacement, drawn again until every labelled class is in; after
            100 draws in vain one row of each class, and the rest freely
plain       n of n with replacement; a member may lack a class
stratified  with replacement inside each class, so that class counts stay
none        all members see all labelled rows, and differ as models or by their seeds

Where bootstrap samples come out equal (one row a class) all rows tie.

Greedy: the next row x is the one of largest I(y_S, y_x; member), S the batch so far. The
joint entropy is exact while the labels of S have at most `configurations` combinations;
from then on it is estimated over `draws` combinations, drawn from the committee.
"""

from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge

from albench.core.arrays import Floats, Ints
from albench.core.errors import Skip, StrategyError
from albench.core.parameters import ModelParam
from albench.core.registry import strategy
from albench.simulation.learner import Fitted
from albench.simulation.query import Query
from albench.strategies.uncertainty import TINY, shannon

Bootstrap = Literal["classes", "plain", "stratified", "none"]
Members = Annotated[int, Ge(2)]
Models = list[ModelParam]
MEMBERS = 5
DRAWS = 100


def too_few(models: Any = None, committee: int | None = None, **_: Any) -> str | None:
    """Why a committee of these parameters is none."""
    if models is not None and committee is None and len(models) < 2:
        return f"a committee of {len(models)} cannot disagree; name two models, or set committee"
    return None


def members(
    query: Query, committee: int | None, models: list[Any] | None, bootstrap: Bootstrap
) -> list[Fitted]:
    """The fitted members: `committee` of them, taking the models in turn.

    Raises StrategyError for a committee whose members are one and the same, and for a
    member that cannot be fitted (discriminant analysis needs more rows than classes).
    """
    makers = models or [query.make_model]
    n = committee or (len(makers) if models else MEMBERS)
    seeds = [int(seed) for seed in query.rng.integers(2**31, size=n)]
    makes = [partial(makers[i % len(makers)], seed) for i, seed in enumerate(seeds)]
    fitted = []
    for i, make in enumerate(makes):
        sample = resample(query, bootstrap)
        rows, y = query.labeled[sample], query.y_labeled[sample]
        try:
            fitted.append(query.trained(makers[i % len(makers)], seeds[i], rows, y))
        except ValueError as error:
            what = f"{make()!r} on {len(sample)} labelled rows"
            raise StrategyError(f"a committee member cannot be fitted: {what}: {error}") from error
    if bootstrap == "none" and alike([repr(make()) for make in makes], fitted):
        raise StrategyError(
            f"a committee of {n} x {makes[0]()!r} on the same rows cannot disagree: no seed "
            "makes a difference; take another bootstrap rule, or several models"
        )
    return fitted


def alike(described: list[str], fitted: list[Fitted]) -> bool:
    """Whether members fitted on the same rows are one and the same.

    They are where their parameters are equal, seeds included, or their coefficients: then
    the solver makes no use of its seed.
    """
    if len(set(described)) == 1:
        return True
    first, *others = (getattr(member.estimator, "coef_", None) for member in fitted)
    return first is not None and all(
        other is not None and np.array_equal(first, other) for other in others
    )


def resample(query: Query, bootstrap: Bootstrap) -> Ints:
    """Indices into the labelled rows, ascending, that one member is fitted on."""
    y, rng = query.y_labeled, query.rng
    n = len(y)
    if bootstrap == "none":
        return np.arange(n)
    if bootstrap == "stratified":
        groups = [np.flatnonzero(y == c) for c in np.unique(y)]
        return np.sort(np.concatenate([rng.choice(g, size=len(g)) for g in groups]))
    present = np.unique(y)
    for _ in range(DRAWS):
        sample = rng.integers(n, size=n)
        if bootstrap == "plain" or len(np.unique(y[sample])) == len(present):
            return np.sort(sample)
    one_each = [rng.choice(np.flatnonzero(y == c)) for c in present]
    return np.sort(np.append(one_each, rng.integers(n, size=n - len(present))).astype(np.intp))


def votes(query: Query, fitted: list[Fitted]) -> Ints:
    """(m, C) the class that each member gives to each pool row."""
    return np.stack([member.predicted("train", query.pool) for member in fitted], axis=1)


def opinions(query: Query, fitted: list[Fitted]) -> Floats:
    """(C, m, k) the probabilities of each member; raises Skip where one has none."""
    said = [member.proba("train", query.pool) for member in fitted]
    if any(proba is None for proba in said):
        without = next(m for m, p in zip(fitted, said, strict=True) if p is None)
        name = type(without.estimator).__name__
        raise Skip(f"needs probabilities; the committee member {name} has none")
    return np.stack([proba for proba in said if proba is not None])


def vote_shares(voted: Ints, n_classes: int) -> Floats:
    """(m, k) share of the members that vote for each class."""
    counts = np.stack([(voted == c).sum(axis=1) for c in range(n_classes)], axis=1)
    return np.asarray(counts / voted.shape[1])


def mean_divergence(said: Floats) -> Floats:
    """(m,) mean Kullback-Leibler divergence of the members from their mean, in nats.

    It equals the entropy of the mean less the mean entropy: the Jensen-Shannon divergence,
    and the mutual information of label and member (BALD).
    """
    spread = np.mean([shannon(proba) for proba in said], axis=0)
    return np.asarray(shannon(said.mean(axis=0)) - spread)


@strategy(
    "qbc",
    family="committee",
    cite="Seung, Opper and Sompolinsky 1992; Engelson and Dagan 1996",
    cost="C fits + O(Cn)",
    check=too_few,
)
def qbc(
    query: Query,
    *,
    committee: Members | None = None,
    models: Models | None = None,
    bootstrap: Bootstrap = "classes",
) -> Ints:
    """Largest entropy of the members' votes (vote entropy).

    committee  how many members; default: one of each model, or 5 of the query model
    models     the members' models, taken in turn; default: the query model
    bootstrap  how their samples are drawn (see the module)
    """
    voted = votes(query, members(query, committee, models, bootstrap))
    return query.top(shannon(vote_shares(voted, query.n_classes)))


@strategy(
    "variation_ratio",
    family="committee",
    cite="Freeman 1965; Beluch et al. 2018",
    cost="C fits + O(Cn)",
    check=too_few,
)
def variation_ratio(
    query: Query,
    *,
    committee: Members | None = None,
    models: Models | None = None,
    bootstrap: Bootstrap = "classes",
) -> Ints:
    """Largest share of members that vote against the class with most votes.

    Parameters as of `qbc`.
    """
    voted = votes(query, members(query, committee, models, bootstrap))
    return query.top(1.0 - vote_shares(voted, query.n_classes).max(axis=1))


@strategy(
    "qbc_kl",
    family="committee",
    needs=("proba",),
    cite="McCallum and Nigam 1998; BALD: Houlsby et al. 2011",
    cost="C fits + O(Cnk)",
    check=too_few,
)
def qbc_kl(
    query: Query,
    *,
    committee: Members | None = None,
    models: Models | None = None,
    bootstrap: Bootstrap = "classes",
) -> Ints:
    """Largest mean Kullback-Leibler divergence of the members from their mean (BALD).

    Parameters as of `qbc`; all models must have probabilities.
    """
    said = opinions(query, members(query, committee, models, bootstrap))
    return query.top(mean_divergence(said), tolerance=1e-12)


TOLERANCE = 1e-12
BLOCK = 160_000  # doubles in memory at once: what a core's cache holds
GROUPS = 64  # of drawn combinations, to bound gains by


class Joint:
    """The labels of the batch so far, combination by combination.

    given    (s, C) p(member | combination); one row, uniform, for an empty batch
    weight   (s,) probability of the combination, or 1/s for drawn ones
    """

    def __init__(
        self, said: Floats, configurations: int, draws: int, rng: np.random.Generator
    ) -> None:
        self.said, self.configurations, self.draws, self.rng = said, configurations, draws, rng
        self.given = np.full((1, len(said)), 1.0 / len(said))
        self.weight = np.ones(1)
        self.drawn: Ints | None = None  # member behind each drawn combination
        self.coarse: tuple[Floats, Floats] | None = None  # given and weight of groups of them

    def gain(self, rows: Ints, spread: Floats) -> Floats:
        """(r,) I(y_S, y_x; member) - I(y_S; member) of some rows.

        spread  (r,) mean entropy of the members at these rows
        """
        return self.entropy(self.given, self.weight, rows) - spread

    def entropy(self, given: Floats, weight: Floats, rows: Ints) -> Floats:
        """(r,) weighted mean over combinations of the entropy of a row's label."""
        members, k = len(self.said), self.said.shape[2]
        found, step = np.empty(len(rows)), max(1, BLOCK // (len(given) * k))
        for at in range(0, len(rows), step):
            block = rows[at : at + step]
            expected = given @ self.said[:, block].reshape(members, -1)
            np.maximum(expected, TINY, out=expected)
            expected *= np.log(expected)
            found[at : at + step] = -(weight @ expected).reshape(-1, k).sum(axis=1)
        return found

    def at_most(self, rows: Ints, spread: Floats) -> Floats:
        """(r,) upper bounds of the gains, from the means of combinations that are alike.

        Entropy is concave: that of a mean is no less than the mean of the entropies.
        """
        if self.coarse is None:
            alike = self.given.argmax(axis=1) + self.given.max(axis=1)
            order = np.argsort(alike, kind="stable")
            starts = np.unique(np.linspace(0, len(order), GROUPS, endpoint=False).astype(np.intp))
            weight = np.add.reduceat(self.weight[order], starts)
            summed = np.add.reduceat((self.weight[:, None] * self.given)[order], starts)
            self.coarse = summed / weight[:, None], weight
        return self.entropy(*self.coarse, rows) - spread

    def add(self, row: int) -> None:
        """Take a row into the batch."""
        self.coarse = None
        proba = self.said[:, row]
        s, k = len(self.given), proba.shape[1]
        if self.drawn is None and s * k <= self.configurations:
            joint = (self.given[:, None, :] * proba.T[None]).reshape(s * k, -1)
            share = joint.sum(axis=1)
            kept = share > 0
            self.weight = (np.repeat(self.weight, k) * share)[kept]
            self.given = joint[kept] / share[kept, None]
            return
        if self.drawn is None:
            at = self.rng.choice(s, size=self.draws, p=self.weight / self.weight.sum())
            self.given = self.given[at]
            self.weight = np.full(len(at), 1.0 / len(at))
            self.drawn = sampled(self.given, self.rng)
        label = sampled(proba[self.drawn], self.rng)
        joint = self.given * proba.T[label]
        self.given = joint / joint.sum(axis=1, keepdims=True)


def sampled(proba: Floats, rng: np.random.Generator) -> Ints:
    """(s,) one column drawn from each row of probabilities."""
    edges = np.cumsum(proba, axis=1)
    drawn = (rng.random(len(proba))[:, None] * edges[:, -1:] >= edges).sum(axis=1)
    return np.asarray(np.minimum(drawn, proba.shape[1] - 1), dtype=np.intp)


@strategy(
    "batch_bald",
    family="committee",
    needs=("proba",),
    batch_aware=True,
    cite="Kirsch, van Amersfoort and Gal 2019",
    cost="C fits + O(b n C k s), s combinations",
    check=too_few,
)
def batch_bald(
    query: Query,
    *,
    committee: Members | None = None,
    models: Models | None = None,
    bootstrap: Bootstrap = "classes",
    configurations: Annotated[int, Ge(2)] = 10_000,
    draws: Annotated[int, Ge(2)] = 1_000,
) -> Ints:
    """Greedily the batch with most mutual information between its labels and the member.

    A row's gain only falls as the batch grows, so rows whose last exact gain lies below the
    best gain found are not looked at. Parameters as of `qbc`.
    configurations  up to so many combinations of labels the joint entropy is exact
    draws           how many combinations stand for them from then on
    """
    said = opinions(query, members(query, committee, models, bootstrap))
    spread = np.mean([shannon(proba) for proba in said], axis=0)
    bound = np.maximum(mean_divergence(said), 0.0)
    joint, picks = Joint(said, configurations, draws, query.rng), np.empty(query.n, dtype=np.intp)
    for i in range(query.n):
        scores = best_gains(joint, bound, spread)
        picks[i] = query.top(scores, 1, TOLERANCE)[0]
        at = int(np.searchsorted(query.pool, picks[i]))
        bound[at] = -np.inf
        joint.add(at)
    return picks


def best_gains(joint: Joint, bound: Floats, spread: Floats) -> Floats:
    """(m,) gains of the rows that can be best, -inf for the others.

    bound  (m,) upper bounds of the gains, -inf for rows already picked; lowered in place
    """
    scores = np.full(len(bound), -np.inf)
    order = np.argsort(-bound, kind="stable")[: int(np.isfinite(bound).sum())]
    best, at, step = -np.inf, 0, 32
    while at < len(order) and bound[order[at]] >= best - 2 * TOLERANCE:
        rows = order[at : at + step]
        if joint.drawn is None:
            scores[rows] = bound[rows] = joint.gain(rows, spread[rows])
        else:  # an estimate is no bound
            rows = foremost(joint, rows, spread, scores, best)
        best = max(best, float(scores[rows].max(initial=-np.inf)))
        at, step = at + step, min(2 * step, 4096)
    return scores


def foremost(joint: Joint, rows: Ints, spread: Floats, scores: Floats, best: float) -> Ints:
    """Of some rows those that can reach the best gain; their gains go into `scores`."""
    limit = joint.at_most(rows, spread[rows])
    order, at, step = np.argsort(-limit, kind="stable"), 0, 8
    while at < len(order) and limit[order[at]] >= best - 2 * TOLERANCE:
        looked = rows[order[at : at + step]]
        scores[looked] = joint.gain(looked, spread[looked])
        best = max(best, float(scores[looked].max()))
        at += step
    return rows[order[:at]]
