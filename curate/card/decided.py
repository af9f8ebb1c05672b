"""What stewards decided, as it fell on this run: decisions that found their document, and what later steps would have removed but for them.

Counted from the columns `steward__decision` and `overridden` of documents/ and removed/; a run without decisions has neither, and costs nothing.
Misses: decisions whose document was not among those read, which leave no row.
"""

from typing import Any

import numpy as np
import pyarrow.compute as pc

from curate.card.folder import READ, Folder
from curate.card.tally import Tally
from curate.schema import column
from curate.steward import OVERRIDDEN, STEP


def decided(folder: Folder) -> dict[str, Any] | None:
    """`decisions`: decision → documents; `overridden`: `step:reason` → documents that stayed; None for a run without a steward's file."""
    if not folder.using(STEP):
        return None
    name = column(STEP, "decision")
    decisions, reasons = Tally(), Tally()
    for batch in folder.documents.batches([name, OVERRIDDEN]):
        decisions.add(batch[name])
        reasons.add(pc.list_flatten(pc.split_pattern(batch[OVERRIDDEN], ", ")))
    for batch in folder.removed.batches([name, "removed_by"]):
        twice = np.asarray(pc.starts_with(batch["removed_by"], f"{READ}:"))
        decisions.add(batch[name].take(np.flatnonzero(~twice)))
    return {
        "decisions": {str(value): count for value, count in sorted(decisions.top())},
        "overridden": {str(value): count for value, count in sorted(reasons.top())},
    }
