"""Named classifiers: `seed -> unfitted scikit-learn classifier`.

Models with a convex objective (`logreg`, `svc-rbf`, `svc-linear`) are their converged
optimum, so that every solver gives the same picks. `logreg-lbfgs` and `svc-rbf-libsvm`
are scikit-learn's defaults, whose picks depend on where the solver stopped; they are for
reproducing publications. Heavy imports are local: listing models loads none of them.
"""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Lt

from albench.core.registry import ModelParam, entry, model
from albench.core.spec import Ref
from albench.models import boosting
from albench.models.options import ClassWeight, Count, Folds, Positive, Share

__all__ = ["boosting"]


@model("logreg", proba=True, cite="Cox 1958; scikit-learn LogisticRegression")
def logreg(seed: int, *, C: Positive = 1.0, class_weight: ClassWeight = None) -> Any:
    """Multinomial logistic regression with an L2 penalty, solved to convergence."""
    from albench.models.estimators import ConvergedLogisticRegression

    return ConvergedLogisticRegression(
        C=C, class_weight=class_weight, solver="newton-cholesky", tol=1e-12, max_iter=200
    )


@model("logreg-lbfgs", proba=True, cite="scikit-learn LogisticRegression")
def logreg_lbfgs(
    seed: int, *, C: Positive = 1.0, class_weight: ClassWeight = None, max_iter: Count = 100
) -> Any:
    """Logistic regression as scikit-learn stops it by default (lbfgs, tol 1e-4)."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, class_weight=class_weight, max_iter=max_iter)


@model(
    "svc-rbf",
    version="2",
    proba=False,
    cite="Cortes and Vapnik 1995; LIBSVM, Chang and Lin 2011",
)
def svc_rbf(seed: int, *, C: Positive = 1.0, class_weight: ClassWeight = None) -> Any:
    """Support vector classifier, RBF kernel, gamma = 1 / d, solved to 1e-10.

    At 1e-7 solutions still differ by 2e-5 where rows repeat: libsvm stops that far off.
    """
    from albench.models.estimators import BoundedSVC

    return BoundedSVC(
        kernel="rbf",
        C=C,
        gamma="auto",
        tol=1e-10,
        class_weight=class_weight,
        max_iter=10_000_000,
        cache_size=100,
    )


@model(
    "svc-linear",
    version="2",
    proba=False,
    cite="Cortes and Vapnik 1995; LIBSVM, Chang and Lin 2011",
)
def svc_linear(seed: int, *, C: Positive = 1.0, class_weight: ClassWeight = None) -> Any:
    """Support vector classifier, linear kernel, solved to 1e-7 (a million steps at most)."""
    from albench.models.estimators import BoundedSVC

    return BoundedSVC(kernel="linear", C=C, tol=1e-7, class_weight=class_weight, max_iter=1_000_000)


@model(
    "svc-linear-libsvm",
    proba=False,
    cite="LIBSVM, Chang and Lin 2011",
    formerly=("3869d02ac833dd0d6582084f039bc51bcd564c1abb031861399fafafa7754a19",),
)
def svc_linear_libsvm(
    seed: int, *, C: Positive = 1.0, tol: Positive = 1e-3, class_weight: ClassWeight = None
) -> Any:
    """Support vector classifier, linear kernel, as LIBSVM stops it by default (tol 1e-3)."""
    from sklearn.svm import SVC

    return SVC(kernel="linear", C=C, tol=tol, class_weight=class_weight)


@model(
    "svc-rbf-libsvm",
    proba=False,
    cite="LIBSVM, Chang and Lin 2011",
    formerly=("c450c86eb60aba9bccbfea699fb82885f025ca2581cf8ee6b9225ed089591598",),
)
def svc_rbf_libsvm(
    seed: int, *, C: Positive = 1.0, tol: Positive = 1e-3, class_weight: ClassWeight = None
) -> Any:
    """Support vector classifier as LIBSVM stops it by default (tol 1e-3, gamma = 1 / d)."""
    from sklearn.svm import SVC

    return SVC(kernel="rbf", C=C, gamma="auto", tol=tol, class_weight=class_weight)


@model(
    "tree",
    proba=True,
    linear=False,
    seeded=True,
    cite="Breiman, Friedman, Olshen and Stone 1984; scikit-learn DecisionTreeClassifier",
)
def tree(
    seed: int,
    *,
    max_depth: Count | None = None,
    min_samples_leaf: Count = 1,
    class_weight: ClassWeight = None,
) -> Any:
    """Decision tree by Gini impurity, grown until its leaves are pure."""
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(
        max_depth=max_depth,
        min_samples_leaf=min_samples_leaf,
        class_weight=class_weight,
        random_state=seed,
    )


@model(
    "forest",
    proba=True,
    linear=False,
    seeded=True,
    cite="Breiman 2001",
    formerly=("d1c302c5299369c1d3e9411253f4be613a7fc93423800ea4887053b55b4a393b",),
)
def forest(
    seed: int,
    *,
    trees: Count = 100,
    max_depth: Count | None = None,
    class_weight: ClassWeight = None,
) -> Any:
    """Random forest of 100 trees, scikit-learn's defaults."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=trees, max_depth=max_depth, class_weight=class_weight, random_state=seed
    )


