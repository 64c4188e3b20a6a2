"""Whether a dataset leaves anything to learn, and anything to gain.

learnable  score of the whole pool less that of a guess without features (chance)
head room  score of the whole pool less the baseline's mean area

The rules, fixed before any run: a dataset on which less than `LEARNABLE` can be learnt counts in
no rank and no test, since differences there are noise that no label can lessen; it is left out.
Where the head room is below twice the rope, no strategy can be ahead by more than that margin, and
to be level with the baseline says nothing: such a dataset stays in the test and in the mean, but
counts neither as a win nor as equal (as a loss it does, if it is one by more than the rope). Both
are named, and the answer without the rules stands beside. Where neither chance nor the whole pool
is known, nothing is left out.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from albench.analysis.comparison.blocks import Block
from albench.analysis.comparison.chance import LEARNABLE, NO_ROOM, NOTHING, ROPES
from albench.analysis.comparison.summaries import head_room


def unlearnable(rooms: pd.DataFrame) -> list[str]:
    """The datasets that are left out; none where that would be all."""
    gone = [str(d) for d in rooms.index[rooms["room"] == NOTHING]]
    return gone if len(gone) < len(rooms) else []


def roomless(rooms: pd.DataFrame) -> set[str]:
    """The datasets that count neither as a win nor as equal."""
    return {str(d) for d in rooms.index[rooms["room"] != ""]}


def rooms(blocks: Sequence[Block], baseline: str, summary: str, rope: float) -> pd.DataFrame:
    """By dataset: learnable, head_room (NaN: unknown), and room: why it is left out, or empty."""
    rows = []
    for block in blocks:
        full = block.full[np.isfinite(block.full)]
        learnable = float(full.mean()) - block.chance if len(full) else np.nan
        room = head_room(block, baseline, summary)
        # rounded, as differences are: a value on the border must not fall by its last bit
        why = NOTHING if round(learnable, 12) < LEARNABLE else ""
        why = why or (NO_ROOM if round(room, 12) < round(ROPES * rope, 12) else "")
        rows.append((block.dataset, learnable, room, why))
    frame = pd.DataFrame(rows, columns=["dataset", "learnable", "head_room", "room"])
    return frame.set_index("dataset")
