"""Learners: plain scikit-learn, and fast trainers proven to pick the same rows."""

from collections.abc import Callable
from functools import partial
from typing import Any

from albench.learner import Fitted, Ints, Learner, Plain
from albench.loop import Task
from albench.registry import ENTRIES, build, resolve
from albench.spec import Ref

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
    make: Callable[[int], Any] = build("model", model)
    plain = Plain(make, task, seed, rescale)
    if engine == "plain" or rescale:
        return plain
    from albench.engines.choice import chosen

    found: Any = chosen(model, task, plain, memory) or plain
    found.member = partial(member, task, memory)
    trained: Learner = found
    return trained


def member(
    task: Task, memory: int, make: Callable[[int], Any], seed: int, rows: Ints, y: Ints
) -> Fitted | None:
    """A committee member fitted on train rows (repeats allowed), where an engine is proven.

    make  what `registry.build` returns for a model, seed -> unfitted classifier
    """
    model = made_by(make)
    if model is None:
        return None
    from albench.engines.choice import chosen

    learner: Any = chosen(model, task, Plain(make, task, lambda n: seed), memory)
    if learner is None:
        return None
    learner.keeps = False
    fitted: Fitted = getattr(learner, "fit_repeated", learner.fit)(rows, y)
    return fitted


def made_by(make: Any) -> Ref | None:
    """The model that `registry.build` made a function of; None where it was made otherwise."""
    function, kwargs = (make.func, make.keywords) if isinstance(make, partial) else (make, {})
    for name, found in ENTRIES["model"].items():
        if found.make is function and found.plugin is None:
            return resolve("model", {"use": name, **kwargs})
    return None
