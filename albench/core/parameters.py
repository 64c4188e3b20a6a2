"""What one registered function or class tells of itself, and what its parameters admit."""

import hashlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from albench.core.errors import BadValue
from albench.core.source import digest_of
from albench.core.traits import Kind, Traits


@dataclass(frozen=True)
class Nested:
    """Marks a parameter whose value names another entry."""

    kind: Kind


StrategyParam = Annotated[Any, Nested("strategy")]
ModelParam = Annotated[Any, Nested("model")]
DatasetParam = Annotated[Any, Nested("dataset")]
OracleParam = Annotated[Any, Nested("oracle")]


def nested_kind(annotation: Any) -> Kind | None:
    """The kind of entry a parameter names, itself or as the items of a sequence."""
    for mark in getattr(annotation, "__metadata__", ()):
        if isinstance(mark, Nested):
            return mark.kind
    kinds = (nested_kind(hint) for hint in get_args(annotation))
    return next((kind for kind in kinds if kind is not None), None)


def typed(value: Any, annotation: Any, what: str) -> Any:
    """The value if it fits the annotation; raises BadValue that says what would."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(annotation).validate_python(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadValue(f"{what} = {value!r}: {first['msg'].lower()}") from None


def readable(annotation: Any) -> str:
    """An annotation for people: `int, at least 2, or none`."""
    if annotation is None or annotation is type(None):
        return "none"
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        kinds = [mark.kind for mark in inner[1:] if isinstance(mark, Nested)]
        limits = [
            f"{words} {getattr(mark, name)}"
            for mark in inner[1:]
            for name, words in LIMITS.items()
            if hasattr(mark, name)
        ]
        return ", ".join([kinds[0] if kinds else readable(inner[0]), *limits])
    if origin is Literal:
        return " | ".join(map(str, inner))
    if origin in (Union, UnionType):
        return ", or ".join(readable(part) for part in inner)
    if origin in (list, tuple, Sequence):
        return f"list of {readable(inner[0])}"
    return getattr(annotation, "__name__", str(annotation))


LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}

NOTHING_SAID = Traits()


@dataclass(frozen=True)
class Entry:
    """One registered function or class.

    traits   what the decorator said: cite, family, needs, better, ...
    plugin   the file it came from, `core.source.SESSION` where it is defined in the running
             session; None for albench's own
    """

    kind: Kind
    name: str
    make: Callable[..., Any]
    version: str
    traits: Traits = NOTHING_SAID
    plugin: str | None = None

    @cached_property
    def doc(self) -> str:
        """The docstring."""
        return inspect.getdoc(self.make) or ""

    @property
    def summary(self) -> str:
        """The first line of the docstring, without its full stop."""
        return self.doc.split("\n")[0].rstrip(".")

    @cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """The keyword-only parameters, annotations resolved."""
        make = self.make.__init__ if inspect.isclass(self.make) else self.make
        hints = get_type_hints(make, include_extras=True)
        return {
            name: p.replace(annotation=hints.get(name, Any))
            for name, p in inspect.signature(make).parameters.items()
            if p.kind is p.KEYWORD_ONLY
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the code, docstrings and comments aside."""
        return digest_of(self.make)


def source_digest(file: Path) -> str:
    """The version of what a file defines: the digest of its bytes."""
    return "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()[:16]
