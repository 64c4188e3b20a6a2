"""The question that results are asked: what is compared with what, and how sure one must be."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias

from albench.core.errors import BadValue
from albench.core.tables import bare_metric

Missing: TypeAlias = Literal["refuse", "complete", "impute"]
Target: TypeAlias = str | float
TARGETS: tuple[Target, ...] = ("random", "gap:0.95")
"""Targets where a suite declares none."""


@dataclass(frozen=True)
class Options:
    """How to compare. All but `metric` and `better` have the values of an ordinary suite.

    metric: column of scores; better: "higher" or "lower", never guessed; baseline: the
    control; alpha, rope: level and region of practical equivalence, declared beforehand (the
    rope in units of the metric; None: not declared, see `rope_of`);
    summary: aubc, alc or end; missing: refuse, complete or impute (see `cells`);
    unranked: strategies shown as bounds, never compared; unranked_models: models that are
    bounds, of which curves are shown and nothing is compared; strategies: only these;
    model, protocol: only these; base: dataset -> base dataset, where variants of one
    dataset are averaged before any test; targets: quality targets of labels to target,
    empty: the usual ones; axis: n_labeled or cost; seed: of the bootstraps and posteriors.

    `Suite.question` makes the one of a suite; nothing else derives these from a suite.
    """

    metric: str
    better: str
    baseline: str = "random"
    alpha: float = 0.05
    rope: float | None = None
    summary: str = "aubc"
    missing: Missing = "complete"
    unranked: Collection[str] = ()
    unranked_models: Collection[str] = ()
    strategies: Collection[str] | None = None
    model: str | None = None
    protocol: str | None = None
    base: Mapping[str, str] | None = None
    targets: Collection[Target] = ()
    axis: str = "n_labeled"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.better not in ("higher", "lower"):
            raise BadValue(f"better must be 'higher' or 'lower', got {self.better!r}")
        if not 0 < self.alpha < 1:
            raise BadValue(f"alpha must lie between 0 and 1, got {self.alpha}")
        if self.rope is not None and not self.rope > 0:
            raise BadValue(f"the rope must be positive, got {self.rope}")
        if self.axis not in ("n_labeled", "cost"):
            raise BadValue(f"axis must be n_labeled or cost, got {self.axis!r}")

    @property
    def target(self) -> Target:
        """The first target, which figures of labels to target are drawn for."""
        return next(iter(self.targets or TARGETS))

    @property
    def lower(self) -> bool:
        """Whether less of the metric is better."""
        return self.better == "lower"

    def plain(self) -> dict[str, Any]:
        """The same in text, numbers, lists and mappings, which JSON and copies keep as they are.

        `Options(**options.plain())` asks the same question.
        """
        return {
            key: value
            if value is None or isinstance(value, str | int | float)
            else dict(value)
            if isinstance(value, Mapping)
            else list(value)
            for key, value in asdict(self).items()
        }


ROPE = 0.01
"""The rope of a metric that is a share, where none is declared."""
SHARES = frozenset(
    {
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
        "f1_weighted",
        "roc_auc_ovr",
        "average_precision_macro",
        "recall_at_precision_90",
    }
)
NO_SHARES = frozenset({"log_loss", "brier"})
"""Metrics that are shares, and that may exceed 1, whatever the values at hand."""


def rope_of(declared: float | None, metric: str, lowest: float, highest: float) -> float:
    """The rope of a metric: the declared one, or the usual one of a share.

    lowest, highest: of its values. Raises BadValue where none is declared and the metric is no
    share in [0, 1]: what is practically equal in nats or in seconds nobody can say beforehand
    but the one who asks.
    """
    if declared is not None:
        return declared
    bare = bare_metric(metric)
    if bare not in SHARES and (bare in NO_SHARES or lowest < 0 or highest > 1):
        key = metric if bare == metric else f'"{metric}"'
        raise BadValue(
            f"{metric} is no share between 0 and 1, so there is no usual rope (region of practical "
            f"equivalence) for it: declare one, as rope = {{ {key} = 0.05 }} in the suite or "
            "rope=0.05 from Python"
        )
    return ROPE


NAMES = tuple(f.name for f in fields(Options))
"""The names of all options."""
