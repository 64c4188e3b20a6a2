"""What the parameters of models admit."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

Positive = Annotated[float, Gt(0)]
Count = Annotated[int, Ge(1)]
Folds = Annotated[int, Ge(2)]
Share = Annotated[float, Gt(0), Le(1)]
ClassWeight = Literal["balanced"] | None
