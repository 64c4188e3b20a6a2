"""Every error albench raises on purpose.

    AlbenchError
    |-- UsageError              the user's mistake: one clear message, exit 2
    |   |-- UnknownName         no entry of that name (with a suggestion)
    |   |-- BadValue            a key, parameter or field of the wrong type or range
    |   |-- BadData             a dataset that cannot be used, with the reason
    |   |-- BadPlugin           a plugin that is missing, does not import, or clashes
    |   `-- BadResults          a results folder that cannot be used as asked
    |       `-- Contradiction   two results hold other numbers for the same run
    |-- CheckFailed             a check that was asked for fails: exit 1
    |-- Unavailable             a network or a service that is needed is not there: exit 1
    `-- RunError                costs the one run in which it happens
        |-- StrategyError       a strategy broke its contract: names strategy, round, what
        `-- RunTimeout          a run took longer than was allowed

`Skip` is no error: it is how a strategy, model or protocol says that it does not
apply, with a reason that every table shows; `TrialSkip` is the protocol's, for all runs of a
trial, and `NoLabels` is what a strategy meets that asks for a label or a model where there is
none yet: the protocol's rule for a cold start then chooses in its place.
"""


class AlbenchError(Exception):
    """Base of all errors that albench raises on purpose."""


class UsageError(AlbenchError):
    """The user's mistake: printed as one message, without a traceback; exit 2."""


class UnknownName(UsageError):
    """No entry of that name."""


class BadValue(UsageError):
    """A key, parameter or field of the wrong type or out of range."""


class BadData(UsageError):
    """A dataset that cannot be used, with the reason."""


class BadPlugin(UsageError):
    """A plugin that does not exist, does not import, or registers a name twice."""


class BadResults(UsageError):
    """A results folder that cannot be used as asked."""


class Contradiction(BadResults):
    """Two results hold other numbers for the same run."""


class CheckFailed(AlbenchError):
    """A check that was asked for fails; exit 1."""


class Unavailable(AlbenchError):
    """A network or a service that is needed is not there; exit 1."""


class RunError(AlbenchError):
    """Costs the one run in which it happens; reported in `runs`."""


class StrategyError(RunError):
    """A strategy broke its contract."""


class RunTimeout(RunError):
    """A run took longer than was allowed."""


class Skip(Exception):
    """Raised by a strategy, model or protocol that does not apply, with the reason."""


class NoLabels(Skip):
    """A label or a fitted model was asked for, and no label is in hand yet."""


class TrialSkip(Skip):
    """The protocol skips the whole trial: no strategy and no model can be run in it."""
