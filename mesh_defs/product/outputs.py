"""One declared output against its contract: do the columns that its mode needs exist?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.rules import Unique
from mesh_defs.faults import did_you_mean
from mesh_defs.product.manifest import SEMVER
from mesh_defs.product.model import OutputPort

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh_defs.contract.model import Contract, PortContract
    from mesh_defs.faults import Fault
    from mesh_defs.product.manifest import Manifest, Output
    from mesh_defs.yaml_source import Document

_TIMES = ("date", "timestamp")
_TEXTS = ("VARCHAR", "CHAR", "TEXT", "STRING")
_CURSORS = ("integer", "number", "date", "timestamp")  # text has no order that grows with time


def check_output(
    document: Document, name: str, output: Output, contract: Contract, promise: PortContract
) -> tuple[OutputPort, list[Fault]]:
    """The port, and what is wrong with the columns and the driver that it names."""
    check = _Check(document, name, promise)
    key = tuple(output.key or ())
    if output.mode == "upsert" and not key:
        key = promise.primary_key
        if not key:
            check.fault(
                "mode",
                found="mode upsert without a key",
                allowed="a key in the manifest or a primary key in the contract",
                fix="add 'key: [<column>]', or primaryKey: true in the contract",
            )
    for column in key:
        check.column("key", column, required=True)
    if key and not _is_unique(promise, key):
        check.fault(
            "key",
            found=f"a key ({', '.join(key)}) that may repeat",
            allowed="the primary key, or columns that the contract promises to be unique",
            fix="mark them in the contract with 'primaryKey: true' or 'unique: true'",
        )
    if output.cursor is not None:
        check.column("cursor", output.cursor, required=True, types=_CURSORS)
    if output.by is not None:
        check.column("by", output.by, required=True, types=_TIMES)
    if output.actual_time is not None:
        check.column("actual_time", output.actual_time, types=_TIMES)
    check.compute(output.compute)
    port = OutputPort(
        name=name,
        contract=contract,
        promise=promise,
        mode=output.mode,
        cursor=output.cursor,
        key=key,
        by=output.by,
        every=output.every,
        start=output.start,
        end=output.end,
        actual_time=output.actual_time,
        compute=output.compute,
        reads=output.reads,
    )
    return port, check.faults


def version_faults(
    document: Document, manifest: Manifest, contracts: Iterable[Contract]
) -> list[Fault]:
    """Contracts whose major version is ahead of the product's.

    The product's version is that of all its ports together, and readers hold on to its major
    (``mesh://domain/product@1``): what breaks one port's contract breaks the product's interface.
    A contract may lag behind, and one whose version is no semantic version is not compared.
    """
    faults = []
    for contract in contracts:
        match = SEMVER.match(contract.version.removeprefix("v"))
        major = int(match.group(1)) if match is not None else 0
        if major > manifest.major:
            name = contract.path.name
            faults.append(
                document.fault(
                    ("attributes", "version"),
                    found=f"version {manifest.version}, behind version {contract.version} of "
                    f"{name}",
                    allowed="a major that is at least that of each of its contracts, since readers "
                    "hold on to the product's",
                    fix=f"write 'version: {major}.0.0', or a {manifest.major}.x in {name} when "
                    "nothing in it breaks its readers",
                )
            )
    return faults


def _is_unique(promise: PortContract, key: tuple[str, ...]) -> bool:
    return any(
        isinstance(rule, Unique) and rule.severity == "error" and set(rule.columns) == set(key)
        for rule in promise.rules
    )


class _Check:
    """Collects faults of one output."""

    def __init__(self, document: Document, name: str, promise: PortContract) -> None:
        self.document = document
        self.name = name
        self.promise = promise
        self.faults: list[Fault] = []

    def fault(self, key: str, *, found: str, allowed: str, fix: str) -> None:
        path = ("attributes", "outputs", self.name, key)
        self.faults.append(self.document.fault(path, found=found, allowed=allowed, fix=fix))

    def column(
        self, key: str, name: str, *, required: bool = False, types: tuple[str, ...] = ()
    ) -> None:
        column = self.promise.column(name)
        names = [c.name for c in self.promise.columns]
        if column is None:
            self.fault(
                key,
                found=f"unknown column '{name}'",
                allowed=", ".join(names),
                fix=did_you_mean(name, names),
            )
            return
        if required and not (column.required or column.primary_key_position is not None):
            self.fault(
                key,
                found=f"column '{name}', which may be empty",
                allowed="a required column",
                fix=f"write 'required: true' for '{name}' in the contract",
            )
        stored = (column.physical_type or "").upper()
        if types and stored.startswith(_TEXTS):
            self.fault(
                key,
                found=f"column '{name}', which is stored as {column.physical_type}",
                allowed=" or ".join(types),
                fix="name a column of such a type, or cast it",
            )
        elif types and column.logical_type not in types:
            self.fault(
                key,
                found=f"column '{name}' of type {column.logical_type}",
                allowed=" or ".join(types),
                fix="name a column of such a type",
            )

    def compute(self, name: str) -> None:
        from mesh_defs.drivers.registry import COMPUTES, known

        names = known(COMPUTES)
        if name not in names:
            self.fault(
                "compute",
                found=f"unknown compute '{name}'",
                allowed=", ".join(names),
                fix=did_you_mean(name, names),
            )
