"""Some rows of a port straight from its Parquet files: those for which plain comparisons hold.

A row group is decoded only when it may have such a row, and no engine is set up for it. What a
condition says beyond that (`mesh_defs.gateway.query.prune`) is the engine's.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from mesh_defs.gateway.query.nodes import integer
from mesh_defs.gateway.query.parser import parsed
from mesh_defs.gateway.query.prune import Some, comparisons
from mesh_defs.gateway.row_groups import BATCH_ROWS, GroupBatches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from mesh_defs.gateway.query.nodes import Node
    from mesh_defs.gateway.query.prune import Comparison
    from mesh_defs.gateway.row_groups import Footers


def some_rows(sql: str) -> Some | None:
    """What the query ``sql`` reads, where it selects columns of one relation by name, and rows by
    comparisons that are understood, or the first ones; None when it takes an engine."""
    tree = parsed(sql)
    node = tree["statements"][0]["node"]
    if node.get("type") != "SELECT_NODE":
        return None
    table = node["from_table"]
    more = ("group_expressions", "group_sets", "having", "sample", "qualify")
    if any(node[part] for part in more) or node["cte_map"]["map"]:
        return None
    beside = ("sample", "column_name_alias", "at_clause", "schema_name", "catalog_name")
    if table["type"] != "BASE_TABLE" or any(table[part] for part in beside):
        return None
    if node["aggregate_handling"] != "STANDARD_HANDLING":
        return None
    columns = _columns(node["select_list"])
    cut = _cut(node["modifiers"])
    wanted, whole = comparisons(tree)
    if columns is None or cut is None or not whole:
        return None
    if not wanted and cut[0] is None:
        return None  # of all rows another way is better
    return Some(str(table["table_name"]), columns, wanted, *cut)


def some_batches(
    footers: Footers, files: Sequence[str], known: pa.Schema, some: Some, batch_rows: int
) -> FilteredBatches | None:
    """``some`` rows of ``files``, which have the columns ``known``, as the engine names them; None
    when it takes an engine."""
    import pyarrow as pa

    named = {field.name.lower(): field for field in known}
    tested = {each.column for each in some.wanted}
    chosen = [name.lower() for name in some.columns] or list(named)
    if len(named) < len(known) or len(set(chosen)) < len(chosen):
        return None
    if not {*tested, *chosen} <= named.keys():
        return None
    if any(each.value(named[each.column].type) is None for each in some.wanted):
        return None
    read = pa.schema([named[name] for name in (*chosen, *sorted(tested - {*chosen}))])
    part = footers.fitting(files, read, some.wanted)
    if part is None:
        return None
    texts = [field.name for field in read if pa.types.is_string(field.type)]
    plain = [name for name in texts if name.lower() not in tested]
    # All of a row group at once: few of its rows are left.
    groups = GroupBatches(part, read, footers, max(batch_rows, BATCH_ROWS), plain)
    selected = pa.schema([named[name] for name in chosen])
    return FilteredBatches(groups, selected, some, batch_rows)


def _columns(listed: Sequence[Node]) -> tuple[str, ...] | None:
    """The names that are selected, none for all; None when it is more than names."""
    if len(listed) == 1 and listed[0]["class"] == "STAR":
        star = listed[0]
        more = ("relation_name", "exclude_list", "replace_list", "columns", "expr", "rename_list")
        changed = any(star.get(part) for part in (*more, "qualified_exclude_list"))
        return None if changed or star["alias"] else ()
    names = []
    for each in listed:
        if each["class"] != "COLUMN_REF" or len(each["column_names"]) != 1 or each["alias"]:
            return None
        names.append(str(each["column_names"][0]))
    return tuple(names)


def _cut(modifiers: Sequence[Node]) -> tuple[int | None, int] | None:
    """LIMIT and OFFSET; None when there is anything else, or they are not written out."""
    limit, offset = None, 0
    for each in modifiers:
        if each["type"] != "LIMIT_MODIFIER":
            return None
        if each["limit"] is not None and (limit := integer(each["limit"])) is None:
            return None
        if each["offset"] is not None:
            given = integer(each["offset"])
            if given is None:
                return None
            offset = given
    return (limit, offset) if offset >= 0 and (limit is None or limit >= 0) else None


class FilteredBatches:
    """The rows of ``groups`` that are wanted, as record batches of ``schema``, each of
    ``batch_rows`` at most, read once. `stop` and `cancel` are those of ``groups``."""

    def __init__(
        self, groups: GroupBatches, schema: pa.Schema, some: Some, batch_rows: int
    ) -> None:
        self.schema = schema
        self._most = batch_rows
        self._groups = groups
        self._some = some
        self._batches = self._read()
        self.pause = groups.pause
        self.resume = groups.resume
        self.rest = groups.rest
        self.stop = groups.stop
        self.cancel = groups.cancel
        self.close = groups.close

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        self._groups.check()
        return next(self._batches)

    def _read(self) -> Iterator[pa.RecordBatch]:
        skip, left = self._some.offset, self._some.limit
        if left == 0:
            return
        for batch in self._groups:
            kept = _kept(batch, self._some.wanted)
            skipped = min(skip, kept.num_rows)
            skip -= skipped
            kept = kept.slice(skipped)
            if left is not None:
                kept = kept.slice(0, left)
                left -= kept.num_rows
            for start in range(0, kept.num_rows, self._most):
                yield _decoded(kept.slice(start, self._most), self.schema)
            if left == 0:
                return


def _decoded(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    columns = (batch.column(name) for name in schema.names)
    decoded = [
        each.dictionary_decode() if isinstance(each, pa.DictionaryArray) else each
        for each in columns
    ]
    return pa.RecordBatch.from_arrays(decoded, schema=schema)


def _kept(batch: pa.RecordBatch, wanted: Sequence[Comparison]) -> pa.RecordBatch:
    import pyarrow.compute as pc

    if not wanted:
        return batch
    names = {name.lower(): name for name in batch.schema.names}
    holds = [each.holds(batch.column(names[each.column])) for each in wanted]
    mask = reduce(pc.and_, holds)
    # What is null holds not. Of a few rows the places are found once for all columns.
    return (
        batch.take(pc.indices_nonzero(mask))
        if mask.true_count * 4 < len(mask)
        else (batch.filter(mask))
    )
