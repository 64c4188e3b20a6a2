"""Learners: plain scikit-learn, and fast trainers proven to pick the same rows."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from albench.core.arrays import Ints
from albench.core.errors import RunError
from albench.core.registry import ENTRIES, build, entry, resolve
from albench.core.spec import Ref
from albench.models.engines import compiled
from albench.simulation.learner import Fitted, Learner, Maker, Plain
from albench.simulation.task import Task

MEMORY = 224 << 20


def learner(
    model: Ref,
    task: Task,
    seed: Callable[[int], int],
    *,
    rescale: bool = False,
    engine: str = "auto",
    memory: int = MEMORY,
) -> Learner:
    """The learner of a model on one cut.

    seed     number of labels -> seed of that fit
    rescale  standardise on the labelled rows before each fit
    engine   `auto`: the fastest engine proven for the model; `plain`: scikit-learn
    memory   bytes that the kernel of a cut may take

    A model, or a parameter of it, for which no engine is proven gets the plain learner.
    """
    make: Maker = build("model", model)
    if entry("model", model.name).traits.bound:
        return bounded(
            model,
            task,
            make,
            partial(learner, task=task, seed=seed, rescale=rescale, engine=engine, memory=memory),
        )
    plain = Plain(make, task, seed, rescale)
    if engine == "plain" or rescale:
        return plain

    trained = chosen(model, task, plain, memory) or plain
    trained.member = partial(member, task, memory)
    return trained


def bounded(model: Ref, task: Task, make: Maker, inner: Callable[[Ref], Learner]) -> Learner:
    """The learner of a bound, which is fitted once for each C of its grid.

    inner  model -> its learner on the same cut
    Raises RunError for a bound that is no model of albench's own.
    """
    from albench.models.engines.best import GRID, Best

    if model.name != "logreg-best":
        raise RunError(f"model {model.label}: only logreg-best is a bound that can be run")
    values = [{"use": "logreg", "C": C, **model.kwargs} for C in GRID]
    return Best([inner(resolve("model", value)) for value in values], task, make)


def member(task: Task, memory: int, make: Maker, seed: int, rows: Ints, y: Ints) -> Fitted | None:
    """A committee member fitted on train rows (repeats allowed), where an engine is proven.

    make  what `registry.build` returns for a model, seed -> unfitted classifier
    """
    model = made_by(make)
    if model is None:
        return None

    learner = chosen(model, task, Plain(make, task, lambda n: seed), memory)
    if learner is None:
        return None
    learner.keeps = False
    return learner.fit_repeated(rows, y)


def made_by(make: Any) -> Ref | None:
    """The model that `registry.build` made a function of; None where it was made otherwise."""
    function, kwargs = (make.func, make.keywords) if isinstance(make, partial) else (make, {})
    for name, found in ENTRIES["model"].items():
        if found.make is function and found.plugin is None:
            return resolve("model", {"use": name, **kwargs})
    return None


def chosen(model: Ref, task: Task, plain: Plain, memory: int) -> Learner | None:
    """The engine of a model, or None where none is proven for it and its parameters."""
    if model.source is not None or model.name not in ENGINES:
        return None
    return ENGINES[model.name](dict(model.params), task, plain, memory)


def svc(rbf: bool, tol: float, canonical: bool) -> "Make":
    """The engine of a support vector classifier with an RBF (else linear) kernel.

    canonical  the model fixes its tolerance; else that is a parameter

    The RBF classifier at its canonical tolerance is solved from the last solution. At
    libsvm's tolerance, and with a linear kernel of any size of values, only libsvm's own
    steps in its own arithmetic give scikit-learn's scores.
    """

    def make(params: dict[str, Any], task: Task, plain: Plain, memory: int) -> Learner | None:
        from albench.models.engines.libsvm import shared_rows, works
        from albench.models.engines.svm import Libsvm

        if params.keys() - ({"C"} if canonical else {"C", "tol"}):
            return None
        C, own = float(params.get("C", 1.0)), float(params.get("tol", tol))
        width = 1 / task.X.shape[1] if rbf else None
        if compiled.NUMBA and canonical and rbf:
            from albench.models.engines.svm import SVC

            return SVC(shared_rows(task, width, memory), task.n_classes, C, plain)
        if not works(False):
            plain.name = "plain (self-test of libsvm failed)"
            return None
        bitwise = not (canonical and rbf)
        gram = not bitwise or (compiled.NUMBA and works(True))
        most = 2 * task.budget >= len(task.y)  # else a store of all rows is for a few of them
        rows = shared_rows(task, width, memory, bitwise and gram, placed=gram and most)
        return Libsvm(rows, task.n_classes, C, own, gram, plain)

    return make


def logreg(params: dict[str, Any], task: Task, plain: Plain, memory: int) -> Learner | None:
    """The engine of logistic regression; a Hessian that is large is not kept, however wide X."""
    from albench.models.engines.logreg import LogReg

    if params.keys() - {"C", "class_weight"}:
        return None
    balanced = params.get("class_weight") == "balanced"
    return LogReg(task, float(params.get("C", 1.0)), balanced, plain)


def lbfgs(params: dict[str, Any], task: Task, plain: Plain, memory: int) -> Learner | None:
    """The engine of logistic regression where scikit-learn's lbfgs stops."""
    from albench.models.engines.lbfgs import MAX_ITER, Lbfgs, works

    if params.keys() - {"C", "max_iter"}:
        return None
    if not works():
        plain.name = "plain (self-test of lbfgs failed)"
        return None
    return Lbfgs(task, float(params.get("C", 1.0)), int(params.get("max_iter", MAX_ITER)), plain)


def forest(bootstrap: bool) -> "Make":
    """The engine of a random forest, or of extremely randomised trees."""

    def make(params: dict[str, Any], task: Task, plain: Plain, memory: int) -> Learner | None:
        from albench.models.engines.forest import Forest, works

        if params.keys() - {"trees", "max_depth"} or np.abs(task.X).max() > 1e37:
            return None
        if not works(bootstrap):
            plain.name = "plain (self-test of forest failed)"
            return None
        return Forest(task, bootstrap, plain)

    return make


def neighbours(params: dict[str, Any], task: Task, plain: Plain, memory: int) -> Learner | None:
    """The engine of k nearest neighbours."""
    from albench.models.engines.lazy import Neighbours

    return None if params.keys() - {"k"} else Neighbours(task, int(params.get("k", 5)), plain)


def bayes(params: dict[str, Any], task: Task, plain: Plain, memory: int) -> Learner | None:
    """The engine of Gaussian naive Bayes."""
    from albench.models.engines.lazy import NaiveBayes

    if params.keys() - {"var_smoothing"}:
        return None
    return NaiveBayes(task, float(params.get("var_smoothing", 1e-9)), plain)


Make: TypeAlias = Callable[[dict[str, Any], Task, Plain, int], Learner | None]
ENGINES: dict[str, Make] = {
    "svc-rbf": svc(True, 1e-10, True),
    "svc-linear": svc(False, 1e-7, True),
    "svc-rbf-libsvm": svc(True, 1e-3, False),
    "svc-linear-libsvm": svc(False, 1e-3, False),
    "logreg": logreg,
    "logreg-lbfgs": lbfgs,
    "forest": forest(True),
    "extra-trees": forest(False),
    "knn": neighbours,
    "gnb": bayes,
}
