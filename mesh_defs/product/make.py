"""What a product's transform comes to: one query per port, whatever it is written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.errors import TransformFailed
from mesh_defs.product.inputs import InputData, RunContext
from mesh_defs.product.keyed_hash import KeyedHash
from mesh_defs.product.privacy import handles_personal_data

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from mesh_defs.contract.data import Engine
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.resolve import Resolved


@dataclass(frozen=True, slots=True)
class Made:
    """What a transform gives one run.

    By port: ``queries`` over the run's connection, ``compiled`` SQL that tells their lineage,
    ``verdicts`` of its own tests. ``steps`` has the SQL of the relations between, by quoted name,
    None where the transform knows of none; ``engines`` run rules in its language. ``failures`` are
    those of streams, which run while they are written.
    """

    queries: Mapping[str, str]
    compiled: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, str] | None = None
    verdicts: Mapping[str, tuple[Verdict, ...]] = field(default_factory=dict)
    engines: Mapping[str, Engine] = field(default_factory=dict)
    failures: list[TransformFailed] = field(default_factory=list)


def make(
    mesh: Mesh,
    product: Product,
    inputs: Mapping[str, Resolved],
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    run_id: str,
    now: datetime,
) -> Made:
    """The queries of ``product``'s ports over ``connection``, which has ``inputs`` as relations of
    their names. Raises `TransformFailed`."""
    keyed_hash = KeyedHash(mesh.settings)
    keyed_hash.install(connection)
    private = handles_personal_data(mesh, product)
    try:
        return _made(mesh, product, inputs, connection, scratch, run_id, now, keyed_hash, private)
    except TransformFailed as error:
        reason = keyed_hash.explained(str(error))
        if reason is None:
            raise
        raise TransformFailed(f"{product.url}: {reason}") from None


def _made(
    mesh: Mesh,
    product: Product,
    inputs: Mapping[str, Resolved],
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    run_id: str,
    now: datetime,
    keyed_hash: KeyedHash,
    private: bool,
) -> Made:
    kind = product.transform.kind
    if kind == "dbt":
        return _by_dbt(mesh, product, inputs, connection, scratch, now, keyed_hash, private)
    if kind == "sql":
        from mesh_defs.product.transforms.sql import sql_queries

        queries = sql_queries(product, connection, mesh.root, private=private)
        return Made(queries, compiled=queries)
    return _by_python(mesh, product, inputs, connection, run_id, now, keyed_hash, private)


def _by_dbt(
    mesh: Mesh,
    product: Product,
    inputs: Mapping[str, Resolved],
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    now: datetime,
    keyed_hash: KeyedHash,
    private: bool,
) -> Made:
    from mesh_defs.product.transforms.dbt import dbt_queries

    built = dbt_queries(
        mesh, product, inputs, connection, scratch, now, keyed_hash, private=private
    )
    return Made(
        built.queries,
        compiled=built.compiled,
        steps=built.intermediate,
        verdicts=built.verdicts,
        engines={"dbt": built.tests},
    )


def _by_python(
    mesh: Mesh,
    product: Product,
    inputs: Mapping[str, Resolved],
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    now: datetime,
    keyed_hash: KeyedHash,
    private: bool,
) -> Made:
    from mesh_defs.product.transforms.python import python_queries

    data = {name: InputData(name, resolved.record, connection) for name, resolved in inputs.items()}
    context = RunContext(now, run_id, str(product.url), connection, keyed_hash)
    built = python_queries(product, data, context, mesh.root, quiet=private)
    return Made(built.queries, failures=built.failures)
