"""Parameters of entries: what their annotations admit, and which name other entries."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

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
