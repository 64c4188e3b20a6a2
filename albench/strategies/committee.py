"""Query by committee: rows on which several models disagree.

Members are copies of the query model, or models of the suite's choosing, each fitted on
its own bootstrap sample of the labelled rows. How samples are drawn is a parameter
(`bootstrap`), because libraries differ in it:

classes     n of n with replacement, drawn again until every labelled class is in; after
            100 draws in vain one row of each class, and the rest freely
plain       n of n with replacement; a member may lack a class
stratified  with replacement inside each class, so that class counts stay
none        all members see all labelled rows, and differ as models or by their seeds

Where bootstrap samples come out equal (one row a class) all rows tie.
"""

from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge

from albench.errors import Skip, StrategyError
from albench.learner import Fitted, Floats, Ints
from albench.params import ModelParam
from albench.query import Query
from albench.registry import strategy
from albench.strategies.uncertainty import shannon

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
    "qbc", family="committee", cite="Seung, Opper and Sompolinsky 1992; Engelson and Dagan 1996",
    cost="C fits + O(Cn)", check=too_few,
)  # fmt: skip
def qbc(
    query: Query, *, committee: Members | None = None, models: Models | None = None,
    bootstrap: Bootstrap = "classes",
) -> Ints:  # fmt: skip
    """Largest entropy of the members' votes (vote entropy).

    committee  how many members; default: one of each model, or 5 of the query model
    models     the members' models, taken in turn; default: the query model
    bootstrap  how their samples are drawn (see the module)
    """
    voted = votes(query, members(query, committee, models, bootstrap))
    return query.top(shannon(vote_shares(voted, query.n_classes)))


@strategy(
    "variation_ratio", family="committee", cite="Freeman 1965; Beluch et al. 2018",
    cost="C fits + O(Cn)", check=too_few,
)  # fmt: skip
def variation_ratio(
    query: Query, *, committee: Members | None = None, models: Models | None = None,
    bootstrap: Bootstrap = "classes",
) -> Ints:  # fmt: skip
    """Largest share of members that vote against the class with most votes.

    Parameters as of `qbc`.
    """
    voted = votes(query, members(query, committee, models, bootstrap))
    return query.top(1.0 - vote_shares(voted, query.n_classes).max(axis=1))


@strategy(
    "qbc_kl", family="committee", needs=("proba",),
    cite="McCallum and Nigam 1998; BALD: Houlsby et al. 2011", cost="C fits + O(Cnk)",
    check=too_few,
)  # fmt: skip
def qbc_kl(
    query: Query, *, committee: Members | None = None, models: Models | None = None,
    bootstrap: Bootstrap = "classes",
) -> Ints:  # fmt: skip
    """Largest mean Kullback-Leibler divergence of the members from their mean (BALD).

    Parameters as of `qbc`; all models must have probabilities.
    """
    said = opinions(query, members(query, committee, models, bootstrap))
    return query.top(mean_divergence(said), tolerance=1e-12)
