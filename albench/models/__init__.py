"""Named classifiers: `seed -> unfitted scikit-learn classifier`.

Models with a convex objective (`logreg`, `svc-rbf`, `svc-linear`) are their converged
optimum, so that every solver gives the same picks. `logreg-lbfgs` and `svc-rbf-libsvm`
are scikit-learn's defaults, whose picks depend on where the solver stopped; they are for
reproducing publications. Heavy imports are local: listing models loads none of them.
"""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt

from albench.core.registry import model

Positive = Annotated[float, Gt(0)]
Count = Annotated[int, Ge(1)]
ClassWeight = Literal["balanced"] | None


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


@model("svc-linear-libsvm", proba=False, cite="LIBSVM, Chang and Lin 2011")
def svc_linear_libsvm(seed: int, *, C: Positive = 1.0, tol: Positive = 1e-3) -> Any:
    """Support vector classifier, linear kernel, as LIBSVM stops it by default (tol 1e-3)."""
    from sklearn.svm import SVC

    return SVC(kernel="linear", C=C, tol=tol)


@model("svc-rbf-libsvm", proba=False, cite="LIBSVM, Chang and Lin 2011")
def svc_rbf_libsvm(seed: int, *, C: Positive = 1.0, tol: Positive = 1e-3) -> Any:
    """Support vector classifier as LIBSVM stops it by default (tol 1e-3, gamma = 1 / d)."""
    from sklearn.svm import SVC

    return SVC(kernel="rbf", C=C, gamma="auto", tol=tol)


@model("forest", proba=True, linear=False, seeded=True, cite="Breiman 2001")
def forest(seed: int, *, trees: Count = 100, max_depth: Count | None = None) -> Any:
    """Random forest of 100 trees, scikit-learn's defaults."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=trees, max_depth=max_depth, random_state=seed)


@model("extra-trees", proba=True, linear=False, seeded=True, cite="Geurts, Ernst and Wehenkel 2006")
def extra_trees(seed: int, *, trees: Count = 100, max_depth: Count | None = None) -> Any:
    """Extremely randomised trees, 100 of them, scikit-learn's defaults."""
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(n_estimators=trees, max_depth=max_depth, random_state=seed)


@model("knn", version="2", proba=True, linear=False, cite="Cover and Hart 1967")
def knn(seed: int, *, k: Count = 5) -> Any:
    """k nearest neighbours, Euclidean, majority vote; fewer where fewer rows are labelled.

    Of rows equally far away the first labelled position is nearer.
    """
    from albench.models.estimators import NearestNeighbours

    return NearestNeighbours(n_neighbors=k)


@model("gnb", proba=True, linear=False, cite="scikit-learn GaussianNB")
def gnb(seed: int, *, var_smoothing: Positive = 1e-9) -> Any:
    """Gaussian naive Bayes."""
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(var_smoothing=var_smoothing)


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


@model("lda", proba=True, cite="Fisher 1936; scikit-learn LinearDiscriminantAnalysis")
def lda(seed: int) -> Any:
    """Linear discriminant analysis."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis()


@model("mlp", proba=True, linear=False, seeded=True, cite="scikit-learn MLPClassifier")
def mlp(seed: int, *, hidden: Count = 100, alpha: Positive = 1e-4, max_iter: Count = 200) -> Any:
    """Multilayer perceptron with one hidden layer, Adam, a fixed number of epochs."""
    from albench.models.estimators import FixedEpochsMLP

    return FixedEpochsMLP(
        hidden_layer_sizes=(hidden,), alpha=alpha, max_iter=max_iter, random_state=seed
    )


@model(
    "hgb",
    proba=True,
    linear=False,
    seeded=True,
    cite="Ke et al. 2017; scikit-learn HistGradientBoosting",
)
def hgb(seed: int, *, max_iter: Count = 100, min_samples_leaf: Count = 20) -> Any:
    """Histogram gradient boosting, scikit-learn's defaults."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=max_iter,
        min_samples_leaf=min_samples_leaf,
        early_stopping=False,
        random_state=seed,
    )
