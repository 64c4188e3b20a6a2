"""The strategies of scikit-activeml, as `ska:<name>`, where that library is installed.

The library is imported when one of them is called, not when they are listed. Each query
has a new strategy object with a seed from the run's own generator; k-means inside it is
seeded as well. The fitted query model is handed over with its columns aligned to all
classes, so that nothing is fitted twice. The library sees the labelled rows and the whole
pool, never a part of it: three of its strategies are wrong on a part. The installed
version is part of each entry's version; what is known to be wrong in it is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

from albench.core.arrays import Ints
from albench.core.errors import Skip
from albench.core.registry import strategy
from albench.simulation.learner import Constant, spread
from albench.simulation.query import Query
from albench.strategies._applies import within_memory

MEMBERS = 5


@cache
def handed_class() -> Any:
    """The class of handed models; the library is imported here, not before."""
    from skactiveml.base import SkactivemlClassifier

    class Handed(SkactivemlClassifier):  # type: ignore[misc]
        """A scikit-learn classifier for the library, with a column for every class.

        Unlike the library's own wrapper it lets an error of the model's fit through.
        """

        def __init__(
            self,
            make: Any = None,
            classes: Any = None,
            missing_label: Any = np.nan,
            cost_matrix: Any = None,
            random_state: Any = None,
        ) -> None:
            super().__init__(classes, missing_label, cost_matrix, random_state)
            self.make = make

        def holding(self, estimator: Any) -> Any:
            """Itself, with a fitted estimator."""
            self._validate_data(np.empty((0, 1)), np.empty(0))
            self.estimator_ = estimator
            return self

        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            """Fit a new estimator on the rows that have a label."""
            X, y, _ = self._validate_data(X, y, sample_weight)
            known = y >= 0
            labels = y[known].astype(np.intp)
            if labels.min() == labels.max():
                self.estimator_ = Constant(int(labels[0]))
            else:
                self.estimator_ = self.make().fit(X[known], labels)
            return self

        def predict_proba(self, X: Any) -> Any:
            """(n, n_classes) probabilities, unseen classes 0."""
            given = self.estimator_.predict_proba(np.asarray(X, dtype=np.float64))
            classes = np.asarray(self.estimator_.classes_, dtype=np.intp)
            return spread(given, classes, len(self.classes_), 0.0)

        def predict(self, X: Any) -> Any:
            """(n,) the most probable classes."""
            return self.classes_[self.predict_proba(X).argmax(axis=1)]

    return Handed


def handed(query: Query, estimator: Any, seed: int) -> Any:
    """A fitted model of ours, which the library may clone and refit."""
    classes = np.arange(query.n_classes)
    return handed_class()(lambda: query.make_model(seed), classes).holding(estimator)


def argument(role: str | None, query: Query, seed: int) -> dict[str, Any]:
    """The keyword arguments by which `query` is given its model."""
    if role in ("clf", "estimator", "refit", "ensemble") and not query.has_proba:
        query.proba  # noqa: B018  raises Skip with the reason
    if role in ("clf", "estimator"):
        return {role: handed(query, query.model, seed), f"fit_{role}": False}
    if role == "refit":
        classes = np.arange(query.n_classes)
        return {"clf": handed_class()(lambda: query.make_model(seed), classes)}
    if role == "ensemble":
        return {"ensemble": members(query, seed), "fit_ensemble": False}
    if role == "discriminator":
        from sklearn.linear_model import LogisticRegression

        return {"discriminator": handed_class()(LogisticRegression, [0, 1])}
    return {} if role is None else {"clf": own_model(role, query, seed)}


def own_model(role: str, query: Query, seed: int) -> Any:
    """The library's own model, which some of its strategies cannot do without."""
    from skactiveml.classifier import MixtureModelClassifier, ParzenWindowClassifier

    classes = np.arange(query.n_classes)
    if role == "parzen":
        return ParzenWindowClassifier(classes=classes, random_state=seed)
    from sklearn.mixture import BayesianGaussianMixture

    rows = len(query.labeled) + len(query.pool)
    mixture = BayesianGaussianMixture(n_components=min(5, rows), random_state=seed)
    return MixtureModelClassifier(mixture, classes=classes, random_state=seed)


