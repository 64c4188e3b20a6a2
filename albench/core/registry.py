"""Names -> entries: decorators, discovery, parameters, did-you-mean.

An entry is one function or class behind one door (dataset, strategy, model, metric, and
the oracles, costs and stopping rules of protocols). Its
parameters are the keyword-only parameters of its signature; their annotations say which
types and ranges a suite may give, so nothing is declared twice.
"""

import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from ast import literal_eval
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from albench.core.errors import BadPlugin, BadValue, UnknownName, UsageError
from albench.core.extras import EXTRAS
from albench.core.parameters import (
    DatasetParam,
    Entry,
    ModelParam,
    OracleParam,
    StrategyParam,
    nested_kind,
    source_digest,
    typed,
)
from albench.core.source import SENT, SESSION, file_of, place_of, session_version
from albench.core.spec import Ref, frozen
from albench.core.traits import Better, Kind, did_you_mean, traits_of

__all__ = [
    "Carried",
    "DatasetParam",
    "Entry",
    "Kind",
    "ModelParam",
    "OracleParam",
    "StrategyParam",
    "adopt",
    "build",
    "carried",
    "dataset",
    "did_you_mean",
    "entry",
    "load_plugin",
    "make_strategy",
    "metric",
    "model",
    "names",
    "resolve",
    "stopping",
    "strategy",
    "within",
]

KINDS: tuple[Kind, ...] = (
    "dataset",
    "strategy",
    "model",
    "metric",
    "oracle",
    "cost",
    "stopping",
)
PACKAGES: dict[str, str] = {
    "dataset": "albench.datasets",
    "strategy": "albench.strategies",
    "model": "albench.models",
    "metric": "albench.metrics",
    "oracle": "albench.simulation.panels",
    "cost": "albench.simulation.costs",
    "stopping": "albench.stopping_rules",
}
LABEL = re.compile(r"(?P<name>[^()]+)\((?P<params>[^()]+)\)")
F = TypeVar("F", bound=Callable[..., Any])
ENTRIES: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
LOADED: dict[str, str] = {}
loading: list[tuple[str, str]] = []


def register(kind: Kind, name: str, version: str, about: Mapping[str, Any]) -> Callable[[F], F]:
    """The decorator behind all decorators. A plugin's version is its source's digest.

    about: the keys of `albench.core.traits.Traits` that the kind has. Raises BadPlugin for another
    key, a value that does not fit, and a name that is taken.
    """
    traits = traits_of(kind, name, version, about)

    def enter(make: F) -> F:
        digest, plugin = identity(make, version)
        put(Entry(kind, name, make, digest, traits, plugin))
        return make

    return enter


def identity(make: Callable[..., Any], version: str) -> tuple[str, str | None]:
    """Version and plugin of what is registered now.

    While a plugin is loaded, all that comes with it is the plugin's. A module that was imported
    by hand is the same plugin as its file, or as the installed package that it belongs to.
    """
    if loading:
        plugin, digest = loading[-1]
        return digest, plugin
    home = make.__module__.partition(".")[0]
    if home == "albench":
        return version, None
    load()  # a name that is taken is refused here, where it is given
    file = file_of(make)
    if file is None:
        return session_version(make), SESSION
    for name, package, origin in installed():
        if package.partition(".")[0] == home:
            return source_digest(origin) if origin else name, name
    return source_digest(file), str(file)


def put(new: Entry) -> None:
    """Enter an entry; raises BadPlugin where its name is taken by another.

    What is defined anew in a session, by a cell that runs again, takes its own place; so does
    what comes from one file twice, since the file was imported and is named as plugin, too.
    """
    known = ENTRIES[new.kind].get(new.name)
    if known is not None and not same_place(known, new):
        raise BadPlugin(
            f"{new.kind} {new.name!r} is registered twice: in "
            f"{known.plugin or known.make.__module__} and in {new.plugin or new.make.__module__}"
        )
    if known is None or known.version != new.version or new.plugin == SESSION:
        ENTRIES[new.kind][new.name] = new


def same_place(known: Entry, new: Entry) -> bool:
    """Whether two entries of one name are one, executed twice."""
    if new.plugin is None or known.plugin != new.plugin or loading:
        return False
    changed = known.version != new.version
    return new.plugin == SESSION or changed or place_of(known.make) == place_of(new.make)


