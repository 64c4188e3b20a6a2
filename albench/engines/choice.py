"""Which engine trains which model."""

from collections.abc import Callable
from typing import Any, TypeAlias

from albench.engines import compiled
from albench.learner import Learner, Plain
from albench.loop import Task
from albench.spec import Ref


def chosen(model: Ref, task: Task, plain: Plain, memory: int) -> Learner | None:
    """The engine of a model, or None where none is proven for it and its parameters."""
    if model.source is not None or model.name not in ENGINES:
        return None
    return ENGINES[model.name](dict(model.params), task, plain, memory)


def svc(gamma: bool, loose: bool = False) -> "Make":
    """The engine of a support vector classifier with an RBF (else linear) kernel.

    loose  at libsvm's tolerance, where only libsvm on the features gives the same picks
    """

    def make(params: dict[str, Any], task: Task, plain: Plain, memory: int) -> Learner | None:
        from albench.engines.kernels import shared_rows

        if params.keys() - ({"C", "tol"} if loose else {"C"}):
            return None
        C, tol = float(params.get("C", 1.0)), float(params.get("tol", 1e-3))
        width = 1 / task.X.shape[1] if gamma else None
        if compiled.NUMBA and not loose:
            from albench.engines.svc import SVC

            return SVC(shared_rows(task, width, memory), task.n_classes, C, plain)
        from albench.engines.libsvm import Libsvm, works

        if not works(False):
            plain.name = "plain (self-test of libsvm failed)"
            return None
        gram = not loose or (compiled.NUMBA and works(True))
        rows = shared_rows(task, width, memory, loose and gram)
        return Libsvm(rows, task.n_classes, C, tol if loose else 1e-7, gram, plain)

    return make


def logreg(params: dict[str, Any], task: Task, plain: Plain, memory: int) -> Learner | None:
    """The engine of logistic regression, where its inverse Hessian fits the bound."""
    from albench.engines.logreg import LogReg

    size = (task.X.shape[1] + 1) * (task.n_classes if task.n_classes > 2 else 1)
    if params.keys() - {"C", "class_weight"} or 3 * 8 * size**2 > memory:
        return None
    balanced = params.get("class_weight") == "balanced"
    return LogReg(task, float(params.get("C", 1.0)), balanced, plain)


Make: TypeAlias = Callable[[dict[str, Any], Task, Plain, int], Learner | None]
ENGINES: dict[str, Make] = {
    "svc-rbf": svc(True),
    "svc-linear": svc(False),
    "svc-rbf-libsvm": svc(True, True),
    "svc-linear-libsvm": svc(False, True),
    "logreg": logreg,
}