@model(
    "extra-trees",
    proba=True,
    linear=False,
    seeded=True,
    cite="Geurts, Ernst and Wehenkel 2006",
    formerly=("7467ba8e3146c879ffdea7ecb8c9e40bf56bd89f8ccc8b399214bdaaaf8c5214",),
)
def extra_trees(
    seed: int,
    *,
    trees: Count = 100,
    max_depth: Count | None = None,
    class_weight: ClassWeight = None,
) -> Any:
    """Extremely randomised trees, 100 of them, scikit-learn's defaults."""
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(
        n_estimators=trees, max_depth=max_depth, class_weight=class_weight, random_state=seed
    )


@model("knn", version="2", proba=True, linear=False, cite="Cover and Hart 1967")
def knn(seed: int, *, k: Count = 5) -> Any:
    """k nearest neighbours, Euclidean, majority vote; fewer where fewer rows are labelled.

    Of rows equally far away the first labelled position is nearer.
    """
    from albench.models.estimators import NearestNeighbours

    return NearestNeighbours(n_neighbors=k)


@model(
    "gnb",
    proba=True,
    linear=False,
    cite="scikit-learn GaussianNB",
    formerly=("2329800f9dc8cba00d9eb4db167328de38e8197cd041b948664c213dc63bec96",),
)
def gnb(seed: int, *, var_smoothing: Positive = 1e-9, class_weight: ClassWeight = None) -> Any:
    """Gaussian naive Bayes."""
    from albench.models.estimators import BalancedNB, SmoothedNB

    kind = SmoothedNB if class_weight is None else BalancedNB
    return kind(var_smoothing=var_smoothing)


@model(
    "parzen",
    proba=True,
    linear=False,
    cite="Chapelle 2005; scikit-activeml ParzenWindowClassifier",
)
def parzen(seed: int, *, gamma: Positive | None = None, class_weight: ClassWeight = None) -> Any:
    """Parzen window classifier, RBF kernel, gamma = 1 / d: class frequencies near a row.

    Its probabilities are those of scikit-activeml's. Of equally probable classes the first is
    predicted; the library draws one.
    """
    from albench.models.estimators import ParzenWindow

    return ParzenWindow(gamma=gamma, class_weight=class_weight)


@model(
    "lda",
    proba=True,
    cite="Fisher 1936; scikit-learn LinearDiscriminantAnalysis",
    formerly=("03b4dc0ba8762ace1087981d9bd2e683a30f8d549625cd9fb1430dde080497ab",),
)
def lda(seed: int) -> Any:
    """Linear discriminant analysis; where classes have no spread, the nearest mean."""
    from albench.models.estimators import AnyLDA

    return AnyLDA()


@model(
    "qda",
    proba=True,
    linear=False,
    cite="Friedman 1989; scikit-learn QuadraticDiscriminantAnalysis",
)
def qda(seed: int, *, shrinkage: Share = 0.1) -> Any:
    """Quadratic discriminant analysis, each covariance shrunk towards the identity.

    scikit-learn's with `reg_param = shrinkage`, which it takes as 0 and so cannot fit where a
    class has fewer labels than features; here a class with one label has the identity, shrunk.
    """
    from albench.models.estimators import ShrunkQDA

    return ShrunkQDA(shrinkage=shrinkage)


@model("sgd", proba=True, seeded=True, cite="Bottou 2010; scikit-learn SGDClassifier")
def sgd(
    seed: int,
    *,
    alpha: Positive = 1e-4,
    max_iter: Count = 1000,
    class_weight: ClassWeight = None,
) -> Any:
    """Logistic regression by stochastic gradient descent, one class against the rest."""
    from albench.models.estimators import QuietSGD

    return QuietSGD(
        loss="log_loss",
        alpha=alpha,
        max_iter=max_iter,
        class_weight=class_weight,
        random_state=seed,
    )


@model(
    "mlp",
    proba=True,
    linear=False,
    seeded=True,
    cite="scikit-learn MLPClassifier",
    formerly=("bdd0aff5815cb968fb1cb1d6b9a62ad36e23b02f5e0a097cc16fde60377a3a94",),
)
def mlp(
    seed: int,
    *,
    hidden: Count = 100,
    alpha: Positive = 1e-4,
    max_iter: Count = 200,
    class_weight: ClassWeight = None,
) -> Any:
    """Multilayer perceptron with one hidden layer, Adam, a fixed number of epochs."""
    from albench.models.estimators import BalancedMLP, FixedEpochsMLP

    kind = FixedEpochsMLP if class_weight is None else BalancedMLP
    return kind(hidden_layer_sizes=(hidden,), alpha=alpha, max_iter=max_iter, random_state=seed)


