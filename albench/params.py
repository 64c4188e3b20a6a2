"""Parameters of entries: what their annotations admit, and which name other entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from albench.errors import BadValue

Kind = Literal["dataset", "strategy", "model", "metric", "oracle", "cost"]


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
