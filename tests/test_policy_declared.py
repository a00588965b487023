"""Each policy about what is declared: what breaks it, and what nearly does."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from governed_meshes import mesh_yaml
from meshes import contract, domain_yaml, load, manifest, write_mesh

from mesh_defs.contract.verdicts import Verdict
from mesh_defs.policy.evaluate import declared_verdicts
from mesh_defs.product.check import check_mesh
from mesh_defs.product.load import load_mesh
from mesh_defs.product.model import Mesh

FULL = """
- name: order_id
  logicalType: integer
  required: true
  primaryKey: true
  classification: internal
  description: The order.
- {name: amount, logicalType: integer, classification: internal, description: In cents.}
"""
BODY = """
limitations: Orders of the old shop are not in it.
licence: internal use
purposes: [analytics]
inputs: {raw: 'files://raw'}
"""
SLA = """
slaProperties:
  - {property: latency, value: 1, unit: d}
  - {property: retention, value: 2, unit: y}
"""


def product(
    body: str = BODY, properties: str = FULL, *, more: str = "", port: str = "orders", **given: str
) -> dict[str, str]:
    """The files of a product ``sales/<port>``."""
    domain = given.pop("domain", "sales")
    text = contract(port, properties).replace(
        f"  - name: {port}\n", f"  - name: {port}\n    description: Rows of {port}.\n"
    )
    text += textwrap.dedent(more)
    columns = "order_id, amount"
    folder = f"domains/{domain}/{port}"
    return {
        f"{folder}/defs.yaml": manifest(body, **given),
        f"{folder}/contract.yaml": text,
        f"{folder}/{port}.sql": f"select {columns} from raw\n",
    }


def judge(
    root: Path, policy: str, *files: dict[str, str], name: str = "sales/orders", yaml: str = ""
) -> Verdict:
    """The verdict of ``policy`` (an entry in YAML) on the main port of ``name``."""
    merged: dict[str, str] = {"mesh.yaml": yaml or mesh_yaml(f"- {policy}")}
    for each in files or (product(more=SLA),):
        merged |= each
    write_mesh(root, merged)
    mesh = load(root)
    return verdict_of(mesh, name)


def verdict_of(mesh: Mesh, name: str) -> Verdict:
    from datetime import UTC, datetime

    found = declared_verdicts(mesh, mesh.products[name], datetime.now(UTC))
    assert len(found) == 1
    return found[0]


def messages(verdict: Verdict) -> list[str]:
    """What was found; a policy that could not run fails the test."""
    assert verdict.outcome != "error", verdict.reason
    return [str(finding["message"]) for finding in verdict.findings]


OWNER = "{policy: OwnerReachable, with: {mail_domains: [shop.example], teams: [data]}}"


@pytest.mark.parametrize(
    ("owner", "finding"),
    [
        ("ada@shop.example", None),
        ("Ada@SHOP.example", None),
        ("team:data", None),
        ("ada@shop.example.org", "is outside of the organisation"),
        ("ada@other.example", "is outside of the organisation"),
        ("noreply@shop.example", "where nobody answers"),
        ("todo+x@shop.example", "where nobody answers"),
        ("team:dat", "is no known team"),
    ],
)
def test_owner_reachable(tmp_path: Path, owner: str, finding: str | None) -> None:
    files = product(more=SLA)
    sound = domain_yaml().replace("team:test", "team:data")
    files["domains/sales/defs.yaml"] = sound
    file = "domains/sales/orders/defs.yaml"
    files[file] = files[file].replace("team:test", owner)
    found = messages(judge(tmp_path, OWNER, files))
    assert found == [] if finding is None else finding in found[0]


def test_the_owner_of_the_domain_is_reachable_too(tmp_path: Path) -> None:
    files = product(more=SLA)
    file = "domains/sales/orders/defs.yaml"
    files[file] = files[file].replace("team:test", "team:data")
    assert messages(judge(tmp_path, OWNER, files)) == [
        "the domain's owner 'team:test' is no known team"
    ]


@pytest.mark.parametrize(
    ("purpose", "limitations", "found"),
    [
        ("What was ordered, by whom.", "Orders of 2019 are missing.", []),
        ("What was ordered, by.", "Orders of 2019 are missing.", ["'purpose' has 4 words only"]),
        ("What was ordered, by whom.", "", ["'limitations' is not written"]),
        (
            "What was ordered, by whom.",
            "TODO write them",
            ["'limitations' still has its placeholder"],
        ),
        ("TBD", "tbd", ["'purpose' still has", "'limitations' still has"]),
    ],
)
def test_purpose_and_limitations(
    tmp_path: Path, purpose: str, limitations: str, found: list[str]
) -> None:
    body = BODY.replace("limitations: Orders of the old shop are not in it.\n", "")
    body += f"limitations: {limitations}\n" if limitations else ""
    files = product(body, more=SLA)
    file = "domains/sales/orders/defs.yaml"
    files[file] = files[file].replace("A product of a test.", purpose)
    shown = messages(judge(tmp_path, "PurposeAndLimitations", files))
    assert len(shown) == len(found)
    assert all(part in message for part, message in zip(found, shown, strict=True))


def test_meaning_described(tmp_path: Path) -> None:
    assert messages(judge(tmp_path, "MeaningDescribed")) == []
    without = FULL.replace(", description: In cents.", "")
    verdict = judge(tmp_path, "MeaningDescribed", product(properties=without, more=SLA))
    assert messages(verdict) == ["the column 'amount' has no description"]
    assert verdict.findings[0]["file"] == "domains/sales/orders/contract.yaml"
    line = int(verdict.findings[0]["line"])
    text = (tmp_path / "domains/sales/orders/contract.yaml").read_text().splitlines()
    assert "name: amount" in text[line - 1]


def test_executable_contract(tmp_path: Path) -> None:
    # Required and the primary key: two rules besides names and types.
    assert messages(judge(tmp_path, "{policy: ExecutableContract, with: {rules: 2}}")) == []
    found = judge(tmp_path, "{policy: ExecutableContract, with: {rules: 3}}")
    assert messages(found) == ["2 rules of the port 'orders' run and stop a version"]
    soft = """
    - name: order_id
      logicalType: integer
      quality: [{metric: nullValues, mustBe: 0, severity: warning}]
    - {name: amount, logicalType: integer}
    """
    found = judge(tmp_path, "ExecutableContract", product(properties=soft))
    assert messages(found) == ["0 rules of the port 'orders' run and stop a version"]


def test_times_promised(tmp_path: Path) -> None:
    timed = FULL.replace("amount, logicalType: integer", "amount, logicalType: date")
    fresh = "slaProperties:\n  - {property: latency, value: 1, unit: d}\n"
    missing = ["the port 'orders' promises no retention"]
    both = product(properties=timed, more=SLA)
    assert messages(judge(tmp_path, "TimesPromised", both)) == []
    half = product(properties=timed, more=fresh)
    assert messages(judge(tmp_path, "TimesPromised", half)) == missing
    asked = "{policy: TimesPromised, with: {retention: false}}"
    assert messages(judge(tmp_path, asked, half)) == []
    # Rows without a time cannot be too old.
    assert messages(judge(tmp_path, "TimesPromised", product(more=fresh))) == []
    none = product(properties=timed)
    assert len(messages(judge(tmp_path, "TimesPromised", none))) == 2


SERVICES = """
name: test
profiles:
  local:
    services:
      files: {driver: files, path: data%s}
