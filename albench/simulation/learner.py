"""The small interface between the loop and a model, and its plain implementation.

The loop asks a `Learner` to fit a labelled set and asks the `Fitted` that comes back for
scores of train rows (by position) and of all test rows. Everything is aligned to the
classes of the task: a class without labels keeps its column. `Plain` drives any
scikit-learn classifier; engines are drop-in replacements that must give the same picks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np

from albench.core.arrays import Floats, Ints

Part = Literal["train", "test"]
Maker: TypeAlias = Callable[[int], Any]
"""seed -> unfitted classifier"""


class Fitted(Protocol):
    """A fitted model. It is valid until its learner fits again.

    `rows` are positions in the part's feature matrix; None means all of them.
    """

    @property
    def estimator(self) -> Any:
        """A fitted scikit-learn classifier that predicts as this model does."""

    @property
    def has_proba(self) -> bool:
        """Whether `proba` returns probabilities."""

    def proba(self, part: Part, rows: Ints | None = None) -> Floats | None:
        """(n, n_classes) probabilities, unseen classes 0; None where the model has none."""

    def decision(self, part: Part, rows: Ints | None = None) -> Floats | None:
        """Decision values: (n,) for a task of two classes, positive for class 1; else
        (n, n_classes), unseen classes -inf. None where the model has none."""

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """(n,) predicted classes."""

    def refits(self, rows: Ints, labels: Ints, seen: Ints) -> Floats | None:
        """(len(rows), len(seen), k) probabilities of the rows `seen` after one more label.

        rows, labels  the train row of each refit, and its class, one that is labelled
        Each is a fit to the optimum from this one; NaN where that failed. None where the
        model cannot move to a new optimum, but has to be fitted from scratch.
        """


Member: TypeAlias = Callable[[Maker, int, Ints, Ints], Fitted | None]
"""(make, seed, rows, y) -> a member of a committee fitted on train rows (repeats allowed), or
None where no engine is proven for what `make` makes."""


class Learner(Protocol):
    """Fits one model on labelled sets of one cut. `Trainer` has the defaults.

    keeps   whether others may ask for the same fits, so that what serves them is kept
    member  trains the members of committees; None: they are fitted from scratch
    """

    keeps: bool
    member: Member | None

    @property
    def name(self) -> str:
        """Which engine trained, as `runs.engine` says it."""

    @property
    def make(self) -> Maker:
        """What makes unfitted classifiers."""

    @property
    def repeatable(self) -> bool:
        """Whether its fits are the same to the bit whatever it fitted before."""

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """Fit on the train rows at `labeled` (ascending positions) with labels `y`."""

    def fit_repeated(self, labeled: Ints, y: Ints) -> Fitted:
        """The same on rows of which some may repeat, in any order; a first fit."""


class Trainer:
    """What a `Learner` does unless it says otherwise."""

    repeatable = False
    keeps = True
    member: Member | None = None

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        raise NotImplementedError

    def fit_repeated(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit_repeated`: a fit that does not mind repeats."""
        return self.fit(labeled, y)


class FromScratch:
    """A fitted model from which no other optimum is reached."""

    def refits(self, rows: Ints, labels: Ints, seen: Ints) -> Floats | None:
        """See `Fitted.refits`."""
        return None


class Views(Protocol):
    """The part of a task that a learner sees."""

    @property
    def X(self) -> Floats: ...
    @property
    def X_test(self) -> Floats: ...
    @property
    def n_classes(self) -> int: ...


@dataclass(frozen=True, eq=False)
class TrainOnly:
    """`Views` of the train rows, for a model that never scores a test row."""

    X: Floats
    n_classes: int

    @property
    def X_test(self) -> Floats:
        """No rows."""
        return self.X[:0]


@runtime_checkable
class Looking(Protocol):
    """A classifier that uses more than the labelled rows, where there is more.

    Its `fit` is that of scikit-learn, for the labelled rows alone.
    """

    def fit_among(self, X: Floats, labeled: Ints, y: Ints, n_classes: int) -> Any:
        """Fit, and return itself.

        X          (n, d) all train rows: those without label are the pool, and what a
                   protocol withholds from it
        labeled    (l,) positions with a label (repeats allowed); y: their classes
        n_classes  classes of the task, also those without a label
        """


