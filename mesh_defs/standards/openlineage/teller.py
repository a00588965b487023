"""Tells of the runs of a product by OpenLineage events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mesh_defs.errors import MeshError
from mesh_defs.product.described.document import compose
from mesh_defs.product.described.facts import ProductFacts
from mesh_defs.product.described.ports import verdict_entry
from mesh_defs.product.described.stored import stored_document
from mesh_defs.product.stores import product_store
from mesh_defs.product.tell import NotTold
from mesh_defs.standards.openlineage.events import run_event, version_event
from mesh_defs.standards.openlineage.send import FileTransport, HttpTransport, NoTransport
from mesh_defs.standards.openlineage.waiting import PatientTransport, Waiting

if TYPE_CHECKING:
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.report import RunReport
    from mesh_defs.settings import Settings
    from mesh_defs.standards.openlineage.events import Kind
    from mesh_defs.standards.openlineage.send import Transport


def teller(mesh: Mesh, product: Product) -> OpenLineageTeller:
    """Who tells of the runs of ``product`` as the profile says. Raises `NotTold`."""
    return OpenLineageTeller(mesh, product, transport_of(mesh.settings))


def transport_of(settings: Settings) -> Transport:
    """Where the profile's events go; those for a server wait where it cannot be reached. Raises
    `NotTold` where nothing is declared."""
    declared = settings.profile.openlineage
    if declared.file is not None:
        return FileTransport(settings.path(declared.file))
    if declared.address is None:
        raise NotTold("the profile names neither a file nor a url")
    return PatientTransport(_server(settings, declared.address), Waiting.of(settings))


def send_waiting(settings: Settings) -> tuple[int, int]:
    """Send what could not be sent before; how many were, and how many waited. Raises `NotTold` when
    one cannot be sent, or events go to no server."""
    declared = settings.profile.openlineage
    if declared.address is None:
        raise NotTold("the profile names no url under 'openlineage': nothing waits for a server")
    waiting = Waiting.of(settings)
    before = len(waiting.files())
    return waiting.send(_server(settings, declared.address), None), before


def _server(settings: Settings, address: str) -> Transport:
    declared = settings.profile.openlineage
    if declared.key is None:
        return HttpTransport(address)
    try:
        key = str(settings.resolved({"key": declared.key})["key"])
    except MeshError as error:
        return NoTransport(str(error))
    return HttpTransport(address, key)


class OpenLineageTeller:
    """`mesh_defs.product.tell.Teller` of one product."""

    def __init__(self, mesh: Mesh, product: Product, transport: Transport) -> None:
        self.mesh = mesh
        self.product = product
        self.transport = transport

    def finished(self, record: Record) -> None:
        """A publish of an earlier run was finished."""
        self.transport.send(self._published(record))

    def killed(self, run_id: str) -> None:
        """An earlier run had ended without a word."""
        why = "the process ended without a word"
        event = run_event("ABORT", self._declared(), run_id, _now(), error=why)
        self.transport.send(event)

    def started(self, run_id: str, time: str) -> None:
        """A run began."""
        self.transport.send(run_event("START", self._declared(), run_id, time))

    def ended(self, report: RunReport, time: str) -> None:
        """A run published, found nothing new, or was refused: then the verdicts tell why."""
        if report.outcome == "published" and report.record is not None:
            self.transport.send(self._published(report.record))
            return
        document = self._refused(report)
        if report.outcome == "failed":
            said = self.mesh.settings.redact(report.explanation().splitlines()[0])
            event = run_event("FAIL", document, report.run_id, time, error=said)
        else:
            event = run_event("COMPLETE", document, report.run_id, time)
        self.transport.send(event)

    def broke(self, run_id: str, message: str, time: str, *, stopped: bool) -> None:
        """A run broke or was stopped."""
        kind: Kind = "ABORT" if stopped else "FAIL"
        self.transport.send(run_event(kind, self._declared(), run_id, time, error=message))

    def _published(self, record: Record) -> dict[str, Any]:
        store = product_store(self.mesh.settings, self.product.domain, self.product.name)
        document = stored_document(store, self.product.identity, record.version)
        if document is None:
            document = compose(self._facts(record))
        return version_event(document, _now(), record.lineage.get("ways", {}))

    def _refused(self, report: RunReport) -> dict[str, Any]:
        """What is declared, with what this run read and found of it."""
        document = self._declared()
        document["inputs"] = [
            {"name": name, "source": read.source, "version": read.version}
            for name, read in report.inputs.items()
        ] or document["inputs"]
        document["expectations"] = [verdict_entry(each) for each in report.expectations]
        for port in document["ports"]:
            found = report.ports.get(port["port"])
            own = [v for v in report.policies if v.subject == port["port"]]
            port["verdicts"] = [
                verdict_entry(v) for v in (*(found.verdicts if found else ()), *own)
            ]
        return document

    def _declared(self) -> dict[str, Any]:
        return compose(self._facts(None))

    def _facts(self, record: Record | None) -> ProductFacts:
        return ProductFacts(
            mesh=self.mesh.settings.name,
            domain=self.product.domain,
            product=self.product.name,
            manifest=self.product.manifest,
            outputs=self.product.outputs,
            record=record,
            transform=self.product.transform.kind,
            digest=self.product.digest,
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
