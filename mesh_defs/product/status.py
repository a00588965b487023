"""How each product stands: what is published, under which verdicts, and what broke last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from mesh_defs.contract.verdicts import tally
from mesh_defs.errors import CorruptRecord, StorageFailed, UnknownAddress
from mesh_defs.faults import did_you_mean
from mesh_defs.product.attempts import Attempts
from mesh_defs.product.check import check_loaded
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.stores import product_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.faults import Fault
    from mesh_defs.product.attempts import Attempt
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.urls import MeshUrl

State = Literal["published", "never published", "broken"]

_ENDED_BADLY = frozenset({"failed", "error", "killed"})


@dataclass(frozen=True, slots=True)
class ProductStatus:
    """One product. ``record`` is its newest published version, which a product that is ``broken``
    now may still have; ``attempt`` is the last run; ``faults`` are those of its files; ``error``
    says why what it published cannot be told, ``notes`` what else was found, ``digest`` is that of
    the code that is there."""

    identity: str
    declared_version: str | None
    record: Record | None
    attempt: Attempt | None
    faults: tuple[Fault, ...] = ()
    error: str | None = None
    notes: tuple[str, ...] = ()
    digest: str = ""

    @property
    def state(self) -> State:
        """The product's state in one word."""
        if self.faults or self.error is not None:
            return "broken"
        return "published" if self.record is not None else "never published"

    @property
    def rows(self) -> int | None:
        """Rows of all ports of the published version together."""
        return sum(p.rows for p in self.record.ports.values()) if self.record else None

    @property
    def tally(self) -> Mapping[str, int] | None:
        """Verdicts of the published version by outcome."""
        return self.record.tally if self.record else None

    @property
    def last_run_broke(self) -> bool:
        """Whether the last run ended badly, with the code that is there now."""
        if self.attempt is None or self.attempt.result not in _ENDED_BADLY:
            return False
        return not (self.attempt.digest and self.digest and self.attempt.digest != self.digest)

    @property
    def problem(self) -> str | None:
        """What broke: the manifest's first fault, what cannot be read, why the last run did not
        publish; with the notes, a line each."""
        found = [] if self._broke is None else [self._broke]
        return "\n".join([*found, *self.notes]) or None

    @property
    def _broke(self) -> str | None:
        if self.faults:
            more = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
            return f"{self.faults[0]}{more}"
        if self.error is not None:
            return self.error
        if self.attempt is None or not self.last_run_broke:
            return None
        return self.attempt.message or self.attempt.result

    def as_dict(self) -> dict[str, Any]:
        """The status as JSON values; times are ISO 8601 in UTC."""
        record, attempt = self.record, self.attempt
        return {
            "product": f"mesh://{self.identity}",
            "state": self.state,
            "declared_version": self.declared_version,
            "version": record.version if record else None,
            "product_version": record.product_version if record else None,
            "published_at": record.published_at if record else None,
            "environment": record.environment if record else None,
            "rows": self.rows,
            "verdicts": self.tally,
            "last_run": attempt
            and {
                "run_id": attempt.run_id,
                "started_at": attempt.started_at,
                "result": attempt.result,
                "seconds": round(attempt.seconds, 3),
                "message": attempt.message,
                "verdicts": tally(attempt.verdicts),
            },
            "faults": [fault.as_dict() for fault in self.faults],
            "error": self.error,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class ProductDetails:
    """One product in full: ``product`` None when its files are broken, ``history`` newest first,
    ``verdicts`` those of the published version."""

    status: ProductStatus
    product: Product | None
    history: tuple[Record, ...]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts under which the newest version was published."""
        return self.status.record.verdicts if self.status.record else ()

    def as_dict(self) -> dict[str, Any]:
        """The details as JSON values."""
        record = self.status.record
        declared = self.product.manifest if self.product else None
        return {
            **self.status.as_dict(),
            "owner": declared.owner if declared else None,
            "purpose": declared.purpose if declared else None,
            "ports": {
                name: {
                    "rows": port.rows,
                    "added_rows": port.added_rows,
                    "bytes": port.bytes,
                    "files": port.files,
                    "contract": f"{port.contract_id} {port.contract_version}",
                    "actual_from": port.actual_from,
                    "actual_to": port.actual_to,
                }
                for name, port in (record.ports.items() if record else ())
            },
            "inputs": {
                name: {"from": i.source, "version": i.version, "fingerprint": i.fingerprint}
                for name, i in (record.inputs.items() if record else ())
            },
            "every_verdict": [verdict.as_dict() for verdict in self.verdicts],
            "history": [
                {
                    "version": r.version,
                    "published_at": r.published_at,
                    "product_version": r.product_version,
                    "run_id": r.run_id,
                    "environment": r.environment,
                    "rows": sum(port.rows for port in r.ports.values()),
                    "verdicts": r.tally,
                }
                for r in self.history
            ],
        }


def mesh_status(mesh: Mesh) -> list[ProductStatus]:
    """The status of every product, sound or broken, by domain and name, with the faults that a
    check of the mesh finds."""
    groups = check_loaded(mesh).groups
    return [
        product_status(mesh, identity, _faults(mesh, identity, groups))
        for identity in sorted({*mesh.products, *mesh.broken})
    ]


def product_details(mesh: Mesh, url: MeshUrl) -> ProductDetails:
    """One product in full. Raises `UnknownAddress` when no folder has it."""
    identity = url.identity
    if identity not in mesh.products and identity not in mesh.broken:
        known = [f"mesh://{name}" for name in sorted({*mesh.products, *mesh.broken})]
        fix = did_you_mean(f"mesh://{identity}", known)
        raise UnknownAddress(f"no product mesh://{identity} in '{mesh.root}'. Fix: {fix}")
    domain, name = identity.split("/")
    faults = _faults(mesh, identity, check_loaded(mesh).groups)
    status = product_status(mesh, identity, faults)
    history, corrupt = Ledger(product_store(mesh.settings, domain, name)).sound()
    older = tuple(str(error) for error in corrupt if str(error) != status.error)
    status = replace(status, notes=(*status.notes, *older))
    return ProductDetails(status, mesh.products.get(identity), tuple(history))


def product_status(mesh: Mesh, identity: str, checked: tuple[Fault, ...] = ()) -> ProductStatus:
    """The status of the product ``<domain>/<product>``, which the mesh has, sound or broken.
    ``checked`` are the faults that a check found; without them, those of reading its files."""
    product, broken = mesh.products.get(identity), mesh.broken.get(identity)
    domain, name = identity.split("/")
    store = product_store(mesh.settings, domain, name)
    record, attempt, error = None, None, None
    notes: tuple[str, ...] = ()
    try:
        attempts = Attempts(store)
        attempt, notes = attempts.last(), _notes(attempts)
        record = Ledger(store).latest()
    except (CorruptRecord, StorageFailed) as raised:
        error = str(raised)
    return ProductStatus(
        identity,
        product.manifest.version if product else None,
        record,
        attempt,
        checked or (broken.faults if broken else ()),
        error,
        notes,
        product.digest if product else "",
    )


def _faults(
    mesh: Mesh, identity: str, groups: Mapping[str, tuple[Fault, ...]]
) -> tuple[Fault, ...]:
    """The product's own faults, then those of policies above it that cannot be used and stop it."""
    own, product = groups.get(f"mesh://{identity}", ()), mesh.products.get(identity)
    above = mesh.governance.broken_for(product) if product is not None else ()
    return tuple(dict.fromkeys([*own, *(fault for each in above for fault in each.faults)]))


def _notes(attempts: Attempts) -> tuple[str, ...]:
    return tuple(
        f"{place} tells of a run and cannot be read; nothing that is published depends on it. "
        "Fix: remove the file; the next run that ends in order takes this note away, too"
        for place in attempts.corrupt()
    )
