"""A registry entry with parameters, as a value; and the canonical JSON of values."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

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
