"""What a decorator may say of an entry: one typed record, checked where it is said."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Literal, get_args

from albench.core.errors import BadPlugin
from albench.core.files import File

Kind = Literal["dataset", "strategy", "model", "metric", "oracle", "cost", "stopping"]
Need = Literal["proba", "decision", "linear", "binary", "positive"]
Better = Literal["higher", "lower"]
EVERY: tuple[Kind, ...] = get_args(Kind)
Fits = Callable[[Any], str | None]
"""value -> what would be right, or None where it is."""


def did_you_mean(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """`; did you mean 'margin'?`, or what there is."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    listed = sorted(known)
    if not listed:
        return "; it has none"
    return "; there are: " + ", ".join(listed[:12]) + (", ..." if len(listed) > 12 else "")


def text(value: Any) -> str | None:
    """Fits a text."""
    return None if isinstance(value, str) else "a text is due"


def flag(value: Any) -> str | None:
    """Fits True and False."""
    return None if isinstance(value, bool) else "True or False is due"


def count(value: Any) -> str | None:
    """Fits a positive whole number."""
    fine = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return None if fine else "a positive whole number is due"


def function(value: Any) -> str | None:
    """Fits what can be called."""
    return None if callable(value) else "a function is due"


def needs_of(value: Any) -> str | None:
    """Fits a tuple of needs."""
    known = get_args(Need)
    if not isinstance(value, tuple):
        return f"a tuple of {', '.join(map(repr, known))} is due, such as ('proba',)"
    strange = next((item for item in value if item not in known), None)
    return None if strange is None else f"no need {strange!r}{did_you_mean(str(strange), known)}"


def texts(value: Any) -> str | None:
    """Fits a tuple of texts."""
    fine = isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    return None if fine else "a tuple of texts is due"


def direction(value: Any) -> str | None:
    """Fits the two directions."""
    return None if value in get_args(Better) else "'higher' or 'lower' is due"


def a_file(value: Any) -> str | None:
    """Fits a `File`."""
    return None if isinstance(value, File) else "an albench.core.files.File is due"


