"""Column lineage: which input columns flow into which output column, kept in every record.

`mesh_defs.product.lineage.record` describes the shape of what is kept.
"""

from mesh_defs.product.lineage.record import Lineage, column_lineage, run_lineage

__all__ = ["Lineage", "column_lineage", "run_lineage"]
