"""Many products as teams would write them, without a fault: what `check` is measured on."""

from __future__ import annotations

from pathlib import Path

import yaml

DOMAINS = 20
# Every fifth product reads an operational system, the others read two products before them.
_SOURCES = 5
_ACCESS = """
permit (
  principal in MeshRole::"{domain}_reader",
  action in [MeshAction::"read", MeshAction::"query"],
  resource in Domain::"{domain}"
);
"""


def generate(root: Path, products: int, policies: Path) -> None:
    """Write a mesh of ``products`` below ``root``, under the policies of the ``mesh.yaml`` that
    ``policies`` names: 12 to 20 columns and 7 to 10 rules each, SQL rules and relationships among
    them."""
    declared = yaml.safe_load(policies.read_text(encoding="utf-8"))
    storage = {"driver": "delta", "path": ".mesh/storage", "region": "us-east"}
    services = {"ops": {"driver": "files", "path": "data"}}
    mesh = {
        "name": "many",
        "policies": declared["policies"],
        "waivers": declared["waivers"],
        "profiles": {"local": {"storage": storage, "services": services}},
    }
    _write(root / "mesh.yaml", yaml.safe_dump(mesh, sort_keys=False))
    locations = [
        {"python_module": dict.fromkeys(("attribute", "location_name"), domain)}
        for domain in map(_domain, range(DOMAINS))
    ]
    for location in locations:
        location["python_module"]["module_name"] = "mesh_defs.locations"
    _write(root / "workspace.yaml", yaml.safe_dump({"load_from": locations}))
    for number in range(DOMAINS):
        _write(root / "domains" / _domain(number) / "defs.yaml", _DOMAIN.format(_domain(number)))
    for number in range(products):
        folder = root / "domains" / _domain(number) / _name(number)
        _write(folder / "defs.yaml", _manifest(number))
        _write(folder / "contract.yaml", _contract(number))
        _write(folder / f"{_name(number)}.sql", _query(number))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _domain(number: int) -> str:
    return f"domain_{number % DOMAINS:02d}"


def _name(number: int) -> str:
    return f"things_{number:04d}"


def _read(number: int) -> tuple[int, int] | None:
    """The products that a product reads; None when it reads a source."""
    if number < DOMAINS or number % _SOURCES == 0:
        return None
    return number - DOMAINS, number - 3


_DOMAIN = """\
type: mesh_defs.Domain
attributes:
  owner: {0}@nyc-air.example
  purpose: One of many parts of a business that measure what checking costs.
---
type: dagster.DefsFolderComponent
"""
_MANIFEST = """\
type: mesh_defs.DataProduct
attributes:
  archetype: {archetype}
  version: 1.2.0
  owner: {domain}@nyc-air.example
  purpose: >-
    Things of one part of a business as its own systems know them, cleaned and put together with
    what other parts know about them.
  limitations: |-
    - Nothing before the year 2020, and nothing that was taken back within a day.
    - Amounts are in the currency of the country, without any conversion between them.
  usage: Count by the day on which things were made. One row is one thing.
  tags: [generated, things]
  licence: MIT
  purposes: [analytics, operations]
  inputs:
{inputs}
  outputs:
    {name}: {{}}
"""
_EXPECTED = """\
    {0}:
      from: {1}
      expect:
        properties:
          - {{name: thing_id, logicalType: integer, required: true}}
          - {{name: made_on, logicalType: date, required: true}}
        quality:
          - {{name: some rows, metric: rowCount, mustBeGreaterThan: 0, dimension: coverage}}
"""


def _manifest(number: int) -> str:
    read = _read(number)
    if read is None:
        inputs = _EXPECTED.format("things", f"ops://table_{number}")
    else:
        things, others = (f"mesh://{_domain(n)}/{_name(n)}@1" for n in read)
        inputs = _EXPECTED.format("things", things) + f"    others: {others}\n"
    archetype = "source-aligned" if read is None else "aggregate"
    return _MANIFEST.format(
        archetype=archetype,
        domain=_domain(number),
        name=_name(number),
        inputs=inputs.rstrip("\n"),
    )


