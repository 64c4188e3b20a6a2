"""What identifies a run, and the random streams that follow from it.

A `RunSpec` holds everything that can move a pick and nothing that only observes. Its
`id` is the digest of its canonical JSON, the same before and after the run and on every
machine. A protocol field that keeps its default never stands in the JSON, so that a field
added to albench later moves no existing id; the defaults themselves are fixed for good.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np

from albench.core.errors import BadResults, BadValue

Value: TypeAlias = "bool | int | float | str | Ref | tuple[Value, ...] | None"


def canonical(value: object) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def plain(value: Any) -> Any:
    """A parameter value as JSON can hold it; a `Ref` becomes a table with the key `use`."""
    if isinstance(value, Ref):
        return value.table()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def frozen(value: Any) -> Value:
    """The inverse of `plain`: lists become tuples, tables with `use` become `Ref`."""
    if isinstance(value, dict):
        return Ref.from_table(value)
    if isinstance(value, list | tuple):
        return tuple(frozen(item) for item in value)
    return value  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Ref:
    """A registry entry with parameters.

    `params` holds only what differs from the entry's defaults, sorted by name. `source`
    (where a user's file lies, or the plugin that defines the entry) travels along and
    is no part of the identity.
    """

    name: str
    version: str = "1"
    params: tuple[tuple[str, Value], ...] = ()
    source: str | None = field(default=None, compare=False, repr=False)

    @property
    def kwargs(self) -> dict[str, Value]:
        """The parameters as keyword arguments."""
        return dict(self.params)

    @property
    def label(self) -> str:
        """The name with its parameters, as tables show it: `qbc(committee=7)`."""
        if not self.params:
            return self.name
        shown = (f"{key}={show(value)}" for key, value in self.params)
        return f"{self.name}({', '.join(shown)})"

    @cached_property
    def json(self) -> str:
        """The canonical JSON of `table`."""
        return canonical(self.table())

    def table(self) -> dict[str, Any]:
        """As a JSON table; parameters lie under `with`, so that no name can clash."""
        table: dict[str, Any] = {"use": self.name, "version": self.version}
        if self.params:
            table["with"] = {key: plain(value) for key, value in self.params}
        return table

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> "Ref":
        """Rebuild what `table` wrote."""
        params = {key: frozen(value) for key, value in table.get("with", {}).items()}
        return cls(str(table["use"]), str(table["version"]), tuple(sorted(params.items())))


def show(value: Value) -> str:
    """A parameter value for people."""
    if isinstance(value, Ref):
        return value.label
    if isinstance(value, tuple):
        return "[" + ", ".join(show(item) for item in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


__all__ = ["EXACT", "IDENTITY", "Protocol", "Ref", "RunSpec", "Stream"]

Stream = Literal[
    "split", "start", "cold", "model", "query_model", "strategy", "oracle", "audit", "stopping"
]


EXACT = Ref("exact")
COLD = Ref("random")
IDENTITY = 1
"""Version of the rule that makes an id of a run's description. Raised where the rule changes,
so that no id of one rule can be taken for one of another; the first never stands in the JSON."""


@dataclass(frozen=True)
class Protocol:
    """How one trial is set up; all rows that are not test are train = pool + labeled.

    split             rule that draws the test rows: `random`, `stratified`, `group` (no group
                      on both sides), `time` (test later than train), or a published one
    test              share of the rows, a count, or `"source"` (the dataset's own test rows)
    starts_per_split  k: trial t uses split t // k and start t % k
    start             labels at round 0: a count, or a share of the train rows; 0: none, so that
                      the first query sees no label (see `cold`)
    start_rule        `random`; `cover`: random, every class at least once; `per_class`:
                      `start` is then the number of labels of each class;
                      `one_positive`: exactly one row of the positive class, the rest others
    missing           start sets that lack a class: `allow`, `skip`, `redraw`
    batch             labels bought per round: a count, or a share of the train rows
    budget            labels in all: a count, a share of the train rows, or `"pool"`
    scale             `none`; `train`: standardised on all train rows; `labeled`: the task
                      model alone sees features standardised on the labelled rows
    ties              `pool-order`, `random`, or `row` (lowest row number of the dataset)
    oracle            who answers a query
    labels            `hidden` (active learning), or `visible`: the strategy sees every
                      train label and chooses what to train on (active sampling)
    audit             train rows withheld from the pool as a random audit sample
    cost              what a label costs; None: one unit each
    cost_budget       stop buying before the cumulative cost would exceed this
    delay             batches that pass before bought labels arrive
    session           what the labels of one session may cost together: a batch that
                      would exceed it is cut short, and the next one opens a new session
    groups            rows of one group (patient, site) in the start and in one batch: `many`,
                      or `one`: of a batch the first pick of each group is bought, so that it
                      may be smaller
    stop              the stopping rule that ends a run before its budget does; None: no rule
    cold              of start = 0: the strategy asked while no label is in hand, where the
                      run's own one asks for a label or a model
    tolerance         width of the tie window, whatever a strategy declares; None: its own, 1e-6
                      unless it says otherwise; 0: scores tie where they are equal to the bit
    """

    split: str = "random"
    test: float | int | str = 0.4
    starts_per_split: int = 1
    start: int | float = 20
    start_rule: str = "random"
    missing: str = "allow"
    batch: int | float = 10
    budget: int | float | str = 200
    scale: str = "train"
    ties: str = "pool-order"
    oracle: Ref = EXACT
    labels: str = "hidden"
    audit: int = 0
    cost: Ref | None = None
    cost_budget: float | None = None
    delay: int = 0
    session: float | None = None
    groups: str = "many"
    stop: Ref | None = None
    cold: Ref = COLD
    tolerance: float | None = None

    def __post_init__(self) -> None:
        for check in (check_choices, check_counts, check_amounts, check_cold):
            check(self)

    def table(self) -> dict[str, Any]:
        """As a JSON table, defaults left out."""
        return {
            f.name: plain(getattr(self, f.name))
            for f in dataclasses.fields(self)
            if getattr(self, f.name) != f.default
        }

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> "Protocol":
        """Rebuild what `table` wrote; raises BadResults for a field that is not known here."""
        known = {f.name for f in dataclasses.fields(cls)}
        strange = sorted(set(table) - known)
        if strange:
            raise BadResults(
                f"a stored protocol has the field {strange[0][:60]!r}, which this albench does "
                "not know: a later one wrote it"
            )
        return cls(**{key: frozen(value) for key, value in table.items()})  # type: ignore[arg-type]

    def shown(self) -> dict[str, str]:
        """Every field as text, for people."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {k: "none" if v is None else str(getattr(v, "label", v)) for k, v in values.items()}

    @cached_property
    def json(self) -> str:
        """The canonical JSON of `table`."""
        return canonical(self.table())

    @cached_property
    def digest(self) -> str:
        """Eight hexadecimal digits that tell protocols apart."""
        return hashlib.sha256(self.json.encode()).hexdigest()[:8]


CHOICES: dict[str, tuple[str, ...]] = {
    "start_rule": ("random", "cover", "per_class", "one_positive"),
    "missing": ("allow", "skip", "redraw"),
    "scale": ("none", "train", "labeled"),
    "ties": ("pool-order", "random", "row"),
    "labels": ("hidden", "visible"),
    "groups": ("many", "one"),
}


def check_choices(protocol: Protocol) -> None:
    """Refuse a word that is none of those a field admits."""
    for name, choices in CHOICES.items():
        if getattr(protocol, name) not in choices:
            allowed = ", ".join(choices)
            raise BadValue(
                f"protocol: {name} = {getattr(protocol, name)!r}; it is one of {allowed}"
            )


def check_counts(protocol: Protocol) -> None:
    """Refuse counts of the wrong type or below their least value."""
    for name, least in {"starts_per_split": 1, "audit": 0, "delay": 0}.items():
        value = getattr(protocol, name)
        if not is_count(value) or value < least:
            raise BadValue(f"protocol: {name} = {value!r}; a whole number of at least {least}")


def check_amounts(protocol: Protocol) -> None:
    """Refuse amounts that are neither a count, a share, nor an admitted word."""
    words = {"test": "source", "budget": "pool"}
    for name in ("test", "start", "batch", "budget"):
        value, word = getattr(protocol, name), words.get(name)
        if isinstance(value, str) and value == word:
            continue
        share = isinstance(value, float) and 0 < value < (1 if name == "test" else 1.0000001)
        least = 0 if name == "start" else 1
        if not share and not (is_count(value) and value >= least):
            also = f', or "{word}"' if word else ""
            raise BadValue(
                f"protocol: {name} = {value!r}; a count of at least {least}, "
                f"a share between 0 and 1{also}"
            )
    counted = is_count(protocol.budget) and is_count(protocol.start)
    whole = counted and protocol.start_rule != "per_class"
    if whole and protocol.budget < protocol.start:  # type: ignore[operator]
        raise BadValue(
            f"protocol: budget = {protocol.budget} is below start = {protocol.start}; "
            "the budget counts all labels, those of the start included"
        )
    for name in ("cost_budget", "session"):
        value = getattr(protocol, name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and value > 0):
            raise BadValue(f"protocol: {name} = {value!r}; a positive number")


def check_cold(protocol: Protocol) -> None:
    """Refuse rules for first labels where there are none, and the other way round."""
    if protocol.start == 0:
        for name in ("start_rule", "missing"):
            value, due = getattr(protocol, name), getattr(Protocol, name)
            if value != due:
                raise BadValue(
                    f"protocol: start = 0 with {name} = {value!r}; without first labels there is "
                    f"nothing to rule, leave it at {due!r}"
                )
    elif protocol.cold != COLD:
        raise BadValue(
            f"protocol: cold = {protocol.cold.label!r} with start = {protocol.start}; it says who "
            "chooses while there is no label, so it needs start = 0"
        )
    width = protocol.tolerance
    number = isinstance(width, int | float) and not isinstance(width, bool)
    if width is not None and not (number and 0 <= width < float("inf")):
        raise BadValue(f"protocol: tolerance = {width!r}; a number of at least 0")


def is_count(value: object) -> bool:
    """Whether a value is a whole number (True and False are none)."""
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class RunSpec:
    """One run: a cell (dataset x protocol x model x strategy) and a trial.

    identity  version of the rule by which its id is made, see `IDENTITY`
    """

    dataset: Ref
    strategy: Ref
    model: Ref
    query_model: Ref
    protocol: Protocol = Protocol()
    trial: int = 0
    identity: int = IDENTITY

    def table(self) -> dict[str, Any]:
        """As a JSON table, enough to replay the run."""
        return ({} if self.identity == 1 else {"identity": self.identity}) | {
            "dataset": self.dataset.table(),
            "strategy": self.strategy.table(),
            "model": self.model.table(),
            "query_model": self.query_model.table(),
            "protocol": self.protocol.table(),
            "trial": self.trial,
        }

    @cached_property
    def json(self) -> str:
        """The canonical JSON text, joined from the parts' own, which many specs share."""
        version = "" if self.identity == 1 else f'"identity":{self.identity},'
        return (
            f'{{"dataset":{self.dataset.json},{version}"model":{self.model.json},'
            f'"protocol":{self.protocol.json},"query_model":{self.query_model.json},'
            f'"strategy":{self.strategy.json},"trial":{self.trial}}}'
        )

    @classmethod
    def from_json(cls, text: str) -> "RunSpec":
        """Rebuild a spec from its canonical JSON.

        Raises BadResults for an identity version that is not known here, or a trial that is
        none.
        """
        table = json.loads(text)
        identity = table.get("identity", 1)
        if not is_count(identity) or not 1 <= identity <= IDENTITY:
            raise BadResults(
                f"a stored run is identified by version {str(identity)[:60]} of the rule, and "
                f"this albench knows up to version {IDENTITY}: a later albench wrote it"
            )
        refs = {
            k: Ref.from_table(table[k]) for k in ("dataset", "strategy", "model", "query_model")
        }
        protocol, trial = Protocol.from_table(table["protocol"]), table["trial"]
        if not is_count(trial) or trial < 0:
            raise BadResults(f"a stored run has the trial {str(trial)[:60]}; they count from 0")
        return cls(**refs, protocol=protocol, trial=trial, identity=identity)

    @cached_property
    def id(self) -> str:
        """Twenty hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.json.encode()).hexdigest()[:20]

    @property
    def split_number(self) -> int:
        """Which split of the dataset this trial uses."""
        return self.trial // self.protocol.starts_per_split

    def key(self, stream: Stream) -> list[Any]:
        """What a stream depends on; `rng` digests it.

        The split stream depends on no strategy, model, batch or budget; the others depend
        on the start as well, so that two starts on one split have luck of their own.
        """
        p = self.protocol
        split: list[Any] = [self.dataset.table(), p.split, p.test, p.start, p.start_rule, p.missing]
        if p.audit:
            split.append(["audit", p.audit])
        if p.groups != "many":
            split.append(["groups", p.groups])
        split.append(self.split_number)
        if stream == "split":
            return ["split", split]
        trial = [split, self.trial % p.starts_per_split]
        own: dict[str, list[Any]] = {
            "start": [],
            "audit": [p.audit],
            "stopping": [],  # the same whatever rule: its held-out rows, what it draws
            "oracle": [p.oracle.table()],
            "cold": [p.cold.table(), p.batch],
            "model": [self.model.table()],
            "query_model": [self.query_model.table()],
            "strategy": [
                self.strategy.table(),
                self.model.table(),
                self.query_model.table(),
                p.batch,
            ],
        }
        # one name for both, so that a query model equal to the task model is the same fit
        name = "model" if stream == "query_model" else stream
        return [name, trial, *own[stream]]

    def rng(self, stream: Stream, *more: int) -> np.random.Generator:
        """A fresh generator of the named stream.

        `more` distinguishes generators within one stream: for `"model"` the number of
        labels the model is fitted on.
        """
        return np.random.Generator(np.random.PCG64(self.seed(stream, *more)))

    def seed(self, stream: Stream, *more: int) -> int:
        """The 128-bit seed of `rng`."""
        digest = hashlib.sha256(canonical([*self.key(stream), *more]).encode()).digest()
        return int.from_bytes(digest[:16], "little")
