"""The mesh of `policies`: bookings that are entered, published on, and read, under every policy on
data that ships, each with something to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from benchmarks._bookings import AIRCRAFT, BOOKINGS, COLUMNS, FLEET, ROWS
from mesh_defs.policy.model import DataPolicy
from mesh_defs.policy.registry import names, policy_class
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh
from mesh_defs.product.model import Mesh

BOOKED = "mesh://passengers/bookings"
_SMALL = 20_000
# What a policy needs to have any work to do; all others run as they ship.
_GIVEN: Mapping[str, str] = {
    "FreshnessKept": "{at_most_days: 7}",
    "RetentionKept": "{at_most_days: 800}",
    "WithinBudget": "{rows: 20000000, bytes: 2000000000, seconds: 3600}",
    "KAnonymity": "{k: 5}",
    "MinimumGroupSize": "{k: 5}",
    "LDiversity": "{l: 3, entropy: true}",
}
# Who finds something where the contract does not say that ``contact`` holds addresses.
FINDS = frozenset({"UndeclaredPersonalData", "SensitivityFollows"})
_TYPES = {"booking_id": "integer", "booked_at": "timestamp", "flight_date": "date"} | dict.fromkeys(
    ("departure_delay", "arrival_delay", "distance", "fare", "seats"), "number"
)
_CLASSES = {"status": "sensitive", "contact": "personal"}
_MANIFEST = """
type: mesh_defs.DataProduct
attributes:
  archetype: {archetype}
  version: 1.0.0
  owner: team:benchmark
  purpose: Bookings of which a benchmark measures what governing them costs.
  purposes: [training, analytics]
  tags: [training]
  training:
    evaluation: Held back bookings of the last month.
    representation: [{{column: {group}, minimum: 0.00001, maximum: 0.99}}]
  inputs:
    {input}
"""
_EXPECTED = """
      expect:
        properties:
          - {name: fare, required: true, logicalType: number, logicalTypeOptions: {minimum: 0}}
          - {name: booked_at, required: true}
          - {name: origin, required: true}"""
_DOMAIN = """
type: mesh_defs.Domain
attributes: {owner: team:benchmark, purpose: Measuring.}
---
type: dagster.DefsFolderComponent
"""
_CUSTOM = """
    customProperties:
      - {property: quasiIdentifiers, value: [carrier, origin, destination]}
      - {property: groupSize, value: distance}
slaProperties:
  - property: latency
    value: 2
    unit: d
    element: bookings.booked_at
    customProperties: [{property: severity, value: warning}]
  - property: retention
    value: 400
    unit: d
    element: bookings.booked_at
    customProperties: [{property: severity, value: warning}]
"""


def data_policies() -> list[str]:
    """Names of all policies on data that ship."""
    found = {name: policy_class(name) for name in names()}
    return [n for n, each in found.items() if each is not None and issubclass(each, DataPolicy)]


def small_mesh(root: Path) -> Mesh:
    """The mesh below ``root`` on the first rows of the bookings, every product published once
    without policies, and then with all of them in force."""
    (root / "data").mkdir(parents=True)
    some = BOOKINGS.replace(f"range({ROWS})", f"range({_SMALL})")
    for name, query in (("bookings", some), ("fleet", FLEET)):
        file = root / "data" / f"{name}.parquet"
        duckdb.connect().execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
    _product(root, "fleet/aircraft", "fleet: files://fleet", ("tail_number",))
    _product(root, "sales/bookings", "entered: files://bookings", COLUMNS)
    _product(root, "passengers/bookings", "entered: mesh://sales/bookings", COLUMNS)
    source = f"booked:\n      from: {BOOKED}{_EXPECTED}"
    _product(root, "care/revenue", source, ("booking_id", "fare"))
    _mesh_yaml(root, [])
    mesh = load_mesh(root)
    if mesh.faults:
        raise ValueError("\n".join(str(fault) for fault in mesh.faults))
    for identity in ("fleet/aircraft", "sales/bookings", "passengers/bookings"):
        report = run_product(mesh, mesh.products[identity])
        if report.outcome != "published":
            raise ValueError(f"{identity}: {[v for v in report.verdicts if v.blocking]}")
    _mesh_yaml(root, data_policies())
    return load_mesh(root)


def _mesh_yaml(root: Path, policies: list[str]) -> None:
    listed = [f"  - {{policy: {name}, with: {_GIVEN.get(name, '{}')}}}" for name in policies]
    text = "name: governed\nprofiles:\n  local:\n    services:\n"
    text += "      files: {driver: files, path: data}\n"
    if listed:
        text += "policies:\n" + "\n".join(listed) + "\n"
    (root / "mesh.yaml").write_text(text, encoding="utf-8")


def _product(root: Path, identity: str, source: str, columns: tuple[str, ...]) -> None:
    domain, name = identity.split("/")
    folder = root / "domains" / identity
    folder.mkdir(parents=True)
    (folder.parent / "defs.yaml").write_text(_DOMAIN, encoding="utf-8")
    archetype = "aggregate" if "mesh://" in source else "source-aligned"
    group = "carrier" if "carrier" in columns else columns[0]
    manifest = _MANIFEST.format(archetype=archetype, input=source, group=group)
    if domain != "passengers":  # only of the product that is measured more is asked
        manifest = manifest.replace(", maximum: 0.99", ", maximum: 1.0")
    (folder / "defs.yaml").write_text(manifest, encoding="utf-8")
    (folder / "contract.yaml").write_text(_contract(domain, name, columns), encoding="utf-8")
    query = f"select {', '.join(columns)} from {source.partition(':')[0]}\n"
    (folder / f"{name}.sql").write_text(query, encoding="utf-8")


def _contract(domain: str, name: str, columns: tuple[str, ...]) -> str:
    text = "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nstatus: active\n"
    text += f"id: {domain}-{name}\nschema:\n  - name: {name}\n    properties:\n"
    for column in columns:
        more = ", required: true, primaryKey: true" if column == "booking_id" else ""
        if column == "tail_number":
            key = (
                "primaryKey: true, required: true"
                if name == "aircraft"
                else f'relationships: [{{to: "{AIRCRAFT}#tail_number"}}]'
            )
            more = f", {key}"
        text += (
            f"      - {{name: {column}, logicalType: {_TYPES.get(column, 'string')}"
            f", classification: {_CLASSES.get(column, 'internal')}{more}}}\n"
        )
    return text + (_CUSTOM.lstrip("\n") if domain == "passengers" else "")
