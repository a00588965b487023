"""Helpers of the tests about verification: contracts of a few rules, files of a few rows."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from mesh_defs.contract.data import Rows, Staged, Surroundings
from mesh_defs.contract.model import Column, PortContract, ServiceLevels
from mesh_defs.contract.verify import verify

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def column(name, classification="internal", key=None):
    return Column(name, None, None, False, False, key, classification, None, None, (), 1)


def contract(*rules, personal=(), key=(), name="flights"):
    names = dict.fromkeys([*personal, *key])
    columns = tuple(
        column(n, "personal" if n in personal else "internal", key.index(n) if n in key else None)
        for n in names
    )
    return PortContract(name, None, columns, tuple(rules), (), ServiceLevels())


def locked(folder):
    """A connection as the container has it: it sees the folder's files and nothing else."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET allowed_directories = ['{folder}/']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def written(folder, query, name="rows", options=""):
    """The rows of ``query`` as a Parquet file that DuckDB writes."""
    path = str(folder / f"{name}.parquet")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet{options})")
    return Rows.parquet([path])


def verdicts(folder, rows, *rules, personal=(), key=(), stage="promise", **surroundings):
    """Verdicts by the rule's id; ``rows`` are `Rows` or `Staged`."""
    surroundings.setdefault("now", NOW)
    staged = rows if isinstance(rows, Staged) else Staged.only(rows)
    connection = locked(folder)
    found = verify(
        connection,
        contract(*rules, personal=personal, key=key),
        staged,
        Surroundings(**surroundings),
        stage=stage,
    )
    left = connection.execute(
        "SELECT table_name FROM duckdb_tables() UNION ALL"
        " SELECT view_name FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    connection.close()
    assert left == [], "verification leaves nothing behind on the connection"
    assert [verdict.rule for verdict in found] == [rule.id for rule in rules]
    return {verdict.rule: verdict for verdict in found}