class Constant:
    """The classifier of a labelled set with one class."""

    def __init__(self, label: int) -> None:
        self.classes_ = np.array([label], dtype=np.intp)

    def predict(self, X: Floats) -> Ints:
        """(n,) the one class."""
        return np.full(len(X), self.classes_[0], dtype=np.intp)

    def predict_proba(self, X: Floats) -> Floats:
        """(n, 1) ones."""
        return np.ones((len(X), 1))

    def decision_function(self, X: Floats) -> Floats:
        """(n,) zeros: no row is nearer to a boundary than another."""
        return np.zeros(len(X))


class Rescaled:
    """A classifier behind the standardisation of the rows it was fitted on."""

    def __init__(self, estimator: Any, scaler: Any) -> None:
        self.estimator, self.scaler = estimator, scaler
        self.classes_ = estimator.classes_

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.estimator, name)
        if name not in ("predict", "predict_proba", "decision_function"):
            return method
        return lambda X: method(self.scaler.transform(X))


class Aligned(FromScratch):
    """`Fitted` over a fitted scikit-learn classifier."""

    def __init__(self, estimator: Any, views: Views) -> None:
        self.estimator = estimator
        self.views = views

    @property
    def has_proba(self) -> bool:
        """See `Fitted.has_proba`."""
        return hasattr(self.estimator, "predict_proba")

    def features(self, part: Part, rows: Ints | None) -> Floats:
        """The rows asked for."""
        X = self.views.X if part == "train" else self.views.X_test
        return X if rows is None else X[rows]

    def proba(self, part: Part, rows: Ints | None = None) -> Floats | None:
        """See `Fitted.proba`."""
        if not self.has_proba:
            return None
        given = self.estimator.predict_proba(self.features(part, rows))
        return spread(given, self.estimator.classes_, self.views.n_classes, 0.0)

    def decision(self, part: Part, rows: Ints | None = None) -> Floats | None:
        """See `Fitted.decision`."""
        if not hasattr(self.estimator, "decision_function"):
            return None
        given = self.estimator.decision_function(self.features(part, rows))
        return aligned_decision(given, self.estimator.classes_, self.views.n_classes)

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """See `Fitted.predicted`."""
        return np.asarray(self.estimator.predict(self.features(part, rows)), dtype=np.intp)


def spread(given: Floats, classes: Ints, n_classes: int, fill: float) -> Floats:
    """Columns of the classes seen, laid out over all classes of the task."""
    if len(classes) == n_classes:
        return np.asarray(given, dtype=np.float64)
    full = np.full((len(given), n_classes), fill)
    full[:, classes] = given
    return full


def aligned_decision(given: Floats, classes: Ints, n_classes: int) -> Floats:
    """Decision values of the classes seen as `Fitted.decision` gives them."""
    if n_classes == 2:
        return np.asarray(given, dtype=np.float64)
    if given.ndim == 1:
        given = given[:, None] if len(classes) == 1 else np.stack([-given, given], axis=1)
    return spread(given, classes, n_classes, -np.inf)


class Plain(Trainer):
    """Any scikit-learn classifier, fitted from scratch each time.

    make      seed -> unfitted classifier
    seed      number of labels -> seed of that fit
    rescale   standardise on the labelled rows before each fit
    """

    name = "plain"
    repeatable = True

    def __init__(
        self,
        make: Maker,
        views: Views,
        seed: Callable[[int], int],
        rescale: bool = False,
    ) -> None:
        self.make, self.views, self.seed, self.rescale = make, views, seed, rescale

    def fit(self, labeled: Ints, y: Ints) -> Aligned:
        """See `Learner.fit`; a labelled set with one class is fitted by `Constant`."""
        return fit_aligned(
            lambda: self.make(self.seed(len(labeled))), self.views, labeled, y, self.rescale
        )


def fit_aligned(
    make: Callable[[], Any], views: Views, labeled: Ints, y: Ints, rescale: bool = False
) -> Aligned:
    """Fit a new classifier on train rows (repeats allowed) and align its columns."""
    if y.min() == y.max():
        return Aligned(Constant(int(y[0])), views)
    if not rescale:
        return Aligned(fitted_on(make(), views, labeled, y), views)
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(views.X[labeled])
    fitted = fitted_on(make(), views, labeled, y, scaler.transform)
    return Aligned(Rescaled(fitted, scaler), views)


def fitted_on(
    estimator: Any,
    views: Views,
    labeled: Ints,
    y: Ints,
    scaled: Callable[[Floats], Floats] = lambda X: X,
) -> Any:
    """The classifier fitted on the labelled rows; one that looks beyond them is shown all rows."""
    if isinstance(estimator, Looking):
        return estimator.fit_among(scaled(views.X), labeled, y, views.n_classes)
    return estimator.fit(scaled(views.X[labeled]), y)
