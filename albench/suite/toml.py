"""Suite files: finding them, reading TOML, and saying what is wrong with it."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Gt

from albench.analysis.question import rope_of
from albench.core import registry
from albench.core.errors import BadValue, UnknownName, UsageError
from albench.core.parameters import typed
from albench.core.spec import Protocol, Ref, frozen, is_count
from albench.core.tables import MOST_NAME, is_name
from albench.core.traits import Kind
from albench.datasets._splits import split_rule
from albench.datasets.uci import CATALOGUE
from albench.simulation.oracles import UNIT_COST
from albench.suite import Labelled, Suite, Trials
from albench.suite.protocols import PROTOCOLS, protocol, protocol_name
from albench.suite.rare import decided

TARGET = "'random', 'gap:SHARE' with 0 < SHARE < 1, or a score"


def judging(
    table: Mapping[str, Any], metrics: Sequence[str], strategies: Sequence[Labelled]
) -> dict[str, Any]:
    """The keys that say how the suite is judged; raises BadValue with what would be right."""
    primary = table["primary"]
    if primary not in metrics:
        raise BadValue(f"primary = {primary!r} is none of the metrics: {', '.join(metrics)}")
    labels = [s.label for s in strategies]
    baseline = table.get("baseline", "random")
    if baseline not in labels:
        known = registry.did_you_mean(baseline, labels)
        raise BadValue(f"baseline = {baseline!r} is none of the strategies{known}")
    alpha = table.get("alpha", 0.05)
    if not 0 < alpha < 0.5:
        raise BadValue(f"alpha = {alpha}: a number between 0 and 0.5")
    scope = table.get("scope", "beyond")
    if scope not in ("these", "beyond"):
        raise BadValue(
            f"scope = {scope!r}: 'beyond' (what holds beyond these datasets) or 'these' (what "
            "holds on them), for runs that end when everything is decided"
        )
    checkpoints = tuple(table.get("checkpoints", (0.0, 0.1, 0.25, 0.5, 1.0)))
    if any(not 0 <= share <= 1 for share in checkpoints):
        raise BadValue(f"checkpoints = {list(checkpoints)}: shares of the budget, 0 to 1")
    return {
        "primary": primary,
        "baseline": baseline,
        "alpha": alpha,
        "scope": scope,
        "ropes": ropes_of(table.get("rope"), primary, metrics),
        "checkpoints": checkpoints,
        "targets": tuple(target(value) for value in table.get("targets", ())),
    }


def ropes_of(
    value: float | Mapping[str, Any] | None, primary: str, metrics: Sequence[str]
) -> tuple[tuple[str, float], ...]:
    """The rope of each metric that has one: a number is the primary metric's.

    Raises BadValue for one that is not above 0, for another metric than the suite's, and where
    the primary metric is no share and none is declared for it.
    """
    named = value if isinstance(value, Mapping) else {} if value is None else {primary: value}
    for metric, rope in named.items():
        if metric not in metrics:
            raise BadValue(f"rope: {metric!r} is none of the metrics: {', '.join(metrics)}")
        where = f"rope = {{ {metric} = {rope!r} }}" if isinstance(value, Mapping) else "rope = "
        where += "" if isinstance(value, Mapping) else repr(rope)
        if isinstance(rope, bool) or not isinstance(rope, int | float) or not rope > 0:
            raise BadValue(f"{where}: a number above 0, in units of the metric ({metric})")
    rope_of(named.get(primary), primary, 0.0, 1.0)
    return tuple((metric, float(rope)) for metric, rope in named.items())


def target(value: Any) -> str | float:
    """A quality target: `random`, `gap:0.95`, or a score; raises BadValue for another."""
    if isinstance(value, str):
        kind, _, share = value.partition(":")
        if value == "random" or (kind == "gap" and 0 < number(share) < 1):
            return value
    elif isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    raise BadValue(f"targets: {value!r}: {TARGET}")


def number(text: str) -> float:
    """A number, NaN for other text."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


