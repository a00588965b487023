"""Contracts as the tests write them: the schema in YAML, the head filled in."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from mesh_defs.contract.load import load_contract
from mesh_defs.contract.model import Contract, PortContract
from mesh_defs.contract.rules import Rule
from mesh_defs.faults import Fault

HEAD = """\
apiVersion: {version}
kind: DataContract
id: flights-contract
version: 1.0.0
status: active
"""


def document(properties: str, *, below: str = "", after: str = "", version: str = "v3.1.0") -> str:
    """One object ``flights`` with ``properties``; ``below`` is more of the object, ``after`` more
    of the document."""
    return (
        HEAD.format(version=version)
        + "schema:\n  - name: flights\n    id: flights_obj\n    properties:\n"
        + indent(dedent(properties), "      ")
        + indent(dedent(below), "    ")
        + dedent(after)
    )


def read(folder: Path, text: str) -> tuple[Contract | None, list[Fault]]:
    """Load ``text`` as ``contract.yaml``."""
    path = folder / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    return load_contract(path, folder)


def port(folder: Path, properties: str, **rest: str) -> PortContract:
    """The port of a contract that must load."""
    contract, faults = read(folder, document(properties, **rest))
    assert contract is not None, "\n".join(map(str, faults))
    assert faults == []
    return contract.ports[0]


def rules(folder: Path, properties: str, **rest: str) -> dict[str, Rule]:
    """The rules of a contract that must load, by their id."""
    return {rule.id: rule for rule in port(folder, properties, **rest).rules}


def faults(folder: Path, properties: str, **rest: str) -> list[Fault]:
    """The faults of a contract that must not load."""
    contract, found = read(folder, document(properties, **rest))
    assert contract is None
    assert found
    return found


def only_fault(folder: Path, properties: str, **rest: str) -> Fault:
    """The one fault of a contract that must not load."""
    found = faults(folder, properties, **rest)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


def violating(condition: str, column: str, kind: str, value: Any) -> bool:
    """Whether DuckDB finds that one row with ``value``, SQL text, meets ``condition``."""
    import duckdb

    with duckdb.connect() as connection:
        row = connection.execute(
            f'SELECT count(*) FILTER ({condition}) FROM (SELECT CAST({value} AS {kind}) "{column}")'
        ).fetchone()
    assert row is not None
    return bool(row[0])