_HEAD = """\
apiVersion: v3.1.0
kind: DataContract
id: {domain}-{name}
name: Things number {number}
version: 1.2.0
status: active
domain: {domain}
dataProduct: {name}
description:
  purpose: What this part of the business knows of its things.
  limitations: Nothing before the year 2020.
  usage: Count by the day on which things were made.
schema:
  - name: {name}
    logicalType: object
    physicalType: table
    description: One thing of this part of the business.
    dataGranularityDescription: One row per thing.
    properties:
      - name: thing_id
        logicalType: integer
        physicalType: BIGINT
        required: true
        primaryKey: true
        primaryKeyPosition: 1
        classification: internal
        description: Number of the thing.
{refers}      - name: made_on
        logicalType: date
        physicalType: DATE
        required: true
        classification: internal
        description: Day on which it was made.
        logicalTypeOptions: {{minimum: "2020-01-01"}}
"""
_TEXT = """\
      - name: kind_{0}
        logicalType: string
        physicalType: VARCHAR
        classification: internal
        description: What it is in the sense of list {0}.
"""
_VALUES = """\
        quality:
          - name: known kinds of list {0}
            metric: invalidValues
            arguments: {{validValues: [small, medium, large]}}
            mustBe: 0
            dimension: conformity
"""
_NUMBER = """\
      - name: amount_{0}
        logicalType: number
        physicalType: DOUBLE
        classification: confidential
        description: Amount {0} in the currency of the country.
"""
_REFERS = """\
        relationships:
          - to: mesh://{0}/{1}/{1}#thing_id
"""
_TAIL = """\
    quality:
      - name: some rows
        metric: rowCount
        mustBeGreaterThan: 0
        dimension: coverage
      - name: amounts add up
        type: sql
        dimension: consistency
        description: The parts are never more than the whole.
        query: select count(*) from {{object}} where amount_1 + amount_3 < 0
        mustBe: 0
      - name: no day has most of the things
        type: sql
        dimension: accuracy
        query: >-
          select max(share) from (select count(*) * 1.0 / sum(count(*)) over () as share
          from {{object}} group by made_on)
        mustBeLessOrEqualTo: 1
slaProperties:
  - {{property: latency, value: 2, unit: d}}
  - {{property: retention, value: 10, unit: y, element: {name}.made_on}}
"""


def _columns(number: int) -> list[str]:
    """Names of the 10 to 18 columns that are no key and no day."""
    count = 9 + number % 9
    return [f"amount_{at}" if at % 2 else f"kind_{at}" for at in range(count)]


def _contract(number: int) -> str:
    read = _read(number)
    other = ""
    if read is not None:
        refers = _REFERS.format(_domain(read[1]), _name(read[1]))
        other = (
            "      - name: other_id\n        logicalType: integer\n        physicalType: BIGINT\n"
            "        classification: internal\n        description: Number of the other thing.\n"
            f"{refers}"
        )
    text = _HEAD.format(domain=_domain(number), name=_name(number), number=number, refers=other)
    for at, name in enumerate(_columns(number)):
        text += (_TEXT if name.startswith("kind") else _NUMBER).format(at)
        if name.startswith("kind") and at < 2 + number % 4:
            text += _VALUES.format(at)
    return text + _TAIL.format(name=_name(number))


def _query(number: int) -> str:
    made = ", ".join(_column(name) for name in _columns(number))
    if _read(number) is None:
        return (
            f"select thing_id, made_on, {made}\nfrom things\nwhere made_on >= date '2020-01-01'\n"
        )
    return (
        "with latest as (\n"
        "    select thing_id, max(made_on) as made_on from others group by thing_id\n)\n"
        f"select things.thing_id, latest.thing_id as other_id, things.made_on, {made}\n"
        "from things\nleft join latest on latest.thing_id = things.thing_id\n"
    )


def _column(name: str) -> str:
    if name.startswith("kind"):
        return f"coalesce('small', 'large') as {name}"
    return f"round(things.thing_id / {int(name[7:])}.0, 2) as {name}"
