"""Which groups are in the rows that models learn from, and how much of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_defs.faults import relative
from mesh_defs.policy.model import Finding
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.training import Group

_PLAIN = re.compile(r"[A-Z][A-Z0-9_ ]*(?:\(\d+,\s*\d+\))?")

Value = str | int | float | bool


def represented(port: StagedPort, group: Group) -> Iterator[Finding]:
    """Groups whose share of the rows is out of bounds. Of groups that the manifest names, one
    without any row has the share 0, which will not do whatever the bounds are."""
    if port.contract.column(group.column) is None:
        yield _finding(
            port,
            group,
            f"'training.representation' names '{group.column}', which is no column of the port",
            "name one of " + ", ".join(column.name for column in port.contract.columns),
        )
    elif group.groups is not None:
        yield from _named(port, group, group.groups)
    elif port.rows:
        yield from _present(port, group)


def _named(port: StagedPort, group: Group, names: Sequence[Value]) -> Iterator[Finding]:
    """The groups that the manifest names; what it says is no value of the data."""
    shares = list(zip(names, _shares(port, group.column, names), strict=True))
    missing = [f"'{name}'" for name, share in shares if share == 0]
    few = [_told(name, share) for name, share in shares if 0 < share < group.minimum]
    many = [_told(name, share) for name, share in shares if share > group.maximum]
    wrong = []
    if missing:
        wrong.append(f"no row of {', '.join(missing)}")
    if few:
        wrong.append(f"less than {group.minimum:.2%} of {', '.join(few)}")
    if many:
        wrong.append(f"more than {group.maximum:.2%} of {', '.join(many)}")
    if wrong:
        yield _finding(
            port,
            group,
            f"by '{group.column}' there is {' and '.join(wrong)}",
            "find rows of the groups that are missing, balance the others, or mend 'groups' and "
            "the bounds in 'training.representation'",
        )


def _shares(port: StagedPort, column: str, names: Sequence[Value]) -> list[float]:
    """The share of each group, 0 to 1; a name that is no value of the column's type has none."""
    if not port.rows:
        return [0.0] * len(names)
    name, table = quote(column), port.table.sql
    described = port.connection.execute(f"SELECT {name} FROM {table} LIMIT 0").description
    kind = str(described[0][1]) if described else "VARCHAR"
    kind = kind if _PLAIN.fullmatch(kind) else "VARCHAR"  # what has parts is compared as text
    same = f"{name}::{kind} = TRY_CAST(?::VARCHAR AS {kind})"
    counts = ", ".join(f"count(*) FILTER ({same}) / {port.rows}" for _ in names)
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in names]
    row = port.connection.execute(f"SELECT {counts} FROM {table}", texts).fetchone()
    return [float(share) for share in row] if row is not None else [0.0] * len(names)


def _present(port: StagedPort, group: Group) -> Iterator[Finding]:
    """Every group that is there. No group is named: its name is data."""
    column = quote(group.column)
    shares = f"SELECT count(*) / {port.rows} AS share FROM {port.table.sql} GROUP BY {column}"
    found = port.connection.execute(
        "SELECT count(*), min(share), max(share), "
        f"count(*) FILTER (share < {group.minimum!r}), count(*) FILTER (share > {group.maximum!r}) "
        f"FROM ({shares})"
    ).fetchone()
    groups, smallest, largest, few, many = found if found is not None else (0, 0.0, 0.0, 0, 0)
    wrong = []
    if few:
        wrong.append(f"{few} below {group.minimum:.2%} (the smallest has {smallest:.2%})")
    if many:
        wrong.append(f"{many} above {group.maximum:.2%} (the largest has {largest:.2%})")
    if wrong:
        yield _finding(
            port,
            group,
            f"of {groups} groups by '{group.column}' {' and '.join(wrong)} of the rows",
            "balance the rows of the groups, or mend the bounds in 'training.representation'",
        )


def _told(name: Value, share: float) -> str:
    return f"'{name}' ({share:.2%})"


def _finding(port: StagedPort, group: Group, message: str, fix: str) -> Finding:
    known = port.contract.column(group.column) is not None
    return Finding(
        message,
        fix=fix,
        port=port.name,
        column=group.column if known else None,
        file=relative(port.product.folder / "defs.yaml", port.mesh.root),
        line=port.product.line,
    )