KEYS: dict[str, Any] = {
    "title": str,
    "cite": str | list[str],
    "protocol": str | dict[str, Any],
    "protocols": list[str | dict[str, Any]],
    "datasets": str | dict[str, Any] | list[str | dict[str, Any]],
    "models": list[str | dict[str, Any]],
    "strategies": list[str | dict[str, Any]],
    "trials": int | dict[str, Any],
    "metrics": list[str | dict[str, Any]],
    "primary": str,
    "baseline": str,
    "alpha": float,
    "rope": float | dict[str, Any],
    "scope": str,
    "targets": list[Any],
    "checkpoints": list[float],
    "plugins": list[str],
    "trace": bool,
    "seconds_per_label": Annotated[float, Gt(0)],
    "stopping": list[str | dict[str, Any]],
    "price_of_mistakes": Annotated[float, Gt(0)],
}
NEEDED = ("datasets", "models", "strategies")


def shipped() -> dict[str, Path]:
    """The suites that come with albench, by name."""
    here = Path(__file__).parents[1]
    folders = (here / "shipped", here.parent / "suites")
    folder = next((f for f in folders if f.is_dir()), folders[0])
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_suite(suite: Suite | str | Path, plugins: Sequence[str | Path] = ()) -> Suite:
    """A suite by the path of its file, or by the name of a shipped one.

    Parameters
    ----------
    suite : Suite, str or Path
        A suite, which comes back as it is but for the plugins; a path, or a name.
    plugins : sequence of str or Path, optional
        Files with entries of one's own, loaded first.

    Returns
    -------
    Suite
        What to run, and how it is judged.

    Raises
    ------
    BadValue, UnknownName
        With file, key and what would be right.

    Examples
    --------
    >>> import albench
    >>> albench.load_suite("quickstart").baseline
    'random'
    """
    if isinstance(suite, Suite):
        for file in plugins:
            registry.load_plugin(file)
        files = [str(Path(file).expanduser().resolve()) for file in plugins]
        return replace(suite, plugins=tuple(dict.fromkeys((*suite.plugins, *files))))
    path = Path(suite)
    if not path.is_file():
        known = shipped()
        if str(suite) not in known:
            if path.is_dir():
                raise UnknownName(
                    f"{suite} is a folder; name the suite, and its results so: "
                    f"SUITE --results {suite}"
                )
            if path.suffix == ".toml":
                raise UnknownName(f"suite {suite}: no such file")
            raise UnknownName(
                f"unknown suite {str(suite)!r}{registry.did_you_mean(str(suite), known)}"
            )
        path = known[str(suite)]
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadValue(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise BadValue(f"{path}: {error.strerror}") from None
    try:
        return suite_of(table, path, text, plugins)
    except UsageError as error:
        raise type(error)(f"{path.name}: {error}") from None


def suite_of(
    table: Mapping[str, Any], path: Path, text: str, plugins: Sequence[str | Path] = ()
) -> Suite:
    """A suite from the table of its file."""
    for key, value in table.items():
        if key not in KEYS:
            raise UnknownName(f"unknown key {key!r}{registry.did_you_mean(key, KEYS)}")
        typed(value, KEYS[key], key)
    for key in NEEDED:
        if not table.get(key):
            raise BadValue(f"{key}: at least one is needed")
    files = [str(f) for f in plugins]
    files += [str(path.parent / f) for f in table.get("plugins", ())]
    for file in files:
        registry.load_plugin(file)
    datasets = labelled("dataset", listed(table["datasets"]), path.parent)
    models = labelled("model", table["models"], path.parent)
    strategies = labelled("strategy", table["strategies"], path.parent)
    metrics = tuple(
        registry.resolve("metric", m, "metrics").label for m in table.get("metrics", ["accuracy"])
    )
    if "primary" not in table:
        metrics, primary = decided([d.ref for d in datasets], metrics)
        table = {**table, "primary": primary}
    judged = judging(table, metrics, strategies)
    check_restricted(strategies, [d.label for d in datasets])
    return Suite(
        name=path.stem,
        title=table.get("title", path.stem),
        datasets=datasets,
        models=models,
        strategies=strategies,
        protocols=protocols_of(table, path.parent),
        trials=trials_of(table.get("trials", 20), "trials"),
        metrics=metrics,
        cite="\n".join(table["cite"])
        if isinstance(table.get("cite"), list)
        else table.get("cite", ""),
        trace=table.get("trace", False),
        seconds_per_label=table.get("seconds_per_label"),
        stopping=labelled("stopping", table.get("stopping", ()), path.parent),
        price_of_mistakes=float(table.get("price_of_mistakes", 1000.0)),
        plugins=tuple(str(Path(f).resolve()) for f in files),
        path=path.resolve(),
        text=text,
        **judged,
    )


def labelled(
    kind: Literal["dataset", "model", "strategy", "stopping"], items: Sequence[Any], folder: Path
) -> tuple[Labelled, ...]:
    """The entries of one list; `name`, `query`, `trials`, `base`, `group`, `protocol` and,
    of a bound, `datasets` are the suite's own keys."""
    found: dict[str, Labelled] = {}
    for number, item in enumerate(expanded(kind, items)):
        where = f"{kind} {number + 1}"
        table = dict(item)
        label = table.pop("name", None)
        query = table.pop("query", None) if kind != "dataset" else None
        trials = table.pop("trials", None) if kind == "dataset" else None
        more = variant(table, where, folder) if kind == "dataset" else {}
        if kind == "strategy" and "datasets" in table:
            more["only"] = tuple(typed(table.pop("datasets"), list[str], f"{where}: datasets"))
        ref = registry.resolve(kind, table, where, folder)
        asked = None if query is None else registry.resolve("model", query, f"{where}: query")
        check_asked(kind, ref, asked, where)
        shown = named(label or default_label(kind, ref, asked), where)
        if shown in found:
            raise BadValue(f"{where}: two entries are called {shown!r}; give one a `name`")
        own = None if trials is None else trials_of(trials, f"{where}: trials")
        found[shown] = Labelled(shown, ref, asked, own, **more)
    return tuple(found.values())


def check_asked(kind: Kind, ref: Ref, asked: Ref | None, where: str) -> None:
    """Raise BadValue where strategies would ask a model that looks at the test set."""
    if asked is not None:
        registry.refuse_bound("model", asked, f"{where}: query")
    if kind == "model" and asked is None and registry.entry("model", ref.name).traits.bound:
        raise BadValue(
            f"{where}: {ref.label} looks at the test set, so strategies must ask another model: "
            f'write {{use = "{ref.name}", query = "logreg"}}'
        )


def check_restricted(strategies: Sequence[Labelled], datasets: Sequence[str]) -> None:
    """Raise unless those run on some datasets only are bounds, and the datasets are there."""
    for strategy in strategies:
        for name in strategy.only:
            if name not in datasets:
                known = registry.did_you_mean(name, datasets)
                raise BadValue(f"{strategy.label}: datasets: there is no {name!r}{known}")
        if strategy.only and not registry.entry("strategy", strategy.ref.name).traits.bound:
            raise BadValue(
                f"{strategy.label}: datasets = [...] is for bounds; what is ranked runs on all"
            )


def variant(table: dict[str, Any], where: str, folder: Path) -> dict[str, Any]:
    """The keys of a dataset that say of what it is a variant, and how; taken out of `table`.

    `base` is a key of the suite only where it is text and the entry has no parameter of
    that name.
    """
    use = table.get("use")
    known = isinstance(use, str) and use in registry.names("dataset")
    own = registry.entry("dataset", str(use)).parameters if known else {}
    more: dict[str, Any] = {}
    for key in ("base", "group"):
        if key in table and key not in own:
            more[key] = typed(table.pop(key), str, f"{where}: {key}")
    fields = table.pop("protocol", None) if "protocol" not in own else None
    if fields is not None:
        typed(fields, dict[str, Any], f"{where}: protocol")
        more["fields"] = tuple(sorted(protocol_fields(fields, folder).items()))
    return more


def listed(given: Any) -> Sequence[Any]:
    """The datasets of a suite as a list; one name or one table stands for itself."""
    return given if isinstance(given, list) else [given]


def expanded(kind: Kind, items: Sequence[Any]) -> Iterator[Any]:
    """The items of a list; one that stands for several (a catalogue, a suite of OpenML) as those.

    `{catalogue = "uci", tag = "rare"}` is `{use = "uci", tag = "rare"}`; a tag alone is one of
    the catalogue that comes with albench.
    """
    for item in items:
        table = {"use": item} if isinstance(item, str) else dict(item)
        if kind == "dataset" and "use" not in table and table.keys() & {"catalogue", "tag"}:
            table["use"] = table.pop("catalogue", CATALOGUE)
        use = table.get("use")
        known = isinstance(use, str) and use in registry.names(kind)
        expand = registry.entry(kind, str(use)).traits.expand if known else None
        yield from [table] if expand is None else expand(table)


def named(label: Any, where: str) -> str:
    """A label; raises BadValue for one that no table of results may hold."""
    if not isinstance(label, str) or not is_name(label):
        raise BadValue(
            f"{where}: {str(label)[:60]!r} is no name; a text of one line and at most "
            f"{MOST_NAME} characters, given as `name`"
        )
    return label


def default_label(kind: str, ref: Ref, query: Ref | None) -> str:
    """How a table calls an entry that the suite does not name; a file by its name."""
    if kind == "dataset" and ref.source is not None:
        return Path(ref.source).stem
    return ref.label if query is None else f"{ref.label} (query: {query.label})"


def trials_of(value: Any, where: str) -> Trials:
    """A count, or a table {seeds = "0-149", take = 100}."""
    if is_count(value) and value >= 1:
        return Trials.first(value)
    if not isinstance(value, dict) or not set(value) <= {"seeds", "take"}:
        raise BadValue(
            f'{where} = {value!r}: a count of at least 1, or {{seeds = "0-149", take = 100}}'
        )
    seeds = value.get("seeds", "0-19")
    try:
        numbers = [part.split("-") for part in str(seeds).replace(" ", "").split(",")]
        listed = [n for part in numbers for n in range(int(part[0]), int(part[-1]) + 1)]
    except ValueError:
        raise BadValue(f'{where}: seeds = {seeds!r}: ranges such as "0-149" or "0-9,20"') from None
    take = value.get("take", len(listed))
    if not listed or not is_count(take) or not 1 <= take <= len(listed):
        raise BadValue(f"{where}: take = {take!r}: between 1 and the {len(listed)} seeds")
    return Trials(tuple(dict.fromkeys(listed)), take)


def protocols_of(table: Mapping[str, Any], folder: Path) -> tuple[tuple[str, Protocol], ...]:
    """The protocol, or the sweep of protocols, with labels."""
    if "protocol" in table and "protocols" in table:
        raise BadValue("protocol and protocols: give one of the two")
    found: dict[str, Protocol] = {}
    for item in table.get("protocols", [table.get("protocol", "standard")]):
        label, value = protocol_of(item, folder)
        if label in found:
            raise BadValue(f"protocols: two are called {label!r}; give one a `name`")
        found[label] = value
    return tuple(found.items())


def protocol_of(item: str | Mapping[str, Any], folder: Path) -> tuple[str, Protocol]:
    """A protocol's label and value, from a name or a table of fields over one."""
    if isinstance(item, str):
        return item, protocol(item)
    fields = dict(item)
    label = fields.pop("name", None)
    use = fields.pop("use", "standard")
    made = replace(protocol(use), **protocol_fields(fields, folder))
    split_rule(made.split)
    return named(label or protocol_name(made), "protocol"), made


def protocol_fields(fields: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Fields of a protocol from TOML; raises UnknownName for one that there is not."""
    known = vars(Protocol())
    for key in fields:
        if key not in known:
            raise UnknownName(f"protocol: unknown field {key!r}{registry.did_you_mean(key, known)}")
    return {key: field_value(key, value, folder) for key, value in fields.items()}


def field_value(key: str, value: Any, folder: Path) -> Any:
    """A protocol field from TOML; an oracle, a cost and a stopping rule are registry entries."""
    if key == "oracle":
        return registry.resolve("oracle", value, "protocol: oracle", folder)
    if key == "stop" and value is not None:
        return registry.resolve("stopping", value, "protocol: stop", folder)
    if key == "cold":
        return registry.resolve("strategy", value, "protocol: cold", folder)
    if key == "cost":
        ref = registry.resolve("cost", value, "protocol: cost", folder)
        return None if ref == UNIT_COST else ref  # one unit a label is the default
    return frozen(value)


__all__ = ["PROTOCOLS", "load_suite", "shipped", "suite_of"]