@model(
    "hgb",
    proba=True,
    linear=False,
    seeded=True,
    cite="Ke et al. 2017; scikit-learn HistGradientBoosting",
    formerly=("6a60fcfaf98a722fd7bdf95c672fa2ea5fd33cfb6586115b283d02096d3fc61c",),
)
def hgb(
    seed: int,
    *,
    max_iter: Count = 100,
    min_samples_leaf: Count = 20,
    class_weight: ClassWeight = None,
) -> Any:
    """Histogram gradient boosting, scikit-learn's defaults."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=max_iter,
        min_samples_leaf=min_samples_leaf,
        early_stopping=False,
        class_weight=class_weight,
        random_state=seed,
    )


@model(
    "logreg-cv",
    proba=True,
    seeded=True,
    cite="Stone 1974; scikit-learn LogisticRegressionCV",
)
def logreg_cv(seed: int, *, folds: Folds = 5, class_weight: ClassWeight = None) -> Any:
    """`logreg` with C in 1e-3, ..., 1e3 by cross-validated log loss on the labelled rows.

    The folds are drawn from the model's stream. A class with one label is in every training
    part; where all are so, C is 1. Of C that are equally good the one nearest to 1 is taken.
    With class weights the rows held out weigh as those that are fitted.
    """
    from albench.models.selection import TunedLogisticRegression

    return TunedLogisticRegression(folds=folds, class_weight=class_weight, seed=seed)


@model(
    "svc-rbf-cv",
    proba=False,
    seeded=True,
    cite="Stone 1974; LIBSVM, Chang and Lin 2011",
)
def svc_rbf_cv(seed: int, *, folds: Folds = 5, class_weight: ClassWeight = None) -> Any:
    """`svc-rbf` with C and gamma by cross-validated accuracy on the labelled rows.

    C in 0.1, ..., 1000, gamma in 0.01, ..., 10 times 1 / d. The folds are as in `logreg-cv`.
    Of pairs that are equally good the one nearest to C = 1, gamma = 1 / d is taken.
    """
    from albench.models.selection import TunedSVC

    return TunedSVC(folds=folds, class_weight=class_weight, seed=seed)


@model("logreg-best", proba=True, bound=True, cite="logreg by the best of nine C")
def logreg_best(seed: int, *, class_weight: ClassWeight = None) -> Any:
    """A bound: `logreg` with C in 1e-4, ..., 1e4 by its accuracy on the test set, every round.

    What choosing C could gain at most. It is never ranked, and no strategy may ask it: say
    which model strategies ask, as {use = "logreg-best", query = "logreg"}. Of C that are
    equally accurate the one with the smallest log loss is taken.
    """
    from albench.models.selection import ChosenOnTest

    return ChosenOnTest(class_weight=class_weight)


def unsuited(base: Ref, **others: Any) -> str | None:
    """Why self-training makes no sense with a base model; None where it does."""
    if entry("model", base.name).traits.proba is False:
        wrapped = f'{{use = "calibrated", base = "{base.name}"}}'
        return f"its base needs probabilities; {base.label} has none, but {wrapped} has"
    return None


@model(
    "self-training",
    proba=True,
    linear=False,
    check=unsuited,
    cite="Yarowsky 1995; scikit-learn SelfTrainingClassifier",
)
def self_training(
    seed: int,
    *,
    base: ModelParam = "logreg",
    threshold: Annotated[float, Ge(0), Lt(1)] = 0.75,
    max_iter: Count = 10,
) -> Any:
    """A model that also learns from the unlabelled rows of which it is sure: no query needed.

    Rows of the pool that it gives a class with more than `threshold` count as labelled, and it
    is fitted again, up to `max_iter` times. Hidden labels play no part. Inside another model it
    has no pool, and is its base.
    """
    from albench.models.wrapped import SelfTraining

    return SelfTraining(base=base, threshold=threshold, max_iter=max_iter, seed=seed)


@model(
    "calibrated",
    proba=True,
    linear=False,
    cite="Platt 1999; Niculescu-Mizil and Caruana 2005; scikit-learn CalibratedClassifierCV",
)
def calibrated(
    seed: int,
    *,
    base: ModelParam = "svc-rbf",
    method: Literal["sigmoid", "isotonic"] = "sigmoid",
    folds: Folds = 5,
) -> Any:
    """A model whose scores are mapped to probabilities on rows that it was not fitted on.

    The mean over folds, which are drawn from the model's stream. A class with one label is in
    every training part; where all are so, the map is fitted on the labelled rows themselves.
    """
    from albench.models.wrapped import Calibrated

    return Calibrated(base=base, method=method, folds=folds, seed=seed)


@model("bagged", proba=True, linear=False, seeded=True, cite="Breiman 1996")
def bagged(seed: int, *, base: ModelParam = "tree", members: Count = 10) -> Any:
    """The mean of a model fitted on bootstrap resamples of the labelled rows.

    Of their probabilities where the model has some, else of their votes. A resample of one
    class is drawn again.
    """
    from albench.models.wrapped import Bagged

    return Bagged(base=base, members=members, seed=seed)