policies: [ArchetypesInOrder]
"""


def reads(
    port: str, source: str, archetype: str, domain: str = "care", status: str = "active"
) -> dict[str, str]:
    body = BODY.replace("files://raw", source) + f"status: {status}\n"
    return product(body, more=SLA, port=port, archetype=archetype, domain=domain)


@pytest.mark.parametrize(
    ("archetype", "upstream", "finding"),
    [
        ("aggregate", "source-aligned", None),
        ("aggregate", "aggregate", None),
        ("consumer-aligned", "consumer-aligned", None),
        ("consumer-aligned", "source-aligned", None),
        ("aggregate", "consumer-aligned", "reads mesh://sales/orders, which is consumer-aligned"),
        ("source-aligned", "source-aligned", "a source-aligned product reads mesh://sales/orders"),
    ],
)
def test_archetypes_in_order(
    tmp_path: Path, archetype: str, upstream: str, finding: str | None
) -> None:
    yaml = SERVICES % ", domain: sales"
    source = product(more=SLA, archetype=upstream)
    reader = reads("mine", "mesh://sales/orders", archetype)
    found = messages(judge(tmp_path, "", source, reader, name="care/mine", yaml=yaml))
    assert found == [] if finding is None else finding in found[0]


@pytest.mark.parametrize(
    ("owner", "finding"),
    [
        (", domain: care", None),
        (", domain: sales", "an operational system of the domain sales"),
        ("", "an operational system of no domain that mesh.yaml names"),
    ],
)
def test_a_consumer_aligned_product_reads_its_own_systems_only(
    tmp_path: Path, owner: str, finding: str | None
) -> None:
    reader = reads("mine", "files://raw", "consumer-aligned")
    found = messages(judge(tmp_path, "", reader, name="care/mine", yaml=SERVICES % owner))
    assert found == [] if finding is None else finding in found[0]


@pytest.mark.parametrize(("status", "count"), [("active", 0), ("deprecated", 0), ("retired", 1)])
def test_no_retired_input(tmp_path: Path, status: str, count: int) -> None:
    source = product(f"{BODY}status: {status}\n", more=SLA)
    reader = reads("mine", "mesh://sales/orders", "aggregate")
    found = judge(tmp_path, "NoRetiredInput", source, reader, name="care/mine")
    assert len(messages(found)) == count


@pytest.mark.parametrize(
    ("status", "own", "said"),
    [
        ("active", "active", None),
        ("deprecated", "active", None),
        ("retired", "active", None),
        ("draft", "active", "whose status is draft"),
        ("draft", "deprecated", "the product is deprecated"),
        ("proposed", "active", "whose status is proposed"),
        ("draft", "draft", None),
        ("draft", "proposed", None),
    ],
)
def test_no_draft_input(tmp_path: Path, status: str, own: str, said: str | None) -> None:
    source = product(f"{BODY}status: {status}\n", more=SLA)
    reader = reads("mine", "mesh://sales/orders", "aggregate", status=own)
    found = messages(judge(tmp_path, "NoDraftInput", source, reader, name="care/mine"))
    assert len(found) == (said is not None)
    assert said is None or (said in found[0] and "reads mesh://sales/orders" in found[0])


def test_no_cycle(tmp_path: Path) -> None:
    one = reads("one", "mesh://care/two", "aggregate")
    two = reads("two", "mesh://care/three", "aggregate")
    three = reads("three", "mesh://care/one", "aggregate")
    outside = reads("outside", "mesh://care/one", "aggregate")
    straight = reads("straight", "mesh://sales/orders", "aggregate")
    files = {"mesh.yaml": mesh_yaml("- NoCycle")}
    for each in (one, two, three, outside, straight, product(more=SLA)):
        files |= each
    write_mesh(tmp_path, files)
    mesh = load_mesh(tmp_path)
    assert set(mesh.broken) == {"care/one", "care/two", "care/three"}
    assert messages(verdict_of(mesh, "care/straight")) == []
    found = verdict_of(mesh, "care/outside")
    assert messages(found) == ["what it reads goes around in a circle"]
    assert found.findings[0]["path"] == [
        "mesh://care/outside",
        "mesh://care/one",
        "mesh://care/two",
        "mesh://care/three",
        "mesh://care/one",
    ]


TERMS = "{policy: TermsOfUse, with: {purposes: [analytics, operations], licences: [CC0-1.0]}}"


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        ("licence: CC0-1.0\npurposes: [analytics]\n", []),
        ("licence: MIT\npurposes: [analytics]\n", ["the licence 'MIT' is not allowed"]),
        ("purposes: [analytics]\n", ["no licence is stated"]),
        ("licence: CC0-1.0\n", ["no permitted purpose is stated"]),
        (
            "licence: CC0-1.0\npurposes: [analytics, fun]\n",
            ["the purpose 'fun' is not one that the mesh knows"],
        ),
        ("", ["no licence is stated", "no permitted purpose is stated"]),
    ],
)
def test_terms_of_use(tmp_path: Path, terms: str, found: list[str]) -> None:
    files = product(terms + "inputs: {raw: 'files://raw'}\n", more=SLA)
    assert messages(judge(tmp_path, TERMS, files)) == found


REGIONS = """
name: test
profiles:
  local:
    storage: {driver: delta, path: .mesh/storage%s}
    services:
      files: {driver: files, path: data}
