"""Why a run was skipped or failed, as a code beside the sentence.

Code decides, words explain: what albench does with such a run hangs on `runs.reason_code`
alone, never on how `runs.reason` is put.
"""

from enum import StrEnum

from albench.core.errors import BadData, RunTimeout, Skip, StrategyError, TrialSkip, Unavailable


class Reason(StrEnum):
    """The codes of `runs.reason_code`; a run that is done has none."""

    trial_skipped = "trial_skipped"
    does_not_apply = "does_not_apply"
    timeout = "timeout"
    data_missing = "data_missing"
    data_unusable = "data_unusable"
    contract_broken = "contract_broken"
    refused = "refused"
    exception = "exception"
    worker_died = "worker_died"


MEANING = {
    Reason.trial_skipped: "The protocol skips this trial, whatever the strategy and the model.",
    Reason.does_not_apply: "Strategy, model or cost budget do not suit the task.",
    Reason.timeout: "The run took longer than was allowed.",
    Reason.data_missing: "The dataset cannot be had now; the next `albench run` tries it again.",
    Reason.data_unusable: "The dataset is there, but cannot be used as the protocol asks.",
    Reason.contract_broken: "The strategy broke its contract.",
    Reason.refused: "A value, a name or a file that the run uses was refused.",
    Reason.exception: "Code that the run calls raised an exception.",
    Reason.worker_died: "The run killed its worker process each time it was tried.",
}
"""A sentence on each code."""

KINDS: tuple[tuple[type[BaseException], Reason], ...] = (
    (TrialSkip, Reason.trial_skipped),
    (Skip, Reason.does_not_apply),
    (RunTimeout, Reason.timeout),
    (StrategyError, Reason.contract_broken),
    (Unavailable, Reason.data_missing),
    (BadData, Reason.data_unusable),
)


def reason_of(error: BaseException, otherwise: Reason) -> Reason:
    """The code of what was raised in a run; `otherwise` for what has none of its own."""
    return next((reason for kind, reason in KINDS if isinstance(error, kind)), otherwise)


def in_old_words(status: str | None, words: str | None) -> str | None:
    """The code of a row that was written before there were codes (schema 1).

    The only place that reads the wording, and of schema 1 only: there the sentence of a
    skipped trial began with `trial: `. Failures that albench itself reported are `refused`,
    since schema 1 does not tell by whose fault they were.
    """
    said = words or ""
    if status == "skipped":
        return Reason.trial_skipped if said.startswith("trial: ") else Reason.does_not_apply
    if status == "timeout":
        return Reason.timeout
    if status != "failed":
        return None
    if said.startswith("the dataset cannot be had: "):
        return Reason.data_missing
    if said.startswith("killed its worker process "):
        return Reason.worker_died
    return Reason.exception if said.startswith("Traceback ") else Reason.refused