def strategy(name: str, *, version: str = "1", **about: Any) -> Callable[[F], F]:
    """Register a strategy: `Query -> rows` (or `Picks`), or a class of such, built per run.

    about: cite, family, needs, cost, ...: the keys of `albench.core.traits.Traits` for strategies.
    """
    return register("strategy", name, version, about)


def dataset(name: str, *, version: str = "1", **about: Any) -> Callable[[F], F]:
    """Register a dataset: `() -> Dataset`. about: cite, n, d, classes, source, known, ..."""
    return register("dataset", name, version, about)


def model(name: str, *, version: str = "1", **about: Any) -> Callable[[F], F]:
    """Register a model: `seed -> unfitted scikit-learn classifier`.

    about: cite, seeded, proba and linear (False where it is known not to be).
    """
    return register("model", name, version, about)


def metric(
    name: str, *, better: Better = "higher", version: str = "1", **about: Any
) -> Callable[[F], F]:
    """Register a metric: `Outcome -> float`, NaN where it is undefined. about: cite."""
    return register("metric", name, version, {"better": better, **about})


def stopping(name: str, *, version: str = "1", **about: Any) -> Callable[[F], F]:
    """Register a stopping rule: `StopQuery -> bool`, or a class of such, built per run.

    It may say why instead of True. about: cite.
    """
    return register("stopping", name, version, about)


def load() -> None:
    """Import every module that holds entries, and the entry points of group `albench`.

    A module that fails to import is an error, not a gap.
    """
    if "albench" in LOADED:
        return
    for kind, package in PACKAGES.items():
        module = importlib.import_module(package)
        # models stand in their package's own file; what lies beside it is heavy to import
        beside = module.__path__ if kind in ("dataset", "strategy") else []
        for found in pkgutil.iter_modules(beside):
            if not found.ispkg and not found.name.startswith("_"):
                importlib.import_module(f"{package}.{found.name}")
    LOADED["albench"] = ""
    for name, home, origin in installed():
        digest = source_digest(origin) if origin else name
        load_as(name, digest, partial(importlib.import_module, home))


def installed() -> Iterator[tuple[str, str, Path | None]]:
    """Name, module and file of the entry points of group `albench`."""
    from importlib.metadata import entry_points

    for point in entry_points(group="albench"):
        spec = importlib.util.find_spec(point.module)
        yield point.value, point.module, Path(spec.origin) if spec and spec.origin else None


def load_as(name: str, digest: str, run: Callable[[], object]) -> None:
    """Run an import whose entries belong to a plugin; undo its entries if it fails."""
    before = {kind: dict(entries) for kind, entries in ENTRIES.items()}
    loading.append((name, digest))
    try:
        run()
    except BaseException as error:
        ENTRIES.update(before)
        if isinstance(error, BadPlugin):
            raise BadPlugin(f"plugin {name}: {error}") from error
        if isinstance(error, Exception):
            raise BadPlugin(
                f"plugin {name} does not import: {type(error).__name__}: {error}"
            ) from error
        raise
    finally:
        loading.pop()
    LOADED[name] = digest


