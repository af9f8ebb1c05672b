"""What the steps that read the markup left in a batch, whatever a recipe calls them (`- markup: {as: pages}`) and however many there are."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from curate.schema import column
from curate.web.claims import Claim, Wish


def of_pages(batch: pa.RecordBatch, measure: str) -> pa.Array | None:
    """The measure of the steps that read the markup, such as `claims`, `wishes` or `edits`: the first that is not null, row by row.

    None without such a step.
    """
    columns = [batch[column(step, measure)] for step in _steps(batch.schema) if column(step, measure) in batch.schema.names]
    return pc.coalesce(*columns) if columns else None


def _steps(schema: pa.Schema) -> Sequence[str]:
    """Names of the steps with columns that have the form of a page's claims or wishes: other steps may call a measure so too."""
    named = [(field.name.rpartition("__"), field.type) for field in schema]
    return list(dict.fromkeys(step for (step, _, measure), dtype in named if step and measure in FORMS and _has(dtype, FORMS[measure])))


FORMS = {"claims": set(Claim._fields), "wishes": set(Wish._fields)}


def _has(dtype: pa.DataType, names: set[str]) -> bool:
    return pa.types.is_list(dtype) and pa.types.is_struct(dtype.value_type) and {one.name for one in dtype.value_type} == names
