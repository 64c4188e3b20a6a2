"""Both scopes of a dataset on its page: these rows, and rows like these."""

from typing import TYPE_CHECKING

from albench.reporting.page import Sheet, sheet, spread

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison.blocks import Stack
    from albench.analysis.question import Options


def scopes_of(stack: "Stack", asked: "Options") -> "pd.DataFrame":
    """Every strategy on every dataset in both scopes, see `analysis.comparison.scopes`.

    Datasets that were filled with the baseline's curves are left out: nothing was run there.
    """
    from albench.analysis.comparison.scopes import scopes
    from albench.analysis.comparison.standings import with_rope

    rope = with_rope(stack, asked).rope
    assert rope is not None
    found = scopes(stack, asked.baseline, summary=asked.summary, rope=rope)
    filled = {
        (block.dataset, name)
        for name, blocks in stack.pairs.items()
        for block in blocks
        if name in block.imputed
    }
    ran = [key not in filled for key in zip(found["dataset"], found["strategy"], strict=True)]
    return found[ran]


def of_dataset(found: "pd.DataFrame", dataset: str, base: str, id: str) -> Sheet:
    """What trials decide on one dataset: a table with the differences to the baseline.

    found: as `scopes_of`. The caption says what is not told, and why.
    """
    import pandas as pd

    mine = found[found["dataset"] == dataset].sort_values(
        "difference", ascending=False, kind="stable"
    )
    rows = pd.DataFrame(
        {
            "strategy": mine["strategy"],
            "trials": mine["trials"],
            "these rows": [
                spread(r["difference"], r["low"], r["high"], "+.3f") for _, r in mine.iterrows()
            ],
            "rows like these": [
                spread(r["difference"], r["like_low"], r["like_high"], "+.3f")
                if pd.notna(r["like_low"])
                else "not told"
                for _, r in mine.iterrows()
            ],
            "about the rope": mine["place"],
        }
    )
    why = next((str(note) for note in mine["note"] if note), "")
    why = f" Not told: {why}." if why else ""
    caption = (
        f"Difference to {base} on {dataset} with 95 % intervals: on these rows, which more trials "
        f"narrow, and on rows like these, for which trials over the same rows have a floor.{why}"
    )
    return sheet(rows, id, caption, {"trials": ".0f"})
