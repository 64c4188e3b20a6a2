"""Learners: plain scikit-learn, and fast trainers proven to pick the same rows."""

from collections.abc import Callable
from typing import Any

from albench.learner import Learner, Plain
from albench.loop import Task
from albench.registry import build
from albench.spec import Ref

MEMORY = 384 << 20


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

    return chosen(model, task, plain, memory) or plain