def members(query: Query, seed: int) -> list[Any]:
    """Fitted bootstrap copies of the query model, drawn until all labelled classes occur."""
    made = []
    for i in range(MEMBERS):
        rows, y = bootstrap(query)
        fitted = query.member(lambda s=seed + i: query.make_model(s), rows, y)  # type: ignore[misc]
        made.append(handed(query, fitted.estimator, seed + i))
    return made


def bootstrap(query: Query) -> Any:
    """A resample of the labelled rows that holds each of their classes."""
    classes = len(np.unique(query.y_labeled))
    for _ in range(1000):
        at = query.rng.integers(len(query.labeled), size=len(query.labeled))
        if len(np.unique(query.y_labeled[at])) == classes:
            return query.labeled[at], query.y_labeled[at]
    return query.labeled, query.y_labeled


Role = Literal["clf", "estimator", "refit", "ensemble", "discriminator", "parzen", "mixture", None]
INSTALLED = version("scikit-activeml") if find_spec("skactiveml") else None

DEFECTS: dict[tuple[str, str], str] = {
    ("badge", "1.0.1"): "its Badge keeps the origin as a centre and is not BADGE; use badge",
    ("batch_bald", "1.0.1"): "its BatchBALD returns a row twice; use batch_bald",
}
"""(name, version) -> why a strategy of that version is refused."""

CANDIDATES = 20  # of a strategy that refits for each of them


@dataclass(frozen=True)
class Adapted:
    """How one class of the library is driven.

    cls       its name in `skactiveml.pool`
    role      what `query` wants: the handed model (fitted, or to be refitted for each
              candidate), a committee of it, a discriminator, the library's own Parzen
              window or mixture model, or nothing
    init      constructor arguments
    given     constructor arguments that depend on the query
    seeded    its k-means must be given a seed of its own
    some      at most `CANDIDATES` candidates, drawn at random (it refits for each of them)
    square    matrices of all rows by all rows that it makes
    distinct  it fails where every pool row equals a labelled one
    """

    cls: str
    summary: str
    family: str
    cite: str
    cost: str
    role: Role = None
    init: dict[str, Any] = field(default_factory=dict)
    given: Callable[[Query, Any], dict[str, Any]] | None = None
    seeded: bool = False
    some: bool = False
    square: int = 0
    distinct: bool = False
    binary: bool = False
    batch_aware: bool = False


def class_list(query: Query, X: Any) -> dict[str, Any]:
    """The classes, for what must know them all."""
    return {"classes": np.arange(query.n_classes)}