policies:
  - {policy: DataResidency, with: {regions: {internal: [eu, ch], personal: [eu]}}}
"""


@pytest.mark.parametrize(
    ("region", "classification", "finding"),
    [
        (", region: eu", "personal", None),
        (", region: ch", "internal", None),
        (", region: ch", "personal", "the column 'amount' is personal and lies in ch"),
        ("", "personal", "lies where no region is named"),
        (", region: us", "public", None),
    ],
)
def test_data_residency(
    tmp_path: Path, region: str, classification: str, finding: str | None
) -> None:
    properties = FULL.replace("  classification: internal\n", "  classification: public\n")
    properties = properties.replace("classification: internal", f"classification: {classification}")
    files = product(properties=properties, more=SLA)
    found = messages(judge(tmp_path, "", files, yaml=REGIONS % region))
    assert found == [] if finding is None else finding in found[0]


@pytest.mark.parametrize(
    ("column", "entry", "found"),
    [
        ("amount", "NamesByConvention", []),
        ("amount_2_eur", "NamesByConvention", []),
        ("Amount", "NamesByConvention", ["the column 'Amount' is not named as columns are"]),
        ("amount__x", "NamesByConvention", ["the column 'amount__x' is not named as columns are"]),
        (
            "amount",
            "{policy: NamesByConvention, with: {keys: '.*_key'}}",
            ["the column 'order_id' is not named as primary keys are"],
        ),
    ],
)
def test_names_by_convention(tmp_path: Path, column: str, entry: str, found: list[str]) -> None:
    files = product(properties=FULL.replace("name: amount", f"name: {column}"), more=SLA)
    assert messages(judge(tmp_path, entry, files)) == found


def test_names_by_convention_asks_for_a_key(tmp_path: Path) -> None:
    files = product(properties=FULL.replace("  primaryKey: true\n", ""), more=SLA)
    assert messages(judge(tmp_path, "NamesByConvention", files)) == [
        "the port 'orders' has no primary key"
    ]
    entry = "{policy: NamesByConvention, with: {key_required: false}}"
    assert messages(judge(tmp_path, entry, files)) == []


def test_a_wrong_pattern_is_a_fault(tmp_path: Path) -> None:
    files = {"mesh.yaml": mesh_yaml("- {policy: NamesByConvention, with: {keys: '['}}")}
    write_mesh(tmp_path, files | product(more=SLA))
    assert "a regular expression" in str(load_mesh(tmp_path).faults[0])


def test_check_fails_for_what_stops_and_shows_what_warns(tmp_path: Path) -> None:
    entries = "- TermsOfUse\n- {policy: TimesPromised, consequence: warn}"
    files = {"mesh.yaml": mesh_yaml(entries)}
    write_mesh(tmp_path, files | product("inputs: {raw: 'files://raw'}\n"))
    (tmp_path / "data").mkdir()
    found = check_mesh(tmp_path)
    own = found.groups["mesh://sales/orders"]
    assert [f.key for f in own] == ["policy TermsOfUse", "policy TermsOfUse"]
    assert own[0].file == "domains/sales/orders/defs.yaml"
    assert own[0].fix
    assert {f.key for f in found.warnings["mesh://sales/orders"]} == {"policy TimesPromised"}
