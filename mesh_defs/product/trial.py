"""Policies tried on the mesh as it is: what would break before anyone turns one on, and how every
product stands under those that are in force."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.data import Rows, Staged
from mesh_defs.errors import InvalidMesh, MeshError, NotPublished, UnknownAddress
from mesh_defs.faults import did_you_mean
from mesh_defs.policy import registry
from mesh_defs.policy.evaluate import declared_verdicts, policy_verdict
from mesh_defs.policy.governance import InForce, Origin
from mesh_defs.policy.model import DataPolicy
from mesh_defs.policy.subject import StagedPort
from mesh_defs.product.attempts import Attempts
from mesh_defs.product.flows import run_flows
from mesh_defs.product.ledger import Ledger, recent
from mesh_defs.product.privacy import handles_personal_data
from mesh_defs.product.profile_key import profile_key
from mesh_defs.product.resolve import foreign_relations, port_files, published
from mesh_defs.product.stores import product_store
from mesh_defs.sql import quote
from mesh_defs.urls import MeshUrl
from mesh_defs.validation import validate
from mesh_defs.yaml_source import Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.policy.model import Policy
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import Mesh, OutputPort, Product


class WrongParameters(InvalidMesh):
    """The parameters that a policy was to be tried with are none of its own, or have other values
    than it allows."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One policy on one port. ``verdict`` is None where it has nothing to say, or could not be
    tried; ``reason`` then tells why (empty: it does not apply)."""

    product: str
    port: str
    verdict: Verdict | None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The trial as JSON values."""
        return {
            "product": f"mesh://{self.product}",
            "port": self.port,
            "verdict": self.verdict.as_dict() if self.verdict is not None else None,
            "reason": self.reason or None,
        }


def find_policy(mesh: Mesh, name: str, given: Mapping[str, Any]) -> tuple[Policy, str]:
    """The policy that ``name`` means, with ``given`` parameters, and where it comes from.

    A declared id first (with its own parameters), then one that ships or stands in a ``policies/``
    folder. Raises `UnknownAddress`, and `WrongParameters` with all their faults.
    """
    declared = [d for d in mesh.governance.declarations if d.id == name]
    if declared:
        policy, place = declared[0].policy, str(declared[0].origin)
        if not given:
            return policy, place
        return _with(type(policy), {**policy.model_dump(), **given}), place
    kind = registry.policy_class(name)
    if kind is not None:
        return _with(kind, dict(given)), "shipped"
    local = registry.local_policies(mesh.root / registry.FOLDER, mesh.root).classes
    for domain in mesh.domains:
        local = {
            **registry.local_policies(domain.folder / registry.FOLDER, mesh.root).classes,
            **local,
        }
    if name in local:
        return _with(local[name], dict(given)), registry.FOLDER
    known = sorted({*registry.names(), *local, *mesh.governance.ids})
    raise UnknownAddress(
        f"no policy '{name}'; there are {', '.join(known) or 'none'}. "
        f"Fix: {did_you_mean(name, known)}"
    )


def _with(kind: type[Policy], values: dict[str, Any]) -> Policy:
    # No file: line 0 of what goes by the policy's name.
    result = validate(kind, Document(kind.__name__, values, {(): 0}), (), values)
    if isinstance(result, list):
        raise WrongParameters(result)
    return result


def try_policy(mesh: Mesh, policy: Policy, name: str, place: str) -> Iterator[Trial]:
    """What ``policy`` says of every port of the mesh, as if it were in force with ``stop`` and
    without waivers of other policies; on data, of the version that is published."""
    now = datetime.now(UTC)
    held = InForce(name, policy, "stop", (Origin(place, 0, "mesh"),))
    for product in mesh.products.values():
        for output in product.outputs:
            if not policy.applies(product, output, mesh):
                yield Trial(product.identity, output.name, None)
                continue
            if not isinstance(policy, DataPolicy):
                verdict = policy_verdict(mesh, product, output, held, now)
                yield Trial(product.identity, output.name, verdict)
                continue
            try:
                with published_port(mesh, product, output, now) as port:
                    verdict = policy_verdict(mesh, product, output, held, now, port)
            except NotPublished:
                yield Trial(product.identity, output.name, None, "nothing is published yet")
            except MeshError as error:
                yield Trial(product.identity, output.name, None, str(error))
            else:
                yield Trial(product.identity, output.name, verdict)