def of(fits: Fits, *kinds: Kind, shown: bool = False) -> dict[str, Any]:
    """What is known of a key: what fits, which kinds have it, whether its default is told too."""
    return {"fits": fits, "kinds": kinds, "shown": shown}


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What the decorator of an entry said; what it did not say has its default.

    Attributes
    ----------
    cite : where it comes from; of every kind.
    formerly : digests of earlier sources that give the same numbers, as before a parameter
        came whose default changes nothing; of every kind.
    family : of a strategy: uncertainty, committee, coverage, ...
    needs : of a strategy: `proba`, `decision`, `linear` (query model), `binary`, `positive`
        (data).
    batch_aware : of a strategy: picks of one batch depend on each other.
    sequential : of a strategy: it asks for labels inside a batch.
    cost : of a strategy: time of a query beyond the fit, in n (pool), l (labelled),
        k (classes), d, b (batch).
    memory : of a strategy: where it is more than linear in the pool.
    annotators : of a strategy: it says who is asked, and may ask again for a labelled row; it
        needs an oracle of which this is said, too: there are several to choose of.
    bound : of a strategy: it looks at hidden labels, test rows included; drawn, never ranked.
        Of a model: it looks at the test set; never ranked, and no strategy may ask it.
    sampling : of a strategy: active sampling, sees all train labels and chooses what to
        train on.
    rows : of a strategy: it is given the row numbers of the dataset; a control only.
    check : of a strategy or model: (**params) -> why these make no sense together, or None.
    n, d, classes : of a dataset of fixed size: rows, features, classes.
    source : of a dataset: the place it is had from.
    known : of a dataset: what is wrong with it, or misleads.
    file : of a dataset: its file, by checksum.
    base : of a dataset: the dataset of which it is a twin or a variant; they count once.
    bayes : of a dataset: (X, **params) -> classes of the best possible classifier.
    expand : of a dataset: item of a suite -> the items it stands for.
    replay : of a strategy: the runner binds it to the key of its run, whose recorded picks it
        repeats; a control only, never ranked.
    resolve : of a dataset, a strategy, an oracle, a cost: (table, folder of the suite) ->
        (table, source), which puts a file's digest where its path stood.
    proba : of a model: whether it has probabilities; None where it depends.
    linear : of a model: False where it is known not to be linear.
    seeded : of a model: its fit depends on the seed.
    better : of a metric: `higher` or `lower`.
    """

    cite: str = field(default="", metadata=of(text, *EVERY))
    formerly: tuple[str, ...] = field(default=(), metadata=of(texts, *EVERY))
    family: str = field(default="", metadata=of(text, "strategy"))
    needs: tuple[Need, ...] = field(default=(), metadata=of(needs_of, "strategy"))
    batch_aware: bool = field(default=False, metadata=of(flag, "strategy", shown=True))
    sequential: bool = field(default=False, metadata=of(flag, "strategy", shown=True))
    cost: str = field(default="", metadata=of(text, "strategy"))
    memory: str = field(default="", metadata=of(text, "strategy"))
    annotators: bool = field(default=False, metadata=of(flag, "strategy", "oracle"))
    bound: bool = field(default=False, metadata=of(flag, "strategy", "model"))
    sampling: bool = field(default=False, metadata=of(flag, "strategy"))
    rows: bool = field(default=False, metadata=of(flag, "strategy"))
    replay: bool = field(default=False, metadata=of(flag, "strategy"))
    check: Callable[..., str | None] | None = field(
        default=None, metadata=of(function, "strategy", "model")
    )
    n: int | None = field(default=None, metadata=of(count, "dataset"))
    d: int | None = field(default=None, metadata=of(count, "dataset"))
    classes: int | None = field(default=None, metadata=of(count, "dataset"))
    source: str = field(default="", metadata=of(text, "dataset"))
    known: str = field(default="", metadata=of(text, "dataset"))
    file: File | None = field(default=None, metadata=of(a_file, "dataset"))
    base: str = field(default="", metadata=of(text, "dataset"))
    bayes: Callable[..., Any] | None = field(default=None, metadata=of(function, "dataset"))
    expand: Callable[[Any], Iterable[Any]] | None = field(
        default=None, metadata=of(function, "dataset")
    )
    resolve: Callable[..., tuple[dict[str, Any], str | None]] | None = field(
        default=None, metadata=of(function, "dataset", "strategy", "oracle", "cost")
    )
    proba: bool | None = field(default=None, metadata=of(flag, "model"))
    linear: bool | None = field(default=None, metadata=of(flag, "model"))
    seeded: bool = field(default=False, metadata=of(flag, "model"))
    better: Better = field(default="higher", metadata=of(direction, "metric", shown=True))

    def told(self, kind: Kind) -> dict[str, Any]:
        """What an entry of that kind tells of itself, by key.

        All that differs from its default, and what a reader looks for also where the answer
        is no.
        """
        mine = [f for f in fields(self) if kind in f.metadata["kinds"]]
        values = {f.name: getattr(self, f.name) for f in mine}
        return {
            f.name: values[f.name]
            for f in mine
            if f.name != "formerly" and (f.metadata["shown"] or values[f.name] != f.default)
        }


def keys_of(kind: Kind) -> dict[str, Fits]:
    """The keys that the decorator of a kind takes, and what fits each."""
    return {f.name: f.metadata["fits"] for f in fields(Traits) if kind in f.metadata["kinds"]}


def traits_of(kind: Kind, name: Any, version: Any, about: Mapping[str, Any]) -> Traits:
    """The record of an entry.

    Raises BadPlugin, with what would be right, for a name or version that is no text, for a
    key that the kind does not have, and for a value that does not fit its key.
    """
    if not isinstance(name, str) or not name:
        raise BadPlugin(f"@{kind} needs a name, as in @{kind}('mine'); found {name!r}")
    if not isinstance(version, str):
        raise BadPlugin(f"{kind} {name!r}: version = {version!r}: {text(version)}")
    keys = keys_of(kind)
    for key, value in about.items():
        if key not in keys:
            hint = did_you_mean(key, [*keys, "version"])
            raise BadPlugin(f"{kind} {name!r}: unknown key {key!r}{hint}")
        wrong = keys[key](value)
        if wrong is not None:
            raise BadPlugin(f"{kind} {name!r}: {key} = {value!r}: {wrong}")
    if about.get("rows") and about.get("family") != "control":
        raise BadPlugin(
            f"{kind} {name!r}: rows = True: row numbers tell the labels of sorted files, so only "
            "family = 'control' may have them"
        )
    return Traits(**about)