def cover_radii(query: Query, X: Any) -> dict[str, Any]:
    """Number of classes and radii for ProbCover.

    Its default radii suit rows of length 1; here they are quantiles of the distances seen.
    """
    from scipy.spatial.distance import pdist

    distances = pdist(X[:: max(1, len(X) // 500)])
    if not distances.any():
        raise Skip("all rows are equal: there is no radius to cover them with")
    radii = np.unique(np.quantile(distances[distances > 0], np.linspace(0.01, 0.5, 10)))
    return {"n_classes": query.n_classes, "deltas": radii.tolist()}


def uncertainty(method: str, cite: str) -> Adapted:
    """`UncertaintySampling` by one of its methods."""
    summary = f"UncertaintySampling of scikit-activeml, {method}"
    init = {"method": method}
    return Adapted("UncertaintySampling", summary, "uncertainty", cite, "O(nk)", "clf", init)


def committee(method: str, cite: str) -> Adapted:
    """`QueryByCommittee` over bootstrapped copies of the query model."""
    summary = f"QueryByCommittee of scikit-activeml, {method}, {MEMBERS} bootstraps of the model"
    init, cost = {"method": method}, f"{MEMBERS} fits + O(nk)"
    return Adapted("QueryByCommittee", summary, "committee", cite, cost, "ensemble", init)


def library(name: str, what: str, family: str, cite: str, cost: str, **more: Any) -> Adapted:
    """Any other class of the library."""
    return Adapted(name, f"{name} of scikit-activeml: {what}", family, cite, cost, **more)


ADAPTED: dict[str, Adapted] = {
    "random": library("RandomSampling", "uniform", "control", "passive learning", "O(n)"),
    "least_confident": uncertainty("least_confident", "Lewis and Gale 1994"),
    "margin": uncertainty("margin_sampling", "Scheffer, Decomain and Wrobel 2001"),
    "entropy": uncertainty("entropy", "Settles and Craven 2008"),
    "qbc": committee("vote_entropy", "Seung, Opper and Sompolinsky 1992"),
    "qbc_kl": committee("KL_divergence", "McCallum and Nigam 1998"),
    "variation_ratio": committee("variation_ratios", "Beluch et al. 2018"),
    "greedy_bald": library(
        "GreedyBALD",
        "mutual information",
        "committee",
        "Houlsby et al. 2011",
        f"{MEMBERS} fits + O(nk)",
        role="ensemble",
    ),
    "batch_bald": library(
        "BatchBALD",
        "joint mutual information",
        "committee",
        "Kirsch et al. 2019",
        "exponential in the batch",
        role="ensemble",
        batch_aware=True,
    ),
    "core_set": library(
        "CoreSet",
        "greedy k-center",
        "coverage",
        "Sener and Savarese 2018",
        "O(nbd)",
        batch_aware=True,
    ),
    "greedy_sampling_x": library(
        "GreedySamplingX",
        "farthest first",
        "coverage",
        "Wu, Lin and Huang 2019",
        "O(n^2 d)",
        square=1,
        batch_aware=True,
    ),
    "typi_clust": library(
        "TypiClust",
        "typical rows of clusters",
        "coverage",
        "Hacohen et al. 2022",
        "O(n (l + b) d)",
        seeded=True,
        batch_aware=True,
        distinct=True,
    ),
    "prob_cover": library(
        "ProbCover",
        "balls that cover most rows",
        "coverage",
        "Yehuda et al. 2022",
        "O(n^2 d)",
        given=cover_radii,
        seeded=True,
        square=2,
        batch_aware=True,
    ),
    "max_herding": library(
        "MaxHerding",
        "kernel herding",
        "coverage",
        "Bae et al. 2024",
        "O(n^2 d)",
        square=2,
        batch_aware=True,
    ),
    "discriminative_al": library(
        "DiscriminativeAL",
        "what a classifier tells from the labelled rows",
        "coverage",
        "Gissin and Shalev-Shwartz 2019",
        "b fits of a logistic regression on all rows",
        role="discriminator",
        batch_aware=True,
    ),
    "badge": library(
        "Badge",
        "not BADGE in 1.0.1",
        "hybrid",
        "Ash et al. 2020",
        "O(nbkd)",
        role="clf",
        batch_aware=True,
    ),
    "clue": library(
        "Clue",
        "entropy-weighted k-means",
        "hybrid",
        "Prabhu et al. 2021",
        "O(nbd)",
        role="estimator",
        seeded=True,
        batch_aware=True,
    ),
    "drop_query": library(
        "DropQuery",
        "disagreement under dropout, clustered",
        "hybrid",
        "Gupte et al. 2024",
        "O(nbd)",
        role="clf",
        seeded=True,
        batch_aware=True,
    ),
    "falcun": library(
        "Falcun",
        "uncertainty and spread of probabilities",
        "hybrid",
        "Gilhuber et al. 2024",
        "O(nbk)",
        role="clf",
        batch_aware=True,
    ),
    "contrastive_al": library(
        "ContrastiveAL",
        "neighbours with other predictions",
        "hybrid",
        "Margatina et al. 2021",
        "O(nl)",
        role="clf",
    ),
    "four_ds": library(
        "FourDs",
        "distance, density, diversity, distribution, by its own mixture model",
        "hybrid",
        "Reitmaier and Sick 2013",
        "fits a mixture on all rows",
        role="mixture",
        distinct=True,
    ),
    "probabilistic_al": library(
        "ProbabilisticAL",
        "multi-class, by its own Parzen window model",
        "expected change",
        "Kottke et al. 2016",
        "O(n^2)",
        role="parzen",
        square=1,
    ),
    "epistemic": library(
        "EpistemicUncertaintySampling",
        "by its own Parzen window model",
        "uncertainty",
        "Nguyen, Destercke and Huellermeier 2019",
        "O(nl) optimisations",
        role="parzen",
        binary=True,
    ),
    "quire": library(
        "Quire",
        "informative and representative",
        "expected change",
        "Huang, Jin and Zhou 2010",
        "O(n^3)",
        given=class_list,
        square=4,
    ),
    "cost_embedding_al": library(
        "CostEmbeddingAL",
        "by its own embedding of the costs",
        "expected change",
        "Huang and Lin 2016",
        "fits regressors on l rows",
        given=class_list,
    ),
    "eer": library(
        "MonteCarloEER",
        "expected 0-1 error, 20 candidates",
        "expected change",
        "Roy and McCallum 2001",
        "20 k fits",
        role="refit",
        some=True,
    ),
    "voi": library(
        "ValueOfInformationEER",
        "value of information, 20 candidates",
        "expected change",
        "Joshi, Porikli and Papanikolopoulos 2009",
        "20 k fits",
        role="refit",
        some=True,
    ),
}


def run(name: str, how: Adapted, query: Query) -> Ints:
    """The rows that a strategy of the library picks on a query."""
    if (name, str(INSTALLED)) in DEFECTS:
        raise Skip(f"scikit-activeml {INSTALLED}: {DEFECTS[name, str(INSTALLED)]}")
    if how.binary and query.n_classes != 2:
        raise Skip(f"binary only: {query.n_classes} classes")
    import skactiveml.pool as pool

    if how.distinct and not anything_new(query):
        raise Skip(
            f"scikit-activeml {INSTALLED}: its {how.cls} fails on rows equal to labelled ones"
        )
    rows = np.union1d(query.labeled, query.pool)
    within_memory(8.0 * how.square * len(rows) ** 2, f"{how.cls} of scikit-activeml")
    X, seed = query.X[rows], int(query.rng.integers(2**31))
    y = np.full(len(rows), np.nan)
    y[np.searchsorted(rows, query.labeled)] = query.y_labeled
    init = {**how.init, **(how.given(query, X) if how.given else {}), "random_state": seed}
    if how.seeded:
        init["cluster_algo_dict"] = {"random_state": seed, "n_init": 1}
    asked = argument(how.role, query, seed)
    if how.some and len(query.pool) > max(CANDIDATES, query.n):
        some = query.rng.choice(query.pool, size=max(CANDIDATES, query.n), replace=False)
        asked["candidates"] = np.searchsorted(rows, np.sort(some))
    picked = quietly(
        lambda: getattr(pool, how.cls)(**init).query(X, y, batch_size=query.n, **asked)
    )
    return np.asarray(rows[np.asarray(picked, dtype=np.intp)])


def anything_new(query: Query) -> bool:
    """Whether a pool row differs from all labelled ones."""
    known = {row.tobytes() for row in query.X[query.labeled]}
    return any(row.tobytes() not in known for row in query.X[query.pool])


def quietly(call: Callable[[], Any]) -> Any:
    """The call's result, without the library's warnings about small or equal rows."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


def enter(name: str, how: Adapted) -> None:
    """Register one strategy of the library."""

    def adapted(query: Query) -> Ints:
        return run(name, how, query)

    adapted.__doc__ = how.summary + "."
    needs = ("proba",) if how.role in ("clf", "estimator", "refit", "ensemble") else ()
    strategy(
        f"ska:{name}",
        version=f"1+scikit-activeml-{INSTALLED}",
        family=how.family,
        cite=how.cite,
        cost=how.cost,
        needs=(*needs, "binary") if how.binary else needs,
        batch_aware=how.batch_aware,
    )(adapted)


if INSTALLED is not None:
    for known, row in ADAPTED.items():
        enter(known, row)
