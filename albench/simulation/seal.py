"""What a strategy may call, with no way from there to what stands behind.

A fitted model knows its task: test rows, hidden labels. A function of Python shows what it
holds (`__closure__`, `__self__`, `func`), so a strategy is handed one of numpy's, which
does not, and behind it only what is listed here is answered, of train rows alone.

This hides names; it is no wall. A strategy in the same process can search its memory, which
`albench check` notices and a process of its own prevents.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.core.errors import NoLabels, StrategyError
from albench.simulation.learner import Fitted, Maker, Member, Part

SCORES = ("proba", "decision", "predicted")
FACTS = ("estimator", "has_proba")
Made = TypeVar("Made")


class Call:
    """A question to what is sealed: one object, as a numpy function would take lists apart."""

    __slots__ = ("given", "name")

    def __init__(self, name: str, *given: Any) -> None:
        self.name, self.given = name, given


def opaque(function: Callable[[Call], Made]) -> Callable[[Call], Made]:
    """The function, as a callable that shows nothing of it."""

    def told(call: Call) -> Made:
        made = function(call)
        np.add(0.0, 0.0)  # clears the processor's flags, which numpy would take for this one's
        return made

    sealed: Any = np.frompyfunc(told, 1, 1)
    return sealed  # type: ignore[no-any-return]


class Seen:
    """`Fitted` as a strategy has it: train rows only."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Callable[[Call], Any]) -> None:
        self._answer = answer

    @property
    def estimator(self) -> Any:
        """See `Fitted.estimator`."""
        return self._answer(Call("estimator"))

    @property
    def has_proba(self) -> bool:
        """See `Fitted.has_proba`."""
        return bool(self._answer(Call("has_proba")))

    def proba(self, part: Part, rows: Ints | None = None) -> Floats | None:
        """See `Fitted.proba`; raises StrategyError for test rows."""
        proba: Floats | None = self._answer(Call("proba", part, rows))
        return proba

    def decision(self, part: Part, rows: Ints | None = None) -> Floats | None:
        """See `Fitted.decision`; raises StrategyError for test rows."""
        decision: Floats | None = self._answer(Call("decision", part, rows))
        return decision

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """See `Fitted.predicted`; raises StrategyError for test rows."""
        return np.asarray(self._answer(Call("predicted", part, rows)))

    def refits(self, rows: Ints, labels: Ints, seen: Ints) -> Floats | None:
        """See `Fitted.refits`."""
        proba: Floats | None = self._answer(Call("refits", rows, labels, seen))
        return proba


def told(fitted: Fitted, call: Call) -> Any:
    """What a strategy may know of a fitted model."""
    if call.name in FACTS:
        return getattr(fitted, call.name)
    if call.name in SCORES:
        part, rows = call.given
        if part != "train":
            raise StrategyError(
                f"asked its model for part {part!r}: a strategy has train rows only"
            )
        return apart(getattr(fitted, call.name)("train", rows))
    if call.name == "refits":
        return apart(fitted.refits(*call.given))
    raise StrategyError(f"a fitted model has no {call.name!r} for a strategy")


def apart(values: Any) -> Any:
    """Scores that are no window on a larger array, which may hold those of test rows."""
    if isinstance(values, np.ndarray) and values.base is not None:
        return values.copy(order="K")
    return values


class Fit:
    """`Query.fit` in a run: fits the query model when first called."""

    __slots__ = ("_answer",)

    def __init__(self, fit: Callable[[], Fitted]) -> None:
        made: list[Fitted] = []

        def answer(call: Call) -> Any:
            if not made:
                made.append(fit())
            return None if call.name == "fit" else told(made[0], call)

        self._answer = opaque(answer)

    def __call__(self) -> Seen:
        """The fitted model."""
        self._answer(Call("fit"))
        return Seen(self._answer)


class Train:
    """`Query.engine` in a run: members of committees, fitted on train rows."""

    __slots__ = ("_answer",)

    def __init__(self, member: Member) -> None:
        def answer(call: Call) -> Seen | None:
            fitted = member(*call.given)
            return None if fitted is None else Fit(lambda: fitted)()

        self._answer = opaque(answer)

    def __call__(self, make: Maker, seed: int, rows: Ints, y: Ints) -> Seen | None:
        """A member, or None where no engine is proven for what `make` makes."""
        return self._answer(Call("member", make, seed, rows, y))


def refuse(*_: Any) -> Any:
    """Raise NoLabels."""
    raise NoLabels("needs labels or a model; no label is in hand at a start from nothing")


class Absent:
    """Stands in a query for labels and models while there are none: whatever use raises NoLabels.

    So a strategy that needs them says so by using them, and one that needs features and places
    alone chooses for itself.
    """

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"

    __getattr__ = refuse


BINARY = "add sub mul truediv floordiv mod pow and or xor matmul lshift rshift"
USES = "call len iter array bool hash contains getitem setitem eq ne lt le gt ge neg invert index"
for name in [*USES.split(), *BINARY.split(), *(f"r{word}" for word in BINARY.split())]:
    setattr(Absent, f"__{name}__", refuse)
ABSENT: Any = Absent()


class Tell:
    """`Query.tell` in a run: the label of a pool row, which must then be bought.

    answer  position -> class index; it keeps the books
    """

    __slots__ = ("_answer",)

    def __init__(self, answer: Callable[[int], int]) -> None:
        self._answer = opaque(lambda call: answer(int(call.given[0])))

    def __call__(self, position: int) -> int:
        """The class index, -1 where the oracle abstains."""
        return int(self._answer(Call("tell", position)))