@contextmanager
def published_port(
    mesh: Mesh, product: Product, output: OutputPort, now: datetime
) -> Iterator[StagedPort]:
    """The published version of a port as policies on data see it, with the versions of its inputs
    that it was made from. Raises `NotPublished` and `MeshError`."""
    from mesh_defs.drivers.compute.duckdb import DuckDBCompute

    store = product_store(mesh.settings, product.domain, product.name)
    history = recent(Ledger(store))
    if not history or output.name not in history[0].ports:
        raise NotPublished(f"mesh://{product.identity}/{output.name} has no published version yet")
    record = history[0]
    files = port_files(store, record, output.name)
    relations = foreign_relations(mesh.settings, product, {})
    inputs = _inputs(mesh, product, record)
    readable = [*files, *(f for rows in inputs.values() for f in rows.files)]
    readable += [f for rows in relations.values() if isinstance(rows, Rows) for f in rows.files]
    with (
        TemporaryDirectory(prefix="mesh-trial-") as scratch,
        closing(DuckDBCompute(Path(scratch))) as session,
    ):
        for name, rows in inputs.items():
            session.connection.execute(f"CREATE VIEW {quote(name)} AS SELECT * FROM {rows.sql}")
        session.lock(readable, [])
        stored = record.ports[output.name]
        port = StagedPort(
            mesh=mesh,
            product=product,
            output=output,
            connection=session.connection,
            staged=Staged.only(Rows.parquet(files)),
            now=now,
            bytes=stored.bytes,
            seconds=sum(record.seconds.values()),
            verdicts=stored.verdicts,
            history=history[1:],
            lineage=record.lineage,
            relations=relations,
            flows=run_flows(mesh, product, record.inputs, record.lineage),
            made=stored.added_rows,
            private=handles_personal_data(mesh, product),
            profile_key=partial(profile_key, store, make=False),
        )
        with closing(port):
            yield port


def _inputs(mesh: Mesh, product: Product, record: Record) -> dict[str, Rows]:
    """The versions of other products that ``record`` was made from, where they are still there."""
    found: dict[str, Rows] = {}
    for port in product.inputs:
        read = record.inputs.get(port.name)
        if not isinstance(port.source, MeshUrl) or read is None or read.version is None:
            continue
        url = MeshUrl(
            port.source.domain, port.source.product, port.source.port, version=read.version
        )
        try:
            found[port.name] = published(mesh.settings, url).rows
        except MeshError:
            continue  # A policy that needs it says that the relation is missing.
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """How one port stands under the policies in force: verdicts by policy, those of the last run or
    of what is published, and what is declared as it is now. None: it has not run yet."""

    product: str
    port: str
    verdicts: Mapping[str, Verdict | None]


def matrix(mesh: Mesh) -> list[Standing]:
    """Every port with every policy that applies to it, by product and port."""
    now = datetime.now(UTC)
    found: list[Standing] = []
    for identity in sorted(mesh.products):
        product = mesh.products[identity]
        declared = declared_verdicts(mesh, product, now)
        ran = _last_verdicts(mesh, product)
        for output in product.outputs:
            held = mesh.governance.in_force(product, output, mesh)
            verdicts: dict[str, Verdict | None] = {each.id: None for each in held}
            known = [*ran, *declared]
            verdicts.update(
                {v.rule: v for v in known if v.subject == output.name and v.rule in verdicts}
            )
            found.append(Standing(identity, output.name, verdicts))
    return found


def _last_verdicts(mesh: Mesh, product: Product) -> list[Verdict]:
    store = product_store(mesh.settings, product.domain, product.name)
    record = Ledger(store).latest()
    attempt = Attempts(store).latest()
    verdicts = list(record.verdicts) if record is not None else []
    if attempt is not None and attempt.result in ("failed", "unchanged"):
        verdicts += attempt.verdicts
    return [verdict for verdict in verdicts if verdict.stage == "policy"]