def load_plugin(path: str | Path) -> None:
    """Execute a plugin file, once for each content that it has; its entries replace earlier ones.

    Earlier ones are those of the file before it was edited, or of the module that it is, where
    that was imported by hand.
    """
    load()
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise BadPlugin(f"plugin {path}: no such file")
    digest = source_digest(file)
    if LOADED.get(str(file)) == digest:
        return
    found = importlib.util.spec_from_file_location(f"albench_plugin_{digest[7:]}", file)
    loader = found.loader if found else None
    if found is None or loader is None:
        raise BadPlugin(f"plugin {path}: not a Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module  # dataclasses and pickle look a class up by its module

    def execute() -> None:
        for kind, entries in ENTRIES.items():
            ENTRIES[kind] = {name: e for name, e in entries.items() if e.plugin != str(file)}
        loader.exec_module(module)

    load_as(str(file), digest, execute)


def adopt(make: Callable[..., Any], kind: Kind = "strategy") -> str:
    """The name of a function or class, which is entered under its own name if it is not yet.

    Raises BadPlugin for what is neither, and for a name that is taken.
    """
    load()
    for known in ENTRIES[kind].values():
        if known.make is make:
            return known.name
    if not (inspect.isfunction(make) or inspect.isclass(make)):
        raise BadPlugin(f"{make!r}: a {kind} is a name, a function or a class")
    if not make.__name__.isidentifier():
        raise BadPlugin(f"{make.__name__}: a {kind} needs a name, so write it with `def`")
    put(Entry(kind, make.__name__, make, session_version(make), plugin=SESSION))
    return make.__name__


class Carried(NamedTuple):
    """What another process needs to know the entries of a suite.

    files    plugins to load there
    entries  those defined in a notebook or at a prompt, and of modules that were imported by hand
    """

    files: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()

    def unpack(self) -> None:
        """Make the entries known in this process."""
        for file in self.files:
            load_plugin(file)
        if self.entries:
            load()
        for found in self.entries:
            if found.plugin == SENT or found.name not in ENTRIES[found.kind]:
                ENTRIES[found.kind][found.name] = found


def carried(used: Iterable[tuple[Kind, Ref]], files: Sequence[str] = ()) -> Carried:
    """What to send along with the entries that are used; `files` are loaded in any case.

    Raises BadValue for an entry that was defined anew since it was looked up.
    """
    sent: dict[tuple[Kind, str], Entry] = {}
    for kind, ref in used:
        found = ENTRIES[kind].get(ref.name)
        if found is None or found.plugin is None:
            continue
        if found.version != ref.version:
            raise BadValue(
                f"{kind} {ref.name!r} was defined anew since this suite was made: make it again"
            )
        if found.plugin in LOADED:
            files = (*files, found.plugin) if Path(found.plugin).is_file() else files
        else:
            plugin = SENT if found.plugin == SESSION else found.plugin
            sent[kind, ref.name] = replace(found, plugin=plugin)
    return Carried(tuple(dict.fromkeys(files)), tuple(sent.values()))


def within(kind: Kind, ref: Ref) -> Iterator[tuple[Kind, Ref]]:
    """An entry and those that its parameters name."""
    yield kind, ref
    found = ENTRIES[kind].get(ref.name)
    for key, value in ref.params if found else ():
        inner = found and key in found.parameters and nested_kind(found.parameters[key].annotation)
        for one in value if isinstance(value, tuple) else (value,):
            if inner and isinstance(one, Ref):
                yield from within(inner, one)


def names(kind: Kind) -> list[str]:
    """All names of a kind, sorted."""
    load()
    return sorted(ENTRIES[kind])


def entry(kind: Kind, name: str) -> Entry:
    """The entry of that name; raises UnknownName with a suggestion."""
    load()
    if name not in ENTRIES[kind]:
        known = EXTRAS.get(name.partition(":")[0]) if kind in ("model", "strategy") else None
        if known is not None and importlib.util.find_spec(known.module) is None:
            hint = f"; it needs {known.library}: pip install 'albench[{known.extra}]'"
        else:
            hint = did_you_mean(name, ENTRIES[kind])
        raise UnknownName(f"unknown {kind} {name!r}{hint}")
    return ENTRIES[kind][name]


def resolve(
    kind: Kind, given: str | Mapping[str, Any] | Ref, where: str = "", folder: Path | None = None
) -> Ref:
    """A name, or a table with `use` and parameters, as a `Ref`.

    Parameters that equal their default are left out; nested entries are always resolved,
    so that their versions are part of the identity. `where` begins the error message.
    An entry that reads a user's file has a hook, the trait `resolve`: table, folder of the
    suite -> (table, source), which puts the file's digest where its path stood.
    """
    if isinstance(given, Ref):
        return given
    at = f"{where}: " if where else ""
    table = named(kind, given) if isinstance(given, str) else dict(given)
    use = table.pop("use", None)
    if not isinstance(use, str):
        raise BadValue(f"{at}{kind} {given!r}: a name, or a table with the key 'use'")
    try:
        found = renewed(entry(kind, use))
    except UnknownName as error:
        raise UnknownName(f"{at}{error}") from None
    source = None
    if found.traits.resolve is not None:
        try:
            table, source = found.traits.resolve(table, folder or Path())
        except UsageError as error:
            raise type(error)(f"{at}{error}") from None
    params = checked_params(found, table, at, folder)
    check = found.traits.check
    reason = None if check is None else check(**dict(params))
    if reason is not None:
        raise BadValue(f"{at}{kind} {use!r}: {reason}")
    return Ref(use, found.version, params, source)


def named(kind: Kind, given: str) -> dict[str, Any]:
    """The table that a name stands for.

    A metric is called by its label in tables and options, `log_loss(clip=1e-07)`, so that a
    label is a name of it, too.
    """
    found = LABEL.fullmatch(given) if kind == "metric" else None
    if found is None:
        return {"use": given}
    table: dict[str, Any] = {"use": found["name"]}
    for part in found["params"].split(", "):
        key, _, value = part.partition("=")
        try:
            table[key] = literal_eval(value.capitalize() if value in ("true", "false") else value)
        except (ValueError, SyntaxError):
            table[key] = value
    return table


def renewed(found: Entry) -> Entry:
    """An entry of the session with the version of what it reads now: helpers may have changed."""
    if found.plugin == SESSION and (version := session_version(found.make)) != found.version:
        found = ENTRIES[found.kind][found.name] = replace(found, version=version)
    return found


def checked_params(
    found: Entry, given: Mapping[str, Any], at: str, folder: Path | None
) -> tuple[tuple[str, Any], ...]:
    """The parameters given, typed and in range, defaults left out."""
    for key in given:
        if key not in found.parameters:
            raise UnknownName(
                f"{at}{found.kind} {found.name!r} has no parameter {key!r}"
                f"{did_you_mean(key, found.parameters)}"
            )
    params: dict[str, Any] = {}
    for key, parameter in found.parameters.items():
        nested = nested_kind(parameter.annotation)
        if key not in given and parameter.default is parameter.empty:
            raise BadValue(f"{at}{found.kind} {found.name!r} needs the parameter {key!r}")
        if nested:
            value = given.get(key, parameter.default)
            if value is None and parameter.default is None:
                continue
            many = isinstance(value, list | tuple)
            refs = [
                resolve(nested, v, f"{at}{key}", folder)
                for v in (value if many else [value])
                if v is not None
            ]
            for ref in refs:
                refuse_bound(nested, ref, f"{at}{key}")
            params[key] = tuple(refs) if many else (refs[0] if refs else None)
        elif key in given:
            value = frozen(typed(given[key], parameter.annotation, f"{at}{found.name}: {key}"))
            if value != frozen(parameter.default):
                params[key] = value
    return tuple(sorted(params.items()))


def refuse_bound(kind: Kind, ref: Ref, where: str) -> None:
    """Raise BadValue for a model that looks at the test set, where no such model may stand."""
    if kind == "model" and entry(kind, ref.name).traits.bound:
        raise BadValue(
            f"{where}: model {ref.label!r} looks at the test set: it is a bound, which no "
            "strategy and no other model may ask"
        )


def build(kind: Kind, ref: Ref) -> Any:
    """What a `Ref` stands for.

    dataset: the Dataset; strategy: a callable of a Query, new at each call; model:
    seed -> unfitted classifier; metric: a callable of an Outcome.
    Raises BadValue if another version of the entry is installed than the ref names.
    """
    found = entry(kind, ref.name)
    if found.version != ref.version:
        raise BadValue(
            f"{kind} {ref.name!r} is installed in version {found.version}, "
            f"version {ref.version} is asked for"
        )
    kwargs = {key: built(found, key, value) for key, value in ref.params}
    if ref.source is not None and "source" in inspect.signature(found.make).parameters:
        kwargs["source"] = ref.source
    if kind == "dataset" or inspect.isclass(found.make):
        return found.make(**kwargs)
    return partial(found.make, **kwargs) if kwargs else found.make


def make_strategy(name: str, /, **params: Any) -> Any:
    """A strategy by name: a callable `Query -> rows` (or `Picks`), new at each call.

    `params` are its parameters; those that name a model or another strategy take a name,
    or a table such as {"use": "svc-rbf", "C": 10.0}. Raises UnknownName or BadValue.
    """
    return build("strategy", resolve("strategy", {"use": name, **params}))


def built(found: Entry, key: str, value: Any) -> Any:
    """A parameter value with its nested refs built."""
    nested = nested_kind(found.parameters[key].annotation)
    if nested is None or value is None:
        return value
    if isinstance(value, tuple):
        return [build(nested, item) for item in value]
    return build(nested, value)
